"""Reading the ledger: by position, by stream, by pages; each in short statements that hold no old snapshot."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from domain.bookings import Booking, BookingEvent, evolve
from domain.events import Event
from domain.rejections import KeyReused, UnknownBooking
from eventstore import codec
from eventstore.guest_keys import GuestKey, MasterKey
from eventstore.sql import statement
from eventstore.submission import Answer, IdempotencyKey

# Lazily evaluated aliases: asyncpg's classes are generic in their type stubs only.
type Pool = asyncpg.Pool[Any]
type Connection = asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]

RESERVED_HOTEL = UUID(int=0)
"""Stands for the hotel in commands that have none yet; it has a head to lock and no events."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a hotel's ledger goes: the seq of an event, 0 before the first."""

    hotel_id: UUID
    seq: int

    def __str__(self) -> str:
        return f"{self.hotel_id}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read `{hotel_id}:{seq}`. Raises ValueError for anything else."""
        hotel_id, separator, seq = text.strip().partition(":")
        if not separator or not seq.isascii() or not seq.isdigit() or len(seq) > 18:
            raise ValueError(f"not a position: {text[:80]!r}")
        return cls(UUID(hotel_id), int(seq))


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as the ledger holds it. `data` and `metadata` are the exact texts that were hashed."""

    hotel_id: UUID
    seq: int
    stream_id: UUID
    version: int
    schema_version: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    hash: bytes
    data: str
    metadata: str

    def event(self) -> Event:
        """The domain's event. Raises codec.UnknownEvent for what only a newer build can read."""
        return codec.decode(self.type, self.schema_version, self.data)


def recorded(row: asyncpg.Record) -> RecordedEvent:
    """A row of ledger.event, all columns in the order of RecordedEvent's fields."""
    return RecordedEvent(*row)


async def read_after(connection: Connection, hotel_id: UUID, seq: int, limit: int) -> list[RecordedEvent]:
    """Up to `limit` events of a hotel after `seq`, in order, without a gap."""
    return [recorded(row) for row in await connection.fetch(statement("read_after"), hotel_id, seq, limit)]


async def read_streams(connection: Connection, streams: Sequence[tuple[UUID, UUID]]) -> list[RecordedEvent]:
    """All events of streams given as (hotel, stream), ordered by hotel, stream and version."""
    hotels, ids = [hotel for hotel, _ in streams], [stream for _, stream in streams]
    return [recorded(row) for row in await connection.fetch(statement("read_streams"), hotels, ids)]


async def pages(
    pool: Pool, hotel_id: UUID, *, after: int = 0, until: int | None = None, size: int = 2000
) -> AsyncIterator[list[RecordedEvent]]:
    """A hotel's events in pages, each read in a short transaction of its own, up to and with seq `until`."""
    seq = after
    while until is None or seq < until:
        limit = size if until is None else min(size, until - seq)
        async with pool.acquire() as connection:
            page = await read_after(connection, hotel_id, seq, limit)
        if not page:
            return
        yield page
        seq = page[-1].seq


async def booking_guest_key(
    connection: Connection, master_key: MasterKey, hotel_id: UUID, booking_id: UUID
) -> GuestKey | None:
    """The key of a booking's guest, None where it was erased. Raises UnknownBooking."""
    row = await connection.fetchrow(statement("booking_guest_key"), hotel_id, booking_id)
    if row is None:
        raise UnknownBooking(booking_id=booking_id)
    guest_id, wrapped = row
    return None if wrapped is None else master_key.unwrap(hotel_id, guest_id, wrapped)


async def guest_keys(
    connection: Connection, master_key: MasterKey, hotel_id: UUID, guest_ids: Collection[UUID]
) -> dict[UUID, GuestKey]:
    """The keys of guests, by their ids. Whoever was erased is absent."""
    rows = await connection.fetch(statement("guest_keys"), hotel_id, list(guest_ids))
    return {guest_id: master_key.unwrap(hotel_id, guest_id, wrapped) for guest_id, wrapped in rows}


async def folded_bookings(
    connection: Connection, hotel_id: UUID, booking_ids: Collection[UUID]
) -> dict[UUID, tuple[int, Booking]]:
    """Bookings as they are now, each with its version. Ids that aren't a booking's of this hotel are absent."""
    folded: dict[UUID, tuple[int, Booking]] = {}
    for fact in await read_streams(connection, [(hotel_id, booking_id) for booking_id in booking_ids]):
        event = fact.event()
        if isinstance(event, BookingEvent):
            before = folded[fact.stream_id][1] if fact.version > 1 else None
            folded[fact.stream_id] = (fact.version, evolve(before, event))
    return folded


async def given_answer(connection: Connection, hotel_id: UUID, key: IdempotencyKey) -> Answer | None:
    """What the request with this key was answered with, if it was. Raises KeyReused where it was another request."""
    row = await connection.fetchrow(statement("read_answers"), [hotel_id], [key.principal], [key.key])
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise KeyReused
    return Answer(row["status"], row["answer"])


async def last_seq(connection: Connection, hotel_id: UUID) -> int:
    """How far a hotel's ledger goes, 0 for one that isn't there."""
    seq: int | None = await connection.fetchval(statement("last_seq"), hotel_id)
    return seq or 0
