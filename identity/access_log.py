"""The access log: who asked for what, from where, and what came of it.

A request leaves its entry in a queue and goes on; entries are written in batches by the identity role. When the queue
is full, because the database can't be reached for long, new ones are dropped and counted: no request ever waits for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from starlette.requests import Request

log = logging.getLogger(__name__)

MOST_WAITING = 10_000

_BATCH = 1_000
_GATHER_S = 0.5
_PAUSE_AFTER_FAILURE_S = 1.0
_FLUSH_S = 5.0
_SILENCE_S = 30.0
_DELETED_AT_ONCE = 2_000
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Entry(NamedTuple):
    """One request. `event` says what it was about; `subject_id` is the account that it changed, if not its own.

    A tuple, since every write makes one, and the driver copies tuples.
    """

    at: datetime
    event: str
    request_id: str
    address: str | None
    agent: str | None
    actor: str
    account_id: UUID | None
    subject_id: UUID | None
    hotel_id: UUID | None
    booking_id: UUID | None
    method: str
    route: str | None
    status: int | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Noted:
    """What an endpoint knows of its request besides what every request shows."""

    event: str
    account_id: UUID | None = None
    subject_id: UUID | None = None


def note(request: Request, event: str, *, account_id: UUID | None = None, subject_id: UUID | None = None) -> None:
    """Say what the entry of this request shall say: what happened, to which account, who did it if not yet known."""
    request.state.noted = Noted(event, account_id, subject_id)


class AccessLog:
    """The log as one process writes it. `dropped` counts the entries that were lost since it was opened."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._waiting: deque[Entry] = deque()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._quiet_until = 0.0
        self.dropped = 0
        self.failing = False

    def add(self, entry: Entry) -> None:
        """Leave an entry to be written. Returns at once, whatever happens to the database."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(entry)
        self._arrived.set()

    async def run(self) -> None:
        """Write what comes, until the log is closed; then what is left."""
        while not self._closing.is_set():
            await self._arrived.wait()
            self._arrived.clear()
            await self._pause(_GATHER_S)
            while self._waiting:
                if not await self._write():
                    await self._pause(_PAUSE_AFTER_FAILURE_S)
                    if self._closing.is_set():
                        break
        while self._waiting and await self._write():
            continue

    async def flush(self) -> bool:
        """Write what has come up to now. False if that isn't possible."""
        while self._waiting:
            if not await self._write():
                return False
        return True

    async def close(self, writing: "asyncio.Task[None]") -> None:
        """Let the writer end with what is left, within a bounded time."""
        self._closing.set()
        self._arrived.set()
        await asyncio.wait([writing], timeout=_FLUSH_S)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        self.dropped += len(self._waiting)
        if self.dropped:
            log.warning("%d entries of the access log were lost", self.dropped)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _write(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        try:
            async with self._pool.acquire(timeout=_FLUSH_S) as connection:
                await connection.copy_records_to_table(
                    "access_log", schema_name="identity", columns=Entry._fields, records=batch
                )
        except _AWAY as error:
            self.failing = True
            self._complain(error)
            fitting = max(0, MOST_WAITING - len(self._waiting))
            self.dropped += max(0, len(batch) - fitting)
            self._waiting.extendleft(reversed(batch[-fitting:] if fitting else []))
            return False
        self.failing = False
        return True

    def _complain(self, error: BaseException) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("the access log can't be written, entries wait: %s", type(error).__name__)


@asynccontextmanager
async def open_access_log(pool: "asyncpg.Pool[Any]") -> AsyncIterator[AccessLog]:
    """The log, written while the block runs. Its pool must be that of the identity role, and outlive it."""
    made = AccessLog(pool)
    writing = asyncio.create_task(made.run(), name="access log")
    try:
        yield made
    finally:
        await made.close(writing)


async def forget(pool: "asyncpg.Pool[Any]", kept: timedelta) -> int:
    """Delete the entries that are older than they are kept, in small batches; how many."""
    forgotten = 0
    while True:
        async with pool.acquire() as connection:
            deleted: int = await connection.fetchval(
                "select identity.forget_access(clock_timestamp() - $1::interval, $2)", kept, _DELETED_AT_ONCE
            )
        forgotten += deleted
        if deleted < _DELETED_AT_ONCE:
            return forgotten
