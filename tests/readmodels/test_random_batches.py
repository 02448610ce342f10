"""However a hotel's history is cut into batches, its read tables end up as one fold from nothing makes them.

And they say what the write side says: the stock of nights as the guard's statements move it, bookings as the domain has
them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import booking_decisions, bookings, hotels, inventory
from domain.booking_commands import (
    AssignRoom,
    AssignRooms,
    Book,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    DescribeGuests,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
    ReleaseRooms,
    RequestedLine,
    SwapRooms,
    Walk,
    WantedLine,
)
from domain.bookings import Booking, DescribedPerson, RoomRelease, RoomsReleased
from domain.hotels import (
    AddRooms,
    AddRoomType,
    ExtendHorizon,
    Hotel,
    HotelCommand,
    HotelEvent,
    ReturnToService,
    SetRoomFeatures,
    TakeOutOfOrder,
)
from domain.inventory import InventoryCommand, InventoryEvent, SetAllowance, SetPrices, SetRestrictions
from domain.premises import Premises
from domain.rejections import Rejected
from domain.rooming import Named, swap_rooms_between
from domain.rooms import Occupied
from domain.selling import book
from domain.stock import NightKey, NightStock, difference
from domain.values import Sealed, Statistics
from eventstore.night_ranges import range_writes
from eventstore.reading import RecordedEvent
from readmodels.booking_folds import booking_of, room_stay_begins
from readmodels.folds import Fold, Reach, reach_of
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    HOTEL,
    LINE,
    NIGHT,
    ROOM,
    ROOM_OUTAGE,
    ROOM_STAY,
    ROOM_TYPE,
    TABLES,
    Key,
    Table,
)
from readmodels.working_set import WorkingSet
from tests.domain.house import DOUBLE, OPENED, SUITE, TODAY, assigned, made
from tests.readmodels.words import (
    BEGAN,
    HOTEL_ID,
    Ledger,
    all_rows,
    changed,
    changed_line,
    folded,
    open_as_told,
)

CODES = ("DBL", "STE")
BRIEFLY = replace(OPENED, bookable_horizon_days=20, bookable_until=TODAY + timedelta(days=20))
GUESTS = {UUID(int=guest): {"full_name": f"Guest {guest}", "text": f"words {guest}"} for guest in (1, 2, 3)}
"""Those whose keys are there; a fourth is erased."""


def sealed(guest: int) -> Sealed:
    return Sealed(guest_id=UUID(int=guest), ciphertext="x")


# ---------------------------------------------------------------- the guard's statements, as their files have them


def guarded(stock: dict[NightKey, NightStock], statement: str, parameters: tuple[Any, ...]) -> None:
    """What a statement of `eventstore/sql` does to the nights."""
    _, room_type, *given = parameters
    if statement == "insert_nights":
        first, until, rooms, price = given
        for number in range((until - first).days):
            stock[room_type, first + timedelta(days=number)] = NightStock(
                in_service=rooms, allowance=0, sold=0, held=0, price=price
            )
    elif statement == "move_in_service":
        nights, more, offset_on = given
        for night in nights:
            if found := stock.get((room_type, night)):
                found.in_service += more
                found.allowance -= more if night in offset_on else 0
    else:
        first, until, weekdays, *values = given
        for (code, night), found in stock.items():
            if code == room_type and first <= night < until and night.isoweekday() in weekdays:
                set_night(found, statement, values)


def set_night(night: NightStock, statement: str, values: list[Any]) -> None:
    match statement:
        case "set_prices":
            (night.price,) = values
        case "set_allowance":
            (night.allowance,) = values
        case "set_restrictions":
            names = ("stop_sell", "minimum_stay", "closed_to_arrival", "closed_to_departure")
            for name, value in zip(names, values, strict=True):
                if value is not None:
                    setattr(night, name, value)
        case _:
            raise AssertionError(statement)


# ---------------------------------------------------------------- a hotel's life


class World:
    """A hotel that decides commands by the domain, and writes down what happened."""

    def __init__(self) -> None:
        self.ledger = Ledger().add(BRIEFLY)
        self.now = BEGAN
        self.hotel: Hotel = hotels.evolve(None, BRIEFLY)
        self.stock: dict[NightKey, NightStock] = {}
        self.bookings: dict[UUID, Booking] = {}
        self._ids = (UUID(int=1000 + number) for number in count())
        self._rooms = (str(number) for number in count(100))

    @property
    def today(self) -> date:
        return self.hotel.business_date(self.now)

    def day(self, number: int) -> date:
        return self.today + timedelta(days=number)

    def room(self, number: int) -> str:
        rooms = list(self.hotel.type_of_room)
        return rooms[number % len(rooms)]

    def manage(self, command: HotelCommand) -> None:
        events = hotels.decide(
            command,
            self.hotel,
            self.now,
            has_bookings=bool(self.bookings),
            stock=self.stock,
            occupied=self._occupied(),
        )
        for event in events:
            self._move_nights(event)
            self.hotel = hotels.evolve(self.hotel, event)

    def add_type(self, code: str, rooms: int) -> None:
        self.manage(
            AddRoomType(
                room_type_id=UUID(int=sum(code.encode())), code=code, name=code, max_adults=2, max_children=2,
                base_price=Decimal("100.00"), rooms=tuple(next(self._rooms) for _ in range(rooms)),
            )
        )  # fmt: skip

    def add_rooms(self, code: str, rooms: int) -> None:
        self.manage(AddRooms(room_type=code, rooms=tuple(next(self._rooms) for _ in range(rooms))))

    def set_nights(self, command: InventoryCommand) -> None:
        for event in inventory.decide(command, self.hotel, self.stock, self.now):
            self._move_nights(event)

    def book(self, command: Book) -> None:
        self._happen(next(self._ids), None, book(command, self.hotel, self.stock, self.now))

    def live(self, number: int, command: LifeCommand) -> None:
        booking_id = self.booking_id(number)
        premises = self._premises(booking_id)
        for event in booking_decisions.decide(command, self.bookings[booking_id], premises, self.now):
            self._happen(booking_id, self.bookings[booking_id], event)

    def swap(self, number: int, other: int, command: SwapRooms) -> None:
        one, another = (
            Named(booking_id, self.bookings[booking_id]) for booking_id in map(self.booking_id, (number, other))
        )
        premises = self._premises(one.booking_id, another.booking_id)
        swap = swap_rooms_between(command, one, another, premises, self.now)
        for named, event in zip((one, another), swap or (), strict=False):
            self._happen(named.booking_id, named.booking, event)

    def booking_id(self, number: int) -> UUID:
        return list(self.bookings)[number % len(self.bookings)]

    def _premises(self, *booking_ids: UUID) -> Premises:
        return Premises(hotel=self.hotel, stock=self.stock, occupied=self._occupied(*booking_ids))

    def _occupied(self, *besides: UUID) -> dict[str, list[Occupied]]:
        occupied: dict[str, list[Occupied]] = {}
        for booking_id, booking in self.bookings.items():
            for line in booking.lines if booking_id not in besides else ():
                for stay in line.rooms:
                    occupied.setdefault(stay.room, []).append(Occupied(stay.first, stay.until, booking_id, line.line))
        return occupied

    def _happen(self, booking_id: UUID, before: Booking | None, event: bookings.BookingEvent) -> None:
        after = self.bookings[booking_id] = bookings.evolve(before, event)
        for key, claim in difference({} if before is None else before.claims(), after.claims()).items():
            self.stock[key].sold += claim.sold
            self.stock[key].held += claim.held
        self.ledger.add(event, booking_id=booking_id, at=self.now)

    def _move_nights(self, event: HotelEvent | InventoryEvent) -> None:
        for write in range_writes(HOTEL_ID, self.hotel, event):
            guarded(self.stock, *write)
        self.ledger.add(event, at=self.now)


def described(guest: int) -> DescribedPerson:
    return DescribedPerson(details=sealed(guest), changed=("full_name",))


def life(lines: tuple[int, ...] | None) -> tuple[LifeCommand, ...]:
    """How a stay goes on, so that what is refused at first often has its way prepared by what comes after it."""
    return (
        CheckOut(lines=lines),
        CheckIn(lines=lines),
        ConfirmBooking(),
        AssignRooms(lines=lines),
        ReleaseRooms(lines=lines),
        MarkNoShow(lines=lines),
        ExpireBooking(),
        Walk(lines=lines, cost=Decimal("80.00")),
        CancelLines(lines=lines),
    )


def changes_of(world: World, lines: tuple[int, ...] | None, a: int, b: int) -> tuple[LifeCommand, ...]:
    """How a stay becomes another one; two numbers say which days, rooms and guests."""
    code = CODES[a % 2]
    new = WantedLine(room_type=code, adults=1, child_ages=(), guest=sealed(4))
    return (
        AssignRoom(line=1 + a % 2, room=world.room(b)),
        AssignRoom(line=1, room=world.room(b), first=world.day(a % 3)),
        AssignRooms(lines=lines, room_type=code),
        SwapRooms(line=1, other_line=2),
        ChangeBooking(departure=world.day(a)),
        ChangeBooking(arrival=world.day(a), departure=world.day(a + b % 4)),
        ChangeBooking(rooms=(WantedLine(line=1), *(new,) * (b % 3))),
        ChangeBooking(rooms=(WantedLine(line=1 + b % 2, room_type=code, departure=world.day(a)), *(new,) * (b % 3))),
        DescribeGuests(
            guest=described(1 + a % 4), booker=described(2) if b % 2 else None, lines=((1, described(1 + b % 4)),)
        ),
    )


def any_step(random: Random) -> tuple[Any, ...]:
    """Something that may happen, drawn evenly: of numbers that Hypothesis prefers, few guests would ever arrive."""
    lines = random.choice([None, None, None, (1,), (2,)])
    booking, code, day, nights = random.randrange(6), random.choice(CODES), random.randrange(6), random.randrange(1, 6)
    flag = random.choice([None, True, False, False])
    house: list[tuple[Any, ...]] = [
        ("rooms", code, random.randrange(1, 3)),
        ("features", random.randrange(10), frozenset(random.sample(["sea_view", "quiet"], random.randrange(3)))),
        ("out", random.randrange(3), day, nights, random.choice([True, False]), random.randrange(1, 5)),
        ("back", random.randrange(3), day),
        ("back", random.randrange(3), 0),
        ("prices", code, day, nights, random.randrange(50, 60)),
        ("allowance", code, day, nights, random.randrange(3)),
        ("restrictions", code, day, nights, flag, random.choice([None, 1, 2]), flag),
        ("extend",),
    ]
    codes = random.choices(CODES, k=random.randrange(1, 4))
    kinds: list[tuple[Any, ...]] = [
        ("book", random.randrange(3), random.randrange(5), codes, random.random() < 0.3, random.randrange(1, 5)),
        ("live", booking, random.randrange(9), lines),
        ("change", booking, random.randrange(9), lines, day, random.randrange(10)),
        ("swap", booking, random.randrange(6)),
        ("wait", random.randrange(1, 30)),
        random.choice(house),
    ]
    (kind,) = random.choices(kinds, weights=(4, 10, 8, 2, 2, 4))
    return kind


def happen(world: World, step: tuple[Any, ...]) -> None:
    """One thing happens, or is refused."""
    match step:
        case ("book", arrival, length, codes, held, guest):
            world.book(
                Book(
                    reference_suffix=str(len(world.bookings)), arrival=world.day(arrival),
                    departure=world.day(arrival + length),
                    lines=tuple(RequestedLine(room_type=code, adults=1, child_ages=(3, None)) for code in codes),
                    guest=sealed(guest), booker=None,
                    statistics=Statistics(channel="web"), hold_for=timedelta(hours=30) if held else None,
                    flags=('a "flag"',),
                )
            )  # fmt: skip
        case ("live", number, first, wanted) if world.bookings:
            commands = life(wanted)
            for command in (*commands[first:], *commands[:first]):  # the first that isn't refused
                with suppress(Rejected):
                    world.live(number, command)
                    return
        case ("change", number, which, wanted, a, b) if world.bookings:
            world.live(number, changes_of(world, wanted, a, b)[which])
        case ("swap", number, other) if world.bookings and world.booking_id(number) != world.booking_id(other):
            world.swap(number, other, SwapRooms(line=1, other_line=1, other_booking=world.booking_id(other)))
        case ("wait", hours):
            world.now += timedelta(hours=hours)
        case _:
            run_the_house(world, step)


def run_the_house(world: World, step: tuple[Any, ...]) -> None:
    match step:
        case ("rooms", code, rooms):
            world.add_rooms(code, rooms)
        case ("features", room, features):
            world.manage(SetRoomFeatures(room=world.room(room), features=features))
        case ("out", room, first, length, raised, key):
            world.manage(
                TakeOutOfOrder(
                    room=world.room(room), first=world.day(first), until=world.day(first + length), reason=sealed(key),
                    raise_allowance=raised,
                )
            )  # fmt: skip
        case ("back", room, first):
            world.manage(ReturnToService(room=world.room(room), first=world.day(first)))
        case ("prices", code, first, length, price):
            begin, end = world.day(first), world.day(first + length)
            world.set_nights(SetPrices(room_type=code, first=begin, until=end, price=Decimal(price)))
        case ("allowance", code, first, length, allowance):
            begin, end = world.day(first), world.day(first + length)
            world.set_nights(
                SetAllowance(room_type=code, first=begin, until=end, allowance=allowance, reason=sealed(1))
            )
        case ("restrictions", code, first, length, stop_sell, minimum_stay, closed):
            world.set_nights(
                SetRestrictions(
                    room_type=code, first=world.day(first), until=world.day(first + length), weekdays=(1, 3, 5, 6),
                    stop_sell=stop_sell, minimum_stay=minimum_stay, closed_to_arrival=closed,
                    closed_to_departure=closed,
                )
            )  # fmt: skip
        case ("extend",):
            world.manage(ExtendHorizon())
        case _:  # nothing is booked yet that a command could be about
            return


def lived(random: Random, length: int) -> World:
    """A hotel with two room types, and then what happens."""
    world = World()
    for code in CODES:
        world.add_type(code, 3)
    for _ in range(length):
        with suppress(Rejected):
            happen(world, any_step(random))
    return world


class Database:
    """Rows that are kept between batches, handed out to the letter of a batch's reach."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Any]] = {table.name: {} for table in TABLES}

    def load(self, reach: Reach, rows: WorkingSet) -> None:
        if reach.settings:
            rows.load(HOTEL, self._all(HOTEL))
            rows.load_absent(HOTEL, [()])
            rows.load(ROOM_TYPE, self._all(ROOM_TYPE))
        rows.load(ROOM, [row for row in self._all(ROOM) if row.room in reach.rooms])
        rows.load_absent(ROOM, [(room,) for room in reach.rooms])
        rows.load(ROOM_OUTAGE, [row for row in self._all(ROOM_OUTAGE) if row.room in reach.rooms])
        for booking_id in reach.bookings:
            rows.load(BOOKING, [self.rows["booking"][booking_id,]])
            for table in (LINE, BOOKING_NIGHT, ROOM_STAY):
                rows.load(table, [row for row in self._all(table) if row.booking_id == booking_id])
            lines = [line for line in rows.rows(LINE) if line.booking_id == booking_id]
            rows.load_absent(LINE, [(booking_id, max(line.line for line in lines) + 1)])
            for line in lines:
                begins = room_stay_begins(line) if line.room is not None else ()
                rows.load_absent(ROOM_STAY, [(booking_id, line.line, first) for first in begins])
        reach.add_claimed_nights(rows)
        rows.load(NIGHT, [row for key, row in self.rows["night"].items() if key in reach.nights])
        rows.load_absent(NIGHT, reach.nights)

    def write(self, rows: WorkingSet) -> None:
        for table in TABLES:
            kept, changes = self.rows[table.name], rows.changes(table)
            for row in changes.inserted:
                key = table.key_of(row)
                assert table.blind or table.summed or key not in kept
                kept[key] = added(table, kept[key], row) if table.summed and key in kept else row
            for row in changes.updated:
                assert table.key_of(row) in kept
                kept[table.key_of(row)] = row
            for key in changes.deleted:
                del kept[key]

    def _all(self, table: Table[Any]) -> Iterator[Any]:
        return iter(self.rows[table.name].values())


def added(table: Table[Any], row: Any, more: Any) -> Any:
    """A row of a summed table with what a batch adds to it."""
    sums = (one + other for one, other in zip(row[table.key :], more[table.key :], strict=True))
    return table.row(*table.key_of(row), *sums)


def folded_in_batches(events: list[RecordedEvent], cuts: list[int]) -> dict[str, dict[Key, Any]]:
    """The rows after the events, which come in batches of so many."""
    database, begin = Database(), 0
    for number in count():
        batch = [(recorded, recorded.event()) for recorded in events[begin : begin + cuts[number % len(cuts)]]]
        if not batch:
            break
        begin += len(batch)
        reach, rows = reach_of(batch), WorkingSet()
        database.load(reach, rows)
        fold = Fold(rows, open_as_told({guest: GUESTS[guest] for guest in reach.guests & GUESTS.keys()}))
        for recorded, event in batch:
            fold.apply(recorded, event)
        database.write(rows)
    return database.rows


randoms = st.randoms(use_true_random=True)
lengths = st.integers(30, 120)
EVERYTHING = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EVERYTHING
@given(random=randoms, length=lengths, cuts=st.lists(st.integers(1, 9), min_size=1))
def test_any_batches_lead_to_the_rows_of_one_fold_from_nothing(random: Random, length: int, cuts: list[int]) -> None:
    events = lived(random, length).ledger.events
    assert folded_in_batches(events, cuts) == all_rows(folded(events, GUESTS))


@pytest.mark.parametrize("cuts", [[1], [3, 1], [3, 2], [4, 1, 2], [9]])
def test_stock_of_the_type_booked_is_found_when_a_room_of_another_type_is_given_back(cuts: list[int]) -> None:
    """Its nights were changed meanwhile, so those that are claimed again are known from the change alone."""
    suite = ("STE", "STE")
    released = RoomsReleased(releases=(RoomRelease(line=1, first=TODAY),), allowance_used=())
    later = changed(changed_line(1, 4, 6, "DBL", ("201", 4, 6), stock=suite))
    ledger = Ledger().add(OPENED, DOUBLE, SUITE, made(), assigned((1, "201", 0, 2)), later, released)
    assert folded_in_batches(ledger.events, cuts) == all_rows(folded(ledger.events, GUESTS))
    ledger = Ledger().add(OPENED, DOUBLE, SUITE, made(), assigned((1, "201", 0, 2)), released)
    assert folded_in_batches(ledger.events, cuts) == all_rows(folded(ledger.events, GUESTS))


@EVERYTHING
@given(random=randoms, length=lengths)
def test_the_rows_say_what_the_write_side_says(random: Random, length: int) -> None:
    world = lived(random, length)
    rows = folded(world.ledger.events, GUESTS)
    assert {(row.room_type, row.night): NightStock(*row[2:]) for row in rows.rows(NIGHT)} == world.stock
    for booking_id, booking in world.bookings.items():
        assert booking_of(rows, booking_id) == without_details(booking)
    outages = [(row.room, row.first, row.until) for row in rows.rows(ROOM_OUTAGE)]
    assert sorted(outages) == sorted(
        (room, outage.first, outage.until) for room, known in world.hotel.outages.items() for outage in known
    )
    features = {row.room: frozenset(row.features) for row in rows.rows(ROOM)}
    assert {room: offered for room, offered in features.items() if offered} == {
        room: offered for room, offered in world.hotel.features.items() if offered
    }


def without_details(booking: Booking) -> Booking:
    """The booking with everyone's id and nobody's details, which is what rows know."""

    def known(person: Sealed | None) -> Sealed | None:
        return None if person is None else Sealed(guest_id=person.guest_id, ciphertext="")

    return replace(
        booking,
        guest=Sealed(guest_id=booking.guest.guest_id, ciphertext=""),
        booker=known(booking.booker),
        lines=tuple(replace(line, guest=known(line.guest)) for line in booking.lines),
    )
