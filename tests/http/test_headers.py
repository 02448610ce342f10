"""Headers of every answer; and requests that would have one of them say something else: a host, a redirect, a line."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from staysync.app import create_app
from staysync.openapi import document
from staysync.settings import Settings
from tests.clients import ORIGIN, PASSWORD, Running, running

HOTEL = "0b7f3a2e-0000-7000-8000-000000000000"
EXPECTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


async def test_every_endpoint_answers_with_them_whatever_it_answers(service: Running) -> None:
    paths = document(service.app)["paths"]
    assert len(paths) > 30
    async with service.client() as client:
        for path, operations in paths.items():
            for method in operations:
                real = re.sub(r"\{[^}]*_id\}", HOTEL, path)
                answer = await client.request(method, re.sub(r"\{[^}]*\}", "x", real), json={})
                for name, value in EXPECTED.items():
                    assert answer.headers.get_list(name) == [value], (method, path, name)
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                assert "server" not in answer.headers
                assert "x-powered-by" not in answer.headers
                assert "access-control-allow-origin" not in answer.headers, "no other site's page reads an answer"
                if path.startswith("/v1/"):
                    assert answer.headers.get_list("cache-control") == ["no-store"], path
                assert not 300 <= answer.status_code < 400, f"{method} {path} redirects"


async def test_browsers_stay_with_https_where_it_is_spoken(settings: Settings) -> None:
    https = settings.model_copy(update={"public_origin": "https://book.example"})
    for wanted, known in ((https, True), (settings, False)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(wanted)), base_url=ORIGIN) as client:
            for path in ("/health/live", "/v1/nothing", "/docs"):
                headers = (await client.get(path)).headers
                assert (headers.get("strict-transport-security") == "max-age=31536000") is known, path


@pytest.fixture
async def unnamed(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A service that hasn't been told its own origin, so that it must look at requests."""
    async with running(settings) as service, service.client() as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "evil.example/x",
        "evil.example#",
        'a"b',
        "<script>",
        "evil.example:80:80",
        "a b",
        "user@evil.example",
        "",
        "ä.example",
    ],
)
async def test_no_odd_host_gets_into_a_page(unnamed: httpx.AsyncClient, host: str) -> None:
    page = await unnamed.get("/", headers=[(b"Host", host.encode())])
    assert page.status_code == 200
    assert "curl 'http://localhost/v1/" in page.text
    assert "evil" not in page.text
    assert "<script>" not in page.text


async def test_headers_that_name_another_host_or_path_change_nothing(unnamed: httpx.AsyncClient) -> None:
    names = ("X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "Forwarded", "X-Host")
    odd = dict.fromkeys(names, "host=evil.example/v1/auth/me")
    for path in ("/", "/openapi.json", "/v1/hotels", "/problems"):
        answer = await unnamed.get(path, headers=odd)
        assert answer.status_code == 200
        assert "evil" not in answer.text + str(answer.headers)


async def test_where_the_origin_is_configured_no_host_header_counts(settings: Settings) -> None:
    named = settings.model_copy(update={"public_origin": "https://book.example"})
    async with running(named) as service, service.client() as client:
        page = await client.get("/", headers={"Host": "evil.example"})
        sign_in = {"email": "a@example.org", "password": PASSWORD}
        forged = await client.post(
            "/v1/auth/login", json=sign_in, headers={"Host": "evil.example", "Origin": "http://evil.example"}
        )
    assert "https://book.example/v1/" in page.text
    assert "evil" not in page.text
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "/docs/",
        "/v1/hotels/",
        "/https://evil.example",
    ],
)
async def test_no_path_redirects_anywhere(unnamed: httpx.AsyncClient, path: str) -> None:
    answer = await unnamed.get(httpx.URL(ORIGIN).copy_with(raw_path=path.encode()))
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "parameters", ["next=//evil.example", "redirect_uri=https://evil.example", "return=http://evil.example"]
)
async def test_no_parameter_redirects_anywhere(unnamed: httpx.AsyncClient, parameters: str) -> None:
    for path in ("/", "/docs", "/v1/hotels", "/v1/auth/me"):
        answer = await unnamed.get(f"{path}?{parameters}")
        assert not 300 <= answer.status_code < 400
        assert "location" not in answer.headers


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "%0d%0a", "\x00", "\x85", "\u2028"])
async def test_what_a_client_says_never_begins_another_header(unnamed: httpx.AsyncClient, end: str) -> None:
    text = f"trace-12345{end}Set-Cookie: stolen=1"
    raw = text.encode("utf-8")
    answers = [
        await unnamed.get("/v1/hotels", headers=[(b"X-Request-Id", raw), (b"X-Correlation-Id", raw)]),
        await unnamed.get("/v1/nothing", headers=[(b"X-Request-Id", raw)]),
        await unnamed.post(
            f"/v1/hotels/{HOTEL}/bookings", json={}, headers=[(b"Idempotency-Key", raw), (b"If-Match", raw)]
        ),
        await unnamed.get("/v1/hotels", params={"after": text}),
    ]
    for answer in answers:
        assert "set-cookie" not in answer.headers
        for name, value in answer.headers.raw:
            assert not re.search(rb"[\r\n\0]", name + value)
            assert b"stolen" not in value
