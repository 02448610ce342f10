"""Which endpoints are limited, by what, and what clients are told."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis

from staysync.settings import Settings
from tests.clients import ORIGIN, PASSWORD, Running, open_hotel, running, stay
from tests.limits.conftest import Clock, limits

SIGN_IN = {"email": "ada@example.org", "password": "not the pass phrase"}


def limit(service: Running, clock: Clock, redis: Redis | None, **rates: tuple[int, int]) -> None:
    """Give a running service limits on the test's clock."""
    service.app.state.limits = limits(clock, redis, **rates)


async def _answers(client: httpx.AsyncClient, path: str, bodies: list[dict[str, Any]]) -> list[int]:
    return [(await client.post(path, json=body)).status_code for body in bodies]


async def test_guessing_a_password_is_refused_and_a_right_one_is_no_guess(
    service: Running, clock: Clock, redis: Redis
) -> None:
    limit(service, clock, redis, sign_ins_per_account=(3, 900))
    async with service.client() as client:
        await client.post("/v1/auth/register", json={**SIGN_IN, "password": PASSWORD, "full_name": "Ada"})
        right = {**SIGN_IN, "password": PASSWORD}
        assert await _answers(client, "/v1/auth/login", [right] * 5) == [200] * 5
        assert await _answers(client, "/v1/auth/login", [SIGN_IN] * 5) == [401, 401, 401, 429, 429]
        # By now not even the right one is tried, however the e-mail is written: or guessing could go on.
        assert await _answers(client, "/v1/auth/login", [right, {**right, "email": "ADA@example.org"}]) == [429, 429]
        other = {**SIGN_IN, "email": "bob@example.org"}
        assert await _answers(client, "/v1/auth/login", [other]) == [401]
        clock.now += 1800
        assert await _answers(client, "/v1/auth/login", [right]) == [200]


async def test_the_refusal_says_when_to_come_again(service: Running, clock: Clock, redis: Redis) -> None:
    limit(service, clock, redis, sign_ins_per_address=(2, 60), sign_ins_per_account=(9, 900))
    async with service.client() as client:
        first = await client.post("/v1/auth/login", json=SIGN_IN)
        await client.post("/v1/auth/login", json=SIGN_IN)
        refused = await client.post("/v1/auth/login", json=SIGN_IN)
    policies = '"sign_ins_per_address";q=2;w=60, "sign_ins_per_account";q=9;w=900'
    assert first.headers["ratelimit-policy"] == refused.headers["ratelimit-policy"] == policies
    assert first.headers["ratelimit"] == '"sign_ins_per_address";r=1;t=60, "sign_ins_per_account";r=8;t=900'
    assert "retry-after" not in first.headers
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    # Two at the very beginning of a window: one more fits when half of them have left, in the next.
    assert refused.headers["retry-after"] == "90"
    assert refused.headers["ratelimit"] == '"sign_ins_per_address";r=0;t=90, "sign_ins_per_account";r=7;t=900'
    problem = refused.json()
    assert (problem["code"], problem["violated_policies"]) == ("too_many_requests", ["sign_ins_per_address"])


@pytest.mark.parametrize(
    ("policy", "path", "body"),
    [
        ("sign_ins", "/v1/auth/login", SIGN_IN),
        ("registrations", "/v1/auth/register", {**SIGN_IN, "full_name": "Ada Lovelace"}),
        ("resets", "/v1/auth/forgot-password", {"email": "ada@example.org"}),
        ("resets", "/v1/auth/resend-verification", {"email": "ada@example.org"}),
        ("lookups", "/v1/bookings/lookup", {"reference": "GRAN-2345ABCD", "email": "ada@example.org"}),
    ],
)
@pytest.mark.parametrize("kind", ["address", "account"])
async def test_each_is_limited_by_address_and_by_account(
    policy: str, path: str, body: dict[str, Any], kind: str, service: Running, clock: Clock, redis: Redis
) -> None:
    limit(service, clock, redis, **{f"{policy}_per_{kind}": (2, 60)})
    transports = [httpx.ASGITransport(service.app, client=(f"192.0.2.{number}", 1)) for number in (1, 2)]
    one, other = (httpx.AsyncClient(transport=transport, base_url=ORIGIN) for transport in transports)
    async with one, other:
        assert 429 not in await _answers(one, path, [body] * 2)
        assert await _answers(one, path, [body]) == [429]
        elsewhere = await _answers(other, path, [body])
        somebody_else = await _answers(one, path, [{**body, "email": "eve@example.org"}])
    assert (elsewhere == [429]) == (kind == "account")
    assert (somebody_else == [429]) == (kind == "address")


async def test_a_request_that_is_not_well_formed_is_not_counted(service: Running, clock: Clock, redis: Redis) -> None:
    limit(service, clock, redis, lookups_per_address=(1, 60))
    async with service.client() as client:
        assert await _answers(client, "/v1/bookings/lookup", [{"reference": 1}] * 3) == [422] * 3
    assert await redis.keys() == []


@pytest.fixture
async def hotel(service: Running) -> AsyncIterator[UUID]:
    """A hotel with rooms to spare."""
    async with service.administrator() as administrator:
        yield await open_hotel(administrator, rooms=30)


async def test_holds_of_strangers_are_limited_and_those_of_the_house_are_not(
    service: Running, hotel: UUID, clock: Clock, redis: Redis
) -> None:
    path, hold = f"/v1/hotels/{hotel}/bookings", stay(state="hold")
    async with service.client() as stranger, service.staff(hotel) as desk:
        limit(service, clock, redis, holds_per_address=(3, 60), holds_per_account=(2, 60))
        assert await _answers(stranger, path, [hold] * 3) == [201, 201, 429]
        other = {**hold, "guest": {"full_name": "Bob", "email": "bob@example.org"}}
        assert await _answers(stranger, path, [other] * 2) == [201, 429]
        assert await _answers(desk, path, [hold] * 5) == [201] * 5
        # What is sold at once has a limit of its own, which is off here.
        assert await _answers(stranger, path, [stay()] * 5) == [201] * 5


async def test_a_guest_with_an_account_is_limited_by_it(
    service: Running, hotel: UUID, clock: Clock, redis: Redis
) -> None:
    path = f"/v1/hotels/{hotel}/bookings"
    async with service.client() as client:
        await client.post(
            "/v1/auth/register", json={"email": "eve@example.org", "password": PASSWORD, "full_name": "Eve"}
        )
    async with service.signed_in("eve@example.org") as guest:
        limit(service, clock, redis, holds_per_account=(2, 60))
        bodies = [
            stay(state="hold", guest={"full_name": "Somebody", "email": f"g{number}@example.org"})
            for number in range(3)
        ]
        assert await _answers(guest, path, bodies) == [201, 201, 429]


async def test_bookings_of_strangers_ask_no_redis(service: Running, hotel: UUID, clock: Clock, redis: Redis) -> None:
    path = f"/v1/hotels/{hotel}/bookings"
    await redis.flushdb()
    async with service.client() as stranger:
        limit(service, clock, redis, bookings_per_address=(2, 60), holds_per_address=(1, 60))
        assert await _answers(stranger, path, [stay()] * 3) == [201, 201, 429]
    assert await redis.keys("staysync:limit:*") == []


def test_by_default_bookings_are_limited_in_production_only() -> None:
    assert Settings().limit_bookings_per_address == "0"
    assert Settings.model_validate({"production": True}).limit_bookings_per_address == "600/m"


async def test_without_redis_people_sign_in_and_guessing_is_still_refused(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0", "limit_sign_ins_per_account": "3/15m"})
    async with running(away) as service, service.administrator("admin@example.org"), service.client() as client:
        wrong = {"email": "admin@example.org", "password": "not the pass phrase"}
        # Seven, since a window of the clock's own may begin in between.
        assert 429 in await _answers(client, "/v1/auth/login", [wrong] * 7)


async def test_ipv6_addresses_of_one_site_count_as_one(service: Running, clock: Clock, redis: Redis) -> None:
    limit(service, clock, redis, lookups_per_address=(2, 60))
    body = {"reference": "GRAN-2345ABCD", "email": "ada@example.org"}
    found = []
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3:4", "2001:db8:0:1::1", "::ffff:192.0.2.9", "192.0.2.9"):
        transport = httpx.ASGITransport(service.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            found += await _answers(client, "/v1/bookings/lookup", [body])
    assert found == [404, 404, 429, 404, 404, 404]


async def test_the_present_password_of_a_change_is_guessed_no_more_often_than_at_sign_in(
    service: Running, clock: Clock, redis: Redis
) -> None:
    limit(service, clock, redis, sign_ins_per_account=(2, 60))
    async with service.client() as client:
        await client.post("/v1/auth/register", json={**SIGN_IN, "password": PASSWORD, "full_name": "Ada"})
        token = (await client.post("/v1/auth/login", json={**SIGN_IN, "password": PASSWORD})).json()["access_token"]
    async with service.client(headers={"Authorization": f"Bearer {token}"}) as thief:
        guess = {"current_password": "not the pass phrase", "new_password": "quite another phrase"}
        found = await _answers(thief, "/v1/auth/change-password", [guess] * 3)
        assert found[-1] == 429
        assert 429 not in found[:2]
        clock.now += 120
        right = {**guess, "current_password": PASSWORD}
        assert await _answers(thief, "/v1/auth/change-password", [right]) == [204]


async def test_programs_are_limited_by_their_key_and_unknown_keys_by_the_address(
    service: Running, hotel: UUID, clock: Clock, redis: Redis
) -> None:
    path = f"/v1/hotels/{hotel}/bookings"
    async with service.staff(hotel, "manager") as manager:
        made = [
            (
                await manager.post(
                    "/v1/api-keys",
                    json={"name": name, "scopes": ["book"], "hotel_ids": [str(hotel)], "role": "front_desk"},
                )
            ).json()["key"]
            for name in ("one", "other")
        ]
    await redis.flushdb()
    limit(service, clock, redis, requests_per_key=(2, 60), unknown_keys_per_address=(3, 60))
    one, other = (service.client(headers={"Authorization": f"Bearer {key}"}) for key in made)
    async with one, other, service.client(headers={"Authorization": "Bearer ssk_nonsense"}) as nobody:
        assert await _answers(one, path, [stay()] * 3) == [201, 201, 429]
        assert await _answers(other, path, [stay()]) == [201]
        assert await _answers(nobody, path, [stay()] * 5) == [401, 401, 401, 429, 429]
        assert await _answers(other, path, [stay()]) == [201]
    assert await redis.keys("staysync:limit:*") == []


async def test_a_program_without_a_role_is_limited_by_its_key_whomever_it_books_for(
    service: Running, hotel: UUID, clock: Clock, redis: Redis
) -> None:
    async with service.administrator() as administrator:
        foreign = await open_hotel(administrator, "Other")
    async with service.staff(hotel, "manager") as manager:
        body = {"name": "Channel", "scopes": ["book"], "hotel_ids": [str(hotel)], "role": "front_desk"}
        key = (await manager.post("/v1/api-keys", json=body)).json()["key"]
    limit(service, clock, redis, holds_per_account=(2, 60))
    bodies = [
        stay(state="hold", guest={"full_name": "Somebody", "email": f"g{number}@example.org"}) for number in range(3)
    ]
    async with service.client(headers={"Authorization": f"Bearer {key}"}) as program:
        assert await _answers(program, f"/v1/hotels/{foreign}/bookings", bodies) == [201, 201, 429]
        assert await _answers(program, f"/v1/hotels/{hotel}/bookings", bodies) == [201, 201, 201]
