"""Following the ledger for mails, hotel by hotel: each event asks for its mails once, whatever dies when.

A hotel's checkpoint of mail moves in the transaction that writes the mails. It never passes the read tables, from which
a mail takes names and addresses, and it is a checkpoint of its own: rebuilding read tables sends nothing.
"""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from domain.bookings import Booking, BookingEvent, evolve
from eventstore.reading import Connection, RecordedEvent, read_streams
from projections.drain import described
from projections.mail.occasions import STALE_AFTER, TELLING, Planned, plan
from projections.mail.sql import statement

log = logging.getLogger(__name__)

BATCH_SIZE = 500

_TYPES = [event.__name__ for event in TELLING]


async def follow(pool: "asyncpg.Pool[Any]", *, batch_size: int = BATCH_SIZE) -> bool:
    """Write the mails that are news anywhere. False where a hotel has more than one batch of them, True otherwise.

    One hotel's trouble doesn't stop the others.
    """
    finished = True
    async with pool.acquire() as connection:
        for row in await connection.fetch(statement("hotels_with_news")):
            try:
                finished = await follow_hotel(connection, row["hotel_id"], batch_size) and finished
            except Exception as error:
                if connection.is_closed():
                    raise
                log.error("mails of hotel %s can't be written now: %s", row["hotel_id"], described(error))
    return finished


async def follow_hotel(connection: Connection, hotel_id: UUID, batch_size: int) -> bool:
    """Write the mails of a hotel's next events, in one transaction. False if there are more events than a batch."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(statement("insert_checkpoint"), hotel_id)
        place = await connection.fetchrow(statement("lock_checkpoint"), hotel_id)
        if place is None or place["until"] <= place["seq"]:
            return True
        news = await connection.fetch(
            statement("news"), hotel_id, place["seq"], place["until"], _TYPES, STALE_AFTER, batch_size
        )
        await _write(connection, hotel_id, news, place["timezone"])
        is_last = len(news) < batch_size
        reached = place["until"] if is_last else news[-1]["seq"]
        moved = await connection.execute(statement("move_checkpoint"), hotel_id, place["seq"], reached)
        if moved != "UPDATE 1":
            raise AssertionError("the checkpoint moved under its lock")
    return is_last


async def _write(connection: Connection, hotel_id: UUID, news: Sequence[asyncpg.Record], timezone: str) -> None:
    wanted = {(row["stream_id"], row["version"]) for row in news}
    streams = [(hotel_id, booking_id) for booking_id in {row["stream_id"] for row in news}]
    found: list[tuple[RecordedEvent, Planned]] = []
    booking: Booking | None = None
    for fact in await read_streams(connection, streams) if streams else ():
        event = fact.event()
        if not isinstance(event, BookingEvent):
            raise TypeError(f"{fact.type} in the stream of a booking")
        booking = evolve(booking if fact.version > 1 else None, event)
        if (fact.stream_id, fact.version) in wanted:
            found += [
                (fact, planned)
                for planned in plan(
                    hotel_id, fact.stream_id, fact.seq, event, booking, at=fact.recorded_at, timezone=timezone
                )
            ]
    await _put(connection, hotel_id, found)


async def _put(connection: Connection, hotel_id: UUID, found: Sequence[tuple[RecordedEvent, Planned]]) -> None:
    """Write what is planned. Of several reminders of one booking, the plan of the last event counts."""
    latest = {planned.message_id: (fact, planned) for fact, planned in sorted(found, key=lambda one: one[0].seq)}
    due = [(fact, planned) for fact, planned in latest.values() if planned.due_at is not None]
    if due:
        await connection.execute(
            statement("write_messages"),
            hotel_id,
            [planned.message_id for _, planned in due],
            [fact.stream_id for fact, _ in due],
            [fact.seq for fact, _ in due],
            [fact.version for fact, _ in due],
            [planned.kind.value for _, planned in due],
            [planned.due_at for _, planned in due],
        )
    if len(due) < len(latest):
        withdrawn = [planned.message_id for _, planned in latest.values() if planned.due_at is None]
        await connection.execute(statement("withdraw_messages"), withdrawn)
