"""Makes up hotels and their bookings from a seed: the same seed, sizes and day give the same ones, whoever runs it.

For the demo and for benchmarks. What comes out are the domain's own commands, in the order in which they happen; a
hotel is never booked beyond its rooms, so nothing of it is refused.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from domain.booking_commands import (
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    LifeCommand,
    MarkNoShow,
    Walk,
)
from domain.calendar import ONE_DAY, business_date, nights, zone
from domain.hotels import AddRoomType, OpenHotel, TakeOutOfOrder
from domain.inventory import SetAllowance, SetPrices, SetRestrictions
from domain.values import Sealed, Statistics, rounded

_NAMESPACE = UUID("6f1d2c8e-4b0a-5d57-9c3e-2a7b8f10d6e4")
_WEEKEND = (5, 6)
_MEAN_NIGHTS = 2.5
_LONGEST_NIGHTS = 14
_PREPARED_DAYS = 3
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


UNSAID = Sealed(guest_id=UUID(int=0), ciphertext="")
"""In the place of words that are still to be sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A command that goes with words, which are to be sealed in the place of `UNSAID`."""

    command: TakeOutOfOrder | SetAllowance | Walk
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a booking, or in its hotel; `stream_id` is the booking's id or the hotel's."""

    occurred_at: datetime
    stream_id: UUID
    what: MadeBooking | LifeCommand | SetRestrictions | Said


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
    `holds` more are held since a few minutes. Those in the past were stayed, cancelled or not shown up for, and once
    the house was full when a guest came. Guests get rooms when they arrive, the next days' arrivals have theirs. A
    hotel that has been open for some weeks has a room out of order, restrictions and an allowance that is used.
    """
    life = _Life(seed, hotel, opened_at, now)
    happenings = life.house()
    happenings += [
        happening for number in range(bookings) for happening in life.booking(number, days_ahead, held=False)
    ]
    happenings += [
        happening for number in range(bookings, bookings + holds) for happening in life.booking(number, 30, held=True)
    ]
    happenings += life.overbooked_night(bookings + holds)
    happenings += life.prepared_rooms()
    happenings.sort(key=lambda happening: happening.occurred_at)
    return list(_apart(happenings))


def _apart(happenings: Sequence[Happening]) -> Iterator[Happening]:
    last = datetime.min.replace(tzinfo=UTC)
    for happening in happenings:
        last = max(happening.occurred_at, last + timedelta(microseconds=1))
        yield replace(happening, occurred_at=last)


type _Fate = tuple[datetime, LifeCommand | Said]
"""When what becomes of a booking."""


class _Life:
    """A hotel's life so far.

    Nothing of it is refused. Nights are counted as if nobody ever cancelled, left or was moved, so there is room in
    whatever order things happen. Rooms are given in the order of arrival: whoever has one has it since before, so a
    room that is free in a stay's first night is free for all of it, and there is one, since no more are sold.
    """

    def __init__(self, seed: int, hotel: MadeHotel, opened_at: datetime, now: datetime) -> None:
        self._chance = random.Random(f"{seed}:{hotel.hotel_id}")  # noqa: S311 - made-up bookings are no secret
        self._hotel = hotel
        self._opened_at = opened_at
        self._now = now
        self._prepared_at = now - timedelta(minutes=10)
        self._zone = zone(hotel.opening.timezone)
        self._taken: dict[tuple[str, date], int] = defaultdict(int)
        self._let_go: dict[tuple[str, date], int] = defaultdict(int)
        self._suffixes: set[str] = set()
        self._first_day = opened_at.astimezone(self._zone).date() + ONE_DAY
        self._today = now.astimezone(self._zone).date()
        self._restrictions: tuple[SetRestrictions, ...] = ()
        self._restricted_at = self._at(self._today - timedelta(days=3), 9)
        self._oversold: tuple[AddRoomType, date] | None = None
        self._walked = False
        self._expected: list[tuple[date, UUID]] = []

    # ------------------------------------------------------------ the house

    def house(self) -> list[Happening]:
        """What the hotel itself decided, for its busiest room type, its smallest and its best; first of all to be made.

        Nothing in a hotel that opened a short time ago.
        """
        planned_on = self._today - timedelta(days=20)
        if planned_on <= self._first_day:
            return []
        kinds = self._hotel.room_types
        busiest, smallest, best = max(kinds, key=lambda kind: len(kind.rooms)), kinds[0], kinds[-1]
        self._restrictions = (*_weekends(busiest, self._today), *_closed_days(busiest, best, self._today))
        self._oversold = (smallest, self._today + timedelta(days=9))
        return [
            self._in_house(self._at(planned_on, 10), self._out_of_order(busiest)),
            *(self._in_house(self._restricted_at, restriction) for restriction in self._restrictions),
            self._in_house(
                self._restricted_at,
                Said(
                    command=SetAllowance(
                        room_type=smallest.code,
                        first=self._today + timedelta(days=7),
                        until=self._today + timedelta(days=14),
                        allowance=1,
                        reason=UNSAID,
                    ),
                    words="One in ten single rooms isn't claimed in a week of fairs.",
                ),
            ),
        ]

    def _out_of_order(self, kind: AddRoomType) -> Said:
        """A room of a type is being repaired today. From when on a stay can last into the repair, one less is sold."""
        first, until = self._today - ONE_DAY, self._today + timedelta(days=3)
        for night in nights(first - timedelta(days=_LONGEST_NIGHTS + 1), until):
            self._taken[kind.code, night] += 1
        return Said(
            command=TakeOutOfOrder(room=kind.rooms[-1], first=first, until=until, reason=UNSAID),
            words="A new bathroom is put in.",
        )

    def _in_house(self, at: datetime, what: SetRestrictions | Said) -> Happening:
        return Happening(occurred_at=at, stream_id=self._hotel.hotel_id, what=what)

    def overbooked_night(self, number: int) -> list[Happening]:
        """The smallest rooms are sold out one night, and one more by the allowance, all in the last hours."""
        if self._oversold is None:
            return []
        kind, night = self._oversold
        sold = self._taken[kind.code, night] - self._let_go[kind.code, night]
        happenings = []
        for extra in range(len(kind.rooms) + 1 - sold):
            at = self._now - timedelta(hours=12) + timedelta(minutes=30 * extra)
            if self._is_open(kind, night, night + ONE_DAY, at):
                what = self._made(kind, night, night + ONE_DAY, held=False)
                happenings.append(Happening(occurred_at=at, stream_id=self._booking_id(number + extra), what=what))
        return happenings

    def prepared_rooms(self) -> list[Happening]:
        """Rooms for who is expected today and in the next days, in the order of their arrival."""
        return [
            Happening(
                occurred_at=self._prepared_at + timedelta(milliseconds=number), stream_id=booking_id, what=AssignRooms()
            )
            for number, (_, booking_id) in enumerate(sorted(self._expected))
        ]

    def _is_open(self, kind: AddRoomType, arrival: date, departure: date, at: datetime) -> bool:
        """Whether a stay may be sold by the restrictions of that instant."""
        if at < self._restricted_at:
            return True
        for restriction in self._restrictions:
            if restriction.room_type != kind.code:
                continue
            affected = [night for night in nights(arrival, departure) if _is_affected(night, restriction)]
            if affected and restriction.stop_sell:
                return False
            if arrival in affected and (
                restriction.closed_to_arrival or (departure - arrival).days < (restriction.minimum_stay or 1)
            ):
                return False
        return True

    # ------------------------------------------------------------ bookings

    def booking(self, number: int, days_ahead: int, *, held: bool) -> list[Happening]:
        """One booking with all that became of it; nothing if it can't be had or would be made in the future."""
        chance = self._chance
        first = self._today + ONE_DAY if held else self._first_day
        span = (self._today - first).days + days_ahead
        arrival = first + timedelta(days=chance.randrange(max(span, 1)))
        departure = arrival + timedelta(days=min(1 + int(chance.expovariate(0.5)), _LONGEST_NIGHTS))
        kind = chance.choices(self._hotel.room_types, [len(kind.rooms) for kind in self._hotel.room_types])[0]
        booked_at = self._booked_at(arrival, held=held)
        what = self._made(kind, arrival, departure, held=held)
        latest = self._now if held else self._prepared_at
        if booked_at >= latest or not self._is_open(kind, arrival, departure, booked_at):
            return []
        if not self._claim(kind, arrival, departure):
            return []
        booking_id = self._booking_id(number)
        fate: list[_Fate] = []
        if not held:
            fate, departure = self._change(kind, arrival, departure, booked_at)
            fate += self._fate(kind, arrival, departure, booked_at)
        happened = [(at, command) for at, command in fate if at < self._prepared_at]
        soon = not held and self._today <= arrival <= self._today + timedelta(days=_PREPARED_DAYS)
        if soon and not any(isinstance(command, AssignRooms | CancelLines) for _, command in happened):
            self._expected.append((arrival, booking_id))
        return [
            Happening(occurred_at=booked_at, stream_id=booking_id, what=what),
            *(Happening(occurred_at=at, stream_id=booking_id, what=command) for at, command in happened),
        ]

    def _booking_id(self, number: int) -> UUID:
        return uuid5(self._hotel.hotel_id, f"booking-{number}")

    def _claim(self, kind: AddRoomType, arrival: date, departure: date) -> bool:
        stay = [(kind.code, night) for night in nights(arrival, departure)]
        if any(self._taken[night] >= len(kind.rooms) for night in stay):
            return False
        for night in stay:
            self._taken[night] += 1
        return True

    def _free(self, kind: AddRoomType, arrival: date, departure: date, at: datetime) -> None:
        """Note nights that are free by half a day ago, for who counts what is really sold."""
        if at < self._now - timedelta(hours=13):
            for night in nights(arrival, departure):
                self._let_go[kind.code, night] += 1

    def _booked_at(self, arrival: date, *, held: bool) -> datetime:
        if held:
            return self._now - timedelta(seconds=self._chance.randrange(30, 300))
        days_before = min(int(self._chance.expovariate(1 / 20)), 300)
        at = self._local(arrival - timedelta(days=days_before), 8, 13)
        # Who booked before the hotel opened, booked when it did.
        return max(at, self._opened_at + timedelta(minutes=self._chance.randrange(60, 600)))

    def _change(
        self, kind: AddRoomType, arrival: date, departure: date, booked_at: datetime
    ) -> tuple[list[_Fate], date]:
        """Some want a night more on the day after they booked; also the departure that follows."""
        wanted = self._chance.random() < 0.06
        day = booked_at.astimezone(self._zone).date() + ONE_DAY
        at = self._local(day, 8, 8)  # earlier in the day than anybody cancels
        longer = departure + ONE_DAY
        if not wanted or at >= self._prepared_at or day >= arrival or not self._is_open(kind, departure, longer, at):
            return [], departure
        if not self._claim(kind, departure, longer):
            return [], departure
        return [(at, ChangeBooking(departure=longer))], longer

    def _fate(self, kind: AddRoomType, arrival: date, departure: date, booked_at: datetime) -> list[_Fate]:
        chance = self._chance
        happens = chance.random()
        free_days = (arrival - booked_at.astimezone(self._zone).date()).days - 1
        if happens < 0.14 and free_days > 0:
            day = arrival - timedelta(days=chance.randint(1, free_days))
            at = self._local(day, 9, 20)
            self._free(kind, arrival, departure, at)
            return [(at, CancelLines(reason="guest_request"))]
        comes_at = self._local(arrival, 14, 21)
        # In the order of the day's arrivals, and after the last of them could be booked.
        given_at = max(comes_at - timedelta(minutes=chance.randrange(2, 40)), booked_at + timedelta(minutes=1))
        if happens < 0.17:
            gone_at = self._local(arrival, 23, 23)
            self._free(kind, arrival + ONE_DAY, departure, gone_at)
            return [(given_at, AssignRooms()), (gone_at, MarkNoShow())]
        if not self._walked and self._today - timedelta(days=7) <= arrival < self._today:
            self._walked = True
            self._free(kind, arrival, departure, comes_at)
            return [(comes_at, self._walk(kind))]
        return [
            (given_at, self._given(kind, arrival, departure, given_at)),
            (comes_at, CheckIn()),
            (self._local(departure, 7, 11), CheckOut()),
        ]

    def _given(self, kind: AddRoomType, arrival: date, departure: date, at: datetime) -> AssignRooms:
        """A room of the type booked; for some a better one, where there is one for all their nights."""
        kinds = self._hotel.room_types
        better = kinds.index(kind) + 1
        if self._chance.random() >= 0.08 or better == len(kinds) or not self._claim(kinds[better], arrival, departure):
            return AssignRooms()
        self._free(kind, arrival, departure, at)
        return AssignRooms(room_type=kinds[better].code)

    def _walk(self, kind: AddRoomType) -> Said:
        currency = self._hotel.opening.currency
        cost = rounded(kind.base_price * 3 / 2, currency)
        return Said(command=Walk(cost=cost, sent_to=UNSAID), words="The Station Hotel, with the taxi there.")

    def _at(self, day: date, hour: int) -> datetime:
        return datetime.combine(day, time(hour), self._zone).astimezone(UTC)

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


def _weekends(kind: AddRoomType, today: date) -> Iterator[SetRestrictions]:
    """Whoever arrives on a Friday or Saturday of the next four weeks stays for two nights."""
    yield SetRestrictions(
        room_type=kind.code,
        first=today + ONE_DAY,
        until=today + timedelta(days=29),
        weekdays=_WEEKEND,
        minimum_stay=2,
    )


def _closed_days(kind: AddRoomType, best: AddRoomType, today: date) -> Iterator[SetRestrictions]:
    arrivals, sales = today + timedelta(days=12), today + timedelta(days=10)
    yield SetRestrictions(room_type=kind.code, first=arrivals, until=arrivals + ONE_DAY, closed_to_arrival=True)
    yield SetRestrictions(room_type=best.code, first=sales, until=sales + ONE_DAY, stop_sell=True)


def _is_affected(night: date, restriction: SetRestrictions) -> bool:
    return restriction.first <= night < restriction.until and night.isoweekday() in restriction.weekdays


def bookings_for(hotel: MadeHotel, days: int, occupancy: float) -> int:
    """About how many bookings fill a hotel to that share (0 to 1) over so many days."""
    rooms = sum(len(kind.rooms) for kind in hotel.room_types)
    return math.ceil(rooms * days * occupancy / _MEAN_NIGHTS)
