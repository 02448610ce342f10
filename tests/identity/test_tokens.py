"""Access tokens know keys that change, sessions that end and roles that are taken away, without asking the database."""

import shutil
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from typer.testing import CliRunner

from identity import revocations
from identity.revocations import Revocations
from identity.side import IdentitySide
from identity.tokens import AccessTokens, SigningKey, still_needed
from staysync.admin import add_staff
from staysync.cli import app as command_line
from staysync.secrets import load_secrets, rotate_signing_key
from staysync.settings import Settings
from tests.clients import PASSWORD, Running, open_hotel, project, running, stay, verify_email
from tests.identity.people import ADA, bearer, browser_of, cookie, echo, sign_in, sql, work_of


@pytest.fixture
async def own(settings: Settings, tmp_path: Path) -> AsyncIterator[Running]:
    """The service with a secrets directory of the test's own."""
    shutil.copytree(settings.secrets_dir, tmp_path / "secrets")
    async with running(settings.model_copy(update={"secrets_dir": tmp_path / "secrets"})) as service:
        yield service


def side_of(service: Running) -> IdentitySide:
    side: IdentitySide = service.app.state.identity
    return side


def later(tokens: AccessTokens, seconds: float) -> None:
    """As if the keys had been read so long ago."""
    tokens._read_at -= seconds


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def published(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    return [key["kid"] for key in answer.json()["keys"]]


# ---------------------------------------------------------------- keys


async def test_anybody_can_check_a_token_with_the_published_keys(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as anybody:
        token = browser.cookies["staysync_access"]
        keys = (await anybody.get("/.well-known/jwks.json")).json()["keys"]
        assert all("d" not in key for key in keys)
        key = PyJWK(next(key for key in keys if key["kid"] == kid_of(token)))
        assert jwt.decode(token, key, algorithms=["EdDSA"], audience="staysync-api")["iss"] == "staysync"


async def test_a_new_key_signs_without_restart_and_signs_nobody_out(own: Running) -> None:
    tokens = side_of(own).tokens
    async with browser_of(own) as browser, own.client() as program:
        old = browser.cookies["staysync_access"]
        rotate_signing_key(own.settings.secrets_dir, datetime.now(UTC) - timedelta(seconds=61))
        later(tokens, 15)
        assert (await browser.post("/v1/auth/refresh", headers=echo(browser))).status_code == 200
        new = browser.cookies["staysync_access"]
        assert kid_of(new) != kid_of(old)
        for token in (old, new):
            assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 200
        assert set(await published(program)) == {kid_of(old), kid_of(new)}


async def test_a_new_key_is_announced_before_it_signs(own: Running) -> None:
    async with browser_of(own) as browser:
        old = kid_of(browser.cookies["staysync_access"])
        answer = CliRunner().invoke(
            command_line, ["rotate-signing-key"], env={"STAYSYNC_SECRETS_DIR": str(own.settings.secrets_dir)}
        )
        assert answer.exit_code == 0, answer.output
        later(side_of(own).tokens, 15)
        assert len(await published(browser)) == 2
        assert (await browser.post("/v1/auth/refresh", headers=echo(browser))).status_code == 200
        assert kid_of(browser.cookies["staysync_access"]) == old


async def test_a_token_of_a_key_that_is_not_known_yet_has_it_read_at_most_every_five_seconds(own: Running) -> None:
    tokens, directory = side_of(own).tokens, own.settings.secrets_dir
    async with browser_of(own) as browser, own.client() as program:
        payload = jwt.decode(browser.cookies["staysync_access"], options={"verify_signature": False})
        later(tokens, -5)  # read this very moment
        rotate_signing_key(directory, datetime.now(UTC) - timedelta(seconds=61))
        key = load_secrets(directory).signing_keys()[-1]
        token = jwt.encode(payload, key.private_key, algorithm="EdDSA", headers={"kid": key.kid})
        for _ in range(3):
            assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 401
        later(tokens, 11)
        assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 200


async def test_a_leaked_key_is_dropped_and_browsers_refresh(own: Running) -> None:
    tokens, directory = side_of(own).tokens, own.settings.secrets_dir
    leaked = load_secrets(directory).signing_keys()[0]
    async with browser_of(own) as browser, own.client() as thief:
        payload = jwt.decode(browser.cookies["staysync_access"], options={"verify_signature": False})
        rotate_signing_key(directory, datetime.now(UTC), leaked=True)
        assert [key.kid for key in load_secrets(directory).signing_keys()] != [leaked.kid]
        later(tokens, 15)
        forged = jwt.encode(payload | {"adm": True}, leaked.private_key, algorithm="EdDSA", headers={"kid": leaked.kid})
        assert (await thief.get("/v1/auth/me", headers=bearer(forged))).status_code == 401
        assert (await browser.post("/v1/auth/refresh", headers=echo(browser))).status_code == 200
        assert (await browser.get("/v1/auth/me")).status_code == 200


def test_an_old_key_verifies_until_its_last_token_is_over() -> None:
    now = datetime.now(UTC)
    made = [
        SigningKey(kid=kid, private_key=Ed25519PrivateKey.generate(), signs_from=now - timedelta(minutes=ago))
        for kid, ago in (("first", 60), ("second", 12), ("third", 10), ("next", -1))
    ]
    assert [key.kid for key in still_needed(made, now)] == ["second", "third", "next"]


def test_a_directory_that_cannot_be_read_for_a_moment_signs_nobody_out() -> None:
    key = SigningKey(kid="k", private_key=Ed25519PrivateKey.generate(), signs_from=datetime.now(UTC))
    keys: list[SigningKey] | None = [key]

    def read() -> list[SigningKey]:
        if keys is None:
            raise PermissionError(13, "closed")
        return keys

    tokens = AccessTokens(read)
    keys = None
    later(tokens, 15)
    assert [key["kid"] for key in tokens.public_keys()] == ["k"]
    with pytest.raises(PermissionError, match="closed"):
        AccessTokens(read)


# ---------------------------------------------------------------- sessions that ended


async def test_reading_with_a_token_asks_no_database(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        await project(service.settings)
        async with service.staff(hotel_id) as desk:
            with work_of(monkeypatch) as work:
                assert (await desk.get(f"/v1/hotels/{hotel_id}/bookings")).status_code == 200
            assert work == []


async def test_booking_asks_no_database_of_accounts_and_a_members_write_asks_once(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service.administrator() as administrator, browser_of(service) as guest, service.client() as anybody:
        hotel_id = await open_hotel(administrator)
        bookings = f"/v1/hotels/{hotel_id}/bookings"
        with work_of(monkeypatch) as work:
            made = await anybody.post(bookings, json=stay())
            assert made.status_code == 201
            assert (await guest.post(bookings, json=stay(), headers=echo(guest))).status_code == 201
        assert work == []
        async with service.staff(hotel_id) as desk:
            with work_of(monkeypatch) as work:
                await desk.post(f"{bookings}/{made.json()['booking_id']}/cancel", json={})
            assert len(work) == 1


async def test_a_session_that_ended_elsewhere_is_refused_after_the_next_look(service: Running) -> None:
    async with browser_of(service) as browser, service.client() as program:
        token = browser.cookies["staysync_access"]
        assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 200
        await sql(service, "update identity.session set ended_at = clock_timestamp(), ended_by = 'revoked'")
        assert await side_of(service).revocations.refresh()
        assert (await program.get("/v1/auth/me", headers=bearer(token))).status_code == 401
        assert (await browser.get("/v1/auth/me")).status_code == 401


async def test_a_session_that_ended_elsewhere_writes_nothing_from_that_moment_on(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        async with service.staff(hotel_id, "manager") as manager:
            await sql(service, "update identity.session set ended_at = clock_timestamp(), ended_by = 'revoked'")
            prices = f"/v1/hotels/{hotel_id}/room-types/DBL/rooms"
            assert (await manager.post(prices, json={"rooms": ["999"]})).status_code == 401


def test_the_promised_minute_holds() -> None:
    # The look may itself be this old when it is relied on; nothing older is.
    assert revocations.STALE_AFTER_S < 60
    assert revocations.REFRESH_EVERY_S <= 30


async def test_tokens_stop_working_when_nothing_was_heard_for_too_long(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browser_of(service) as browser, service.client() as anybody:
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + revocations.STALE_AFTER_S + 1)
        answer = await browser.get("/v1/auth/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await anybody.get("/v1/hotels")).status_code == 200
        monkeypatch.undo()
        assert (await browser.get("/v1/auth/me")).status_code == 200


async def test_with_more_endings_than_are_kept_everybody_refreshes_and_nobody_gets_in(service: Running) -> None:
    side = side_of(service)
    few = Revocations(side.pool, most=2)
    async with browser_of(service) as browser:
        claims = side.tokens.check(browser.cookies["staysync_access"])
        await few.refresh()
        few.refuse(claims)
        few.sessions_ended([uuid4() for _ in range(3)])
        await few.refresh()
        with pytest.raises(Exception, match="refresh it"):
            few.refuse(claims)
        time.sleep(1.0)  # noqa: ASYNC251 - tokens tell the time in whole seconds
        assert (await browser.post("/v1/auth/refresh", headers=echo(browser))).status_code == 200
        few.refuse(side.tokens.check(browser.cookies["staysync_access"]))


# ---------------------------------------------------------------- roles that changed


async def test_a_role_that_is_taken_away_ends_at_once_for_writes_and_soon_for_reads(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        async with service.staff(hotel_id, "manager") as manager:
            types = f"/v1/hotels/{hotel_id}/room-types"
            assert (await manager.post(f"{types}/DBL/rooms", json={"rooms": ["901"]})).status_code == 200
            # By another process, of which this one has heard nothing yet.
            await add_staff(
                service.settings,
                email=f"manager.{hotel_id}@example.org",
                password=PASSWORD,
                full_name="At the Desk",
                hotel_id=hotel_id,
                role="auditor",
            )
            refused = await manager.post(f"{types}/DBL/rooms", json={"rooms": ["902"]})
            assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
            assert await side_of(service).revocations.refresh()
            outdated = await manager.get(f"/v1/hotels/{hotel_id}/bookings")
            assert (outdated.status_code, "refresh" in outdated.json()["detail"]) == (401, True)


async def test_a_role_that_is_given_counts_at_once_for_writes(service: Running) -> None:
    async with service.administrator() as administrator, browser_of(service) as ada:
        hotel_id = await open_hotel(administrator)
        rooms = f"/v1/hotels/{hotel_id}/room-types/DBL/rooms"
        assert (await ada.post(rooms, json={"rooms": ["901"]}, headers=echo(ada))).status_code == 403
        member = f"/v1/hotels/{hotel_id}/members/{ADA['email']}"
        unverified = await administrator.put(member, json={"role": "manager"})
        assert (unverified.status_code, unverified.json()["code"]) == (409, "email_not_verified")
        await verify_email(service, ADA["email"])
        assert (await administrator.put(member, json={"role": "manager"})).status_code == 200
        # Its old token is refused here at once; a new one has the role.
        assert (await ada.get("/v1/auth/me")).status_code == 401
        assert (await ada.post("/v1/auth/refresh", headers=echo(ada))).status_code == 200
        assert (await ada.post(rooms, json={"rooms": ["901"]}, headers=echo(ada))).status_code == 200


# ---------------------------------------------------------------- cookies behind TLS


@pytest.mark.parametrize("changes", [{"public_origin": "https://book.example"}, {"production": True}])
async def test_behind_tls_cookies_are_secure_and_their_names_say_so(
    settings: Settings, changes: dict[str, object]
) -> None:
    async with running(settings.model_copy(update=changes)) as service, service.client() as browser:
        browser.base_url = httpx.URL("https://book.example")
        await browser.post("/v1/auth/register", json=ADA)
        answer = await browser.post("/v1/auth/login", json={"email": ADA["email"], "password": PASSWORD})
        for name, attributes in (
            ("__Host-staysync_access", ("HttpOnly", "Secure", "Path=/;", "SameSite=Lax")),
            ("__Secure-staysync_refresh", ("HttpOnly", "Secure", "Path=/v1/auth;", "SameSite=Strict")),
            ("__Host-staysync_csrf", ("Secure", "Path=/;", "SameSite=Strict")),
        ):
            value = cookie(answer, name)
            assert all(attribute in value for attribute in attributes), value
            assert "Domain" not in value
        csrf = {"X-CSRF-Token": browser.cookies["__Host-staysync_csrf"]}
        assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 200
        assert (await browser.get("/v1/auth/me")).status_code == 200
        # A cookie without the prefix is one that a page without TLS may have planted.
        token = (await sign_in(browser))["access_token"]
        browser.cookies.clear()
        browser.cookies.set("staysync_access", token)
        assert (await browser.get("/v1/auth/me")).status_code == 401
