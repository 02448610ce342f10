"""What is done for the access log without a client, as a task of the commands' worker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import asyncpg
from celery import Celery

from identity.access_log import forget

FORGET_ACCESS = "identity.forget_access"


@dataclass(frozen=True, slots=True)
class AccessKeeping:
    """What the task works with: a pool of the identity role, and how long entries are kept."""

    pool: "asyncpg.Pool[Any]"
    kept: timedelta


class Runs(Protocol):
    """Runs work on the event loop of this worker process, with what the process keeps open."""

    def __call__[R](self, work: Callable[[AccessKeeping], Awaitable[R]]) -> R: ...


def add_tasks(app: Celery, run: Runs) -> None:
    """Give a Celery app the log's task."""

    @app.task(name=FORGET_ACCESS)
    def forget_access() -> int:
        return run(lambda keeping: forget(keeping.pool, keeping.kept))
