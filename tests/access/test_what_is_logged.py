"""What the access log says of a request, and of which requests it says nothing."""

import json
from uuid import UUID

import httpx
import pytest

from identity.limits import Limits, Rate
from staysync.access import PERSONAL_READS
from staysync.app import create_app
from staysync.openapi import document
from staysync.settings import Settings
from tests.access.conftest import Entries
from tests.clients import ORIGIN, PASSWORD, Running, open_hotel, project, running, stay, verify_email


async def test_sign_ins_failed_ones_and_sign_outs(service: Running, entries: Entries) -> None:
    async with service.administrator("admin@example.org") as program:
        account_id = UUID((await program.get("/v1/auth/me")).json()["account_id"])
        async with service.client() as client:
            for email in ("admin@example.org", "nobody@example.org"):
                await client.post("/v1/auth/login", json={"email": email, "password": "not the pass phrase"})
        assert (await program.post("/v1/auth/logout")).status_code == 204
    found = [(entry["event"], entry["account_id"], entry["status"], entry["code"]) for entry in await entries()]
    assert found == [
        ("sign_in", account_id, 200, None),
        ("sign_in_failed", account_id, 401, "wrong_credentials"),
        ("sign_in_failed", None, 401, "wrong_credentials"),
        ("sign_out", account_id, 204, None),
    ]


async def test_a_refresh_token_used_twice(service: Running, entries: Entries) -> None:
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json={"email": "a@example.org", "password": PASSWORD, "full_name": "A"})
        await browser.post("/v1/auth/login", json={"email": "a@example.org", "password": PASSWORD})
        csrf = {"X-CSRF-Token": browser.cookies["staysync_csrf"]}
        stolen = browser.cookies["staysync_refresh"]
        for _ in range(2):  # the second of them is beyond any grace for two tabs, which asks for the first token
            assert (await browser.post("/v1/auth/refresh", headers=csrf)).status_code == 200
        async with service.client(cookies={"staysync_refresh": stolen, "staysync_csrf": csrf["X-CSRF-Token"]}) as thief:
            assert (await thief.post("/v1/auth/refresh", headers=csrf)).status_code == 401
    last = (await entries())[-1]
    assert (last["event"], last["status"]) == ("token_reused", 401)
    assert last["account_id"] is not None


async def test_a_change_of_roles_says_whose_and_by_whom(service: Running, entries: Entries) -> None:
    async with service.administrator() as administrator, service.client() as browser:
        hotel = await open_hotel(administrator)
        await browser.post("/v1/auth/register", json={"email": "a@example.org", "password": PASSWORD, "full_name": "A"})
        signed_in = await browser.post("/v1/auth/login", json={"email": "a@example.org", "password": PASSWORD})
        await verify_email(service, "a@example.org")
        path = f"/v1/hotels/{hotel}/members/a@example.org"
        assert (await administrator.put(path, json={"role": "manager"})).status_code == 200
        own = (await administrator.get("/v1/auth/me")).json()["account_id"]
    last = (await entries())[-1]
    assert (last["event"], last["hotel_id"]) == ("role_changed", hotel)
    assert str(last["account_id"]) == last["actor"] == own
    assert str(last["subject_id"]) == signed_in.json()["account"]["account_id"]
    assert last["route"] == "/v1/hotels/{hotel_id}/members/{email}"


async def test_changes_of_passwords_sessions_and_keys(service: Running, entries: Entries) -> None:
    async with service.administrator() as administrator:
        hotel = await open_hotel(administrator)
    async with service.staff(hotel, "manager") as manager:
        body = {"name": "Channel", "scopes": ["book"], "hotel_ids": [str(hotel)], "role": "front_desk"}
        made = (await manager.post("/v1/api-keys", json=body)).json()
        async with service.client(headers={"Authorization": f"Bearer {made['key']}"}) as program:
            prices = {"from": "2030-01-01", "to": "2030-01-02", "price": "90.00"}
            refused = await program.put(f"/v1/hotels/{hotel}/room-types/DBL/prices", json=prices)
            assert refused.status_code == 403
            assert (await program.post(f"/v1/hotels/{hotel}/bookings", json=stay())).status_code == 201
        assert (await manager.delete(f"/v1/api-keys/{made['api_key']['key_id']}")).status_code == 204
        change = {"current_password": PASSWORD, "new_password": "quite another phrase"}
        assert (await manager.post("/v1/auth/change-password", json=change)).status_code == 204
        own = (await manager.get("/v1/auth/me")).json()["account_id"]
        session = (await manager.get("/v1/auth/sessions")).json()["items"][0]["session_id"]
        assert (await manager.delete(f"/v1/auth/sessions/{session}")).status_code == 204
    actor = f"key:{made['api_key']['key_id']}"
    assert [(entry["event"], entry["actor"]) for entry in await entries()][-6:] == [
        ("key_made", own),
        ("refused", actor),
        ("write", actor),
        ("key_revoked", own),
        ("password_changed", own),
        ("session_ended", own),
    ]


async def test_refusals_with_whoever_was_refused(service: Running, entries: Entries) -> None:
    async with service.administrator() as administrator:
        hotel = await open_hotel(administrator)
    other = UUID(int=hotel.int ^ 1)
    async with service.client() as nobody, service.staff(hotel) as desk:
        await nobody.get(f"/v1/hotels/{hotel}/bookings")
        await desk.get(f"/v1/hotels/{other}/bookings")
        await nobody.get("/v1/hotels", headers={"Authorization": "Bearer nonsense"})  # open to all: nobody is asked
        await nobody.get("/v1/auth/me", headers={"Authorization": "Bearer nonsense"})
        service.app.state.limits = Limits({"lookups_per_address": Rate(1, 60_000)}, key=b"k", redis=None)
        for _ in range(3):
            await nobody.post("/v1/bookings/lookup", json={"reference": "GRAN-2345ABCD", "email": "a@example.org"})
    refused = [entry for entry in await entries() if entry["event"] == "refused"]
    assert [(entry["status"], entry["hotel_id"], entry["account_id"] is None) for entry in refused][:3] == [
        (401, hotel, True),
        (403, other, False),
        (401, None, True),
    ]
    assert refused[-1]["code"] == "too_many_requests"


async def test_every_write_with_the_id_that_the_ledger_has_too(service: Running, entries: Entries) -> None:
    async with service.administrator() as administrator:
        hotel = await open_hotel(administrator)
        path = f"/v1/hotels/{hotel}/bookings"
        booked = await administrator.post(
            path, json=stay(), headers={"X-Request-Id": "desk-0001", "User-Agent": "Desk/1.0 " + "x" * 500}
        )
        booking = booked.json()["booking_id"]
        await administrator.post(f"{path}/{booking}/check-in", json={})
    async with service.client() as stranger:
        await stranger.post(path, json={**stay(), "arrival": "yesterday"}, headers={"User-Agent": "odd\x01\x7fagent"})
    booked_entry, refused_by_rule, malformed = (await entries())[-3:]
    assert booked_entry["event"] == "write"
    assert booked_entry["request_id"] == "desk-0001"
    assert booked_entry["address"] == "127.0.0.1"
    assert booked_entry["agent"] == ("Desk/1.0 " + "x" * 500)[:120]
    assert (booked_entry["method"], booked_entry["route"]) == ("POST", "/v1/hotels/{hotel_id}/bookings")
    assert (booked_entry["status"], booked_entry["hotel_id"]) == (201, hotel)
    assert str(refused_by_rule["booking_id"]) == booking
    assert (refused_by_rule["status"], refused_by_rule["code"]) in [(409, "too_early"), (409, "room_needed")]
    assert (malformed["status"], malformed["code"]) == (422, "invalid_request")
    assert (malformed["actor"], malformed["account_id"], malformed["agent"]) == ("anonymous", None, "oddagent")


async def test_reads_of_guests_data_are_logged_and_other_reads_are_not(service: Running, entries: Entries) -> None:
    async with service.administrator() as administrator:
        hotel = await open_hotel(administrator)
        booked = await administrator.post(f"/v1/hotels/{hotel}/bookings", json=stay())
        await project(service.settings)
        before = len(await entries())
        own = f"/v1/hotels/{hotel}/bookings/{booked.json()['booking_id']}"
        personal = [f"/v1/hotels/{hotel}/bookings", own, f"{own}/history", f"/v1/hotels/{hotel}/ledger"]
        others = ["/v1/hotels", f"/v1/hotels/{hotel}", f"/v1/hotels/{hotel}/calendar", "/health/live", "/"]
        for path in (*others, *personal):
            assert (await administrator.get(path)).status_code == 200, path
        assert (await administrator.head(own)).status_code == 200
    found = (await entries())[before:]
    assert [entry["event"] for entry in found] == ["read"] * 5
    assert str(found[1]["booking_id"]) == booked.json()["booking_id"]


def test_the_reads_that_are_logged_are_those_of_the_api(settings: Settings) -> None:
    paths = document(create_app(settings))["paths"]
    assert {path for path in PERSONAL_READS if "get" in paths.get(path, {})} == PERSONAL_READS


def test_a_read_that_shows_personal_data_is_logged_or_shows_ones_own(settings: Settings) -> None:
    made = document(create_app(settings))

    def names(schema: object) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(names, schema))
        if not isinstance(schema, dict):
            return set()
        found = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
        if isinstance(reference := schema.get("$ref"), str):
            found |= names(made["components"]["schemas"][reference.rpartition("/")[2]])
        return found.union(*map(names, schema.values()))

    personal = {"full_name", "guest_name", "email", "phone", "address"}
    for path, operations in made["paths"].items():
        shown = names(operations.get("get", {}).get("responses", {}).get("200", {}))
        if shown & personal and not path.startswith(("/v1/auth/", "/v1/me/")):
            assert path in PERSONAL_READS, f"{path} shows {shown & personal}"


async def test_nothing_is_logged_that_was_sent_in_body_query_or_path(service: Running, entries: Entries) -> None:
    async with service.client() as client, service.administrator() as administrator:
        hotel = await open_hotel(administrator)
        own = {"email": "ada@example.org", "password": "words that nobody says"}
        await client.post("/v1/auth/register", json={**own, "full_name": "Ada"})
        signed_in = await client.post("/v1/auth/login", json=own)
        await client.post(f"/v1/hotels/{hotel}/bookings?q=ada", json=stay())
        await client.get(f"/v1/hotels/{hotel}/bookings?q=ada@example.org")
        await administrator.put(f"/v1/hotels/{hotel}/members/ada@example.org", json={"role": "auditor"})
        await client.post("/v1/hotels/ada@example.org/bookings/Lovelace/cancel", json={})
    text = json.dumps(await entries(), default=str).lower()
    for secret in ("ada@", "lovelace", "words that", "q=", signed_in.json()["access_token"].lower(), "eyj"):
        assert secret not in text, secret


@pytest.mark.parametrize("path", ["/v1/hotels/{}/bookings/{}/cancel", "/v1/hotels/{}/members/{}"])
async def test_ids_that_are_none_do_no_harm(service: Running, entries: Entries, path: str) -> None:
    async with service.client() as client:
        for odd in ("x", "%00", "%F0%9F%92%A9", "0b7f3a2e-0000-7000-8000-00000000000g"):
            await client.request("PUT" if "members" in path else "POST", path.format(odd, odd), json={})
    found = await entries()
    assert len(found) == 4
    assert {entry["hotel_id"] for entry in found} == {None}


async def test_the_clients_address_is_logged_and_not_the_proxys(settings: Settings) -> None:
    behind = settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})
    async with running(behind) as service:
        transport = httpx.ASGITransport(service.app, client=("10.0.0.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            await client.post("/v1/auth/logout", headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.1"})
        assert [entry.address for entry in service.app.state.access_log._waiting] == ["192.0.2.1"]
