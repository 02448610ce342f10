"""Knows what holds for every request: its id, the limit of its body, security headers, and no error unanswered."""

import logging
import re
import traceback
from collections.abc import Iterable, MutableSequence

import uuid_utils
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from staysync.problems import INTERNAL, Answer, BodyTooLarge, entry_for, render

logger = logging.getLogger("staysync.http")

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")

_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NEVER_STORED = (b"cache-control", b"no-store")

type Header = tuple[bytes, bytes]


class Edge:
    """The one middleware, in plain ASGI, since every request pays for it.

    `request.state.request_id` is the id that the client sent in X-Request-Id, if it looks like one, or a fresh UUIDv7.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, https: bool) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        everywhere = (*_SECURITY_HEADERS, _HSTS) if https else _SECURITY_HEADERS
        self._page_headers: tuple[Header, ...] = everywhere
        self._api_headers: tuple[Header, ...] = (*everywhere, _NEVER_STORED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, length = _read_headers(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        path: str = scope["path"]
        added = (*(self._api_headers if path.startswith("/v1/") else self._page_headers), (b"x-request-id", request_id))
        started = False
        headless = scope["method"] == "HEAD"
        if headless:  # answered as GET would be, without the body
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if headless and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                started = True
                headers: MutableSequence[Header] = message.setdefault("headers", [])
                headers.extend(added)
            await send(message)

        try:
            if length is not None and length > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes)
            counted = receive if length is not None else self._counted(receive)
            await self._app(scope, counted, send_with_headers)
        except ClientDisconnect:
            return  # in the middle of its body: there is nobody to answer, and nothing here is amiss
        except Exception as error:
            if not isinstance(error, BodyTooLarge):
                logger.error("request %s failed: %s", request_id.decode(), _without_messages(error))
            if started:
                raise  # too late for an answer: the server ends the connection, so the client sees that it's cut
            entry = entry_for(BodyTooLarge) if isinstance(error, BodyTooLarge) else None
            answer = entry.tell(error) if entry else Answer(INTERNAL, INTERNAL.title + ".")
            response = render(answer, instance=path, request_id=request_id.decode())
            await response(scope, receive, send_with_headers)

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


def _read_headers(headers: Iterable[Header]) -> tuple[bytes, int | None]:
    request_id: bytes | None = None
    length: int | None = None
    for name, value in headers:
        if name == b"content-length":
            # What isn't a number doesn't get past the server's parser; if it does, the body is counted.
            length = int(value) if value.isdigit() else None
        elif name == b"x-request-id" and _SANE_REQUEST_ID.fullmatch(value):
            request_id = value
    return request_id or str(uuid_utils.uuid7()).encode(), length


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
