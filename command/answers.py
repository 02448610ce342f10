"""What commands are answered with. No answer holds a personal field: answers are stored for repeats of a request."""

from typing import Any

import orjson

from domain.bookings import Booking, Line
from domain.calendar import nights
from domain.hotels import Hotel
from domain.values import rounded
from eventstore.submission import Answer, Outcome

CREATED, OK = 201, 200


def hotel_opened(outcome: Outcome) -> Answer:
    """The new hotel."""
    return _answer(CREATED, outcome, _hotel(outcome.hotel))


def hotel_changed(outcome: Outcome) -> Answer:
    """The hotel as it is now."""
    return _answer(OK, outcome, _hotel(outcome.hotel))


def room_type_added(code: str, outcome: Outcome) -> Answer:
    """The new room type."""
    return _answer(CREATED, outcome, _room_type(code, outcome.hotel))


def room_type_changed(code: str, outcome: Outcome) -> Answer:
    """The room type as it is now."""
    return _answer(OK, outcome, _room_type(code, outcome.hotel))


def room_changed(room: str, outcome: Outcome) -> Answer:
    """The room as it is now."""
    hotel = outcome.hotel
    return _answer(OK, outcome, {"room": room, "room_type": hotel.type_of_room[room]} | _room_details(room, hotel))


def booked(outcome: Outcome) -> Answer:
    """The new booking."""
    return _answer(CREATED, outcome, _booking(outcome))


def booking_changed(outcome: Outcome) -> Answer:
    """The booking as it is now."""
    return _answer(OK, outcome, _booking(outcome))


def _answer(status: int, outcome: Outcome, facts: dict[str, Any]) -> Answer:
    hotel_id = str(outcome.hotel_id)
    facts["hotel_id"] = hotel_id
    facts["version"] = outcome.version
    facts["position"] = f"{hotel_id}:{outcome.seq}"
    return Answer(status, orjson.dumps(facts, option=orjson.OPT_UTC_Z))


def _hotel(hotel: Hotel) -> dict[str, Any]:
    return {
        "name": hotel.name,
        "city": hotel.city,
        "country": hotel.country,
        "timezone": hotel.timezone,
        "currency": hotel.currency,
        "reference_prefix": hotel.reference_prefix,
        "business_day_rolls_at": hotel.business_day_rolls_at.isoformat("minutes"),
        "bookable_until": hotel.bookable_until,
        "room_types": sorted(hotel.room_types),
    }


def _room_type(code: str, hotel: Hotel) -> dict[str, Any]:
    kind = hotel.room_types[code]
    return {
        "code": kind.code,
        "name": kind.name,
        "max_adults": kind.max_adults,
        "max_children": kind.max_children,
        "base_price": {"amount": f"{kind.base_price:f}", "currency": hotel.currency},
        "rooms": kind.rooms,
        "room_details": [
            {"room": room} | _room_details(room, hotel)
            for room in kind.rooms
            if hotel.features.get(room) or hotel.outages.get(room)
        ],
    }


def _room_details(room: str, hotel: Hotel) -> dict[str, Any]:
    return {
        "features": sorted(hotel.features.get(room, ())),
        "out_of_order": [{"from": outage.first, "to": outage.until} for outage in hotel.outages.get(room, ())],
    }


def _booking(outcome: Outcome) -> dict[str, Any]:
    booking = outcome.booking
    if booking is None:
        raise AssertionError("a command on a booking ends with a booking")
    facts: dict[str, Any] = {
        "booking_id": str(outcome.stream_id),
        "reference": booking.reference,
        "state": booking.state.value,
        "total": {"amount": f"{rounded(booking.total, booking.currency):f}", "currency": booking.currency},
        "lines": [_line(line, booking) for line in booking.lines],
    }
    if booking.hold_until is not None:
        facts["hold_until"] = booking.hold_until
    return facts


def _line(line: Line, booking: Booking) -> dict[str, Any]:
    stay = nights(line.arrival, line.departure)
    # Most lines, and all new ones, have no room yet: nothing is looked up for their nights.
    rooms = [line.room_of(night) for night in stay] if line.rooms else [None] * len(stay)
    # Most nights of a stay cost the same: each amount is written once.
    amounts = {price: {"amount": f"{price:f}", "currency": booking.currency} for price in set(line.prices)}
    return {
        "line": line.line,
        "room_type": line.room_type,
        "adults": line.adults,
        "child_ages": line.child_ages,
        "arrival": line.arrival,
        "departure": line.departure,
        "nights": [
            {"date": night, "room_type": room_type, "room": room, "price": amounts[price]}
            for night, room_type, room, price in zip(stay, line.stock, rooms, line.prices, strict=True)
        ],
        "state": line.state.value,
        "room": line.room,
    }
