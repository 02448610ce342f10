"""Bookings as members of a hotel list and read them, and as guests look theirs up."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from readmodels import tables
from tests.clients import Running
from tests.http.read_tables import World, day


@pytest.fixture
async def hotel_id(world: World) -> UUID:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    return hotel_id


@pytest.fixture
async def staff(service: Running, hotel_id: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with service.staff(hotel_id, "auditor") as client:
        yield client


async def listed(staff: httpx.AsyncClient, hotel_id: UUID, **query: str | list[str]) -> list[str]:
    answer = await staff.get(f"/v1/hotels/{hotel_id}/bookings", params=query)
    assert answer.status_code == 200, answer.text
    return [item["booking_id"] for item in answer.json()["items"]]


async def test_bookings_are_filtered(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    early = str(world.booking(hotel_id, arrival=3, full_name="Grace Hopper", email="grace@navy.example"))
    late = str(
        world.booking(hotel_id, arrival=9, state="cancelled", claim=None, channel="ota", reference="LIS-LATE2345")
    )
    world.booking(world.hotel("Elsewhere"), arrival=3, full_name="Grace Hopper", email="grace@navy.example")
    await world.write()
    assert await listed(staff, hotel_id) == [early, late]
    assert await listed(staff, hotel_id, state="cancelled") == [late]
    assert await listed(staff, hotel_id, state=["cancelled", "confirmed"]) == [early, late]
    assert await listed(staff, hotel_id, arrival_from=f"{day(4)}") == [late]
    assert await listed(staff, hotel_id, arrival_to=f"{day(9)}") == [early]
    assert await listed(staff, hotel_id, channel="ota") == [late]
    assert await listed(staff, hotel_id, q="GRACE h") == [early]
    assert await listed(staff, hotel_id, q="Grace@Navy.example") == [early]
    assert await listed(staff, hotel_id, q="lis-late") == [late]
    assert await listed(staff, hotel_id, q="%") == []
    assert await listed(staff, hotel_id, q="_race") == []


@pytest.mark.parametrize("sort", ["arrival", "-arrival", "booked_at", "-booked_at"])
async def test_every_order_is_paged_without_loss(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID, sort: str
) -> None:
    start = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
    for number in range(7):
        world.booking(hotel_id, arrival=5 + number // 3, booked_at=start + timedelta(seconds=number // 2))
    await world.write()
    whole = await listed(staff, hotel_id, sort=sort)
    paged: list[str] = []
    query: dict[str, str] = {"sort": sort, "limit": "2"}
    while True:
        page = (await staff.get(f"/v1/hotels/{hotel_id}/bookings", params=query)).json()
        paged += [item["booking_id"] for item in page["items"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert paged == whole
    assert len(set(paged)) == 7


async def test_a_cursor_of_another_order_or_list_is_refused(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    world.booking(hotel_id)
    world.booking(hotel_id)
    await world.write()
    path = f"/v1/hotels/{hotel_id}/bookings"
    cursor = (await staff.get(path, params={"limit": 1})).json()["next"]
    assert (await staff.get(path, params={"after": cursor})).status_code == 200
    for query in (
        {"sort": "-arrival", "after": cursor},
        {"after": cursor[:-3]},
        {"after": cursor + "A"},
        {"after": "W10"},
    ):
        answer = await staff.get(path, params=query)
        assert answer.status_code == 422, query
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/after"]
    assert (await staff.get("/v1/hotels", params={"after": cursor})).status_code == 422


async def test_a_booking_comes_whole_with_its_version(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    booking_id = world.booking(hotel_id, lines=2, version=4)
    await world.write()
    answer = await staff.get(f"/v1/hotels/{hotel_id}/bookings/{booking_id}")
    assert answer.headers["etag"] == '"4"'
    body = answer.json()
    assert body["guest"]["full_name"] == "Ada Lovelace"
    assert [line["line"] for line in body["lines"]] == [1, 2]
    assert body["lines"][0]["child_ages"] == [7, None]
    assert [night["date"] for night in body["lines"][1]["nights"]] == [f"{day(5)}", f"{day(6)}"]
    assert body["lines"][0]["guest"]["email"] == "Ada@Example.org"
    assert [entry["type"] for entry in body["timeline"]] == ["BookingMade"]
    assert body["booked_at"].endswith("Z")


async def test_nights_say_their_room_and_whose_stock_they_are_of(
    service: Running, staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    booking_id = world.booking(hotel_id, arrival=5, nights=4, reference="LIS-ABCD2345")
    world.room_stay(hotel_id, booking_id, "DBL1", 5, 7)
    world.room_stay(hotel_id, booking_id, "STE1", 7, 8)
    for row in world.rows:
        if isinstance(row, tables.BookingNight) and row.night == day(7):
            row.room_type = "STE"
    await world.write()
    body = (await staff.get(f"/v1/hotels/{hotel_id}/bookings/{booking_id}")).json()
    nights = [(night["room"], night["room_type"]) for night in body["lines"][0]["nights"]]
    assert nights == [("DBL1", "DBL"), ("DBL1", "DBL"), ("STE1", "STE"), (None, "DBL")]
    async with service.client() as guest:
        found = await guest.post("/v1/bookings/lookup", json={"reference": "LIS-ABCD2345", "email": "ada@example.org"})
    assert found.json()["lines"] == body["lines"]


async def test_another_hotels_booking_is_not_found(
    service: Running, staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    other = world.hotel("Other")
    theirs = world.booking(other)
    await world.write()
    async with service.staff(other) as them:
        assert (await them.get(f"/v1/hotels/{other}/bookings/{theirs}")).status_code == 200
    mine = await staff.get(f"/v1/hotels/{hotel_id}/bookings/{theirs}")
    assert (mine.status_code, mine.json()["code"]) == (404, "unknown_booking")


async def test_only_members_and_administrators_read_a_hotels_bookings(
    service: Running, world: World, hotel_id: UUID
) -> None:
    booking_id = world.booking(hotel_id)
    await world.write()
    async with (
        service.client() as stranger,
        service.staff(uuid4(), "manager") as outsider,
        service.administrator() as administrator,
    ):
        for path in ("bookings", "bookings/{id}", "bookings/{id}/history", "ledger", "position"):
            url = f"/v1/hotels/{hotel_id}/{path.format(id=booking_id)}"
            assert ((await stranger.get(url)).status_code, (await outsider.get(url)).status_code) == (401, 403), path
            # Nothing is in the ledger here, so what reads that doesn't find the hotel; it is asked all the same.
            assert (await administrator.get(url)).status_code in (200, 404), path


async def test_a_guest_finds_the_booking_by_reference_and_email(service: Running, world: World, hotel_id: UUID) -> None:
    booking_id = world.booking(hotel_id, reference="LIS-ABCD2345", lines=2)
    await world.write()
    async with service.client() as guest:
        found = await guest.post(
            "/v1/bookings/lookup", json={"reference": " lis-abcd2345 ", "email": "ADA@example.ORG"}
        )
        assert found.json()["booking_id"] == str(booking_id)
        assert len(found.json()["lines"]) == 2
        assert "timeline" not in found.json()
        refusals = [
            await guest.post("/v1/bookings/lookup", json=body)
            for body in (
                {"reference": "LIS-ABCD2345", "email": "eve@example.org"},
                {"reference": "LIS-NONE2345", "email": "ada@example.org"},
                {"reference": "%", "email": "%"},
            )
        ]
    assert {answer.status_code for answer in refusals} == {404}
    assert len({answer.text.replace(answer.json()["request_id"], "") for answer in refusals}) == 1


async def test_a_malformed_lookup_is_refused_with_a_pointer(service: Running) -> None:
    cases = [
        ('{"reference": "x\\u0000", "email": "a@b.cd"}', "/reference"),
        ('{"reference": "x", "email": "\\ud800"}', "/email"),
        ('{"reference": "x"}', "/email"),
        ('{"reference": "x", "email": "a@b.cd", "hotel_id": 1}', "/hotel_id"),
        ('{"reference": "x", "email": "a@b.cd", "\\ud800": 1}', ""),
        ('{"reference": ["x"], "email": "a@b.cd"}', "/reference"),
        ("{", ""),
        ("", ""),
        ("[" * 20000, ""),
        ("[]", ""),
    ]
    async with service.client(headers={"Content-Type": "application/json"}) as guest:
        for body, pointer in cases:
            answer = await guest.post("/v1/bookings/lookup", content=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body[:80]
            assert [(error["in"], error["pointer"]) for error in answer.json()["errors"]] == [("body", pointer)]
            assert len(answer.content) < 2000
