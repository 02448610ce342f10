"""What becomes of tasks, noted by the worker's process that did them: metrics, runs of schedules, dead letters."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery import signals

from eventstore.causes import Cause, begin, present_cause
from projections.drain import described
from projections.tasks import DRAIN, SWEEP
from staysync.operations import dead_letters
from staysync.operations.clock import SCHEDULE_HEADER
from staysync.operations.desk import AWAY, Desk
from staysync.operations.schedules import SCHEDULES
from staysync.operations.sql import statement
from staysync.watching.watch import Watch

log = logging.getLogger(__name__)

REQUEST_HEADER = "staysync_request_id"
CORRELATION_HEADER = "staysync_correlation_id"

_TRIES = 5
_PAUSE_S = 2.0
_LONGEST_ERROR = 500
_STATES = {"SUCCESS": "done", "FAILURE": "failed"}
_MADE_UP_FOR = frozenset({DRAIN, SWEEP})
"""Failing, these leave nothing undone: the next sweep finds it."""


def take_cause_along() -> None:
    """Let tasks that are queued because of a request name it to whoever does them."""
    signals.before_task_publish.connect(_name_cause, weak=False)


def _name_cause(headers: dict[str, Any], **_: Any) -> None:
    cause = present_cause()
    if cause is not None:
        headers.setdefault(REQUEST_HEADER, cause.request_id)
        headers.setdefault(CORRELATION_HEADER, cause.correlation_id)


@dataclass(slots=True)
class _Run:
    task: str
    schedule: str | None
    cause: Cause | None
    began_ns: int
    error: str | None = None
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] | None = None

    @property
    def often(self) -> bool:
        known = SCHEDULES.get(self.schedule or "")
        return self.task == DRAIN or (known is not None and known.when.often)


class Runs:
    """Notes what the tasks of this process come to. `run` does work with the desk that the process keeps open."""

    def __init__(self, watch: Callable[[], Watch], run: Any) -> None:
        self._watch = watch
        self._run = run
        self._present: _Run | None = None

    def listen(self) -> None:
        """Hear of every task. Celery's signals are the process's own."""
        take_cause_along()
        signals.task_prerun.connect(self._begins, weak=False)
        signals.task_failure.connect(self._fails, weak=False)
        signals.task_postrun.connect(self._ends, weak=False)

    def _begins(self, task: Any, **_: Any) -> None:
        headers = task.request.headers or {}
        request_id = headers.get(REQUEST_HEADER)
        cause = None if request_id is None else Cause(request_id, headers.get(CORRELATION_HEADER, request_id))
        if cause is not None:
            begin(cause)
        self._present = _Run(task.name, headers.get(SCHEDULE_HEADER), cause, time.time_ns())
        if self._present.schedule is not None:
            self._note("run_began", self._present.schedule)

    def _fails(self, exception: BaseException, args: Sequence[Any], kwargs: dict[str, Any], **_: Any) -> None:
        if self._present is not None:
            self._present.error = described(exception)
            self._present.args, self._present.kwargs = args or (), kwargs or {}

    def _ends(self, state: str | None = None, **_: Any) -> None:
        run, self._present = self._present, None
        if run is None:
            return
        outcome = _STATES.get(state or "", (state or "unknown").lower())
        self._watch().worked(run.task, outcome, run.began_ns, run.cause, often=run.often)
        if run.schedule is not None and outcome in _STATES.values():
            error = None if run.error is None else run.error[:_LONGEST_ERROR]
            self._note("run_ended", run.schedule, outcome, error)
        if outcome == "failed" and not run.often and run.task not in _MADE_UP_FOR:
            self._bury(run)
        begin(None)

    def _note(self, name: str, *parameters: Any) -> None:
        try:
            self._run(lambda desk: desk.pool.execute(statement(name), *parameters))
        except AWAY as error:
            log.warning("a run of the schedule %s can't be noted: %s", parameters[0], type(error).__name__)

    def _bury(self, run: _Run) -> None:
        """Keep a task that failed for good; whatever made it fail may keep the database away for a while, too."""

        async def work(desk: Desk) -> None:
            await dead_letters.keep(desk, run.task, run.args, run.kwargs or {}, run.error or "", run.cause)

        for _ in range(_TRIES):
            try:
                self._run(work)
            except AWAY:
                time.sleep(_PAUSE_S)
            else:
                return
        log.critical("a task failed and can't be kept as a dead letter: %s", run.task, extra={"error": run.error})
