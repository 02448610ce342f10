"""What administrators look after: parked projections, alarms, and letting them go on."""

from uuid import UUID

import pytest

from projections.tasks import RETRY
from staysync.celery_app import make_celery
from staysync.settings import Settings
from tests.clients import Running, open_hotel, project, running
from tests.eventstore.house import superuser

PARK = "update read.checkpoint set seq = 1, parked_seq = 2, parked_error = 'it failed', parked_at = now()"
ALARM = """
    insert into read.audit (hotel_id, seq, checksum, alarm, alarm_at)
    select hotel_id, seq, checksum, 'one event was applied twice', now() + interval '1 minute' from read.checkpoint
     where hotel_id = $1
"""


async def amiss(service: Running) -> tuple[UUID, UUID]:
    """Two hotels: one that is parked, one with an alarm."""
    async with service.administrator() as admin:
        parked, alarmed = await open_hotel(admin), await open_hotel(admin, "Palace")
    await project(service.settings)
    async with superuser(service.settings) as connection:
        await connection.execute(f"{PARK} where hotel_id = $1", parked)
        await connection.execute(ALARM, alarmed)
    return parked, alarmed


async def test_parked_hotels_and_alarms_are_listed_the_longest_first(service: Running) -> None:
    parked, alarmed = await amiss(service)
    async with service.signed_in("admin@example.org") as admin:
        first = (await admin.get("/v1/ops/parked?limit=1")).json()
        assert first["items"][0] | {"parked": None} == {
            "hotel_id": str(parked), "seq": 1, "behind": 1, "parked": None, "alarm": None,
        }  # fmt: skip
        assert (first["items"][0]["parked"]["seq"], first["items"][0]["parked"]["error"]) == (2, "it failed")
        second = (await admin.get(f"/v1/ops/parked?limit=1&after={first['next']}")).json()
        assert [item["hotel_id"] for item in second["items"]] == [str(alarmed)]
        assert second["items"][0]["alarm"]["error"] == "one event was applied twice"
        assert second["next"] is None
        bad = await admin.get("/v1/ops/parked?after=nonsense")
        assert (bad.status_code, bad.json()["code"]) == (422, "invalid_request")


async def test_position_and_health_say_what_is_amiss(service: Running) -> None:
    parked, alarmed = await amiss(service)
    async with service.signed_in("admin@example.org") as admin:
        at = (await admin.get(f"/v1/hotels/{alarmed}/position")).json()["read_model"]
        assert (at["parked"], at["alarm"]["error"]) == (None, "one event was applied twice")
        at = (await admin.get(f"/v1/hotels/{parked}/position")).json()["read_model"]
        assert (at["parked"]["seq"], at["alarm"]) == (2, None)
        health = await admin.get("/health/ready")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert health.json()["checks"]["projections"] == "read: parked hotels: 1"
        assert health.json()["checks"]["audit"] == "1 hotels have raised an alarm"


async def test_a_retry_is_queued_for_a_worker(service: Running) -> None:
    parked, alarmed = await amiss(service)
    async with service.signed_in("admin@example.org") as admin:
        told = await admin.post(f"/v1/ops/parked/{parked}/retry")
        assert (told.status_code, told.json()) == (202, {"hotel_id": str(parked), "parked_seq": 2})
        for other in (alarmed, UUID(int=7)):
            assert (await admin.post(f"/v1/ops/parked/{other}/retry")).status_code == 404
    with make_celery(service.settings).connection_for_read() as connection:
        queue = connection.SimpleQueue("projections")
        messages = [queue.get(timeout=5) for _ in range(queue.qsize())]
        queued = [(message.headers["task"], message.payload[0]) for message in messages]
        for message in messages:
            message.reject()
    assert (RETRY, [str(parked)]) in queued


@pytest.mark.parametrize("broker", [None, "redis://127.0.0.1:1/0"])
async def test_without_a_broker_a_retry_says_that_nobody_can_be_told(settings: Settings, broker: str | None) -> None:
    async with running(settings.model_copy(update={"redis_url": broker})) as service:
        parked, _ = await amiss(service)
        async with service.signed_in("admin@example.org") as admin:
            answer = await admin.post(f"/v1/ops/parked/{parked}/retry")
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
    assert answer.headers["retry-after"] == "5"
