"""What hotels can sell over some dates, as searches look at it: each hotel with its room types' nights in a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.offers import MILLE, TypeNights
from query.side import QuerySide
from query.sql import statement

if TYPE_CHECKING:
    import asyncpg

_NIL = UUID(int=0)


@dataclass(frozen=True, slots=True, eq=False)
class HotelStock:
    """A hotel, and its room types over all dates that were asked for, the day after the last departure included."""

    hotel_id: UUID
    name: str
    city: str
    country: str
    currency: str
    timezone: str
    business_day_rolls_at: time
    bookable_until: date
    kinds: Sequence[TypeNights]


async def stock_of_hotel(side: QuerySide, hotel_id: UUID, first: date, last: date) -> HotelStock | None:
    """One hotel, None where there is no such. One statement."""
    found = await side.rows(_with("hotels_one"), first, last, hotel_id)
    return _stock(found[0], first, last) if found else None


async def stock_of_city(
    side: QuerySide, city: str, first: date, last: date, *, after: tuple[str, UUID] | None = None, most: int | None
) -> "list[asyncpg.Record]":
    """The hotels of a city by name, to be made a `HotelStock` of by `opened`. One statement."""
    return await side.rows(_with("hotels_of_city"), first, last, city, *(after or ("", _NIL)), most)


async def stock_anywhere(
    side: QuerySide, first: date, last: date, *, after: tuple[str, UUID] | None, most: int
) -> "list[asyncpg.Record]":
    """The hotels of all cities by name, as of `stock_of_city`. One statement."""
    return await side.rows(_with("hotels_anywhere"), first, last, *(after or ("", _NIL)), most)


def opened(record: "asyncpg.Record", first: date, last: date) -> HotelStock:
    """A hotel of a record."""
    return _stock(record, first, last)


def _with(hotels: str) -> str:
    return statement("stock").format(hotels=statement(hotels))


def _stock(record: Any, first: date, last: date) -> HotelStock:
    hotel_id, name, city, country, currency, timezone, rolls_at, bookable_until, *arrays = record.values()
    codes, names, max_adults, max_children, room_types, nights, free, prices, rules, due_types, due_nights = arrays
    length = (last - first).days + 1
    kinds = {
        code: TypeNights(code, named, adults, children, [-1] * length, [0] * length, [0] * length)
        for code, named, adults, children in zip(
            codes or (), names or (), max_adults or (), max_children or (), strict=True
        )
    }
    for code, night, rooms, price, rule in zip(
        room_types or (), nights or (), free or (), prices or (), rules or (), strict=True
    ):
        kind = kinds[code]
        kind.free[night] = rooms
        kind.prices[night] = price
        kind.rules[night] = rule
    for code, night in zip(due_types or (), due_nights or (), strict=True):
        kinds[code].free[night] += 1
    return HotelStock(hotel_id, name, city, country, currency, timezone, rolls_at, bookable_until, list(kinds.values()))


def amount(price: int) -> Decimal:
    """A price in thousandths as an amount."""
    return Decimal(price) / MILLE
