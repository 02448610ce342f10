"""What hotels can sell over some dates, as searches look at it: each hotel with its room types' nights in a row."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from domain.offers import MILLE, TypeNights
from query.side import QuerySide
from query.sql import statement

if TYPE_CHECKING:
    import asyncpg

_NIL = UUID(int=0)


class HotelStock(NamedTuple):
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
    *hotel, codes, names, adults, children, room_types, nights, free, prices, rules, due_types, due_nights = (
        record.values()
    )
    if codes is None:
        return HotelStock._make((*hotel, ()))
    if room_types is None:  # every room type has every night
        step = len(codes)
        columns = [(free[i::step], prices[i::step], rules[i::step]) for i in range(step)]
    else:
        columns = _spread(codes, (last - first).days + 1, room_types, nights, zip(free, prices, rules, strict=True))
    kinds = [
        TypeNights(code, name, most_adults, most_children, *column)
        for code, name, most_adults, most_children, column in zip(codes, names, adults, children, columns, strict=True)
    ]
    if due_types is not None:
        for code, night in zip(due_types, due_nights, strict=True):
            kinds[codes.index(code)].free[night] += 1
    return HotelStock._make((*hotel, kinds))


type _Column = tuple[list[int], list[int], list[int]]


def _spread(
    codes: list[str], length: int, room_types: list[str], nights: list[int], values: Iterable[tuple[int, int, int]]
) -> list[_Column]:
    """The nights of each room type where some are missing: before it was on sale, or beyond the horizon."""
    columns: dict[str, _Column] = {code: ([-1] * length, [0] * length, [0] * length) for code in codes}
    for code, night, value in zip(room_types, nights, values, strict=True):
        for column, one in zip(columns[code], value, strict=True):
            column[night] = one
    return list(columns.values())


def amount(price: int) -> Decimal:
    """A price in thousandths as an amount."""
    return Decimal(price) / MILLE
