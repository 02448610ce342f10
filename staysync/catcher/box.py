"""The mails that were caught: the last ones, in memory, as the standard library reads them."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a mail that is a file of its own."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Caught:
    """A mail as it came in, and its number, which counts from 1."""

    number: int
    at: datetime
    recipients: tuple[str, ...]
    source: bytes
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"] or "")

    def body(self, kind: str) -> str | None:
        """The body as `plain` text or as `html`, if the mail has it."""
        part = self.message.get_body((kind,))
        return None if part is None else str(part.get_content())

    def attachments(self) -> list[Attachment]:
        """The files that came with it."""
        return [_attachment(part) for part in self.message.iter_attachments()]


class Box:
    """What was caught. As a handler of aiosmtpd it takes every mail, whoever it is for."""

    def __init__(self) -> None:
        self._caught: deque[Caught] = deque(maxlen=_MOST_KEPT)
        self._last = 0

    def newest_first(self) -> Iterable[Caught]:
        """All that is kept."""
        return reversed(self._caught)

    def find(self, number: int) -> Caught | None:
        """A mail by its number, if it is still kept."""
        return next((caught for caught in self._caught if caught.number == number), None)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        del server, session
        content = envelope.content or b""
        source = content.encode() if isinstance(content, str) else content
        self._last += 1
        self._caught.append(
            Caught(
                self._last,
                datetime.now(UTC),
                tuple(envelope.rcpt_tos),
                source,
                message_from_bytes(source, policy=policy.default),
            )
        )
        return "250 caught"


def _attachment(part: MIMEPart) -> Attachment:
    content: Any = part.get_content()
    return Attachment(
        part.get_filename() or "attachment",
        part.get_content_type(),
        content.encode() if isinstance(content, str) else bytes(content),
    )
