"""Hotels, their room types and their calendars, as anyone may ask for them."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.clients import Running
from tests.http.read_tables import NOW, World, day


async def test_hotels_are_listed_by_name_page_by_page(service: Running, world: World) -> None:
    for name in ("Carlton", "Astoria", "Belmond"):
        world.hotel(name)
    await world.write()
    names, after = [], None
    async with service.client() as client:
        while True:
            page = (await client.get("/v1/hotels", params={"limit": 1, **({"after": after} if after else {})})).json()
            names += [hotel["name"] for hotel in page["items"]]
            after = page["next"]
            if after is None:
                break
    assert names == ["Astoria", "Belmond", "Carlton"]


async def test_a_city_is_found_whatever_its_case(service: Running, world: World) -> None:
    world.hotel("Grand", "Évora")
    world.hotel("Other", "Porto")
    await world.write()
    async with service.client() as client:
        page = (await client.get("/v1/hotels", params={"city": "éVORA"})).json()
    assert [hotel["name"] for hotel in page["items"]] == ["Grand"]


async def test_a_hotel_shows_its_version_and_business_date(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    await world.write()
    async with service.client() as client:
        answer = await client.get(f"/v1/hotels/{hotel_id}")
    assert answer.headers["etag"] == '"3"'
    assert answer.json()["business_date"] in {day(-1).isoformat(), day(0).isoformat()}


async def test_room_types_come_with_their_rooms(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "SGL", rooms=1)
    world.room_type(hotel_id, "DBL", rooms=2)
    await world.write()
    async with service.client() as client:
        items = (await client.get(f"/v1/hotels/{hotel_id}/room-types")).json()["items"]
    assert [(item["code"], item["rooms"]) for item in items] == [("DBL", ["DBL1", "DBL2"]), ("SGL", ["SGL1"])]
    assert items[0]["room_details"] == [{"room": "DBL1", "features": []}, {"room": "DBL2", "features": []}]
    assert items[0]["base_price"] == {"amount": "100.00", "currency": "EUR"}


async def test_a_calendar_is_half_open_and_counts_what_is_free(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, 5, in_service=5, sold=2, held=1, allowance=1)
    world.nights(hotel_id, "DBL", 5, 6, in_service=1, sold=2, minimum_stay=3)
    world.nights(hotel_id, "DBL", 6, 8)
    await world.write()
    async with service.client() as client:
        body = (
            await client.get(f"/v1/hotels/{hotel_id}/calendar", params={"from": f"{day(3)}", "to": f"{day(6)}"})
        ).json()
    assert (body["from"], body["to"]) == (day(3).isoformat(), day(6).isoformat())
    nights = body["room_types"][0]["nights"]
    assert [(night["date"], night["free"]) for night in nights] == [
        (day(3).isoformat(), 3),
        (day(4).isoformat(), 3),
        (day(5).isoformat(), 0),
    ]
    assert [night["allowance"] for night in nights] == [1, 1, 0]
    assert "sold" not in nights[0]
    assert nights[2]["restrictions"] == {
        "stop_sell": False,
        "minimum_stay": 3,
        "closed_to_arrival": False,
        "closed_to_departure": False,
    }
    assert nights[0]["price"] == {"amount": "100.50", "currency": "EUR"}


async def test_a_calendar_shows_two_weeks_unless_told(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    await world.write()
    async with service.client() as client:
        hotel = (await client.get(f"/v1/hotels/{hotel_id}")).json()
        body = (await client.get(f"/v1/hotels/{hotel_id}/calendar")).json()
    assert body["from"] == hotel["business_date"]
    assert body["room_types"] == [{"code": "DBL", "name": "Type DBL", "nights": []}]


@pytest.mark.parametrize(("minutes", "free"), [(-1, 2), (30, 1)])
async def test_a_hold_counts_until_its_deadline_only(service: Running, world: World, minutes: int, free: int) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 5, 7, in_service=2, held=1)
    world.booking(
        hotel_id, arrival=5, nights=2, state="held", claim="held", hold_until=NOW + timedelta(minutes=minutes)
    )
    await world.write()
    dates = {"arrival": f"{day(5)}", "departure": f"{day(7)}"}
    async with service.client() as client:
        calendar = await client.get(f"/v1/hotels/{hotel_id}/calendar", params={"from": f"{day(5)}", "to": f"{day(7)}"})
        offers = await client.get("/v1/availability", params=dates)
    assert [night["free"] for night in calendar.json()["room_types"][0]["nights"]] == [free, free]
    assert offers.json()["items"][0]["offers"][0]["free"] == free


async def test_prices_have_the_decimals_of_their_currency(service: Running, world: World) -> None:
    hotel_id = world.hotel(currency="JPY")
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 1, 2, price=Decimal(15000))
    await world.write()
    async with service.client() as client:
        body = (await client.get(f"/v1/hotels/{hotel_id}/calendar", params={"from": f"{day(1)}"})).json()
    assert body["room_types"][0]["nights"][0]["price"] == {"amount": "15000", "currency": "JPY"}


async def test_a_bad_range_is_named(service: Running, world: World) -> None:
    cases = [
        ("from=2026-02-30", "/from"),
        ("from=1700000000", "/from"),
        ("from=0001-01-01", "/from"),
        ("to=9999-12-31", "/to"),
        ("from=%00", "/from"),
        ("from=2026-01-01T00:00:00", "/from"),
        ("nonsense=1", "/nonsense"),
        ("to=2027-01-01&from=%ff", "/from"),
    ]
    hotel_id = world.hotel()
    await world.write()
    async with service.client() as client:
        for query, pointer in cases:
            answer = await client.get(f"/v1/hotels/{hotel_id}/calendar?{query}")
            assert answer.status_code == 422, query
            assert [(error["in"], error["pointer"]) for error in answer.json()["errors"]] == [("query", pointer)], query


async def test_a_range_may_be_empty_and_400_days_long(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    await world.write()
    async with service.client() as client:
        for first, until, code in ((5, 4, "stay_negative"), (0, 401, "stay_too_long"), (0, 400, None), (3, 3, None)):
            answer = await client.get(
                f"/v1/hotels/{hotel_id}/calendar", params={"from": f"{day(first)}", "to": f"{day(until)}"}
            )
            assert (answer.json().get("code"), answer.status_code) == (code, 200 if code is None else 422)


async def test_an_unknown_hotel_is_not_found(service: Running) -> None:
    async with service.client() as client:
        for path in ("", "/room-types", "/calendar"):
            unknown = await client.get(f"/v1/hotels/{uuid4()}{path}")
            assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_hotel")
            for odd in ("%00", "%ff", "x" * 300, "%F0%9F%92%A9", "0"):
                answer = await client.get(f"/v1/hotels/{odd}{path}")
                assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), odd
