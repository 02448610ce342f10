"""Answers kept in Redis for those who ask the same, each with the mark of what it depends on.

Redis is never believed about how fresh an answer is. Whoever asks brings the mark that PostgreSQL has at that moment,
and an answer counts only if it was kept under that very mark. So it can't be older than the read model, whatever Redis
has lost or kept; and while Redis is away, everybody asks the database.
"""

import asyncio
import logging
from hashlib import sha256

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PREFIX = "staysync:answer:"
PATIENCE_S = 0.05
_PAUSE_S = 1.0
_SILENCE_S = 30.0
_MARK_BYTES = 32
# Redis is the broker too: questions that nobody asks again must not fill it.
_LARGEST_BYTES = 200_000
_MOST_A_SECOND = 20


class KeptAnswers:
    """The answers that are kept, one for each question; none without Redis, or with no seconds to keep them."""

    def __init__(self, redis: "Redis | None", *, keep_s: int, build: str, patience_s: float = PATIENCE_S) -> None:
        self._redis = redis if keep_s else None
        self._keep_s = keep_s
        self._patience_s = patience_s
        self._build = build  # another one may answer in another shape
        self._rests_until = self._quiet_until = 0.0
        self._second, self._kept_in_it = 0, 0

    @property
    def here(self) -> bool:
        """Whether it is worth asking."""
        return self._redis is not None and asyncio.get_running_loop().time() >= self._rests_until

    async def find(self, question: str, mark: bytes) -> bytes | None:
        """The answer to a question that was kept under this mark."""
        if self._redis is None or not self.here:
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                kept = await self._redis.get(self._name(question))
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            return None
        # Anything else that stands there, an older mark above all, is replaced by the answer that is found now.
        if isinstance(kept, bytes) and kept[:_MARK_BYTES] == sha256(mark).digest():
            return kept[_MARK_BYTES:]
        return None

    async def keep(self, question: str, mark: bytes, answer: bytes) -> None:
        """Keep an answer that is at least as new as the mark; not if it is very long, or after many in this second."""
        if self._redis is None or not self.here or len(answer) > _LARGEST_BYTES or self._is_too_much():
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._redis.set(self._name(question), sha256(mark).digest() + answer, ex=self._keep_s)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)

    def _is_too_much(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._kept_in_it = second, 0
        self._kept_in_it += 1
        return self._kept_in_it > _MOST_A_SECOND

    def _rest(self, error: BaseException) -> None:
        now = asyncio.get_running_loop().time()
        self._rests_until = now + _PAUSE_S
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("answers aren't kept, all are asked of the database: Redis: %s", type(error).__name__)

    def _name(self, question: str) -> str:
        return PREFIX + sha256(f"{self._build}\n{question}".encode()).hexdigest()
