"""What clients send byte by byte: requests that are no requests, that could be understood in two ways, or never end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.server import ServerState

from staysync.app import create_app
from staysync.protocol import protocol
from staysync.settings import Settings

type Send = Callable[[bytes], Awaitable[bytes]]

GET = b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n"


def _app(settings: Settings) -> FastAPI:
    app = create_app(settings)

    @app.get("/v1/endless")
    async def endless() -> None:
        await asyncio.Event().wait()

    @app.post("/v1/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    @app.get("/v1/split")
    async def split() -> Response:
        return Response(headers={"X-Odd": "one\r\nSet-Cookie: two=2"})

    return app


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    """The port of a server with our protocol, whose patience is short."""
    impatient = settings.model_copy(update={"header_timeout_s": 0.3, "body_timeout_s": 0.3, "request_timeout_s": 0.3})
    config = Config(_app(impatient), lifespan="off", log_config=None, ws="none", server_header=False)
    config.load()
    state = ServerState()
    made = protocol(impatient)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: made(config=config, server_state=state, app_state={}),  # type: ignore[call-arg] # uvicorn's constructor
        "127.0.0.1",
        0,
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.shutdown()
    await asyncio.gather(*state.tasks)


class _Client(asyncio.Protocol):
    """Keeps all that the server says, also what it said before it reset the connection."""

    def __init__(self) -> None:
        self.received = b""
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.closed.set()


async def said(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """All that the server says until it closes the connection, to these bytes sent with pauses."""
    transport, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    for part in parts:
        if client.closed.is_set():
            break
        transport.write(part)
        await asyncio.sleep(pause_s)
    try:
        async with asyncio.timeout(20):  # only one that never closes takes so long
            await client.closed.wait()
    finally:
        transport.abort()
    return client.received


def problem(answer: bytes) -> tuple[int, str]:
    """Status and code of an answer, which must have what every answer has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    for header in (b"x-content-type-options: nosniff", b"connection: close", b"cache-control: no-store"):
        assert header in lines, answer
    assert not [line for line in lines if line.startswith(b"server:")]
    assert answer.count(b"HTTP/1.1") == 1, "one request has one answer"
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity, xchunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
)
async def test_what_could_be_understood_in_two_ways_is_refused_and_the_connection_closed(
    port: int, request_: bytes
) -> None:
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n"
    assert problem(await said(port, request_ + smuggled)) == (400, "bad_request")


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n"], ids=["none", "two", "the same twice"]
)
async def test_a_request_has_exactly_one_host(port: int, hosts: bytes) -> None:
    answer = await said(port, b"GET /v1/nothing HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n")
    assert problem(answer) == (400, "bad_request")


async def test_header_fields_have_a_greatest_number_and_size(port: int, settings: Settings) -> None:
    def request(fields: bytes, path: bytes = b"/health/live") -> bytes:
        return b"GET " + path + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + fields + b"\r\n"

    most, largest = settings.max_headers - 2, settings.max_header_bytes - 200
    assert (await said(port, request(b"X: y\r\n" * most))).startswith(b"HTTP/1.1 200")
    assert problem(await said(port, request(b"X: y\r\n" * (most + 1)))) == (431, "headers_too_large")
    assert (await said(port, request(b"X: " + b"y" * largest + b"\r\n"))).startswith(b"HTTP/1.1 200")
    assert problem(await said(port, request(b"X: " + b"y" * (largest + 200) + b"\r\n"))) == (431, "headers_too_large")
    assert problem(await said(port, request(b"", b"/" + b"y" * (largest + 200)))) == (431, "headers_too_large")


async def test_a_field_without_an_end_is_not_kept_in_memory(port: int, settings: Settings) -> None:
    beginning = b"GET /health/live HTTP/1.1\r\nHost: h\r\nX: "
    answer = await said(port, beginning, *[b"y" * 65536] * (2 * settings.max_header_bytes // 65536 + 1), pause_s=0.01)
    assert problem(answer) in [(431, "headers_too_large"), (408, "too_slow")]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((b"",), 408),  # says nothing at all
        ((b"GET /health/live HTTP/1.1\r\nHost: h\r\n",), 408),
        ((b"GET /health/live HTTP/1.1\r\nHost: h\r\n", *[b"X: y\r\n"] * 400), 408),  # slowloris
        ((b"\r\n", *[b"\r\n"] * 400), 408),  # not even the beginning of a request
        ((b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n", *[b"y"] * 400), 408),
    ],
)
async def test_a_request_that_does_not_arrive_in_time_is_ended(
    port: int, parts: tuple[bytes, ...], status: int
) -> None:
    """What trickles in doesn't move the deadline: with 10 ms between them, 400 pieces would take four seconds."""
    answer = await said(port, *parts, pause_s=0.01)
    assert problem(answer) == (status, "too_slow")


async def test_a_connection_kept_alive_is_not_a_way_around_the_deadline(port: int) -> None:
    answer = await said(port, GET, b"GET /health/live HTTP/1.1\r\n", *[b"X: y\r\n"] * 400, pause_s=0.01)
    first, second = answer.split(b"HTTP/1.1 ")[1:]
    assert (first[:3], second[:3]) == (b"200", b"408")


async def test_a_request_in_pieces_that_comes_in_time_is_answered(port: int) -> None:
    whole = b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    answer = await said(port, *(whole[n : n + 9] for n in range(0, len(whole), 9)))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


async def test_requests_sent_together_are_all_answered_in_order(port: int) -> None:
    posts = [b"POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(5)]
    answer = await said(port, b"".join(posts) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert bodies[:5] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_handler_that_takes_too_long_is_ended_with_an_answer(port: int) -> None:
    answer = await said(port, b"GET /v1/endless HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert problem(answer) == (503, "timed_out")
    assert b"\r\nretry-after: 2\r\n" in answer.lower()


async def test_no_header_can_be_split_into_two(port: int) -> None:
    """Were a value with a line end ever put into a header, the answer would break off rather than be another one."""
    answer = await said(port, b"GET /v1/split HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"set-cookie" not in answer.lower()
