"""What happens to a booking: its events, and the booking that they make. Each line is one room for one stay."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.calendar import nights
from domain.rooms import RoomStay
from domain.stock import Claim, Claims
from domain.values import Sealed, Statistics

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
class AllowanceUse:
    """A night of a room type that this decision sold beyond its rooms in service, as the allowance permits."""

    room_type: str
    date: date


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
    allowance_used: tuple[AllowanceUse, ...]


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
    allowance_used: tuple[AllowanceUse, ...]


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
    """The guests of these lines didn't come; every night after the first is free again, and their rooms are."""

    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLine:
    """A line as a change left it. Each night has a price and the room type whose stock it claims, `stock`."""

    line: int
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None
    arrival: date
    departure: date
    prices: tuple[Decimal, ...]
    stock: tuple[str, ...]
    rooms: tuple[RoomStay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingChanged:
    """Dates, room types, parties or the number of rooms changed: these lines are now as given, those are cancelled.

    A line with a number that the booking didn't have is new; it is held if the booking is, and confirmed otherwise.
    """

    lines: tuple[ChangedLine, ...]
    cancelled: tuple[int, ...]
    allowance_used: tuple[AllowanceUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedPerson:
    """Someone's details as they are now, and the names of the fields that differ from what was known before."""

    details: Sealed
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedLineGuest:
    """The guest of one line as they are now described."""

    line: int
    guest: DescribedPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsDescribed:
    """The booking's guest, its booker, or guests of lines are described anew; whoever is absent here stayed as is."""

    guest: DescribedPerson | None
    booker: DescribedPerson | None
    lines: tuple[DescribedLineGuest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAssignment:
    """A room of a type for a line, for its nights in [first, until), which claim that type's stock from now on."""

    line: int
    room: str
    room_type: str
    first: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsAssigned:
    """Lines were given rooms, by hand or by the rule (`automatic`); what they had of these nights before is free.

    Rooms that were swapped with another booking, `swapped_with`, are two events of one instant, one in each booking:
    between the two a room has two stays, and only who stops reading there can see it.
    """

    assignments: tuple[RoomAssignment, ...]
    automatic: bool
    allowance_used: tuple[AllowanceUse, ...]
    swapped_with: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRelease:
    """A line without its room from a night on; those nights claim the stock of the type that was booked."""

    line: int
    first: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsReleased:
    """Lines that haven't arrived gave their rooms back; their bookings stand."""

    releases: tuple[RoomRelease, ...]
    allowance_used: tuple[AllowanceUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsWalked:
    """The guests of these lines were sent elsewhere, at a cost to the hotel in its currency; their nights are free."""

    lines: tuple[int, ...]
    cost: Decimal
    sent_to: Sealed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsErased:
    """What was known of these guests is gone for good: with this event their keys were destroyed."""

    guests: tuple[UUID, ...]


BookingEvent = (
    BookingHeld
    | BookingMade
    | BookingConfirmed
    | LinesCancelled
    | BookingExpired
    | GuestsCheckedIn
    | GuestsCheckedOut
    | NoShowRecorded
    | BookingChanged
    | GuestsDescribed
    | RoomsAssigned
    | RoomsReleased
    | GuestsWalked
    | GuestsErased
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


OPEN_STATES = frozenset({LineState.HELD, LineState.CONFIRMED, LineState.CHECKED_IN})
_LIVELINESS = {state: rank for rank, state in enumerate(LineState)}
_SOLD = Claim(1, 0)
_HELD = Claim(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One room of a booking as it is now. A line without nights is day use and claims none.

    Each night has a price and the room type whose stock it claims: `room_type`, the one booked, unless a room of
    another type was assigned. `rooms` are in order and share no night; nights that none of them has await a room.
    """

    line: int
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None
    arrival: date
    departure: date
    prices: tuple[Decimal, ...]
    stock: tuple[str, ...]
    rooms: tuple[RoomStay, ...] = ()
    state: LineState

    @property
    def total(self) -> Decimal:
        """The sum of the nights' prices in the hotel's currency."""
        return sum(self.prices, Decimal(0))

    @property
    def room(self) -> str | None:
        """The room of the last nights that have one: where the guest is, or is going to be."""
        return self.rooms[-1].room if self.rooms else None

    @property
    def is_open(self) -> bool:
        """Whether the line still has a stay before it or is staying."""
        return self.state in OPEN_STATES

    def claimed_nights(self) -> tuple[Claim, tuple[date, ...]]:
        """What the line claims of each of which nights; they are its first ones."""
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

    def room_of(self, night: date) -> str | None:
        """The room that the line has in a night, if any."""
        return next((stay.room for stay in self.rooms if stay.first <= night < stay.until), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A booking as it is now. Of the guests in `erased` nothing is known any more."""

    reference: str
    currency: str
    rate_plan: str
    guest: Sealed
    booker: Sealed | None
    lines: tuple[Line, ...]
    statistics: Statistics
    flags: tuple[str, ...]
    hold_until: datetime | None
    erased: frozenset[UUID] = frozenset()

    def line(self, number: int) -> Line:
        """A line by its number, which counts from 1 without gaps: none is ever taken out."""
        return self.lines[number - 1]

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

    @property
    def people(self) -> tuple[Sealed, ...]:
        """The guest, the booker and the guests of lines, each once."""
        everybody = (self.guest, self.booker, *(line.guest for line in self.lines))
        return tuple({sealed.guest_id: sealed for sealed in everybody if sealed is not None}.values())

    def claims(self) -> Claims:
        """The rooms of each night that the booking has sold and holds."""
        claims: Claims = {}
        for line in self.lines:
            claim, claimed = line.claimed_nights()
            for key in zip(line.stock, claimed, strict=False):
                old = claims.get(key)
                claims[key] = claim if old is None else Claim(old.sold + claim.sold, old.held + claim.held)
        return claims


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
            return _without_idle_hold(_ended(booking, event.lines, LineState.CANCELLED))
        case BookingExpired():
            return replace(_ended(booking, event.lines, LineState.EXPIRED), hold_until=None)
        case GuestsCheckedIn():
            return _moved(booking, event.lines, LineState.CHECKED_IN)
        case GuestsCheckedOut():
            return replace(booking, lines=tuple(_departed(line, event) for line in booking.lines))
        case NoShowRecorded():
            return _ended(booking, event.lines, LineState.NO_SHOW)
        case BookingChanged():
            return _changed(booking, event)
        case GuestsDescribed():
            return _described(booking, event)
        case RoomsAssigned():
            for assignment in event.assignments:
                booking = _with_lines(booking, [_assigned(booking.line(assignment.line), assignment)])
            return booking
        case RoomsReleased():
            return _with_lines(booking, (_released(booking.line(r.line), r.first) for r in event.releases))
        case GuestsWalked():
            return _ended(booking, event.lines, LineState.CANCELLED)
        case GuestsErased():
            return replace(booking, erased=booking.erased.union(event.guests))
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
                stock=(line.room_type,) * len(line.prices),
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


def _ended(booking: Booking, lines: tuple[int, ...], state: LineState) -> Booking:
    """The booking with lines that won't be stayed, whose rooms are free."""
    ended = tuple(replace(line, state=state, rooms=()) if line.line in lines else line for line in booking.lines)
    return replace(booking, lines=ended)


def _without_idle_hold(booking: Booking) -> Booking:
    still_held = any(line.state is LineState.HELD for line in booking.lines)
    return booking if still_held else replace(booking, hold_until=None)


def _departed(line: Line, event: GuestsCheckedOut) -> Line:
    if line.line not in event.lines:
        return line
    departure = min(line.departure, max(event.departed_on, line.arrival))
    stayed = (departure - line.arrival).days
    return replace(
        line,
        departure=departure,
        prices=line.prices[:stayed],
        stock=line.stock[:stayed],
        rooms=line.rooms if departure == line.departure else rooms_until(line.rooms, departure),
        state=LineState.CHECKED_OUT,
    )


def _changed(booking: Booking, event: BookingChanged) -> Booking:
    new_state = LineState.HELD if booking.state is LineState.HELD else LineState.CONFIRMED
    states = {line.line: line.state for line in booking.lines}
    lines = {line.line: line for line in booking.lines}
    for changed in event.lines:
        lines[changed.line] = Line(
            line=changed.line,
            room_type=changed.room_type,
            adults=changed.adults,
            child_ages=changed.child_ages,
            guest=changed.guest,
            arrival=changed.arrival,
            departure=changed.departure,
            prices=changed.prices,
            stock=changed.stock,
            rooms=changed.rooms,
            state=states.get(changed.line, new_state),
        )
    after = replace(booking, lines=tuple(lines[number] for number in sorted(lines)))
    return _without_idle_hold(_ended(after, event.cancelled, LineState.CANCELLED))


def _described(booking: Booking, event: GuestsDescribed) -> Booking:
    guests = {described.line: described.guest.details for described in event.lines}
    return replace(
        booking,
        guest=booking.guest if event.guest is None else event.guest.details,
        booker=booking.booker if event.booker is None else event.booker.details,
        lines=tuple(replace(line, guest=guests[line.line]) if line.line in guests else line for line in booking.lines),
    )


def _with_lines(booking: Booking, changed: Iterable[Line]) -> Booking:
    by_number = {line.line: line for line in changed}
    return replace(booking, lines=tuple(by_number.get(line.line, line) for line in booking.lines))


def _assigned(line: Line, assignment: RoomAssignment) -> Line:
    first, until = assignment.first, assignment.until
    stay = RoomStay(room=assignment.room, first=first, until=until)
    rooms = (*rooms_until(line.rooms, first), stay, *_rooms_from(line.rooms, until)) if first < until else (stay,)
    return replace(line, rooms=joined(rooms), stock=_restocked(line, first, until, assignment.room_type))


def _released(line: Line, first: date) -> Line:
    return replace(
        line, rooms=rooms_until(line.rooms, first), stock=_restocked(line, first, line.departure, line.room_type)
    )


def _restocked(line: Line, first: date, until: date, room_type: str) -> tuple[str, ...]:
    return tuple(
        room_type if first <= night < until else stock
        for night, stock in zip(nights(line.arrival, line.departure), line.stock, strict=True)
    )


def rooms_until(rooms: tuple[RoomStay, ...], until: date) -> tuple[RoomStay, ...]:
    """The parts of room stays before a night."""
    return tuple(replace(stay, until=min(stay.until, until)) for stay in rooms if stay.first < until)


def _rooms_from(rooms: tuple[RoomStay, ...], first: date) -> tuple[RoomStay, ...]:
    return tuple(replace(stay, first=max(stay.first, first)) for stay in rooms if stay.until > first)


def joined(rooms: Iterable[RoomStay]) -> tuple[RoomStay, ...]:
    """Room stays in order, those of one room that touch as one."""
    stays: list[RoomStay] = []
    for stay in rooms:
        if stays and stays[-1].room == stay.room and stays[-1].until == stay.first:
            stays[-1] = replace(stays[-1], until=stay.until)
        else:
            stays.append(stay)
    return tuple(stays)
