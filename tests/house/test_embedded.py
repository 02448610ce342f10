"""The embedded servers start, stop, recover from a killed run, and say in one line what is in their way."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from staysync.embedded import EmbeddedServer, start_postgres, start_valkey
from staysync.processes import CannotStartError, birth_of, launch, run_once, sole_user, stop_leftover, wait_until

_PATIENCE_S = 60.0


async def _postgres(data_dir: Path) -> EmbeddedServer:
    return await start_postgres(data_dir, data_dir / "superuser.password", durable=False)


async def _valkey(data_dir: Path) -> EmbeddedServer:
    return await start_valkey(data_dir, data_dir / "redis.password")


async def _fetch(server: EmbeddedServer, query: str) -> object:
    connection = await asyncpg.connect(server.url.rpartition("/")[0] + "/postgres")
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_postgres_keeps_its_data_through_a_clean_stop_and_a_kill(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        server = await _postgres(tmp_path)
        assert await _fetch(server, "SHOW data_checksums") == "on"
        assert await _fetch(server, "SHOW listen_addresses") == "127.0.0.1"
        await _fetch(server, "CREATE TABLE kept (id int)")
        await server.stop()
        assert not (tmp_path / "postgres" / "postmaster.pid").exists()

        server = await _postgres(tmp_path)
        server.process.kill()  # its children notice by themselves, its lock file stays behind
        server.process.wait()
        assert (tmp_path / "postgres" / "postmaster.pid").exists()

        server = await _postgres(tmp_path)
        assert await _fetch(server, "SELECT count(*) FROM kept") == 0
        await server.stop()


async def test_a_server_left_behind_by_a_killed_run_is_stopped_by_the_next(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        left = await _postgres(tmp_path)
        successor = await _postgres(tmp_path)  # as if the first run had died without the kernel's help
        assert left.process.wait() == 0
        assert await _fetch(successor, "SELECT 1") == 1
        await successor.stop()


async def test_a_leftover_without_our_record_is_known_by_its_own_lock_file(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        left = await _postgres(tmp_path)
        left.record.unlink()
        successor = await _postgres(tmp_path)
        assert left.process.poll() is not None
        await successor.stop()


@pytest.mark.parametrize("left", [b"", b"\0\0\0\0", b"\xff"])
async def test_a_lock_file_that_names_nobody_is_in_nobodys_way(tmp_path: Path, left: bytes) -> None:
    with sole_user(tmp_path):
        await (await _postgres(tmp_path)).stop()
        (tmp_path / "postgres" / "postmaster.pid").write_bytes(left)
        server = await _postgres(tmp_path)
        assert await _fetch(server, "SELECT 1") == 1
        await server.stop()


async def test_what_a_server_said_before_it_ended_is_kept_through_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with sole_user(tmp_path):
        for start in (_postgres, _valkey):
            server = await start(tmp_path)
            name = server.record.stem
            with (log / f"{name}.log").open("a") as said:
                said.write("why it ended\n")
            server.process.kill()
            server.process.wait()
            again = await start(tmp_path)
            assert "why it ended" in (log / f"{name}.log.1").read_text()
            assert "why it ended" not in (log / f"{name}.log").read_text()
            await again.stop()


async def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for name, start in (("postgres", _postgres), ("valkey", _valkey)):
        home = tmp_path / name
        with sole_user(home):
            (home / "log" / f"{name}.log.1").mkdir()
            (home / "log" / f"{name}.log").write_text("")
            with pytest.raises(CannotStartError, match=rf"the log .*{name}\.log can't be written"):
                await start(home)


async def test_two_run_side_by_side(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with sole_user(first), sole_user(second):
        servers = await asyncio.gather(
            _postgres(first),
            _postgres(second),
            *(start_valkey(home, home / "redis.password") for home in (first, second)),
        )
        assert len({server.port for server in servers}) == 4
        await asyncio.gather(*(server.stop() for server in servers))


async def test_valkey_answers_only_to_its_password(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        server = await start_valkey(tmp_path, tmp_path / "redis.password")
        client = redis.asyncio.Redis.from_url(server.url)
        assert await client.ping()
        await client.aclose()
        stranger = redis.asyncio.Redis(port=server.port)
        with pytest.raises(redis.AuthenticationError):
            await stranger.ping()
        await stranger.aclose()
        await server.stop()
        assert server.process.returncode == 0


async def test_data_of_another_postgresql_version_is_left_alone(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
        with pytest.raises(CannotStartError, match="belongs to PostgreSQL 17, this is PostgreSQL 18"):
            await _postgres(tmp_path)


async def test_an_interrupted_first_start_begins_anew(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        (tmp_path / "postgres.new").mkdir()
        (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
        server = await _postgres(tmp_path)
        await server.stop()


def test_a_data_directory_has_one_user_at_a_time(tmp_path: Path) -> None:
    with (
        sole_user(tmp_path),
        pytest.raises(CannotStartError, match=f"in use by another StaySync .process {os.getpid()}"),
        sole_user(tmp_path),
    ):
        pytest.fail("two had it")
    with sole_user(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CannotStartError, match=r"data directory .*file/data can't be written"),
        sole_user(tmp_path / "file" / "data"),
    ):
        pytest.fail("it was made inside a file")


def test_a_program_that_cannot_be_noted_does_not_run_on(tmp_path: Path) -> None:
    alive = tmp_path / "pid"
    script = f"import os, time; open({str(alive)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(CannotStartError, match="can't be written"):
        launch([sys.executable, "-c", script], record=tmp_path / "no" / "such.pid", death_signal=signal.SIGTERM)
    time.sleep(1)
    assert not alive.exists() or birth_of(int(alive.read_text())) is None


def test_a_recorded_pid_that_means_another_process_now_is_left_alone(tmp_path: Path) -> None:
    record = tmp_path / "api.pid"
    record.write_text(f"{os.getpid()} another birth\n")
    assert stop_leftover(record, signal.SIGKILL) is False
    assert not record.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_no_server_outlives_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from staysync.embedded import start_postgres, start_valkey\n"
        "from staysync.processes import sole_user\n"
        "async def main():\n"
        "    home = pathlib.Path(sys.argv[1])\n"
        "    with sole_user(home):\n"
        "        postgres = await start_postgres(home, home / 'p', durable=False)\n"
        "        valkey = await start_valkey(home, home / 'r')\n"
        "        print(postgres.process.pid, valkey.process.pid, flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:  # noqa: S603 - ours
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        births = [birth_of(pid) for pid in pids]
        assert None not in births
        parent.kill()
    assert wait_until(lambda: all(birth_of(pid) != birth for pid, birth in zip(pids, births, strict=True)), _PATIENCE_S)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="changing accounts takes root")
def test_root_can_run_a_program_as_another_account() -> None:
    assert run_once(["/usr/bin/id", "-u"], identity="account:65534:65534").stdout == b"65534\n"
