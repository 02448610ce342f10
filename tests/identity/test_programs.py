"""Programs act by keys: at their hotels, within their scopes, and for as long as their maker may."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from identity import programs
from identity.side import IdentitySide
from staysync.admin import add_staff
from tests.clients import PASSWORD, Running, open_hotel, project, stay, verify_email
from tests.identity.people import bearer, browser_of, echo, sql, work_of


@dataclass(frozen=True, slots=True)
class Hotel:
    """A hotel with its manager, and another hotel that isn't theirs."""

    service: Running
    hotel_id: UUID
    foreign_id: UUID
    manager: httpx.AsyncClient
    administrator: httpx.AsyncClient

    async def key(self, *scopes: str, **changes: Any) -> tuple[str, str]:
        """A key that the manager makes, and its id."""
        answer = await self.ask(self.manager, *scopes, **changes)
        assert answer.status_code == 201, answer.text
        return answer.json()["key"], answer.json()["api_key"]["key_id"]

    async def ask(self, who: httpx.AsyncClient, *scopes: str, **changes: Any) -> httpx.Response:
        body = {"name": "Channel", "scopes": scopes or ("read",), "hotel_ids": [str(self.hotel_id)], "role": "manager"}
        return await who.post("/v1/api-keys", json=body | changes)

    def program(self, key: str) -> httpx.AsyncClient:
        return self.service.client(headers=bearer(key))

    def path(self, rest: str = "/bookings") -> str:
        return f"/v1/hotels/{self.hotel_id}{rest}"


@pytest.fixture
async def hotel(service: Running) -> AsyncIterator[Hotel]:
    async with opened(service) as hotel:
        yield hotel


@asynccontextmanager
async def opened(service: Running) -> AsyncIterator[Hotel]:
    async with service.administrator() as administrator:
        hotel_id, foreign_id = await open_hotel(administrator), await open_hotel(administrator, "Other")
        await project(service.settings)
        async with service.staff(hotel_id, "manager") as manager:
            yield Hotel(service, hotel_id, foreign_id, manager, administrator)


async def manager_becomes(hotel: Hotel, role: Any) -> None:
    await add_staff(
        hotel.service.settings,
        email=f"manager.{hotel.hotel_id}@example.org",
        password=PASSWORD,
        full_name="At the Desk",
        hotel_id=hotel.hotel_id,
        role=role,
    )


def side_of(hotel: Hotel) -> IdentitySide:
    side: IdentitySide = hotel.service.app.state.identity
    return side


def later(hotel: Hotel, seconds: float) -> None:
    """As if all keys had been looked up so long ago."""
    known = side_of(hotel).programs._known
    for key_hash, (at, program) in list(known.items()):
        known[key_hash] = (at - seconds, program)


async def test_a_key_is_shown_once_and_kept_as_a_hash(hotel: Hotel) -> None:
    key, key_id = await hotel.key("read", "book")
    assert key.startswith("ssk_")
    assert len(key) == 47  # 256 bits in base64url
    (listed,) = (await hotel.manager.get("/v1/api-keys")).json()["items"]
    assert (listed["key_id"], listed["name"], listed["scopes"]) == (key_id, "Channel", ["read", "book"])
    assert listed["prefix"] == key[:12]
    kept = str(await sql(hotel.service, "select * from identity.api_key"))
    assert key not in kept
    assert key[12:] not in kept


async def test_a_program_reads_books_and_manages_by_its_scopes(hotel: Hotel) -> None:
    reading, booking, managing = [(await hotel.key(scope))[0] for scope in ("read", "book", "manage")]
    rooms = hotel.path("/room-types/DBL/rooms")
    allowed = {reading: {"read"}, booking: {"book"}, managing: {"manage"}}
    for key, scopes in allowed.items():
        async with hotel.program(key) as program:
            answers = {
                "read": await program.get(hotel.path()),
                "book": await program.post(hotel.path(), json=stay()),
                "manage": await program.post(rooms, json={"rooms": ["900"]}),
            }
        for scope, answer in answers.items():
            if scope in scopes:
                assert answer.is_success, (scope, answer.text)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), (key, scope)


async def test_a_program_cancels_what_it_booked_and_is_in_the_ledger_under_its_key(hotel: Hotel) -> None:
    key, key_id = await hotel.key("read", "book")
    async with hotel.program(key) as program:
        booked = (await program.post(hotel.path(), json=stay())).json()
        cancelled = await program.post(hotel.path(f"/bookings/{booked['booking_id']}/cancel"), json={})
        assert cancelled.status_code == 200
        await project(hotel.service.settings)
        history = (await program.get(hotel.path(f"/bookings/{booked['booking_id']}/history"))).text
    assert f"key:{key_id}" in history


async def test_the_role_of_a_key_bounds_it_as_it_bounds_people(hotel: Hotel) -> None:
    auditor, desk = [(await hotel.key("read", "book", "manage", role=role))[0] for role in ("auditor", "front_desk")]
    async with hotel.program(auditor) as program:
        assert (await program.get(hotel.path())).status_code == 200
        refused = await program.post(hotel.path("/room-types/DBL/rooms"), json={"rooms": ["900"]})
        assert refused.json()["code"] == "not_permitted"
    first = stay()["arrival"]
    allowance = {"from": first, "to": stay()["departure"], "allowance": 1, "reason": "a group"}
    async with hotel.program(desk) as program:
        refused = await program.put(hotel.path("/room-types/DBL/allowance"), json=allowance)
        assert refused.json()["code"] == "not_permitted"


async def test_a_key_is_worth_nothing_at_another_hotel(hotel: Hotel) -> None:
    key, _ = await hotel.key("read", "book", "manage")
    foreign = f"/v1/hotels/{hotel.foreign_id}"
    async with hotel.program(key) as program:
        for answer in (
            await program.get(f"{foreign}/bookings"),
            await program.post(f"{foreign}/room-types/DBL/rooms", json={"rooms": ["900"]}),
            await program.patch(foreign, json={"name": "Mine"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


async def test_a_key_of_several_hotels_works_where_its_maker_is_a_manager(hotel: Hotel) -> None:
    both = [str(hotel.hotel_id), str(hotel.foreign_id)]
    refused = await hotel.ask(hotel.manager, hotel_ids=both)
    assert refused.status_code == 403
    made = await hotel.ask(hotel.administrator, hotel_ids=both)
    async with hotel.program(made.json()["key"]) as program:
        for hotel_id in both:
            assert (await program.get(f"/v1/hotels/{hotel_id}/bookings")).status_code == 200
        # Its maker stays an administrator no longer, but manages one of the two.
        await sql(hotel.service, "update identity.account set is_administrator = false")
        await sql(
            hotel.service,
            "insert into identity.membership select account_id, $1, 'manager' from identity.account"
            " where email = 'admin@example.org'",
            hotel.hotel_id,
        )
        later(hotel, programs.CACHED_S + 1)
        assert [(await program.get(f"/v1/hotels/{hotel_id}/bookings")).status_code for hotel_id in both] == [200, 403]


async def test_a_key_ends_with_its_makers_right(hotel: Hotel) -> None:
    key, _ = await hotel.key("read", "manage")
    async with hotel.program(key) as program:
        assert (await program.get(hotel.path())).status_code == 200
        await manager_becomes(hotel, "front_desk")
        write = await program.post(hotel.path("/room-types/DBL/rooms"), json={"rooms": ["900"]})
        assert write.status_code == 403  # at once for writes
        later(hotel, programs.CACHED_S + 1)
        assert (await program.get(hotel.path())).status_code == 403


async def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_soon(hotel: Hotel) -> None:
    key, key_id = await hotel.key("read", "manage")
    async with hotel.program(key) as program:
        assert (await program.get(hotel.path())).status_code == 200
        assert (await hotel.manager.delete(f"/v1/api-keys/{key_id}")).status_code == 204
        assert (await program.get(hotel.path())).status_code == 401
    key, _ = await hotel.key("read", "manage")
    async with hotel.program(key) as program:
        assert (await program.get(hotel.path())).status_code == 200
        await sql(hotel.service, "update identity.api_key set revoked_at = clock_timestamp()")  # by another process
        write = await program.post(hotel.path("/room-types/DBL/rooms"), json={"rooms": ["900"]})
        assert write.status_code == 401
        assert (await program.get(hotel.path())).status_code == 401
    assert programs.CACHED_S <= 30


async def test_a_key_that_has_ended_is_refused_although_it_was_known(hotel: Hotel) -> None:
    key, _ = await hotel.key("read")
    async with hotel.program(key) as program:
        await sql(
            hotel.service, "update identity.api_key set expires_at = clock_timestamp() + interval '200 milliseconds'"
        )
        begun = time.monotonic()
        while (answer := await program.get(hotel.path())).status_code == 200:
            continue
        assert time.monotonic() - begun < programs.CACHED_S / 2  # not only when it is looked up again
        assert answer.json()["code"] == "not_signed_in"


async def test_a_reading_program_is_looked_up_once_in_a_while(hotel: Hotel, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = await hotel.key("read")
    async with hotel.program(key) as program, hotel.program("ssk_never_made") as stranger:
        with work_of(monkeypatch) as work:
            for _ in range(3):
                assert (await program.get(hotel.path())).status_code == 200
                assert (await stranger.get(hotel.path())).status_code == 401
        assert len(work) == 2
        later(hotel, programs.CACHED_S + 1)
        with work_of(monkeypatch) as work:
            assert (await program.get(hotel.path())).status_code == 200
        assert len(work) == 1


async def test_the_last_use_is_written_once_a_minute(hotel: Hotel) -> None:
    key, _ = await hotel.key("read")

    async def last_use() -> Any:
        async with hotel.program(key) as program:
            assert (await program.get(hotel.path())).status_code == 200
        later(hotel, programs.CACHED_S + 1)
        (row,) = await sql(hotel.service, "select last_used_at from identity.api_key")
        return row["last_used_at"]

    (unused,) = (await hotel.manager.get("/v1/api-keys")).json()["items"]
    assert unused["last_used_at"] is None
    first = await last_use()
    assert await last_use() == first
    await sql(hotel.service, "update identity.api_key set last_used_at = last_used_at - interval '61 seconds'")
    assert await last_use() >= first


async def test_keys_never_work_on_accounts_or_keys(hotel: Hotel) -> None:
    key, key_id = await hotel.key("read", "book", "manage")
    async with hotel.program(key) as program:
        requests = (
            ("GET", "/v1/auth/me", None),
            ("GET", "/v1/auth/sessions", None),
            ("POST", "/v1/auth/logout-everywhere", None),
            ("POST", "/v1/auth/logout", None),
            ("POST", "/v1/auth/change-password", {"current_password": PASSWORD, "new_password": "another phrase"}),
            ("POST", "/v1/auth/verify-email", {"token": "x"}),
            ("DELETE", f"/v1/auth/sessions/{uuid4()}", None),
            ("GET", "/v1/api-keys", None),
            ("DELETE", f"/v1/api-keys/{key_id}", None),
            ("PUT", f"/v1/hotels/{hotel.hotel_id}/members/a@b.cd", {"role": "manager"}),
            ("POST", "/v1/hotels", {"name": "x", "city": "x", "country": "PT", "timezone": "UTC", "currency": "EUR"}),
        )
        for method, path, body in requests:
            answer = await program.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), (method, path)
        assert (await hotel.ask(program)).status_code == 403


async def test_only_managers_and_administrators_make_and_see_keys(hotel: Hotel) -> None:
    _, key_id = await hotel.key("read")
    async with (
        hotel.service.staff(hotel.hotel_id, "front_desk") as desk,
        hotel.service.staff(hotel.hotel_id, "auditor") as auditor,
        hotel.service.staff(hotel.foreign_id, "manager") as foreigner,
        hotel.service.client() as anybody,
    ):
        for who in (desk, auditor, foreigner):
            assert (await hotel.ask(who)).json()["code"] == "not_permitted"
            assert (await who.get("/v1/api-keys", params={"hotel_id": str(hotel.hotel_id)})).status_code == 403
            assert (await who.get("/v1/api-keys")).json()["items"] == []
            assert (await who.delete(f"/v1/api-keys/{key_id}")).status_code == 404
        assert (await hotel.ask(anybody)).status_code == 401
    listed = await hotel.administrator.get("/v1/api-keys", params={"hotel_id": str(hotel.hotel_id)})
    assert [key["key_id"] for key in listed.json()["items"]] == [key_id]
    assert (await hotel.administrator.delete(f"/v1/api-keys/{key_id}")).status_code == 204


async def test_a_manager_without_the_csrf_token_makes_no_key(hotel: Hotel) -> None:
    async with browser_of(hotel.service) as browser:
        await verify_email(hotel.service, "ada@example.org")
        await hotel.administrator.put(f"/v1/hotels/{hotel.hotel_id}/members/ada@example.org", json={"role": "manager"})
        await browser.post("/v1/auth/refresh", headers=echo(browser))
        assert (await hotel.ask(browser)).json()["code"] == "csrf"
        browser.headers.update(echo(browser))
        assert (await hotel.ask(browser)).status_code == 201
        for origin, status in (("https://evil.example", 403), ("http://testserver", 201)):
            browser.headers["Origin"] = origin
            assert (await hotel.ask(browser)).status_code == status


async def test_a_program_needs_no_csrf_token(hotel: Hotel) -> None:
    key, _ = await hotel.key("book")
    async with hotel.program(key) as program:
        program.cookies.set("staysync_access", "of somebody else")
        assert (await program.post(hotel.path(), json=stay())).status_code == 201


async def test_keys_are_listed_page_by_page(hotel: Hotel) -> None:
    made = [(await hotel.key("read", name=f"Key {number}"))[1] for number in range(5)]
    pages = []
    after: dict[str, str] = {}
    while True:
        page = (await hotel.manager.get("/v1/api-keys", params={"limit": "2"} | after)).json()
        pages.append([key["key_id"] for key in page["items"]])
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [key_id for page in pages for key_id in page] == made[::-1]


async def test_an_account_has_no_more_keys_than_it_can_watch(hotel: Hotel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MOST_KEYS", 2)
    _, key_id = await hotel.key("read")
    await hotel.key("read")
    refused = await hotel.ask(hotel.manager)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    await hotel.manager.delete(f"/v1/api-keys/{key_id}")
    await hotel.key("read")


async def test_bodies_of_keys_are_strict(hotel: Hotel) -> None:
    changes: list[dict[str, Any]] = [
        {"scopes": ["everything"]},
        {"scopes": []},
        {"hotel_ids": []},
        {"hotel_ids": [str(uuid4()) for _ in range(51)]},
        {"role": "administrator"},
        {"expires_in_days": 0},
        {"expires_in_days": 731},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"key": "ssk_of_my_own"},
        {"account_id": str(uuid4())},
    ]
    for change in changes:
        answer = await hotel.ask(hotel.manager, **change)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), change
    for params in ({"limit": 0}, {"limit": 201}, {"after": "x"}, {"hotel_id": "x"}, {"unknown": "x"}):
        answer = await hotel.manager.get("/v1/api-keys", params=params)
        assert answer.status_code == 422, params


async def test_credentials_that_are_odd_are_refused_and_never_an_error(hotel: Hotel) -> None:
    async with hotel.service.client() as program:
        for value in (b"Bearer ssk_", b"Bearer ssk_\xff\xfe", b"Bearer ssk_" + b"x" * 8000, b"bearer  ssk_a b"):
            answer = await program.get(hotel.path(), headers=[(b"authorization", value)])
            assert answer.status_code == 401, value
