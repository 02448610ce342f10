"""Knows what holds for every request: its id and client, limits of size and time, headers, and no error unanswered."""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Iterable, MutableSequence
from typing import Any

import uuid_utils
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventstore.causes import Cause, begin
from identity.access_log import AccessLog
from identity.limits import headers_of
from staysync.access import entry_of
from staysync.problems import BAD_REQUEST, INTERNAL, TIMED_OUT, Answer, BodyTooLarge, entry_for, render
from staysync.proxies import TrustedProxies
from staysync.watching.watch import Watch

logger = logging.getLogger("staysync.http")

_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
_TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NEVER_STORED = (b"cache-control", b"no-store")

type Header = tuple[bytes, bytes]

_HEADERS: dict[tuple[bool, bool], tuple[Header, ...]] = {
    (api, https): (*_SECURITY_HEADERS, *((_HSTS,) if https else ()), *((_NEVER_STORED,) if api else ()))
    for api in (False, True)
    for https in (False, True)
}


class AnswerCutError(Exception):
    """An answer broke off after its beginning. It has no cause on purpose: the server logs it with all it says."""


class Edge:
    """The one middleware, in plain ASGI, since every request pays for it.

    `request.state.request_id` is the id that the client sent in X-Request-Id, if it looks like one, or a fresh UUIDv7.
    `request.state.correlation_id` is that of X-Correlation-Id, else the trace's of traceparent, else the request's id.
    `request.client` is the client's address, not that of a trusted proxy.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        request_timeout_s: float,
        https: bool,
        proxies: TrustedProxies,
        watch: Watch,
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._request_timeout_s = request_timeout_s
        self._https = https
        self._proxies = proxies or None
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_ns = time.time_ns()
        state = scope.setdefault("state", {})
        request_id, length, hosts = _read_headers(scope["headers"], state)
        begin(Cause(state["request_id"], state["correlation_id"]))
        path: str = scope["path"]
        https = self._https
        if self._proxies is not None and scope["client"] is not None:
            host, by_https = self._proxies.client(scope["client"][0], scope["headers"])
            scope["client"] = (host, 0)
            if by_https:
                https, scope["scheme"] = True, "https"
        added = (*headers_for(path, https=https), (b"x-request-id", request_id))
        started = False
        status: int | None = None
        headless = scope["method"] == "HEAD"
        if headless:  # answered as GET would be, without the body
            scope = {**scope, "method": "GET"}
            state["headless"] = True

        async def send_with_headers(message: Message) -> None:
            nonlocal started, status
            if headless and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                if "endless" in state:  # a stream has its own end, and a slow reader is the protocol's to find out
                    deadline.reschedule(None)
                headers: MutableSequence[Header] = message.setdefault("headers", [])
                headers.extend(added)
                if "quotas" in state:
                    headers.extend(headers_of(state["quotas"]))
            await send(message)

        try:
            if hosts != 1 and (hosts > 1 or scope.get("http_version") == "1.1"):
                raise AmbiguousHostError
            if length is not None and length > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes)
            counted = receive if length is not None else self._counted(receive)
            async with asyncio.timeout(self._request_timeout_s) as deadline:
                await self._app(scope, counted, send_with_headers)
        except ClientDisconnect:
            return  # in the middle of its body: there is nobody to answer, and nothing here is amiss
        except Exception as error:
            answer = _told(error, late=isinstance(error, TimeoutError) and deadline.expired())
            if answer.problem is INTERNAL or answer.problem is TIMED_OUT:
                logger.error("request %s failed: %s", request_id.decode(), _without_messages(error))
            if started:  # too late for an answer: the server ends the connection, so the client sees that it's cut
                raise AnswerCutError from None
            state["problem"] = answer.problem.code
            response = render(answer, instance=path, request_id=request_id.decode())
            await response(scope, receive, send_with_headers)
        finally:
            access_log: AccessLog | None = getattr(scope["app"].state, "access_log", None)
            if access_log is not None and (entry := entry_of(scope, status)) is not None:
                access_log.add(entry)
            self._watch.served(scope, status, began_ns)

    def _counted(self, receive: Receive) -> Receive:
        """Receive a body that didn't announce its length, up to the limit."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes)
            return message

        return counted


class AmbiguousHostError(Exception):
    """No Host header or several: what stands in front of us may have understood the request in another way."""


def headers_for(path: str, *, https: bool) -> tuple[Header, ...]:
    """The headers of every answer at a path. The API's are personal or soon out of date, so nobody keeps them."""
    return _HEADERS[path.startswith("/v1/"), https]


def _told(error: Exception, *, late: bool) -> Answer:
    """What the client is told about an error that no handler has answered."""
    if late:
        return Answer(TIMED_OUT, "The request took too long.", headers=(("Retry-After", "2"),))
    if isinstance(error, AmbiguousHostError):
        return Answer(BAD_REQUEST, "A request has exactly one Host header.")
    entry = entry_for(BodyTooLarge) if isinstance(error, BodyTooLarge) else None
    return entry.tell(error) if entry else Answer(INTERNAL, INTERNAL.title + ".")


def _read_headers(headers: Iterable[Header], state: dict[str, Any]) -> tuple[bytes, int | None, int]:
    """The request's id, the length that it announces for its body, and how many Host headers it has.

    Ids go into the state. One of the client's must look like one: they are kept for ever, and in the clear.
    """
    request_id: bytes | None = None
    correlation_id: bytes | None = None
    length: int | None = None
    hosts = 0
    for name, value in headers:
        if name == b"content-length":
            # What isn't a number doesn't get past the server's parser; if it does, the body is counted.
            length = int(value) if value.isdigit() else None
        elif name == b"x-request-id" and _SANE_ID.fullmatch(value):
            request_id = value
        elif name == b"x-correlation-id" and _SANE_ID.fullmatch(value):
            correlation_id = value
        elif name == b"traceparent" and (traced := _TRACE_PARENT.fullmatch(value)):
            state["traceparent"] = value.decode()
            correlation_id = correlation_id or traced[1]
        elif name == b"host":
            hosts += 1
    request_id = request_id or str(uuid_utils.uuid7()).encode()
    state["request_id"] = request_id.decode()
    state["correlation_id"] = state["request_id"] if correlation_id is None else correlation_id.decode()
    return request_id, length, hosts


def _without_messages(error: BaseException) -> str:
    """Types and places of an exception and its causes. Messages are left out: they can hold what a guest wrote."""
    parts = []
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "sqlstate", None)
        name = f"{type(seen).__module__}.{type(seen).__qualname__}" + (f" [{state}]" if state else "")
        frames = "".join(
            f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(seen.__traceback__)
        )
        parts.append(name + frames)
        if isinstance(seen, BaseExceptionGroup):
            parts.extend(_without_messages(inner) for inner in seen.exceptions)
        seen = seen.__cause__ or seen.__context__
    return "\nbecause of ".join(parts)
