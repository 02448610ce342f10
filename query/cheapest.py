"""A month's cheapest prices, of a hotel or of a city: for each day, what the cheapest stay that arrives on it costs."""

import asyncio
import calendar
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain.offers import Party
from domain.rejections import UnknownHotel
from query.hotels import utc_now
from query.search import Offer, Search, best_offer, shown_money
from query.side import QuerySide
from query.stays import Stays
from query.stock import HotelStock, opened, stock_of_city, stock_of_hotel


def stays_of_month(month: date, length: int) -> Stays:
    """The stays that arrive in a month, whatever day of it is given."""
    first = month.replace(day=1)
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    return Stays(first, last, length, first)


async def cheapest_in_hotel(side: QuerySide, hotel_id: UUID, stays: Stays, parties: tuple[Party, ...]) -> bytes:
    """A hotel's month as JSON (`answers.CheapestPrices`). One statement. Raises UnknownHotel."""
    hotel = await stock_of_hotel(side, hotel_id, stays.first, stays.end)
    if hotel is None:
        raise UnknownHotel(hotel_id=hotel_id)
    return await _month([hotel], stays, parties)


async def cheapest_in_city(side: QuerySide, city: str, stays: Stays, parties: tuple[Party, ...]) -> bytes:
    """A city's month as JSON (`answers.CheapestPrices`). One statement."""
    records = await stock_of_city(side, city, stays.first, stays.end, most=None)
    return await _month([opened(record, stays.first, stays.end) for record in records], stays, parties)


async def _month(hotels: Sequence[HotelStock], stays: Stays, parties: tuple[Party, ...]) -> bytes:
    now = utc_now()
    days = []
    for number in range((stays.last - stays.first).days + 1):
        days.append(_day(hotels, stays, number, parties, now))
        await asyncio.sleep(0)  # others want to be answered meanwhile
    return orjson.dumps(
        {
            "month": f"{stays.first:%Y-%m}",
            "nights": stays.length,
            "days": days,
        }
    )


def _day(
    hotels: Sequence[HotelStock], stays: Stays, number: int, parties: tuple[Party, ...], now: datetime
) -> dict[str, Any]:
    arrival = stays.arrival(number)
    wanted = Search(stays=stays, parties=parties, city=None, hotel_id=None, max_price=None, order="price")
    offers = (best_offer(hotel, wanted, now, only=number) for hotel in hotels)
    return {
        "arrival": arrival,
        "departure": arrival + timedelta(days=stays.length),
        "cheapest": [_cheapest(offer) for offer in _one_a_currency(offer for offer in offers if offer is not None)],
    }


def _one_a_currency(offers: Iterable[Offer]) -> list[Offer]:
    found: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda offer: offer.place):
        found.setdefault(offer.hotel.currency, offer)
    return list(found.values())


def _cheapest(offer: Offer) -> dict[str, Any]:
    return {
        "hotel_id": str(offer.hotel.hotel_id),
        "name": offer.hotel.name,
        "room_types": [room.kind.code for room in offer.rooms],
        "total": shown_money(offer.total, offer.hotel.currency),
    }
