"""Nobody learns from an answer, or from the work that it takes, whether an address has an account."""

from typing import Any

import httpx
import pytest

from tests.clients import PASSWORD, Running
from tests.identity.people import ADA, browser_of, echo, mailed_token, sql, work_of

NOBODY = "nobody@example.org"


async def asked(browser: httpx.AsyncClient, path: str, email: str) -> tuple[int, dict[str, Any], list[str]]:
    body = {"email": email}
    if path == "login":
        body |= {"password": "not the right one"}
    elif path == "register":
        body |= {"password": PASSWORD, "full_name": "Somebody"}
    answer = await browser.post(f"/v1/auth/{path}", json=body)
    told = {name: value for name, value in answer.json().items() if name not in ("request_id", "email")}
    return answer.status_code, told, sorted(answer.headers)


@pytest.mark.parametrize("path", ["login", "register", "forgot-password", "resend-verification"])
async def test_the_answer_and_the_work_are_the_same(
    service: Running, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async with browser_of(service), service.client() as browser:
        told, worked = [], []
        for email in (NOBODY, ADA["email"], ADA["email"]):  # the third time a mail of a minute ago is enough
            with work_of(monkeypatch) as work:
                told.append(await asked(browser, path, email))
            worked.append(list(work))
    assert told[0] == told[1] == told[2]
    assert worked[0] == worked[1] == worked[2]
    assert worked[0].count("verify") == (1 if path == "login" else 0)
    assert worked[0].count("hash") == (1 if path == "register" else 0)
    assert len(worked[0]) == (2 if path in ("login", "register") else 1)


@pytest.mark.parametrize("path", ["register", "forgot-password", "resend-verification"])
async def test_something_is_written_in_every_case(service: Running, path: str) -> None:
    """A commit that writes takes longer than one that doesn't; so each of them does."""
    async with browser_of(service), service.client() as browser:
        for email in (NOBODY, ADA["email"], ADA["email"]):
            (before,) = await sql(service, "select count(*) from identity.one_time_token")
            await asked(browser, path, email)
            (after,) = await sql(service, "select count(*) from identity.one_time_token")
            assert after["count"] == before["count"] + 1


async def test_what_is_written_for_nobody_is_of_no_use(service: Running) -> None:
    async with browser_of(service) as browser:
        await asked(browser, "forgot-password", NOBODY)
        (row,) = await sql(service, "select * from identity.one_time_token where account_id is null")
        assert row["purpose"] == "reset_password"
        assert not await sql(service, "select from identity.outbox where template = 'reset_password'")


async def test_a_verified_address_is_answered_like_any_other(service: Running) -> None:
    async with browser_of(service) as browser:
        token = {"token": await mailed_token(service, "verify_email")}
        assert (await browser.post("/v1/auth/verify-email", json=token, headers=echo(browser))).status_code == 200
        assert await asked(browser, "resend-verification", ADA["email"]) == await asked(
            browser, "resend-verification", NOBODY
        )


async def test_a_weak_password_is_refused_before_anything_is_looked_up(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browser_of(service), service.client() as browser:
        for email in (NOBODY, ADA["email"]):
            with work_of(monkeypatch) as work:
                answer = await browser.post(
                    "/v1/auth/register", json={"email": email, "password": "1234567890", "full_name": "Ada"}
                )
            assert (answer.json()["code"], work) == ("weak_password", [])
