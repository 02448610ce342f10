"""Knows how the limits of an installation come from its settings, and the client that they ask Redis with."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from identity.limits import REDIS_PATIENCE_S, Limits, rate_of
from staysync.settings import Settings

_PREFIX = "limit_"


@asynccontextmanager
async def open_limits(settings: Settings, fingerprint_key: bytes) -> AsyncIterator[Limits]:
    """The limits. No Redis is needed to open them."""
    rates = {
        name.removeprefix(_PREFIX): rate_of(getattr(settings, name))
        for name in Settings.model_fields
        if name.startswith(_PREFIX)
    }
    # A key of its own, so that what lies in Redis has nothing in common with the fingerprints of requests.
    key = hmac.digest(fingerprint_key, b"staysync limits", "sha256")
    if settings.redis_url is None:
        yield Limits(rates, key=key, redis=None)
        return
    redis = Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=REDIS_PATIENCE_S,
        socket_timeout=REDIS_PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield Limits(rates, key=key, redis=redis)
    finally:
        await redis.aclose()
