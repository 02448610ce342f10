"""The signing of heads as a task of the commands' worker, under the audit role."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from celery import Celery

from eventstore.audit.heads import HeadKey
from eventstore.audit.signing import sign_heads
from eventstore.reading import Pool

SIGN_HEADS = "audit.sign_heads"


@dataclass(frozen=True, slots=True)
class Signer:
    """What the task works with. Keys are read for each round, so that a new one needs no restart."""

    pool: Pool
    read_key: Callable[[], HeadKey]
    read_public_keys: Callable[[], list[bytes]]
    now: Callable[[], datetime]

    async def sign(self) -> int:
        """Sign the heads that moved; how many."""
        done = await sign_heads(self.pool, self.read_key(), self.read_public_keys(), self.now)
        return done.signed


class Runs(Protocol):
    """Runs work on the event loop of this worker process, with what the process keeps open."""

    def __call__[R](self, work: Callable[[Signer], Awaitable[R]]) -> R: ...


def add_tasks(app: Celery, run: Runs) -> None:
    """Give a Celery app the signing of heads."""

    @app.task(name=SIGN_HEADS)
    def sign() -> int:
        return run(lambda signer: signer.sign())
