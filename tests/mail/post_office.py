"""A real SMTP server in the test's process: keeps what it is given, and fails in the ways that servers fail."""

import asyncio
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from projections.mail.relay import Server

USER, PASSWORD = "hotel", "a long pass phrase"
TIMEOUT_S = 1.5

type Reply = Callable[[str], str | None]
"""What the server answers when a mail is for an address; None takes it."""


def _nothing() -> None:
    """Nothing to do."""


def _takes(_: str) -> str | None:
    return None


@dataclass(slots=True)
class PostOffice:
    """What was received, and how to reach the server that received it."""

    server: Server
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    """Of each mail received, its envelope's recipient."""
    refuses: Reply = _takes
    """Answers RCPT."""
    on_receipt: Callable[[], None] = _nothing
    """Called when a mail is there and the client doesn't know it yet."""
    hangs: bool = False
    """It takes a mail's bytes and says nothing."""
    connections: int = 0

    def subjects(self) -> list[str]:
        """The subjects of the mails, in the order in which they came."""
        return [mail["Subject"] for mail in self.received]

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """A client says hello."""
        del server, envelope
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A mail is for an address."""
        del server, session, options
        refusal = self.refuses(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """A mail has come."""
        del server, session
        if self.hangs:
            await asyncio.sleep(3600)
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(message_from_bytes(content, policy=policy.default))
        self.recipients.append(envelope.rcpt_tos[0])
        self.on_receipt()
        return "250 OK"


@contextmanager
def post_office(port: int = 0, *, utf8: bool = True) -> Iterator[PostOffice]:
    """A plain server on loopback, without TLS or sign-in."""
    office = PostOffice(Server(host="127.0.0.1", port=port, tls="none", timeout_s=TIMEOUT_S))
    with _running(office, port=port, enable_SMTPUTF8=utf8) as port_of_it:
        office.server = Server(host="127.0.0.1", port=port_of_it, tls="none", timeout_s=TIMEOUT_S)
        yield office


@contextmanager
def secure_post_office(folder: Path, *, implicit: bool) -> Iterator[PostOffice]:
    """A server with TLS, by STARTTLS or from the first byte, which lets in only who signs in."""
    authority = trustme.CA()
    ca_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def signs_in(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        del server, session, envelope, mechanism
        right = isinstance(login, LoginPassword) and (login.login, login.password) == (
            USER.encode(), PASSWORD.encode()
        )  # fmt: skip
        return AuthResult(success=right, handled=False)

    office = PostOffice(Server(host="localhost", port=0, tls="none"))
    options = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    with _running(office, authenticator=signs_in, auth_required=True, auth_require_tls=not implicit, **options) as port:
        office.server = Server(
            host="localhost",
            port=port,
            tls="implicit" if implicit else "starttls",
            user=USER,
            password=PASSWORD,
            ca_file=ca_file,
            timeout_s=5,
        )
        yield office


@contextmanager
def _running(office: PostOffice, *, port: int = 0, ssl_context: Any = None, **options: Any) -> Iterator[int]:
    """The server on a loop in a thread of its own, so that it also answers who blocks the test's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def speak() -> SMTP:
        with warnings.catch_warnings():  # with TLS from the first byte it says that sign-in needs TLS
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(office, hostname="office", loop=loop, **options)

    async def listen() -> asyncio.Server:
        return await loop.create_server(speak, "127.0.0.1", port, ssl=ssl_context)

    async def end(server: asyncio.Server) -> None:
        server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def wait_for(happened: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait until it happened; a test that waits too long fails."""
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)
