"""Knows how everything stands at a moment: what the database and the broker are asked at a scrape, and by health.

A further consumer of the ledger adds its lag to sql/lag.sql by `union all`, a further table of mails its states to
sql/mails.sql; a further number is a row of the table below and a line where it is filled in.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from redis.exceptions import RedisError

from projections.news import NEWS
from staysync.operations.desk import AWAY, Desk
from staysync.operations.sql import statement
from staysync.watching.metrics import Metric

PATIENCE_S = 3.0
FRESH_S = 1.0
"""For so long an answer is given again: whoever may ask, may ask often."""

_QUEUES = ("projections", "commands", "mail")
_UNACKNOWLEDGED = "unacked"  # kombu's hash of what workers have taken and not yet done


def _gauge(name: str, labels: tuple[str, ...], unit: str, what: str) -> Metric:
    return Metric(name=name, kind="gauge", labels=labels, unit=unit, what=what)


# fmt: off
UP = _gauge("staysync_up", ("part",), "1 or 0", "Whether `database` and `broker` answered this scrape.")
LAG_EVENTS = _gauge("staysync_projection_lag_events", ("projection",), "events",
    "Events that aren't in the read tables yet, over all hotels but parked ones.")
LAG_SECONDS = _gauge("staysync_projection_lag_seconds", ("projection",), "seconds",
    "Age of the oldest such event; 0 where there is none.")
LAG_HOTELS = _gauge("staysync_projection_lag_hotels", ("projection",), "hotels", "Hotels that have such events.")
PARKED = _gauge("staysync_projection_parked_hotels", ("projection",), "hotels",
    "Hotels whose projection waits for an operator.")
HOLDS = _gauge("staysync_open_holds", (), "bookings", "Bookings that hold rooms.")
HOLD_OVERDUE = _gauge("staysync_oldest_hold_overdue_seconds", (), "seconds",
    "For how long the oldest hold is past its deadline; 0 where none is.")
MAILS = _gauge("staysync_mails", ("kind", "state"), "mails",
    "Mails by kind and state: `waiting`, `retried` (tried, to be tried again), `sent`, `failed`.")
SNAPSHOT = _gauge("staysync_oldest_snapshot_seconds", (), "seconds",
    "Age of the oldest transaction that keeps a snapshot in the server; absent without the right to see it.")
DEAD = _gauge("staysync_dead_letters", ("task",), "tasks", "Tasks that failed for good and wait for an operator.")
SCHEDULE_AGO = _gauge("staysync_schedule_last_run_ago_seconds", ("schedule",), "seconds",
    "How long ago the last run of a schedule ended; absent before the first.")
SCHEDULE_OVERDUE = _gauge("staysync_schedule_overdue_seconds", ("schedule",), "seconds",
    "For how long a schedule has been due without being sent; 0 if it isn't due.")
SCHEDULE_FAILED = _gauge("staysync_schedule_failed", ("schedule",), "1 or 0", "Whether the last run failed.")
QUEUE = _gauge("staysync_queue_tasks", ("queue",), "tasks", "Tasks in the broker that no worker has taken.")
TAKEN = _gauge("staysync_taken_tasks", (), "tasks", "Tasks that workers have taken and not yet ended.")
NEWS_SHARDS = _gauge("staysync_news_shards", (), "shards", "Shards of hotels with news that no projector has taken.")
# fmt: on

ASKED = (
    UP, LAG_EVENTS, LAG_SECONDS, LAG_HOTELS, PARKED, HOLDS, HOLD_OVERDUE, MAILS, SNAPSHOT, DEAD,
    SCHEDULE_AGO, SCHEDULE_OVERDUE, SCHEDULE_FAILED, QUEUE, TAKEN, NEWS_SHARDS,
)  # fmt: skip

type Row = Any


@dataclass(slots=True, eq=False)
class Standing:
    """How everything stands. What couldn't be asked is None or empty; `away` says which part that was."""

    away: set[str] = field(default_factory=set)
    lag: Sequence[Row] = ()
    holds: Row | None = None
    mails: Sequence[Row] = ()
    snapshot_s: float | None = None
    dead_letters: Sequence[Row] = ()
    schedules: Sequence[Row] = ()
    queues: dict[str, int] = field(default_factory=dict)
    taken: int | None = None
    news: int | None = None

    def collect(self) -> Iterator[Family]:
        """All of it as metrics."""
        yield _family(UP, [((part,), part not in self.away) for part in ("database", "broker")])
        yield _family(LAG_EVENTS, (((row["projection"],), row["events"]) for row in self.lag))
        yield _family(LAG_SECONDS, (((row["projection"],), row["oldest_s"]) for row in self.lag))
        yield _family(LAG_HOTELS, (((row["projection"],), row["hotels"]) for row in self.lag))
        yield _family(PARKED, (((row["projection"],), row["parked"]) for row in self.lag))
        yield _family(HOLDS, () if self.holds is None else [((), self.holds["bookings"])])
        yield _family(HOLD_OVERDUE, () if self.holds is None else [((), self.holds["overdue_s"])])
        yield _family(MAILS, (((row["kind"], row["state"]), row["mails"]) for row in self.mails))
        yield _family(SNAPSHOT, _known((), self.snapshot_s))
        yield _family(DEAD, (((row["task"],), row["letters"]) for row in self.dead_letters))
        ran = [row for row in self.schedules if row["ended_at"] is not None]
        yield _family(SCHEDULE_AGO, (((row["name"],), row["ended_ago_s"]) for row in ran))
        yield _family(SCHEDULE_OVERDUE, (((row["name"],), row["overdue_s"]) for row in self.schedules))
        yield _family(SCHEDULE_FAILED, (((row["name"],), row["outcome"] == "failed") for row in ran))
        yield _family(QUEUE, (((queue,), depth) for queue, depth in self.queues.items()))
        yield _family(TAKEN, _known((), self.taken))
        yield _family(NEWS_SHARDS, _known((), self.news))


class Asking:
    """Asks how everything stands: at most once at a time, and not again within a moment."""

    def __init__(self, desk: Desk, broker: "redis.asyncio.Redis | None") -> None:
        self._desk = desk
        self._broker = broker
        self._asking = asyncio.Lock()
        self._asked_at = 0.0
        self._last: Standing | None = None

    async def standing(self) -> Standing:
        """How everything stands now, or stood a moment ago. Never raises for what is away."""
        async with self._asking:
            if self._last is None or time.monotonic() - self._asked_at > FRESH_S:
                standing = Standing()
                await asyncio.gather(
                    self._part(standing, "database", self._ask_database),
                    self._part(standing, "broker", self._ask_broker),
                )
                self._last, self._asked_at = standing, time.monotonic()
            return self._last

    async def _part(self, standing: Standing, part: str, ask: Callable[[Standing], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ask(standing)
        except (*AWAY, RedisError):
            standing.away.add(part)

    async def _ask_database(self, standing: Standing) -> None:
        async with self._desk.pool.acquire() as connection:
            standing.schedules = await connection.fetch(statement("schedules"))
            standing.lag = await connection.fetch(statement("lag"))
            standing.holds = await connection.fetchrow(statement("holds"))
            standing.mails = await connection.fetch(statement("mails"))
            standing.dead_letters = await connection.fetch(statement("count_dead_letters"))
            standing.snapshot_s = await connection.fetchval(statement("snapshot"))

    async def _ask_broker(self, standing: Standing) -> None:
        if self._broker is None:
            standing.away.add("broker")
            return
        async with self._broker.pipeline(transaction=False) as pipeline:
            for queue in _QUEUES:
                pipeline.llen(queue)
            pipeline.hlen(_UNACKNOWLEDGED)
            pipeline.zcard(NEWS)
            *depths, taken, news = await pipeline.execute()
        standing.queues = dict(zip(_QUEUES, depths, strict=True))
        standing.taken, standing.news = taken, news


def _known(labels: tuple[str, ...], value: float | None) -> list[tuple[tuple[str, ...], float]]:
    return [] if value is None else [(labels, value)]


def _family(metric: Metric, values: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.what, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, float(value))
    return family
