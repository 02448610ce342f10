"""What somebody with all rights may do to a ledger by hand: each a single change, drawn by chance."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from string import printable
from typing import Any, cast
from uuid import UUID

import orjson

from eventstore.audit.live_check import hash_after
from eventstore.chain import GENESIS
from eventstore.reading import Connection, Pool, RecordedEvent, recorded
from staysync.settings import Settings
from tests.eventstore.house import superuser

_FAR = 1_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it was made: of which hotel, at which event, and what."""

    hotel_id: UUID
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The ledger as it was, and the connection on which it is changed."""

    pool: Pool
    ledger: Sequence[RecordedEvent]
    chance: Random

    def event(self) -> RecordedEvent:
        """Any event."""
        return self.chance.choice(self.ledger)

    def of(self, hotel_id: UUID) -> list[RecordedEvent]:
        """The events of a hotel, in order."""
        return [event for event in self.ledger if event.hotel_id == hotel_id]

    async def set(self, event: RecordedEvent, column: str, value: Any, cast: str = "") -> Change:
        """Write another value over one."""
        tag = await self.pool.execute(
            f"update ledger.event set {column} = $3{cast} where hotel_id = $1 and seq = $2",  # noqa: S608 - own names
            event.hotel_id,
            event.seq,
            value,
        )
        assert tag == "UPDATE 1"
        return Change(event.hotel_id, event.seq, column)


type Tampering = Callable[[Scene], Awaitable[Change]]


class OneConnection:
    """A superuser's connection in place of a pool, so that all see what its open transaction has changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@asynccontextmanager
async def superusers_pool(settings: Settings) -> AsyncIterator[Pool]:
    """A ledger without walls: its triggers are off, and so is the constraint that versions are unique."""
    async with superuser(settings) as connection:
        await connection.execute("alter table ledger.event disable trigger all")
        await connection.execute("alter table ledger.event drop constraint event_hotel_id_stream_id_version_key")
        yield cast(Pool, OneConnection(connection))


def seeded(seed: int) -> Random:
    """Chance that can be had again."""
    return Random(seed)  # noqa: S311 - nothing here is secret


async def read_all(pool: Pool) -> list[RecordedEvent]:
    """All events of all hotels."""
    rows = await pool.fetch(
        "select hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at, hash, data, metadata"
        " from ledger.event order by hotel_id, seq"
    )
    return [recorded(row) for row in rows]


def _another_byte(text: str, chance: Random) -> str:
    """A text that differs in one character and is still JSON, as the column wants it."""
    while True:
        place = chance.randrange(len(text))
        changed = text[:place] + chance.choice(printable) + text[place + 1 :]
        try:
            orjson.loads(changed)
        except orjson.JSONDecodeError:
            continue
        if changed != text:
            return changed


async def byte_of_data(scene: Scene) -> Change:
    event = scene.event()
    return await scene.set(event, "data", _another_byte(event.data, scene.chance), "::text::json")


async def byte_of_metadata(scene: Scene) -> Change:
    event = scene.event()
    return await scene.set(event, "metadata", _another_byte(event.metadata, scene.chance), "::text::json")


async def bit_of_hash(scene: Scene) -> Change:
    event, place = scene.event(), scene.chance.randrange(256)
    changed = bytearray(event.hash)
    changed[place // 8] ^= 1 << place % 8
    return await scene.set(event, "hash", bytes(changed))


async def time_of_event(scene: Scene) -> Change:
    event = scene.event()
    column = scene.chance.choice(("occurred_at", "recorded_at"))
    moved = timedelta(microseconds=scene.chance.choice((-1, 1)) * scene.chance.randrange(1, 10**12))
    return await scene.set(event, column, getattr(event, column) + moved)


async def kind_of_event(scene: Scene) -> Change:
    event = scene.event()
    column, value = scene.chance.choice(
        (("type", "BookingUnmade"), ("version", event.version + 1), ("schema_version", event.schema_version + 1))
    )
    return await scene.set(event, column, value)


async def stream_of_event(scene: Scene) -> Change:
    return await scene.set(scene.event(), "stream_id", UUID(int=scene.chance.getrandbits(128)))


async def deleted_row(scene: Scene) -> Change:
    event = scene.event()
    await scene.pool.execute("delete from ledger.event where hotel_id = $1 and seq = $2", event.hotel_id, event.seq)
    return Change(event.hotel_id, event.seq, "deleted")


async def renumbered_row(scene: Scene) -> Change:
    event = scene.event()
    return await scene.set(event, "seq", len(scene.ledger) + scene.chance.randrange(1, _FAR))


async def moved_row(scene: Scene) -> Change:
    event = scene.event()
    other = next(each.hotel_id for each in scene.ledger if each.hotel_id != event.hotel_id)
    await scene.set(event, "seq", len(scene.ledger) + 1)
    await scene.pool.execute(
        "update ledger.event set hotel_id = $2 where hotel_id = $1 and seq = $3",
        event.hotel_id,
        other,
        len(scene.ledger) + 1,
    )
    return Change(event.hotel_id, event.seq, "moved to another hotel")


async def swapped_pair(scene: Scene) -> Change:
    one = scene.event()
    other = scene.chance.choice([event for event in scene.of(one.hotel_id) if event.seq != one.seq])
    for old, new in ((one.seq, _FAR), (other.seq, one.seq), (_FAR, other.seq)):
        await scene.pool.execute(
            "update ledger.event set seq = $3 where hotel_id = $1 and seq = $2", one.hotel_id, old, new
        )
    return Change(one.hotel_id, min(one.seq, other.seq), "swapped")


async def swapped_contents(scene: Scene) -> Change:
    one = scene.event()
    other = scene.chance.choice([event for event in scene.of(one.hotel_id) if event.data != one.data])
    await scene.set(one, "data", other.data, "::text::json")
    await scene.set(other, "data", one.data, "::text::json")
    return Change(one.hotel_id, min(one.seq, other.seq), "contents swapped")


async def cut_off_tail(scene: Scene) -> Change:
    """With the head put in order after it, so that the chain alone shows nothing."""
    events = scene.of(scene.event().hotel_id)
    kept = scene.chance.randrange(1, len(events))
    last = events[kept - 1]
    await scene.pool.execute("delete from ledger.event where hotel_id = $1 and seq > $2", last.hotel_id, last.seq)
    await _set_head(scene, last.hotel_id, last.seq, last.hash)
    return Change(last.hotel_id, last.seq + 1, "cut off")


async def rewritten_chain(scene: Scene) -> Change:
    """One event is changed, and all hashes from it to the head are computed anew: a chain without any flaw."""
    changed = scene.event()
    await byte_of(scene, changed)
    previous, seq = GENESIS, 0
    for row in await read_all(scene.pool):
        if row.hotel_id == changed.hotel_id:
            previous, seq = hash_after(previous, row), row.seq
            await scene.pool.execute(
                "update ledger.event set hash = $3 where hotel_id = $1 and seq = $2", row.hotel_id, seq, previous
            )
    await _set_head(scene, changed.hotel_id, seq, previous)
    return Change(changed.hotel_id, changed.seq, "rewritten")


async def byte_of(scene: Scene, event: RecordedEvent) -> None:
    """Change a byte of the data of this event."""
    await scene.set(event, "data", _another_byte(event.data, scene.chance), "::text::json")


async def _set_head(scene: Scene, hotel_id: UUID, seq: int, event_hash: bytes) -> None:
    await scene.pool.execute(
        "update ledger.head set seq = $2, hash = $3 where hotel_id = $1", hotel_id, seq, event_hash
    )


SEEN_BY_THE_CHAIN: tuple[Tampering, ...] = (
    byte_of_data, byte_of_metadata, bit_of_hash, time_of_event, kind_of_event, stream_of_event, deleted_row,
    renumbered_row, moved_row, swapped_pair, swapped_contents,
)  # fmt: skip
SEEN_BY_SIGNED_HEADS_ALONE: tuple[Tampering, ...] = (cut_off_tail, rewritten_chain)
