"""What a booking's timeline says about an event: facts for people, never personal data."""

from collections.abc import Mapping
from typing import Any, assert_never

import orjson

from domain.bookings import (
    AllowanceUse,
    BookedLine,
    Booking,
    BookingChanged,
    BookingConfirmed,
    BookingEvent,
    BookingExpired,
    BookingHeld,
    BookingMade,
    ChangedLine,
    DescribedPerson,
    GuestsCheckedIn,
    GuestsCheckedOut,
    GuestsDescribed,
    GuestsErased,
    GuestsWalked,
    LinesCancelled,
    NoShowRecorded,
    RoomsAssigned,
    RoomsReleased,
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
        case BookingChanged():
            return {
                "lines": [_line(line) for line in event.lines],
                "cancelled": event.cancelled,
                "total": str(after.total),
                "currency": after.currency,
                **_allowance(event.allowance_used),
            }
        case GuestsDescribed():
            people = {"guest": event.guest, "booker": event.booker}
            return {
                **{role: _described(person) for role, person in people.items() if person is not None},
                "lines": [{"line": described.line, **_described(described.guest)} for described in event.lines],
            }
        case RoomsAssigned():
            return {
                "assignments": [
                    {
                        "line": assignment.line,
                        "room": assignment.room,
                        "room_type": assignment.room_type,
                        "from": assignment.first,
                        "to": assignment.until,
                    }
                    for assignment in event.assignments
                ],
                "automatic": event.automatic,
                **_allowance(event.allowance_used),
            }
        case RoomsReleased():
            releases = [{"line": release.line, "from": release.first} for release in event.releases]
            return {"releases": releases, **_allowance(event.allowance_used)}
        case GuestsErased():
            return {"guests": event.guests}
        case GuestsWalked():
            return {"lines": event.lines, "cost": str(event.cost), "currency": after.currency}
        case _:
            assert_never(event)


def _booked(event: BookingHeld | BookingMade, after: Booking) -> dict[str, Any]:
    return {
        "lines": [_line(line) for line in event.lines],
        "total": str(after.total),
        "currency": event.currency,
        **_allowance(event.allowance_used),
    }


def _line(line: BookedLine | ChangedLine) -> dict[str, Any]:
    return {
        "line": line.line,
        "room_type": line.room_type,
        "adults": line.adults,
        "children": len(line.child_ages),
        "arrival": line.arrival,
        "departure": line.departure,
    }


def _described(person: DescribedPerson) -> dict[str, Any]:
    return {"guest_id": person.details.guest_id, "changed": person.changed}


def _allowance(used: tuple[AllowanceUse, ...]) -> dict[str, Any]:
    """The nights sold beyond the rooms in service. Most decisions have none, and then nothing is said about it."""
    return {"allowance_used": [{"room_type": use.room_type, "date": use.date} for use in used]} if used else {}
