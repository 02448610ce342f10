"""The scheduled commands as tasks of a worker of their own, under the command role. They are thin."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from celery import Celery

from command.scheduled import expire_due_holds, extend_horizons, forget_answers
from command.side import CommandSide

EXPIRE_HOLDS = "command.expire_holds"
EXTEND_HORIZONS = "command.extend_horizons"
FORGET_ANSWERS = "command.forget_answers"


class Runs(Protocol):
    """Runs work on the event loop of this worker process, with the write side that the process keeps open."""

    def __call__[R](self, work: Callable[[CommandSide], Awaitable[R]]) -> R: ...


def add_tasks(app: Celery, run: Runs) -> None:
    """Give a Celery app the scheduled commands."""

    @app.task(name=EXPIRE_HOLDS)
    def expire() -> int:
        return run(expire_due_holds)

    @app.task(name=EXTEND_HORIZONS)
    def extend() -> int:
        return run(extend_horizons)

    @app.task(name=FORGET_ANSWERS)
    def forget() -> int:
        return run(forget_answers)
