"""Every reason for which a command is refused, with its facts; what HTTP makes of them is decided elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import dataclass_transform
from uuid import UUID


class Rejected(Exception):
    """A command that a rule of the trade refuses; nothing has changed. Its text is a sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortNight:
    """A night with fewer free rooms than were wanted."""

    room_type: str
    date: date
    free: int
    wanted: int


@dataclass_transform(kw_only_default=True, eq_default=False)
def _rejection[T](cls: type[T]) -> type[T]:
    # Not frozen: Python writes __traceback__ on a raised exception. eq=False keeps exceptions hashable.
    return dataclass(kw_only=True, eq=False)(cls)


@_rejection
class UnknownHotel(Rejected):
    hotel_id: UUID

    def __str__(self) -> str:
        return f"There is no hotel {self.hotel_id}."


@_rejection
class UnknownBooking(Rejected):
    booking_id: UUID

    def __str__(self) -> str:
        return f"This hotel has no booking {self.booking_id}."


@_rejection
class UnknownRoomType(Rejected):
    room_type: str
    index: int | None = None

    def __str__(self) -> str:
        return f"This hotel has no room type {self.room_type}."


@_rejection
class UnknownLine(Rejected):
    line: int

    def __str__(self) -> str:
        return f"This booking has no line {self.line}."


@_rejection
class UnknownRatePlan(Rejected):
    rate_plan: str

    def __str__(self) -> str:
        return f"This hotel has no rate plan {self.rate_plan}; the public rate is BAR."


@_rejection
class StayNegative(Rejected):
    arrival: date
    departure: date

    def __str__(self) -> str:
        return f"The departure {self.departure} lies before the arrival {self.arrival}."


@_rejection
class StayTooLong(Rejected):
    nights: int
    maximum: int

    def __str__(self) -> str:
        return f"A stay of {self.nights} nights is longer than the maximum of {self.maximum}."


@_rejection
class ArrivalInPast(Rejected):
    arrival: date
    business_date: date

    def __str__(self) -> str:
        return f"The arrival {self.arrival} lies before the hotel's business date {self.business_date}."


@_rejection
class BeyondHorizon(Rejected):
    departure: date
    bookable_until: date

    def __str__(self) -> str:
        return f"The departure {self.departure} lies after {self.bookable_until}, up to which this hotel can be booked."


@_rejection
class PartyTooLarge(Rejected):
    index: int
    room_type: str
    max_adults: int
    max_children: int

    def __str__(self) -> str:
        return f"Room type {self.room_type} takes at most {self.max_adults} adults and {self.max_children} children."


@_rejection
class SoldOut(Rejected):
    nights: tuple[ShortNight, ...]

    def __str__(self) -> str:
        short = ", ".join(f"{n.date} ({n.room_type}: {n.free} free, {n.wanted} wanted)" for n in self.nights[:10])
        return f"Not enough rooms are free on {short}."


@_rejection
class PriceChanged(Rejected):
    expected: Decimal
    total: Decimal
    currency: str

    def __str__(self) -> str:
        return f"The total is now {self.total} {self.currency}, not {self.expected}."


@_rejection
class WrongCurrency(Rejected):
    currency: str
    hotel_currency: str

    def __str__(self) -> str:
        return f"This hotel's prices are in {self.hotel_currency}, not in {self.currency}."


@_rejection
class HoldExpired(Rejected):
    expired_at: datetime

    def __str__(self) -> str:
        return f"The hold ended at {self.expired_at.isoformat()}."


@_rejection
class WrongLineState(Rejected):
    """The command can't be applied to a line in this state."""

    action: str
    lines: tuple[tuple[int, str], ...]

    def __str__(self) -> str:
        states = ", ".join(f"line {line} is {state}" for line, state in self.lines)
        return f"Can't {self.action.replace('_', ' ')}: {states}."


@_rejection
class TooEarly(Rejected):
    action: str
    arrival: date
    business_date: date

    def __str__(self) -> str:
        action = self.action.replace("_", " ")
        return f"Can't {action} before the day of arrival {self.arrival}; the business date is {self.business_date}."


@_rejection
class StayOver(Rejected):
    departure: date
    business_date: date

    def __str__(self) -> str:
        return f"The stay ended on {self.departure}; the hotel's business date is {self.business_date}."


@_rejection
class RoomTypeExists(Rejected):
    room_type: str

    def __str__(self) -> str:
        return f"This hotel has a room type {self.room_type} already."


@_rejection
class RoomExists(Rejected):
    room: str

    def __str__(self) -> str:
        return f"This hotel has a room {self.room} already."


@_rejection
class PriceNotRepresentable(Rejected):
    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} can't be paid in {self.currency}: it has a fraction of the smallest unit."


@_rejection
class TimeZoneFixed(Rejected):
    def __str__(self) -> str:
        return "The time zone can't change after the first booking."


@_rejection
class VersionMismatch(Rejected):
    """The client decided on another version than the one that is there."""

    expected: int
    actual: int

    def __str__(self) -> str:
        return f"Version {self.expected} was expected; it is {self.actual} now."


@_rejection
class KeyReused(Rejected):
    """The idempotency key belongs to another request."""

    def __str__(self) -> str:
        return "This idempotency key was used for a request with another body."


@_rejection
class TimeRunsBackwards(Rejected):
    """A fact from before what the ledger knows already; an import of old bookings needs a fresh hotel."""

    occurred_at: datetime
    ledger_at: datetime

    def __str__(self) -> str:
        return f"{self.occurred_at.isoformat()} lies before the ledger's last fact of {self.ledger_at.isoformat()}."
