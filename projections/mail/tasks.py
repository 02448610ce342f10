"""The task of mail, in a queue and a worker of its own: a mail server that hangs holds up mails and nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg
from celery import Celery
from redis.asyncio import Redis
from redis.exceptions import RedisError

from projections.mail.follow import follow
from projections.mail.post import Outgoing, Patience, send_due
from projections.mail.relay import Relay

DELIVER = "mail.deliver"
CALLED = "staysync:mail:called"

AT_WORK_S = 5.0
_CALLED_MS = 2000


@dataclass(frozen=True, slots=True)
class MailSide:
    """What the worker of mail keeps open. Without a server nothing is followed and nothing sent."""

    pool: "asyncpg.Pool[Any]"
    relay: Relay | None
    outgoing: list[Outgoing]
    calls: "MailCalls | None" = None
    patience: Patience = field(default_factory=Patience)


class MailCalls:
    """How the projectors call the worker of mail, in Redis. Lost calls are made good by the sweep."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def call(self) -> bool:
        """Say that there is news. True if a task has to be queued for it, and it's the caller's to do that."""
        return bool(await self._redis.set(CALLED, "1", nx=True, px=_CALLED_MS))

    async def heard(self) -> None:
        """The worker has come: the next call is a new one."""
        try:
            await self._redis.delete(CALLED)
        except RedisError:
            return  # it ends by itself


class Runs(Protocol):
    """Runs work on the event loop of this worker process, with what the process keeps open."""

    def __call__[R](self, work: Callable[[MailSide], Awaitable[R]]) -> R: ...


async def deliver(side: MailSide, *, at_work_s: float = AT_WORK_S) -> bool:
    """Write the mails that are news and send what is due. True if there is more to do at once."""
    if side.relay is None:
        return False
    if side.calls is not None:
        await side.calls.heard()
    finished = await follow(side.pool)
    more = await send_due(side.relay, side.outgoing, side.patience, at_work_s=at_work_s)
    return more or not finished


def add_tasks(app: Celery, run: Runs) -> None:
    """Give a Celery app the task of mail."""

    @app.task(name=DELIVER)
    def deliver_mails() -> None:
        if run(deliver):
            app.send_task(DELIVER)
