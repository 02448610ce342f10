"""Where is there room? Hotels with the room types that a party can book for a whole stay, and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, exists, func, not_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from domain.booking_commands import MAX_STAY_NIGHTS
from domain.calendar import nights
from domain.rejections import ArrivalInPast, BeyondHorizon, StayNegative, StayTooLong
from query import answers
from query.answers import money
from query.errors import BadParameter
from query.fields import encode_cursor
from query.hotels import after_hotel, business_date_of, due_holds, hotel_by_id, joins_due, utc_now
from readmodels.tables import Hotel, Night, RoomType

# A business date is at most this much behind UTC: half a day by time zone and a day by the hour that it rolls at.
_FURTHEST_BEHIND = timedelta(hours=36)
_KIND = "availability"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. `adults` and `children` stay in each of the `rooms`."""

    arrival: date
    departure: date
    adults: int
    children: int
    rooms: int
    city: str | None
    hotel_id: UUID | None

    @property
    def length(self) -> int:
        """How many nights."""
        return (self.departure - self.arrival).days


async def availability(session: AsyncSession, search: Search, *, limit: int, after: str | None) -> answers.Availability:
    """A page of hotels with room for the party, by name. One statement, two where one hotel is asked for.

    Raises StayNegative, StayTooLong, ArrivalInPast, BeyondHorizon, UnknownHotel, BadParameter.
    """
    now = utc_now()
    _check_stay(search)
    earliest = (now - _FURTHEST_BEHIND).date()
    if search.hotel_id is not None:
        hotel = await hotel_by_id(session, search.hotel_id)
        earliest = business_date_of(hotel, now)
        if search.departure > hotel.bookable_until:
            raise BeyondHorizon(departure=search.departure, bookable_until=hotel.bookable_until)
    if search.arrival < earliest:
        raise ArrivalInPast(arrival=search.arrival, business_date=earliest)
    rows = (await session.execute(_page(search, limit, after))).all()
    shown: dict[UUID, answers.HotelOffers] = {}
    last: Hotel | None = None
    for row in rows:
        if row.place > limit:
            break
        last = row.Hotel
        if business_date_of(row.Hotel, now) > search.arrival:  # past there already, though not everywhere
            continue
        if row.Hotel.hotel_id not in shown:
            shown[row.Hotel.hotel_id] = _shown_hotel(row.Hotel)
        shown[row.Hotel.hotel_id].offers.append(_offer(row, search))
    more = bool(rows) and rows[-1].place > limit and last is not None
    return answers.Availability(
        items=list(shown.values()),
        next=encode_cursor(_KIND, last.name, last.hotel_id) if more and last is not None else None,
    )


def _check_stay(search: Search) -> None:
    if search.length < 0:
        raise StayNegative(arrival=search.arrival, departure=search.departure)
    if search.length == 0:
        raise BadParameter("departure", "a stay to look for has at least one night")
    if search.length > MAX_STAY_NIGHTS:
        raise StayTooLong(nights=search.length, maximum=MAX_STAY_NIGHTS)


def _page(search: Search, limit: int, after: str | None) -> Select[Any]:
    """Hotels with what fits there, cheapest first. `place` counts hotels: the page ends between two of them."""
    fits = _fits(search)
    place = func.dense_rank().over(order_by=(Hotel.name, Hotel.hotel_id)).label("place")
    ranked = select(fits, place).join(Hotel, Hotel.hotel_id == fits.c.hotel_id)
    later = after_hotel(after, _KIND)
    if later is not None:
        ranked = ranked.where(later)
    best = ranked.subquery("best")
    return (
        select(Hotel, RoomType, best.c.free, best.c.prices, best.c.place)
        .join(best, best.c.hotel_id == Hotel.hotel_id)
        .join(RoomType, and_(RoomType.hotel_id == best.c.hotel_id, RoomType.code == best.c.room_type))
        .where(best.c.place <= limit + 1)
        .order_by(best.c.place, best.c.total, RoomType.code)
    )


def _fits(search: Search) -> Subquery:
    due = due_holds(search.arrival, search.departure, search.hotel_id)
    free = func.min(Night.free + func.coalesce(due.c.rooms, 0))
    on_arrival = Night.night == search.arrival
    statement = (
        select(
            Night.hotel_id,
            Night.room_type,
            free.label("free"),
            func.sum(Night.price).label("total"),
            func.array_agg(aggregate_order_by(Night.price, Night.night)).label("prices"),
        )
        .join(Hotel, Hotel.hotel_id == Night.hotel_id)
        .join(RoomType, and_(RoomType.hotel_id == Night.hotel_id, RoomType.code == Night.room_type))
        .outerjoin(due, joins_due(due))
        .where(
            Night.night >= search.arrival,
            Night.night < search.departure,
            RoomType.max_adults >= search.adults,
            RoomType.max_children >= search.children,
            *_where(search),
        )
        .group_by(Night.hotel_id, Night.room_type)
        .having(
            and_(
                func.count() == search.length,
                free >= search.rooms,
                not_(func.bool_or(Night.stop_sell)),
                not_(func.bool_or(and_(on_arrival, Night.closed_to_arrival))),
                func.max(Night.minimum_stay).filter(on_arrival) <= search.length,
                not_(_closed_to_departure(search)),
            )
        )
    )
    return statement.subquery("fits")


def _where(search: Search) -> Sequence[ColumnElement[bool]]:
    conditions = []
    if search.city is not None:
        conditions.append(func.lower(Hotel.city) == search.city.lower())
    if search.hotel_id is not None:
        conditions.append(Hotel.hotel_id == search.hotel_id)
    return conditions


def _closed_to_departure(search: Search) -> ColumnElement[bool]:
    """Whether guests may not leave on the day of departure; its night isn't part of the stay."""
    departure = Night.__table__.alias("departure")
    return exists().where(
        departure.c.hotel_id == Night.hotel_id,
        departure.c.room_type == Night.room_type,
        departure.c.night == search.departure,
        departure.c.closed_to_departure,
    )


def _shown_hotel(hotel: Hotel) -> answers.HotelOffers:
    return answers.HotelOffers(
        hotel_id=hotel.hotel_id, name=hotel.name, city=hotel.city, country=hotel.country, offers=[]
    )


def _offer(row: Row[Any], search: Search) -> answers.Offer:
    currency, room_type = row.Hotel.currency, row.RoomType
    return answers.Offer(
        room_type=room_type.code,
        name=room_type.name,
        max_adults=room_type.max_adults,
        max_children=room_type.max_children,
        free=row.free,
        nights=[
            answers.NightlyPrice(date=night, price=money(price, currency))
            for night, price in zip(nights(search.arrival, search.departure), row.prices, strict=True)
        ],
        total=money(sum(row.prices) * search.rooms, currency),
    )
