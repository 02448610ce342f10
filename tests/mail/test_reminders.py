"""Mails that wait for their day: written when an event asks for them, looked at once more when it has come."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.booking_commands import CancelLines, ChangeBooking, ConfirmBooking
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice


async def day_comes(mails: MailHouse, kind: str) -> None:
    """What waits for its day is due now."""
    await mails.sql("update mail.message set due_at = now() where kind = $1", kind)


async def reminder(mails: MailHouse, kind: str) -> Any:
    """The only mail of a kind."""
    [row] = await mails.sql("select * from mail.message where kind = $1", kind)
    return row


async def held(mails: MailHouse) -> UUID:
    """A hold that its guest will be warned of."""
    booking = await mails.house.book(20, 22, hold_for=timedelta(hours=1))
    await mails.deliver()
    return UUID(booking["booking_id"])


async def test_a_hold_that_is_about_to_end_is_warned_of(mails: MailHouse, office: PostOffice) -> None:
    await held(mails)
    assert office.received == []
    await day_comes(mails, "hold_expiring")
    await mails.deliver()
    [mail] = office.received
    assert mail["Subject"].startswith("Your rooms at Aurora are held until ")
    assert list(mail.iter_attachments()) == []


async def test_a_hold_that_was_confirmed_or_cancelled_is_not_warned_of(mails: MailHouse, office: PostOffice) -> None:
    confirmed, cancelled = await held(mails), await held(mails)
    await mails.house.submit(ConfirmBooking(), confirmed)
    await mails.house.submit(CancelLines(), cancelled)
    await mails.deliver()
    told = len(office.received)
    await day_comes(mails, "hold_expiring")
    await mails.deliver()
    assert len(office.received) == told == 2
    assert await mails.sql("select distinct state, error from mail.message where kind = 'hold_expiring'") == [
        ("dropped", "outdated")
    ]


async def test_a_stay_that_was_cancelled_is_not_reminded_of(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book()
    await mails.house.submit(CancelLines(), booking_id)
    await mails.deliver()
    await day_comes(mails, "before_arrival")
    await mails.deliver()
    assert len(office.received) == 2
    assert (await reminder(mails, "before_arrival"))["state"] == "dropped"


async def test_a_stay_with_other_dates_is_reminded_of_on_another_day(mails: MailHouse) -> None:
    booking_id = await mails.book(30, 33)
    await mails.deliver()
    before = await reminder(mails, "before_arrival")
    change = ChangeBooking(arrival=mails.house.day(35), departure=mails.house.day(37))
    await mails.house.submit(change, booking_id)
    await mails.deliver()
    after = await reminder(mails, "before_arrival")
    assert after["due_at"] - before["due_at"] == timedelta(days=5)
    assert (after["state"], after["message_id"]) == ("waiting", before["message_id"])


async def test_a_reminder_whose_day_has_moved_unseen_waits_for_the_new_one(
    mails: MailHouse, office: PostOffice
) -> None:
    await mails.book(30, 33)
    await mails.deliver()
    before = await reminder(mails, "before_arrival")
    await day_comes(mails, "before_arrival")
    await mails.deliver()
    after = await reminder(mails, "before_arrival")
    assert (after["due_at"], after["state"], after["attempts"]) == (before["due_at"], "waiting", 0)
    assert len(office.received) == 1


async def test_a_stay_moved_so_near_that_its_day_has_gone_and_far_again_is_reminded_of(mails: MailHouse) -> None:
    booking_id = await mails.book(30, 33)
    await mails.deliver()
    for first, expected in ((1, "dropped"), (40, "waiting")):
        change = ChangeBooking(arrival=mails.house.day(first), departure=mails.house.day(first + 2))
        await mails.house.submit(change, booking_id)
        await mails.deliver()
        assert (await reminder(mails, "before_arrival"))["state"] == expected


async def test_a_guest_is_reminded_once_however_often_the_stay_moves(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book(30, 33)
    await mails.deliver()
    await mails.sql("update mail.message set state = 'sent', sent_at = now() where kind = 'before_arrival'")
    change = ChangeBooking(arrival=mails.house.day(40), departure=mails.house.day(42))
    await mails.house.submit(change, booking_id)
    await mails.deliver()
    assert (await reminder(mails, "before_arrival"))["state"] == "sent"
    assert [subject.split(" (")[0].split()[-1] for subject in office.subjects()] == ["confirmed", "changed"]
