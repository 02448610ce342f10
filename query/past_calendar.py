"""A hotel's calendar as it was: the last change of each night's stock, and the sum of what was claimed of it."""

from datetime import date
from uuid import UUID

from sqlalchemy import Select, Subquery, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from query import answers
from query.as_of import Moment
from query.hotels import (
    LONGEST_CALENDAR_DAYS,
    Stocked,
    business_date_of,
    date_range,
    hotel_by_id,
    shown_calendar,
)
from readmodels.tables import ClaimChange, RoomType, StockChange


async def calendar_as_of(
    session: AsyncSession, hotel_id: UUID, first: date | None, until: date | None, moment: Moment
) -> answers.Calendar:
    """A hotel's nights in [first, until) as they were: two weeks from its business date of then on, unless said.

    Three statements. Raises UnknownHotel, StayNegative, StayTooLong.
    """
    hotel = await hotel_by_id(session, hotel_id)
    first, until = date_range(first, until, business_date_of(hotel, moment.instant), LONGEST_CALENDAR_DAYS)
    types = (
        select(RoomType).where(RoomType.hotel_id == hotel_id, RoomType.added_seq <= moment.seq).order_by(RoomType.code)
    )
    room_types = list(await session.scalars(types))
    nights = [
        Stocked(row.StockChange, row.free) for row in await session.execute(_nights(hotel_id, first, until, moment))
    ]
    return shown_calendar(hotel, first, until, room_types, nights)


def _nights(hotel_id: UUID, first: date, until: date, moment: Moment) -> Select[StockChange, int]:
    """The nights' stock after its last change by then, with how many rooms were free."""
    claimed = _claimed(hotel_id, first, until, moment)
    taken = func.coalesce(claimed.c.taken, 0)
    return (
        select(StockChange, (StockChange.in_service + StockChange.allowance - taken).label("free"))
        .ext(distinct_on(StockChange.night, StockChange.room_type))
        .outerjoin(claimed, and_(claimed.c.night == StockChange.night, claimed.c.room_type == StockChange.room_type))
        .where(
            StockChange.hotel_id == hotel_id,
            StockChange.night >= first,
            StockChange.night < until,
            StockChange.seq <= moment.seq,
        )
        .order_by(StockChange.night, StockChange.room_type, StockChange.seq.desc())
    )


def _claimed(hotel_id: UUID, first: date, until: date, moment: Moment) -> Subquery:
    """How many rooms of each night were sold, or held with a deadline that hadn't come."""
    held = func.sum(ClaimChange.held).filter(ClaimChange.hold_until > moment.instant)
    return (
        select(
            ClaimChange.night,
            ClaimChange.room_type,
            (func.sum(ClaimChange.sold) + func.coalesce(held, 0)).label("taken"),
        )
        .where(
            ClaimChange.hotel_id == hotel_id,
            ClaimChange.night >= first,
            ClaimChange.night < until,
            ClaimChange.seq <= moment.seq,
        )
        .group_by(ClaimChange.night, ClaimChange.room_type)
        .subquery("claimed")
    )
