"""A booking's life: from the hold to the departure. Each line of a booking is one room for one stay."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from domain.calendar import ONE_DAY, nights
from domain.hotels import Hotel
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    HoldExpired,
    PartyTooLarge,
    PriceChanged,
    ShortNight,
    SoldOut,
    StayNegative,
    StayOver,
    StayTooLong,
    TooEarly,
    UnknownLine,
    UnknownRatePlan,
    UnknownRoomType,
    WrongCurrency,
    WrongLineState,
)
from domain.stock import Claim, Claims, NightKey, Stock
from domain.values import Sealed, Statistics, rounded

MAX_STAY_NIGHTS = 180
PUBLIC_RATE_PLAN = "BAR"

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    """One room of a booking as it was booked: `prices` has one price per night, in the hotel's currency."""

    line: int
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None
    arrival: date
    departure: date
    prices: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingHeld:
    """Rooms were set aside for a guest until `hold_until`, if they don't confirm before."""

    reference: str
    currency: str
    rate_plan: str
    guest: Sealed
    booker: Sealed | None
    lines: tuple[BookedLine, ...]
    statistics: Statistics
    flags: tuple[str, ...]
    hold_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingMade:
    """Rooms were sold to a guest at once, without a hold before."""

    reference: str
    currency: str
    rate_plan: str
    guest: Sealed
    booker: Sealed | None
    lines: tuple[BookedLine, ...]
    statistics: Statistics
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingConfirmed:
    """The held lines of a booking became sold ones."""

    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesCancelled:
    """These lines won't be stayed; all their nights are free again. A note in words is sealed."""

    lines: tuple[int, ...]
    reason: str | None
    note: Sealed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingExpired:
    """The held lines of a booking weren't confirmed in time; all their nights are free again."""

    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsCheckedIn:
    """The guests of these lines arrived."""

    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsCheckedOut:
    """The guests of these lines left on a date; nights from that date on are free again."""

    lines: tuple[int, ...]
    departed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NoShowRecorded:
    """The guests of these lines didn't come; every night after the first is free again."""

    lines: tuple[int, ...]


BookingEvent = (
    BookingHeld
    | BookingMade
    | BookingConfirmed
    | LinesCancelled
    | BookingExpired
    | GuestsCheckedIn
    | GuestsCheckedOut
    | NoShowRecorded
)

# ---------------------------------------------------------------- state


class LineState(StrEnum):
    """Where a line is in its life."""

    CHECKED_IN = "checked_in"
    CONFIRMED = "confirmed"
    HELD = "held"
    CHECKED_OUT = "checked_out"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_LIVELINESS = {state: rank for rank, state in enumerate(LineState)}
_SOLD = Claim(1, 0)
_HELD = Claim(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One room of a booking as it is now. A line without nights is day use and claims none."""

    line: int
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None
    arrival: date
    departure: date
    prices: tuple[Decimal, ...]
    state: LineState

    @property
    def total(self) -> Decimal:
        """The sum of the nights' prices in the hotel's currency."""
        return sum(self.prices, Decimal(0))

    def claimed_nights(self) -> tuple[Claim, tuple[date, ...]]:
        """What the line claims of each of which nights."""
        match self.state:
            case LineState.HELD:
                return _HELD, nights(self.arrival, self.departure)
            case LineState.CONFIRMED | LineState.CHECKED_IN | LineState.CHECKED_OUT:
                return _SOLD, nights(self.arrival, self.departure)
            case LineState.NO_SHOW:
                return _SOLD, nights(self.arrival, self.departure)[:1]
            case LineState.CANCELLED | LineState.EXPIRED:
                return _SOLD, ()
            case _:
                assert_never(self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A booking as it is now."""

    reference: str
    currency: str
    rate_plan: str
    guest: Sealed
    booker: Sealed | None
    lines: tuple[Line, ...]
    statistics: Statistics
    flags: tuple[str, ...]
    hold_until: datetime | None

    @property
    def state(self) -> LineState:
        """The state of the liveliest line."""
        if len(self.lines) == 1:
            return self.lines[0].state
        return min((line.state for line in self.lines), key=_LIVELINESS.__getitem__)

    @property
    def total(self) -> Decimal:
        """What the lines that aren't cancelled or expired come to; of all lines where none is left."""
        alive = [line for line in self.lines if line.state not in (LineState.CANCELLED, LineState.EXPIRED)]
        return sum((line.total for line in alive or self.lines), Decimal(0))

    def claims(self) -> Claims:
        """The rooms of each night that the booking has sold and holds."""
        claims: Claims = {}
        for line in self.lines:
            claim, claimed = line.claimed_nights()
            for night in claimed:
                key = (line.room_type, night)
                old = claims.get(key)
                claims[key] = claim if old is None else Claim(old.sold + claim.sold, old.held + claim.held)
        return claims


# ---------------------------------------------------------------- commands


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


LifeCommand = ConfirmBooking | CancelLines | ExpireBooking | CheckIn | CheckOut | MarkNoShow
BookingCommand = Book | LifeCommand

# ---------------------------------------------------------------- decide


def book(command: Book, hotel: Hotel, stock: Stock, now: datetime) -> BookingHeld | BookingMade:
    """Decide a new booking against the stock of the nights that it wants. Raises Rejected."""
    stay = _bookable_stay(command, hotel, now)
    wanted: dict[NightKey, int] = {}
    for index, line in enumerate(command.lines):
        _check_party(index, line, hotel)
        for night in stay:
            key = (line.room_type, night)
            wanted[key] = wanted.get(key, 0) + 1
    short = tuple(
        ShortNight(room_type=key[0], date=key[1], free=max(free, 0), wanted=count)
        for key, count in wanted.items()
        if (free := _free(stock, key)) < count
    )
    if short:
        raise SoldOut(nights=short)
    lines = tuple(
        BookedLine(
            line=number,
            room_type=line.room_type,
            adults=line.adults,
            child_ages=line.child_ages,
            guest=line.guest,
            arrival=command.arrival,
            departure=command.departure,
            prices=_prices(command, line, stay, hotel, stock),
        )
        for number, line in enumerate(command.lines, start=1)
    )
    if command.expected_total is not None:
        if command.expected_currency not in (None, hotel.currency):
            raise WrongCurrency(currency=command.expected_currency, hotel_currency=hotel.currency)
        total = sum((price for line in lines for price in line.prices), Decimal(0))
        if total != command.expected_total:
            raise PriceChanged(
                expected=command.expected_total, total=rounded(total, hotel.currency), currency=hotel.currency
            )
    if command.hold_for is None:
        return BookingMade(
            reference=f"{hotel.reference_prefix}-{command.reference_suffix}",
            currency=hotel.currency,
            rate_plan=command.rate_plan,
            guest=command.guest,
            booker=command.booker,
            lines=lines,
            statistics=command.statistics,
            flags=command.flags,
        )
    return BookingHeld(
        reference=f"{hotel.reference_prefix}-{command.reference_suffix}",
        currency=hotel.currency,
        rate_plan=command.rate_plan,
        guest=command.guest,
        booker=command.booker,
        lines=lines,
        statistics=command.statistics,
        flags=command.flags,
        hold_until=now + command.hold_for,
    )


def _free(stock: Stock, key: NightKey) -> int:
    night = stock.get(key)
    return 0 if night is None else night.free  # a night from before the type was on sale


def _bookable_stay(command: Book, hotel: Hotel, now: datetime) -> tuple[date, ...]:
    if command.rate_plan != PUBLIC_RATE_PLAN:
        raise UnknownRatePlan(rate_plan=command.rate_plan)
    length = (command.departure - command.arrival).days
    if length < 0:
        raise StayNegative(arrival=command.arrival, departure=command.departure)
    if length > MAX_STAY_NIGHTS:
        raise StayTooLong(nights=length, maximum=MAX_STAY_NIGHTS)
    today = hotel.business_date(now)
    if command.arrival < today:
        raise ArrivalInPast(arrival=command.arrival, business_date=today)
    if command.departure > hotel.bookable_until:
        raise BeyondHorizon(departure=command.departure, bookable_until=hotel.bookable_until)
    return nights(command.arrival, command.departure)


def _check_party(index: int, line: RequestedLine, hotel: Hotel) -> None:
    room_type = hotel.room_types.get(line.room_type)
    if room_type is None:
        raise UnknownRoomType(room_type=line.room_type, index=index)
    if line.adults > room_type.max_adults or len(line.child_ages) > room_type.max_children:
        raise PartyTooLarge(
            index=index,
            room_type=line.room_type,
            max_adults=room_type.max_adults,
            max_children=room_type.max_children,
        )


def _prices(
    command: Book, line: RequestedLine, stay: tuple[date, ...], hotel: Hotel, stock: Stock
) -> tuple[Decimal, ...]:
    if command.price_override is not None:
        return (hotel.payable(command.price_override),) * len(stay)
    return tuple(stock[line.room_type, night].price for night in stay)


def decide(command: LifeCommand, booking: Booking, hotel: Hotel, now: datetime) -> list[BookingEvent]:
    """What a command on an existing booking changes. Raises Rejected; an empty list means that nothing changed."""
    match command:
        case ConfirmBooking():
            lines = _lines(booking, None, "confirm", LineState.HELD)
            if booking.hold_until is not None and booking.hold_until <= now:
                raise HoldExpired(expired_at=booking.hold_until)
            return [BookingConfirmed(lines=_numbers(lines))]
        case CancelLines():
            lines = _lines(booking, command.lines, "cancel", LineState.HELD, LineState.CONFIRMED)
            return [LinesCancelled(lines=_numbers(lines), reason=command.reason, note=command.note)]
        case ExpireBooking():
            held = tuple(line.line for line in booking.lines if line.state is LineState.HELD)
            due = booking.hold_until is not None and booking.hold_until <= now
            return [BookingExpired(lines=held)] if held and due else []
        case CheckIn():
            lines = _lines(booking, command.lines, "check_in", LineState.CONFIRMED)
            today = hotel.business_date(now)
            for line in lines:
                if today < line.arrival:
                    raise TooEarly(action="check_in", arrival=line.arrival, business_date=today)
                if today >= max(line.departure, line.arrival + ONE_DAY):
                    raise StayOver(departure=line.departure, business_date=today)
            return [GuestsCheckedIn(lines=_numbers(lines))]
        case CheckOut():
            lines = _lines(booking, command.lines, "check_out", LineState.CHECKED_IN)
            return [GuestsCheckedOut(lines=_numbers(lines), departed_on=hotel.business_date(now))]
        case MarkNoShow():
            lines = _lines(booking, command.lines, "mark_no_show", LineState.CONFIRMED)
            today = hotel.business_date(now)
            for line in lines:
                if today < line.arrival:
                    raise TooEarly(action="mark_no_show", arrival=line.arrival, business_date=today)
            return [NoShowRecorded(lines=_numbers(lines))]
        case _:
            assert_never(command)


def _numbers(lines: list[Line]) -> tuple[int, ...]:
    return tuple(line.line for line in lines)


def _lines(booking: Booking, wanted: tuple[int, ...] | None, action: str, *able: LineState) -> list[Line]:
    """The lines that a command is about: all or nothing of those named, or every one that is able to."""
    if wanted is None:
        chosen = [line for line in booking.lines if line.state in able]
        wrong = [] if chosen else list(booking.lines)
    else:
        by_number = {line.line: line for line in booking.lines}
        for number in wanted:
            if number not in by_number:
                raise UnknownLine(line=number)
        chosen = [by_number[number] for number in sorted(set(wanted))]
        wrong = [line for line in chosen if line.state not in able]
    if wrong:
        raise WrongLineState(action=action, lines=tuple((line.line, line.state.value) for line in wrong))
    return chosen


# ---------------------------------------------------------------- evolve


def evolve(booking: Booking | None, event: BookingEvent) -> Booking:
    """The booking after an event."""
    if isinstance(event, BookingHeld | BookingMade):
        return _booked(event)
    if booking is None:
        raise AssertionError("a booking's stream begins with BookingHeld or BookingMade")
    match event:
        case BookingConfirmed():
            return replace(_moved(booking, event.lines, LineState.CONFIRMED), hold_until=None)
        case LinesCancelled():
            after = _moved(booking, event.lines, LineState.CANCELLED)
            still_held = any(line.state is LineState.HELD for line in after.lines)
            return after if still_held else replace(after, hold_until=None)
        case BookingExpired():
            return replace(_moved(booking, event.lines, LineState.EXPIRED), hold_until=None)
        case GuestsCheckedIn():
            return _moved(booking, event.lines, LineState.CHECKED_IN)
        case GuestsCheckedOut():
            return replace(booking, lines=tuple(_departed(line, event) for line in booking.lines))
        case NoShowRecorded():
            return _moved(booking, event.lines, LineState.NO_SHOW)
        case _:
            assert_never(event)


def _booked(event: BookingHeld | BookingMade) -> Booking:
    hold_until, state = (
        (event.hold_until, LineState.HELD) if isinstance(event, BookingHeld) else (None, LineState.CONFIRMED)
    )
    return Booking(
        reference=event.reference,
        currency=event.currency,
        rate_plan=event.rate_plan,
        guest=event.guest,
        booker=event.booker,
        lines=tuple(
            Line(
                line=line.line,
                room_type=line.room_type,
                adults=line.adults,
                child_ages=line.child_ages,
                guest=line.guest,
                arrival=line.arrival,
                departure=line.departure,
                prices=line.prices,
                state=state,
            )
            for line in event.lines
        ),
        statistics=event.statistics,
        flags=event.flags,
        hold_until=hold_until,
    )


def _moved(booking: Booking, lines: tuple[int, ...], state: LineState) -> Booking:
    moved = tuple(replace(line, state=state) if line.line in lines else line for line in booking.lines)
    return replace(booking, lines=moved)


def _departed(line: Line, event: GuestsCheckedOut) -> Line:
    if line.line not in event.lines:
        return line
    departure = min(line.departure, max(event.departed_on, line.arrival))
    stayed = (departure - line.arrival).days
    return replace(line, departure=departure, prices=line.prices[:stayed], state=LineState.CHECKED_OUT)
