"""What can be asked of a booking. What is decided about it stands in `domain.booking_decisions`."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from domain.bookings import PUBLIC_RATE_PLAN, DescribedPerson
from domain.values import Sealed, Statistics

MAX_STAY_NIGHTS = 180
MAX_LINES = 50
"""How many lines a booking has at most, those that were cancelled included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedLine:
    """One room that is wanted."""

    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Book rooms: held for a while from now on, or sold at once where `hold_for` is absent.

    The reference is the hotel's prefix and `reference_suffix`. `expected_total` is in `expected_currency`.
    `price_override` is a price for every night, for imports and staff. `flags` name what an import found odd in its
    source (no guests, a negative price); with a flag the rule that it is about doesn't refuse.
    """

    reference_suffix: str
    arrival: date
    departure: date
    lines: tuple[RequestedLine, ...]
    guest: Sealed
    booker: Sealed | None
    statistics: Statistics
    hold_for: timedelta | None
    rate_plan: str = PUBLIC_RATE_PLAN
    expected_total: Decimal | None = None
    expected_currency: str | None = None
    price_override: Decimal | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmBooking:
    """Turn the held lines into sold ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelLines:
    """Cancel these lines, or all that can be."""

    lines: tuple[int, ...] | None = None
    reason: str | None = None
    note: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireBooking:
    """Free what a hold past its deadline still claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """The guests of these lines, or of all that can be, have arrived."""

    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOut:
    """The guests of these lines, or of all that can be, leave."""

    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNoShow:
    """The guests of these lines, or of all that can be, didn't come."""

    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """A line as a change wants it: one that is kept, named by `line`, or a new one. What is absent stays as it is.

    A new line needs `room_type`, `adults` and `child_ages`.
    """

    line: int | None = None
    room_type: str | None = None
    adults: int | None = None
    child_ages: tuple[int | None, ...] | None = None
    guest: Sealed | None = None
    arrival: date | None = None
    departure: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBooking:
    """Change the dates of all open lines, or which lines there are: `rooms` is the full new set.

    A line's own dates in `rooms` go before `arrival` and `departure`. `expected_total` is what the whole booking is to
    cost afterwards. `price_override` is a price for each night that is added.
    """

    arrival: date | None = None
    departure: date | None = None
    rooms: tuple[WantedLine, ...] | None = None
    expected_total: Decimal | None = None
    expected_currency: str | None = None
    price_override: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeGuests:
    """Describe the booking's guest, its booker or the guests of lines anew. Whoever is absent stays as described.

    Someone who is known already must be sealed with their own key; `changed` names the fields that differ.
    """

    guest: DescribedPerson | None = None
    booker: DescribedPerson | None = None
    lines: tuple[tuple[int, DescribedPerson], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRoom:
    """Give a line this room for its nights in [first, until): absent, from now or the arrival on, to the departure.

    A guest in house moves by this. A room of another type is an upgrade: the nights then claim that type's stock.
    """

    line: int
    room: str
    first: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRooms:
    """Give these confirmed lines, or all that have none, the rooms that suit best, by the rule of `domain.rooms`.

    The rooms are of the type that is booked, or of `room_type`, and have all these `features`.
    """

    lines: tuple[int, ...] | None = None
    room_type: str | None = None
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRooms:
    """Take the rooms of these confirmed lines, or of all that have one, back; the booking stands."""

    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapRooms:
    """Let two lines have each other's rooms from now on, those of one booking or one of another (`other_booking`)."""

    line: int
    other_line: int
    other_booking: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Send the guests of these lines, or of all that are expected, elsewhere, at a cost in the hotel's currency."""

    lines: tuple[int, ...] | None = None
    cost: Decimal
    sent_to: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseGuests:
    """Forget who the people of a booking were, once nobody is expected or in house any more."""


LifeCommand = (
    ConfirmBooking
    | CancelLines
    | ExpireBooking
    | CheckIn
    | CheckOut
    | MarkNoShow
    | ChangeBooking
    | DescribeGuests
    | AssignRoom
    | AssignRooms
    | ReleaseRooms
    | SwapRooms
    | Walk
    | EraseGuests
)
BookingCommand = Book | LifeCommand
