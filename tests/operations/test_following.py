"""One booking is found everywhere by its correlation id: in the lines of API and worker, and in its trace."""

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from eventstore.causes import Cause, cause_of, following, present_cause
from staysync.admin import add_administrator
from staysync.embedded import free_port
from staysync.settings import Settings
from staysync.watching.traces import caller_of, endpoint_of, span_id_of, trace_id_of
from tests.clients import PASSWORD, open_hotel, running, stay
from tests.eventstore.house import superuser
from tests.operations.collector import Collector, Span, collecting
from tests.operations.processes import lines, started, until_ready

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
BOOK = "POST /v1/hotels/{hotel_id}/bookings"


async def test_a_booking_is_followed_from_http_to_the_read_tables(house: Settings, tmp_path: Path) -> None:
    await add_administrator(house, email="admin@example.org", password=PASSWORD, full_name="The Administrator")
    api_log, worker_log = tmp_path / "api.log", tmp_path / "worker.log"
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        variables = {"otel_endpoint": collector.url, "log_level": "info", "log_format": "json"}
        port = free_port()
        api = stack.enter_context(started(house, api_log, "serve", port=port, variables=variables))
        worker = stack.enter_context(started(house, worker_log, "worker", "projections", variables=variables))
        url = until_ready(port, api)
        async with httpx.AsyncClient(timeout=30, base_url=url) as client:
            told = await client.post("/v1/auth/login", json={"email": "admin@example.org", "password": PASSWORD})
            client.cookies.clear()
            client.headers["authorization"] = f"Bearer {told.json()['access_token']}"
            hotel_id = await open_hotel(client)
            bookings = f"/v1/hotels/{hotel_id}/bookings"
            named = await client.post(
                bookings, json=stay(), headers={"X-Correlation-Id": "journey-of-ada", "X-Request-Id": "request-of-ada"}
            )
            traced = await client.post(bookings, json=stay(), headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
            assert (named.status_code, traced.status_code) == (201, 201)
            headers = {"StaySync-Min-Position": traced.json()["position"]}
            assert (await client.get(bookings, headers=headers)).status_code == 200
        for process in (worker, api):  # which send what is left when they end
            process.terminate()
            process.wait(30)
    _assert_lines(api_log, worker_log, str(hotel_id))
    _assert_traces(collector, str(hotel_id))


def _assert_lines(api_log: Path, worker_log: Path, hotel_id: str) -> None:
    (answered,) = [line for line in lines(api_log) if line.get("correlation_id") == "journey-of-ada"]
    assert {name: answered[name] for name in ("process", "logger", "request_id", "route", "status", "hotel_id")} == {
        "process": "api",
        "logger": "staysync.requests",
        "request_id": "request-of-ada",
        "route": "/v1/hotels/{hotel_id}/bookings",
        "status": 201,
        "hotel_id": hotel_id,
    }
    (applied,) = [line for line in lines(worker_log) if "journey-of-ada" in line.get("correlation_ids", ())]  # type: ignore[operator] # a list
    assert (applied["process"], applied["hotel_id"]) == ("worker-projections", hotel_id)
    assert any(line.get("correlation_id") == TRACE for line in lines(api_log))
    for line in (*lines(api_log), *lines(worker_log)):
        assert {"at", "level", "logger", "process", "pid", "message"} <= line.keys(), line


def _assert_traces(collector: Collector, hotel_id: str) -> None:
    for correlation_id, trace_id in (("journey-of-ada", f"{trace_id_of('journey-of-ada'):032x}"), (TRACE, TRACE)):
        (request,) = [span for span in collector.named(BOOK) if span.trace_id == trace_id]
        (append,) = _of(collector, "append", trace_id, request.span_id)
        (project,) = _of(collector, "project read", trace_id, request.span_id)
        assert request.facts["staysync.correlation_id"] == correlation_id
        assert (request.service, append.service) == ("staysync-api", "staysync-api")
        assert project.service == "staysync-worker-projections"
        assert project.facts["staysync.hotel_id"] == hotel_id
        assert request.began_ns <= append.began_ns <= append.ended_ns <= request.ended_ns
        assert append.ended_ns <= project.ended_ns
    assert [span.parent_id for span in collector.named(BOOK)] == ["", CALLER]


def _of(collector: Collector, name: str, trace_id: str, request: str) -> list[Span]:
    """The spans that are below a request's, or linked with it because they served several."""
    return [
        span
        for span in collector.named(name)
        if (span.trace_id, span.parent_id) == (trace_id, request) or (trace_id, request) in span.links
    ]


async def test_commands_of_one_commit_are_linked_with_its_span(settings: Settings) -> None:
    with collecting() as collector:
        traced = settings.model_copy(update={"otel_endpoint": collector.url})
        async with running(traced) as service, service.administrator() as administrator:
            hotel_id = await open_hotel(administrator, rooms=20)
            answers = await asyncio.gather(
                *(
                    administrator.post(
                        f"/v1/hotels/{hotel_id}/bookings", json=stay(), headers={"X-Request-Id": f"request-{n}"}
                    )
                    for n in range(12)
                )
            )
        assert {answer.status_code for answer in answers} == {201}
        spans = {span.span_id for span in collector.named(BOOK)}
        assert spans == {f"{span_id_of(f'request-{n}'):016x}" for n in range(12)}
        linked = {link for span in collector.named("append") for _, link in span.links}
        below = {span.parent_id for span in collector.named("append")}
        assert spans <= linked | below
        assert linked, "no two commands came into one commit, so this test would prove nothing"


async def test_what_the_sampler_leaves_out_has_no_span_anywhere(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with collecting() as collector:
        traced = settings.model_copy(update={"otel_endpoint": collector.url})
        async with running(traced) as service, service.administrator() as administrator:
            await open_hotel(administrator)
            await administrator.get("/v1/hotels", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        assert collector.spans == []


async def test_a_collector_that_is_away_harms_no_booking(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"otel_endpoint": "http://127.0.0.1:1"})
    async with running(nowhere) as service, service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        assert (await administrator.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())).status_code == 201


async def test_the_ledger_keeps_ids_that_look_like_ids_and_nobodys_words(settings: Settings) -> None:
    async with running(settings) as service, service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        for correlation_id in ("journey-of-ada", "Ada Lovelace", "ada@example.org", "x" * 65):
            await administrator.post(
                f"/v1/hotels/{hotel_id}/bookings", json=stay(), headers={"X-Correlation-Id": correlation_id}
            )
        async with superuser(settings) as connection:
            rows = await connection.fetch("select metadata from ledger.event where type = 'BookingMade' order by seq")
    causes = [cause_of(row["metadata"]) for row in rows]
    assert len(causes) == 2  # of two rooms
    assert causes[0] is not None
    assert causes[1] is not None
    assert causes[0].correlation_id == "journey-of-ada"
    assert causes[1].correlation_id == causes[1].request_id


def test_what_the_system_did_and_imports_follow_from_no_request() -> None:
    assert cause_of('{"actor":"system","role":"system"}') is None
    assert cause_of('{"actor":"a","role":"staff","request_id":"r"}') == Cause("r", "r")


def test_the_present_cause_ends_with_its_block() -> None:
    with following(Cause("r", "c")):
        assert present_cause() == Cause("r", "c")
        with following(None):
            assert present_cause() is None
    assert present_cause() is None


def test_a_trace_id_is_the_correlation_id_only_where_that_is_one() -> None:
    assert f"{trace_id_of(TRACE):032x}" == TRACE
    assert trace_id_of("0" * 32) == 1  # an id of zeros is none
    uuid = "01a2121f-ce5b-711b-b496-b4df42031ca4"
    assert trace_id_of(uuid) != int(uuid.replace("-", ""), 16)
    # Samplers take the low 63 bits for random: of UUIDs they would all lie in one quarter.
    low = [trace_id_of(f"01a2121f-ce5b-711b-b496-{n:012x}") % 2**63 / 2**63 for n in range(400)]
    assert 60 < sum(1 for part in low if part < 0.25) < 140


@pytest.mark.parametrize("header", ["", "00", "00-x-y-01", f"00-{'0' * 32}-{CALLER}-01", f"00-{TRACE}-{'g' * 16}-01"])
def test_a_traceparent_that_is_none_names_no_caller(header: str) -> None:
    assert caller_of(header) is None


def test_the_endpoint_is_ours_or_the_standard_ones(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoint_of(settings) is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://there:4318/")
    assert endpoint_of(settings) == "http://there:4318/v1/traces"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://there:4318/traces")
    assert endpoint_of(settings) == "http://there:4318/traces"
    ours = settings.model_copy(update={"otel_endpoint": "http://here:4318"})
    assert endpoint_of(ours) == "http://here:4318/v1/traces"


def test_without_an_endpoint_nothing_of_traces_is_even_loaded() -> None:
    program = (
        "import sys; from staysync.app import create_app; from staysync.settings import Settings\n"
        "create_app(Settings())\n"
        "print([name for name in ('opentelemetry.sdk.trace.export', 'opentelemetry.proto') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"
