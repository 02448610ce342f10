"""What a booking's timeline says about an event: facts for people, never personal data."""

from collections.abc import Mapping
from typing import Any, assert_never

import orjson

from domain.bookings import (
    Booking,
    BookingConfirmed,
    BookingEvent,
    BookingExpired,
    BookingHeld,
    BookingMade,
    GuestsCheckedIn,
    GuestsCheckedOut,
    LinesCancelled,
    NoShowRecorded,
)


def facts(event: BookingEvent, after: Booking) -> str:
    """The event's facts as JSON text; amounts are strings. Whatever is sealed in the event stays out of it."""
    return orjson.dumps(_facts(event, after)).decode()


def _facts(event: BookingEvent, after: Booking) -> Mapping[str, Any]:
    match event:
        case BookingHeld():
            return {**_booked(event, after), "hold_until": event.hold_until}
        case BookingMade():
            return _booked(event, after)
        case BookingConfirmed() | BookingExpired() | GuestsCheckedIn() | NoShowRecorded():
            return {"lines": event.lines}
        case LinesCancelled():
            return {"lines": event.lines, "reason": event.reason, "has_note": event.note is not None}
        case GuestsCheckedOut():
            return {"lines": event.lines, "departed_on": event.departed_on}
        case _:
            assert_never(event)


def _booked(event: BookingHeld | BookingMade, after: Booking) -> dict[str, Any]:
    return {
        "lines": [
            {
                "line": line.line,
                "room_type": line.room_type,
                "adults": line.adults,
                "children": len(line.child_ages),
                "arrival": line.arrival,
                "departure": line.departure,
            }
            for line in event.lines
        ],
        "total": str(after.total),
        "currency": event.currency,
    }
