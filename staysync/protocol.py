"""Knows what uvicorn's parser doesn't bound: header fields, how long a request takes to come and an answer to be taken.

A request that arrives at once, as nearly all do, sets no timer. What the server has to refuse before there is a request
to route is answered as any other refusal: a problem, with the headers of every answer.
"""

import asyncio
from functools import partial
from typing import Any

import uuid_utils
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from staysync.http import headers_for
from staysync.problems import BAD_REQUEST, HEADERS_TOO_LARGE, TOO_SLOW, Answer, Problem, render
from staysync.settings import Settings


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, for one connection, within bounds."""

    def __init__(self, *args: Any, settings: Settings, **options: Any) -> None:
        super().__init__(*args, **options)
        self._max_headers, self._max_header_bytes = settings.max_headers, settings.max_header_bytes
        self._header_timeout_s, self._body_timeout_s = settings.header_timeout_s, settings.body_timeout_s
        self._https = (settings.public_origin or "").startswith("https://")
        self._header_bytes = self._header_count = 0
        self._waits_for: str | None = "headers"  # or for the body; None between two requests
        self._deadline: asyncio.TimerHandle | None = None
        self._write_timeout_s = settings.write_timeout_s
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A connection that says nothing is closed in time, too."""
        super().connection_made(transport)
        self._set_deadline("headers", self._header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._drop_deadline()
        self._go_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client is slower than its answer; one that takes nothing for long is cut off, with what it holds."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self._write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken some."""
        super().resume_writing()
        self._go_on()

    def _go_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def data_received(self, data: bytes) -> None:
        """Parse what has come; then see that the rest of a request that isn't whole comes in time."""
        if self.transport.is_closing():  # refused already
            return
        if self._waits_for is None:  # even if these bytes begin no message yet
            self._begin()
        super().data_received(data)
        if self._waits_for == "headers":
            self._set_deadline("headers", self._header_timeout_s)
        elif self._waits_for == "body":
            self._set_deadline("body", self._body_timeout_s)

    def on_message_begin(self) -> None:
        """A request begins, maybe in the same bytes as the one before."""
        self._begin()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the address, which counts with the header fields."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        self._header_count += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The header fields are whole."""
        self._drop_deadline()
        self._waits_for = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._drop_deadline()
        self._waits_for = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that aren't a request, unless they are refused already for another reason."""
        del msg
        if not self.transport.is_closing():
            self._refuse(BAD_REQUEST, "This isn't a valid HTTP request.")

    def _begin(self) -> None:
        self._header_bytes = self._header_count = 0
        self._waits_for = "headers"

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_count > self._max_headers or self._header_bytes > self._max_header_bytes:
            self._refuse(HEADERS_TOO_LARGE, "The request has too many header fields, or too long ones.")
            raise _RefusedError

    def _set_deadline(self, what: str, within_s: float) -> None:
        """One deadline for the whole: what trickles in doesn't move it."""
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(within_s, partial(self._too_late, what))

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self, what: str) -> None:
        self._deadline = None
        self._refuse(TOO_SLOW, f"The {what} of the request didn't arrive in time.")

    def _refuse(self, problem: Problem, detail: str) -> None:
        """Answer, if no answer of another request is on its way here, and end the connection."""
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn says that there always is one; there isn't
        own_body = self._waits_for == "body" and not self.pipeline and cycle is not None and not cycle.response_started
        if cycle is None or cycle.response_complete or own_body:
            self.transport.write(self._answer(problem, detail))
        self.transport.close()

    def _answer(self, problem: Problem, detail: str) -> bytes:
        request_id = str(uuid_utils.uuid7())
        response = render(Answer(problem, detail), instance="", request_id=request_id)
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            *headers_for("/v1/", https=self._https),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"%b%b\r\n%b" % (STATUS_LINE[problem.status], lines, bytes(response.body))


class _RefusedError(Exception):
    """Stops the parser, which reports it as an error of the request; the answer is sent by then."""


def protocol(settings: Settings) -> type[asyncio.Protocol]:
    """The protocol class of an installation, for uvicorn."""

    class Protocol(BoundedProtocol):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, settings=settings, **options)

    return Protocol
