"""Knows what is counted, traced and logged of each piece of work: the one thing that all who work tell about it."""

import logging
import os
import re
import time
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from starlette.types import Scope

from eventstore.causes import Cause, causes_of
from eventstore.submission import Acknowledged, Command
from eventstore.watching import Appended
from projections.watching import Projected
from staysync.settings import Settings
from staysync.watching import metrics
from staysync.watching.metrics import Metrics, Shared
from staysync.watching.traces import Attributes, Traces, caller_of, open_traces

requests = logging.getLogger("staysync.requests")
projecting = logging.getLogger("staysync.projecting")
tasks = logging.getLogger("staysync.tasks")

_NS = 1_000_000_000
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_MOST_IDS = 100  # on a line: those who collect lines cut long ones
_QUIET_ROUTES = frozenset({"/health/live", "/health/ready", "/metrics"})


class Watch:
    """Counts, traces and logs the work of one process. Every method returns at once and never raises."""

    def __init__(self, counted: Metrics, traces: Traces | None) -> None:
        self.metrics = counted
        self.traces = traces

    # ------------------------------------------------------------ HTTP

    def served(self, scope: Scope, status: int | None, began_ns: int) -> None:
        """A request has been answered; without a status its client went before."""
        ended_ns = time.time_ns()
        route: str = getattr(scope.get("route"), "path", "unknown")
        method: str = scope["method"]
        took_s = (ended_ns - began_ns) / _NS
        said = "gone" if status is None else str(status)
        self.metrics.observe(metrics.HTTP, took_s, _known(method), route, said)
        if self.traces is not None and route not in _QUIET_ROUTES:
            self._trace_request(self.traces, scope, f"{method} {route}", said, began_ns, ended_ns)
        if requests.isEnabledFor(logging.INFO) and (route not in _QUIET_ROUTES or status != 200):
            facts = {"method": method, "route": route, "status": status, "took_ms": round(took_s * 1000, 3)}
            for name in ("hotel_id", "booking_id"):
                given = scope.get("path_params", {}).get(name)
                if _is_uuid(given):
                    facts[name] = str(given)
            if "problem" in scope["state"]:
                facts["code"] = scope["state"]["problem"]
            requests.info("%s %s: %s", method, route, said, extra=facts)

    def _trace_request(
        self, traces: Traces, scope: Scope, name: str, status: str, began_ns: int, ended_ns: int
    ) -> None:
        state = scope["state"]
        facts = {"http.request.method": scope["method"], "http.route": name.partition(" ")[2]}
        traces.request(
            Cause(state["request_id"], state["correlation_id"]),
            caller_of(state.get("traceparent")),
            name,
            began_ns,
            ended_ns,
            {**facts, "http.response.status_code": int(status) if status.isdigit() else status},
        )

    # ------------------------------------------------------------ the ledger

    def decided(self, command: Command, outcome: Acknowledged | Exception) -> None:
        """A command has been answered, or has failed."""
        if isinstance(outcome, Acknowledged):
            code = "repeated" if outcome.replayed else "done"
        else:
            code = _code_of(type(outcome))
        self.metrics.count(metrics.COMMANDS, _words(type(command).__name__), code)

    def appended(self, batch: Appended) -> None:
        """A batch is committed."""
        self.metrics.observe(metrics.BATCH, len(batch.submissions))
        self.metrics.observe(metrics.APPEND, (batch.ended_ns - batch.began_ns) / _NS)
        self.metrics.count(metrics.EVENTS, by=batch.events)
        if self.traces is not None:
            causes = causes_of(submission.metadata for submission in batch.submissions)
            facts = {"staysync.commands": len(batch.submissions), "staysync.events": batch.events}
            self.traces.work(causes, "append", batch.began_ns, batch.ended_ns, facts, queued=False)

    # ------------------------------------------------------------ projections

    def projected(self, batch: Projected) -> None:
        """A batch of events is in the read tables."""
        count = len(batch.events)
        self.metrics.observe(metrics.PROJECTED, count, batch.projection)
        self.metrics.observe(metrics.PROJECTING, (batch.ended_ns - batch.began_ns) / _NS, batch.projection)
        if self.traces is None and not projecting.isEnabledFor(logging.INFO):
            return
        causes = causes_of(event.metadata for event in batch.events)
        first, last = batch.events[0].seq, batch.events[-1].seq
        if self.traces is not None:
            seen: Attributes = {
                "staysync.hotel_id": str(batch.hotel_id),
                "staysync.first_seq": first,
                "staysync.events": count,
            }
            name = f"project {batch.projection}"
            self.traces.work(causes, name, batch.began_ns, batch.ended_ns, seen, queued=True)
        if projecting.isEnabledFor(logging.INFO):
            for some in _parts(causes):
                facts = {
                    "projection": batch.projection,
                    "hotel_id": str(batch.hotel_id),
                    "first_seq": first,
                    "last_seq": last,
                    "took_ms": round((batch.ended_ns - batch.began_ns) / 1e6, 3),
                    "correlation_ids": sorted({cause.correlation_id for cause in some}),
                    "request_ids": [cause.request_id for cause in some],
                }
                projecting.info("%s: events %d to %d applied", batch.projection, first, last, extra=facts)

    def parked(self, projection: str) -> None:
        """A hotel's projection has stopped before an event that can't be applied."""
        self.metrics.count(metrics.PARKED, projection)

    # ------------------------------------------------------------ tasks

    def worked(self, task: str, outcome: str, began_ns: int, cause: Cause | None, *, often: bool) -> None:
        """A task has ended. One that comes `often` is worth a line only if it failed."""
        ended_ns = time.time_ns()
        took_s = (ended_ns - began_ns) / _NS
        self.metrics.observe(metrics.TASKS, took_s, task, outcome)
        if self.traces is not None and cause is not None:
            self.traces.work([cause], task, began_ns, ended_ns, {"staysync.outcome": outcome}, queued=True)
        level = logging.WARNING if outcome == "failed" else logging.DEBUG if often else logging.INFO
        facts = {"task": task, "outcome": outcome, "took_ms": round(took_s * 1000, 3)}
        tasks.log(level, "task %s: %s", task, outcome, extra=facts)


class ProcessWatch:
    """The watch of whichever process asks: made after a fork, since traces are sent by a thread."""

    def __init__(self, settings: Settings, process: str, shared: Shared | None = None) -> None:
        self._settings = settings
        self._process = process
        self._metrics = Metrics(shared)
        self._pid = 0
        self._watch: Watch | None = None

    def __call__(self) -> Watch:
        """The watch of this process."""
        if self._watch is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._watch = Watch(self._metrics, open_traces(self._settings, self._process))
        return self._watch

    def close(self) -> None:
        """Send the traces that are left, if any were made in this process."""
        if self._watch is not None and self._pid == os.getpid() and self._watch.traces is not None:
            self._watch.traces.close()


def _parts(causes: Sequence[Cause]) -> list[Sequence[Cause]]:
    return [causes[at : at + _MOST_IDS] for at in range(0, len(causes), _MOST_IDS)] or [()]


@cache
def _words(name: str) -> str:
    """`CheckIn` as `check_in`."""
    return _WORD.sub("_", name).lower()


def _code_of(kind: type[Exception]) -> str:
    """The code that a client is told about such an error; the first where several are possible."""
    from staysync.problems import INTERNAL, entry_for  # it brings FastAPI along, which workers start without

    entry = entry_for(kind)
    return INTERNAL.code if entry is None else entry.problems[0].code


def _known(method: str) -> str:
    """A method as a label: anybody can invent one."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"


def _is_uuid(given: Any) -> bool:
    if isinstance(given, UUID):
        return True
    try:
        return isinstance(given, str) and bool(UUID(given))
    except ValueError:
        return False
