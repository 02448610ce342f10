"""Answers kept in Redis are never older than the read model, whatever Redis or the projectors have lost."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from query import hotels, marks
from query.kept_answers import PREFIX, KeptAnswers
from query.marks import mark_of, of_city, of_hotel
from staysync.settings import Settings
from tests.clients import Running, open_hotel, project, stay
from tests.http.read_tables import NOW, World, day

SEARCH = f"/v1/availability?city=Lisbon&arrival={day(5)}&departure={day(7)}"


@asynccontextmanager
async def keeping(service: Running, keep_s: int = 60) -> AsyncIterator["Redis"]:
    """Let the service keep answers with a client that waits as long as it takes, since a test isn't in a hurry."""
    redis = Redis.from_url(service.settings.redis_url or "")
    kept = KeptAnswers(redis, keep_s=keep_s, build="test", patience_s=30)
    service.app.state.query = replace(service.app.state.query, kept=kept)
    try:
        yield redis
    finally:
        await redis.aclose()


async def change(settings: Settings, *statements: str) -> None:
    """Change the read tables as a projector would, in one transaction."""
    connection = await asyncpg.connect(settings.role_url("projector"))
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


SELL_OUT = "update read.night set sold = in_service"
MOVE_ON = "update read.checkpoint set seq = seq + 1, updated_at = clock_timestamp()"


def a_hotel(world: World, **changes: Any) -> UUID:
    hotel_id = world.hotel(**changes)
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, 50)
    world.checkpoint(hotel_id, 10)
    return hotel_id


async def ask(service: Running, path: str, **headers: str) -> httpx.Response:
    async with service.client() as client:
        answer = await client.get(path, headers=headers)
    assert answer.status_code in (200, 304), answer.text
    return answer


def paths_of(hotel_id: UUID) -> list[str]:
    month = f"{day(5):%Y-%m}"
    return [
        SEARCH,
        f"/v1/availability?hotel_id={hotel_id}&arrival={day(5)}&departure={day(7)}",
        f"/v1/hotels/{hotel_id}/calendar?from={day(5)}&to={day(7)}",
        f"/v1/hotels/{hotel_id}/cheapest-prices?month={month}",
        f"/v1/cheapest-prices?city=Lisbon&month={month}",
    ]


async def test_an_answer_is_kept_until_a_hotel_it_is_about_is_projected_further(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    await world.write()
    async with keeping(service):
        for path in paths_of(hotel_id):
            first = await ask(service, path)
            # What no projector does: a change that moves no checkpoint. That it isn't seen shows that answers are kept.
            await change(service.settings, SELL_OUT)
            assert (await ask(service, path)).content == first.content, path
            await change(service.settings, MOVE_ON)
            second = await ask(service, path)
            assert second.content != first.content, path
            await change(service.settings, "update read.night set sold = 0", MOVE_ON)
            assert (await ask(service, path)).content == first.content


async def test_projectors_need_not_tell_redis_anything(service: Running) -> None:
    """Each answer includes what was projected before it was asked for: here by projectors that know no Redis at all."""
    async with service.administrator() as administrator, service.client() as guest, keeping(service):
        hotel_id = await open_hotel(administrator, rooms=3)
        dates = f"arrival={day(30)}&departure={day(32)}"
        for free in (3, 2, 1):
            await project(service.settings)
            for _ in range(2):
                [item] = (await ask(service, f"/v1/availability?city=lisbon&{dates}")).json()["items"]
                assert item["offers"][0]["free"] == free
            booked = await guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
            assert booked.status_code == 201
        await project(service.settings)
        position = {"StaySync-Min-Position": booked.headers["StaySync-Position"]}
        assert (await ask(service, f"/v1/availability?city=lisbon&{dates}", **position)).json()["items"] == []


async def test_a_hotel_that_comes_into_the_city_is_seen(service: Running, world: World) -> None:
    a_hotel(world, name="A")
    await world.write()
    async with keeping(service):
        assert len((await ask(service, SEARCH)).json()["items"]) == 1
        a_hotel(world, name="B")
        await world.write()
        assert len((await ask(service, SEARCH)).json()["items"]) == 2
        await change(service.settings, "update read.hotel set city = 'Porto' where name = 'A'", MOVE_ON)
        assert [item["name"] for item in (await ask(service, SEARCH)).json()["items"]] == ["B"]


async def test_a_hold_that_falls_due_is_free_at_once(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    world.booking(hotel_id, claim="held", state="held", hold_until=NOW + timedelta(days=1))
    await world.write()
    await change(service.settings, "update read.night set held = in_service")
    async with keeping(service):
        for path in paths_of(hotel_id)[:3]:
            first = await ask(service, path)
            # As if a day had passed: nothing was projected, but the hold's deadline lies behind.
            await change(service.settings, "update read.booking set hold_until = now() - interval '1 second'")
            second = await ask(service, path)
            assert second.content != first.content, path
            await change(service.settings, "update read.booking set hold_until = now() + interval '1 day'")
            assert (await ask(service, path)).content == first.content


async def test_a_new_business_date_is_a_new_mark(
    service: Running, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotel_id = a_hotel(world)
    await world.write()
    side = service.app.state.query

    def at(moment: datetime) -> Callable[[], datetime]:
        return lambda: moment

    before = await mark_of(side, of_hotel(hotel_id))
    for days, same in ((0, True), (1, False)):
        monkeypatch.setattr(marks, "utc_now", at(hotels.utc_now() + timedelta(days=days)))
        assert (await mark_of(side, of_hotel(hotel_id)) == before) is same


async def test_what_redis_has_of_before_is_worth_nothing(service: Running, world: World) -> None:
    """Redis comes back with the answers of an hour ago: a lost drop, a replica that was behind, a restored copy."""
    a_hotel(world)
    await world.write()
    async with keeping(service) as redis:
        first = await ask(service, SEARCH)
        [key] = [key async for key in redis.scan_iter(f"{PREFIX}*")]
        old = await redis.get(key)
        await change(service.settings, SELL_OUT, MOVE_ON)
        second = await ask(service, SEARCH)
        assert second.json()["items"] == []
        await redis.set(key, old or b"")
        assert (await ask(service, SEARCH)).content == second.content != first.content
        await redis.set(key, b"anything")
        assert (await ask(service, SEARCH)).content == second.content
        await redis.flushdb()
        assert (await ask(service, SEARCH)).content == second.content


async def test_without_a_checkpoint_nothing_is_kept(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    await world.write()
    side = service.app.state.query
    assert await mark_of(side, of_hotel(hotel_id)) is None
    assert await mark_of(side, of_city("Lisbon")) is None
    assert await mark_of(side, of_city("Nowhere")) is None


async def test_without_redis_everything_is_answered(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    await world.write()
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    for kept in (KeptAnswers(None, keep_s=60, build=""), KeptAnswers(nowhere, keep_s=60, build="")):
        service.app.state.query = replace(service.app.state.query, kept=kept)
        for path in paths_of(hotel_id):
            for _ in range(2):
                assert (await ask(service, path)).status_code == 200
    await nowhere.aclose()


async def test_refusals_are_not_kept(service: Running, world: World) -> None:
    a_hotel(world)
    await world.write()
    async with keeping(service) as redis, service.client() as client:
        past = await client.get(f"/v1/availability?city=Lisbon&arrival={day(-9)}&departure={day(-7)}")
        assert past.status_code == 422
        assert [key async for key in redis.scan_iter(f"{PREFIX}*")] == []


# ---------------------------------------------------------------- entity tags


async def test_whoever_has_the_answer_gets_304(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    booking_id = world.booking(hotel_id)
    await world.write()
    paths = [
        *paths_of(hotel_id),
        "/v1/hotels",
        f"/v1/hotels/{hotel_id}/room-types",
        f"/v1/hotels/{hotel_id}/bookings",
        f"/v1/hotels/{hotel_id}/bookings/{booking_id}",
    ]
    async with service.administrator() as client, keeping(service):
        for path in paths:
            first = await client.get(path)
            assert first.status_code == 200, first.text
            tag = first.headers["ETag"]
            for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                again = await client.get(path, headers={"If-None-Match": condition})
                assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), (path, condition)
            for condition in ('"other"', tag.strip('"'), "nonsense", ""):
                other = await client.get(path, headers={"If-None-Match": condition})
                assert (other.status_code, other.content) == (200, first.content), (path, condition)


async def test_one_hotel_is_never_304_since_its_business_date_is_not_in_its_tag(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    await world.write()
    async with service.client() as client:
        first = await client.get(f"/v1/hotels/{hotel_id}")
        again = await client.get(f"/v1/hotels/{hotel_id}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_changed_answer_has_another_tag(service: Running, world: World) -> None:
    hotel_id = a_hotel(world)
    await world.write()
    async with keeping(service):
        for path in paths_of(hotel_id):
            tag = (await ask(service, path)).headers["ETag"]
            await change(service.settings, SELL_OUT, MOVE_ON)
            changed = await ask(service, path, **{"If-None-Match": tag})
            assert changed.status_code == 200
            assert changed.headers["ETag"] != tag
            await change(service.settings, "update read.night set sold = 0", MOVE_ON)
            assert (await ask(service, path, **{"If-None-Match": tag})).status_code == 304
