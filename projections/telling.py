"""Telling those who wait for a position that the read tables have reached it: a push through Redis, after the commit.

It is never the only way to learn it: whoever waits looks at the checkpoint before, and now and then. So a message may
be lost, and Redis may be away, at the price of a delay.
"""

import asyncio
import logging
import time
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

REACHED = "staysync:reached"
"""The channel; a message is `{hotel_id}:{seq}`."""

_PATIENCE_S = 0.1
_REST_S = 2.0
_SILENCE_S = 30.0


class Telling:
    """Publishes what projectors have committed. A Redis that doesn't answer soon isn't asked again for a moment."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._rests_until = self._quiet_until = 0.0

    async def tell(self, hotel_id: UUID, seq: int) -> None:
        """The read tables of this hotel have reached this seq. Raises nothing."""
        now = time.monotonic()
        if now < self._rests_until:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._redis.publish(REACHED, f"{hotel_id}:{seq}")
        except (RedisError, OSError, TimeoutError) as error:
            self._rests_until = time.monotonic() + _REST_S
            if now >= self._quiet_until:
                self._quiet_until = now + _SILENCE_S
                log.warning("who waits for a position can't be told, and has to look: %s", type(error).__name__)
