"""Stolen, forged and mixed credentials: what tests/identity doesn't try."""

import asyncio
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode

from tests.clients import ORIGIN, Running, open_hotel, stay
from tests.identity.conftest import service as service  # the fixture
from tests.identity.people import ADA, BOB, bearer, browser_of, cookie, echo, mailed_token, sign_in, sql


async def test_the_access_token_of_a_session_that_was_signed_out(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as thief:
        token = browser.cookies["staysync_access"]
        assert (await thief.get("/v1/auth/me", headers=bearer(token))).status_code == 200
        assert (await browser.post("/v1/auth/logout", headers=echo(browser))).status_code == 204
        for headers in (bearer(token), {"Cookie": f"staysync_access={token}"}):
            assert (await thief.get("/v1/auth/me", headers=headers)).status_code == 401
            assert (await thief.post("/v1/auth/logout-everywhere", headers=headers)).status_code == 401


async def test_a_token_that_brings_its_own_key_along(service: Running) -> None:
    async with browser_of(service) as browser:
        token = browser.cookies["staysync_access"]
    payload, header = jwt.decode(token, options={"verify_signature": False}), jwt.get_unverified_header(token)
    own = Ed25519PrivateKey.generate()
    x = base64url_encode(own.public_key().public_bytes_raw()).decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": header["kid"]}
    async with service.client() as thief:
        for extra in (
            {"jwk": jwk},
            {"jku": "https://evil.example/jwks.json"},
            {"x5u": "https://evil.example/cert.pem"},
            {"x5c": ["MIIB"]},
            {"crit": ["exp"], "exp": 1},
            {"kid": "../../../../dev/null"},
            {"kid": "' or '1'='1"},
            {"alg": "EdDSA", "typ": "at+jwt", "cty": "JWT"},
        ):
            forged = jwt.encode(payload, own, algorithm="EdDSA", headers={**header, **extra})
            assert (await thief.get("/v1/auth/me", headers=bearer(forged))).status_code == 401, extra
        claims = json.dumps({**payload, "adm": True}).encode()
        edited = ".".join((token.split(".")[0], base64url_encode(claims).decode(), token.split(".")[2]))
        assert (await thief.get("/v1/auth/me", headers=bearer(edited))).status_code == 401


async def test_a_bad_token_beside_a_good_cookie(service: Running) -> None:
    """The header decides. Were the cookie fallen back to, a write would be let in without its CSRF token."""
    async with browser_of(service) as browser:
        for header in ("Bearer x", "Bearer ", "Bearer", "Basic YTpi", "ssk_x", f"Bearer ssk_{'x' * 43}"):
            for method, path in (("GET", "/v1/auth/me"), ("POST", "/v1/auth/logout-everywhere")):
                refused = await browser.request(method, path, headers={**echo(browser), "Authorization": header})
                assert refused.status_code in (401, 403), (header, path)
        assert (await browser.get("/v1/auth/me")).status_code == 200


async def test_one_persons_token_beside_anothers_cookie(service: Running) -> None:
    async with browser_of(service) as ada, browser_of(service, BOB) as bob:
        mixed = await ada.get("/v1/auth/me", headers=bearer(bob.cookies["staysync_access"]))
        assert mixed.json()["email"] == BOB["email"]


async def test_the_csrf_token_anywhere_but_in_its_header(service: Running) -> None:
    async with browser_of(service) as browser:
        token = browser.cookies["staysync_csrf"]
        for options in (
            {"params": {"X-CSRF-Token": token, "csrf": token}},
            {"json": {"csrf_token": token}},
            {"content": f"X-CSRF-Token={token}", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            {"content": "{}", "headers": {"Content-Type": "text/plain"}},  # what another site's form can send
            {"headers": {"X-XSRF-Token": token, "Origin": ORIGIN}},
            {"headers": {"X-CSRF-Token": f"{token}, {token}"}},
        ):
            answer = await browser.post("/v1/auth/logout-everywhere", **options)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), options
        assert (await browser.get("/v1/auth/me")).status_code == 200


async def test_another_method_in_a_header(service: Running) -> None:
    async with browser_of(service) as browser:
        (session,) = (await browser.get("/v1/auth/sessions")).json()["items"]
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            for path in (f"/v1/auth/sessions/{session['session_id']}", "/v1/auth/me"):
                await browser.get(path, headers={name: "DELETE"}, params={"_method": "DELETE"})
        assert (await browser.get("/v1/auth/me")).status_code == 200


async def test_a_session_that_was_prepared_for_the_victim(service: Running) -> None:
    """Fixation: the thief plants his cookies in the victim's browser before the victim signs in."""
    async with browser_of(service, BOB) as thief, browser_of(service) as victim:
        planted = {name: thief.cookies[f"staysync_{name}"] for name in ("access", "refresh", "csrf")}
        for name, value in planted.items():
            victim.cookies.delete(f"staysync_{name}")
            victim.cookies.set(f"staysync_{name}", value, domain="testserver.local", path="/")
        answer = await victim.post("/v1/auth/login", json={"email": ADA["email"], "password": ADA["password"]})
        for name, value in planted.items():
            assert value not in cookie(answer, f"staysync_{name}")
        assert (await thief.get("/v1/auth/me")).status_code == 401  # the planted session ended with the sign-in
        assert (await thief.post("/v1/auth/refresh", headers=echo(thief))).status_code == 401


async def test_another_clients_idempotency_key(service: Running) -> None:
    """The very same request under the very same key, by somebody else, gets a booking of its own, not the answer."""
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator, rooms=9)
    path, key, body = f"/v1/hotels/{hotel_id}/bookings", {"Idempotency-Key": "guessed"}, stay()
    async with browser_of(service) as ada, browser_of(service, BOB) as bob, service.client() as anybody:
        answers = [
            await ada.post(path, json=body, headers=key | echo(ada)),
            await bob.post(path, json=body, headers=key | echo(bob)),
            await anybody.post(path, json=body, headers=key),
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert len({answer.json()["reference"] for answer in answers}) == 3
        assert (await ada.post(path, json=body, headers=key | echo(ada))).content == answers[0].content


# ---------------------------------------------------------------- races


async def test_many_uses_of_one_refresh_token_at_once_make_one_successor(service: Running) -> None:
    async with browser_of(service) as browser:
        old, csrf = browser.cookies["staysync_refresh"], echo(browser)

        async def use() -> tuple[int, str]:
            async with service.client(cookies={"staysync_refresh": old, "staysync_csrf": csrf["X-CSRF-Token"]}) as tab:
                answer = await tab.post("/v1/auth/refresh", headers=csrf)
                return answer.status_code, tab.cookies.get("staysync_refresh", path="/v1/auth") or ""

        found = await asyncio.gather(*(use() for _ in range(12)))
    assert {status for status, _ in found} == {200}
    assert len({token for _, token in found}) == 1
    (row,) = await sql(service, "select count(*) from identity.refresh_token where used_at is null")
    assert row["count"] == 1


@pytest.mark.parametrize("path", ["reset-password", "verify-email"])
async def test_many_uses_of_one_mailed_token_at_once_count_as_one(service: Running, path: str) -> None:
    async with browser_of(service) as browser:
        await browser.post("/v1/auth/forgot-password", json={"email": ADA["email"]})
        template = {"reset-password": "reset_password", "verify-email": "verify_email"}[path]
        body = {"token": await mailed_token(service, template)}
        passwords = [f"a quite long phrase {number}" for number in range(6)]
        bodies = [body | ({"password": one} if path == "reset-password" else {}) for one in passwords]
        statuses = await asyncio.gather(
            *(browser.post(f"/v1/auth/{path}", json=one, headers=echo(browser)) for one in bodies)
        )
        assert sorted(answer.status_code for answer in statuses)[:2] == [204 if "reset" in path else 200, 422]
        if path == "reset-password":
            (right,) = [one for one, a in zip(passwords, statuses, strict=True) if a.status_code == 204]
            await sign_in(browser, password=right)


async def test_a_role_that_is_taken_away_while_its_holder_writes(service: Running) -> None:
    """A write that was let in before may still be done; one that comes after the answer is refused."""
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        async with service.staff(hotel_id, "manager") as manager:
            rooms, member = f"/v1/hotels/{hotel_id}/room-types/DBL/rooms", f"manager.{hotel_id}@example.org"

            async def write(number: int) -> int:
                return (await manager.post(rooms, json={"rooms": [f"{number}"]})).status_code

            async def remove() -> int:
                return (await administrator.delete(f"/v1/hotels/{hotel_id}/members/{member}")).status_code

            *before, removed = await asyncio.gather(*(write(900 + number) for number in range(10)), remove())
            assert removed == 204
            assert set(before) <= {200, 401, 403}
            assert {await write(950 + number) for number in range(5)} <= {401, 403}
    kept = await sql(service, "select count(*) from ledger.event where hotel_id = $1 and type = 'RoomsAdded'", hotel_id)
    assert kept[0]["count"] == before.count(200)
