"""The nudge: it never waits, tells each shard once, calls a projector only where nobody listens, and may be lost."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from celery import Celery
from redis.asyncio import Redis

from command.side import CommandSide
from projections.drain import Projector, shard_of
from projections.news import News
from projections.tasks import ProjectionSide, drain_what_is_told
from staysync.celery_app import make_celery
from staysync.embedded import free_port
from staysync.nudge import Nudger, open_nudger, open_redis
from staysync.settings import Settings
from tests.eventstore.house import open_house
from tests.projections.words import head


@pytest.fixture
async def redis(settings: Settings) -> "AsyncIterator[Redis]":
    """A client of the test's own Valkey database."""
    assert settings.redis_url is not None
    client = open_redis(settings.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def news(redis: "Redis") -> News:
    """Nobody has told anything yet."""
    return News(redis)


class Calls:
    """Counts the tasks that would be queued."""

    def __init__(self) -> None:
        self.tasks: list[str] = []

    def send_task(self, name: str, **_: object) -> None:
        self.tasks.append(name)


async def told(news: News) -> list[int]:
    """All shards that are waiting, in order."""
    shards = []
    while (shard := await news.next(0.01)) is not None:
        shards.append(shard)
    return shards


async def test_a_shard_told_many_times_is_drained_once_and_in_turn(news: News) -> None:
    for shards in ([3], [5], [3]):
        await news.tell(shards)
    assert await told(news) == [3, 5]
    assert await told(news) == []


async def test_a_projector_is_called_once_until_it_comes(news: News) -> None:
    assert [await news.tell([1]), await news.tell([2]), await news.tell([1])] == [True, False, False]
    await news.wake()
    assert await news.tell([1])


async def test_nobody_is_called_while_a_projector_listens(news: News) -> None:
    await news.next(0.01)
    assert not await news.tell([1])


async def test_a_second_projector_is_called_where_many_wait(news: News) -> None:
    await news.next(0.01)
    assert [await news.tell([shard]) for shard in range(4)] == [False, False, True, False]


async def test_a_projector_that_falls_asleep_is_told_of_the_last_news(news: News) -> None:
    await news.next(0.01)
    assert not await news.sleep()
    await news.next(0.01)
    await news.tell([7])
    assert await news.sleep()


async def test_announcements_while_one_is_told_go_together(news: News, redis: "Redis") -> None:
    calls = Calls()
    nudger = Nudger(news, calls)  # type: ignore[arg-type]
    for number in range(100):
        nudger.nudge(UUID(int=number % 4))
    assert await redis.zcard("staysync:news") == 0
    assert await nudger.flush()
    assert calls.tasks == ["projections.drain"]
    assert sorted(await told(news)) == [0, 1, 2, 3]


async def test_a_listening_projector_drains_what_it_is_told(
    side: CommandSide, projector: Projector, news: News
) -> None:
    house = await open_house(side, 2)
    listening = asyncio.create_task(drain_what_is_told(ProjectionSide(projector, news), linger_s=0.5, at_work_s=5))
    for _ in range(2):
        await house.book(1, 2)
        await news.tell([shard_of(house.hotel_id)])
    assert not await listening
    seq = await projector.pool.fetchval("select seq from read.checkpoint where hotel_id = $1", house.hotel_id)
    assert seq == await head(projector, house.hotel_id) == 4


async def test_more_than_one_drain_does_is_told_again(side: CommandSide, projector: Projector, news: News) -> None:
    house = await open_house(side, 60)
    await asyncio.gather(*(house.book(1, 2) for _ in range(50)))
    small = Projector(projector.pool, projector.master_key, batch_size=1)
    await news.tell([shard_of(house.hotel_id)])
    assert not await drain_what_is_told(ProjectionSide(small, news), linger_s=0.01)
    seq = await projector.pool.fetchval("select seq from read.checkpoint where hotel_id = $1", house.hotel_id)
    assert seq == 52  # twenty at once, then told again, and again


# ---------------------------------------------------------------- without the broker


@pytest.fixture
def no_broker(settings: Settings) -> tuple[str, Celery]:
    """The address of a broker that isn't there."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    return url, make_celery(settings.model_copy(update={"redis_url": url}))


async def test_without_a_broker_an_announcement_returns_at_once_and_is_logged_once(
    no_broker: tuple[str, Celery], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with open_nudger(*no_broker) as nudger:
            began = time.perf_counter()
            for number in range(1000):
                nudger.nudge(UUID(int=number))
            assert time.perf_counter() - began < 0.1
            await asyncio.sleep(0.1)
            for _ in range(3):
                nudger.nudge(UUID(int=5))
                assert not await nudger.flush()
    assert [record.message for record in caplog.records if "nudged" in record.message] == [
        "the projectors can't be nudged, the sweep will find the news: ConnectionError"
    ]


async def test_without_a_broker_the_queue_gives_up_soon(no_broker: tuple[str, Celery]) -> None:
    class Called:
        async def tell(self, _: object) -> bool:
            return True

    nudger = Nudger(Called(), no_broker[1])  # type: ignore[arg-type]
    nudger.nudge(UUID(int=1))
    began = time.perf_counter()
    assert not await nudger.flush()
    assert time.perf_counter() - began < 3


async def test_a_projector_without_a_broker_ends_and_leaves_it_to_the_sweep(
    no_broker: tuple[str, Celery], projector: Projector
) -> None:
    redis = open_redis(no_broker[0])
    assert not await drain_what_is_told(ProjectionSide(projector, News(redis)))
    await redis.aclose()
