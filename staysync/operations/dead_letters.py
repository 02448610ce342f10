"""Tasks that failed for good: kept with their arguments and their error, listed, sent again, or thrown away."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat as uuids

from eventstore.causes import Cause, following
from staysync.operations.desk import Desk
from staysync.operations.errors import UnknownDeadLetter
from staysync.operations.sql import statement

log = logging.getLogger(__name__)

KEPT = timedelta(days=90)
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A task that failed for good. Its arguments are ids."""

    dead_letter_id: UUID
    task: str
    arguments: dict[str, Any]
    error: str
    request_id: str | None
    correlation_id: str | None
    failed_at: datetime


async def keep(
    desk: Desk, task: str, args: Sequence[Any], kwargs: dict[str, Any], error: str, cause: Cause | None
) -> None:
    """Keep a task that has failed."""
    arguments = orjson.dumps({"args": list(args), "kwargs": kwargs}).decode()
    request_id, correlation_id = (None, None) if cause is None else (cause.request_id, cause.correlation_id)
    await desk.pool.execute(
        statement("keep_dead_letter"),
        uuids.uuid7(),
        task,
        arguments,
        error[:_LONGEST_ERROR],
        request_id,
        correlation_id,
    )


async def waiting(desk: Desk, limit: int, after: tuple[datetime, UUID] | None = None) -> list[DeadLetter]:
    """The dead letters that nobody has retried, the newest first."""
    failed_at, dead_letter_id = after or (None, None)
    rows = await desk.pool.fetch(statement("dead_letters"), limit, failed_at, dead_letter_id)
    return [DeadLetter(**{**dict(row), "arguments": orjson.loads(row["arguments"])}) for row in rows]


async def retry(desk: Desk, dead_letter_id: UUID) -> str:
    """Send the task again, as it was; its name. Raises UnknownDeadLetter, QueueUnavailable.

    If it fails again it is a new dead letter. Two who retry at once send it once.
    """
    async with desk.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(statement("lock_dead_letter"), dead_letter_id)
        if row is None:
            raise UnknownDeadLetter
        arguments = orjson.loads(row["arguments"])
        cause = None if row["request_id"] is None else Cause(row["request_id"], row["correlation_id"])
        with following(cause):
            await desk.send(row["task"], arguments["args"], arguments["kwargs"])
        await connection.execute(statement("retried_dead_letter"), dead_letter_id)
    task: str = row["task"]
    return task


async def discard(desk: Desk, dead_letter_id: UUID) -> None:
    """Throw a dead letter away. Raises UnknownDeadLetter."""
    if await desk.pool.fetchval(statement("discard_dead_letter"), dead_letter_id) is None:
        raise UnknownDeadLetter


async def forget(desk: Desk) -> int:
    """Delete the dead letters that are past their time; how many."""
    tag = await desk.pool.execute(statement("forget_dead_letters"), KEPT)
    return int(tag.split()[-1])
