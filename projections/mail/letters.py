"""Composing mails: headers, text and HTML of one template, and the calendar entry of a stay."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined

from projections.mail.entry import Entry, as_ics
from projections.mail.relay import Letter
from projections.mail.wording import Wording

_BAD_ADDRESS = "the address can't be written into a mail"
_FRAMES = {True: "frame.html.jinja", False: "frame.txt.jinja"}


class NotWanted(Exception):
    """A mail that isn't to be sent any more; the reason is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadAddress(Exception):
    """An address that no mail can be sent to."""

    def __init__(self) -> None:
        super().__init__(_BAD_ADDRESS)


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name mails are sent. `domain` names them, too."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a mail says and to whom. `facts` are what its template tells."""

    mail_id: UUID
    template: str
    wording: Wording
    name: str
    email: str
    signed_by: str
    facts: Mapping[str, Any]
    entry: Entry | None = None


def compose(draft: Draft, sender: Sender, at: datetime) -> Letter:
    """A mail ready to go. Raises BadAddress.

    Its Message-ID follows from what the mail is about: who gets it twice can tell.
    """
    recipient, needs_utf8 = _address(draft.email)
    message = EmailMessage(policy=policy.SMTPUTF8 if needs_utf8 else policy.SMTP)
    subject, text = _rendered(draft, as_html=False)
    try:
        username, _, domain = recipient.rpartition("@")
        message["From"] = Address(_plain(sender.name), *_parts(sender.address))
        message["To"] = Address(_plain(draft.name), username, domain)
        message["Subject"] = _plain(subject)
        message["Message-ID"] = f"<{draft.mail_id}@{sender.domain}>"
        message["Date"] = format_datetime(at)
        message["Auto-Submitted"] = "auto-generated"  # so that no answering machine answers
    except ValueError:
        raise BadAddress from None
    message.set_content(text)
    message.add_alternative(_rendered(draft, as_html=True)[1], subtype="html")
    if draft.entry is not None:
        message.add_attachment(
            as_ics(draft.entry).decode(),
            subtype="calendar",
            params={"method": draft.entry.method},
            filename="stay.ics",
        )
    message["Content-Language"] = draft.wording.language  # last: a part that is added takes what begins so along
    return Letter(sender.address, recipient, message.as_bytes(), needs_utf8)


def _address(email: str) -> tuple[str, bool]:
    """An address as the envelope has it, its domain in ASCII; and whether the rest of it isn't."""
    username, at, domain = email.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadAddress from None
    if not at or not username or not ascii_domain or any(unicodedata.category(c) in ("Cc", "Zs") for c in email):
        raise BadAddress
    return f"{username}@{ascii_domain}", not username.isascii()


def _parts(address: str) -> Sequence[str]:
    username, _, domain = address.rpartition("@")
    return username, domain


def _plain(text: str) -> str:
    """Words for a header: one line, nothing that ends it or that no reader sees."""
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text).split())


def _rendered(draft: Draft, *, as_html: bool) -> tuple[str, str]:
    """The subject and the body of a mail."""
    template = _templates(as_html=as_html).get_template(f"{draft.wording.language}/{draft.template}.jinja")
    context = template.new_context(
        {
            "frame": _FRAMES[as_html],
            "words": draft.wording,
            "name": _plain(draft.name),
            "signed_by": draft.signed_by,
            "attached": draft.entry is not None,
            "stay": None,
            "link": None,
            **draft.facts,
        }
    )
    return "".join(template.blocks["subject"](context)), template.render(context.get_all())


@cache
def _templates(*, as_html: bool) -> Environment:
    return Environment(
        loader=PackageLoader("projections.mail", "templates"),
        autoescape=as_html,  # noqa: S701 - what is escaped for HTML would be wrong in the text of the same template
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
