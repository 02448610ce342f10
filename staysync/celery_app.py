"""Knows the Celery app: its broker, queues, schedule and tasks, and what each worker process keeps open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import uvloop
from celery import Celery, signals
from celery.exceptions import Ignore
from celery.schedules import crontab
from kombu import Queue

import command.tasks
import eventstore.audit.tasks
import identity.access_tasks
import projections.tasks
from command.side import CommandSide, open_command_side
from eventstore.audit.store import audit_pool
from eventstore.audit.tasks import Signer
from eventstore.errors import WrongMasterKey
from eventstore.guest_keys import MasterKey
from identity.access_tasks import AccessKeeping
from projections.drain import Projector, projector_pool
from projections.news import News
from projections.tasks import ProjectionSide
from staysync.nudge import open_nudger, open_redis
from staysync.secrets import load_secrets
from staysync.settings import Settings

log = logging.getLogger(__name__)

PROJECTIONS = "projections"
COMMANDS = "commands"

SWEEP_EVERY_S = 2.0
EXPIRE_HOLDS_EVERY_S = 5.0
SIGN_HEADS_EVERY_S = 900.0
"""What was written since the last signature is vouched for by nothing outside of the database."""


class ProcessRuntime[T]:
    """One event loop, and one thing kept open on it, for a worker process.

    Both are made when the process does its first work, which is after Celery has forked it; what failed to open is
    tried again by the next task. Where the master key is found to be a wrong one, `unfit` is called to end the worker.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]], unfit: Callable[[], None]) -> None:
        self._opening = opening
        self._unfit = unfit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: AbstractAsyncContextManager[T] | None = None
        self._opened: T | None = None

    def __call__[R](self, work: Callable[[T], Awaitable[R]]) -> R:
        """Do the work and wait for it."""
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
        try:
            return self._loop.run_until_complete(self._do(work))
        except WrongMasterKey as error:
            log.critical("%s", error)
            self._unfit()
            raise Ignore from None

    async def _do[R](self, work: Callable[[T], Awaitable[R]]) -> R:
        if self._opened is None:
            context = self._opening()
            self._opened = await context.__aenter__()
            self._context = context
        return await work(self._opened)

    def close(self) -> None:
        """Close what is open. Nothing if no work was ever done."""
        if self._loop is None:
            return
        context, self._context, self._opened = self._context, None, None
        if context is not None:
            self._loop.run_until_complete(context.__aexit__(None, None, None))
        self._loop.close()
        self._loop = None


def _go_on() -> None:
    """What a process does that only queues tasks, and so never finds itself unfit for them."""


def make_celery(settings: Settings, unfit: Callable[[], None] = _go_on) -> Celery:
    """The Celery app of an installation: for workers and beat, and for the API to queue tasks with.

    `unfit` is called in the process of a task that finds that the master key is a wrong one.
    """
    app = Celery("staysync", broker=settings.redis_url)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        enable_utc=True,
        task_queues=[Queue(PROJECTIONS), Queue(COMMANDS)],
        task_default_queue=PROJECTIONS,
        task_create_missing_queues=False,
        task_routes={
            "projections.*": {"queue": PROJECTIONS},
            "command.*": {"queue": COMMANDS},
            "identity.*": {"queue": COMMANDS},
            "audit.*": {"queue": COMMANDS},
        },
        # A task whose process died is done again: all of them can be, at any time.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 3600,  # longer than the longest task, the rebuild of one hotel
            "socket_connect_timeout": 2,
            "socket_timeout": 10,
            "socket_keepalive": True,
            # For who publishes: the API gives up soon, the sweep will find the news.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.2,
        },
        beat_schedule={
            "sweep": {
                "task": projections.tasks.SWEEP,
                "schedule": SWEEP_EVERY_S,
                # None pile up while no worker runs; but one may wait for a projector that is at work.
                "options": {"expires": 2 * projections.tasks.AT_WORK_S},
            },
            "expire-holds": {
                "task": command.tasks.EXPIRE_HOLDS,
                "schedule": EXPIRE_HOLDS_EVERY_S,
                "options": {"expires": 5 * EXPIRE_HOLDS_EVERY_S},
            },
            "extend-horizons": {"task": command.tasks.EXTEND_HORIZONS, "schedule": crontab(minute="7", hour="2")},
            "forget-answers": {"task": command.tasks.FORGET_ANSWERS, "schedule": crontab(minute="37", hour="3")},
            "sign-heads": {
                "task": eventstore.audit.tasks.SIGN_HEADS,
                "schedule": SIGN_HEADS_EVERY_S,
                "options": {"expires": SIGN_HEADS_EVERY_S},
            },
            "forget-access": {"task": identity.access_tasks.FORGET_ACCESS, "schedule": crontab(minute="17", hour="3")},
        },
    )
    projecting = ProcessRuntime(lambda: _open_projections(settings), unfit)
    commanding = ProcessRuntime(lambda: _open_commands(settings, app), unfit)
    projections.tasks.add_tasks(app, projecting)
    command.tasks.add_tasks(app, commanding)
    keeping = ProcessRuntime(lambda: _open_access_keeping(settings), unfit)
    identity.access_tasks.add_tasks(app, keeping)
    signing = ProcessRuntime(lambda: _open_signer(settings), unfit)
    eventstore.audit.tasks.add_tasks(app, signing)

    def close(**_: Any) -> None:
        projecting.close()
        commanding.close()
        keeping.close()
        signing.close()

    # Celery's signals are the process's own; each app listens for itself, and the strong reference keeps `close` alive.
    signals.worker_process_shutdown.connect(close, weak=False)
    signals.worker_shutdown.connect(close, weak=False)
    return app


@asynccontextmanager
async def _open_projections(settings: Settings) -> AsyncIterator[ProjectionSide]:
    master_key = MasterKey(load_secrets(settings.secrets_dir).master_key())
    redis = open_redis(_broker(settings))
    try:
        async with projector_pool(settings.role_url("projector"), master_key) as pool:
            yield ProjectionSide(Projector(pool, master_key), News(redis))
    finally:
        await redis.aclose()


@asynccontextmanager
async def _open_commands(settings: Settings, app: Celery) -> AsyncIterator[CommandSide]:
    secrets = load_secrets(settings.secrets_dir)
    async with (
        open_nudger(_broker(settings), app) as nudger,
        open_command_side(
            database_url=settings.role_url("command"),
            pool_size=settings.command_pool_size,
            master_key=secrets.master_key(),
            fingerprint_key=secrets.fingerprint_key(),
            bookable_horizon_days=settings.bookable_horizon_days,
            business_day_rolls_at=settings.business_day_rolls_at,
            announce=nudger.announce,
        ) as side,
    ):
        yield side


@asynccontextmanager
async def _open_access_keeping(settings: Settings) -> AsyncIterator[AccessKeeping]:
    async with asyncpg.create_pool(settings.role_url("identity"), min_size=0, max_size=1, command_timeout=10) as pool:
        yield AccessKeeping(pool, timedelta(days=settings.access_log_days))


@asynccontextmanager
async def _open_signer(settings: Settings) -> AsyncIterator[Signer]:
    secrets = load_secrets(settings.secrets_dir)
    async with audit_pool(settings.role_url("audit")) as pool:
        yield Signer(pool, secrets.head_key, secrets.head_public_keys, lambda: datetime.now(UTC))


def _broker(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ValueError("no broker is known: STAYSYNC_REDIS_URL is absent and no embedded server was started")
    return settings.redis_url
