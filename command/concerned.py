"""Which bookings stand in the way of taking rooms away: looked up after a refusal, outside the hotel's lock."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import batched
from uuid import UUID

from starlette.requests import Request

from command.side import side_of
from domain.calendar import ONE_DAY
from domain.rejections import BelowSold, ShortNight
from domain.stock import NightKey
from eventstore.reading import Pool, folded_bookings, last_seq
from eventstore.sql import statement

MOST_LISTED = 200
_WINDOW = 20_000
_PAGE = 100


@asynccontextmanager
async def naming_bookings(request: Request, hotel_id: UUID) -> AsyncIterator[None]:
    """Around a command that may find more sold than would be left: its refusal then names the bookings concerned."""
    try:
        yield
    except BelowSold as refusal:
        refusal.bookings = await bookings_concerned(side_of(request).pool, hotel_id, refusal.nights)
        raise


async def bookings_concerned(pool: Pool, hotel_id: UUID, nights: Iterable[ShortNight]) -> tuple[UUID, ...]:
    """The bookings that have a room of one of these nights, at most `MOST_LISTED`, those of late before those of old.

    The ledger is read backwards by windows of events, each in short statements of its own. A booking that moves
    meanwhile is seen as it was or as it is.
    """
    short: set[NightKey] = {(night.room_type, night.date) for night in nights}
    if not short:
        return ()
    first, last = min(night for _, night in short), max(night for _, night in short)
    found: dict[UUID, bool] = {}
    async with pool.acquire() as connection:
        until = await last_seq(connection, hotel_id)
    while until > 0:
        after = max(until - _WINDOW, 0)
        async with pool.acquire() as connection:
            rows = await connection.fetch(statement("bookings_made"), hotel_id, first, last + ONE_DAY, after, until)
        for page in batched((row["stream_id"] for row in rows if row["stream_id"] not in found), _PAGE):
            async with pool.acquire() as connection:
                bookings = await folded_bookings(connection, hotel_id, page)
            found.update((booking_id, not short.isdisjoint(b.claims())) for booking_id, (_, b) in bookings.items())
            concerned = [booking_id for booking_id, has_one in found.items() if has_one]
            if len(concerned) >= MOST_LISTED:
                return tuple(concerned[:MOST_LISTED])
        until = after
    return tuple(booking_id for booking_id, has_one in found.items() if has_one)
