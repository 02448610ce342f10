"""Knows how Celery's processes are run: a worker for each queue, and beat. Each shows by a file that it is alive."""

import asyncio
import mmap
import os
import signal
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from celery import bootsteps, signals

from staysync.bootstrap import check_master_key
from staysync.celery_app import ProcessRuntime, make_celery
from staysync.operations.clock import Clock
from staysync.operations.desk import Desk, open_desk
from staysync.secrets import Role
from staysync.settings import Settings
from staysync.watching.exporter import show_metrics
from staysync.watching.logs import configure_logs
from staysync.watching.metrics import share_metrics
from staysync.watching.traces import require_traces
from staysync.watching.watch import ProcessWatch

EXIT_UNFIT = 2

_SIGN_OF_LIFE_S = 5.0

_SEALING_ROLE: dict[str, Role] = {"projections": "projector", "commands": "command"}
"""The database role of each worker that works with the master key; that of mail has no use for it."""


def run_worker(settings: Settings, queue: str) -> int:
    """Run the worker of one queue until SIGTERM (which lets tasks under way finish); its exit code.

    Raises WrongMasterKey at once, or ends with EXIT_UNFIT when the database turns out to be sealed with another key.
    """
    if (role := _SEALING_ROLE.get(queue)) is not None:
        asyncio.run(check_master_key(settings, role, unless_away=True))
    _quiet_root_warning()
    watching = _watching(settings, f"worker-{queue}")
    worker, found_unfit = os.getpid(), mmap.mmap(-1, 1)  # memory that the worker shares with the processes of its tasks

    def unfit() -> None:
        found_unfit[0] = 1
        os.kill(worker, signal.SIGTERM)

    app = make_celery(settings, unfit, watching)
    alive = sign_of_life(settings, f"worker-{queue}")
    app.steps["consumer"].add(_sign_of_life_step(alive))
    concurrency = settings.workers if queue == "projections" else 1
    # Nobody asks these workers how they are by messages: mingle, gossip and heartbeats would only cost time at start.
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={queue}",
            f"--concurrency={concurrency}",
            f"--hostname={queue}-{os.getpid()}@%h",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
    return EXIT_UNFIT if found_unfit[0] else 0


def run_beat(settings: Settings) -> int:
    """Run the clock of scheduled tasks until SIGTERM; its exit code."""
    _quiet_root_warning()
    watching = _watching(settings, "beat")
    app = make_celery(settings)
    alive = sign_of_life(settings, "beat")
    alive.parent.mkdir(parents=True, exist_ok=True)
    at_desk: ProcessRuntime[Desk] = ProcessRuntime(lambda: open_desk(settings, app), _nothing)
    try:
        app.Beat(
            # The stubs know names only; Celery takes whatever makes a scheduler.
            scheduler_cls=partial(Clock, run=at_desk, alive=alive.touch),  # type: ignore[arg-type]
            loglevel=settings.log_level.upper(),
            quiet=True,
        ).run()
    finally:
        at_desk.close()
        watching.close()
    return 0


def _nothing() -> None:
    """What the clock does about a wrong master key: it needs none."""


def _watching(settings: Settings, process: str) -> ProcessWatch:
    """Logs and metrics as this process has them, in the place of Celery's own logs."""
    require_traces(settings)
    configure_logs(settings, process)
    signals.setup_logging.connect(_keep_logs, weak=False)
    shared = share_metrics(settings.data_dir)
    if settings.metrics_port:
        show_metrics(settings, shared)
    return ProcessWatch(settings, process, shared)


def _keep_logs(**_: Any) -> None:
    """Celery asks whether anybody else sets up the logs; whoever hears it does."""


def sign_of_life(settings: Settings, name: str) -> Path:
    """The file whose time of change says when the process `name` was last seen at work."""
    return settings.data_dir / "run" / f"{name}.alive"


def _sign_of_life_step(alive: Path) -> type[bootsteps.StartStopStep]:
    """A step of the worker's consumer: it touches the file while the consumer has its broker and turns its loop."""

    class SignOfLife(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            alive.parent.mkdir(parents=True, exist_ok=True)
            alive.touch()
            self.timer = consumer.timer.call_repeatedly(_SIGN_OF_LIFE_S, alive.touch)

        def stop(self, consumer: Any) -> None:  # noqa: ARG002 - Celery's signature
            self.timer.cancel()

    return SignOfLife


def _quiet_root_warning() -> None:
    """The embedded servers may be run by root on a developer's machine; saying so at each start helps nobody."""
    warnings.filterwarnings("ignore", message="You.re running the worker with superuser privileges")
