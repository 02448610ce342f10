"""Where the suite runs: servers of its own with durable settings, databases made as an installation makes them."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from staysync.bootstrap import bootstrap, migrate
from staysync.embedded import free_port, start_postgres, start_valkey
from staysync.processes import launch, sole_user, stop_child, stop_leftover
from staysync.settings import Settings

OUT = Path(__file__).parent / "out"
_ROOT = Path(__file__).parents[1]
_READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """The running servers and the folder of this run."""

    folder: Path
    postgres_url: str
    redis_url: str

    def settings(self, database: str, valkey_database: int = 0) -> Settings:
        """The settings of an installation with this database."""
        return Settings.model_validate(
            {
                "data_dir": self.folder,
                "database_url": _with_path(self.postgres_url, database),
                "redis_url": _with_path(self.redis_url, str(valkey_database)),
                "demo": False,
            }
        )

    async def make_database(self, name: str, valkey_database: int = 0) -> Settings:
        """A database with StaySync's roles and schema, as an installation has them."""
        settings = self.settings(name, valkey_database)
        await bootstrap(settings)
        await asyncio.to_thread(migrate, settings)
        return settings


@asynccontextmanager
async def open_place() -> AsyncIterator[Place]:
    """Start the servers in a folder under bench/out, on the project's own disk: a RAM disk would make fsync free."""
    OUT.mkdir(exist_ok=True)
    folder = OUT / "servers"
    with sole_user(folder):
        for server, how in (("postgres", signal.SIGINT), ("valkey", signal.SIGTERM)):
            stop_leftover(folder / "run" / f"{server}.pid", how)
        _empty(folder)  # what a run that was killed has left would be taken for this one's
        try:
            valkey = await start_valkey(folder, folder / "redis.password")
            postgres = await start_postgres(folder, folder / "superuser.password", durable=True)
            try:
                yield Place(folder, postgres.url, valkey.url)
            finally:
                await asyncio.gather(postgres.stop(), valkey.stop())
        finally:
            _empty(folder)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name in ("run", "log"):
            shutil.rmtree(entry)
            entry.mkdir()
        elif entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


def environment(settings: Settings) -> dict[str, str]:
    """What a process of this installation finds in its environment. Nothing of the caller's own STAYSYNC_* gets in."""
    return {
        "PATH": "/usr/bin:/bin",
        "STAYSYNC_DATA_DIR": str(settings.data_dir),
        "STAYSYNC_DATABASE_URL": settings.database_url or "",
        "STAYSYNC_REDIS_URL": settings.redis_url or "",
        "STAYSYNC_DEMO": "0",
        "STAYSYNC_KEEP_ANSWERS_S": "0",  # a search that Redis answers says nothing about the search
        "STAYSYNC_LIMIT_HOLDS_PER_ADDRESS": "0",  # all load comes from one address
        "STAYSYNC_LIMIT_HOLDS_PER_ACCOUNT": "0",
        "STAYSYNC_LIMIT_BOOKINGS_PER_ADDRESS": "0",
    }


@asynccontextmanager
async def background(
    place: Place, name: str, arguments: Sequence[str], variables: Mapping[str, str]
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Run `python arguments` beside us; it ends with the block, and with us whatever happens to us."""
    with (place.folder / "log" / f"{name}.log").open("wb") as output:
        process = launch(
            [sys.executable, *arguments],
            record=place.folder / "run" / f"{name}.pid",
            death_signal=signal.SIGTERM,
            environment=variables,
            output=output,
            folder=_ROOT,
        )
    try:
        yield process
    finally:
        await asyncio.to_thread(stop_child, process, signal.SIGTERM)


@asynccontextmanager
async def served(place: Place, name: str, arguments: Sequence[str], settings: Settings) -> AsyncIterator[int]:
    """Run a server as `python arguments`; yields its port once it takes connections."""
    port = free_port()
    variables = {**environment(settings), "STAYSYNC_PORT": str(port)}
    async with background(place, name, arguments, variables) as process:
        deadline = asyncio.get_running_loop().time() + _READY_S
        while not await _listens(port):
            if process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                log = (place.folder / "log" / f"{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} didn't start:\n{log[-2000:]}")
            await asyncio.sleep(0.02)
        yield port


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def output_of(
    command: Sequence[str | Path], *, variables: Mapping[str, str] | None = None, given: bytes = b"", limit_s: float
) -> str:
    """Run a program to its end and take what it prints. It is ended after `limit_s`, or when we are called off."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=None if variables is None else dict(variables),
        cwd=_ROOT,
    )
    try:
        out, complaint = await asyncio.wait_for(process.communicate(given), limit_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(
            f"{command[0]} ended with {process.returncode}: {complaint.decode(errors='replace')[-2000:]}"
        )
    return out.decode()


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
