"""docs/events.md says which endpoint causes which event: all are called here, and the ledger tells what came of it."""

from typing import Any

import httpx

from staysync.events_page import ANY, CAUSES, SCHEDULE
from tests.commands.conftest import Hotel
from tests.commands.life import requests
from tests.eventstore.house import superuser

_PLACES = ("hotels", "bookings", "room-types", "rooms")
_NAMES = {"hotels": "{hotel_id}", "bookings": "{booking_id}", "room-types": "{code}", "rooms": "{room}"}


def _template(method: str, path: str) -> str:
    """The path as the API's document has it."""
    parts = path.strip("/").split("/")
    for number, part in enumerate(parts[:-1]):
        if part in _PLACES and "{" not in parts[number + 1] and not (part == "rooms" and "room-types" in parts):
            parts[number + 1] = _NAMES[part]
    return f"{method} /{'/'.join(parts)}"


async def _events(hotel: Hotel) -> list[str]:
    async with superuser(hotel.service.settings) as connection:
        rows = await connection.fetch("select type from ledger.event order by recorded_at, hotel_id, seq")
    return [row["type"] for row in rows]


async def test_every_event_is_caused_where_the_page_says_and_nowhere_else(hotel: Hotel) -> None:
    seen: set[tuple[str, str]] = set()

    async def watched(client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        before = await _events(hotel)
        answer = await client.request(method, path, json=body)
        assert answer.is_success, (path, answer.text)
        seen.update((event, _template(method, path)) for event in (await _events(hotel))[len(before) :])
        return answer

    for request in await requests(hotel):
        await watched(hotel.manager, request.method, request.path, request.body)
    manager = hotel.manager

    async def booked(first: int, until: int, **fields: Any) -> str:
        answer = await watched(manager, "POST", f"{hotel.path}/bookings", hotel.stay(first, until, **fields))
        return f"{hotel.path}/bookings/{answer.json()['booking_id']}"

    held = await booked(80, 82, state="hold")
    await watched(manager, "POST", f"{held}/confirm", {})
    await watched(manager, "POST", f"{held}/cancel", {})
    await watched(manager, "POST", f"{held}/erase-guests", {})
    here = await booked(0, 2)
    for step in ("assign-room", "check-in", "check-out"):
        await watched(manager, "POST", f"{here}/{step}", {})
    gone = await booked(0, 1)
    await watched(manager, "POST", f"{gone}/no-show", {})
    house = {"name": "B", "city": "B", "country": "PT", "timezone": "UTC", "currency": "EUR"}
    await watched(hotel.administrator, "POST", "/v1/hotels", house)
    await watched(manager, "PATCH", hotel.path, {"name": "Another"})
    suite = {"code": "NEW", "name": "N", "max_adults": 2, "max_children": 0, "base_price": "90.00", "rooms": ["900"]}
    await watched(manager, "POST", f"{hotel.path}/room-types", suite)
    await watched(manager, "POST", f"{hotel.path}/room-types/NEW/rooms", {"rooms": ["901"]})
    said = {(event, where) for event, causes in CAUSES.items() for _, where in causes if where not in (SCHEDULE, ANY)}
    assert seen == said
