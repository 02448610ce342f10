"""Knows how the tests get their servers: one embedded PostgreSQL and Valkey for a whole run, whatever its processes.

The first test that needs them starts a keeper (`python -m tests.servers FOLDER PID`), a process of its own that holds
the servers, prepares a migrated template database, and ends with the test run, also when that is killed.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit, urlunsplit

from staysync.bootstrap import bootstrap, connect, migrate
from staysync.embedded import start_postgres, start_valkey
from staysync.processes import birth_of, sole_user
from staysync.settings import Settings

TEMPLATE = "staysync_template"
VALKEY_DATABASES = 4096

_ROOT = Path(__file__).parents[1]
_READY_S = 120.0
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the run's servers are. The template database is in `database_url`."""

    database_url: str
    redis_url: str
    data_dir: str
    keeper: int

    def settings(self, database: str, valkey_database: int, **others: object) -> Settings:
        """Settings of an installation whose database is `database` on these servers."""
        return Settings.model_validate(
            {
                "data_dir": self.data_dir,
                "database_url": urlunsplit(urlsplit(self.database_url)._replace(path=f"/{database}")),
                "redis_url": urlunsplit(urlsplit(self.redis_url)._replace(path=f"/{valkey_database}")),
                "demo": False,
                **others,
            }
        )

    def next_valkey_database(self) -> int:
        """A number that no other test of this run has now: they are given out in turn."""
        with _locked(Path(self.data_dir) / "valkey-databases") as counter:
            counter.seek(0)
            number = int(counter.read() or "0") % (VALKEY_DATABASES - 1) + 1
            counter.seek(0)
            counter.truncate()
            counter.write(str(number))
            counter.flush()
            return number


def servers_of_run(folder: Path, run_pid: int) -> Servers:
    """The servers of the test run that the process `run_pid` leads; the first caller starts them."""
    answer = folder / "servers.json"
    with _locked(folder / "start.lock"):
        if not answer.exists():
            _start_keeper(folder, run_pid, answer)
    return Servers(**json.loads(answer.read_text(encoding="utf-8")))


def stop_servers_of_run(folder: Path) -> None:
    """Stop the servers, if any were started, and wait until they have ended."""
    answer = folder / "servers.json"
    if not answer.exists():
        return
    keeper = int(json.loads(answer.read_text(encoding="utf-8"))["keeper"])
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(keeper, signal.SIGTERM)
    while birth_of(keeper) is not None:
        time.sleep(0.02)


def _start_keeper(folder: Path, run_pid: int, answer: Path) -> None:
    log = folder / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "tests.servers", str(folder), str(run_pid)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; the keeper ends when they have ended
        )
    deadline = time.monotonic() + _READY_S
    while not answer.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the tests' servers didn't start:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)
    # The run's process waits for the keeper by its pid; forgetting the handle quietly is what is wanted here.
    keeper.returncode = 0


async def _keep(folder: Path, run_pid: int) -> None:
    birth = birth_of(run_pid)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    data_dir = folder / "servers"
    with sole_user(data_dir):
        valkey = await start_valkey(data_dir, data_dir / "redis.password", databases=VALKEY_DATABASES)
        postgres = await start_postgres(data_dir, data_dir / "superuser.password", durable=False)
        try:
            servers = Servers(
                urlunsplit(urlsplit(postgres.url)._replace(path=f"/{TEMPLATE}")), valkey.url, str(data_dir), os.getpid()
            )
            await _make_template(servers)
            draft = folder / "servers.json.new"
            draft.write_text(json.dumps(asdict(servers)), encoding="utf-8")
            draft.rename(folder / "servers.json")
            while not stopping.is_set() and birth_of(run_pid) == birth:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _LOOK_S)
        finally:
            await asyncio.gather(postgres.stop(), valkey.stop())
    if not stopping.is_set():  # the run was killed, so nobody else removes its folder
        shutil.rmtree(folder)


async def _make_template(servers: Servers) -> None:
    settings = servers.settings(TEMPLATE, 0)
    await bootstrap(settings)
    await asyncio.to_thread(migrate, settings)
    admin = await connect(settings, "postgres")
    # Nobody may be connected to a template while it is copied, so nobody can be.
    await admin.execute(f"ALTER DATABASE {TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")
    await admin.close()


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[TextIO]:
    with file.open("a+", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream


if __name__ == "__main__":
    asyncio.run(_keep(Path(sys.argv[1]), int(sys.argv[2])))
