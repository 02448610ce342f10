"""The clock of scheduled tasks. Any number may run: each due time is sent by one of them.

A clock takes the row of a schedule that is due, sends the task, and moves the due time on, in one transaction under the
time of the database. Another clock that looks meanwhile finds the row taken, one that looks later finds it not due.
Where the broker or the database fails in between, nothing has moved, so that it is tried again. A task is sent twice
only if a clock dies after the broker took it and before the commit; scheduled tasks can all be done twice.

Due times that passed while no clock ran are made up for once, not each.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg
from celery import Celery
from celery.beat import Scheduler

from staysync.operations.desk import AWAY, UNSENT, Desk
from staysync.operations.schedules import SCHEDULES, Schedule
from staysync.operations.sql import statement

log = logging.getLogger(__name__)

SCHEDULE_HEADER = "staysync_schedule"

LONGEST_PAUSE_S = 5
_SHORTEST_PAUSE_S = 0.05
_PAUSE_AFTER_FAILURE_S = 1.0


async def note_schedules(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Bring the table in the database up to the one in the code. What is there keeps its due time and its past."""
    async with pool.acquire() as connection, connection.transaction():
        now = await connection.fetchval("select clock_timestamp()")
        for schedule in SCHEDULES.values():
            due = schedule.when.after(now)
            await connection.execute(statement("add_schedule"), schedule.name, schedule.task, str(schedule.when), due)
        await connection.execute(statement("drop_schedules"), list(SCHEDULES))


async def send_due(pool: "asyncpg.Pool[asyncpg.Record]", celery: Celery) -> float:
    """Send what is due; in how many seconds the next will be. Raises what says that database or broker are away."""
    rows = await pool.fetch(statement("due_schedules"))
    for row in rows:
        if row["in_s"] <= 0 and row["name"] in SCHEDULES:
            await _send(pool, celery, SCHEDULES[row["name"]])
    rows = await pool.fetch(statement("due_schedules"))
    waits_s = (max(_SHORTEST_PAUSE_S, row["in_s"]) for row in rows if row["name"] in SCHEDULES)
    return min(waits_s, default=LONGEST_PAUSE_S)


async def _send(pool: "asyncpg.Pool[asyncpg.Record]", celery: Celery, schedule: Schedule) -> None:
    async with pool.acquire() as connection, connection.transaction():
        taken = await connection.fetchrow(statement("lock_due_schedule"), schedule.name)
        if taken is None:
            return
        await asyncio.to_thread(
            celery.send_task,
            schedule.task,
            expires=schedule.expires_s,
            headers={SCHEDULE_HEADER: schedule.name},
            retry=False,
        )
        await connection.execute(statement("sent_schedule"), schedule.name, schedule.when.after(taken["now"]))


class Clock(Scheduler):
    """Celery's beat, with its schedule in the database. `run` does work with the desk that the process keeps open."""

    max_interval = LONGEST_PAUSE_S

    def __init__(self, app: Celery, *, run: Any, alive: Callable[[], None], **options: Any) -> None:
        self._run = run
        self._alive = alive
        self._noted = False
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        """Celery's own table stays empty."""

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; in how many seconds to look again."""
        self._alive()
        try:
            pause_s: float = self._run(self._look)
            return min(LONGEST_PAUSE_S, pause_s)
        except (*AWAY, *UNSENT) as error:
            log.warning("what is due can't be sent now: %s", type(error).__name__)
            return _PAUSE_AFTER_FAILURE_S

    async def _look(self, desk: Desk) -> float:
        if not self._noted:
            await note_schedules(desk.pool)
            self._noted = True
        return await send_due(desk.pool, self.app)
