"""Makes up hotels and their bookings from a seed: the same seed, sizes and day give the same ones, whoever runs it.

For the demo and for benchmarks. What comes out are the domain's own commands, in the order in which they happen; a
hotel is never booked beyond its rooms, so nothing of it is refused.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from domain.booking_commands import CancelLines, CheckIn, CheckOut, LifeCommand, MarkNoShow
from domain.calendar import business_date, nights, zone
from domain.hotels import AddRoomType, OpenHotel
from domain.inventory import SetPrices
from domain.values import Statistics, rounded

_NAMESPACE = UUID("6f1d2c8e-4b0a-5d57-9c3e-2a7b8f10d6e4")
_WEEKEND = (5, 6)
_MEAN_NIGHTS = 2.5
_ROLLS_AT = time(4, 0)
_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a hotel is, and what its money is worth: `price_level` is what 1 euro is called there."""

    city: str
    country: str
    timezone: str
    currency: str
    price_level: int


PLACES = (
    Place(city="Hamburg", country="DE", timezone="Europe/Berlin", currency="EUR", price_level=1),
    Place(city="Chicago", country="US", timezone="America/Chicago", currency="USD", price_level=1),
    Place(city="Kyoto", country="JP", timezone="Asia/Tokyo", currency="JPY", price_level=160),
    Place(city="Lisbon", country="PT", timezone="Europe/Lisbon", currency="EUR", price_level=1),
    Place(city="Edinburgh", country="GB", timezone="Europe/London", currency="GBP", price_level=1),
    Place(city="Nairobi", country="KE", timezone="Africa/Nairobi", currency="KES", price_level=140),
)
_NAMES = ("Harbour House", "The Lakeside", "River Garden", "Old Quarter", "Castle View", "Acacia Court")

_KINDS = (
    ("SGL", "Single", 1, 0, 79, 0.2),
    ("DBL", "Double", 2, 1, 119, 0.5),
    ("FAM", "Family room", 3, 3, 169, 0.2),
    ("STE", "Suite", 4, 2, 259, 0.1),
)  # code, name, adults, children, euro a night, share of the rooms

_FIRST_NAMES = (
    "Ada", "Bruno", "Chiara", "Daniel", "Elif", "Fatima", "Goran", "Hana", "Ivan", "Jun", "Katya", "Liam", "Maria",
    "Noor", "Olga", "Pedro", "Quinn", "Rosa", "Samir", "Tove", "Uma", "Vera", "Wanda", "Yuki", "Zoran",
)  # fmt: skip
_LAST_NAMES = (
    "Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ito", "Jansen", "Kowalski",
    "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Ueda", "Varga", "Wolf",
)  # fmt: skip
_LANGUAGES = ("en", "de", "fr", "ja", "pt", "es")
_CHANNELS = (
    ("web", "Direct", 40),
    ("booking_site", "Online TA", 35),
    ("phone", "Direct", 15),
    ("corporate", "Corporate", 10),
)  # channel, market segment, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeHotel:
    """A hotel as the commands that make it: opening, room types, prices."""

    hotel_id: UUID
    opening: OpenHotel
    room_types: tuple[AddRoomType, ...]
    prices: tuple[SetPrices, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody made up."""

    full_name: str
    email: str
    phone: str | None
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBooking:
    """A booking of one room; `hold_for` is absent where it was sold at once."""

    reference_suffix: str
    room_type: str
    arrival: date
    departure: date
    adults: int
    child_ages: tuple[int, ...]
    person: Person
    statistics: Statistics
    hold_for: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a booking: that it was made, or what became of it."""

    occurred_at: datetime
    booking_id: UUID
    what: MadeBooking | LifeCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is made: hotels, room types in each (they repeat with numbers beyond four), rooms in each hotel."""

    hotels: int = 3
    room_types: int = 4
    rooms: int = 24
    horizon_days: int = 730


def make_hotels(seed: int, opened_at: datetime, sizes: Sizes) -> list[MadeHotel]:
    """Hotels that open at an instant, with prices by season and weekday over their horizon."""
    return [_make_hotel(seed, number, opened_at, sizes) for number in range(sizes.hotels)]


def _make_hotel(seed: int, number: int, opened_at: datetime, sizes: Sizes) -> MadeHotel:
    hotel_id = uuid5(_NAMESPACE, f"{seed}:{number}")
    place, name = PLACES[number % len(PLACES)], _NAMES[number % len(_NAMES)]
    series = number // len(PLACES)
    opened_on = business_date(opened_at, place.timezone, _ROLLS_AT)
    types = tuple(_make_room_type(hotel_id, index, place, sizes) for index in range(sizes.room_types))
    return MadeHotel(
        hotel_id=hotel_id,
        opening=OpenHotel(
            name=f"{name} {place.city}" + (f" {series + 1}" if series else ""),
            city=place.city,
            country=place.country,
            timezone=place.timezone,
            currency=place.currency,
            reference_prefix=place.city[:3].upper(),
            business_day_rolls_at=_ROLLS_AT,
            bookable_horizon_days=sizes.horizon_days,
        ),
        room_types=types,
        prices=tuple(price for kind in types for price in _prices(kind, place, opened_on, sizes.horizon_days)),
    )


def _make_room_type(hotel_id: UUID, index: int, place: Place, sizes: Sizes) -> AddRoomType:
    code, name, adults, children, euro, share = _KINDS[index % len(_KINDS)]
    series = index // len(_KINDS)
    if series:
        code, name = f"{code}{series + 1}", f"{name} {series + 1}"
    if sizes.room_types > len(_KINDS):
        share = 1 / sizes.room_types
    count = max(1, round(sizes.rooms * share))
    return AddRoomType(
        room_type_id=uuid5(hotel_id, code),
        code=code,
        name=name,
        max_adults=adults,
        max_children=children,
        base_price=rounded(Decimal(euro * place.price_level), place.currency),
        rooms=tuple(f"{index + 1}{room:02}" for room in range(1, count + 1)),
    )


def _prices(kind: AddRoomType, place: Place, opened_on: date, horizon_days: int) -> Iterator[SetPrices]:
    """Weekends cost more all year, summers more still; the later command counts where two are about a night."""
    until = opened_on + timedelta(days=horizon_days)

    def priced(first: date, last: date, weekdays: tuple[int, ...], percent: int) -> SetPrices:
        price = rounded(kind.base_price * percent / 100, place.currency)
        return SetPrices(room_type=kind.code, first=first, until=last, weekdays=weekdays, price=price)

    yield priced(opened_on, until, _WEEKEND, 120)
    for year in range(opened_on.year, until.year + 1):
        first, last = max(opened_on, date(year, 6, 15)), min(until, date(year, 9, 1))
        if first < last:
            yield priced(first, last, tuple(day for day in range(1, 8) if day not in _WEEKEND), 130)
            yield priced(first, last, _WEEKEND, 150)


def make_life(
    seed: int, hotel: MadeHotel, opened_at: datetime, now: datetime, *, bookings: int, days_ahead: int, holds: int = 0
) -> list[Happening]:
    """What happened in a hotel from its opening until now, in order, each at an instant of its own.

    Up to `bookings` bookings arrive between the opening and `days_ahead` days from now, as far as there are rooms;
    `holds` more are held since a few minutes. Those in the past were stayed, cancelled or not shown up for.
    """
    life = _Life(seed, hotel, opened_at, now)
    happenings = [happening for number in range(bookings) for happening in life.booking(number, days_ahead, held=False)]
    happenings += [
        happening for number in range(bookings, bookings + holds) for happening in life.booking(number, 30, held=True)
    ]
    happenings.sort(key=lambda happening: happening.occurred_at)
    return list(_apart(happenings))


def _apart(happenings: Sequence[Happening]) -> Iterator[Happening]:
    last = datetime.min.replace(tzinfo=UTC)
    for happening in happenings:
        last = max(happening.occurred_at, last + timedelta(microseconds=1))
        yield Happening(occurred_at=last, booking_id=happening.booking_id, what=happening.what)


class _Life:
    def __init__(self, seed: int, hotel: MadeHotel, opened_at: datetime, now: datetime) -> None:
        self._chance = random.Random(f"{seed}:{hotel.hotel_id}")  # noqa: S311 - made-up bookings are no secret
        self._hotel = hotel
        self._opened_at = opened_at
        self._now = now
        self._zone = zone(hotel.opening.timezone)
        self._taken: dict[tuple[str, date], int] = defaultdict(int)
        self._suffixes: set[str] = set()
        self._first_day = opened_at.astimezone(self._zone).date() + timedelta(days=1)
        self._today = now.astimezone(self._zone).date()

    def booking(self, number: int, days_ahead: int, *, held: bool) -> list[Happening]:
        """One booking with all that became of it; nothing if there is no room or it would be made in the future."""
        chance = self._chance
        first = self._today + timedelta(days=1) if held else self._first_day
        span = (self._today - first).days + days_ahead
        arrival = first + timedelta(days=chance.randrange(max(span, 1)))
        departure = arrival + timedelta(days=min(1 + int(chance.expovariate(0.5)), 14))
        kind = chance.choices(self._hotel.room_types, [len(kind.rooms) for kind in self._hotel.room_types])[0]
        booked_at = self._booked_at(arrival, held=held)
        what = self._made(kind, arrival, departure, held=held)
        if booked_at >= self._now or not self._claim(kind, arrival, departure):
            return []
        booking_id = uuid5(self._hotel.hotel_id, f"booking-{number}")
        fate = () if held else self._fate(arrival, departure, booked_at)
        return [
            Happening(occurred_at=booked_at, booking_id=booking_id, what=what),
            *(Happening(occurred_at=at, booking_id=booking_id, what=command) for at, command in fate if at < self._now),
        ]

    def _claim(self, kind: AddRoomType, arrival: date, departure: date) -> bool:
        # Counted as if nobody cancelled or left early: so there is room in whatever order things happen.
        stay = [(kind.code, night) for night in nights(arrival, departure)]
        if any(self._taken[night] >= len(kind.rooms) for night in stay):
            return False
        for night in stay:
            self._taken[night] += 1
        return True

    def _booked_at(self, arrival: date, *, held: bool) -> datetime:
        if held:
            return self._now - timedelta(seconds=self._chance.randrange(30, 300))
        days_before = min(int(self._chance.expovariate(1 / 20)), 300)
        at = self._local(arrival - timedelta(days=days_before), 8, 13)
        # Who booked before the hotel opened, booked when it did.
        return max(at, self._opened_at + timedelta(minutes=self._chance.randrange(60, 600)))

    def _fate(self, arrival: date, departure: date, booked_at: datetime) -> list[tuple[datetime, LifeCommand]]:
        chance = self._chance
        happens = chance.random()
        free_days = (arrival - booked_at.astimezone(self._zone).date()).days - 1
        if happens < 0.14 and free_days > 0:
            day = arrival - timedelta(days=chance.randint(1, free_days))
            return [(self._local(day, 9, 20), CancelLines(reason="guest_request"))]
        if happens < 0.17:
            return [(self._local(arrival, 23, 23), MarkNoShow())]
        return [(self._local(arrival, 14, 21), CheckIn()), (self._local(departure, 7, 11), CheckOut())]

    def _local(self, day: date, first_hour: int, last_hour: int) -> datetime:
        """Some instant of a day between two hours, in UTC."""
        chance = self._chance
        at = time(chance.randint(first_hour, last_hour), chance.randrange(60), chance.randrange(60))
        return datetime.combine(day, at, self._zone).astimezone(UTC)

    def _made(self, kind: AddRoomType, arrival: date, departure: date, *, held: bool) -> MadeBooking:
        chance = self._chance
        first_name, last_name = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
        channel, segment, _ = chance.choices(_CHANNELS, [weight for *_, weight in _CHANNELS])[0]
        children = chance.choice((0, 0, 1, kind.max_children)) if kind.max_children else 0
        return MadeBooking(
            reference_suffix=self._suffix(),
            room_type=kind.code,
            arrival=arrival,
            departure=departure,
            adults=chance.randint(1, kind.max_adults),
            child_ages=tuple(chance.randint(0, 15) for _ in range(children)),
            person=Person(
                full_name=f"{first_name} {last_name}",
                email=f"{first_name}.{last_name}@guests.example".lower(),
                phone=f"+{chance.randint(10, 99)} 555 {chance.randint(1000, 9999)}" if chance.random() < 0.6 else None,
                language=chance.choice(_LANGUAGES),
            ),
            statistics=Statistics(channel=channel, market_segment=segment, meal=chance.choice(("BB", "HB", "SC"))),
            hold_for=timedelta(minutes=chance.choice((60, 240, 1440))) if held else None,
        )

    def _suffix(self) -> str:
        while True:
            suffix = "".join(self._chance.choices(_REFERENCE_ALPHABET, k=8))
            if suffix not in self._suffixes:
                self._suffixes.add(suffix)
                return suffix


def bookings_for(hotel: MadeHotel, days: int, occupancy: float) -> int:
    """About how many bookings fill a hotel to that share (0 to 1) over so many days."""
    rooms = sum(len(kind.rooms) for kind in hotel.room_types)
    return math.ceil(rooms * days * occupancy / _MEAN_NIGHTS)
