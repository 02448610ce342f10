"""What people are told about their bookings, as a real server received it and the standard library reads it."""

from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID

import vobject  # type: ignore[import-untyped] # it has no types

from domain.booking_commands import (
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
)
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice

_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    content: str = part.get_content()
    return content


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    content: str = part.get_content()
    return content


def entry_of(mail: EmailMessage) -> vobject.base.Component:
    """The attached calendar entry, as another library than ours reads it."""
    [attached] = list(mail.iter_attachments())
    assert attached.get_content_type() == "text/calendar"
    assert attached.get_filename() == "stay.ics"
    calendar = vobject.readOne(attached.get_content())
    assert attached.get_param("method") == calendar.method.value
    return calendar


async def test_a_booking_is_confirmed_with_an_entry_for_the_calendar(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book(language="en-GB", child_ages=(3, 5))
    await mails.deliver()
    [mail] = office.received
    assert mail["To"].addresses[0].display_name == "Ada Lovelace"
    assert office.recipients == ["ada@example.org"]
    assert mail["From"] == "The Group <mail@group.example>"
    assert mail["Subject"].startswith("Your stay at Aurora is confirmed (AUR-")
    assert mail["Content-Language"] == "en"
    arrival, departure = mails.house.day(30), mails.house.day(33)
    for body in (text_of(mail), html_of(mail)):
        assert f"{arrival.day} {arrival:%B} {arrival.year}" in body
        assert f"{departure.day} {departure:%B} {departure.year}" in body
        assert "Double" in body
        assert "2 adults, 2 children, 3 nights" in body
        assert "€300.00" in body
    calendar = entry_of(mail)
    assert calendar.method.value == "PUBLISH"
    event = calendar.vevent
    assert event.uid.value == f"{booking_id}@staysync"
    assert (event.dtstart.value, event.dtend.value) == (arrival, departure)
    assert event.sequence.value == "1"
    assert event.status.value == "CONFIRMED"


async def test_a_guest_who_reads_russian_is_written_to_in_russian(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(language="ru", full_name="Анна Каренина", child_ages=(4,))
    await mails.deliver()
    [mail] = office.received
    assert mail["Subject"].startswith("Бронирование в «Aurora» подтверждено (AUR-")
    assert mail["To"].addresses[0].display_name == "Анна Каренина"
    months = _MONTHS.split()
    arrival = mails.house.day(30)
    for body in (text_of(mail), html_of(mail)):
        assert "Здравствуйте, Анна Каренина!" in body
        assert f"{arrival.day} {months[arrival.month - 1]} {arrival.year}" in body
        assert "2 взрослых, 1 ребёнок, 3 ночи" in body
        assert "300,00\xa0€" in body
    assert entry_of(mail).vevent.summary.value == "Aurora"


async def test_a_language_without_texts_is_answered_in_english(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(language="pt-BR")
    await mails.book(language="ru-ZZ")
    await mails.deliver()
    assert [mail["Content-Language"] for mail in office.received] == ["en", "ru"]


async def test_a_change_and_a_cancellation_move_the_same_entry(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book()
    change = ChangeBooking(arrival=mails.house.day(31), departure=mails.house.day(35))
    await mails.house.submit(change, booking_id)
    await mails.deliver()
    await mails.house.submit(CancelLines(), booking_id)
    await mails.deliver()
    confirmed, changed, cancelled = office.received
    assert changed["Subject"].startswith("Your stay at Aurora has changed")
    assert "4 nights" in text_of(changed)
    assert cancelled["Subject"].startswith("Your stay at Aurora is cancelled")
    entries = [entry_of(mail) for mail in (confirmed, changed, cancelled)]
    assert len({entry.vevent.uid.value for entry in entries}) == 1
    assert [entry.vevent.sequence.value for entry in entries] == ["1", "2", "3"]
    assert [entry.method.value for entry in entries] == ["PUBLISH", "PUBLISH", "CANCEL"]
    assert entries[1].vevent.dtstart.value == mails.house.day(31)
    assert entries[2].vevent.status.value == "CANCELLED"


async def test_cancelling_one_room_of_two_says_what_is_left(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book(rooms=2)
    await mails.house.submit(CancelLines(lines=(2,)), booking_id)
    await mails.deliver()
    mail = office.received[-1]
    assert mail["Subject"].startswith("Part of your stay")
    assert "(cancelled)" in text_of(mail)
    assert "Total: €300.00" in text_of(mail)
    assert entry_of(mail).method.value == "PUBLISH"


async def test_whoever_booked_is_told_what_was_agreed(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(booker={"full_name": "Travel Desk", "email": "desk@agency.example", "language": "ru"})
    await mails.deliver()
    assert office.recipients == ["desk@agency.example"]
    assert office.received[0]["Content-Language"] == "ru"


async def test_a_hold_is_confirmed_only_when_it_is(mails: MailHouse, office: PostOffice) -> None:
    held = await mails.house.book(10, 12, hold_for=timedelta(hours=1))
    await mails.deliver()
    assert office.received == []
    await mails.house.submit(ConfirmBooking(), UUID(held["booking_id"]))
    await mails.deliver()
    assert [subject.split(" (")[0] for subject in office.subjects()] == ["Your stay at Aurora is confirmed"]


async def test_a_stay_that_has_ended_is_thanked_for_the_day_after(mails: MailHouse, office: PostOffice) -> None:
    booking = await mails.house.book(0, 1)
    booking_id = UUID(booking["booking_id"])
    await mails.house.live(AssignRooms(), booking)
    for command in (CheckIn(), CheckOut()):
        await mails.house.submit(command, booking_id)
    await mails.deliver()
    assert (await mails.messages())["after_departure"] == "waiting"
    await mails.sql("update mail.message set due_at = now() where kind = 'after_departure'")
    await mails.deliver()
    assert office.subjects()[-1].startswith("Thank you for staying at Aurora")
