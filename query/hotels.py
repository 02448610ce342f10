"""Hotels, their room types, and their calendars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from domain.calendar import business_date
from domain.rejections import StayNegative, StayTooLong, UnknownHotel
from query import answers
from query.answers import money
from query.fields import cursor_text, decode_cursor, encode_cursor
from readmodels.tables import Booking, BookingNight, Hotel, Night, RoomType, StockChange

DEFAULT_DAYS = 14
LONGEST_CALENDAR_DAYS = 400


def utc_now() -> datetime:
    """The instant that business dates are told by."""
    return datetime.now(UTC)


def business_date_of(hotel: Hotel, now: datetime) -> date:
    """A hotel's business date at an instant."""
    return business_date(now, hotel.timezone, hotel.business_day_rolls_at)


async def hotel_by_id(session: AsyncSession, hotel_id: UUID) -> Hotel:
    """A hotel. Raises UnknownHotel."""
    hotel = await session.get(Hotel, hotel_id)
    if hotel is None:
        raise UnknownHotel(hotel_id=hotel_id)
    return hotel


def shown_hotel(hotel: Hotel, now: datetime) -> answers.Hotel:
    """A hotel as clients see it."""
    return answers.Hotel(
        hotel_id=hotel.hotel_id,
        name=hotel.name,
        city=hotel.city,
        country=hotel.country,
        timezone=hotel.timezone,
        currency=hotel.currency,
        business_date=business_date_of(hotel, now),
        bookable_until=hotel.bookable_until,
        version=hotel.version,
    )


def after_hotel(cursor: str | None, kind: str) -> ColumnElement[bool] | None:
    """What selects the hotels after a cursor, in the order of name and id. Raises BadParameter."""
    if cursor is None:
        return None
    name, hotel_id = decode_cursor(cursor, kind, cursor_text, UUID)
    return tuple_(Hotel.name, Hotel.hotel_id) > tuple_(name, hotel_id)


async def hotels(session: AsyncSession, *, city: str | None, limit: int, after: str | None) -> answers.Hotels:
    """A page of hotels by name. The city is compared without regard to case. One statement."""
    statement = select(Hotel).order_by(Hotel.name, Hotel.hotel_id).limit(limit + 1)
    if city is not None:
        statement = statement.where(func.lower(Hotel.city) == city.lower())
    later = after_hotel(after, "hotels")
    if later is not None:
        statement = statement.where(later)
    found = list(await session.scalars(statement))
    page, now = found[:limit], utc_now()
    more = len(found) > limit
    return answers.Hotels(
        items=[shown_hotel(hotel, now) for hotel in page],
        next=encode_cursor("hotels", page[-1].name, page[-1].hotel_id) if more else None,
    )


async def room_types(session: AsyncSession, hotel_id: UUID) -> answers.RoomTypes:
    """A hotel's room types with their rooms. Three statements. Raises UnknownHotel."""
    statement = (
        select(Hotel)
        .where(Hotel.hotel_id == hotel_id)
        .options(selectinload(Hotel.room_types).selectinload(RoomType.rooms))
    )
    hotel = await session.scalar(statement)
    if hotel is None:
        raise UnknownHotel(hotel_id=hotel_id)
    return answers.RoomTypes(
        hotel_id=hotel_id,
        items=[
            answers.RoomType(
                code=room_type.code,
                name=room_type.name,
                max_adults=room_type.max_adults,
                max_children=room_type.max_children,
                base_price=money(room_type.base_price, hotel.currency),
                rooms=[room.room for room in room_type.rooms],
                room_details=[answers.Room(room=room.room, features=list(room.features)) for room in room_type.rooms],
            )
            for room_type in hotel.room_types
        ],
    )


def due_holds(first: date, until: date, hotel_id: UUID | None) -> Subquery:
    """How many rooms of which night are held past their deadline. They count as free: a sale would take them."""
    statement = (
        select(BookingNight.hotel_id, BookingNight.room_type, BookingNight.night, func.count().label("rooms"))
        .join(
            Booking,
            and_(Booking.hotel_id == BookingNight.hotel_id, Booking.booking_id == BookingNight.booking_id),
        )
        .where(
            Booking.hold_until <= func.now(),
            BookingNight.claim == "held",
            BookingNight.night >= first,
            BookingNight.night < until,
        )
        .group_by(BookingNight.hotel_id, BookingNight.room_type, BookingNight.night)
    )
    if hotel_id is not None:
        statement = statement.where(Booking.hotel_id == hotel_id)
    return statement.subquery("due")


def joins_due(due: Subquery) -> ColumnElement[bool]:
    """What joins a night with its holds past their deadline."""
    return and_(due.c.hotel_id == Night.hotel_id, due.c.room_type == Night.room_type, due.c.night == Night.night)


def date_range(first: date | None, until: date | None, today: date, longest: int) -> tuple[date, date]:
    """The dates [first, until) that are asked for: two weeks from the business date on, unless said.

    Raises StayNegative, and StayTooLong for more than `longest` days.
    """
    first = first or today
    until = until or first + timedelta(days=DEFAULT_DAYS)
    if until < first:
        raise StayNegative(arrival=first, departure=until)
    if (until - first).days > longest:
        raise StayTooLong(nights=(until - first).days, maximum=longest)
    return first, until


@dataclass(frozen=True, slots=True)
class Stocked:
    """A night of a room type, as it is or was, with how many rooms are free: below zero where too many are claimed."""

    night: Night | StockChange
    free: int


async def calendar(session: AsyncSession, hotel_id: UUID, first: date | None, until: date | None) -> answers.Calendar:
    """A hotel's nights in [first, until): two weeks from its business date on, unless said. Three statements.

    Raises UnknownHotel, StayNegative, StayTooLong.
    """
    hotel = await hotel_by_id(session, hotel_id)
    first, until = date_range(first, until, business_date_of(hotel, utc_now()), LONGEST_CALENDAR_DAYS)
    types = select(RoomType).where(RoomType.hotel_id == hotel_id).order_by(RoomType.code)
    due = due_holds(first, until, hotel_id)
    nights = (
        select(Night, func.coalesce(due.c.rooms, 0))
        .outerjoin(due, joins_due(due))
        .where(Night.hotel_id == hotel_id, Night.night >= first, Night.night < until)
        .order_by(Night.night)
    )
    room_types = list(await session.scalars(types))
    stocked = [Stocked(night, night.free + due_rooms) for night, due_rooms in await session.execute(nights)]
    return shown_calendar(hotel, first, until, room_types, stocked)


def shown_calendar(
    hotel: Hotel, first: date, until: date, room_types: Sequence[RoomType], nights: Sequence[Stocked]
) -> answers.Calendar:
    """Room types with their nights, which come in the order of their dates."""
    shown = {
        room_type.code: answers.CalendarRoomType(code=room_type.code, name=room_type.name, nights=[])
        for room_type in room_types
    }
    for stocked in nights:
        shown[stocked.night.room_type].nights.append(_shown_night(stocked, hotel.currency))
    return answers.Calendar(hotel_id=hotel.hotel_id, first=first, until=until, room_types=list(shown.values()))


def _shown_night(stocked: Stocked, currency: str) -> answers.CalendarNight:
    night = stocked.night
    return answers.CalendarNight(
        date=night.night,
        in_service=night.in_service,
        allowance=night.allowance,
        free=max(stocked.free, 0),
        price=money(night.price, currency),
        restrictions=answers.Restrictions(
            stop_sell=night.stop_sell,
            minimum_stay=night.minimum_stay,
            closed_to_arrival=night.closed_to_arrival,
            closed_to_departure=night.closed_to_departure,
        ),
    )
