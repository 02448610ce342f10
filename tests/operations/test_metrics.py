"""Metrics are true: of real commands, over all processes, whatever is away, and as the documentation lists them."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from staysync.admin import add_administrator
from staysync.app import create_app
from staysync.celery_app import make_celery
from staysync.embedded import free_port
from staysync.processes import wait_until
from staysync.settings import Settings
from staysync.watching.metrics import COUNTED, Metric
from staysync.watching.slots import Slots
from staysync.watching.standing import ASKED
from tests.clients import ORIGIN, PASSWORD, open_hotel, running, stay
from tests.eventstore.house import superuser
from tests.operations.processes import PATIENCE_S, scraped, started, until_ready

_ROOT = Path(__file__).parents[2]


async def test_two_api_processes_and_a_worker_are_counted_together(house: Settings, tmp_path: Path) -> None:
    await add_administrator(house, email="admin@example.org", password=PASSWORD, full_name="The Administrator")
    with ExitStack() as stack:
        ports = (free_port(), free_port())
        apis = [stack.enter_context(started(house, tmp_path / "api.log", "serve", port=port)) for port in ports]
        stack.enter_context(started(house, tmp_path / "worker.log", "worker", "projections"))
        first, second = (until_ready(port, api) for port, api in zip(ports, apis, strict=True))
        async with httpx.AsyncClient(timeout=30) as client:
            told = await client.post(
                f"{first}/v1/auth/login", json={"email": "admin@example.org", "password": PASSWORD}
            )
            client.cookies.clear()
            client.headers["authorization"] = f"Bearer {told.json()['access_token']}"
            client.base_url = httpx.URL(first)
            hotel_id = await open_hotel(client, rooms=2)
            statuses = []
            for url in (first, second, first):  # two rooms, three guests
                answer = await client.post(
                    f"{url}/v1/hotels/{hotel_id}/bookings", json=stay(), headers={"Idempotency-Key": f"of {url}"}
                )
                statuses.append(answer.status_code)
            full = await client.post(f"{second}/v1/hotels/{hotel_id}/bookings", json=stay())
            position = answer.json()["position"]
            shown = await client.get(
                f"{first}/v1/hotels/{hotel_id}/bookings", headers={"StaySync-Min-Position": position}
            )
        assert (statuses, full.json()["code"], shown.status_code) == ([201, 201, 201], "sold_out", 200)

        def all_told() -> bool:
            found = scraped(first)
            return (
                found.get("staysync_projection_batch_events_sum{projection=read}")
                == found["staysync_appended_events_total"]
            )

        assert wait_until(all_told, PATIENCE_S)
        of_first, of_second = scraped(first), scraped(second)
        for name, value in {
            "staysync_commands_total{command=open_hotel,outcome=done}": 1,
            "staysync_commands_total{command=add_room_type,outcome=done}": 1,
            "staysync_commands_total{command=book,outcome=done}": 2,
            "staysync_commands_total{command=book,outcome=repeated}": 1,
            "staysync_commands_total{command=book,outcome=sold_out}": 1,
            "staysync_append_commands_count": 4,
            "staysync_append_seconds_count": 4,
            "staysync_http_request_seconds_count{method=POST,route=/v1/hotels/{hotel_id}/bookings,status=201}": 3,
            "staysync_http_request_seconds_count{method=POST,route=/v1/hotels/{hotel_id}/bookings,status=409}": 1,
            "staysync_pool_connections{pool=query,state=most}": 2 * house.query_pool_size,
            "staysync_projection_lag_events{projection=read}": 0,
            "staysync_up{part=database}": 1,
            "staysync_up{part=broker}": 1,
        }.items():
            assert (name, of_first.get(name), of_second.get(name)) == (name, value, value)
        async with superuser(house) as connection:
            events = await connection.fetchval("select count(*) from ledger.event")
        assert of_first["staysync_appended_events_total"] == events
        assert of_first["staysync_projection_batch_events_sum{projection=read}"] == events
        ended = "staysync_task_seconds_count{outcome=done,task=projections.drain}"
        assert wait_until(lambda: scraped(first).get(ended, 0) > 0, PATIENCE_S)

        apis[1].send_signal(signal.SIGKILL)
        apis[1].wait()
        left = scraped(first)
        assert left["staysync_pool_connections{pool=query,state=most}"] == house.query_pool_size
        assert left["staysync_commands_total{command=book,outcome=done}"] == 2


async def test_a_worker_shows_its_metrics_and_its_childrens_at_a_port_of_its_own(
    house: Settings, tmp_path: Path
) -> None:
    port = free_port()
    with started(house, tmp_path / "worker.log", "worker", "commands", variables={"metrics_port": str(port)}):
        await asyncio.to_thread(make_celery(house).send_task, "command.expire_holds")

        def counted() -> bool:
            try:
                found = scraped(f"http://127.0.0.1:{port}")
            except httpx.TransportError:
                return False
            return found.get("staysync_task_seconds_count{outcome=done,task=command.expire_holds}") == 1

        assert await asyncio.to_thread(wait_until, counted, PATIENCE_S)


async def test_without_a_broker_bookings_go_on_and_metrics_and_health_say_so(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with running(nowhere) as service, service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        booked = await administrator.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
        text = (await administrator.get("/metrics")).text
        ready = (await administrator.get("/health/ready")).json()
        overview = (await administrator.get("/v1/ops/overview")).json()
    assert booked.status_code == 201
    assert 'staysync_up{part="broker"} 0.0' in text
    assert 'staysync_up{part="database"} 1.0' in text
    assert "\nstaysync_queue_tasks{" not in text
    assert 'staysync_projection_lag_hotels{projection="read"} 1.0' in text
    assert 'staysync_commands_total{command="book",outcome="done"} 1.0' in text
    assert (ready["status"], "can't be reached" in ready["checks"]["broker"]) == ("degraded", True)
    assert overview["away"] == ["broker"]
    assert overview["projections"][0]["behind_hotels"] == 1


async def test_without_a_database_metrics_are_answered_and_say_so(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client,
    ):
        answer = await client.get("/metrics")
        ready = await client.get("/health/ready")
    assert answer.status_code == 200
    assert 'staysync_up{part="database"} 0.0' in answer.text
    assert 'staysync_up{part="broker"} 1.0' in answer.text
    assert (ready.status_code, ready.json()["checks"]["beat"]) == (503, "can't be asked")


async def test_an_old_snapshot_and_an_overdue_hold_show_their_age(settings: Settings) -> None:
    async with running(settings) as service, superuser(settings) as connection:
        await connection.execute(
            "insert into ledger.hold values (gen_random_uuid(), gen_random_uuid(), 1, 'DBL',"
            " daterange('2030-01-01', '2030-01-02'), now() - interval '1 hour')"
        )
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        await connection.fetchval("select 1")
        async with service.client() as client:
            found = {
                name: float(value)
                for name, _, value in (
                    line.rpartition(" ") for line in (await client.get("/metrics")).text.splitlines()
                )
                if not name.startswith("#")
            }
        await transaction.rollback()
    assert found["staysync_open_holds"] == 1
    assert 3590 < found["staysync_oldest_hold_overdue_seconds"] < 3700
    assert found["staysync_oldest_snapshot_seconds"] > 0


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 403),
        ("testclient", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
    ],
)
async def test_metrics_are_for_known_networks_and_not_through_a_proxy(
    settings: Settings, address: str, headers: dict[str, str], status: int
) -> None:
    async with running(settings) as service:
        transport = httpx.ASGITransport(service.app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_behind_a_trusted_proxy_the_clients_own_address_counts(settings: Settings) -> None:
    trusting = settings.model_copy(update={"trusted_proxies": "127.0.0.1", "metrics_networks": "10.0.0.0/8"})
    async with running(trusting) as service, service.client() as client:
        for address, status in (("10.1.2.3", 200), ("192.0.2.7", 403)):
            assert (await client.get("/metrics", headers={"X-Forwarded-For": address})).status_code == status


async def test_whatever_a_client_invents_makes_no_new_series(settings: Settings) -> None:
    async with running(settings) as service, service.client() as client:
        for path in ("/nowhere/at/all", "/v1/hotels/some-invented-hotel", "/v1/hotels/other-invented-hotel"):
            await client.get(path)
            await client.request("INVENTED", path)
        text = (await client.get("/metrics")).text
    assert "invented" not in text.lower().replace("other", "")
    assert "nowhere" not in text
    assert 'route="unknown"' in text


def test_a_number_is_given_again_only_once_its_process_has_ended(tmp_path: Path) -> None:
    one, two = Slots(tmp_path), Slots(tmp_path)
    assert (one.mine(), one.mine(), two.mine()) == (0, 0, 1)
    assert one.ended() == []
    two.close()
    assert one.ended() == [1]
    assert Slots(tmp_path).mine() == 1


def test_the_documentation_lists_every_metric() -> None:
    page = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("| `staysync_")]
    assert listed == [_row(metric) for metric in (*COUNTED, *ASKED)]


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {metric.what} |"
