"""The projectors' tasks. They are thin: each hands over to a function that can be called without Celery."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from projections.audit import audit
from projections.drain import CannotRebuild, Projector, drain_shards, rebuild_hotel, retry, sweep
from projections.mail.tasks import DELIVER, MailCalls
from projections.news import News

log = logging.getLogger(__name__)

DRAIN = "projections.drain"
SWEEP = "projections.sweep"
RETRY = "projections.retry"
REBUILD = "projections.rebuild"

LINGER_S = 0.5
_CALL_EXPIRES_S = 10.0
AT_WORK_S = 10.0  # going on costs a way through the queue, so seldom; but other tasks must get their turn


@dataclass(frozen=True, slots=True)
class ProjectionSide:
    """What a projection worker's process keeps open."""

    projector: Projector
    news: News
    mail: MailCalls | None = None
    """How the worker of mail is called, which follows what was projected."""


class Runs(Protocol):
    """Runs work on the event loop of this worker process, with what the process keeps open."""

    def __call__[R](self, work: Callable[[ProjectionSide], Awaitable[R]]) -> R: ...


async def drain_what_is_told(
    side: ProjectionSide,
    *,
    linger_s: float = LINGER_S,
    at_work_s: float = AT_WORK_S,
    call_mail: Callable[[], object] | None = None,
) -> bool:
    """Drain shards as news of them comes, until there is none for a moment. True if there is more to do.

    Bounded in time, so that other tasks get their turn. Without Redis it ends at once; the sweep finds what was missed.
    `call_mail` queues the task of mail, once for whatever was projected since it last came.
    """
    end = time.monotonic() + at_work_s
    try:
        await side.news.wake()
        while time.monotonic() < end:
            shard = await side.news.next(linger_s)
            if shard is None:
                break
            if not await drain_shards(side.projector, [shard]):
                await side.news.tell([shard])
            if side.mail is not None and call_mail is not None and await side.mail.call():
                await asyncio.to_thread(call_mail)
        return await side.news.sleep()
    except RedisError as error:
        log.warning("no news can be heard: %s", type(error).__name__)
        return False


async def sweep_and_audit(side: ProjectionSide) -> bool:
    """Project what nobody nudged about, then hold what was applied against the ledger. The result is the sweep's."""
    finished = await sweep(side.projector)
    await audit(side.projector.pool)
    return finished


def add_tasks(app: Celery, run: Runs) -> None:
    """Give a Celery app the projectors' tasks."""

    def call_mail() -> None:
        with suppress(OperationalError, OSError):  # the broker has just gone; beat calls, too
            app.send_task(DELIVER, expires=_CALL_EXPIRES_S, retry=False)

    @app.task(name=DRAIN)
    def drain() -> None:
        if run(lambda side: drain_what_is_told(side, call_mail=call_mail)):
            app.send_task(DRAIN)

    @app.task(name=SWEEP)
    def sweep_all() -> None:
        if not run(sweep_and_audit):
            app.send_task(SWEEP)

    @app.task(name=RETRY)
    def retry_hotel(hotel_id: str) -> str:
        return run(lambda side: retry(side.projector, UUID(hotel_id))).value

    @app.task(name=REBUILD)
    def rebuild(hotel_id: str) -> None:
        try:
            run(lambda side: rebuild_hotel(side.projector, UUID(hotel_id)))
        except CannotRebuild as error:
            log.error("hotel %s can't be rebuilt: %s", hotel_id, error)
