"""Where is there room? Hotels with the cheapest rooms that take a whole party for a stay, and what they cost."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson

from domain.calendar import business_date, nights
from domain.offers import MILLE, Party, Room, cheapest_rooms, sellable
from domain.rejections import UnknownHotel
from domain.values import rounded
from query.errors import BadParameter
from query.fields import cursor_number, cursor_text, decode_cursor, encode_cursor
from query.hotels import utc_now
from query.side import QuerySide
from query.stays import Stays
from query.stock import HotelStock, amount, opened, stock_anywhere, stock_of_city, stock_of_hotel

type Order = Literal["name", "price"]

# A business date is at most this much behind UTC: half a day by time zone and a day by the hour that it rolls at.
_FURTHEST_BEHIND = timedelta(hours=36)
_LOOKED_AT = 100
"""How many hotels a page by name looks at, at least; full hotels make it look at more than it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. `max_price` is for the whole stay and party, in the hotel's currency."""

    stays: Stays
    parties: tuple[Party, ...]
    city: str | None
    hotel_id: UUID | None
    max_price: Decimal | None
    order: Order

    @property
    def is_wide(self) -> bool:
        """Whether a hotel takes so long to look at that others shouldn't wait for all of them."""
        return self.stays.first < self.stays.last or len(self.parties) > 1


class Offer(NamedTuple):
    """Rooms for all parties in a hotel, for a stay that arrives `arrival` days after the first."""

    hotel: HotelStock
    arrival: int
    rooms: list[Room]
    total: int
    choice: list[Room]
    """All room types that sell the stay, the cheapest first."""

    @property
    def place(self) -> tuple[str, int, str, UUID]:
        """Where it stands in the order of prices; those in other currencies can't be compared."""
        return self.hotel.currency, self.total, self.hotel.name, self.hotel.hotel_id


async def search(side: QuerySide, wanted: Search, *, limit: int, after: str | None) -> bytes:
    """A page of hotels with room for all, as JSON (`answers.Availability`). One statement.

    By name, or the cheapest first; currencies one after the other. Raises ArrivalInPast, BeyondHorizon, UnknownHotel,
    BadParameter.
    """
    now, stays = utc_now(), wanted.stays
    if wanted.hotel_id is not None:
        found = await stock_of_hotel(side, wanted.hotel_id, stays.first, stays.end)
        if found is None:
            raise UnknownHotel(hotel_id=wanted.hotel_id)
        return _page(_of_one(found, wanted, now), wanted, None)
    stays.check_past((now - _FURTHEST_BEHIND).date())
    if wanted.order == "price":
        return await _by_price(side, wanted, now, limit, after)
    return await _by_name(side, wanted, now, limit, after)


def _of_one(hotel: HotelStock, wanted: Search, now: datetime) -> list[Offer]:
    wanted.stays.check_past(_today(hotel, now))
    wanted.stays.check_horizon(hotel.bookable_until)
    if wanted.city is not None and hotel.city.lower() != wanted.city.lower():
        return []
    offer = best_offer(hotel, wanted, now)
    return [] if offer is None else [offer]


async def _by_name(side: QuerySide, wanted: Search, now: datetime, limit: int, after: str | None) -> bytes:
    begin = None if after is None else decode_cursor(after, _kind(wanted), cursor_text, UUID)
    cursor = None if begin is None else (begin[0], begin[1])
    stays, most = wanted.stays, max(_LOOKED_AT, limit + 1)
    if wanted.city is None:
        records = await stock_anywhere(side, stays.first, stays.end, after=cursor, most=most)
    else:
        records = await stock_of_city(side, wanted.city, stays.first, stays.end, after=cursor, most=most)
    found: list[Offer] = []
    last: HotelStock | None = None
    for record in records:
        hotel = opened(record, stays.first, stays.end)
        offer = best_offer(hotel, wanted, now)
        if wanted.is_wide:
            await asyncio.sleep(0)  # others want to be answered meanwhile
        if offer is not None and len(found) == limit:  # one more than the page shows: there is a next page
            last = found[-1].hotel
            break
        last = hotel
        if offer is not None:
            found.append(offer)
    else:
        if len(records) < most:
            last = None
    return _page(found, wanted, None if last is None else encode_cursor(_kind(wanted), last.name, last.hotel_id))


async def _by_price(side: QuerySide, wanted: Search, now: datetime, limit: int, after: str | None) -> bytes:
    if wanted.city is None:
        raise BadParameter("sort", "by price, a search is for a city or a hotel")
    begin: tuple[Any, ...] | None = None
    if after is not None:
        begin = tuple(decode_cursor(after, _kind(wanted), cursor_text, cursor_number, cursor_text, UUID))
    records = await stock_of_city(side, wanted.city, wanted.stays.first, wanted.stays.end, most=None)
    offers = []
    for record in records:
        offer = best_offer(opened(record, wanted.stays.first, wanted.stays.end), wanted, now)
        if offer is not None:
            offers.append(offer)
        if wanted.is_wide:
            await asyncio.sleep(0)  # others want to be answered meanwhile
    later = sorted((offer for offer in offers if begin is None or offer.place > begin), key=lambda offer: offer.place)
    page = later[:limit]
    more = len(later) > limit
    return _page(page, wanted, encode_cursor(_kind(wanted), *page[-1].place) if more else None)


def _kind(wanted: Search) -> str:
    return "availability" if wanted.order == "name" else "availability by price"


def _today(hotel: HotelStock, now: datetime) -> date:
    return _business_date(now, hotel.timezone, hotel.business_day_rolls_at)


_business_date = lru_cache(maxsize=256)(business_date)  # of one instant, hence one search


def best_offer(hotel: HotelStock, wanted: Search, now: datetime, *, only: int | None = None) -> Offer | None:
    """The cheapest rooms of a hotel for all parties; of several stays at one price, that nearest to the wanted one.

    With `only`, of the stays that arrive on the day of this number alone.
    """
    best: tuple[int, int, int] | None = None
    best_rooms: list[Room] = []
    best_choice: list[Room] = []
    stays, parties = wanted.stays, wanted.parties
    arrivals = stays.arrivals(_today(hotel, now))
    for arrival in arrivals if only is None else (only,) if only in arrivals else ():
        choice = sellable(hotel.kinds, arrival, stays.length)
        rooms = cheapest_rooms(parties, choice)
        if rooms is None:
            continue
        place = (sum(room.price for room in rooms), stays.distance(arrival), arrival)
        if best is None or place < best:
            best, best_rooms, best_choice = place, rooms, choice
    if best is None or not _is_cheap_enough(best[0], wanted):
        return None
    return Offer(hotel, best[2], best_rooms, best[0], best_choice)


def _is_cheap_enough(total: int, wanted: Search) -> bool:
    return wanted.max_price is None or amount(total) <= wanted.max_price


# ---------------------------------------------------------------- as JSON


def _page(offers: Iterable[Offer], wanted: Search, following: str | None) -> bytes:
    written = _Written(wanted)
    return orjson.dumps({"items": [written.item(offer) for offer in offers], "next": following})


class _Written:
    """How the offers of one page are written. A page of twenty hotels has hundreds of amounts, so they are cheap."""

    def __init__(self, wanted: Search) -> None:
        self._wanted = wanted
        self._parties = wanted.parties
        self._adults = max(party.adults for party in wanted.parties)
        self._children = max(party.children for party in wanted.parties)
        self._dates: dict[int, list[str]] = {}
        self._of_item: dict[str, orjson.Fragment] = {}

    def item(self, offer: Offer) -> dict[str, Any]:
        """`answers.HotelOffers`."""
        hotel, stays = offer.hotel, self._wanted.stays
        arrival = stays.arrival(offer.arrival)
        self._of_item.clear()
        return {
            "hotel_id": str(hotel.hotel_id),
            "name": hotel.name,
            "city": hotel.city,
            "country": hotel.country,
            "arrival": arrival,
            "departure": arrival + timedelta(days=stays.length),
            "rooms": [self._room(room, party, offer) for room, party in zip(offer.rooms, self._parties, strict=True)],
            "total": shown_money(offer.total, hotel.currency),
            "offers": self._alone(offer),
        }

    def _room(self, room: Room, party: Party, offer: Offer) -> dict[str, Any]:
        return {
            "room_type": room.code,
            "name": room.kind.name,
            "adults": party.adults,
            "children": party.children,
            "child_ages": party.child_ages,
            "nights": self._nights(room, offer),
            "total": shown_money(room.price, offer.hotel.currency),
        }

    def _alone(self, offer: Offer) -> list[dict[str, Any]]:
        """The room types that take all parties by themselves, for the stay of the best offer, the cheapest first."""
        count, currency = len(self._parties), offer.hotel.currency
        return [
            {
                "room_type": room.code,
                "name": room.kind.name,
                "max_adults": room.kind.max_adults,
                "max_children": room.kind.max_children,
                "free": room.free,
                "nights": self._nights(room, offer),
                "total": shown_money(room.price * count, currency),
            }
            for room in offer.choice
            if room.free >= count
            and room.kind.max_adults >= self._adults
            and room.kind.max_children >= self._children
            and _is_cheap_enough(room.price * count, self._wanted)
        ]

    def _nights(self, room: Room, offer: Offer) -> orjson.Fragment:
        """`answers.NightlyPrice` for each night, the same for all rooms of a type."""
        found = self._of_item.get(room.code)
        if found is None:
            found = self._of_item[room.code] = self._new_nights(room, offer)
        return found

    def _new_nights(self, room: Room, offer: Offer) -> orjson.Fragment:
        arrival, length = offer.arrival, self._wanted.stays.length
        dates = self._dates.get(arrival)
        if dates is None:
            first = self._wanted.stays.arrival(arrival)
            stay = nights(first, first + timedelta(days=length))
            dates = self._dates[arrival] = [f'{{"date":"{day}","price":' for day in stay]
        currency = offer.hotel.currency
        prices = room.kind.prices[arrival : arrival + length]
        priced = [f"{day}{_money(price, currency)}}}" for day, price in zip(dates, prices, strict=True)]
        return orjson.Fragment(f"[{','.join(priced)}]")


@lru_cache(maxsize=8192)
def _money(price: int, currency: str) -> str:
    return orjson.dumps({"amount": f"{rounded(Decimal(price) / MILLE, currency):f}", "currency": currency}).decode()


@lru_cache(maxsize=8192)
def shown_money(price: int, currency: str) -> orjson.Fragment:
    """A price in thousandths as the API writes money (`answers.Money`)."""
    return orjson.Fragment(_money(price, currency))
