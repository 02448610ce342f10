"""A copy of the database is worth nothing: what mails carry is sealed, and a sent mail carries nothing."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag
from typer.testing import CliRunner, Result

from identity.outbox import MailSeal
from staysync.cli import app as command_line
from tests.clients import Running
from tests.identity.people import ADA, browser_of, mailed_token, mails, sql
from tests.service import environment


async def test_a_copy_of_the_database_holds_no_token_of_a_mail(service: Running) -> None:
    async with browser_of(service) as browser:
        await browser.post("/v1/auth/forgot-password", json={"email": ADA["email"]})
        tokens = [await mailed_token(service, kind) for kind in ("verify_email", "reset_password")]
    kept = str(await sql(service, "select * from identity.outbox"))
    kept += str(await sql(service, "select * from identity.one_time_token"))
    assert not any(token in kept for token in tokens)
    with pytest.raises(asyncpg.CheckViolationError):
        await sql(service, "update identity.outbox set sent_at = clock_timestamp(), next_attempt_at = null")
    await sql(service, "update identity.outbox set sent_at = clock_timestamp(), next_attempt_at = null, sealed = null")


def test_what_is_sealed_opens_with_its_key_and_for_its_mail_only() -> None:
    seal, mail_id = MailSeal(bytes(32)), uuid4()
    sealed = seal.seal(mail_id, {"token": "t"})
    assert seal.open(mail_id, sealed) == {"token": "t"}
    for other, of in ((MailSeal(b"x" * 32), mail_id), (seal, uuid4())):
        with pytest.raises(InvalidTag):
            other.open(of, sealed)


async def test_a_mail_is_written_with_what_it_is_about_or_not_at_all(service: Running) -> None:
    async with service.client() as browser:
        await sql(service, "alter table identity.one_time_token add check (purpose <> 'verify_email')")
        assert (await browser.post("/v1/auth/register", json=ADA)).status_code == 500
    assert not await sql(service, "select from identity.account")
    assert await mails(service) == []


async def run(variables: dict[str, str], *command: str) -> Result:
    """A command line that has an event loop of its own, and so a thread."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(command_line, command, env=variables))


async def test_a_developer_sees_the_mails_that_wait_but_not_in_production(service: Running) -> None:
    async with browser_of(service):
        token = await mailed_token(service, "verify_email")
    outside = environment(service.settings, 0)
    del outside["STAYSYNC_PORT"]
    shown = await run(outside, "account-mails", "ADA@example.org")
    assert (shown.exit_code, token in shown.output, "verify_email" in shown.output) == (0, True, True)
    shown = await run(outside, "account-mails", "nobody@example.org")
    assert (shown.exit_code, shown.output) == (0, "")
    shown = await run(outside | {"STAYSYNC_PRODUCTION": "1"}, "account-mails")
    assert (shown.exit_code, token in shown.output) == (2, False)
