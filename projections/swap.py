"""Putting a schema in the place of the live one, in one transaction, without an error or a mixture for anyone.

Projectors are locked out by a lock on the checkpoints, and both schemas are brought to the same events. Then whoever
reads must not see one table of the old schema and another of the new one:

- Where both hold the same rows it makes no difference, once all snapshots are younger than the last change. So it waits
  for transactions that began before, holds nobody up, and renames.
- Where they differ, it also needs a moment in which nobody reads: it takes all tables, and lets go at once if it can't.

Statements are looked up by name when they are planned, and renaming makes every session plan anew. So nobody has to
open new connections.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg

from eventstore.reading import Connection
from projections.drain import CannotRebuild
from projections.schemas import BEFORE, LIVE
from projections.sql import statement

log = logging.getLogger(__name__)

_ATTEMPTS = 20
_PAUSE_S = 0.5
_PROJECTORS_MS = 10_000  # a projector's batch is short; the rebuild of one hotel may take longer
_READERS_S = 5.0
_LOOK_S = 0.01
_TABLES_MS = 200  # less than it takes PostgreSQL to look for deadlocks, so that no reader is ever ended for one


class _NoMoment(Exception):
    """Somebody is at work for too long; better to let go and to try again."""


async def swap(owner: Connection, schema: str, catch_up: Callable[[], Awaitable[None]], *, same: bool) -> None:
    """Make `schema` the live one, and keep what was live as `read_before`. Raises CannotRebuild if no moment is found.

    `same` says that both hold the same rows, once `catch_up` has brought the new one to where the live one is.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_PAUSE_S)
        try:
            async with owner.transaction(isolation="read_committed"):
                await owner.execute(f"set local lock_timeout = {_PROJECTORS_MS}")
                await owner.execute(f"lock table {LIVE}.checkpoint in exclusive mode")
                await catch_up()
                await _until_snapshots_are_young(owner)
                if not same:
                    await _take_all_tables(owner)
                await _rename(owner, schema)
        except (_NoMoment, asyncpg.LockNotAvailableError) as error:
            log.warning("the read tables are in use, the swap is tried again: %s", type(error).__name__)
        else:
            return
    raise CannotRebuild("projectors or queries were at work all the time; try again in a quieter moment")


async def _until_snapshots_are_young(owner: Connection) -> None:
    """Wait until every transaction has ended that may have looked before now."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READERS_S
    old = await _readers(owner)
    while old := old & await _readers(owner):
        if loop.time() > deadline:
            raise _NoMoment
        await asyncio.sleep(_LOOK_S)


async def _readers(owner: Connection) -> set[tuple[int, str]]:
    return {(row["pid"], row["virtualxid"]) for row in await owner.fetch(statement("readers"))}


async def _take_all_tables(owner: Connection) -> None:
    """Take all live tables, so that no transaction has read some of them and goes on with others."""
    rows = await owner.fetch("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = $1", LIVE)
    await owner.execute(f"set local lock_timeout = {_TABLES_MS}")
    await owner.execute(f"lock table {', '.join(row[0] for row in rows)} in access exclusive mode")


async def _rename(owner: Connection, schema: str) -> None:
    await owner.execute(f"alter schema {LIVE} rename to {LIVE}_swapped")
    await owner.execute(f"alter schema {schema} rename to {LIVE}")
    await owner.execute(f"drop schema if exists {BEFORE} cascade")
    await owner.execute(f"alter schema {LIVE}_swapped rename to {BEFORE}")
