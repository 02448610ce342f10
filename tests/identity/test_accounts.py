"""The life of an account: its e-mail is verified, its password changed or forgotten, its sessions seen and ended."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher

from tests.clients import ORIGIN, PASSWORD, Running
from tests.identity.people import (
    ADA,
    BOB,
    OTHER,
    a_minute_passes,
    bearer,
    browser_of,
    echo,
    mailed_token,
    mails,
    sign_in,
    sql,
    work_of,
)


async def is_signed_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/v1/auth/me")).status_code == 200


async def can_sign_in(service: Running, password: str) -> bool:
    async with service.client() as browser:
        answer = await browser.post("/v1/auth/login", json={"email": ADA["email"], "password": password})
    return answer.status_code == 200


async def forgot(client: httpx.AsyncClient, email: str = ADA["email"]) -> httpx.Response:
    answer = await client.post("/v1/auth/forgot-password", json={"email": email})
    assert answer.status_code == 202
    return answer


async def test_an_email_is_verified_by_the_mailed_token_once(service: Running) -> None:
    async with browser_of(service) as browser:
        assert (await browser.get("/v1/auth/me")).json()["email_verified"] is False
        token = {"token": await mailed_token(service, "verify_email")}
        verified = await browser.post("/v1/auth/verify-email", json=token, headers=echo(browser))
        assert (verified.status_code, verified.json()["email_verified"]) == (200, True)
        again = await browser.post("/v1/auth/verify-email", json=token, headers=echo(browser))
        assert (again.status_code, again.json()["code"]) == (422, "invalid_token")


async def test_a_verification_needs_its_own_account_signed_in(service: Running) -> None:
    """Who registers with somebody else's address gets it verified neither by its owner nor by himself."""
    async with browser_of(service) as ada, browser_of(service, BOB) as bob, service.client() as stranger:
        token = {"token": await mailed_token(service, "verify_email", BOB["email"])}
        assert (await stranger.post("/v1/auth/verify-email", json=token)).status_code == 401
        answer = await ada.post("/v1/auth/verify-email", json=token, headers=echo(ada))
        assert answer.json()["code"] == "invalid_token"
        answer = await bob.post("/v1/auth/verify-email", json=token, headers=echo(bob))
        assert answer.status_code == 200


@pytest.mark.parametrize("purpose", ["verify_email", "reset_password"])
async def test_a_token_that_has_ended_or_is_for_something_else_is_refused(service: Running, purpose: str) -> None:
    async with browser_of(service) as browser:
        await forgot(browser)
        tokens = {kind: await mailed_token(service, kind) for kind in ("verify_email", "reset_password")}

        async def use(token: str) -> Any:
            if purpose == "verify_email":
                return await browser.post("/v1/auth/verify-email", json={"token": token}, headers=echo(browser))
            return await browser.post("/v1/auth/reset-password", json={"token": token, "password": OTHER})

        other = next(token for kind, token in tokens.items() if kind != purpose)
        for token in (other, "x", "\N{SNOWMAN}", "x" * 200):
            assert (await use(token)).json()["code"] == "invalid_token", token
        await sql(service, "update identity.one_time_token set expires_at = clock_timestamp()")
        assert (await use(tokens[purpose])).json()["code"] == "invalid_token"
        assert await can_sign_in(service, PASSWORD)


async def test_verification_is_mailed_again_until_it_is_done_and_once_a_minute(service: Running) -> None:
    async with browser_of(service) as browser:
        for _ in range(2):
            await browser.post("/v1/auth/resend-verification", json={"email": ADA["email"]})
        assert [template for template, _ in await mails(service)] == ["verify_email"]
        await a_minute_passes(service)
        for _ in range(2):
            await browser.post("/v1/auth/resend-verification", json={"email": ADA["email"]})
        assert [template for template, _ in await mails(service)] == ["verify_email"] * 2
        token = {"token": await mailed_token(service, "verify_email")}
        assert (await browser.post("/v1/auth/verify-email", json=token, headers=echo(browser))).status_code == 200
        await a_minute_passes(service)
        await browser.post("/v1/auth/resend-verification", json={"email": ADA["email"]})
        assert len(await mails(service)) == 2


async def test_registering_again_mails_the_owner(service: Running) -> None:
    async with service.client() as browser:
        for _ in range(2):
            await browser.post("/v1/auth/register", json={**ADA, "language": "pt-BR"})
    assert [template for template, _ in await mails(service)] == ["verify_email", "already_registered"]
    assert {row["language"] for row in await sql(service, "select language from identity.outbox")} == {"pt-BR"}


async def test_a_forgotten_password_is_reset_once_and_ends_all_sessions(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as other:
        await sign_in(other)
        await forgot(other)
        reset = {"token": await mailed_token(service, "reset_password"), "password": OTHER}
        assert (await other.post("/v1/auth/reset-password", json=reset)).status_code == 204
        assert not await is_signed_in(browser)
        assert not await is_signed_in(other)
        assert (await browser.post("/v1/auth/refresh", headers=echo(browser))).status_code == 401
        assert not await can_sign_in(service, PASSWORD)
        again = await other.post("/v1/auth/reset-password", json={**reset, "password": "and yet another one"})
        assert again.json()["code"] == "invalid_token"
        assert (await sign_in(other, password=OTHER))["account"]["email_verified"] is True
    assert "password_changed" in [template for template, _ in await mails(service)]


async def test_a_reset_changes_the_account_that_it_was_mailed_to_and_uses_up_its_others(service: Running) -> None:
    async with browser_of(service) as ada, browser_of(service, BOB) as bob:
        await forgot(ada)
        await a_minute_passes(service)
        await forgot(ada)
        first, second = [token for kind, token in await mails(service) if kind == "reset_password"]
        for body in ({"token": second, "password": OTHER, "email": BOB["email"]},):
            assert (await bob.post("/v1/auth/reset-password", json=body)).status_code == 422
        assert (await bob.post("/v1/auth/reset-password", json={"token": second, "password": OTHER})).status_code == 204
        assert await can_sign_in(service, OTHER)
        async with service.client() as other:
            await sign_in(other, BOB["email"])  # Bob's own is as it was
        assert (await ada.post("/v1/auth/reset-password", json={"token": first, "password": OTHER})).json()["code"] == (
            "invalid_token"
        )


async def test_a_refused_password_does_not_use_the_token_up(service: Running) -> None:
    async with browser_of(service) as browser:
        await forgot(browser)
        token = await mailed_token(service, "reset_password")
        for weak in ("ada@example.org1", "1234567890"):
            answer = await browser.post("/v1/auth/reset-password", json={"token": token, "password": weak})
            assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
            assert [error["pointer"] for error in answer.json()["errors"]] == ["/password"]
        answer = await browser.post("/v1/auth/reset-password", json={"token": token, "password": OTHER})
        assert answer.status_code == 204


async def test_guessed_reset_tokens_cost_no_hash(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service.client() as browser:
        with work_of(monkeypatch) as work:
            await browser.post("/v1/auth/reset-password", json={"token": "guessed", "password": OTHER})
    assert "hash" not in work
    assert len(work) == 1


async def test_changing_the_password_needs_the_present_one_and_ends_the_other_sessions(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as other:
        await sign_in(other)
        await forgot(browser)
        reset = await mailed_token(service, "reset_password")
        change = {"current_password": "not the right one", "new_password": OTHER}
        wrong = await browser.post("/v1/auth/change-password", json=change, headers=echo(browser))
        assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
        change["current_password"] = PASSWORD
        without = await browser.post("/v1/auth/change-password", json=change)
        assert (without.status_code, without.json()["code"]) == (403, "csrf")
        weak = await browser.post(
            "/v1/auth/change-password", json={**change, "new_password": "lovelace1815"}, headers=echo(browser)
        )
        assert [error["pointer"] for error in weak.json()["errors"]] == ["/new_password"]
        assert await is_signed_in(other)
        changed = await browser.post("/v1/auth/change-password", json=change, headers=echo(browser))
        assert changed.status_code == 204
        assert await is_signed_in(browser)
        assert not await is_signed_in(other)
        assert (await other.post("/v1/auth/refresh", headers=echo(other))).status_code == 401
        late = await other.post("/v1/auth/reset-password", json={"token": reset, "password": "thief was here"})
        assert late.json()["code"] == "invalid_token"
    assert await can_sign_in(service, OTHER)
    assert not await can_sign_in(service, PASSWORD)


async def test_sessions_are_listed_and_one_of_them_ended(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as other, browser_of(service, BOB) as bob:
        await sign_in(other)
        sessions = (await browser.get("/v1/auth/sessions")).json()["items"]
        assert sorted(session["current"] for session in sessions) == [False, True]
        assert set(sessions[0]) == {"session_id", "current", "created_at", "last_used_at", "expires_at"}
        theirs = next(session["session_id"] for session in sessions if not session["current"])
        for stranger, session_id in ((bob, theirs), (browser, uuid4())):
            answer = await stranger.delete(f"/v1/auth/sessions/{session_id}", headers=echo(stranger))
            assert answer.status_code == 404
        assert await is_signed_in(other)
        assert (await browser.delete(f"/v1/auth/sessions/{theirs}")).json()["code"] == "csrf"
        ended = await browser.delete(f"/v1/auth/sessions/{theirs}", headers=echo(browser))
        assert ended.status_code == 204
        assert not await is_signed_in(other)
        assert await is_signed_in(browser)
        assert (await browser.delete(f"/v1/auth/sessions/{theirs}", headers=echo(browser))).status_code == 404


async def test_signing_out_everywhere_ends_every_session_and_every_token(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as program:
        token = (await sign_in(program))["access_token"]
        assert (await browser.post("/v1/auth/logout-everywhere", headers=echo(browser))).status_code == 204
        assert not browser.cookies
        program.cookies.clear()
        assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 401


async def test_a_session_is_never_the_one_that_a_browser_came_with(service: Running) -> None:
    async with browser_of(service) as browser:
        before = httpx.Cookies(browser.cookies)
        await sign_in(browser)
        assert all(browser.cookies[name] != value for name, value in before.items())
        async with service.client(cookies=before) as planted:
            assert not await is_signed_in(planted)
            answer = await planted.post("/v1/auth/refresh", headers={"X-CSRF-Token": before["staysync_csrf"]})
            assert answer.status_code == 401
    async with service.client() as victim:
        victim.cookies.set("staysync_csrf", "known to the attacker", domain="testserver.local", path="/")
        await sign_in(victim)
        assert echo(victim) != {"X-CSRF-Token": "known to the attacker"}


async def test_a_hash_with_old_parameters_is_made_anew_at_the_next_sign_in(service: Running) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    async with browser_of(service) as browser:
        await sql(service, "update identity.account set password_hash = $1", weak)
        await sign_in(browser)
        (row,) = await sql(service, "select password_hash from identity.account")
        assert not PasswordHasher().check_needs_rehash(row["password_hash"])
        await sign_in(browser)


async def test_another_sites_origin_is_refused_wherever_no_cookie_is_needed(service: Running) -> None:
    async with service.client(headers={"Origin": "https://evil.example"}) as browser:
        for path, body in (
            ("forgot-password", {"email": ADA["email"]}),
            ("resend-verification", {"email": ADA["email"]}),
            ("reset-password", {"token": "x", "password": OTHER}),
        ):
            answer = await browser.post(f"/v1/auth/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), path
    async with service.client(headers={"Origin": ORIGIN}) as browser:
        await forgot(browser)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("register", {**ADA, "language": "English"}),
        ("register", {**ADA, "account_id": str(uuid4())}),
        ("register", {**ADA, "email_verified": True}),
        ("verify-email", {"token": "x" * 201}),
        ("verify-email", {"token": "x", "email": ADA["email"]}),
        ("reset-password", {"token": "", "password": OTHER}),
        ("reset-password", {"token": "x", "password": "x" * 257}),
        ("change-password", {"current_password": "", "new_password": OTHER}),
        ("change-password", {"current_password": "x", "new_password": OTHER, "account_id": str(uuid4())}),
        ("forgot-password", {"email": "a\r\nbcc:b@example.org"}),
        ("forgot-password", []),
    ],
)
async def test_bodies_are_strict(service: Running, path: str, body: object) -> None:
    async with service.client() as browser:
        answer = await browser.post(f"/v1/auth/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
