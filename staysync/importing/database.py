"""Finds the database that an import writes to: one that is given, a running StaySync's, or one started for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from staysync.bootstrap import bootstrap, migrate
from staysync.embedded import DATABASE, SUPERUSER, start_postgres
from staysync.processes import CannotStartError, sole_user
from staysync.settings import Settings


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """Settings with a database URL. Without one given and nothing running, the embedded server runs for this long.

    Raises CannotStartError.
    """
    if settings.database_url is not None:
        yield settings
        return
    running = _running(settings.data_dir)
    if running is not None:
        yield settings.model_copy(update={"database_url": running})
        return
    with sole_user(settings.data_dir):
        server = await start_postgres(settings.data_dir, settings.secrets_dir / "db-superuser.password")
        try:
            ours = settings.model_copy(update={"database_url": server.url})
            await bootstrap(ours)
            await asyncio.to_thread(migrate, ours)
            yield ours
        finally:
            await server.stop()


def _running(data_dir: Path) -> str | None:
    """The address of the embedded database while StaySync has the data directory; an import may come beside it."""
    try:
        with sole_user(data_dir):
            return None
    except CannotStartError:
        lock = data_dir / "postgres" / "postmaster.pid"
        try:
            port = int(lock.read_text(encoding="utf-8").split("\n")[3])
        except (OSError, ValueError, IndexError):
            raise  # the data directory is in use, and not by a database: its line says by whom
        return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{DATABASE}"
