"""Celery workers as processes of their own, as `staysync worker` runs them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from staysync.settings import Settings

PATIENCE_S = 60.0


@contextmanager
def worker(settings: Settings, queue: str = "projections") -> Iterator["subprocess.Popen[bytes]"]:
    """A worker of one queue, in a process group of its own."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "staysync", "worker", queue],
        cwd=Path(__file__).parents[2],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("STAYSYNC_")},
            **settings.environment(),
        },
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a worker and its children by SIGKILL, in the middle of whatever they do."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it happened; a test that waits too long fails."""
    deadline = time.monotonic() + PATIENCE_S
    while not await happened():
        if time.monotonic() > deadline:
            raise TimeoutError("it didn't happen in time")
        await asyncio.sleep(0.01)
