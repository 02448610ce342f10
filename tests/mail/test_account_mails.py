"""The mails of accounts: what identity wrote is told, its links work, and nothing of it stays."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import asyncpg
import pytest

from staysync.settings import Settings
from tests.clients import PASSWORD, Running, running
from tests.mail.conftest import ORIGIN, MailHouse
from tests.mail.post_office import PostOffice
from tests.mail.test_bookings_mails import html_of, text_of

ZOE = {"email": "zoe@example.org", "password": PASSWORD, "full_name": "Zoë Quist"}


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service beside the mails."""
    async with running(settings) as service:
        yield service


def link_of(mail: EmailMessage) -> str:
    [link] = [line for line in text_of(mail).splitlines() if line.startswith(ORIGIN)]
    assert f'href="{link}"' in html_of(mail)
    return link


async def test_the_link_of_a_registration_verifies_the_address(
    service: Running, mails: MailHouse, office: PostOffice
) -> None:
    async with service.client() as browser:
        assert (await browser.post("/v1/auth/register", json=ZOE)).status_code == 202
    await mails.deliver()
    [mail] = office.received
    assert (office.recipients, mail["Subject"]) == (["zoe@example.org"], "Please verify your e-mail address")
    link = urlsplit(link_of(mail))
    assert link.path == "/account"
    name, _, token = link.fragment.partition("=")
    assert name == "verify_email"
    async with service.signed_in(ZOE["email"]) as program:
        assert (await program.post("/v1/auth/verify-email", json={"token": token})).status_code == 200
    [row] = await mails.sql("select sealed, sent_at, next_attempt_at from identity.outbox")
    assert row["sealed"] is None
    assert row["sent_at"] is not None
    assert row["next_attempt_at"] is None
    await mails.deliver()
    assert len(office.received) == 1


async def test_the_link_of_a_reset_chooses_another_password_and_that_is_told_in_ones_language(
    service: Running, mails: MailHouse, office: PostOffice
) -> None:
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json={**ZOE, "language": "ru"})
        await browser.post("/v1/auth/forgot-password", json={"email": ZOE["email"]})
        await mails.deliver()
        _, reset = office.received
        assert reset["Subject"] == "Выберите новый пароль"
        token = link_of(reset).partition("#reset_password=")[2]
        answer = await browser.post("/v1/auth/reset-password", json={"token": token, "password": "quite another one 8"})
        assert answer.status_code == 204
    await mails.deliver()
    assert office.received[-1]["Subject"] == "Ваш пароль изменён"


async def test_a_link_that_is_over_is_not_sent(service: Running, mails: MailHouse, office: PostOffice) -> None:
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json=ZOE)
        await browser.post("/v1/auth/forgot-password", json={"email": ZOE["email"]})
    await mails.sql("update identity.outbox set created_at = created_at - $1::interval", timedelta(minutes=31))
    await mails.deliver()
    assert [mail["Subject"] for mail in office.received] == ["Please verify your e-mail address"]
    [row] = await mails.sql("select sealed, last_error from identity.outbox where template = 'reset_password'")
    assert (row["sealed"], row["last_error"]) == (None, "outdated")


async def test_a_refused_account_mail_keeps_what_it_carries_for_another_try(
    service: Running, mails: MailHouse, office: PostOffice
) -> None:
    office.refuses = lambda address: f"550 5.7.1 {address}: no"
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json=ZOE)
    await mails.deliver()
    [row] = await mails.sql("select * from identity.outbox")
    assert row["sealed"] is not None
    assert (row["next_attempt_at"], row["sent_at"], row["last_error"]) == (None, None, "550 5.7.1")


async def test_whoever_has_the_role_of_mail_reads_no_password_and_no_key(mails: MailHouse) -> None:
    for forbidden in (
        "select password_hash from identity.account",
        "select wrapped_key from ledger.guest_key",
        "update identity.outbox set account_id = account_id",
        "update read.guest set email = email",
        "delete from mail.message",
        "select from identity.session",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await mails.mail.pool.execute(forbidden)
