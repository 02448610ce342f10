"""The operator's desk: what all of this works with, a pool of the operator's role and a way to queue tasks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from staysync.operations.errors import QueueUnavailable
from staysync.settings import Settings

AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What is raised where the database can't be used."""

UNSENT = (OperationalError, RedisError, OSError)
"""What is raised where a task can't be queued."""

_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Desk:
    """`celery` is absent where no broker is known."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    celery: Celery | None

    async def send(self, task: str, args: Sequence[Any], kwargs: dict[str, Any] | None = None) -> None:
        """Queue a task. Raises QueueUnavailable."""
        if self.celery is None:
            raise QueueUnavailable
        try:
            await asyncio.to_thread(self.celery.send_task, task, args, kwargs, retry=False)
        except UNSENT as error:
            raise QueueUnavailable from error


async def _keep(_: Any) -> None:
    """Nothing to reset on a connection that goes back: the statements here use no session state."""


@asynccontextmanager
async def open_desk(settings: Settings, celery: Celery | None, *, size: int = 1) -> AsyncIterator[Desk]:
    """Open the desk. The database may be away: it is first asked when something is done."""
    async with asyncpg.create_pool(
        settings.role_url("operator"),
        min_size=0,
        max_size=size,
        timeout=_TIMEOUT_S,
        command_timeout=_TIMEOUT_S,
        reset=_keep,
        server_settings={"application_name": "staysync operator"},
    ) as pool:
        yield Desk(pool, celery)
