"""IDOR: whoever puts another hotel's or another account's id where their own belongs gets nothing and changes nothing.

Every path parameter of every operation in the document is replaced by a foreign one, alone and together with the
others, for everybody but administrators, whose all hotels are.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import httpx
import pytest

from identity.permissions import may
from tests.attacks.document import Operation, operations
from tests.eventstore.house import superuser
from tests.permissions.conftest import World
from tests.permissions.requests import asked

# A role is given to any account with a verified e-mail: that it has roles elsewhere is no secret, and no obstacle.
_NO_ID = {
    ("PUT /v1/hotels/{hotel_id}/members/{email}", "email"),
    ("GET /v1/hotels/{hotel_id}/reports/{name}", "name"),
    ("POST /v1/ops/schedules/{schedule}/run", "schedule"),
}
_REFUSED = (401, 403, 404)
_NOTHING_THERE = "0b7f3a2e-0000-7000-8000-000000000000"

_NOTHING_CHANGED = """
    select (select jsonb_agg(to_jsonb(e) order by seq) from ledger.event e where hotel_id = $1) as events,
           (select jsonb_agg(to_jsonb(m) order by account_id) from identity.membership m
             where hotel_id = $1) as members,
           (select jsonb_agg(to_jsonb(k) - 'last_used_at' order by key_id) from identity.api_key k
             where $1 = any (hotel_ids)) as keys,
           (select to_jsonb(s) from identity.session s where session_id = $2) as session
"""


@pytest.fixture
async def foreign_ids(world: World) -> dict[str, str]:
    """What is at the foreign hotel, all of it under names that the own hotel doesn't have."""
    administrator, hotel = world.people["administrator"], world.foreign.hotel_id
    added = await administrator.post(
        f"/v1/hotels/{hotel}/room-types",
        json={
            "code": "FRN",
            "name": "F",
            "max_adults": 2,
            "max_children": 0,
            "base_price": "90.00",
            "rooms": ["F01"],
        },
    )
    assert added.status_code == 201, added.text
    return {
        "hotel_id": str(hotel),
        "booking_id": world.foreign.booking_id,
        "key_id": world.foreign.key_id,
        "session_id": world.session_id,
        "guest_id": world.foreign.guest_id,
        "mail_id": _NOTHING_THERE,
        "dead_letter_id": _NOTHING_THERE,
        "name": "arrivals",
        "schedule": "sweep",
        "email": f"manager.{hotel}@example.org",
        "code": "FRN",
        "room": "F01",
    }


def _own_ids(world: World) -> dict[str, str]:
    own = world.own
    return {
        "hotel_id": str(own.hotel_id),
        "booking_id": own.booking_id,
        "key_id": own.key_id,
        "session_id": "0b7f3a2e-0000-7000-8000-000000000000",
        "guest_id": own.guest_id,
        "mail_id": _NOTHING_THERE,
        "dead_letter_id": _NOTHING_THERE,
        "name": "arrivals",
        "schedule": "sweep",
        "email": "member@example.org",
        "code": "DBL",
        "room": "101",
    }


def _paths(operation: Operation, own: Mapping[str, str], foreign: Mapping[str, str]) -> Iterator[str]:
    """The operation's path with each choice of own and foreign ids that has a foreign one."""
    names = [parameter["name"] for parameter in operation.parameters_in("path")]
    for choice in product((own, foreign), repeat=len(names)):
        changed = {name for name, ids in zip(names, choice, strict=True) if ids is foreign}
        if changed and not all((operation.name, name) in _NO_ID for name in changed):
            yield operation.path.format_map({name: ids[name] for name, ids in zip(names, choice, strict=True)})


def _everybody(world: World) -> Iterator[tuple[str, httpx.AsyncClient]]:
    yield from ((who, client) for who, client in world.people.items() if who != "administrator")
    yield from ((f"program to {scope}", client) for scope, client in world.programs.items())


async def _state(world: World) -> Any:
    async with superuser(world.service.settings) as connection:
        return await connection.fetchrow(_NOTHING_CHANGED, world.foreign.hotel_id, world.session_id)


async def test_every_id_in_every_path(world: World, foreign_ids: dict[str, str]) -> None:
    before, faults, tried = await _state(world), [], 0
    for operation in operations(world.service.app):
        if may("anonymous", operation.action):
            continue  # about no one in particular, or open to all
        request = asked(world, operation.name, operation.action, world.own)
        for path in _paths(operation, _own_ids(world), foreign_ids):
            for who, client in _everybody(world):
                answer = await client.request(operation.method, path, params=request.given.query, json=request.body)
                tried += 1
                if answer.status_code not in _REFUSED:
                    faults.append(f"{who}: {operation.method} {path} -> {answer.status_code} {answer.text[:200]}")
                faults += [f"{who}: {path} tells {word}" for word in world.foreign.personal if word in answer.text]
    assert not faults, "\n".join(faults)
    assert tried > 500
    assert await _state(world) == before


async def test_foreign_ids_in_bodies_and_queries(world: World) -> None:
    own, foreign, before = world.own, world.foreign, await _state(world)
    manager = world.people["manager"]
    swap = f"/v1/hotels/{own.hotel_id}/bookings/{own.booking_id}/swap-rooms"
    key = {"name": "k", "scopes": ["read"], "role": "manager"}
    answers = [
        await manager.post(swap, json={"line": 1, "other_line": 1, "other_booking_id": foreign.booking_id}),
        await manager.post("/v1/api-keys", json=key | {"hotel_ids": [str(foreign.hotel_id)]}),
        await manager.post("/v1/api-keys", json=key | {"hotel_ids": [str(own.hotel_id), str(foreign.hotel_id)]}),
        await manager.get("/v1/api-keys", params={"hotel_id": str(foreign.hotel_id)}),
        await world.people["guest"].post("/v1/me/bookings/claim", json={"reference": foreign.reference}),
    ]
    # An id in a body that isn't there is 422, as the one of nothing at all would be.
    assert answers[0].json()["code"] == "unknown_booking"
    assert [answer.status_code for answer in answers] == [422, 403, 403, 403, 404], [a.text for a in answers]
    assert not any(word in answer.text for answer in answers for word in foreign.personal)
    assert await _state(world) == before
