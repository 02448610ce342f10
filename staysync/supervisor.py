"""Knows how everything runs under one roof: in which order it starts, who is started again, and how it all ends."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import typer

from staysync.embedded import EmbeddedServer, free_port, start_postgres, start_valkey
from staysync.processes import CannotStartError, launch, sole_user, stop_child, stop_leftover
from staysync.serving import listen
from staysync.settings import Settings

if TYPE_CHECKING:  # it brings the whole identity side along, and is needed late
    from staysync.admin import SignIn

CHILDREN: dict[str, tuple[str, ...]] = {
    "api": ("serve",),
    "worker-projections": ("worker", "projections"),
    "worker-commands": ("worker", "commands"),
    "worker-mail": ("worker", "mail"),
    "beat": ("beat",),
}

CATCHER = {"mail-catcher": ("mail-catcher",)}

_READY_S = 60.0
_SHOWN_S = 15.0
_LOOK_S = 0.05
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_ATTEMPTS = 3  # of the API to come up at all: once may be bad luck, such as a database that was just restarted
_STEADY_S = 60.0  # a child that ran this long has earned a quick restart

_SOME_BEHIND = """
    select exists (
        select from ledger.head h left join read.checkpoint c on c.hotel_id = h.hotel_id
         where h.seq > coalesce(c.seq, 0) and c.parked_seq is null
    )
"""


def say(line: str) -> None:
    """Tell the person at the terminal, if there still is one: a closed window must not keep us from stopping."""
    with contextlib.suppress(OSError):
        typer.echo(line)


@dataclass(slots=True)
class _Watched:
    """Something that is to run until we stop: its process of the moment, and how to start the next."""

    name: str
    start: Callable[[], Awaitable["subprocess.Popen[bytes]"]]
    process: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals
    record: Path
    times_ended: int = 0

    async def stop(self) -> None:
        await asyncio.to_thread(stop_child, self.process, self.stop_signal)
        self.record.unlink(missing_ok=True)


class _House:
    """What runs at the moment, so that everything that was started is stopped, however far the start had come."""

    def __init__(self) -> None:
        self.servers: list[_Watched] = []
        self.children: list[_Watched] = []
        self.watchers: set[asyncio.Task[None]] = set()

    @property
    def runs_something(self) -> bool:
        """Whether anything was started."""
        return bool(self.servers or self.children)

    def watch(self, watched: _Watched, among: list[_Watched]) -> None:
        among.append(watched)
        self.watchers.add(asyncio.create_task(_keep_running(watched)))

    async def stop(self) -> None:
        """Stop the children first: they end their work with the servers still there."""
        for watcher in self.watchers:
            watcher.cancel()
        await asyncio.gather(*self.watchers, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self.children))
        await asyncio.gather(*(server.stop() for server in self.servers))


async def run_all(settings: Settings) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP. Raises `CannotStartError`, after stopping what had started."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)  # a second one, as from make, changes nothing
    began = time.monotonic()
    with sole_user(settings.data_dir):
        house = _House()
        try:
            if await _unless_stopped(_start(settings, house, began), stopping):
                await stopping.wait()
        finally:
            # A start that failed before anything ran has one line to say, and it is the reason.
            tells = house.runs_something or stopping.is_set()
            if tells:
                say("\nStopping …")
            await house.stop()
            if tells:
                say("StaySync has stopped.")


async def make_first_things(settings: Settings) -> "list[SignIn]":
    """Make the first administrator and the demo where they are missing; who can sign in to the demo."""
    from staysync.admin import ensure_administrator

    await ensure_administrator(settings)
    if not settings.demo:
        return []
    from staysync.demo import make_demo

    return await make_demo(settings)


async def _unless_stopped(work: Coroutine[None, None, None], stopping: asyncio.Event) -> bool:
    """Do the work, but call it off when we are to stop. True if it was done."""
    doing = asyncio.create_task(work)
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    return False


async def _start(settings: Settings, house: _House, began: float) -> None:
    for name in CHILDREN | CATCHER:
        await asyncio.to_thread(stop_leftover, _record(settings, name), signal.SIGTERM)
    await asyncio.to_thread(
        shutil.rmtree, settings.data_dir / "run" / "metrics", ignore_errors=True
    )  # of the run before
    listen(settings).close()  # a taken port shows now, not after a minute of work
    settings = _with_catcher(await _with_servers(settings, house))
    from staysync.bootstrap import bootstrap, check_master_key, migrate

    await bootstrap(settings)
    await asyncio.to_thread(migrate, settings)
    await check_master_key(settings)
    serving = asyncio.create_task(_start_children(settings, house))
    try:
        sign_ins = await make_first_things(settings)
        await serving
        if sign_ins:
            await _shows_the_demo(settings)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    _tell(settings, sign_ins, time.monotonic() - began)


async def _with_servers(settings: Settings, house: _House) -> Settings:
    """The settings with the addresses of the servers, which are started unless they are given."""
    data_dir = settings.data_dir
    passwords = {
        "database_url": settings.secrets_dir / "db-superuser.password",
        "redis_url": settings.secrets_dir / "redis.password",
    }

    async def have(field: str, name: str, start: Callable[..., Awaitable[EmbeddedServer]]) -> dict[str, str]:
        given: str | None = getattr(settings, field)
        if given is not None:
            return {field: given}
        server = await start(data_dir, passwords[field])

        async def start_again() -> "subprocess.Popen[bytes]":
            return (await start(data_dir, passwords[field], same_port=server.port)).process

        house.watch(_Watched(name, start_again, server.process, server.stop_signal, server.record), house.servers)
        return {field: server.url}

    first_start = not (data_dir / "postgres").exists() and settings.database_url is None
    if first_start:
        say(f"Making the data directory {data_dir} …")
    found = await asyncio.gather(
        have("database_url", "PostgreSQL", start_postgres),
        have("redis_url", "Valkey", start_valkey),
        return_exceptions=True,
    )
    known: dict[str, str] = {}
    for result in found:  # only now, so that the server that did start is known and gets stopped
        if isinstance(result, BaseException):
            raise result
        known |= result
    return settings.model_copy(update=known)


def _with_catcher(settings: Settings) -> Settings:
    """The settings with a mail catcher's ports where no mail server is given; in production mode there is none."""
    if settings.smtp_url is not None or settings.production:
        return settings.model_copy(update={"catcher_port": None, "catcher_smtp_port": None})
    smtp_port = settings.catcher_smtp_port or free_port()
    return settings.model_copy(
        update={
            "catcher_port": settings.catcher_port or free_port(),
            "catcher_smtp_port": smtp_port,
            "smtp_url": f"smtp://{_reachable(settings.catcher_host)}:{smtp_port}?tls=none",
        }
    )


async def _start_children(settings: Settings, house: _House) -> None:
    """The API first and alone: on a small machine its first answer would otherwise wait for the imports of all."""
    children = CHILDREN if settings.catcher_port is None else CHILDREN | CATCHER
    first, *others = children
    await _start_child(settings, house, first, children[first])
    await _answers(settings, house)
    for name in others:
        await _start_child(settings, house, name, children[name])


async def _start_child(settings: Settings, house: _House, name: str, arguments: Sequence[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STAYSYNC_")}
    environment |= _child_settings(settings).environment()
    record = _record(settings, name)

    async def start() -> "subprocess.Popen[bytes]":
        return launch(
            [sys.executable, "-m", "staysync", *arguments],
            record=record,
            death_signal=signal.SIGTERM,
            environment=environment,
        )

    house.watch(_Watched(name, start, await start(), signal.SIGTERM, record), house.children)


def _child_settings(settings: Settings) -> Settings:
    """The settings for children: the embedded broker's password goes by its file, so no environment shows it."""
    file = settings.secrets_dir / "redis.password"
    if settings.redis_url is None or settings.redis_password_file is not None or not file.exists():
        return settings
    parts = urlsplit(settings.redis_url)
    if parts.password != file.read_text(encoding="ascii").strip():
        return settings
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return settings.model_copy(update={"redis_url": bare, "redis_password_file": file})


def _record(settings: Settings, name: str) -> Path:
    return settings.data_dir / "run" / f"{name}.pid"


async def _keep_running(watched: _Watched) -> None:
    """Start it again whenever it ends: at once the first time, then after longer and longer pauses."""
    pause_s = _FIRST_PAUSE_S
    while True:
        since = time.monotonic()
        while watched.process.poll() is None:  # noqa: ASYNC110 - a process has no event to wait for
            await asyncio.sleep(_LOOK_S)
        if time.monotonic() - since > _STEADY_S:
            pause_s = _FIRST_PAUSE_S
        watched.times_ended += 1
        how = _how_it_ended(watched.process.returncode)
        say(f"{watched.name} ended ({how}); starting it again in {pause_s:g} s")
        await asyncio.to_thread(stop_child, watched.process, watched.stop_signal)  # what it left of its group
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        try:
            watched.process = await watched.start()
        except CannotStartError as error:
            say(f"{watched.name} can't be started: {error}")


def _how_it_ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


async def _answers(settings: Settings, house: _House) -> None:
    """Wait until the API says that it is ready. Raises `CannotStartError` if it keeps ending or takes too long."""
    api = next(child for child in house.children if child.name == "api")
    deadline = time.monotonic() + _READY_S
    while not await _is_ready(settings):
        if api.times_ended >= _ATTEMPTS:
            raise CannotStartError(f"the API ended {_ATTEMPTS} times while starting; the reason is above")
        if time.monotonic() > deadline:
            raise CannotStartError(
                f"the API isn't ready after {_READY_S:.0f} seconds; /health/ready says what is wrong"
            )
        await asyncio.sleep(_LOOK_S)


async def _is_ready(settings: Settings) -> bool:
    """Ask once. By hand, because an HTTP client would take longer to import than the rest of the start."""
    try:
        reader, writer = await asyncio.open_connection(_reachable(settings.host), settings.port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


async def _shows_the_demo(settings: Settings) -> None:
    """Wait, a bounded while, until the read tables hold the demo: the first thing that people do is to ask for it."""
    import asyncpg

    deadline = time.monotonic() + _SHOWN_S
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(settings.role_url("owner"), timeout=_SHOWN_S)
        try:
            while await connection.fetchval(_SOME_BEHIND) and time.monotonic() < deadline:  # noqa: ASYNC110 - others move it
                await asyncio.sleep(_LOOK_S)
        finally:
            await connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not listened on


def _tell(settings: Settings, sign_ins: "list[SignIn]", took_s: float) -> None:
    address = f"http://{_reachable(settings.host)}:{settings.port}"
    say(f"StaySync is running, after {took_s:.1f} s. Ctrl-C stops it.")
    say(f"  {address}/      where to begin")
    say(f"  {address}/docs  every endpoint, to try out")
    if (mails := settings.catcher_address) is not None:
        say(f"  {mails}      the mails, which go nowhere else")
    if sign_ins:
        say("The demo's sign-ins:")
    for sign_in in sign_ins:
        place = f" of {sign_in.hotel}" if sign_in.hotel else ""
        say(f"  {sign_in.email}  {sign_in.password}  ({sign_in.role}{place})")
