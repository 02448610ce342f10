"""On what occasion a booking's people get a mail, and when: pure, from the event and the booking after it.

Whoever booked is told what was agreed: the booker where there is one, otherwise the guest. The guest is reminded of the
stay. Each mail has an identity of its own: that of its event, or of its booking where there is one per booking.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from domain.bookings import (
    Booking,
    BookingChanged,
    BookingConfirmed,
    BookingEvent,
    BookingHeld,
    BookingMade,
    GuestsCheckedOut,
    LinesCancelled,
    LineState,
)
from domain.calendar import zone

BEFORE_ARRIVAL = timedelta(days=3)
AFTER_DEPARTURE = timedelta(days=1)
REMINDED_AT = time(10)
LONGEST_WARNING = timedelta(hours=2)
SHORTEST_HOLD = timedelta(minutes=10)
STALE_AFTER = timedelta(days=3)
"""What happened longer ago is nobody's news any more, such as when mail was switched off for weeks."""

TELLING: tuple[type[BookingEvent], ...] = (
    BookingHeld,
    BookingMade,
    BookingConfirmed,
    BookingChanged,
    LinesCancelled,
    GuestsCheckedOut,
)
"""The events that can be the occasion of a mail."""


class Kind(StrEnum):
    """What a mail is for."""

    CONFIRMATION = "confirmation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    HOLD_EXPIRING = "hold_expiring"
    BEFORE_ARRIVAL = "before_arrival"
    AFTER_DEPARTURE = "after_departure"

    @property
    def is_reminder(self) -> bool:
        """Whether there is one per booking, sent when its time has come and the booking still asks for it."""
        return self in (Kind.HOLD_EXPIRING, Kind.BEFORE_ARRIVAL, Kind.AFTER_DEPARTURE)

    @property
    def is_for_the_guest(self) -> bool:
        """Whether it goes to who stays, and not to who booked."""
        return self in (Kind.BEFORE_ARRIVAL, Kind.AFTER_DEPARTURE)


@dataclass(frozen=True, slots=True)
class Planned:
    """A mail that an event asks for. `due_at` is None where a reminder isn't wanted any more."""

    message_id: UUID
    kind: Kind
    due_at: datetime | None


def plan(
    hotel_id: UUID, booking_id: UUID, seq: int, event: BookingEvent, after: Booking, *, at: datetime, timezone: str
) -> list[Planned]:
    """The mails that an event at an instant asks for; `after` is the booking after it, `timezone` the hotel's."""

    def now(kind: Kind) -> Planned:
        return Planned(uuid5(hotel_id, f"mail:{seq}:{kind}"), kind, at)

    def reminder(kind: Kind, due_at: datetime | None) -> Planned:
        still = due_at if due_at is not None and due_at > at else None
        return Planned(uuid5(hotel_id, f"mail:{booking_id}:{kind}"), kind, still)

    match event:
        case BookingHeld():
            return [reminder(Kind.HOLD_EXPIRING, warned_at(at, event.hold_until))]
        case BookingMade() | BookingConfirmed():
            return [now(Kind.CONFIRMATION), reminder(Kind.BEFORE_ARRIVAL, reminded_at(after, timezone))]
        case BookingChanged() if after.state is not LineState.HELD:
            return [now(Kind.CHANGE), reminder(Kind.BEFORE_ARRIVAL, reminded_at(after, timezone))]
        case LinesCancelled():
            return [now(Kind.CANCELLATION)]
        case GuestsCheckedOut() if not any(line.is_open for line in after.lines):
            return [reminder(Kind.AFTER_DEPARTURE, _local(event.departed_on + AFTER_DEPARTURE, timezone))]
        case _:
            return []


def warned_at(held_at: datetime, hold_until: datetime) -> datetime | None:
    """When a hold's end is announced: after three quarters of its time, at most two hours before.

    None for one so short that whoever made it is still there.
    """
    length = hold_until - held_at
    return None if length < SHORTEST_HOLD else hold_until - min(length / 4, LONGEST_WARNING)


def reminded_at(booking: Booking, timezone: str) -> datetime | None:
    """When a guest is reminded of the arrival: days before the first one, in the morning of the hotel's time zone."""
    arrivals = [line.arrival for line in booking.lines if line.state is LineState.CONFIRMED]
    return _local(min(arrivals) - BEFORE_ARRIVAL, timezone) if arrivals else None


def still_wanted(kind: Kind, booking: Booking, *, now: datetime, timezone: str) -> bool | datetime:
    """Whether a reminder that has come due is to be sent, as the booking is now; or on which instant instead."""
    match kind:
        case Kind.HOLD_EXPIRING:
            is_held = any(line.state is LineState.HELD for line in booking.lines)
            return is_held and booking.hold_until is not None and now < booking.hold_until
        case Kind.BEFORE_ARRIVAL:
            due = reminded_at(booking, timezone)
            if due is None or now >= due + BEFORE_ARRIVAL:
                return False
            return due if due > now else True
        case Kind.AFTER_DEPARTURE:
            return booking.state is LineState.CHECKED_OUT
        case Kind.CONFIRMATION | Kind.CHANGE | Kind.CANCELLATION:
            return True


def _local(day: date, timezone: str) -> datetime:
    return datetime.combine(day, REMINDED_AT, zone(timezone)).astimezone(UTC)
