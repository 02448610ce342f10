"""The house that the specs are about, and the words that they are written in: given, when, then."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain import booking_decisions, bookings, hotels
from domain.booking_commands import Book, LifeCommand, RequestedLine
from domain.bookings import (
    AllowanceUse,
    BookedLine,
    Booking,
    BookingEvent,
    BookingHeld,
    BookingMade,
    RoomAssignment,
    RoomsAssigned,
)
from domain.calendar import nights
from domain.hotels import Hotel, HotelOpened, RoomTakenOutOfOrder, RoomTypeAdded
from domain.premises import Premises
from domain.rejections import Rejected
from domain.rooms import Occupancy, Occupied
from domain.selling import book
from domain.stock import NightKey, NightStock
from domain.values import Sealed, Statistics

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
ANOTHER = UUID(int=99)
"""Another booking."""
GUEST = Sealed(guest_id=UUID(int=7), ciphertext="c2VhbGVk")
OPENED = HotelOpened(
    name="Aurora",
    city="Lisbon",
    country="PT",
    timezone="Europe/Lisbon",
    currency="EUR",
    reference_prefix="AUR",
    business_day_rolls_at=time(4),
    bookable_horizon_days=730,
    bookable_until=TODAY + timedelta(days=730),
)


def room_type_added(code: str, *rooms: str, price: str = "100.00") -> RoomTypeAdded:
    """A room type for two adults and one child."""
    return RoomTypeAdded(
        room_type_id=UUID(int=sum(code.encode())),
        code=code,
        name=code,
        max_adults=2,
        max_children=1,
        base_price=Decimal(price),
        rooms=rooms,
        on_sale_from=TODAY,
        bookable_until=OPENED.bookable_until,
    )


DOUBLE, SUITE = room_type_added("DBL", "101", "102"), room_type_added("STE", "201", price="250.00")


def hotel_of(*events: hotels.HotelEvent) -> Hotel:
    """The hotel after its events."""
    hotel: Hotel | None = None
    for event in events:
        hotel = hotels.evolve(hotel, event)
    if hotel is None:
        raise AssertionError("a hotel has at least one event")
    return hotel


AURORA = hotel_of(OPENED, DOUBLE, SUITE)


def stock_of(hotel: Hotel, **free: int) -> dict[NightKey, NightStock]:
    """A month of nights, all free but for the types given: so many rooms are left of these."""
    stock: dict[NightKey, NightStock] = {}
    for code, kind in hotel.room_types.items():
        for night in nights(TODAY - timedelta(days=3), TODAY + timedelta(days=40)):
            count = len(kind.rooms)
            sold = count - free.get(code, count)
            stock[code, night] = NightStock(in_service=count, allowance=0, sold=sold, held=0, price=kind.base_price)
    return stock


def book_command(*types: str, arrival: int = 0, departure: int = 2, **others: Any) -> Book:
    """Book rooms of these types, days counted from today."""
    command = Book(
        reference_suffix="2B3C4D5E",
        arrival=TODAY + timedelta(days=arrival),
        departure=TODAY + timedelta(days=departure),
        lines=tuple(RequestedLine(room_type=code, adults=2, child_ages=()) for code in types or ("DBL",)),
        guest=GUEST,
        booker=None,
        statistics=Statistics(channel="web"),
        hold_for=None,
    )
    return replace(command, **others)


def booked_line(number: int = 1, room_type: str = "DBL", arrival: int = 0, departure: int = 2) -> BookedLine:
    """A line as an event has it, days counted from today."""
    price = {"DBL": Decimal("100.00"), "STE": Decimal("250.00")}[room_type]
    return BookedLine(
        line=number,
        room_type=room_type,
        adults=2,
        child_ages=(),
        guest=None,
        arrival=TODAY + timedelta(days=arrival),
        departure=TODAY + timedelta(days=departure),
        prices=(price,) * (departure - arrival),
    )


def made(*lines: BookedLine) -> BookingMade:
    """A booking that was sold at once."""
    return BookingMade(
        reference="AUR-2B3C4D5E",
        currency="EUR",
        rate_plan="BAR",
        guest=GUEST,
        booker=None,
        lines=lines or (booked_line(),),
        statistics=Statistics(channel="web"),
        flags=(),
        allowance_used=(),
    )


def held(*lines: BookedLine, until: datetime = NOW + timedelta(minutes=15)) -> BookingHeld:
    """A booking that is held."""
    return BookingHeld(
        reference="AUR-2B3C4D5E",
        currency="EUR",
        rate_plan="BAR",
        guest=GUEST,
        booker=None,
        lines=lines or (booked_line(),),
        statistics=Statistics(channel="web"),
        flags=(),
        hold_until=until,
        allowance_used=(),
    )


def assigned(*rooms: tuple[int, str, int, int], automatic: bool = False, used: int | None = None) -> RoomsAssigned:
    """Rooms given to lines: line, room, and the days counted from today; `used` is a day on the suite's allowance."""
    return RoomsAssigned(
        assignments=tuple(
            RoomAssignment(
                line=line,
                room=room,
                room_type=AURORA.type_of_room[room],
                first=TODAY + timedelta(days=first),
                until=TODAY + timedelta(days=until),
            )
            for line, room, first, until in rooms
        ),
        automatic=automatic,
        allowance_used=() if used is None else (AllowanceUse(room_type="STE", date=TODAY + timedelta(days=used)),),
    )


def out_of_order(room: str, first: int, until: int, *, raised: tuple[int, ...] = ()) -> RoomTakenOutOfOrder:
    """A room that can't be used, days counted from today; `raised` are days whose allowance makes up for it."""
    return RoomTakenOutOfOrder(
        room=room,
        room_type="STE" if room.startswith("2") else "DBL",
        first=day(first),
        until=day(until),
        reason=GUEST,
        allowance_raised_on=tuple(day(number) for number in raised),
    )


def day(number: int) -> date:
    """A date, counted from today."""
    return TODAY + timedelta(days=number)


def someone(first: int, until: int, line: int = 1) -> Occupied:
    """Somebody else who has a room, days counted from today."""
    return Occupied(day(first), day(until), ANOTHER, line)


@dataclass(frozen=True, slots=True)
class Then:
    """What a command led to."""

    events: list[BookingEvent] | None
    refusal: Rejected | None

    def then(self, *events: BookingEvent) -> None:
        """Exactly these events, in this order."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == list(events)

    def refused[R: Rejected](self, reason: type[R], **facts: object) -> R:
        """A refusal for this reason, with these facts."""
        assert isinstance(self.refusal, reason), f"{self.refusal!r} and {self.events} instead of {reason.__name__}"
        for name, fact in facts.items():
            assert getattr(self.refusal, name) == fact
        return self.refusal


@dataclass(frozen=True, slots=True)
class Given:
    """What has happened to a booking so far."""

    history: tuple[BookingEvent, ...]

    @property
    def booking(self) -> Booking:
        """The booking as it is now."""
        booking: Booking | None = None
        for event in self.history:
            booking = bookings.evolve(booking, event)
        if booking is None:
            pytest.fail("nothing has happened yet")
        return booking

    def when(
        self,
        command: Book | LifeCommand,
        *,
        now: datetime = NOW,
        hotel: Hotel = AURORA,
        occupied: Occupancy | None = None,
        nights: dict[NightKey, dict[str, Any]] | None = None,
        **free: int,
    ) -> Then:
        """A command arrives; `free` says how many rooms of a type are left, `nights` what else is special of some."""
        stock = stock_of(hotel, **free)
        for key, special in (nights or {}).items():
            stock[key] = replace(stock[key], **special)
        try:
            if isinstance(command, Book):
                return Then([book(command, hotel, stock, now)], None)
            premises = Premises(hotel=hotel, stock=stock, occupied=occupied or {})
            return Then(booking_decisions.decide(command, self.booking, premises, now), None)
        except Rejected as refusal:
            return Then(None, refusal)


def given(*history: BookingEvent) -> Given:
    """What has happened to a booking so far."""
    return Given(history)
