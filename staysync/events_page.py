"""`python -m staysync.events_page > docs/events.md`: the page about every event, made from the code.

What an event means is its docstring; its fields are those of its class, their meanings domain/vocabulary.py's; who may
cause it is the action that the endpoint of its command names.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import get_args

from starlette.routing import BaseRoute, Route

from command.routes import routes
from domain.events import SCHEMA_VERSIONS, STREAMS
from domain.vocabulary import meaning
from eventstore.shapes import parts, shape
from eventstore.upcasters import UPCASTERS
from identity.permissions import action_of, said

_HOTEL = "/v1/hotels/{hotel_id}"
_BOOKING = f"{_HOTEL}/bookings/{{booking_id}}"
SCHEDULE = "schedule"
ANY = "any command that needs the room"

CAUSES: Mapping[str, Sequence[tuple[str, str]]] = {
    "HotelOpened": [("OpenHotel", "POST /v1/hotels")],
    "HotelDetailsChanged": [("ChangeHotelDetails", f"PATCH {_HOTEL}")],
    "RoomTypeAdded": [("AddRoomType", f"POST {_HOTEL}/room-types")],
    "RoomsAdded": [("AddRooms", f"POST {_HOTEL}/room-types/{{code}}/rooms")],
    "HorizonExtended": [("ExtendHorizon", SCHEDULE)],
    "RoomFeaturesSet": [("SetRoomFeatures", f"PUT {_HOTEL}/rooms/{{room}}/features")],
    "RoomTakenOutOfOrder": [("TakeOutOfOrder", f"POST {_HOTEL}/rooms/{{room}}/out-of-order")],
    "RoomReturnedToService": [("ReturnToService", f"POST {_HOTEL}/rooms/{{room}}/in-service")],
    "PricesSet": [("SetPrices", f"PUT {_HOTEL}/room-types/{{code}}/prices")],
    "RestrictionsSet": [("SetRestrictions", f"PUT {_HOTEL}/room-types/{{code}}/restrictions")],
    "AllowanceSet": [("SetAllowance", f"PUT {_HOTEL}/room-types/{{code}}/allowance")],
    "BookingHeld": [("Book", f"POST {_HOTEL}/bookings")],
    "BookingMade": [("Book", f"POST {_HOTEL}/bookings")],
    "BookingConfirmed": [("ConfirmBooking", f"POST {_BOOKING}/confirm")],
    "LinesCancelled": [("CancelLines", f"POST {_BOOKING}/cancel")],
    "BookingExpired": [("ExpireBooking", SCHEDULE), ("ExpireBooking", ANY)],
    "GuestsCheckedIn": [("CheckIn", f"POST {_BOOKING}/check-in")],
    "GuestsCheckedOut": [("CheckOut", f"POST {_BOOKING}/check-out")],
    "NoShowRecorded": [("MarkNoShow", f"POST {_BOOKING}/no-show")],
    "BookingChanged": [("ChangeBooking", f"POST {_BOOKING}/change")],
    "GuestsDescribed": [("DescribeGuests", f"POST {_BOOKING}/guest")],
    "RoomsAssigned": [
        ("AssignRoom or AssignRooms", f"POST {_BOOKING}/assign-room"),
        ("SwapRooms", f"POST {_BOOKING}/swap-rooms"),
    ],
    "RoomsReleased": [("ReleaseRooms", f"POST {_BOOKING}/release-room")],
    "GuestsWalked": [("Walk", f"POST {_BOOKING}/walk")],
    "GuestsErased": [("EraseGuests", f"POST {_BOOKING}/erase-guests"), ("EraseGuests", SCHEDULE)],
}
"""By event: the command that decides it, and the endpoint that takes it. A test watches what really happens."""

_HEAD = """# Events

Made from the code by `python -m staysync.events_page > docs/events.md`; a test fails while it isn't what that prints.
An event is what a hotel's ledger is made of, and is never changed: [the ledger](ledger.md) says how it is kept. Dates
are the hotel's, instants RFC 3339 in UTC, amounts texts with a decimal point, ids UUIDs. Something sealed opens with
the key of the guest named in it, as long as that is there. Imports and the demo bring events by the same commands, as
the system.

An event whose fields change gets a new version in `domain/events.py` and an upcaster. Samples of every version stand in
`tests/golden/events`, and every later build must read them. A projection stops at an event that is newer than its
build, says so, and goes on by `staysync retry` once the build is new enough.
"""
_STREAM_WORDS = {
    "hotel": "a hotel: its stream is the hotel's id",
    "inventory": "a room type's nights: its stream is the room type's id",
    "booking": "a booking: its stream is the booking's id",
}


def page() -> str:
    """docs/events.md as it should be."""
    actions = {f"{method} {_path(route)}": action_of(route) for route in routes() for method in _methods(route)}
    sections = [_HEAD]
    used: dict[type, None] = {}
    for stream, union in STREAMS.items():
        sections.append(f"## About {_STREAM_WORDS[stream]}\n")
        for event in get_args(union):
            sections.append(_event(event, actions))
            used |= dict.fromkeys(parts(event))
    sections.append("## Parts\n")
    sections += [f"### {part.__name__}\n{_said(part)}\n\n{_table(part)}" for part in used]
    return "\n".join(sections)


def _event(event: type, actions: Mapping[str, str | None]) -> str:
    name = event.__name__
    version = SCHEMA_VERSIONS.get(name, 1)
    lines = [f"### {name}", _said(event), ""]
    steps = [f"{old + 1}: {UPCASTERS[name, old].__doc__}" for old in range(1, version)]
    lines.append(f"Version {version}. {' '.join(steps)}".rstrip() + "\\")
    lines.append("Caused by " + "; ".join(_cause(*cause, actions) for cause in CAUSES[name]) + ".\n")
    return "\n".join(lines) + "\n" + _table(event)


def _cause(command: str, where: str, actions: Mapping[str, str | None]) -> str:
    if where == SCHEDULE:
        return f"{command}, on schedule, by the system"
    if where == ANY:
        return f"{command}, by the system, for {where}"
    action = actions[where]
    return f"{command}, `{where}`, action `{action}`: {said(action)}"


def _table(owner: type) -> str:
    rows = [f"| `{name}` | {words} | {meaning(owner.__name__, name)} |" for name, words in shape(owner).items()]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows]) + "\n"


def _said(owner: type) -> str:
    return " ".join((owner.__doc__ or "").split())


def _path(route: BaseRoute) -> str:
    """A route's path as the API's document has it: without what it says about the form of a part."""
    return re.sub(r":\w+}", "}", getattr(route, "path", ""))


def _methods(route: BaseRoute) -> set[str]:
    return route.methods or set() if isinstance(route, Route) else set()


if __name__ == "__main__":
    sys.stdout.write(page())
