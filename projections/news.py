"""News for the projectors, in Redis: which shards have some, whether a projector is awake to hear of it, or is called.

Nothing here is ever the only place that knows something: the ledger's heads and the checkpoints say it too, and the
sweep asks them. So everything may be lost at any time, at the price of a delay.

A queue is a slow way to wake somebody who is awake. So a projector that has caught up lingers for a moment, listening
for the next shard with news; a task is queued only where nobody listens, or where more wait than one projector manages.
"""

from collections.abc import Iterable

from redis.asyncio import Redis

NEWS = "staysync:news"
AWAKE = "staysync:awake"
CALLED = "staysync:called"

_AWAKE_MS = 1500
_CALLED_MS = 2000
_WAITING_MANY = 3

# One step, so that no projector falls asleep between the look whether one is awake and the note of the news.
_TELL = """
local now = redis.call('TIME')
for _, shard in ipairs(ARGV) do
    redis.call('ZADD', KEYS[1], 'NX', now[1] .. '.' .. string.format('%06d', now[2]), shard)
end
if redis.call('EXISTS', KEYS[2]) == 1 and redis.call('ZCARD', KEYS[1]) < tonumber(%d) then return 0 end
return redis.call('SET', KEYS[3], '1', 'NX', 'PX', %d) and 1 or 0
"""


class News:
    """The shards that have news. Each is in here at most once, however often it is told."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._tell = redis.register_script(_TELL.replace("%d", str(_WAITING_MANY), 1).replace("%d", str(_CALLED_MS), 1))

    async def tell(self, shards: Iterable[int]) -> bool:
        """Say that these shards have news. True if a projector has to be called, and it's the caller's to do that."""
        answer: int = await self._tell(keys=[NEWS, AWAKE, CALLED], args=list(shards))
        return bool(answer)

    async def wake(self) -> None:
        """A projector has come: the next call is a new one."""
        await self._redis.delete(CALLED)

    async def next(self, linger_s: float) -> int | None:
        """The shard that has waited longest, waiting for one up to `linger_s`; whoever gets it projects it."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(AWAKE, "1", px=_AWAKE_MS)
            pipeline.bzpopmin(NEWS, timeout=linger_s)
            _, told = await pipeline.execute()
        return None if told is None else int(told[1])

    async def sleep(self) -> bool:
        """The projector stops listening. True if news came at the last moment, so that another one is needed."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(AWAKE)
            pipeline.zcard(NEWS)
            _, waiting = await pipeline.execute()
        return bool(waiting)
