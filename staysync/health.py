"""Knows whether the service can do its work: alive at all, ready for requests, and what is wrong if not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg
import orjson
import redis.asyncio
from fastapi import APIRouter
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response

import migrations
from identity.access_log import AccessLog
from identity.http import identity_of
from identity.permissions import needs
from query.errors import ReadSideUnavailable
from query.side import QuerySide, query_of
from staysync.operations.desk import Desk
from staysync.settings import Settings
from staysync.watching.standing import Asking, Standing

router = APIRouter(tags=["health"])

_PATIENCE_S = 3.0
_BROKER_PATIENCE_S = 0.5
_ALARMS = text("select count(*) from read.audit where alarm is not null")
_SILENT_S = 60.0
"""So long may nothing be sent on schedule, and no scheduled task end, before something is amiss."""
_WORKERS = {"worker_projections": "sweep", "worker_commands": "expire-holds", "worker_mail": "deliver-mail"}
"""Which schedule each worker's word comes by."""
_HEADS = "select version_num from public.alembic_version order by version_num"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A service with a failed check isn't ready, unless it is only `degraded`."""

    name: str
    problem: str | None
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What health checks need: the migrations that this build expects, and the broker."""

    expected_heads: tuple[str, ...]
    broker: "redis.asyncio.Redis | None"
    asking: Asking
    lag_bound_s: float


@asynccontextmanager
async def open_health(settings: Settings, desk: Desk) -> AsyncIterator[Health]:
    """Open what health checks need. The broker isn't asked for anything yet: it may be away."""
    heads = await asyncio.to_thread(migration_heads)
    if settings.redis_url is None:
        yield Health(heads, None, Asking(desk, None), settings.lag_bound_s)
        return
    broker = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=_BROKER_PATIENCE_S, socket_connect_timeout=_BROKER_PATIENCE_S
    )
    try:
        yield Health(heads, broker, Asking(desk, broker), settings.lag_bound_s)
    finally:
        await broker.aclose()


def migration_heads() -> tuple[str, ...]:
    """The newest migrations that this build brings along."""
    from alembic.script import ScriptDirectory  # takes a moment to import, and only this needs it

    return tuple(sorted(ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads()))


class Alive(BaseModel):
    """The process serves requests."""

    status: Literal["alive"]


class Readiness(BaseModel):
    """Whether the service can do its work. Each check is `ok`, or says in words what is wrong."""

    status: Literal["ready", "degraded", "unready"]
    checks: dict[str, str]


@router.get("/health/live", response_model=Alive, summary="Is the process alive?", **needs("service.read"))
async def live() -> Response:
    """Answers as long as the process serves requests at all."""
    return Response(b'{"status":"alive"}', media_type="application/json")


@router.get(
    "/health/ready",
    response_model=Readiness,
    summary="Can it do its work?",
    responses={503: {"model": Readiness, "description": "It can't; the member checks says why."}},
    **needs("service.read"),
)
async def ready(request: Request) -> Response:
    """Ready when the database can be reached with the schema that this build expects.

    With the broker away it is ready and degraded: bookings go on, read models catch up when it is back. So it is with
    parked hotels, read tables that are far behind, and workers or a beat that haven't been heard from.
    """
    health: Health = request.app.state.health
    checks = [
        *await asyncio.gather(
            _accounts(identity_of(request).pool, health.expected_heads),
            _read_side(query_of(request).engine),
            _audit(query_of(request)),
            _broker(health.broker),
        ),
        _access_log(request.app.state.access_log),
        *_at_work(await health.asking.standing(), health.lag_bound_s),
    ]
    failed = [check for check in checks if check.problem is not None]
    fatal = any(not check.degraded for check in failed)
    body = {
        "status": "unready" if fatal else "degraded" if failed else "ready",
        "checks": {check.name: check.problem or "ok" for check in checks},
    }
    return Response(orjson.dumps(body), 503 if fatal else 200, media_type="application/json")


async def _accounts(pool: "asyncpg.Pool[asyncpg.Record]", expected: tuple[str, ...]) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_S), pool.acquire() as connection:
            found = tuple(row["version_num"] for row in await connection.fetch(_HEADS))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Check("database", f"can't be reached ({type(error).__name__})")
    if found != expected:
        return Check("database", f"its schema is at {', '.join(found) or 'nothing'}, not at {', '.join(expected)}")
    return Check("database", None)


async def _read_side(engine: AsyncEngine) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_S), engine.connect() as connection:
            await connection.execute(text("select 1"))
    except (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Check("read_side", f"can't be reached ({type(error).__name__})")
    return Check("read_side", None)


async def _audit(side: QuerySide) -> Check:
    """Hotels whose read tables are amiss: others are served as ever, so it is no reason to stop the traffic."""
    try:
        async with asyncio.timeout(_PATIENCE_S), side.session() as session:
            alarms = (await session.execute(_ALARMS)).scalar_one()
    except (OSError, TimeoutError, ReadSideUnavailable, SQLAlchemyError):
        return Check("audit", None)  # the check of the read side says so
    return Check("audit", f"{alarms} hotels have raised an alarm" if alarms else None, degraded=True)


def _access_log(access_log: AccessLog) -> Check:
    if access_log.failing:
        return Check("access_log", "can't be written at the moment; entries wait", degraded=True)
    if access_log.dropped:
        lost = f"{access_log.dropped} entries were lost since this process began"
        return Check("access_log", lost, degraded=True)
    return Check("access_log", None)


def _at_work(standing: Standing, lag_bound_s: float) -> list[Check]:
    """What goes on behind the requests. Without the database nothing is known of it, which is said elsewhere."""
    if "database" in standing.away:
        return [Check(name, "can't be asked", degraded=True) for name in ("projections", "beat", *_WORKERS)]
    sent = [row["sent_ago_s"] for row in standing.schedules if row["sent_ago_s"] is not None]
    ended = {row["name"]: row["ended_ago_s"] for row in standing.schedules}
    return [
        Check("projections", _projections(standing, lag_bound_s), degraded=True),
        Check("beat", _silence("sent anything on schedule", min(sent, default=None)), degraded=True),
        *(
            Check(worker, _silence(f"ended a run of {schedule}", ended.get(schedule)), degraded=True)
            for worker, schedule in _WORKERS.items()
        ),
    ]


def _projections(standing: Standing, lag_bound_s: float) -> str | None:
    problems = []
    for row in standing.lag:
        if row["parked"]:
            problems.append(f"{row['projection']}: parked hotels: {row['parked']}")
        if row["oldest_s"] > lag_bound_s:
            problems.append(f"{row['projection']}: {row['events']} events wait, the oldest for {row['oldest_s']:.0f} s")
    return "; ".join(problems) or None


def _silence(what: str, ago_s: float | None) -> str | None:
    if ago_s is None:
        return f"has never {what}"
    return f"hasn't {what} for {ago_s:.0f} s" if ago_s > _SILENT_S else None


async def _broker(broker: "redis.asyncio.Redis | None") -> Check:
    if broker is None:
        return Check("broker", "none is configured; read models wait for the sweep of a worker", degraded=True)
    try:
        async with asyncio.timeout(2 * _BROKER_PATIENCE_S):
            await broker.ping()
    except (OSError, TimeoutError, RedisError) as error:
        reason = f"can't be reached ({type(error).__name__}); bookings go on, read models catch up later"
        return Check("broker", reason, degraded=True)
    return Check("broker", None)
