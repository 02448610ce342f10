"""Handing mails to an SMTP server: TLS, sign-in, every wait bounded, and what its answers mean for a mail."""

import asyncio
import logging
import random
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosmtplib

log = logging.getLogger(__name__)

type Tls = Literal["starttls", "implicit", "none"]

_SHORTEST_QUIET_S = 2.0
_LONGEST_QUIET_S = 60.0
_CLOSING = 421
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class Trouble(Exception):
    """A mail wasn't taken. `reason` has the reply's codes at most: its words may repeat an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Trouble):
    """The server will never take this mail (5xx)."""


class TryLater(Trouble):
    """The server doesn't take this mail now (4xx)."""


class ServerAway(Trouble):
    """The server can't be reached, doesn't answer in time, or doesn't let us in: no other mail would fare better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mails are handed in, and how. `timeout_s` bounds all that is done for one mail, in seconds."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    timeout_s: float = 15.0
    greets_as: str = "localhost"

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go: the envelope, and the bytes. `needs_utf8`: an address can't be written in ASCII."""

    sender: str
    recipient: str
    content: bytes
    needs_utf8: bool


class Relay:
    """A server as a worker uses it: one connection at a time, kept while there is more to send.

    After it was away, it is left alone for a while, which grows: meanwhile no mail's attempts are used up.
    """

    def __init__(self, server: Server, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._client: aiosmtplib.SMTP | None = None
        self._quiet_until = 0.0
        self._quiet_s = 0.0

    @property
    def timeout_s(self) -> float:
        """How long one mail may take, in seconds."""
        return self._server.timeout_s

    @property
    def is_quiet(self) -> bool:
        """Whether the server was away a moment ago, and is to be left alone."""
        return self._clock() < self._quiet_until

    async def send(self, letter: Letter) -> None:
        """Hand in a mail. Raises Refused, TryLater, ServerAway."""
        try:
            async with asyncio.timeout(self._server.timeout_s):
                await self._send(letter)
        except ServerAway as away:
            await self._leave_alone(away)
            raise
        except (OSError, aiosmtplib.SMTPException, EOFError) as error:  # TimeoutError is an OSError
            trouble = _trouble(error)
            if isinstance(trouble, ServerAway):
                await self._leave_alone(trouble)
            raise trouble from None  # what the server said may be personal
        self._quiet_s = 0.0

    async def close(self) -> None:
        """Say goodbye, if a connection is open."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=1.0)
        except (OSError, aiosmtplib.SMTPException):
            client.close()

    async def _send(self, letter: Letter) -> None:
        client = await self._connected()
        options: list[str] = []
        if letter.needs_utf8:
            if not client.supports_extension("smtputf8"):
                raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        await client.sendmail(letter.sender, [letter.recipient], letter.content, mail_options=options)

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        self._client = client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            username=server.user,
            password=server.password,
            tls_context=None if server.tls == "none" else _context(server.ca_file),
            timeout=server.timeout_s,
            local_hostname=server.greets_as,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:  # what the server can do is asked for before a mail is made for it
                await client.ehlo()
        except aiosmtplib.SMTPResponseException as error:
            # Whatever it says before any mail was named is about us.
            raise ServerAway(f"it doesn't let us in ({error.code})") from None
        return client

    async def _leave_alone(self, trouble: ServerAway) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._quiet_s = min(_LONGEST_QUIET_S, max(_SHORTEST_QUIET_S, 2 * self._quiet_s))
        pause_s = self._quiet_s * random.uniform(0.75, 1.25)  # noqa: S311 - so that workers don't come back at once
        self._quiet_until = self._clock() + pause_s
        log.warning("the mail server is left alone for %.0f s: %s", pause_s, trouble.reason)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are always checked, also those of an authority of one's own."""
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _trouble(error: Exception) -> Trouble:
    """What an error means for the mail, in words without anything that the server may have quoted."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return _trouble(error.recipients[0])
        case aiosmtplib.SMTPResponseException() if error.code == _CLOSING:
            return ServerAway(_codes(error))
        case aiosmtplib.SMTPResponseException() if 500 <= error.code < 600:
            return Refused(_codes(error))
        case aiosmtplib.SMTPResponseException() if 400 <= error.code < 500:
            return TryLater(_codes(error))
        case aiosmtplib.SMTPNotSupported():
            return Refused("the server takes no address in UTF-8")
        case TimeoutError():
            return ServerAway("no answer in time")
        case _:
            return ServerAway(f"can't be reached ({type(error.__cause__ or error).__name__})")


def _codes(error: aiosmtplib.SMTPResponseException) -> str:
    enhanced = _ENHANCED.match(error.message)
    return f"{error.code} {enhanced[0]}" if enhanced else str(error.code)
