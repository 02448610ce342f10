"""Knows every metric that processes count themselves: one table, from which docs/operations.md is tested.

Labels are few and known beforehand: commands, outcomes, route templates, tasks. No hotel, no person, no address.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import prometheus_client
import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, metrics_core
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from staysync.watching.slots import Slots

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # a second line for each, which says when this process began

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_APPEND_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
_TASK_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)
_COMMANDS = (1, 2, 4, 8, 16, 32, 64)
_EVENTS = (1, 2, 5, 10, 50, 100, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What one metric says. `unit` is a word for people; `buckets` are those of a histogram."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...] = ()
    unit: str
    what: str
    buckets: Sequence[float] = ()


def _histogram(name: str, labels: tuple[str, ...], unit: str, buckets: Sequence[float], what: str) -> Metric:
    return Metric(name=name, kind="histogram", labels=labels, unit=unit, what=what, buckets=buckets)


def _counter(name: str, labels: tuple[str, ...], unit: str, what: str) -> Metric:
    return Metric(name=name, kind="counter", labels=labels, unit=unit, what=what)


# fmt: off
HTTP = _histogram("staysync_http_request_seconds", ("method", "route", "status"), "seconds", _REQUEST_S,
    "HTTP requests by the route's template (`unknown` without one), from the headers to the end of the answer.")
COMMANDS = _counter("staysync_commands_total", ("command", "outcome"), "commands",
    "Commands by what became of them: `done`, `repeated` (answered before), or the code of the refusal or error.")
BATCH = _histogram("staysync_append_commands", (), "commands", _COMMANDS, "Commands in one commit to the ledger.")
APPEND = _histogram("staysync_append_seconds", (), "seconds", _APPEND_S,
    "One commit to the ledger, from taking a connection to its end; those that wrote something.")
EVENTS = _counter("staysync_appended_events_total", (), "events", "Events written into the ledger.")
PROJECTED = _histogram("staysync_projection_batch_events", ("projection",), "events", _EVENTS,
    "Events that a projector applied in one transaction.")
PROJECTING = _histogram("staysync_projection_batch_seconds", ("projection",), "seconds", _APPEND_S,
    "One transaction of a projector.")
PARKED = _counter("staysync_projection_parkings_total", ("projection",), "hotels",
    "Times that a hotel's projection was parked before an event that can't be applied.")
TASKS = _histogram("staysync_task_seconds", ("task", "outcome"), "seconds", _TASK_S,
    "Tasks of the workers by their end: `done`, `failed`, or another state of Celery's in small letters.")
POOLS = Metric(name="staysync_pool_connections", kind="gauge", labels=("pool", "state"), unit="connections",
    what="Connections to the database of all API processes: `open`, `in_use`, and `most` that there can be.")
POOL_WAITING = Metric(name="staysync_pool_waiting", kind="gauge", labels=("pool",), unit="requests",
    what="Who waits for a connection of a pool; for `appender`, commands that wait for the next batch.")
# fmt: on

COUNTED = (
    HTTP, COMMANDS, BATCH, APPEND, EVENTS, PROJECTED, PROJECTING, PARKED, TASKS, POOLS, POOL_WAITING,
)  # fmt: skip


class Metrics:
    """The metrics of one process. With `shared`, those of all processes that share a directory are read together."""

    def __init__(self, shared: "Shared | None" = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        arguments = {metric: (metric.name, metric.what, metric.labels) for metric in COUNTED}
        self._counters = _Children(
            (metric, Counter(*arguments[metric], registry=self._registry))
            for metric in COUNTED
            if metric.kind == "counter"
        )
        self._gauges = _Children(
            (metric, Gauge(*arguments[metric], registry=self._registry, multiprocess_mode="livesum"))
            for metric in COUNTED
            if metric.kind == "gauge"
        )
        self._histograms = _Children(
            (metric, Histogram(*arguments[metric], registry=self._registry, buckets=metric.buckets))
            for metric in COUNTED
            if metric.kind == "histogram"
        )

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        self._counters.of(metric, labels).inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Note a value of a histogram."""
        self._histograms.of(metric, labels).observe(value)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Note how a gauge stands in this process."""
        self._gauges.of(metric, labels).set(value)

    def text(self, *besides: Collector) -> bytes:
        """All of them in Prometheus' text format, and what these collectors say."""
        whole = CollectorRegistry()
        whole.register(self._shared or self._registry)
        for collector in besides:
            whole.register(collector)
        return prometheus_client.generate_latest(whole)


class _Children[M: (Counter, Gauge, Histogram)]:
    """Metrics with their labels filled in, remembered: to look one up by labels takes longer than to count."""

    def __init__(self, made: Iterable[tuple[Metric, M]]) -> None:
        self._made: dict[str, M] = {metric.name: whole for metric, whole in made}
        self._children: dict[tuple[str, tuple[str, ...]], M] = {}

    def of(self, metric: Metric, labels: tuple[str, ...]) -> M:
        child = self._children.get((metric.name, labels))
        if child is None:
            whole = self._made[metric.name]
            child = self._children[metric.name, labels] = whole.labels(*labels) if labels else whole
        return child


class Shared:
    """The directory in which the processes of an installation file their metrics, each under a number of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._slots = Slots(directory)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
        prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(self._slots.mine)  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[metrics_core.Metric]:
        """What all of them have counted. What a process that has ended said of its present state is dropped."""
        for number in self._slots.ended():
            for file in self._directory.glob(f"gauge_live*_{number}.db"):
                file.unlink(missing_ok=True)
        found: Iterable[metrics_core.Metric] = MultiProcessCollector(None, str(self._directory)).collect()  # type: ignore[no-untyped-call]
        return found

    def registry(self) -> CollectorRegistry:
        """All of that, as it is at each question."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry


def share_metrics(data_dir: Path) -> Shared:
    """Let this process, and those that it forks, count together with the others of the data directory.

    Call it before the first metric is made, and once in a process: it is the whole process that is made to.
    """
    return Shared(data_dir / "run" / "metrics")
