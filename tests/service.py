"""The service as separate processes, as it runs for real: the API on a free port, and a worker where one is wanted."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from staysync.embedded import free_port
from staysync.settings import Settings

_ROOT = Path(__file__).parents[1]
_LIMITS = [name for name in Settings.model_fields if name.startswith("limit_")]
_READY_S = 120.0
_STOP_S = 30.0


def environment(settings: Settings, port: int) -> dict[str, str]:
    """The environment of a process that runs with these settings."""
    return os.environ | {
        "STAYSYNC_DATA_DIR": str(settings.data_dir),
        "STAYSYNC_SECRETS_DIR": str(settings.secrets_dir),
        "STAYSYNC_DATABASE_URL": settings.database_url or "",
        "STAYSYNC_REDIS_URL": settings.redis_url or "",
        "STAYSYNC_DEMO": "0",
        "STAYSYNC_PORT": str(port),
        "STAYSYNC_WRITE_TIMEOUT_S": str(settings.write_timeout_s),
        "PYTHONPATH": str(_ROOT),
        **{f"STAYSYNC_{limit.upper()}": "0" for limit in _LIMITS},  # all clients of a test come from one address
    }


@contextmanager
def process(
    settings: Settings, port: int, *command: str, program: tuple[str, ...] = ("staysync",)
) -> Iterator["subprocess.Popen[bytes]"]:
    """`staysync COMMAND`, or another module's command, as a process of its own, stopped in the end."""
    started = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", *program, *command], env=environment(settings, port), cwd=_ROOT
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def serving(settings: Settings, *, worker: bool = True, program: tuple[str, ...] = ("staysync",)) -> Iterator[str]:
    """The service's address, once it is ready; the API runs as `program`."""
    port = free_port()
    with ExitStack() as stack:
        api = stack.enter_context(process(settings, port, "serve", program=program))
        if worker:
            stack.enter_context(process(settings, port, "worker", "projections"))
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, api)
        yield url


def wait_until_ready(url: str, api: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        assert api.poll() is None, f"the API ended with exit code {api.returncode}"
        try:
            if httpx.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)  # not listening yet
            continue
        time.sleep(0.1)
    raise TimeoutError(f"the service at {url} isn't ready after {_READY_S:.0f} s")
