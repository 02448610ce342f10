"""The write side as one thing that is opened and closed: the appender, its pool, and the keys that commands need."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import time
from typing import Any
from uuid import UUID

import asyncpg
from starlette.requests import Request

from eventstore.appender import LANES, Appender
from eventstore.errors import WrongMasterKey
from eventstore.guest_keys import MasterKey
from eventstore.master_key import claim_ledger
from eventstore.reading import Connection, Pool
from eventstore.watching import AppendWatch

log = logging.getLogger(__name__)

_UNUSABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSide:
    """All that the write side works with. `fingerprint_key` makes the HMAC of requests."""

    appender: Appender
    pool: Pool
    master_key: MasterKey
    fingerprint_key: bytes
    bookable_horizon_days: int
    business_day_rolls_at: time


def side_of(request: Request) -> CommandSide:
    """The write side of the application that serves a request."""
    side: CommandSide = request.app.state.command_side
    return side


_SETTINGS = {
    "application_name": "staysync command",
    # Statements are planned once: planning a batch's write anew takes longer than running it. All go by key, and a plan
    # that was made while a table was empty must not have it otherwise.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


async def _keep(_: Any) -> None:
    """Nothing to reset on a connection that goes back: the statements here use no session state."""


@asynccontextmanager
async def open_command_side(
    *,
    database_url: str,
    pool_size: int,
    master_key: MasterKey,
    fingerprint_key: bytes,
    bookable_horizon_days: int,
    business_day_rolls_at: time,
    announce: Callable[[Iterable[UUID]], None] | None = None,
    watch: AppendWatch | None = None,
    without_database: bool = False,
    unfit: Callable[[WrongMasterKey], None] | None = None,
) -> AsyncIterator[CommandSide]:
    """Open the write side. `announce` is told the hotels of every commit, after it, `watch` how long it took.

    Every connection is used only once the master key is found to be the ledger's. Otherwise WrongMasterKey is raised,
    here or by whatever wants that connection, and `unfit` is told. With `without_database` the database may be away,
    or without its schema.
    """

    async def check(connection: Connection) -> None:
        try:
            await claim_ledger(connection, master_key)
        except WrongMasterKey as error:
            if unfit is not None:
                unfit(error)
            raise

    # A connection for the main loop, one for each lane, and one to spare.
    size = max(pool_size, LANES + 2)
    async with (
        asyncpg.create_pool(
            database_url, min_size=0, max_size=size, init=check, reset=_keep, server_settings=_SETTINGS
        ) as pool,
        Appender(pool, announce=announce, watch=watch) as appender,
    ):
        try:
            async with pool.acquire():
                pass  # opened now, so that the first command doesn't wait for it
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            if not without_database:
                raise
            log.warning("the database can't be used yet: %s", type(error).__name__)
        yield CommandSide(
            appender=appender,
            pool=pool,
            master_key=master_key,
            fingerprint_key=fingerprint_key,
            bookable_horizon_days=bookable_horizon_days,
            business_day_rolls_at=business_day_rolls_at,
        )
