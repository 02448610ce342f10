"""Knows how busy the pools of an API process are, and notes it every few seconds for whoever reads the metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from eventstore.appender import Appender
from staysync.watching.metrics import POOL_WAITING, POOLS, Metrics

_EVERY_S = 5.0


class Pools:
    """The pools of one process."""

    def __init__(
        self, metrics: Metrics, direct: "dict[str, asyncpg.Pool[Any]]", query: AsyncEngine, appender: Appender
    ) -> None:
        self._metrics = metrics
        self._direct = direct
        self._query = query
        self._appender = appender

    def note(self) -> None:
        """Note how they stand."""
        for name, pool in self._direct.items():
            size = pool.get_size()
            self._note(name, size, size - pool.get_idle_size(), pool.get_max_size(), _getters(pool))
        engine = cast(QueuePool, self._query.pool)  # an engine's pool is one, unless it is told otherwise
        in_use = engine.checkedout()
        self._note("query", in_use + engine.checkedin(), in_use, engine.size(), _getters(engine._pool))
        self._metrics.set(POOL_WAITING, self._appender.waiting, "appender")

    def _note(self, name: str, size: int, in_use: int, most: int, waiting: int) -> None:
        for state, value in (("open", size), ("in_use", in_use), ("most", most)):
            self._metrics.set(POOLS, value, name, state)
        self._metrics.set(POOL_WAITING, waiting, name)

    async def _keep_noting(self) -> None:
        while True:
            self.note()
            await asyncio.sleep(_EVERY_S)


def _getters(pool: Any) -> int:
    """Who waits at a pool's queue. Neither driver tells; a test holds that their queues still do."""
    return len([getter for getter in pool._queue._getters if not getter.done()])


@asynccontextmanager
async def noting(pools: Pools) -> AsyncIterator[Pools]:
    """Note how the pools stand for as long as the block runs."""
    task = asyncio.create_task(pools._keep_noting(), name="pools")
    try:
        yield pools
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
