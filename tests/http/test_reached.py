"""Reading one's own writes is woken by a push; without one it looks at intervals; and no wake-up is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from projections import telling
from projections.drain import Projector, projector_pool, sweep
from projections.telling import Telling
from query import positions, reached
from query.errors import PositionNotReached
from query.positions import wait_for
from query.side import QuerySide, open_query_side
from staysync.settings import Settings
from tests.clients import Running, open_hotel
from tests.projections.workers import until

NOWHERE = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def side(settings: Settings, redis_url: str | None, *, wait_s: float = 20) -> AsyncIterator[QuerySide]:
    """A read side that listens to a Redis, once it does."""
    async with open_query_side(
        settings.sqlalchemy_url("query"), pool_size=2, position_wait_s=wait_s, redis_url=redis_url
    ) as opened:

        async def listens() -> bool:
            return opened.reached.listening

        if redis_url not in (None, NOWHERE):
            await until(listens)
        yield opened


@asynccontextmanager
async def projecting(service: Running, redis_url: str) -> AsyncIterator[Projector]:
    """A projector that tells what it has committed."""
    redis = Redis.from_url(redis_url)
    key = service.app.state.command_side.master_key
    async with projector_pool(service.settings.role_url("projector"), key) as pool:
        yield Projector(pool, key, tell=Telling(redis).tell)
    await redis.aclose()


@pytest.fixture
async def hotel_id(service: Running) -> UUID:
    async with service.administrator() as admin:
        return await open_hotel(admin)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a checkpoint is looked at; each look adds an entry."""
    counted: list[int] = []
    behind = positions._behind

    async def look(*arguments: object) -> object:
        counted.append(1)
        return await behind(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(positions, "_behind", look)
    return counted


def test_both_sides_mean_the_same_channel() -> None:
    assert telling.REACHED == reached.REACHED


async def test_who_waits_is_woken_after_the_commit_and_looks_twice(
    service: Running, hotel_id: UUID, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "LOOK_EVERY_S", 3600)  # nothing but the push can wake it
    url = service.settings.redis_url
    assert url is not None
    async with side(service.settings, url) as asked, projecting(service, url) as projector:
        waiting = asyncio.create_task(wait_for(asked, f"{hotel_id}:2"))

        async def it_waits() -> bool:
            return bool(looks) and hotel_id in asked.reached.waiting()

        await until(it_waits)
        assert await sweep(projector)
        await asyncio.wait_for(waiting, 10)
        assert len(looks) == 2
        assert not asked.reached.waiting()


async def test_a_commit_between_the_look_and_the_wait_is_not_missed(
    service: Running, hotel_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment in which a wake-up could be lost: what was looked at is out of date by now, and nobody waits yet."""
    monkeypatch.setattr(reached, "LOOK_EVERY_S", 3600)
    url = service.settings.redis_url
    assert url is not None
    async with side(service.settings, url) as asked, projecting(service, url) as projector:
        behind = positions._behind
        heard = asyncio.Event()
        hear = asked.reached.heard

        def noted(told: UUID, seq: int) -> None:
            hear(told, seq)
            heard.set()

        async def look_and_be_late(*arguments: object) -> object:
            found = await behind(*arguments)  # type: ignore[arg-type]
            if found:
                assert await sweep(projector)
                await asyncio.wait_for(heard.wait(), 10)
            return found

        monkeypatch.setattr(asked.reached, "heard", noted)
        monkeypatch.setattr(positions, "_behind", look_and_be_late)
        await asyncio.wait_for(wait_for(asked, f"{hotel_id}:2"), 10)


async def test_who_waits_for_more_or_for_another_hotel_sleeps_on() -> None:
    waiters, hotel = reached.Reached(), uuid4()
    waiters.listening = True
    with waiters.ear({hotel: 5}) as ear:
        waiting = asyncio.create_task(ear.sleep(3600))
        await asyncio.sleep(0)
        for told, seq in ((uuid4(), 9), (hotel, 4)):
            waiters.heard(told, seq)
            await asyncio.sleep(0)
            assert not waiting.done()
        waiters.heard(hotel, 5)
        await asyncio.wait_for(waiting, 10)


@pytest.mark.parametrize("url", [None, NOWHERE])
async def test_without_redis_it_looks_at_intervals(service: Running, hotel_id: UUID, url: str | None) -> None:
    async with side(service.settings, url) as asked, projecting(service, NOWHERE) as projector:
        waiting = asyncio.create_task(wait_for(asked, f"{hotel_id}:2"))
        assert await sweep(projector)  # which nobody can be told of, and goes on
        await asyncio.wait_for(waiting, 10)


async def test_a_lost_message_costs_a_moment(service: Running, hotel_id: UUID) -> None:
    url = service.settings.redis_url
    assert url is not None
    async with side(service.settings, url) as asked, projecting(service, NOWHERE) as silent:
        waiting = asyncio.create_task(wait_for(asked, f"{hotel_id}:2"))
        await asyncio.sleep(0.1)
        assert await sweep(silent)
        await asyncio.wait_for(waiting, 10)


async def test_when_the_subscription_breaks_all_look_and_it_comes_back(
    service: Running, hotel_id: UUID, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "LOOK_EVERY_S", 3600)
    url = service.settings.redis_url
    assert url is not None
    redis = Redis.from_url(url)
    async with side(service.settings, url) as asked, projecting(service, NOWHERE) as silent:
        waiting = asyncio.create_task(wait_for(asked, f"{hotel_id}:2"))

        async def it_waits() -> bool:
            return bool(looks)

        await until(it_waits)
        assert await sweep(silent)
        await redis.client_kill_filter(_type="pubsub", skipme=True)
        await asyncio.wait_for(waiting, 10)

        async def listens_again() -> bool:
            return asked.reached.listening

        await until(listens_again)
    await redis.aclose()


async def test_the_wait_is_bounded_and_says_how_far_it_is(service: Running, hotel_id: UUID) -> None:
    async with side(service.settings, service.settings.redis_url, wait_s=0.2) as asked:
        with pytest.raises(PositionNotReached) as refused:
            await wait_for(asked, f"{hotel_id}:2")
        assert [(lag.wanted, lag.reached) for lag in refused.value.positions] == [(2, 0)]
        assert not asked.reached.waiting()


async def test_what_is_no_message_of_ours_is_ignored(service: Running, hotel_id: UUID) -> None:
    url = service.settings.redis_url
    assert url is not None
    redis = Redis.from_url(url)
    async with side(service.settings, url) as asked:
        for nonsense in (b"", b"\xff\xfe", b"hotel:1", b"x" * 1000):
            await redis.publish(reached.REACHED, nonsense)
        heard = asyncio.Event()
        hear = asked.reached.heard
        asked.reached.heard = lambda *told: (hear(*told), heard.set())  # type: ignore[method-assign,assignment,func-returns-value]
        await redis.publish(reached.REACHED, f"{hotel_id}:1")
        await asyncio.wait_for(heard.wait(), 10)
    await redis.aclose()
