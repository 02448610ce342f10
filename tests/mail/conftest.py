"""A hotel whose ledger is followed for mails, and what sends them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from command import answers
from command.routes.bookings import reference_suffix
from command.side import CommandSide
from domain.booking_commands import Book, RequestedLine
from domain.values import Sealed, Statistics
from eventstore.guest_keys import WrappedKey
from eventstore.submission import Submission
from identity.outbox import MailSeal
from projections.drain import Projector, projector_pool, sweep
from projections.mail.accounts import AccountMails
from projections.mail.bookings import BookingMails
from projections.mail.letters import Sender
from projections.mail.post import Outgoing, Patience
from projections.mail.relay import Relay, Server
from projections.mail.tasks import MailSide, deliver
from staysync.secrets import load_secrets
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import METADATA, House, open_house, superuser
from tests.mail.post_office import PostOffice, post_office

ORIGIN = "https://book.example"
SENDER = Sender("The Group", "mail@group.example")


@pytest.fixture
async def side(settings: Settings) -> AsyncIterator[CommandSide]:
    """What writes the events."""
    async with write_side(settings) as side:
        yield side


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server that takes everything."""
    with post_office() as office:
        yield office


@dataclass(frozen=True, slots=True)
class MailHouse:
    """A hotel, what projects it, and what sends its mails."""

    settings: Settings
    house: House
    projector: Projector
    mail: MailSide

    def through(self, server: Server) -> "MailHouse":
        """The same with another mail server."""
        return replace(self, mail=replace(self.mail, relay=Relay(server)))

    async def project(self) -> None:
        """Bring the read tables up to the ledger."""
        while not await sweep(self.projector):
            continue

    async def deliver(self) -> None:
        """Project, follow, and send all that is due now."""
        await self.project()
        while await deliver(self.mail):
            continue

    async def book(
        self,
        first: int = 30,
        until: int = 33,
        *,
        booker: dict[str, Any] | None = None,
        rooms: int = 1,
        child_ages: tuple[int, ...] = (),
        **guest: Any,
    ) -> UUID:
        """A confirmed booking for a guest described by the keywords."""
        details = {"full_name": "Ada Lovelace", "email": "ada@example.org", **guest}
        sealed, wrapped = self._sealed(details)
        keys: list[WrappedKey] = [wrapped]
        booked_by: Sealed | None = None
        if booker is not None:
            booked_by, key = self._sealed(booker)
            keys.append(key)
        booking_id = uuid7()
        await self.house.side.appender.submit(
            Submission(
                hotel_id=self.house.hotel_id,
                stream_id=booking_id,
                command=Book(
                    reference_suffix=reference_suffix(),
                    arrival=self.house.day(first),
                    departure=self.house.day(until),
                    lines=tuple(RequestedLine(room_type="DBL", adults=2, child_ages=child_ages) for _ in range(rooms)),
                    guest=sealed,
                    booker=booked_by,
                    statistics=Statistics(channel="tests"),
                    hold_for=None,
                ),
                metadata=METADATA,
                render=answers.booked,
                guest_keys=tuple(keys),
            )
        )
        return booking_id

    def _sealed(self, details: dict[str, Any]) -> tuple[Sealed, WrappedKey]:
        key, wrapped = self.house.side.master_key.new_guest_key(self.house.hotel_id, uuid7())
        return key.seal(details), wrapped

    async def messages(self) -> dict[str, str]:
        """The mails of bookings: kind and state."""
        rows = await self.sql("select kind, state from mail.message order by created_at, kind")
        return {row["kind"]: row["state"] for row in rows}

    async def sql(self, statement: str, *args: object) -> list[Any]:
        """What the database says, asked past all rights."""
        async with superuser(self.settings) as connection:
            return list(await connection.fetch(statement, *args))


@pytest.fixture
async def mails(settings: Settings, side: CommandSide, office: PostOffice) -> AsyncIterator[MailHouse]:
    """A hotel with five rooms, and its mails, which go to the office."""
    house = await open_house(side, 5)
    seal = MailSeal(load_secrets(settings.secrets_dir).mail_key())
    async with (
        projector_pool(settings.role_url("projector"), side.master_key) as projecting,
        asyncpg.create_pool(settings.role_url("mail"), min_size=0, max_size=2) as pool,
    ):
        outgoing: list[Outgoing] = [
            AccountMails(pool, seal, SENDER, "https://book.example"),
            BookingMails(pool, SENDER),
        ]
        yield MailHouse(
            settings,
            house,
            Projector(projecting, side.master_key),
            MailSide(pool, Relay(office.server), outgoing, patience=Patience(first_s=0.0, attempts=3)),
        )
