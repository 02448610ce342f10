"""Privilege by editing a body: fields that would make somebody more than they are, added to every object of every body.

None is taken in silence, since one that is read some day would have been sent for long.
"""

from typing import Any

import httpx

from tests.attacks.document import Operation, operations
from tests.eventstore.house import superuser
from tests.permissions.conftest import World
from tests.permissions.requests import asked

_WISHES: dict[str, Any] = {
    "role": "manager",
    "roles": [{"hotel_id": "0b7f3a2e-0000-7000-8000-000000000000", "role": "manager"}],
    "is_administrator": True,
    "is_admin": True,
    "admin": True,
    "account_id": "0b7f3a2e-0000-7000-8000-000000000000",
    "hotel_id": "0b7f3a2e-0000-7000-8000-000000000000",
    "booking_id": "0b7f3a2e-0000-7000-8000-000000000000",
    "actor": "somebody else",
    "email_verified": True,
    "email_verified_at": "2026-01-01T00:00:00Z",
    "scopes": ["read", "book", "manage"],
    "permissions": ["*"],
    "password_hash": "x",
    "total": {"amount": "0.01", "currency": "EUR"},
    "price": "0.01",
    "version": 1,
    "seq": 1,
    "__proto__": {"is_administrator": True},
    "__class__": "x",
}

_WHO_IS_WHAT = """
    select (select jsonb_agg(to_jsonb(a) - 'roles_changed_at' order by account_id) from identity.account a) as accounts,
           (select jsonb_agg(to_jsonb(m) order by account_id, hotel_id) from identity.membership m) as members,
           (select jsonb_agg(to_jsonb(k) - 'last_used_at' order by key_id) from identity.api_key k) as keys,
           (select jsonb_agg(to_jsonb(h) order by hotel_id) from ledger.head h) as heads
"""


async def _state(world: World) -> Any:
    async with superuser(world.service.settings) as connection:
        return await connection.fetchrow(_WHO_IS_WHAT)


def _bodies(operation: Operation) -> list[tuple[str, str, Any]]:
    """A pointer, a wish, and the body with the wish in the object there; where its schema doesn't have such a field."""
    made = []
    for place in operation.objects():
        if place.schema.get("additionalProperties") is not False:
            made.append((place.pointer, "any field", None))
            continue
        for wish, value in _WISHES.items():
            if wish not in place.schema["properties"]:
                found = operation.sample(place.schema) if place.path else dict(operation.base or {})
                made.append((place.pointer, wish, operation.with_value(place.path, found | {wish: value})))
    return made


async def test_no_object_of_any_body_takes_a_field_that_it_does_not_have(world: World) -> None:
    before, faults, tried = await _state(world), [], 0
    for operation in operations(world.service.app):
        path = asked(world, operation.name, operation.action, world.own).path
        for pointer, wish, body in _bodies(operation):
            said, tried = f"{operation.name} {pointer or '/'} {wish}", tried + 1
            if body is None:
                faults.append(f"{said}: its schema allows any")
                continue
            for who in ("administrator", "guest"):
                answer = await world.people[who].request(operation.method, path, json=body)
                refused = (422,) if who == "administrator" else (401, 403, 422)
                if answer.status_code not in refused:
                    faults.append(f"{who}: {said} -> {answer.status_code} {answer.text[:200]}")
    assert not faults, "\n".join(faults)
    assert tried > 500
    assert await _state(world) == before


def _same(plain: httpx.Response, edited: httpx.Response) -> bool:
    """Whether the wishes were as good as not there. Metrics are others at every look."""
    if edited.headers["Content-Type"].startswith("text/plain"):
        return edited.status_code == plain.status_code
    said, wanted = edited.json(), plain.json()
    return bool({name: value for name, value in said.items() if name != "request_id"} == wanted)


async def test_no_query_makes_anybody_more_than_they_are(world: World) -> None:
    guest, faults = world.people["guest"], []
    wishes = {wish: str(value) for wish, value in _WISHES.items()}
    for operation in operations(world.service.app):
        request = asked(world, operation.name, operation.action, world.own)
        if operation.method != "GET" or any(p["name"] in wishes for p in operation.parameters_in("query")):
            continue
        plain = await guest.get(request.path, params=request.given.query)
        edited = await guest.get(request.path, params={**wishes, **request.given.query})
        if edited.status_code != 422 and (edited.status_code, edited.is_success) != (plain.status_code, False):
            same = _same(plain, edited)
            faults += [] if same else [f"{operation.name} -> {edited.status_code} {edited.text[:200]}"]
    assert not faults, "\n".join(faults)
