"""What events changed, field by field: the difference between a booking or a hotel before an event and after it."""

from collections.abc import Iterable
from typing import Any, get_args
from uuid import UUID

from domain import bookings, hotels
from domain.bookings import Booking, BookingEvent, DescribedPerson, GuestsDescribed, Line
from domain.events import Event
from domain.hotels import Hotel, HotelEvent
from query import answers
from query.answers import FieldChange

_BOOKING_EVENTS, _HOTEL_EVENTS = get_args(BookingEvent), get_args(HotelEvent)
_NOT_SHOWN = ("room_type", "first", "until", "weekdays", "reason")
"""Of an event about nights: which nights it is about, not what it sets."""

type _Fields = dict[str, Any]


def changes_by_seq(events: Iterable[tuple[int, UUID, Event | None]]) -> dict[int, list[FieldChange]]:
    """The changes of each event, by seq. `events` are whole streams, one after another: seq, stream, event.

    What made a booking or a hotel has no changes: before it nothing was there. After an event that can't be read its
    stream has none any more.
    """
    changes: dict[int, list[FieldChange]] = {}
    stream: UUID | None = None
    state: Booking | Hotel | None = None
    lost = False
    for seq, stream_id, event in events:
        if stream_id != stream:
            stream, state, lost = stream_id, None, False
        lost = lost or event is None
        if event is None or lost:
            continue
        if isinstance(event, _BOOKING_EVENTS):
            after = bookings.evolve(state if isinstance(state, Booking) else None, event)
            changes[seq] = _difference(state, after) + _described(event)
            state = after
        elif isinstance(event, _HOTEL_EVENTS):
            later = hotels.evolve(state if isinstance(state, Hotel) else None, event)
            changes[seq] = _difference(state, later)
            state = later
        else:
            changes[seq] = _set(event)
    return changes


def _difference(before: Booking | Hotel | None, after: Booking | Hotel) -> list[FieldChange]:
    if before is None:
        return []
    old, new = _fields(before), _fields(after)
    names = dict.fromkeys((*old, *new))
    return [FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _fields(state: Booking | Hotel) -> _Fields:
    return _of_booking(state) if isinstance(state, Booking) else _of_hotel(state)


def _of_booking(booking: Booking) -> _Fields:
    fields: _Fields = {
        "state": booking.state.value,
        "total": _amount(booking.total, booking.currency),
        "guest_id": booking.guest.guest_id,
        "booker_id": None if booking.booker is None else booking.booker.guest_id,
        "hold_until": booking.hold_until,
    }
    for line in booking.lines:
        fields |= {f"lines/{line.line}/{name}": value for name, value in _of_line(line, booking.currency).items()}
    return fields


def _of_line(line: Line, currency: str) -> _Fields:
    return {
        "state": line.state.value,
        "room_type": line.room_type,
        "adults": line.adults,
        "child_ages": list(line.child_ages),
        "arrival": line.arrival,
        "departure": line.departure,
        "total": _amount(line.total, currency),
        "guest_id": None if line.guest is None else line.guest.guest_id,
        "rooms": [{"room": stay.room, "from": stay.first, "to": stay.until} for stay in line.rooms],
    }


def _of_hotel(hotel: Hotel) -> _Fields:
    fields: _Fields = {
        "name": hotel.name,
        "city": hotel.city,
        "country": hotel.country,
        "timezone": hotel.timezone,
        "bookable_until": hotel.bookable_until,
    }
    fields |= {f"room_types/{code}/rooms": list(each.rooms) for code, each in hotel.room_types.items()}
    fields |= {f"rooms/{room}/features": sorted(features) for room, features in hotel.features.items()}
    for room, outages in hotel.outages.items():
        fields[f"rooms/{room}/out_of_order"] = [{"from": outage.first, "to": outage.until} for outage in outages]
    return {name: value for name, value in fields.items() if value != []}


def _described(event: object) -> list[FieldChange]:
    """Whose details changed and which; what they are is nobody's business here."""
    if not isinstance(event, GuestsDescribed):
        return []
    people: list[tuple[str, DescribedPerson | None]] = [("guest", event.guest), ("booker", event.booker)]
    people += [(f"lines/{line.line}/guest", line.guest) for line in event.lines]
    return [FieldChange(f"{who}/{name}", None, None) for who, person in people if person for name in person.changed]


def _set(event: Event) -> list[FieldChange]:
    """What an event about nights sets; what was there before needn't be one value, so it is absent."""
    named = {name: getattr(event, name) for name in type(event).__dataclass_fields__ if name not in _NOT_SHOWN}
    return [FieldChange(name, None, _plain(value)) for name, value in named.items() if value is not None]


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int) else str(value)


def _amount(amount: Any, currency: str) -> str:
    return answers.money(amount, currency).amount
