"""What the read side needs while it runs: its connections, kept answers, and how long it waits for a position."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from starlette.requests import Request

from query.errors import ReadSideUnavailable
from query.kept_answers import KeptAnswers
from query.reached import Reached

_POOL_PATIENCE_S = 5
# Classes of SQLSTATE that say that the server is going, gone, full, or that the statement took too long.
_AWAY = ("08", "53", "57")

_POOL_SETTINGS = {
    "application_name": "staysync search",
    # The statements go by keys, whatever they are given: a plan is made once for a connection, not once for a search.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The open read side."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    position_wait_s: float
    reached: Reached
    pool: "asyncpg.Pool[asyncpg.Record]"
    kept: KeptAnswers

    async def rows(self, statement: str, *parameters: object) -> "list[asyncpg.Record]":
        """What a single statement finds, without SQLAlchemy in between: for searches. Raises ReadSideUnavailable."""
        try:
            async with self.pool.acquire(timeout=_POOL_PATIENCE_S) as connection:
                return await connection.fetch(statement, *parameters)
        except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
            raise ReadSideUnavailable from error
        except asyncpg.PostgresError as error:
            if (error.sqlstate or "").startswith(_AWAY):
                raise ReadSideUnavailable from error
            raise

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One moment of the read tables: all statements see the same. Raises ReadSideUnavailable."""
        try:
            async with self.sessions() as session:
                yield session
        except (OSError, PoolTimeoutError) as error:
            raise ReadSideUnavailable from error
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None) or ""
            if error.connection_invalidated or state.startswith(_AWAY):
                raise ReadSideUnavailable from error
            raise


@asynccontextmanager
async def open_query_side(
    url: str, *, pool_size: int, position_wait_s: float, redis_url: str | None = None, kept: KeptAnswers | None = None
) -> AsyncIterator[QuerySide]:
    """Open the read side on the database at `url`, which must be that of the query role.

    Without a Redis nobody tells how far the read tables are, and who waits for a position looks at intervals.
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_PATIENCE_S,
        hide_parameters=True,  # what a client asked for doesn't belong into a log
        # A booking and its lines are read by several statements, and must be of the same moment.
        isolation_level="REPEATABLE READ",
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    reached = Reached()
    pool = asyncpg.create_pool(
        url.replace("postgresql+asyncpg:", "postgresql:", 1),
        min_size=0,
        max_size=pool_size,
        reset=_keep,
        server_settings=_POOL_SETTINGS,
    )
    try:
        async with pool, _listening(reached, redis_url):
            sessions = async_sessionmaker(engine, expire_on_commit=False)
            yield QuerySide(
                engine, sessions, position_wait_s, reached, pool, kept or KeptAnswers(None, keep_s=0, build="")
            )
    finally:
        await engine.dispose()


async def _keep(_: Any) -> None:
    """Nothing to reset on a connection that goes back: the statements here use no session state."""


@asynccontextmanager
async def _listening(reached: Reached, redis_url: str | None) -> AsyncIterator[None]:
    """Keep one subscription for all who wait in this process."""
    if redis_url is None:
        yield
        return
    redis = Redis.from_url(
        redis_url,
        socket_connect_timeout=1,
        socket_timeout=3,
        socket_keepalive=True,
        health_check_interval=10,  # finds out that the other end is gone without having said so
    )
    task = asyncio.create_task(reached.run(redis), name="positions reached")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await redis.aclose()


def _refuse_closed(connection: Any, *_: object) -> None:
    """Let the pool open new connections after the server ended the old ones, which the driver knows without asking."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def query_of(request: Request) -> QuerySide:
    """The read side that the app factory opened."""
    side: QuerySide = request.app.state.query
    return side
