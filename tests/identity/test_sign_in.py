"""Signing in: who is let in, what the cookies do, and what a stolen token is worth."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity.tokens import AccessTokens, Claims, SigningKey
from staysync.secrets import load_secrets
from tests.clients import ORIGIN, PASSWORD, Running, verify_email
from tests.identity.people import ADA, bearer, browser_of, cookie, echo, mails, sql


async def test_a_guest_registers_signs_in_and_is_known(service: Running) -> None:
    async with browser_of(service) as browser:
        me = (await browser.get("/v1/auth/me")).json()
        assert (me["email"], me["full_name"], me["is_administrator"], me["roles"]) == (
            "ada@example.org",
            "Ada Lovelace",
            False,
            [],
        )


async def test_sign_in_sets_narrow_cookies_and_answers_the_token(service: Running) -> None:
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json=ADA)
        answer = await browser.post("/v1/auth/login", json={"email": " ADA@Example.org ", "password": PASSWORD})
        assert answer.json()["expires_in"] == 600
        access, refresh, csrf = (cookie(answer, f"staysync_{name}") for name in ("access", "refresh", "csrf"))
        assert "HttpOnly" in access
        assert "Path=/;" in access
        assert "HttpOnly" in refresh
        assert "Path=/v1/auth;" in refresh
        assert "HttpOnly" not in csrf
        assert "SameSite=Lax" in access
        assert "SameSite=Strict" in refresh
        assert "SameSite=Strict" in csrf
        assert not any("Secure" in value for value in (access, refresh, csrf))
        assert answer.headers["cache-control"] == "no-store"
    async with service.client(headers=bearer(answer.json()["access_token"])) as program:
        assert (await program.get("/v1/auth/me")).status_code == 200


async def test_registering_a_known_address_answers_the_same_and_changes_nothing(service: Running) -> None:
    async with service.client() as browser:
        first = await browser.post("/v1/auth/register", json=ADA)
        again = await browser.post(
            "/v1/auth/register", json={**ADA, "password": "another long phrase", "full_name": "Eve"}
        )
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert (
            await browser.post("/v1/auth/login", json={"email": ADA["email"], "password": "another long phrase"})
        ).status_code == 401
        assert (
            await browser.post("/v1/auth/login", json={"email": ADA["email"], "password": PASSWORD})
        ).status_code == 200


async def test_a_bad_field_is_named_by_its_pointer(service: Running) -> None:
    cases: list[tuple[str, object]] = [
        ("email", "no address"),
        ("email", "a@b"),
        ("email", "ada\x00@example.org"),
        ("email", "ada\r\nbcc:x@example.org"),
        ("email", "a" * 300 + "@example.org"),
        ("email", "İ" * 60 + "@" + "İ" * 150 + ".org"),  # longer in small letters than the column takes
        ("email", "\u1c89\u0378@example.org"),  # the database may know these letters, or not
        ("password", "short"),
        ("password", "x" * 257),
        ("password", "with a NUL \x00 in it"),
        ("full_name", " "),
        ("full_name", "A\x00da"),
        ("full_name", "x" * 201),
        ("is_administrator", True),
    ]
    async with service.client() as browser:
        for field, value in cases:
            answer = await browser.post("/v1/auth/register", json={**ADA, field: value})
            assert answer.status_code == 422, (field, value)
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"], (field, value)


async def test_a_write_by_cookie_needs_the_csrf_token(service: Running) -> None:
    async with browser_of(service) as browser:
        hotel = f"/v1/hotels/{uuid4()}/members/ada@example.org"
        for headers in ({}, {"X-CSRF-Token": "guessed"}, {"X-CSRF-Token": ""}):
            answer = await browser.put(hotel, json={"role": "manager"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
        answer = await browser.put(hotel, json={"role": "manager"}, headers=echo(browser))
        assert answer.json()["code"] == "not_permitted"  # past the wall, and still not an administrator


async def test_a_csrf_token_of_another_session_is_refused_even_with_its_cookie(service: Running) -> None:
    async with browser_of(service) as browser, browser_of(service) as other:
        browser.cookies.delete("staysync_csrf")
        browser.cookies.set("staysync_csrf", other.cookies["staysync_csrf"])
        answer = await browser.put(
            f"/v1/hotels/{uuid4()}/members/a@b.cd", json={"role": "manager"}, headers=echo(other)
        )
        assert answer.json()["code"] == "csrf"
        assert (await browser.post("/v1/auth/refresh", headers=echo(other))).json()["code"] == "csrf"


async def test_another_sites_origin_is_refused_and_our_own_is_not(service: Running) -> None:
    async with browser_of(service) as browser:
        for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", "http://testserver:81", "http://[x"):
            for path in ("/v1/auth/login", "/v1/auth/register", "/v1/auth/refresh", "/v1/auth/logout"):
                body = {"login": {"email": ADA["email"], "password": PASSWORD}, "register": ADA}.get(path[9:])
                answer = await browser.post(path, json=body, headers={**echo(browser), "Origin": origin})
                assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (origin, path)
        assert (await browser.post("/v1/auth/refresh", headers={**echo(browser), "Origin": ORIGIN})).status_code == 200


async def test_refreshing_rotates_and_a_used_token_ends_the_session(service: Running) -> None:
    async with browser_of(service) as browser:
        stolen = browser.cookies["staysync_refresh"]
        csrf = echo(browser)
        refreshed = await browser.post("/v1/auth/refresh", headers=csrf)
        assert refreshed.status_code == 200
        assert browser.cookies["staysync_refresh"] != stolen
        async with service.client() as thief:
            thief.cookies.set("staysync_refresh", stolen)
            thief.cookies.set("staysync_csrf", csrf["X-CSRF-Token"])
            await sql(service, "update identity.session set rotated_at = rotated_at - interval '11 seconds'")
            assert (await thief.post("/v1/auth/refresh", headers=csrf)).status_code == 401
        # The session is over for both: nobody knows which of the two is the thief.
        answer = await browser.post("/v1/auth/refresh", headers=csrf)
        assert answer.status_code == 401
        assert "Max-Age=0" in cookie(answer, "staysync_refresh")
        # The thief's access token, had he got one, ends too; and it's recorded, and its owner told.
        me = await browser.get("/v1/auth/me", headers=bearer(refreshed.json()["access_token"]))
        assert me.status_code == 401
        assert [row["ended_by"] for row in await sql(service, "select ended_by from identity.session")] == [
            "token_reused"
        ]
        assert "session_stolen" in [template for template, _ in await mails(service)]


async def test_two_tabs_that_refresh_at_once_stay_signed_in_with_the_same_token(service: Running) -> None:
    async with browser_of(service) as browser:
        csrf = echo(browser)
        async with service.client(cookies=browser.cookies) as tab:
            first, second = await asyncio.gather(
                browser.post("/v1/auth/refresh", headers=csrf), tab.post("/v1/auth/refresh", headers=csrf)
            )
            assert (first.status_code, second.status_code) == (200, 200)
            assert browser.cookies["staysync_refresh"] == tab.cookies["staysync_refresh"]
            assert (await tab.post("/v1/auth/refresh", headers=csrf)).status_code == 200


async def test_the_grace_of_two_tabs_needs_the_csrf_token(service: Running) -> None:
    async with browser_of(service) as browser:
        old, csrf = browser.cookies["staysync_refresh"], echo(browser)
        assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 200
        async with service.client(cookies={"staysync_refresh": old, "staysync_csrf": "guessed"}) as thief:
            answer = await thief.post("/v1/auth/refresh", headers={"X-CSRF-Token": "guessed"})
            assert answer.json()["code"] == "csrf"
        assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 200


async def test_the_grace_of_two_tabs_ends_when_the_successor_is_used(service: Running) -> None:
    async with browser_of(service) as browser:
        old, csrf = browser.cookies["staysync_refresh"], echo(browser)
        for _ in range(2):  # the second swap uses the successor
            assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 200
        async with service.client(cookies={"staysync_refresh": old, "staysync_csrf": csrf["X-CSRF-Token"]}) as thief:
            assert (await thief.post("/v1/auth/refresh", headers=csrf)).status_code == 401
        assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 401


async def test_signing_out_ends_the_session_and_drops_the_cookies(service: Running) -> None:
    async with browser_of(service) as browser:
        refresh, csrf = browser.cookies["staysync_refresh"], echo(browser)
        assert (await browser.post("/v1/auth/logout", headers=csrf)).status_code == 204
        assert not browser.cookies
        browser.cookies.set("staysync_refresh", refresh)
        browser.cookies.set("staysync_csrf", csrf["X-CSRF-Token"])
        assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 401
        async with service.client() as stranger:
            assert (await stranger.post("/v1/auth/logout")).status_code == 204


async def test_a_stale_cookie_is_refused_and_dropped(service: Running) -> None:
    async with service.client() as browser:
        browser.cookies.set("staysync_access", "of.another.installation")
        answer = await browser.get("/v1/auth/me")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "Max-Age=0" in cookie(answer, "staysync_access")


def forged(payload: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**payload, **changes}.items() if value is not None}


async def test_a_token_with_a_wrong_or_missing_claim_is_refused(service: Running) -> None:
    changes: list[dict[str, Any]] = [
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 600},
        {"aud": "another"},
        {"iss": "another"},
        *(
            {claim: None}
            for claim in ("iss", "aud", "exp", "nbf", "iat", "jti", "sub", "sid", "roles", "adm", "rv", "csrf")
        ),
        {"sub": "not a uuid"},
        {"roles": ["manager"]},
    ]
    key = load_secrets(service.settings.secrets_dir).signing_keys()[-1]
    async with browser_of(service) as browser:
        token = browser.cookies["staysync_access"]
    payload = jwt.decode(token, options={"verify_signature": False})
    headers = {"kid": key.kid}
    async with service.client() as program:
        whole = jwt.encode(payload, key.private_key, algorithm="EdDSA", headers=headers)
        assert (await program.get("/v1/auth/me", headers=bearer(whole))).status_code == 200
        for change in changes:
            broken = jwt.encode(forged(payload, change), key.private_key, algorithm="EdDSA", headers=headers)
            assert (await program.get("/v1/auth/me", headers=bearer(broken))).status_code == 401, change


async def test_a_token_of_another_key_or_algorithm_is_refused(service: Running) -> None:
    key = load_secrets(service.settings.secrets_dir).signing_keys()[-1]
    async with browser_of(service) as browser:
        token = browser.cookies["staysync_access"]
    payload = jwt.decode(token, options={"verify_signature": False})
    kid = {"kid": key.kid}
    other = Ed25519PrivateKey.generate()
    public = key.private_key.public_key().public_bytes_raw() * 2  # long enough for PyJWT to take it as an HMAC key
    forgeries = [
        jwt.encode(payload, "", algorithm="none", headers=kid),
        jwt.encode(payload, public, algorithm="HS256", headers=kid),
        jwt.encode(payload, other, algorithm="EdDSA", headers=kid),
        jwt.encode(payload, other, algorithm="EdDSA", headers={"kid": "unknown"}),
        jwt.encode(payload, other, algorithm="EdDSA"),
        token[:-4] + "AAAA",
        token.rpartition(".")[0] + ".",
        "",
        "x",
        "é",
    ]
    async with service.client() as program:
        for forgery in forgeries:
            headers = [(b"authorization", b"Bearer " + forgery.encode())]
            assert (await program.get("/v1/auth/me", headers=headers)).status_code == 401, forgery
        for header in ("Basic YTpi", "Bearer", token):
            assert (await program.get("/v1/auth/me", headers={"Authorization": header})).status_code == 401


def test_a_token_says_what_it_was_given() -> None:
    now = datetime.now(UTC)
    key = SigningKey(kid="k", private_key=Ed25519PrivateKey.generate(), signs_from=now)
    tokens = AccessTokens(lambda: [key])
    claims = Claims(
        account_id=uuid4(),
        session_id=uuid4(),
        is_administrator=False,
        roles={uuid4(): "auditor"},
        roles_version=3,
        csrf="00",
    )
    assert tokens.check(tokens.issue(claims, uuid4(), now)) == claims
    payload = jwt.decode(tokens.issue(claims, uuid4(), now), options={"verify_signature": False})
    assert payload["exp"] - payload["iat"] == timedelta(minutes=10).total_seconds()


async def test_an_administrator_gives_roles_that_the_next_sign_in_has(service: Running) -> None:
    hotel_id = uuid4()
    async with browser_of(service) as ada, service.administrator() as administrator:
        path = f"/v1/hotels/{hotel_id}/members/ADA@example.org"
        assert (await administrator.put(path, json={"role": "owner of it all"})).status_code == 422
        await verify_email(service, ADA["email"])
        assert (await administrator.put(path, json={"role": "auditor"})).status_code == 200
        answer = await ada.post("/v1/auth/refresh", headers=echo(ada))
        assert answer.json()["account"]["roles"] == [{"hotel_id": str(hotel_id), "role": "auditor"}]
        missing = await administrator.put(f"/v1/hotels/{hotel_id}/members/nobody@example.org", json={"role": "auditor"})
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_account")


async def test_passwords_and_tokens_are_kept_as_hashes_only(service: Running) -> None:
    async with browser_of(service) as browser:
        secrets = (PASSWORD, browser.cookies["staysync_refresh"], browser.cookies["staysync_csrf"])
    connection = await asyncpg.connect(service.settings.role_url("identity"))
    try:
        kept = "".join(
            [
                str(await connection.fetch(f"select * from identity.{table}"))  # noqa: S608 - names from this line
                for table in ("account", "session", "refresh_token", "one_time_token", "outbox")
            ]
        )
    finally:
        await connection.close()
    assert "$argon2id$" in kept
    assert not any(secret in kept for secret in secrets)


async def test_no_other_role_reads_accounts(service: Running) -> None:
    for role in ("command", "query", "projector"):
        connection = await asyncpg.connect(service.settings.role_url(role))
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("select * from identity.account")
        finally:
            await connection.close()
