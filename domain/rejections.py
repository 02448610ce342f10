"""Every reason for which a command is refused, with its facts; what HTTP makes of them is decided elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import dataclass_transform
from uuid import UUID


class Rejected(Exception):
    """A command that a rule of the trade refuses; nothing has changed. Its text is a sentence for people.

    `pointer` is a JSON pointer to the field that is to blame, where it is one. Whoever knows that the request calls it
    otherwise says so there.
    """

    pointer: str | None = None


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
    pointer: str | None = "/lines"

    def __str__(self) -> str:
        return f"This booking has no line {self.line}."


@_rejection
class UnknownRoom(Rejected):
    room: str
    in_path: bool = False
    pointer = "/room"

    def __str__(self) -> str:
        return f"This hotel has no room {self.room}."


@_rejection
class UnknownRatePlan(Rejected):
    rate_plan: str
    pointer = "/rate_plan"

    def __str__(self) -> str:
        return f"This hotel has no rate plan {self.rate_plan}; the public rate is BAR."


@_rejection
class StayNegative(Rejected):
    arrival: date
    departure: date
    pointer = "/departure"

    def __str__(self) -> str:
        return f"The departure {self.departure} lies before the arrival {self.arrival}."


@_rejection
class RangeEmpty(Rejected):
    """A range of nights that ends before or where it begins."""

    first: date
    until: date
    pointer = "/to"

    def __str__(self) -> str:
        return f"The range from {self.first} to {self.until} has no night."


@_rejection
class RangeInPast(Rejected):
    """A range of nights that begins before the business date: what is over can't be changed."""

    first: date
    business_date: date
    pointer = "/from"

    def __str__(self) -> str:
        return f"The night of {self.first} lies before the hotel's business date {self.business_date}."


@_rejection
class StayTooLong(Rejected):
    nights: int
    maximum: int
    pointer = "/departure"

    def __str__(self) -> str:
        return f"A stay of {self.nights} nights is longer than the maximum of {self.maximum}."


@_rejection
class ArrivalInPast(Rejected):
    arrival: date
    business_date: date
    pointer = "/arrival"

    def __str__(self) -> str:
        return f"The arrival {self.arrival} lies before the hotel's business date {self.business_date}."


@_rejection
class DepartureInPast(Rejected):
    departure: date
    business_date: date
    pointer = "/departure"

    def __str__(self) -> str:
        return f"The departure {self.departure} lies before the hotel's business date {self.business_date}."


@_rejection
class BeyondHorizon(Rejected):
    departure: date
    bookable_until: date
    pointer = "/departure"

    def __str__(self) -> str:
        return f"{self.departure} lies after {self.bookable_until}, up to which this hotel can be booked."


@_rejection
class PartyTooLarge(Rejected):
    index: int | None
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
class StopSell(Rejected):
    room_type: str
    nights: tuple[date, ...]

    def __str__(self) -> str:
        closed = ", ".join(night.isoformat() for night in self.nights[:10])
        return f"Room type {self.room_type} isn't for sale on {closed}."


@_rejection
class MinimumStay(Rejected):
    room_type: str
    arrival: date
    minimum: int
    nights: int

    def __str__(self) -> str:
        return (
            f"A stay in room type {self.room_type} that arrives on {self.arrival} has at least {self.minimum} nights,"
            f" not {self.nights}."
        )


@_rejection
class ClosedToArrival(Rejected):
    room_type: str
    arrival: date

    def __str__(self) -> str:
        return f"Stays in room type {self.room_type} can't begin on {self.arrival}."


@_rejection
class ClosedToDeparture(Rejected):
    room_type: str
    departure: date

    def __str__(self) -> str:
        return f"Stays in room type {self.room_type} can't end on {self.departure}."


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
    pointer = "/expected_total/currency"

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
class InHouse(Rejected):
    """Of a line whose guests are in house only the departure can change, or the room."""

    line: int
    field: str

    def __str__(self) -> str:
        return f"The guests of line {self.line} are in house: its {self.field.replace('_', ' ')} can't change."


@_rejection
class GuestsExpected(Rejected):
    """Who is expected or in house can't be forgotten yet: these lines are open, the last until `departure`."""

    lines: tuple[int, ...]
    departure: date

    def __str__(self) -> str:
        return f"Lines {', '.join(map(str, self.lines))} are still open: their guests can't be forgotten yet."


@_rejection
class GuestErased(Rejected):
    def __str__(self) -> str:
        return "The guest was erased meanwhile, so nothing can be noted about them."


@_rejection
class TooManyLines(Rejected):
    maximum: int
    pointer = "/rooms"

    def __str__(self) -> str:
        return f"A booking has at most {self.maximum} lines, those that were cancelled included."


@_rejection
class RoomNeeded(Rejected):
    """Guests check in to a room, so their lines need one assigned for tonight."""

    lines: tuple[int, ...]

    def __str__(self) -> str:
        return f"Assign rooms first: there is none for tonight for line {', '.join(map(str, self.lines))}."


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBy:
    """Nights [first, until) in which a line has a room; `booking_id` is absent where it is the same booking's."""

    booking_id: UUID | None
    line: int
    first: date
    until: date


@_rejection
class RoomTaken(Rejected):
    room: str
    stays: tuple[TakenBy, ...]

    def __str__(self) -> str:
        taken = ", ".join(f"from {stay.first} to {stay.until}" for stay in self.stays[:10])
        return f"Room {self.room} is taken {taken}."


@_rejection
class RoomOutOfOrder(Rejected):
    room: str
    first: date
    until: date

    def __str__(self) -> str:
        return f"Room {self.room} is out of order from {self.first} to {self.until}."


@_rejection
class NoRoomFits(Rejected):
    """There aren't enough rooms that are free for the whole stays and have what is asked for."""

    room_type: str
    lines: tuple[int, ...]
    features: tuple[str, ...]

    def __str__(self) -> str:
        features = f" with {', '.join(self.features)}" if self.features else ""
        return f"No room of type {self.room_type}{features} is free for all nights of each stay."


@_rejection
class NoNightsLeft(Rejected):
    """The nights that the command is about are over, or the line doesn't have them."""

    line: int
    first: date
    until: date

    def __str__(self) -> str:
        return f"Line {self.line} has nights left from {self.first} to {self.until} only."


@_rejection
class NothingToSwap(Rejected):
    line: int

    def __str__(self) -> str:
        return f"Line {self.line} has no room to swap."


@_rejection
class BelowSold(Rejected):
    """Fewer rooms would be there than are sold. `bookings` are those that have a room of these nights."""

    nights: tuple[ShortNight, ...]
    bookings: tuple[UUID, ...] = ()

    def __str__(self) -> str:
        short = ", ".join(f"{night.date} ({night.room_type})" for night in self.nights[:10])
        return f"More rooms are sold than would be left on {short}."


@_rejection
class AllowanceTooHigh(Rejected):
    room_type: str
    allowance: int
    maximum: int

    def __str__(self) -> str:
        return f"The allowance of room type {self.room_type} is at most {self.maximum}, not {self.allowance}."


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
    pointer = "/price"

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
