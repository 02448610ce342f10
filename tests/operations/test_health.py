"""Health says what is amiss behind the requests; none of it makes the service unready."""

from typing import Any

from staysync.settings import Settings
from tests.clients import Running, open_hotel, project, running
from tests.eventstore.house import superuser


async def _checks(service: Running) -> dict[str, Any]:
    async with service.client() as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "degraded"
    checks: dict[str, Any] = answer.json()["checks"]
    return checks


async def test_parked_hotels_are_counted(settings: Settings) -> None:
    async with running(settings) as service:
        async with service.administrator() as administrator:
            await open_hotel(administrator)
        await project(settings)
        async with superuser(settings) as connection:
            await connection.execute(
                "update read.checkpoint set parked_seq = seq + 1, parked_error = 'why', parked_at = now()"
            )
        assert (await _checks(service))["projections"] == "read: parked hotels: 1"


async def test_read_tables_that_are_far_behind_are_said(settings: Settings) -> None:
    async with running(settings.model_copy(update={"lag_bound_s": 0.001})) as service:
        async with service.administrator() as administrator:
            await open_hotel(administrator)
        assert "read: 2 events wait, the oldest for" in (await _checks(service))["projections"]
    async with running(settings) as service:  # not yet far behind by the usual measure
        assert (await _checks(service))["projections"] == "ok"


async def test_workers_and_beat_that_were_never_heard_from_are_said(settings: Settings) -> None:
    async with running(settings) as service:
        checks = await _checks(service)
    assert checks["beat"] == "has never sent anything on schedule"
    assert checks["worker_projections"] == "has never ended a run of sweep"
    assert checks["worker_commands"] == "has never ended a run of expire-holds"


async def test_workers_and_beat_that_have_fallen_silent_are_said(settings: Settings) -> None:
    async with superuser(settings) as connection:
        await connection.execute(
            "insert into ops.schedule (name, task, pattern, due_at, sent_at, ended_at, outcome, runs) values"
            " ('sweep', 's', '', now(), now() - interval '5 s', now() - interval '100 s', 'done', 1),"
            " ('expire-holds', 'e', '', now(), now() - interval '90 s', now(), 'done', 1)"
        )
    async with running(settings) as service:
        checks = await _checks(service)
    assert checks["beat"] == "ok"
    assert checks["worker_projections"].startswith("hasn't ended a run of sweep for 10")
    assert checks["worker_commands"] == "ok"
