"""A guest's own bookings: which they are, what their guest may do, and that nobody else may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from identity import claims
from staysync.settings import Settings
from tests.clients import PASSWORD, Running, open_hotel, project, running, stay, verify_email
from tests.eventstore.house import superuser

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    async with running(settings) as service:
        yield service


@pytest.fixture
async def hotel(service: Running) -> UUID:
    async with service.administrator() as administrator:
        return await open_hotel(administrator, rooms=20)


@asynccontextmanager
async def guest(service: Running, email: str = ADA, *, verified: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as browser:
        await browser.post("/v1/auth/register", json={"email": email, "password": PASSWORD, "full_name": "A Guest"})
    if verified:
        await verify_email(service, email)
    async with service.signed_in(email) as signed_in:
        yield signed_in


async def book(client: httpx.AsyncClient, hotel: UUID, email: str = "somebody@example.org", **fields: Any) -> Any:
    person = {"full_name": "Some Body", "email": email}
    answer = await client.post(f"/v1/hotels/{hotel}/bookings", json=stay(guest=person, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def own(client: httpx.AsyncClient, **parameters: Any) -> list[str]:
    answer = await client.get("/v1/me/bookings", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["booking_id"] for item in answer.json()["items"]]


async def test_what_is_booked_when_signed_in_is_ones_own_whoever_stays(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada, guest(service, BOB) as bob, service.client() as anybody:
        first, second = await book(ada, hotel), await book(ada, hotel)
        await book(anybody, hotel, ADA)  # her e-mail alone makes nothing hers
        await project(service.settings)
        assert await own(ada) == [second["booking_id"], first["booking_id"]]
        assert await own(bob) == []
        path = f"/v1/me/bookings/{first['booking_id']}"
        seen = await ada.get(path)
        assert (seen.status_code, seen.headers["ETag"], seen.json()["reference"]) == (200, '"1"', first["reference"])
        for stranger, code in ((bob, "unknown_booking"), (anybody, "not_signed_in")):
            assert (await stranger.get(path)).json()["code"] == code
            assert "Some Body" not in (await stranger.get(path)).text


async def test_pages_have_each_booking_once(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada:
        made = [(await book(ada, hotel))["booking_id"] for _ in range(5)]
        await project(service.settings)
        found: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = (await ada.get("/v1/me/bookings", params={"limit": 2, **after})).json()
            found += [item["booking_id"] for item in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert found == made[::-1]
        assert (await ada.get("/v1/me/bookings", params={"after": "nonsense"})).status_code == 422


async def test_what_staff_book_at_their_hotel_is_not_theirs(service: Running, hotel: UUID) -> None:
    async with service.administrator() as administrator:
        other = await open_hotel(administrator, "Other")
    async with service.staff(hotel, "revenue_manager") as staff:
        await book(staff, hotel)
        private = await book(staff, other)
        await project(service.settings)
        assert await own(staff) == [private["booking_id"]]


async def test_a_booking_is_claimed_by_its_reference_and_ones_verified_email(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada, guest(service, BOB) as bob, service.client() as anybody:
        as_guest = await book(anybody, hotel, "Ada@Example.org")
        as_booker = await book(anybody, hotel, booker={"full_name": "Ada Pays", "email": ADA})
        await project(service.settings)
        for booked in (as_guest, as_booker, as_booker):
            claimed = await ada.post("/v1/me/bookings/claim", json={"reference": booked["reference"].lower()})
            assert (claimed.status_code, claimed.json()["booking_id"]) == (200, booked["booking_id"]), claimed.text
        assert set(await own(ada)) == {as_guest["booking_id"], as_booker["booking_id"]}
        missing = [
            (await bob.post("/v1/me/bookings/claim", json={"reference": reference})).json()
            for reference in (as_guest["reference"], "GRAN-2345ABCD")
        ]
        assert missing[0]["code"] == "not_found"
        assert {k: v for k, v in missing[0].items() if k != "request_id"} == {
            k: v for k, v in missing[1].items() if k != "request_id"
        }
        assert await own(bob) == []


async def test_an_email_that_is_not_verified_claims_nothing(service: Running, hotel: UUID) -> None:
    async with guest(service, verified=False) as squatter, service.client() as anybody:
        booked = await book(anybody, hotel, ADA)
        await project(service.settings)
        for reference in (booked["reference"], "GRAN-2345ABCD"):
            refused = await squatter.post("/v1/me/bookings/claim", json={"reference": reference})
            assert (refused.status_code, refused.json()["code"]) == (409, "email_not_verified")
        assert await own(squatter) == []


async def test_claims_are_bounded(service: Running, hotel: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_CLAIMS", 1)
    async with guest(service) as ada, service.client() as anybody:
        booked = [await book(anybody, hotel, ADA) for _ in range(2)]
        await project(service.settings)
        found = [
            (await ada.post("/v1/me/bookings/claim", json={"reference": one["reference"]})).status_code
            for one in (booked[0], booked[1], booked[0])
        ]
        assert found == [200, 409, 200]


async def test_a_guest_confirms_and_cancels_what_is_theirs_and_the_ledger_says_so(
    service: Running, hotel: UUID
) -> None:
    async with guest(service) as ada, guest(service, BOB) as bob, service.client() as anybody:
        made = await book(ada, hotel, state="hold")
        claimed = await book(anybody, hotel, ADA, state="hold")
        await project(service.settings)
        for booked in (made, claimed):
            path = f"/v1/hotels/{hotel}/bookings/{booked['booking_id']}"
            if booked is claimed:
                assert (await ada.post(f"{path}/confirm", json={})).status_code == 403  # not hers yet
                await ada.post("/v1/me/bookings/claim", json={"reference": booked["reference"]})
            for action in ("confirm", "cancel"):
                assert (await anybody.post(f"{path}/{action}", json={})).status_code == 401
                assert (await bob.post(f"{path}/{action}", json={})).status_code == 403
                done = await ada.post(f"{path}/{action}", json={})
                assert done.status_code == 200, done.text
            assert done.json()["state"] == "cancelled"
            for action, body in (
                ("check-in", {}),
                ("change", {"rooms": [{"line": 1}]}),
                ("guest", {"guest": {"full_name": "Else", "email": "e@example.org"}}),
                ("walk", {"cost": "1.00"}),
            ):
                assert (await ada.post(f"{path}/{action}", json=body)).status_code == 403, action
            assert (await ada.get(path)).status_code == 403
        account_id = (await ada.get("/v1/auth/me")).json()["account_id"]
    async with superuser(service.settings) as connection:
        rows = await connection.fetch(
            "select metadata ->> 'actor' as actor, metadata ->> 'role' as role from ledger.event"
            " where hotel_id = $1 and type in ('LinesConfirmed', 'LinesCancelled', 'BookingConfirmed')",
            hotel,
        )
    assert {(row["actor"], row["role"]) for row in rows} == {(account_id, "guest")}
    assert len(rows) == 4


async def test_anothers_hotel_in_the_path_is_no_way_to_a_booking_of_ones_own(service: Running, hotel: UUID) -> None:
    async with service.administrator() as administrator:
        other = await open_hotel(administrator, "Other")
    async with guest(service) as ada:
        booked = await book(ada, hotel)
        refused = await ada.post(f"/v1/hotels/{other}/bookings/{booked['booking_id']}/cancel", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")


async def test_everything_that_is_kept_of_a_person_comes_as_json(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada, guest(service, BOB) as bob, service.client() as anybody:
        booked = await book(ada, hotel, booker={"full_name": "Ada Pays", "email": ADA})
        await project(service.settings)
        kept = await ada.get("/v1/me/data")
        assert kept.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
        data = kept.json()
        assert (data["account"]["email"], data["account"]["full_name"], len(data["sessions"])) == (ADA, "A Guest", 1)
        assert ([b["booking_id"] for b in data["bookings"]], data["more"]) == ([booked["booking_id"]], False)
        assert data["bookings"][0]["guest"]["email"] == "somebody@example.org"
        assert (await bob.get("/v1/me/data")).json()["bookings"] == []
        assert (await anybody.get("/v1/me/data")).status_code == 401
        assert "hash" not in kept.text


async def test_forgetting_who_was_in_ones_own_booking_is_asked_of_the_hotel(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada:
        booked = await book(ada, hotel)
        path = f"/v1/hotels/{hotel}/bookings/{booked['booking_id']}"
        assert (await ada.post(f"{path}/cancel", json={})).status_code == 200
        assert (await ada.post(f"{path}/erase-guests", json={})).status_code == 403
