"""Everybody × every endpoint × their own and a foreign hotel, as the table of permissions says, and nothing leaks.

The endpoints are those of the OpenAPI document, so a new one is in here, or fails.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from identity.permissions import EXTENSION, RULES, SCOPES, Who, as_markdown, may, scope_of
from identity.tokens import ROLES
from staysync.app import create_app
from staysync.openapi import document
from staysync.settings import Settings
from tests.permissions.conftest import Place, World
from tests.permissions.requests import Asked, asked, names

REFUSALS = ("not_signed_in", "not_permitted")

# What the cookies of a browser open, and nothing else: there is nobody to be refused.
_BY_COOKIE = "POST /v1/auth/refresh"


def operations(settings: Settings) -> dict[str, str | None]:
    """The endpoints with their actions."""
    return {
        f"{method.upper()} {path}": operation.get(EXTENSION)
        for path, found in document(create_app(settings))["paths"].items()
        for method, operation in found.items()
    }


def test_every_endpoint_names_an_action_and_has_its_request_here(settings: Settings) -> None:
    found = operations(settings)
    assert {name for name, action in found.items() if action not in RULES} == set()
    assert set(found) == names()


def test_every_action_is_used(settings: Settings) -> None:
    # Asked for next to the endpoint's own: by what a booking says, and by which report it is.
    besides = {"bookings.favour", "reports.figures"}
    assert set(operations(settings).values()) | besides == set(RULES)


def test_the_docs_have_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "roles.md").read_text(encoding="utf-8")
    assert as_markdown() in page


def test_an_unknown_action_is_refused_to_everyone() -> None:
    for who in RULES["service.read"].may:
        assert not may(who, "no.such_action")
        assert not may(who, None)
    assert scope_of("no.such_action") is scope_of(None) is None


async def _send(client: httpx.AsyncClient, request: Asked) -> httpx.Response:
    answer = await client.request(request.method, request.path, params=request.given.query, json=request.body)
    client.cookies.clear()  # signing in leaves some, and everybody is to stay who they are
    return answer


def _code(answer: httpx.Response) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    code: str = answer.json()["code"]
    return code


def _faults(request: Asked, who: str, acts_as: Who | None, answer: httpx.Response, place: Place) -> Iterator[str]:
    permitted = acts_as is not None and may(acts_as, request.action)
    said = f"{who}: {request.name} -> {answer.status_code} {answer.text[:200]}"
    if answer.status_code >= 500 or _code(answer) == "invalid_request":
        yield f"BROKEN {said}"
    if permitted == (_code(answer) in REFUSALS):
        yield f"{'REFUSED' if permitted else 'LET IN'} {said}"
    if not permitted and answer.status_code != (401 if who == "anonymous" else 403):
        yield f"OTHERWISE {said}"
    leaks = [words for words in place.personal if words in answer.text]
    if leaks and (not permitted or acts_as in ("anonymous", "guest")):
        yield f"LEAKS {leaks} {said}"


async def test_everybody_may_do_what_the_table_says_and_nothing_else(world: World) -> None:
    faults: list[str] = []
    for name, action in operations(world.service.settings).items():
        if name == _BY_COOKIE:
            continue
        for place, at_home in ((world.own, True), (world.foreign, False)):
            for who, client in world.people.items():
                request = asked(world, name, action, place)
                if request.given.ends and who != "anonymous":
                    continue  # looked at below, one after the other
                here = at_home and request.about_a_hotel
                acts_as = who if here or who not in ROLES else "guest"  # a role counts at its own hotel only
                faults += _faults(request, who, acts_as, await _send(client, request), place)
    assert not faults, "\n".join(faults)


async def test_programs_may_do_what_their_role_and_scope_say(world: World) -> None:
    faults: list[str] = []
    for name, action in operations(world.service.settings).items():
        if may("anonymous", action) and action != "bookings.book":
            continue  # nobody is asked
        for place, at_home in ((world.own, True), (world.foreign, False)):
            for scope in SCOPES:
                request = asked(world, name, action, place)
                acts_as: Who | None = "manager" if at_home and request.about_a_hotel else "anonymous"
                acts_as = acts_as if scope == scope_of(action) else None
                answer = await _send(world.programs[scope], request)
                faults += _faults(request, f"program to {scope}", acts_as, answer, place)
    assert not faults, "\n".join(faults)


async def test_an_id_of_a_foreign_hotel_is_not_there_under_ones_own(world: World) -> None:
    for name, action in operations(world.service.settings).items():
        if "{hotel_id}/bookings/{booking_id}" not in name:
            continue
        request = asked(world, name, action, world.foreign, within=world.own)
        for who in ("manager", "administrator"):
            answer = await _send(world.people[who], request)
            assert (answer.status_code, _code(answer)) == (404, "unknown_booking"), (who, name, answer.text)


@pytest.mark.parametrize("who", ["guest", "front_desk", "manager", "auditor"])
async def test_keys_and_sessions_of_others_are_not_there(world: World, who: Who) -> None:
    client = world.people[who]
    key = await client.delete(f"/v1/api-keys/{world.foreign.key_id}")
    assert (key.status_code, _code(key)) == (404, "not_found")
    session = await client.delete(f"/v1/auth/sessions/{world.session_id}")
    assert (session.status_code, _code(session)) == (404, "not_found")
    assert (await world.people["administrator"].get("/v1/auth/me")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-everywhere"])
async def test_everybody_with_an_account_may_end_their_sessions(world: World, path: str) -> None:
    for who, client in world.people.items():
        expected = 204 if who != "anonymous" or path == "/v1/auth/logout" else 401
        assert (await client.post(path)).status_code == expected, who
        if who != "anonymous":
            assert (await client.get("/v1/auth/me")).status_code == 401, who
