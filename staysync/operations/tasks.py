"""The operator's tasks, of the commands' worker. They are thin."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from celery import Celery

from staysync.operations import dead_letters
from staysync.operations.desk import Desk
from staysync.operations.schedules import DIGEST, FORGET_DEAD_LETTERS
from staysync.operations.sql import statement

log = logging.getLogger(__name__)

_MOST_TOLD = 20


class RunsAtDesk(Protocol):
    """Runs work on the event loop of this worker process, with the desk that the process keeps open."""

    def __call__[R](self, work: Callable[[Desk], Awaitable[R]]) -> R: ...


def add_tasks(app: Celery, run: RunsAtDesk) -> None:
    """Give a Celery app the operator's tasks."""

    @app.task(name=DIGEST)
    def digest() -> int:
        return run(tell_what_waits)

    @app.task(name=FORGET_DEAD_LETTERS)
    def forget() -> int:
        return run(dead_letters.forget)


async def tell_what_waits(desk: Desk) -> int:
    """Write a line of the log for all that waits for an operator; how many things that is."""
    parked = await desk.pool.fetch(statement("parked"), _MOST_TOLD)
    letters = await desk.pool.fetch(statement("count_dead_letters"))
    hotels = sum(row["parked"] for row in await desk.pool.fetch(statement("lag")))
    dead = sum(row["letters"] for row in letters)
    facts = {
        "parked_hotels": hotels,
        "parked": [{"hotel_id": str(row["hotel_id"]), "seq": row["parked_seq"]} for row in parked],
        "dead_letters": {row["task"]: row["letters"] for row in letters},
    }
    level = logging.WARNING if hotels or dead else logging.INFO
    log.log(level, "waiting for an operator: %d parked hotels, %d dead letters", hotels, dead, extra=facts)
    waiting: int = hotels + dead
    return waiting
