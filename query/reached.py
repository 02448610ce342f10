"""Who in this process waits for a hotel's read tables to move, and the one subscription that wakes them.

A waiter is registered before it looks at the checkpoint, so that nothing falls between the look and the wait. Messages
only say when to look again. While the subscription is down, waiters look at short intervals; when it is up again all of
them look once, since they may have missed something.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from eventstore.reading import Position

log = logging.getLogger(__name__)

# The channel of projections/telling.py, which queries don't import; a test holds the two together.
REACHED = "staysync:reached"

LOOK_EVERY_S = 0.5
"""How often a waiter looks by itself while the push works: messages can be lost."""
FIRST_LOOK_S = 0.01
LONGEST_LOOK_S = 0.1
"""How often it looks without a push: at longer and longer intervals, up to this."""

_LISTEN_S = 5.0
_RETRY_S = 0.5
_SILENCE_S = 30.0


class Ear:
    """One who waits for some hotels to reach some seqs."""

    def __init__(self, reached: "Reached", wanted: dict[UUID, int]) -> None:
        self._reached = reached
        self._wanted = wanted
        self._woken = asyncio.Event()
        self._pause_s = FIRST_LOOK_S

    def heard(self, hotel_id: UUID, seq: int) -> None:
        """A hotel has reached a seq; whoever waits for more sleeps on."""
        if seq >= self._wanted[hotel_id]:
            self._woken.set()

    def wake(self) -> None:
        """Have a look, whatever was heard."""
        self._woken.set()

    async def wait(self, most_s: float) -> None:
        """Wait until there may be news, at most so long; then it is time to look."""
        pause_s = LOOK_EVERY_S
        if not self._reached.listening:
            pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_LOOK_S)
        await self.sleep(min(pause_s, most_s))

    async def sleep(self, most_s: float) -> None:
        """Wait until something is heard, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), most_s)
        self._woken.clear()


class Reached:
    """The waiters of a process. `listening` says whether the push works."""

    def __init__(self) -> None:
        self.listening = False
        self._ears: defaultdict[UUID, set[Ear]] = defaultdict(set)
        self._quiet_until = 0.0

    @contextmanager
    def ear(self, wanted: dict[UUID, int]) -> Iterator[Ear]:
        """Listen for these hotels to reach these seqs; look after this, not before."""
        ear = Ear(self, wanted)
        for hotel_id in wanted:
            self._ears[hotel_id].add(ear)
        try:
            yield ear
        finally:
            for hotel_id in wanted:
                ears = self._ears[hotel_id]
                ears.discard(ear)
                if not ears:
                    del self._ears[hotel_id]

    def waiting(self) -> Collection[UUID]:
        """The hotels that somebody waits for."""
        return self._ears.keys()

    def heard(self, hotel_id: UUID, seq: int) -> None:
        """Wake who waits for no more than this."""
        for ear in self._ears.get(hotel_id, ()):
            ear.heard(hotel_id, seq)

    async def run(self, redis: "Redis") -> None:
        """Listen until cancelled, through whatever happens to Redis."""
        while True:
            try:
                await self._listen(redis)
            except (RedisError, OSError, TimeoutError) as error:
                self._complain(error)
            finally:
                self.listening = False
                self._wake_all()
            await asyncio.sleep(_RETRY_S)

    async def _listen(self, redis: "Redis") -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(REACHED)
            while True:
                message = await pubsub.get_message(timeout=_LISTEN_S)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    self.listening = True
                    self._wake_all()  # what was told before this was heard by nobody
                elif message["type"] == "message":
                    with suppress(ValueError):  # not ours, whatever it is
                        position = Position.parse(message["data"].decode("ascii", "replace"))
                        self.heard(position.hotel_id, position.seq)

    def _wake_all(self) -> None:
        for ears in self._ears.values():
            for ear in ears:
                ear.wake()

    def _complain(self, error: BaseException) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("positions are looked up at intervals, Redis tells nothing: %s", type(error).__name__)
