"""What happens to a mail on its way: TLS, sign-in, refusals, a server that is away or hangs, workers side by side."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.booking_commands import CancelLines
from domain.bookings import BookingConfirmed
from projections.mail import bookings
from projections.mail.bookings import BookingMails
from projections.mail.follow import follow
from projections.mail.occasions import Kind, plan
from projections.mail.post import Outcome, Patience
from projections.mail.relay import Letter, Refused, Relay, ServerAway
from projections.mail.tasks import deliver
from projections.mail.wording import Wording, wording_for
from staysync.embedded import free_port
from tests.mail.conftest import MailHouse
from tests.mail.post_office import TIMEOUT_S, PostOffice, post_office, secure_post_office
from tests.mail.words import booking

WRONG = "not the pass phrase"
LETTER = Letter("from@group.example", "ada@example.org", b"Subject: hello\r\n\r\nhello\r\n", needs_utf8=False)


async def attempts(mails: MailHouse) -> int:
    """How often the only mail was tried."""
    [row] = await mails.sql("select attempts from mail.message where kind = 'confirmation'")
    found: int = row["attempts"]
    return found


async def error(mails: MailHouse) -> str | None:
    """Why the only mail wasn't sent."""
    [row] = await mails.sql("select error from mail.message where kind = 'confirmation'")
    found: str | None = row["error"]
    return found


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS from the first byte"])
async def test_a_mail_goes_by_tls_and_sign_in(mails: MailHouse, tmp_path: Path, *, implicit: bool) -> None:
    with secure_post_office(tmp_path, implicit=implicit) as secure:
        await mails.book()
        await mails.through(secure.server).deliver()
        assert len(secure.received) == 1
        assert (await mails.messages())["confirmation"] == "sent"


async def test_a_wrong_password_uses_up_no_mail(
    mails: MailHouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with secure_post_office(tmp_path, implicit=True) as secure:
        await mails.book()
        await mails.book()
        await mails.through(replace(secure.server, password=WRONG)).deliver()
        assert secure.received == []
    assert await mails.sql("select from mail.message where state = 'failed'") == []
    assert "it doesn't let us in (535)" in caplog.text
    assert WRONG not in caplog.text


async def test_a_server_that_cannot_show_who_it_is_gets_no_password(tmp_path: Path) -> None:
    with secure_post_office(tmp_path, implicit=True) as secure:
        stranger = Relay(replace(secure.server, ca_file=None))
        with pytest.raises(ServerAway, match="SSLCertVerificationError"):
            await stranger.send(LETTER)
        assert secure.received == []


async def test_without_tls_where_it_is_asked_for_nothing_is_sent(office: PostOffice) -> None:
    with pytest.raises((Refused, ServerAway)):
        await Relay(replace(office.server, tls="starttls")).send(LETTER)
    assert office.received == []


async def test_what_is_refused_for_now_is_tried_again(mails: MailHouse, office: PostOffice) -> None:
    answers = iter(["450 4.2.0 greylisted", "451 4.3.0 later"])
    office.refuses = lambda _: next(answers, None)
    await mails.book()
    await mails.deliver()
    assert len(office.received) == 1
    assert await attempts(mails) == 3


async def test_pauses_grow_and_differ() -> None:
    patience = Patience()
    pauses = [[patience.pause_s(attempt) for _ in range(50)] for attempt in (1, 2, 5, 40)]
    assert all(len(set(some)) > 1 for some in pauses)
    assert [round(sum(some) / 50 / 15) for some in pauses[:2]] == [1, 2]
    assert max(pauses[3]) <= 3600 * 1.25


async def test_after_so_many_attempts_a_mail_is_given_up(mails: MailHouse, office: PostOffice) -> None:
    office.refuses = lambda _: "450 4.2.0 greylisted"
    await mails.book()
    await mails.deliver()
    assert (await mails.messages())["confirmation"] == "failed"
    assert await error(mails) == "given up after 3 attempts: 450 4.2.0"


async def test_what_is_refused_for_good_fails_with_the_code_and_nobodys_address(
    mails: MailHouse, office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    office.refuses = lambda address: f"550 5.1.1 <{address}> is unknown here"
    caplog.set_level(logging.DEBUG)
    await mails.book()
    await mails.deliver()
    assert (await mails.messages())["confirmation"] == "failed"
    assert (await attempts(mails), await error(mails)) == (1, "550 5.1.1")
    assert "550 5.1.1" in caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # the server's own
    assert "ada@" not in "".join(ours)
    assert "ada@" not in str(await mails.sql("select * from mail.message"))


async def test_a_mail_that_cannot_be_composed_fails_with_the_place_and_holds_up_no_other(
    mails: MailHouse, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(tag: str | None) -> Wording:
        if tag == "xx":
            raise RuntimeError("ada@example.org can't be written to")
        return wording_for(tag)

    monkeypatch.setattr(bookings, "wording_for", breaking)
    await mails.book(language="xx")
    await mails.book(email="bob@example.org")
    await mails.deliver()
    assert office.recipients == ["bob@example.org"]
    [failed] = await mails.sql("select error from mail.message where state = 'failed'")
    assert failed["error"].startswith("RuntimeError in breaking (test_sending.py:")


async def test_a_refused_mail_holds_up_no_other(mails: MailHouse, office: PostOffice) -> None:
    office.refuses = lambda address: "550 no" if address.startswith("gone") else None
    await mails.book(email="gone@example.org")
    await mails.book()
    await mails.deliver()
    assert office.recipients == ["ada@example.org"]


async def test_a_server_that_is_away_is_left_alone_and_found_again(mails: MailHouse) -> None:
    port = free_port()
    with post_office() as somewhere:
        away = mails.through(replace(somewhere.server, port=port))
    now = 0.0
    away = replace(away, mail=replace(away.mail, relay=Relay(replace(somewhere.server, port=port), clock=lambda: now)))
    for _ in range(5):
        await mails.book()
    for _ in range(10):
        await away.deliver()
    states = await mails.sql("select sum(attempts) as tried, array_agg(distinct state) as states from mail.message")
    assert states[0]["states"] == ["waiting"]
    assert states[0]["tried"] == 1, "each look at a server that is away costs one attempt of one mail, and no more"
    with post_office(port) as back:
        now = 1000.0
        await away.deliver()
        assert len(back.received) == 5


async def test_a_server_that_takes_a_mail_and_hangs_is_not_waited_for(mails: MailHouse, office: PostOffice) -> None:
    office.hangs = True
    await mails.book()
    await mails.project()
    async with asyncio.timeout(TIMEOUT_S + 5):
        await deliver(mails.mail)
    assert await error(mails) == "no answer in time"
    assert (await mails.messages())["confirmation"] == "waiting"
    office.hangs = False
    await mails.through(office.server).deliver()
    assert len(office.received) == 1


async def test_bookings_and_read_tables_need_no_mail_server(mails: MailHouse, office: PostOffice) -> None:
    office.hangs = True
    await mails.book()
    await mails.project()
    hanging = asyncio.create_task(deliver(mails.mail))
    await asyncio.sleep(0.2)
    booking_id = await mails.book()
    await mails.project()
    assert not hanging.done(), "the mail server hangs"
    assert len(await mails.sql("select from read.booking where booking_id = $1", booking_id)) == 1
    await hanging


async def test_workers_side_by_side_send_each_mail_once(mails: MailHouse, office: PostOffice) -> None:
    for day in range(30):
        await mails.book(day, day + 1)
    await mails.project()
    await asyncio.gather(*(deliver(mails.through(office.server).mail) for _ in range(4)))
    await mails.deliver()
    ids = [mail["Message-ID"] for mail in office.received]
    assert len(ids) == len(set(ids)) == 30


async def test_no_cancellation_comes_before_its_confirmation(mails: MailHouse, office: PostOffice) -> None:
    answers = iter(["450 later"])
    office.refuses = lambda _: next(answers, None)
    patient = replace(mails, mail=replace(mails.mail, patience=Patience(first_s=0.5)))
    booking_id = await mails.book()
    await mails.house.submit(CancelLines(), booking_id)
    await patient.deliver()
    assert office.received == []
    await asyncio.sleep(0.7)
    await patient.deliver()
    assert [subject.split(" (")[0].split()[-1] for subject in office.subjects()] == ["confirmed", "cancelled"]


async def test_whoever_was_thought_dead_notes_nothing_any_more(mails: MailHouse, office: PostOffice) -> None:
    await mails.book()
    await mails.project()
    await follow(mails.mail.pool)
    posts = next(one for one in mails.mail.outgoing if isinstance(one, BookingMails))
    first = await posts.claim(timedelta(0))
    second = await posts.claim(timedelta(seconds=60))
    assert first is not None
    assert second is not None
    assert await posts.claim(timedelta(seconds=60)) is None
    await first.note(Outcome("failed", "from the grave"))
    assert (await mails.messages())["confirmation"] == "sending"
    await second.note(Outcome("sent"))
    assert (await mails.messages())["confirmation"] == "sent"
    assert office.received == []


def test_ids_of_mails_follow_from_what_they_are_about() -> None:
    hotel, booked = UUID(int=1), UUID(int=2)
    once, again = (
        plan(
            hotel,
            booked,
            7,
            BookingConfirmed(lines=(1,)),
            booking(),
            at=datetime(2026, 5, 1, tzinfo=UTC),
            timezone="UTC",
        )
        for _ in range(2)
    )
    assert once == again
    assert [planned.kind for planned in once] == [Kind.CONFIRMATION, Kind.BEFORE_ARRIVAL]
