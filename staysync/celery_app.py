"""Knows the Celery app: its broker, queues, schedule and tasks, and what each worker process keeps open."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import uvloop
from celery import Celery, signals
from celery.exceptions import Ignore
from kombu import Queue

import command.tasks
import eventstore.audit.tasks
import identity.access_tasks
import projections.mail.tasks
import projections.tasks
from command.side import CommandSide
from eventstore.audit.store import audit_pool
from eventstore.audit.tasks import Signer
from eventstore.causes import following
from eventstore.errors import WrongMasterKey
from identity.access_tasks import AccessKeeping
from identity.outbox import MailSeal
from projections.drain import Projector, projector_pool
from projections.mail.accounts import AccountMails
from projections.mail.bookings import BookingMails
from projections.mail.relay import Relay
from projections.mail.tasks import MailCalls, MailSide
from projections.news import News
from projections.tasks import ProjectionSide
from projections.telling import Telling
from staysync.forgetting import FORGET_GUESTS, forget_by_rule
from staysync.mailing import origin_of, sender_of, server_of
from staysync.nudge import open_nudger, open_redis
from staysync.operations import tasks as operator_tasks
from staysync.operations.desk import Desk, open_desk
from staysync.operations.runs import Runs
from staysync.secrets import load_secrets
from staysync.settings import Settings
from staysync.watching.watch import ProcessWatch
from staysync.writing import write_side

log = logging.getLogger(__name__)

PROJECTIONS = "projections"
COMMANDS = "commands"
MAIL = "mail"

_SILENCE_S = 30.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class ProcessRuntime[T]:
    """One event loop, and one thing kept open on it, for a worker process.

    Both are made when the process does its first work, which is after Celery has forked it; what failed to open is
    tried again by the next task. With the database away a task ends, and a line says so now and then. Where the master
    key is found to be a wrong one, `unfit` is called to end the worker.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]], unfit: Callable[[], None]) -> None:
        self._opening = opening
        self._unfit = unfit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: AbstractAsyncContextManager[T] | None = None
        self._opened: T | None = None
        self._quiet_until = 0.0

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
        except _AWAY as error:
            self._complain(error)
            raise Ignore from None

    def _complain(self, error: BaseException) -> None:
        """Say now and then that the database is away: every task finds it out, and the next one tries again."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("the database can't be reached, the work waits: %s", type(error).__name__)

    async def _do[R](self, work: Callable[[T], Awaitable[R]]) -> R:
        if self._opened is None:
            with following(None):  # what goes on in the background follows from no task
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


def make_celery(settings: Settings, unfit: Callable[[], None] = _go_on, watching: ProcessWatch | None = None) -> Celery:
    """The Celery app of an installation: for workers and beat, and for the API to queue tasks with.

    `unfit` is called in the process of a task that finds that the master key is a wrong one. A worker's tasks are told
    to its `watching`; what only queues them has none.
    """
    app = Celery("staysync", broker=settings.redis_url)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        enable_utc=True,
        task_queues=[Queue(PROJECTIONS), Queue(COMMANDS), Queue(MAIL)],
        task_default_queue=PROJECTIONS,
        task_create_missing_queues=False,
        task_routes={
            "projections.*": {"queue": PROJECTIONS},
            "command.*": {"queue": COMMANDS},
            "identity.*": {"queue": COMMANDS},
            "mail.*": {"queue": MAIL},
            "ops.*": {"queue": COMMANDS},
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
    )
    projecting = ProcessRuntime(lambda: _open_projections(settings, watching), unfit)
    commanding = ProcessRuntime(lambda: _open_commands(settings, app, watching), unfit)
    keeping = ProcessRuntime(lambda: _open_access_keeping(settings), unfit)
    at_desk: ProcessRuntime[Desk] = ProcessRuntime(lambda: open_desk(settings, app), unfit)
    projections.tasks.add_tasks(app, projecting)
    command.tasks.add_tasks(app, commanding)

    @app.task(name=FORGET_GUESTS)
    def forget_guests() -> int:
        return commanding(partial(forget_by_rule, settings))

    mailing = ProcessRuntime(lambda: _open_mail(settings), unfit)
    projections.mail.tasks.add_tasks(app, mailing)
    identity.access_tasks.add_tasks(app, keeping)
    signing = ProcessRuntime(lambda: _open_signer(settings), unfit)
    eventstore.audit.tasks.add_tasks(app, signing)
    operator_tasks.add_tasks(app, at_desk)
    if watching is not None:
        Runs(watching, at_desk).listen()

    def close(**_: Any) -> None:
        for runtime in (projecting, commanding, keeping, mailing, signing, at_desk):
            runtime.close()
        if watching is not None:
            watching.close()

    # Celery's signals are the process's own; each app listens for itself, and the strong reference keeps `close` alive.
    signals.worker_process_shutdown.connect(close, weak=False)
    signals.worker_shutdown.connect(close, weak=False)
    return app


@asynccontextmanager
async def _open_projections(settings: Settings, watching: ProcessWatch | None) -> AsyncIterator[ProjectionSide]:
    master_key = load_secrets(settings.secrets_dir).master_key()
    redis = open_redis(_broker(settings))
    try:
        async with projector_pool(settings.role_url("projector"), master_key) as pool:
            watch = None if watching is None else watching()
            projector = Projector(pool, master_key, tell=Telling(redis).tell, watch=watch)
            yield ProjectionSide(projector, News(redis), MailCalls(redis))
    finally:
        await redis.aclose()


@asynccontextmanager
async def _open_commands(settings: Settings, app: Celery, watching: ProcessWatch | None) -> AsyncIterator[CommandSide]:
    async with (
        open_nudger(_broker(settings), app) as nudger,
        write_side(settings, announce=nudger.announce, watch=None if watching is None else watching()) as side,
    ):
        yield side


@asynccontextmanager
async def _open_access_keeping(settings: Settings) -> AsyncIterator[AccessKeeping]:
    async with asyncpg.create_pool(settings.role_url("identity"), min_size=0, max_size=1, command_timeout=10) as pool:
        yield AccessKeeping(pool, timedelta(days=settings.access_log_days))


@asynccontextmanager
async def _open_mail(settings: Settings) -> AsyncIterator[MailSide]:
    server, sender = server_of(settings), sender_of(settings)
    seal = MailSeal(load_secrets(settings.secrets_dir).mail_key())
    redis = open_redis(_broker(settings))
    try:
        async with asyncpg.create_pool(settings.role_url("mail"), min_size=0, max_size=2, command_timeout=30) as pool:
            yield MailSide(
                pool,
                None if server is None else Relay(server),
                [AccountMails(pool, seal, sender, origin_of(settings)), BookingMails(pool, sender)],
                MailCalls(redis),
            )
    finally:
        await redis.aclose()


@asynccontextmanager
async def _open_signer(settings: Settings) -> AsyncIterator[Signer]:
    secrets = load_secrets(settings.secrets_dir)
    async with audit_pool(settings.role_url("audit")) as pool:
        yield Signer(pool, secrets.head_key, secrets.head_public_keys, lambda: datetime.now(UTC))


def _broker(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ValueError("no broker is known: STAYSYNC_REDIS_URL is absent and no embedded server was started")
    return settings.redis_url
