"""Tells the projectors, after each commit, that a hotel has news. Never the data, and never in the way of a booking.

A booking is committed before this hears of it, and nobody waits for it. If the broker is away, the nudge is lost after
a short wait, a line is logged now and then, and the projectors' sweep finds the news by itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from celery import Celery
from kombu.exceptions import OperationalError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from projections.drain import shard_of
from projections.news import News
from projections.tasks import DRAIN

log = logging.getLogger(__name__)

_PAUSE_AFTER_FAILURE_S = 1.0
_SILENCE_S = 30.0
_UNREACHABLE = (RedisError, OperationalError, OSError)


class Nudger:
    """Collects the shards with news and tells them in the background, together with those that come meanwhile."""

    def __init__(self, news: News, celery: Celery) -> None:
        self._news = news
        self._celery = celery
        self._dirty: set[int] = set()
        self._arrived = asyncio.Event()
        self._quiet_until = 0.0
        self._calling: asyncio.Task[bool] | None = None

    def announce(self, hotel_ids: Iterable[UUID]) -> None:
        """These hotels have committed something. Returns at once, whatever happens to the broker."""
        self._dirty.update(map(shard_of, hotel_ids))
        self._arrived.set()

    def nudge(self, hotel_id: UUID) -> None:
        """This hotel has committed something."""
        self.announce((hotel_id,))

    async def run(self) -> None:
        """Tell what is announced, until cancelled."""
        while True:
            await self._arrived.wait()
            call = await self._tell()
            if call is None:
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            elif call:
                self._calling = asyncio.create_task(self._call())  # the next news don't wait for a queue

    async def flush(self) -> bool:
        """Tell what was announced up to now. False if the broker couldn't be reached: then it is for the sweep."""
        call = await self._tell()
        if call:
            return await self._call()
        return call is not None

    async def finish(self) -> None:
        """Tell what is left, and wait for a call under way."""
        await self.flush()
        if self._calling is not None:
            await self._calling

    async def _tell(self) -> bool | None:
        """Tell the shards. True if a projector is to be called, None if nobody could be told."""
        self._arrived.clear()
        shards, self._dirty = self._dirty, set()
        if not shards:
            return False
        try:
            return await self._news.tell(shards)
        except _UNREACHABLE as error:
            self._complain(error)
            return None

    async def _call(self) -> bool:
        try:
            await asyncio.to_thread(self._celery.send_task, DRAIN, retry=False)
        except _UNREACHABLE as error:
            self._complain(error)
            return False
        return True

    def _complain(self, error: BaseException) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("the projectors can't be nudged, the sweep will find the news: %s", type(error).__name__)


def open_redis(url: str) -> "Redis":
    """A client whose every wait is bounded; it connects when it is first used."""
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=3, socket_keepalive=True)


@asynccontextmanager
async def open_nudger(redis_url: str, celery: Celery) -> AsyncIterator[Nudger]:
    """A nudger at work until the block ends; it needs no broker to be opened."""
    redis = open_redis(redis_url)
    nudger = Nudger(News(redis), celery)
    task = asyncio.create_task(nudger.run(), name="nudger")
    try:
        yield nudger
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await nudger.finish()
        await redis.aclose()
