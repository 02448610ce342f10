"""An installation as the suite uses it: the write side in this process, and an administrator's connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from command.side import CommandSide, open_command_side
from staysync.bootstrap import connect
from staysync.secrets import load_secrets
from staysync.settings import Settings


@asynccontextmanager
async def write_side(settings: Settings) -> AsyncIterator[CommandSide]:
    """The write side in this process, as the API opens it."""
    secrets = load_secrets(settings.secrets_dir)
    async with open_command_side(
        database_url=settings.role_url("command"),
        pool_size=settings.command_pool_size,
        master_key=secrets.master_key(),
        fingerprint_key=secrets.fingerprint_key(),
        bookable_horizon_days=settings.bookable_horizon_days,
        business_day_rolls_at=settings.business_day_rolls_at,
    ) as side:
        yield side


@asynccontextmanager
async def administrator(settings: Settings) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the superuser to the installation's database."""
    connection = await connect(settings, (settings.database_url or "").rpartition("/")[2])
    try:
        yield connection
    finally:
        await connection.close()


async def settle(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Statistics, visibility and a checkpoint after the preparation, so that the first round doesn't pay for it."""
    await admin.execute("vacuum (analyze)")
    await admin.execute("checkpoint")
