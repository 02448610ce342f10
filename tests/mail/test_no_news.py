"""What is no news to anybody: history that was imported, read tables that are rebuilt, what is older than mail."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from uuid_utils.compat import uuid7

import migrations
from command import answers
from command.routes.bookings import reference_suffix
from domain.booking_commands import Book, CancelLines, RequestedLine
from domain.values import Statistics
from eventstore.submission import Submission
from projections.drain import rebuild_hotel
from projections.mail import follow
from staysync.bootstrap import migrate
from tests.eventstore.house import METADATA, superuser
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice


async def _told_afterwards(mails: MailHouse, occurred_at: datetime, hold_for: timedelta | None = None) -> Any:
    """A booking as an import writes it: with the instant at which it happened."""
    house, booking_id = mails.house, uuid7()
    key, wrapped = house.side.master_key.new_guest_key(house.hotel_id, uuid7())
    await house.side.appender.submit(
        Submission(
            hotel_id=house.hotel_id,
            stream_id=booking_id,
            command=Book(
                reference_suffix=reference_suffix(),
                arrival=house.day(20),
                departure=house.day(22),
                lines=(RequestedLine(room_type="DBL", adults=2, child_ages=()),),
                guest=key.seal({"full_name": "Old Guest", "email": "old@example.org"}),
                booker=None,
                statistics=Statistics(),
                hold_for=hold_for,
            ),
            metadata=METADATA,
            render=answers.booked,
            guest_keys=(wrapped,),
            occurred_at=occurred_at,
        )
    )
    return booking_id


async def test_an_import_sends_nothing_and_what_happens_afterwards_does(mails: MailHouse, office: PostOffice) -> None:
    async with superuser(mails.settings) as connection:
        boundary = await connection.fetchval("select occurred_at from ledger.head where seq > 0")
    booking_id = await _told_afterwards(mails, boundary + timedelta(microseconds=1))
    await _told_afterwards(mails, boundary + timedelta(microseconds=2), hold_for=timedelta(hours=3))
    await mails.deliver()
    assert (office.received, await mails.messages()) == ([], {})
    await mails.house.submit(CancelLines(), booking_id)
    await mails.deliver()
    assert office.recipients == ["old@example.org"]


async def test_what_happens_now_is_recorded_at_the_instant_at_which_it_happened(mails: MailHouse) -> None:
    await mails.book()
    live = await mails.sql("select from ledger.event where occurred_at <> recorded_at")
    assert live == [], "mail tells history from news by this"


async def test_rebuilding_read_tables_sends_nothing(mails: MailHouse, office: PostOffice) -> None:
    await mails.book()
    await mails.deliver()
    await rebuild_hotel(mails.projector, mails.house.hotel_id)
    await mails.deliver()
    assert len(office.received) == 1


async def test_mail_begins_with_what_happens_after_it_was_installed(mails: MailHouse, office: PostOffice) -> None:
    await mails.book()
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = mails.settings.role_url("owner")
    await asyncio.to_thread(command.downgrade, config, "identity_0003")
    await asyncio.to_thread(migrate, mails.settings)
    await mails.deliver()
    assert office.received == []
    await mails.book()
    await mails.deliver()
    assert len(office.received) == 1


async def test_news_of_days_ago_is_none(mails: MailHouse, office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    await mails.book()
    with monkeypatch.context() as later:
        later.setattr(follow, "STALE_AFTER", timedelta(0))
        await mails.deliver()
    assert office.received == []
    await mails.deliver()
    assert office.received == [], "it was passed, and stays so"


async def test_mail_never_passes_the_read_tables(mails: MailHouse, office: PostOffice) -> None:
    await mails.project()
    await mails.book()
    await follow.follow(mails.mail.pool)
    assert await mails.messages() == {}
    await mails.deliver()
    assert len(office.received) == 1


async def test_many_events_are_followed_batch_by_batch_each_once(mails: MailHouse) -> None:
    for day in range(12):
        await mails.book(day * 2, day * 2 + 1)
    await mails.project()
    rounds = 1
    while not await follow.follow(mails.mail.pool, batch_size=5):
        rounds += 1
    assert rounds == 3
    [row] = await mails.sql("select count(*) as written from mail.message where kind = 'confirmation'")
    assert row["written"] == 12
