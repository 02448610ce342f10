"""The mails of accounts, which identity wrote into its outbox: opened, told and forgotten."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from cryptography.exceptions import InvalidTag

from identity.enrolment import RESET_LIFETIME, VERIFICATION_LIFETIME
from identity.outbox import MailSeal
from projections.mail.letters import Draft, NotWanted, Sender, compose
from projections.mail.occasions import STALE_AFTER
from projections.mail.post import Claimed, Outcome
from projections.mail.relay import Letter
from projections.mail.sql import statement
from projections.mail.wording import wording_for

_GOOD_FOR = {"verify_email": VERIFICATION_LIFETIME, "reset_password": RESET_LIFETIME}


@dataclass(frozen=True, slots=True)
class AccountMails:
    """The mails of accounts. `origin` is where the page is that their links lead to."""

    pool: "asyncpg.Pool[Any]"
    seal: MailSeal
    sender: Sender
    origin: str

    async def claim(self, lease: timedelta) -> Claimed | None:
        """The mail that has been due longest."""
        row = await self.pool.fetchrow(statement("claim_account_mail"), lease)
        return None if row is None else _AccountMail(self, row)


@dataclass(frozen=True, slots=True)
class _AccountMail:
    mails: AccountMails
    row: asyncpg.Record

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        attempts: int = self.row["attempts"]
        return attempts

    @property
    def label(self) -> str:
        """Its template and id."""
        return f"the mail {self.row['template']} {self.row['mail_id']}"

    async def note(self, outcome: Outcome) -> None:
        """Write down what became of the attempt."""
        await self.mails.pool.execute(
            statement("note_account_mail"),
            self.row["mail_id"],
            self.attempt,
            outcome.state,
            outcome.reason,
            outcome.again_in,
        )

    async def postpone(self, until: datetime) -> None:
        """Never: a mail of an account is wanted at once or not at all."""
        raise AssertionError(f"{self.label} was put off until {until}")

    async def compose(self, at: datetime) -> Letter:
        """The mail as it goes. Raises NotWanted, BadAddress."""
        template = self.row["template"]
        if at >= self.row["created_at"] + _GOOD_FOR.get(template, STALE_AFTER):
            raise NotWanted("outdated")
        try:
            token = self.mails.seal.open(self.row["mail_id"], self.row["sealed"]).get("token")
        except InvalidTag:
            raise NotWanted("another_mail_key") from None
        # The token stands behind the #: browsers send that part to no server, so it gets into no log.
        link = None if token is None or template not in _GOOD_FOR else f"{self.mails.origin}/account#{template}={token}"
        wording = wording_for(self.row["language"])
        draft = Draft(
            mail_id=self.row["mail_id"],
            template=template,
            wording=wording,
            name=self.row["full_name"],
            email=self.row["email"],
            signed_by=wording.label("group"),
            facts={"link": link},
        )
        return compose(draft, self.mails.sender, at)
