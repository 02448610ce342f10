"""An installation as the suite uses it: the write side in this process, and an administrator's connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from staysync.bootstrap import connect
from staysync.settings import Settings


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
