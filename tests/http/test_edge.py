"""What holds for every request: ids, limits, headers, and an answer to every error."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from starlette.types import Message

from identity.side import open_identity
from identity.tokens import SigningKey
from query.kept_answers import KeptAnswers
from query.side import open_query_side
from staysync.app import create_app
from staysync.settings import Settings
from tests.clients import ORIGIN, PASSWORD, Running
from tests.eventstore.house import superuser


@pytest.fixture
async def broken(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A service with an endpoint that fails as no endpoint should."""
    app: FastAPI = create_app(settings)

    @app.get("/v1/broken")
    async def fail() -> None:
        raise RuntimeError("Ada Lovelace's passport number")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def test_an_unexpected_error_tells_the_client_nothing_and_the_log_nobodys_words(
    broken: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "staysync.http"):
        answer = await broken.get("/v1/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "internal"
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    logged = caplog.text
    assert answer.json()["request_id"] in logged
    assert "RuntimeError" in logged
    assert "in fail" in logged
    assert "passport" not in logged


async def test_every_answer_names_its_request(service: Running) -> None:
    async with service.client() as client:
        own = await client.get("/v1/nothing")
        assert own.json()["request_id"] == own.headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-.*", own.headers["x-request-id"])
        given = await client.get("/v1/nothing", headers={"X-Request-Id": "trace.2026:00-1_a"})
        assert given.json()["request_id"] == given.headers["x-request-id"] == "trace.2026:00-1_a"
        for odd in ("short", "x" * 65, 'quote"quote"', "two words here"):
            answer = await client.get("/v1/nothing", headers={"X-Request-Id": odd})
            assert answer.headers["x-request-id"] != odd


async def test_security_headers_are_everywhere(service: Running) -> None:
    async with service.client() as client:
        for path in ("/", "/docs", "/v1/hotels", "/nowhere", "/health/live", "/static/style.css"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
            assert headers["referrer-policy"] == "no-referrer"
            assert "strict-transport-security" not in headers
            assert ("cache-control" in headers and headers["cache-control"] == "no-store") == path.startswith("/v1/")


async def test_behind_https_browsers_are_told_to_stay_there(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"public_origin": "https://book.example"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        headers = (await client.get("/health/live")).headers
    assert "max-age" in headers["strict-transport-security"]


async def test_a_body_over_the_limit_is_refused_announced_or_not(service: Running) -> None:
    limit = service.settings.max_body_bytes

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(limit // 1000 + 1):
            yield b" " * 1000

    async with service.client(headers={"Content-Type": "application/json"}) as client:
        for path in (
            "/v1/auth/login",
            "/v1/bookings/lookup",
            "/v1/hotels/0b7f3a2e-0000-7000-8000-000000000000/bookings",
        ):
            announced = await client.post(path, content=b" " * (limit + 1))
            unannounced = await client.post(path, content=chunks())
            for answer in (announced, unannounced):
                assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large"), path
                assert answer.json()["max_body_bytes"] == limit
        assert (await client.post("/v1/auth/login", content=b" " * limit)).status_code == 422


async def test_a_client_that_goes_amid_its_body_is_nobodys_fault(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    incoming: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    answered: list[Message] = []

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/hotels/0b7f3a2e-0000-7000-8000-000000000000/bookings",
        "query_string": b"",
        "headers": [(b"content-length", b"500")],
    }
    with caplog.at_level(logging.DEBUG, "staysync.http"):
        await create_app(settings)(scope, receive, send)
    assert caplog.records == []
    assert answered == []


async def test_paths_and_methods_that_are_not_there(service: Running) -> None:
    async with service.client() as client:
        for path in ("/nowhere", "/v1", "/v1/", "/v1/hotels/", "/%00", "/%ff%fe", "/" + "x" * 5000, "/v1/auth/me/"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
            assert len(answer.content) < 1500
        wrong = await client.delete("/v1/hotels")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "GET, HEAD, POST"
        assert (await client.put("/health/live")).headers["allow"] == "GET, HEAD"
        assert (await client.put("/v1/auth/login")).headers["allow"] == "POST"


async def test_head_is_answered_as_get_without_the_body(service: Running) -> None:
    async with service.client() as client:
        for path in ("/", "/v1/hotels", "/nowhere"):
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-length"] == whole.headers["content-length"]
            assert head.headers["content-type"] == whole.headers["content-type"]


async def test_alive_and_ready_with_all_there(service: Running) -> None:
    async with superuser(service.settings) as connection:  # what beat and workers note while they are at work
        await connection.execute(
            "insert into ops.schedule (name, task, pattern, due_at, sent_at, ended_at, outcome, runs)"
            " select name, name, '', now(), now(), now(), 'done', 1"
            " from unnest('{sweep,expire-holds,deliver-mail}'::text[]) name"
        )
    async with service.client() as client:
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready"), ready.text


async def test_without_a_broker_it_is_degraded_and_ready(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client,
    ):
        ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"]["database"] == "ok"
    assert "can't be reached" in ready.json()["checks"]["broker"]


async def test_another_schema_is_unready_and_said(service: Running) -> None:
    service.app.state.health = replace(service.app.state.health, expected_heads=("future_0009",))
    async with service.client() as client:
        ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "unready")
    assert "not at future_0009" in ready.json()["checks"]["database"]


async def test_after_the_database_ended_all_connections_the_next_question_is_answered(service: Running) -> None:
    async with service.client() as client:
        await asyncio.gather(*(client.get("/v1/hotels") for _ in range(4)))  # so that the pool holds several
        async with superuser(service.settings) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        await asyncio.sleep(0.1)  # until the driver has heard of it
        for path in ("/health/ready", "/v1/hotels", "/v1/hotels"):
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)


NOTHING_KEPT = KeptAnswers(None, keep_s=0, build="")


async def test_while_the_database_is_away_clients_are_told_to_come_again(service: Running) -> None:
    state = service.app.state
    own_query, own_identity = state.query, state.identity
    nowhere = "//nobody@127.0.0.1:1/nothing"
    async with (
        open_query_side(f"postgresql+asyncpg:{nowhere}", pool_size=1, position_wait_s=0, kept=NOTHING_KEPT) as query,
        open_identity(
            f"postgresql:{nowhere}",
            read_signing_keys=lambda: [
                SigningKey(kid="k", private_key=Ed25519PrivateKey.generate(), signs_from=datetime.now(UTC))
            ],
            mail_key=bytes(32),
            public_origin=None,
            secure_cookies=False,
        ) as identity,
        service.client() as client,
    ):
        state.query, state.identity = query, identity
        try:
            question = await client.get("/v1/hotels")
            sign_in = await client.post("/v1/auth/login", json={"email": "a@example.org", "password": PASSWORD})
            page, ready = await client.get("/"), await client.get("/health/ready")
        finally:
            state.query, state.identity = own_query, own_identity
    for answer in (question, sign_in):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "2"
    assert page.status_code == 200
    assert (ready.status_code, ready.json()["status"]) == (503, "unready")
    assert "nobody" not in ready.text
