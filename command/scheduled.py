"""What happens without a client: holds expire, horizons move on, old answers are forgotten. All can run any time."""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from command.side import CommandSide
from domain.booking_commands import EraseGuests, ExpireBooking
from domain.hotels import ExtendHorizon, HotelCommand
from domain.rejections import Rejected
from eventstore.decisions import SYSTEM_METADATA
from eventstore.reading import RESERVED_HOTEL
from eventstore.sql import statement
from eventstore.submission import Answer, Outcome, Submission

log = logging.getLogger(__name__)

ANSWERS_ARE_KEPT = timedelta(days=30)
_PAGE = 200
_DELETED_AT_ONCE = 2000


async def expire_due_holds(side: CommandSide) -> int:
    """Expire every hold past its deadline; how many bookings were looked at.

    A sale that needs the night doesn't wait for this: the appender expires due holds on its own.
    """
    expired = 0
    while True:
        async with side.pool.acquire() as connection:
            due = await connection.fetch(statement("due_bookings"), _PAGE)
        done = await asyncio.gather(*(_expire(side, row["hotel_id"], row["booking_id"]) for row in due))
        expired += sum(done)
        if len(due) < _PAGE or not any(done):
            return expired


async def _expire(side: CommandSide, hotel_id: UUID, booking_id: UUID) -> bool:
    try:
        await side.appender.submit(
            Submission(
                hotel_id=hotel_id,
                stream_id=booking_id,
                command=ExpireBooking(),
                metadata=SYSTEM_METADATA,
                render=_no_answer,
            )
        )
    except Rejected as refusal:
        log.warning("a due hold could not be expired: %s", type(refusal).__name__)
        return False
    return True


async def erase_guests(side: CommandSide, hotel_id: UUID, booking_id: UUID) -> None:
    """Destroy the keys of a booking's guests, on behalf of the system. Raises GuestsExpected, UnknownBooking."""
    await side.appender.submit(
        Submission(
            hotel_id=hotel_id,
            stream_id=booking_id,
            command=EraseGuests(),
            metadata=SYSTEM_METADATA,
            render=_no_answer,
        )
    )


async def extend_horizons(side: CommandSide) -> int:
    """Keep every hotel bookable for its whole horizon; how many hotels were looked at."""
    return await _for_each_hotel(side, ExtendHorizon())


async def _for_each_hotel(side: CommandSide, command: HotelCommand) -> int:
    last, count = RESERVED_HOTEL, 0
    while True:
        async with side.pool.acquire() as connection:
            page = [row["hotel_id"] for row in await connection.fetch(statement("all_hotels"), last, _PAGE)]
        if not page:
            return count
        for hotel_id in page:
            await side.appender.submit(
                Submission(
                    hotel_id=hotel_id,
                    stream_id=hotel_id,
                    command=command,
                    metadata=SYSTEM_METADATA,
                    render=_no_answer,
                )
            )
        last, count = page[-1], count + len(page)


async def forget_answers(side: CommandSide) -> int:
    """Delete the answers kept for repeated requests once they are 30 days old; how many."""
    forgotten = 0
    while True:
        async with side.pool.acquire() as connection:
            tag = await connection.execute(statement("forget_answers"), ANSWERS_ARE_KEPT, _DELETED_AT_ONCE)
        deleted = int(tag.split()[-1])
        forgotten += deleted
        if deleted < _DELETED_AT_ONCE:
            return forgotten


def _no_answer(outcome: Outcome) -> Answer:
    del outcome
    return Answer(200, b"{}")
