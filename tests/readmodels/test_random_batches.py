"""However a hotel's history is cut into batches, its read tables end up as one fold from nothing makes them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import bookings, hotels, inventory
from domain.booking_commands import (
    Book,
    CancelLines,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
    RequestedLine,
)
from domain.bookings import Booking
from domain.hotels import AddRooms, AddRoomType, ExtendHorizon, Hotel, HotelCommand
from domain.inventory import SetPrices, affected_nights
from domain.rejections import Rejected
from domain.stock import NightKey, NightStock, difference
from domain.values import Sealed, Statistics
from eventstore.reading import RecordedEvent
from readmodels.folds import Fold, Reach, reach_of
from readmodels.rows import BOOKING, BOOKING_NIGHT, GUEST, HOTEL, LINE, NIGHT, ROOM_TYPE, TABLES, Key, Table
from readmodels.working_set import WorkingSet
from tests.domain.house import OPENED, TODAY
from tests.readmodels.words import BEGAN, Ledger, all_rows, folded, open_as_told

CODES = ("DBL", "STE")
BRIEFLY = replace(OPENED, bookable_horizon_days=20, bookable_until=TODAY + timedelta(days=20))


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

    def manage(self, command: HotelCommand) -> None:
        for event in hotels.decide(command, self.hotel, self.now, has_bookings=bool(self.bookings)):
            self.hotel = hotels.evolve(self.hotel, event)
            self.ledger.add(event, at=self.now)
            self._restock()

    def add_type(self, code: str, rooms: int) -> None:
        self.manage(
            AddRoomType(
                room_type_id=UUID(int=sum(code.encode())), code=code, name=code, max_adults=2, max_children=2,
                base_price=Decimal("100.00"), rooms=tuple(next(self._rooms) for _ in range(rooms)),
            )
        )  # fmt: skip

    def add_rooms(self, code: str, rooms: int) -> None:
        self.manage(AddRooms(room_type=code, rooms=tuple(next(self._rooms) for _ in range(rooms))))

    def set_prices(self, command: SetPrices) -> None:
        for event in inventory.decide(command, self.hotel, self.now):
            self.ledger.add(event, at=self.now)
            for night in affected_nights(event):
                self.stock[event.room_type, night].price = event.price

    def book(self, command: Book) -> None:
        booking_id = next(self._ids)
        event = bookings.book(command, self.hotel, self.stock, self.now)
        self._happen(booking_id, None, event)

    def live(self, number: int, command: LifeCommand) -> None:
        booking_id = list(self.bookings)[number % len(self.bookings)]
        for event in bookings.decide(command, self.bookings[booking_id], self.hotel, self.now):
            self._happen(booking_id, self.bookings[booking_id], event)

    def _happen(self, booking_id: UUID, before: Booking | None, event: bookings.BookingEvent) -> None:
        after = self.bookings[booking_id] = bookings.evolve(before, event)
        for key, claim in difference({} if before is None else before.claims(), after.claims()).items():
            self.stock[key].sold += claim.sold
            self.stock[key].held += claim.held
        self.ledger.add(event, booking_id=booking_id, at=self.now)

    def _restock(self) -> None:
        """What decisions need: a generous stock of every night there is."""
        for code, kind in self.hotel.room_types.items():
            for number in range((self.hotel.bookable_until - TODAY).days):
                key = (code, TODAY + timedelta(days=number))
                self.stock.setdefault(
                    key, NightStock(in_service=len(kind.rooms), allowance=99, sold=0, held=0, price=kind.base_price)
                )


lines = st.sampled_from([None, None, (1,), (2,)])
days = st.integers(0, 6)
LIFE: tuple[Callable[[tuple[int, ...] | None], LifeCommand], ...] = (
    lambda _: ConfirmBooking(),
    lambda lines: CheckIn(lines=lines),
    lambda lines: CheckOut(lines=lines),
    lambda lines: CancelLines(lines=lines),
    lambda lines: MarkNoShow(lines=lines),
    lambda _: ExpireBooking(),
)
books = st.tuples(
    st.just("book"), st.integers(0, 2), st.integers(0, 4), st.lists(st.sampled_from(CODES), min_size=1, max_size=3),
    st.booleans(), st.integers(1, 4),
)  # fmt: skip
lives = st.tuples(st.just("live"), st.integers(0, 20), st.integers(0, 5), lines)
steps = st.one_of(
    books,
    books,
    lives,
    lives,
    lives,
    lives,
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("rooms"), st.sampled_from(CODES), st.integers(1, 2)),
    st.tuples(st.just("prices"), st.sampled_from(CODES), days, st.integers(1, 9), st.integers(50, 60)),
    st.tuples(st.just("extend")),
)


def happen(world: World, step: tuple[Any, ...]) -> None:
    """One thing happens, or is refused."""
    today = world.hotel.business_date(world.now)
    match step:
        case ("book", arrival, length, codes, held, guest):
            world.book(
                Book(
                    reference_suffix=str(len(world.bookings)), arrival=today + timedelta(days=arrival),
                    departure=today + timedelta(days=arrival + length),
                    lines=tuple(RequestedLine(room_type=code, adults=1, child_ages=(3, None)) for code in codes),
                    guest=Sealed(guest_id=UUID(int=guest), ciphertext="x"), booker=None,
                    statistics=Statistics(channel="web"), hold_for=timedelta(hours=30) if held else None,
                    flags=('a "flag"',),
                )
            )  # fmt: skip
        case ("live", number, first, wanted) if world.bookings:
            for command in (*LIFE[first:], *LIFE[:first]):  # the first that isn't refused
                with suppress(Rejected):
                    world.live(number, command(wanted))
                    return
        case ("wait", hours):
            world.now += timedelta(hours=hours)
        case ("rooms", code, rooms):
            world.add_rooms(code, rooms)
        case ("prices", code, first, length, price):
            begin = today + timedelta(days=first)
            world.set_prices(
                SetPrices(room_type=code, first=begin, until=begin + timedelta(days=length), price=Decimal(price))
            )
        case ("extend",):
            world.manage(ExtendHorizon())
        case _:  # nothing is booked yet that a command could be about
            return


def history(happenings: list[tuple[Any, ...]]) -> list[RecordedEvent]:
    """A hotel with two room types, and then what happens."""
    world = World()
    for code in CODES:
        world.add_type(code, 3)
    for step in happenings:
        with suppress(Rejected):
            happen(world, step)
    return world.ledger.events


class Database:
    """Rows that are kept between batches, handed out to the letter of a batch's reach."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Any]] = {table.name: {} for table in TABLES}

    def load(self, reach: Reach, rows: WorkingSet) -> None:
        if reach.settings:
            rows.load(HOTEL, self._all(HOTEL))
            rows.load_absent(HOTEL, [()])
            rows.load(ROOM_TYPE, self._all(ROOM_TYPE))
        for booking_id in reach.bookings:
            rows.load(BOOKING, [self.rows["booking"][booking_id,]])
            for table in (LINE, BOOKING_NIGHT):
                rows.load(table, [row for row in self._all(table) if row.booking_id == booking_id])
            last = max(line.line for line in rows.rows(LINE) if line.booking_id == booking_id)
            rows.load_absent(LINE, [(booking_id, last + 1)])
        reach.add_claimed_nights(rows)
        rows.load(NIGHT, [row for key, row in self.rows["night"].items() if key in reach.nights])
        rows.load_absent(NIGHT, reach.nights)

    def write(self, rows: WorkingSet) -> None:
        for table in TABLES:
            kept, changes = self.rows[table.name], rows.changes(table)
            for row in changes.inserted:
                assert table is GUEST or table.key_of(row) not in kept
                kept[table.key_of(row)] = row
            for row in changes.updated:
                assert table.key_of(row) in kept
                kept[table.key_of(row)] = row
            for key in changes.deleted:
                del kept[key]

    def _all(self, table: Table[Any]) -> Iterator[Any]:
        return iter(self.rows[table.name].values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(happenings=st.lists(steps, min_size=20, max_size=60), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_any_batches_lead_to_the_rows_of_one_fold_from_nothing(
    happenings: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    details = {UUID(int=guest): {"full_name": f"Guest {guest}"} for guest in (1, 2, 3)}
    events = history(happenings)
    database, begin = Database(), 0
    for number in count():
        batch = [(recorded, recorded.event()) for recorded in events[begin : begin + cuts[number % len(cuts)]]]
        if not batch:
            break
        begin += len(batch)
        reach, rows = reach_of(batch), WorkingSet()
        database.load(reach, rows)
        fold = Fold(rows, open_as_told(details))
        for recorded, event in batch:
            fold.apply(recorded, event)
        database.write(rows)
    assert database.rows == all_rows(folded(events, details))
