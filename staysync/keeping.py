"""Knows the Redis client that answers are kept with: every wait of it is short, since the database can answer too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from query.kept_answers import PATIENCE_S, KeptAnswers
from staysync import __version__
from staysync.settings import Settings


@asynccontextmanager
async def open_kept_answers(settings: Settings) -> AsyncIterator[KeptAnswers]:
    """The kept answers. No Redis is needed to open them."""
    if settings.redis_url is None or not settings.keep_answers_s:
        yield KeptAnswers(None, keep_s=0, build=__version__)
        return
    redis = Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=PATIENCE_S,
        socket_timeout=PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield KeptAnswers(redis, keep_s=settings.keep_answers_s, build=__version__)
    finally:
        await redis.aclose()
