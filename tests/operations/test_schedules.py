"""Schedules: when they are due, that each due time is sent once whoever asks, and how a run is seen afterwards."""

import asyncio
import subprocess
import sys
import time as clock
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from staysync.celery_app import make_celery
from staysync.operations.clock import note_schedules, send_due
from staysync.operations.desk import UNSENT, Desk, open_desk
from staysync.operations.schedules import SCHEDULES, SWEEP_EVERY_S, Daily, Every, Monthly, When
from staysync.settings import Settings
from tests.clients import running
from tests.eventstore.house import superuser
from tests.operations.processes import started
from tests.projections.workers import until

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it has a zone by `timezones`
WHENS: st.SearchStrategy[When] = st.one_of(
    st.integers(1, 100_000).map(Every),
    st.times().map(Daily),
    st.builds(Monthly, day=st.integers(1, 28), at=st.times()),
)


@given(WHENS, INSTANTS)
def test_the_next_due_time_is_later_and_none_lies_between(when: When, now: datetime) -> None:
    due = when.after(now)
    assert due > now
    assert when.after(due - timedelta(microseconds=1)) == due
    assert when.after(now + (due - now) / 2) in (due, when.after(due))
    assert when.after(due) > due


def test_due_times_are_what_the_words_say() -> None:
    now = datetime(2026, 11, 25, 9, 30, 7, tzinfo=UTC)
    assert Every(2).after(now) == datetime(2026, 11, 25, 9, 30, 8, tzinfo=UTC)
    assert Daily(time(9, 30)).after(now) == datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    assert Daily(time(10)).after(now) == datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert Monthly(1, time(6)).after(now) == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert Monthly(28, time(6)).after(datetime(2027, 1, 30, tzinfo=UTC)) == datetime(2027, 2, 28, 6, tzinfo=UTC)
    assert [str(when) for when in (Every(2), Daily(time(2, 7)), Monthly(1, time(6)))] == [
        "every 2 seconds",
        "daily at 02:07 UTC",
        "monthly on day 1 at 06:00 UTC",
    ]
    with pytest.raises(ValueError, match="not every month"):
        Monthly(29, time(6))


def test_every_schedule_names_a_task_that_the_workers_have() -> None:
    program = (  # in a process of its own, since Celery apps of one process share their tasks
        "from staysync.celery_app import make_celery; from staysync.settings import Settings\n"
        "print(*make_celery(Settings()).tasks)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert {schedule.task for schedule in SCHEDULES.values()} <= set(done.stdout.split())


async def _due(desk: Desk, name: str) -> datetime:
    due: datetime = await desk.pool.fetchval("select due_at from ops.schedule where name = $1", name)
    return due


async def _queued(settings: Settings, queue: str) -> int:
    assert settings.redis_url is not None
    async with Redis.from_url(settings.redis_url) as redis:
        return int(await redis.llen(queue))


async def _make_due(desk: Desk, name: str) -> None:
    await note_schedules(desk.pool)
    await desk.pool.execute("update ops.schedule set due_at = 'infinity'")
    await desk.pool.execute("update ops.schedule set due_at = now() - interval '3 days' where name = $1", name)


async def test_many_clocks_at_once_send_a_due_task_once(settings: Settings, desk: Desk) -> None:
    await _make_due(desk, "forget-answers")
    celery = make_celery(settings)
    await asyncio.gather(*(send_due(desk.pool, celery) for _ in range(8)))
    await send_due(desk.pool, celery)
    assert await _queued(settings, "commands") == 1
    assert await _due(desk, "forget-answers") > datetime.now(UTC)


async def test_what_is_due_stays_due_while_the_broker_is_away(settings: Settings, desk: Desk) -> None:
    await _make_due(desk, "forget-answers")
    before = await _due(desk, "forget-answers")
    nowhere = make_celery(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    with pytest.raises(UNSENT):
        await send_due(desk.pool, nowhere)
    assert await _due(desk, "forget-answers") == before
    await send_due(desk.pool, make_celery(settings))
    assert await _queued(settings, "commands") == 1


async def test_schedules_keep_their_past_unless_their_time_changes(desk: Desk) -> None:
    await note_schedules(desk.pool)
    await desk.pool.execute("insert into ops.schedule (name, task, pattern, due_at) values ('gone', 't', 'p', now())")
    await desk.pool.execute("update ops.schedule set sent_at = now(), due_at = '2020-01-01' where name = 'sweep'")
    await desk.pool.execute("update ops.schedule set pattern = 'another', due_at = '2020-01-01' where name = 'digest'")
    await note_schedules(desk.pool)
    rows = {row["name"]: row for row in await desk.pool.fetch("select * from ops.schedule")}
    assert set(rows) == set(SCHEDULES)
    assert rows["sweep"]["due_at"].year == 2020
    assert rows["sweep"]["sent_at"] is not None
    assert rows["digest"]["due_at"] > datetime.now(UTC)


async def test_two_beats_send_what_one_would(house: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(started(house, tmp_path / f"beat-{number}.log", "beat"))
        async with open_desk(house, None) as desk:

            async def begun() -> bool:
                sent = await desk.pool.fetchval("select count(*) from ops.schedule where sent_at is not null")
                return bool(sent >= 2)

            await until(begun)
            # Both are at work: the first to send has left the other nothing.
            began, first = clock.monotonic(), await _sent_sweeps(house)
            await asyncio.sleep(7)
            sent, took_s = await _sent_sweeps(house) - first, clock.monotonic() - began
    said = "".join((tmp_path / f"beat-{number}.log").read_text() for number in (1, 2))
    assert 1 <= sent <= took_s // SWEEP_EVERY_S + 1, said  # so many due times there were, whoever saw them
    assert "Traceback" not in said


async def _sent_sweeps(settings: Settings) -> int:
    return await _queued(settings, "projections")


async def test_a_run_is_seen_with_its_outcome_and_its_next(house: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(started(house, tmp_path / "beat.log", "beat"))
        stack.enter_context(started(house, tmp_path / "worker.log", "worker", "commands"))
        async with running(house) as service, service.administrator() as administrator:

            async def shown() -> dict[str, dict[str, Any]]:
                answer = await administrator.get("/v1/ops/schedules")
                return {item["name"]: item for item in answer.json()["items"]}

            async def has_run() -> bool:
                return bool((await shown()).get("expire-holds", {}).get("runs", 0))

            await until(has_run)
            before = (await shown())["forget-answers"]
            assert (before["last_outcome"], before["runs"]) == (None, 0)
            hastened = await administrator.post("/v1/ops/schedules/forget-answers/run")
            assert hastened.status_code == 202, hastened.text

            async def has_run_again() -> bool:
                return bool((await shown())["forget-answers"]["runs"] == 1)

            await until(has_run_again)
            after = (await shown())["forget-answers"]
            assert (after["last_outcome"], after["failures"], after["last_error"]) == ("done", 0, None)
            assert after["next_run_at"] == before["next_run_at"]
            assert after["last_sent_at"] <= after["last_started_at"] <= after["last_ended_at"]

            async with superuser(house) as connection:  # and one that fails
                await connection.execute("alter table ledger.idempotency rename to idempotency_gone")
            await administrator.post("/v1/ops/schedules/forget-answers/run")

            async def has_failed() -> bool:
                return bool((await shown())["forget-answers"]["failures"] == 1)

            await until(has_failed)
            failed = (await shown())["forget-answers"]
            assert (failed["last_outcome"], failed["runs"]) == ("failed", 2)
            assert failed["last_error"].startswith("UndefinedTableError 42P01")
            overview = (await administrator.get("/v1/ops/overview")).json()
            letters = (await administrator.get("/v1/ops/dead-letters")).json()["items"]
            assert "forget-answers" in overview["failed_schedules"]
            assert [letter["task"] for letter in letters] == ["command.forget_answers"]
            assert overview["dead_letters"] == 1
            unknown = await administrator.post("/v1/ops/schedules/nothing/run")
            assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
