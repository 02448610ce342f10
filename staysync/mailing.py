"""Knows how the settings of mail become a server and a sender, and where the links of mails lead."""

from email.headerregistry import Address, AddressHeader, HeaderRegistry
from typing import cast
from urllib.parse import unquote, urlsplit

from projections.mail.letters import Sender
from projections.mail.relay import Server, Tls
from staysync.processes import CannotStartError
from staysync.secrets import read_password
from staysync.settings import Settings

_PORTS: dict[Tls, int] = {"starttls": 587, "implicit": 465, "none": 25}


def server_of(settings: Settings) -> Server | None:
    """The mail server; None where none is configured. Raises CannotStartError for a password that can't be had."""
    if settings.smtp_url is None:
        return None
    parts = urlsplit(settings.smtp_url)
    tls = tls_of(settings)
    user = None if parts.username is None else unquote(parts.username)
    return Server(
        host=parts.hostname or "",
        port=parts.port or _PORTS[tls],
        tls=tls,
        user=user,
        password=None if user is None else _password(settings, parts.password),
        ca_file=settings.smtp_ca_file,
        timeout_s=settings.smtp_timeout_s,
        greets_as=sender_of(settings).domain,
    )


def tls_of(settings: Settings) -> Tls:
    """How the way to the mail server is encrypted."""
    parts = urlsplit(settings.smtp_url or "")
    return "none" if parts.query == "tls=none" else "implicit" if parts.scheme == "smtps" else "starttls"


def sender_of(settings: Settings) -> Sender:
    """In whose name mails are sent. Raises CannotStartError for what isn't one address."""
    header = HeaderRegistry()("From", settings.mail_from)
    addresses: tuple[Address, ...] = cast("AddressHeader", header).addresses
    if len(addresses) != 1 or header.defects or not addresses[0].domain or not settings.mail_from.isprintable():
        raise CannotStartError("STAYSYNC_MAIL_FROM must be one address such as Grand <desk@hotel.example>")
    return Sender(addresses[0].display_name, addresses[0].addr_spec)


def origin_of(settings: Settings) -> str:
    """Where the page is that links in mails lead to."""
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared with
    return settings.public_origin or f"http://{here}:{settings.port}"


def _password(settings: Settings, in_url: str | None) -> str:
    if in_url is not None:
        return unquote(in_url)
    if settings.smtp_password_file is not None:
        try:
            return read_password(settings.smtp_password_file)
        except OSError as error:
            raise CannotStartError(
                f"STAYSYNC_SMTP_PASSWORD_FILE: {settings.smtp_password_file} can't be read: {error.strerror}"
            ) from None
    raise CannotStartError("STAYSYNC_SMTP_URL names a user and no password: STAYSYNC_SMTP_PASSWORD_FILE has it")
