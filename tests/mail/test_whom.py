"""To whom mails go, and what no name and no address can make of them."""

import pytest
from uuid_utils.compat import uuid7

from domain.booking_commands import CancelLines
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice, post_office
from tests.mail.test_bookings_mails import html_of, text_of


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: victim@example.org",
        "Eve\nContent-Type: text/html\n\n<b>hello</b>",
        'Eve" <victim@example.org>, "',
        "Eve\u2028Bcc: victim@example.org",
        "Eve\x1b[31m",
    ],
)
async def test_a_name_adds_no_header_and_no_recipient(mails: MailHouse, office: PostOffice, name: str) -> None:
    await mails.book(full_name=name)
    await mails.deliver()
    [mail] = office.received
    assert office.recipients == ["ada@example.org"]
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.org"]
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/mixed"
    assert "\r" not in mail["Subject"]


@pytest.mark.parametrize(
    "email", ["ada@example.org\r\nRCPT TO:<victim@example.org>", "no address", "@", "a@" + "x" * 70]
)
async def test_what_is_no_address_fails_and_is_not_sent(mails: MailHouse, office: PostOffice, email: str) -> None:
    await mails.book(email=email)
    await mails.deliver()
    assert office.received == []
    [row] = await mails.sql("select state, error from mail.message where kind = 'confirmation'")
    assert (row["state"], row["error"]) == ("failed", "the address can't be written into a mail")


async def test_markup_in_a_name_is_text_in_html_and_as_it_is_in_text(mails: MailHouse, office: PostOffice) -> None:
    name = "<script>alert('1')</script> & <b>Eve</b>"
    await mails.book(full_name=name)
    await mails.deliver()
    [mail] = office.received
    assert "<script>" not in html_of(mail)
    assert "&lt;script&gt;" in html_of(mail)
    assert f"Dear {name}," in text_of(mail)


@pytest.mark.parametrize("name", ["O’Brien-Smith, Zoë", "王小明", "محمد", "X", "Ÿ" * 200, "=?utf-8?q?Eve?="])
async def test_unusual_names_come_as_they_are(mails: MailHouse, office: PostOffice, name: str) -> None:
    await mails.book(full_name=name)
    await mails.deliver()
    [mail] = office.received
    assert f"Dear {name}," in text_of(mail)
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.org"]


async def test_a_domain_in_any_script_is_written_in_ascii(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(email="ada@bücher.example")
    await mails.deliver()
    assert office.recipients == ["ada@xn--bcher-kva.example"]


async def test_an_address_in_any_script_goes_to_a_server_that_takes_it(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(email="анна@example.org", full_name="Анна")
    await mails.deliver()
    assert office.recipients == ["анна@example.org"]
    assert (await mails.messages())["confirmation"] == "sent"


async def test_an_address_in_any_script_fails_clearly_at_a_server_that_does_not(mails: MailHouse) -> None:
    with post_office(utf8=False) as old:
        await mails.book(email="анна@example.org")
        await mails.through(old.server).deliver()
        assert old.received == []
    [row] = await mails.sql("select state, error from mail.message where kind = 'confirmation'")
    assert (row["state"], row["error"]) == ("failed", "the server takes no address in UTF-8")


async def test_nothing_is_sent_to_a_guest_whose_key_is_gone(mails: MailHouse, office: PostOffice) -> None:
    booking_id = await mails.book()
    await mails.deliver()
    await mails.house.submit(CancelLines(), booking_id)
    await mails.project()
    # The key goes first; the read tables still have the details for a moment.
    await mails.sql("delete from ledger.guest_key")
    assert await mails.sql("select from read.guest where email is not null")
    await mails.deliver()
    assert len(office.received) == 1
    assert (await mails.messages())["cancellation"] == "dropped"
    [row] = await mails.sql("select error from mail.message where kind = 'cancellation'")
    assert row["error"] == "erased"


async def test_nothing_is_sent_to_a_guest_whose_details_are_gone(mails: MailHouse, office: PostOffice) -> None:
    await mails.book()
    await mails.project()
    await mails.sql("update read.guest set full_name = null, email = null, phone = null, erased = true")
    await mails.deliver()
    assert office.received == []
    assert (await mails.messages())["confirmation"] == "dropped"


async def test_no_row_of_mail_holds_anything_personal(mails: MailHouse, office: PostOffice) -> None:
    await mails.book(full_name="Wilhelmina Quist", email="quist@example.org", note=str(uuid7()))
    await mails.deliver()
    assert office.recipients == ["quist@example.org"]
    kept = str(await mails.sql("select * from mail.message")) + str(await mails.sql("select * from mail.checkpoint"))
    assert "uist" not in kept
