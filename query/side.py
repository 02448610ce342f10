"""What the read side needs while it runs: its engine and how long it waits for a position."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The open read side."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    position_wait_s: float


@asynccontextmanager
async def open_query_side(url: str, *, pool_size: int, position_wait_s: float) -> AsyncIterator[QuerySide]:
    """Open the read side on the database at `url`, which must be that of the query role."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # a failed statement's text goes to the log, what a client asked for doesn't
        # Questions are single statements or may see slightly different moments: no transaction spans two of them.
        isolation_level="AUTOCOMMIT",
    )
    try:
        yield QuerySide(engine, async_sessionmaker(engine, expire_on_commit=False), position_wait_s)
    finally:
        await engine.dispose()


def query_of(request: Request) -> QuerySide:
    """The read side that the app factory opened."""
    side: QuerySide = request.app.state.query
    return side
