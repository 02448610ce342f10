"""`staysync up` says in one line why it can't start, and leaves nothing behind when it is stopped on the way."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from staysync.embedded import free_port
from staysync.processes import birth_of, sole_user, wait_until

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 120.0


def _up(data_dir: Path, port: int, **settings: str) -> "subprocess.Popen[str]":
    environment = os.environ | {
        "STAYSYNC_DATA_DIR": str(data_dir),
        "STAYSYNC_PORT": str(port),
        "PYTHONPATH": str(_ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "staysync", "up"],
        env=environment | settings,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _refusal(data_dir: Path, port: int, **settings: str) -> str:
    """The one line on standard error of a start that must fail."""
    process = _up(data_dir, port, **settings)
    output, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 2, errors
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert ("Stopping" in output) == bool(list(data_dir.glob("log/*.log"))), "it tells of an end where nothing began"
    assert _left_behind(data_dir) == []
    return lines[0]


def _left_behind(data_dir: Path) -> list[str]:
    """Records of processes that still run."""
    living = []
    for record in data_dir.glob("run/*.pid"):
        pid, _, birth = record.read_text().strip().partition(" ")
        if birth_of(int(pid)) == birth:
            living.append(record.name)
    return living


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken; STAYSYNC_PORT names another" in _refusal(tmp_path / "data", port)


def test_a_data_directory_in_use(tmp_path: Path) -> None:
    with sole_user(tmp_path / "data"):
        line = _refusal(tmp_path / "data", free_port())
    assert f"is in use by another StaySync (process {os.getpid()})" in line


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be written" in _refusal(tmp_path / "file" / "data", free_port())


def test_a_secrets_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = _refusal(tmp_path / "data", free_port(), STAYSYNC_SECRETS_DIR=str(tmp_path / "file" / "secrets"))
    assert "secrets can't be written: Not a directory; STAYSYNC_SECRETS_DIR names another" in line


def test_a_data_directory_of_another_postgresql_version(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    (tmp_path / "data" / "postgres" / "PG_VERSION").write_text("16\n")
    assert "belongs to PostgreSQL 16" in _refusal(tmp_path / "data", free_port())


def test_a_data_directory_with_something_else_in_its_place(tmp_path: Path) -> None:
    kept = tmp_path / "data" / "postgres" / "base"
    kept.mkdir(parents=True)
    assert "isn't PostgreSQL's data (it has no PG_VERSION)" in _refusal(tmp_path / "data", free_port())
    assert kept.is_dir()


def test_a_setting_that_cannot_be_right(tmp_path: Path) -> None:
    assert "STAYSYNC_WORKERS" in _refusal(tmp_path / "data", free_port(), STAYSYNC_WORKERS="many")


def test_a_setting_that_others_follow_from_is_named_alone(tmp_path: Path) -> None:
    assert "STAYSYNC_PORT: " in _refusal(tmp_path / "data", free_port(), STAYSYNC_PORT="http")


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    line = _refusal(tmp_path / "data", free_port(), STAYSYNC_ADMIN_EMAIL="admin@example.org")
    assert line == "StaySync can't start: STAYSYNC_ADMIN_EMAIL and STAYSYNC_ADMIN_PASSWORD go together"


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql://someone@127.0.0.1:{free_port()}/staysync"
    assert "can't be used" in _refusal(tmp_path / "data", free_port(), STAYSYNC_DATABASE_URL=url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_starting_stops_what_had_started(tmp_path: Path, number: signal.Signals) -> None:
    data_dir = tmp_path / "data"
    process = _up(data_dir, free_port())
    assert wait_until((data_dir / "run" / "valkey.pid").exists, _PATIENCE_S)
    process.send_signal(number)
    output, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors
    assert output.endswith("StaySync has stopped.\n")
    assert _left_behind(data_dir) == []


def test_whoever_reads_that_it_runs_finds_the_demo(tmp_path: Path) -> None:
    port = free_port()
    process = _up(tmp_path / "data", port)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "StaySync is running" in line:
                break
        hotels = httpx.get(f"http://127.0.0.1:{port}/v1/hotels", timeout=10).json()["items"]
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=_PATIENCE_S)
    assert len(hotels) == 3, errors


def test_it_answers_starts_again_what_dies_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    process = _up(data_dir, port, STAYSYNC_DEMO="0")
    try:
        # The beat is the last to start, and that happens after the API said that it is ready.
        assert wait_until(lambda: (data_dir / "run" / "beat.pid").exists() or process.poll() is not None, _PATIENCE_S)
        assert _ready(port)
        for name in ("worker-commands", "valkey", "postgres"):
            record = data_dir / "run" / f"{name}.pid"
            first = record.read_text()
            os.kill(int(first.split()[0]), signal.SIGKILL)
            assert wait_until(lambda r=record, f=first: r.exists() and r.read_text() not in ("", f), _PATIENCE_S), name  # type: ignore[misc] # mypy can't infer a lambda with defaults
        assert wait_until(lambda: _ready(port), _PATIENCE_S)
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors
    assert "worker-commands ended (SIGKILL); starting it again" in output
    assert _left_behind(data_dir) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_after_a_kill_of_the_supervisor_nothing_runs_on_and_the_next_start_works(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    process = _up(data_dir, port, STAYSYNC_DEMO="0")
    assert wait_until(lambda: (data_dir / "run" / "beat.pid").exists() or process.poll() is not None, _PATIENCE_S)
    process.kill()
    process.communicate(timeout=_PATIENCE_S)
    assert wait_until(lambda: _left_behind(data_dir) == [], _PATIENCE_S)
    process = _up(data_dir, port, STAYSYNC_DEMO="0")
    assert wait_until(lambda: _ready(port) or process.poll() is not None, _PATIENCE_S)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors
    assert _left_behind(data_dir) == []


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
