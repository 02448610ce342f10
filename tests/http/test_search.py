"""Searching: parties room by room, flexible dates, limits and orders, and a month's cheapest prices."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import TypeAdapter

from query import answers
from tests.clients import Running
from tests.http.read_tables import NOW, World, day

STAY = {"arrival": f"{day(5)}", "departure": f"{day(7)}"}


async def get(service: Running, path: str = "/v1/availability", **query: Any) -> Any:
    async with service.client() as client:
        answer = await client.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rooms_of(service: Running, **query: Any) -> list[list[str]]:
    """The room types of the best rooms of each hotel, room by room."""
    items = (await get(service, **STAY, **query))["items"]
    return [[room["room_type"] for room in item["rooms"]] for item in items]


def hotel_with(world: World, name: str = "Grand", **prices: int) -> UUID:
    """A hotel with two rooms of each type; S takes one adult, D two and a child, F four and two children."""
    hotel_id = world.hotel(name)
    for code, price in prices.items():
        adults, children = {"S": (1, 0), "D": (2, 1), "F": (4, 2)}[code]
        world.room_type(hotel_id, code, adults=adults, children=children)
        world.nights(hotel_id, code, 0, 40, price=Decimal(price))
    return hotel_id


async def test_an_answer_has_the_documented_shape(service: Running, world: World) -> None:
    hotel_id = hotel_with(world, S=60, D=100, F=180)
    await world.write()
    found = await get(service, **STAY, party=["2:3", "1"])
    TypeAdapter(answers.Availability).validate_python(found)
    month = f"{day(5):%Y-%m}"
    for path in ("/v1/cheapest-prices?city=lisbon", f"/v1/hotels/{hotel_id}/cheapest-prices?"):
        found = await get(service, f"{path}&month={month}")
        TypeAdapter(answers.CheapestPrices).validate_python(found)


async def test_each_room_has_a_party_of_its_own(service: Running, world: World) -> None:
    hotel_with(world, S=60, D=100, F=180)
    await world.write()
    assert await rooms_of(service, party=["2", "1", "2,1", "3,2"]) == [["D", "S", "D", "F"]]
    assert await rooms_of(service, party=["1", "1", "1"]) in ([["S", "S", "D"]], [["D", "S", "S"]], [["S", "D", "S"]])
    assert await rooms_of(service, party=["4", "4", "4"]) == []
    assert await rooms_of(service, party=["2,2", "2,2", "2,2"]) == []


async def test_types_are_combined_where_one_has_not_enough(service: Running, world: World) -> None:
    hotel_with(world, D=100, F=180)
    await world.write()
    assert await rooms_of(service, adults=2, rooms=2) == [["D", "D"]]
    [three] = await rooms_of(service, adults=2, rooms=3)
    assert sorted(three) == ["D", "D", "F"]
    item = (await get(service, **STAY, adults=2, rooms=3))["items"][0]
    assert item["total"]["amount"] == "760.00"
    assert item["offers"] == []
    assert await rooms_of(service, adults=2, rooms=5) == []


async def test_ages_and_numbers_of_children_come_back_as_a_booking_takes_them(service: Running, world: World) -> None:
    hotel_with(world, D=100, F=180)
    await world.write()
    rooms = (await get(service, **STAY, party=["2:7", "2,2"]))["items"][0]["rooms"]
    assert [(room["adults"], room["children"], room["child_ages"]) for room in rooms] == [(2, 1, [7]), (2, 2, None)]


async def test_a_stay_may_be_some_days_earlier_or_later(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "D")
    for number, price in enumerate([100, 100, 90, 100, 95, 120, 120, 60, 60, 60]):
        world.nights(hotel_id, "D", 2 + number, 3 + number, price=Decimal(price))
    await world.write()

    async def found(flex_days: int) -> tuple[str, str, str]:
        [item] = (await get(service, **STAY, flex_days=flex_days))["items"]
        return item["arrival"], item["departure"], item["total"]["amount"]

    assert await found(0) == (f"{day(5)}", f"{day(7)}", "195.00")
    assert await found(1) == (f"{day(4)}", f"{day(6)}", "190.00")
    assert await found(4) == (f"{day(9)}", f"{day(11)}", "120.00")


async def test_of_equally_cheap_stays_the_one_nearest_to_the_wanted_is_offered(service: Running, world: World) -> None:
    hotel_with(world, D=100)
    await world.write()
    [item] = (await get(service, **STAY, flex_days=3))["items"]
    assert item["arrival"] == f"{day(5)}"


async def test_any_nights_within_a_range(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "D")
    world.nights(hotel_id, "D", 5, 10, sold=2)
    world.nights(hotel_id, "D", 10, 13)
    world.nights(hotel_id, "D", 13, 20, stop_sell=True)
    await world.write()

    async def found(nights: int, first: int = 5, until: int = 20) -> list[tuple[str, str]]:
        wanted: dict[str, Any] = {"nights": nights, "from": f"{day(first)}", "to": f"{day(until)}"}
        items = (await get(service, **wanted))["items"]
        return [(item["arrival"], item["departure"]) for item in items]

    assert await found(3) == [(f"{day(10)}", f"{day(13)}")]
    assert await found(4) == []
    assert await found(3, until=12) == []
    assert await found(2, until=12) == [(f"{day(10)}", f"{day(12)}")]


async def test_a_price_limit_is_for_the_whole_stay(service: Running, world: World) -> None:
    hotel_with(world, "A", D=100, F=110)
    hotel_with(world, "B", D=100)
    await world.write()
    names = [item["name"] for item in (await get(service, **STAY, max_price="200.00"))["items"]]
    assert names == ["A", "B"]
    assert (await get(service, **STAY, max_price="199.99"))["items"] == []
    offers = (await get(service, **STAY, max_price="200"))["items"][0]["offers"]
    assert [offer["room_type"] for offer in offers] == ["D"]
    assert len((await get(service, **STAY, max_price="220"))["items"][0]["offers"]) == 2
    assert (await get(service, **STAY, max_price="200", rooms=2))["items"] == []


@pytest.mark.parametrize(
    ("sort", "expected"), [("name", ["A", "B", "C", "D", "E"]), ("price", ["E", "B", "D", "C", "A"])]
)
async def test_pages_follow_each_order(service: Running, world: World, sort: str, expected: list[str]) -> None:
    for name, price in (("A", 300), ("B", 100), ("C", 200), ("D", 100), ("E", 50)):
        hotel_with(world, name, D=price)
    world.hotel("Bare")  # nothing to sell there
    await world.write()
    for limit in (1, 2, 3, 5):
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = await get(service, **STAY, city="LISBON", sort=sort, limit=limit, **after)
            seen += [item["name"] for item in page["items"]]
            assert len(page["items"]) <= limit
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert seen == expected, limit


async def test_a_page_looks_past_hotels_that_are_full_and_leads_on(service: Running, world: World) -> None:
    for number in range(120):
        hotel_with(world, f"H{number:03}", D=100 if number in (0, 119) else 101)
    for row in world.rows:
        if getattr(row, "price", None) == 101:
            row.sold = 2  # type: ignore[attr-defined]
    await world.write()
    first = await get(service, **STAY, limit=2)
    assert [item["name"] for item in first["items"]] == ["H000"]
    second = await get(service, **STAY, limit=2, after=first["next"])
    assert ([item["name"] for item in second["items"]], second["next"]) == (["H119"], None)


async def test_currencies_come_one_after_the_other(service: Running, world: World) -> None:
    for name, currency, price in (("A", "USD", 10), ("B", "EUR", 100), ("C", "EUR", 90)):
        hotel_id = world.hotel(name, currency=currency)
        world.room_type(hotel_id, "D")
        world.nights(hotel_id, "D", 0, 40, price=Decimal(price))
    await world.write()
    found = await get(service, **STAY, city="Lisbon", sort="price")
    assert [item["name"] for item in found["items"]] == ["C", "B", "A"]
    days = (await get(service, "/v1/cheapest-prices", city="Lisbon", month=f"{day(5):%Y-%m}"))["days"]
    cheapest = next(one for one in days if one["arrival"] == f"{day(5)}")["cheapest"]
    assert [(one["name"], one["total"]["currency"]) for one in cheapest] == [("C", "EUR"), ("A", "USD")]


async def test_holds_past_their_deadline_are_free(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, 10, in_service=1, held=1)
    await world.write()
    assert (await get(service, **STAY))["items"] == []
    world.booking(hotel_id, claim="held", state="held", hold_until=NOW - timedelta(minutes=1))
    await world.write()
    [item] = (await get(service, **STAY))["items"]
    assert item["offers"][0]["free"] == 1


async def test_a_month_has_a_cheapest_price_for_each_day_that_can_be_sold(service: Running, world: World) -> None:
    month = day(32).replace(day=1)
    offset = (month - day(0)).days
    dear, cheap = world.hotel("Dear"), world.hotel("Cheap")
    for hotel_id, price, until in ((dear, 150, 62), (cheap, 90, 10)):
        world.room_type(hotel_id, "D")
        world.nights(hotel_id, "D", offset, offset + until, price=Decimal(price))
    await world.write()
    city = await get(service, "/v1/cheapest-prices", city="Lisbon", month=f"{month:%Y-%m}", nights=2)
    assert [one["arrival"][-2:] for one in city["days"]][:2] == ["01", "02"]
    prices = [one["cheapest"][0]["total"]["amount"] for one in city["days"]]
    assert prices == ["180.00"] * 9 + ["300.00"] * (len(prices) - 9)
    own = await get(service, f"/v1/hotels/{cheap}/cheapest-prices", month=f"{month:%Y-%m}", nights=2)
    assert [bool(one["cheapest"]) for one in own["days"]] == [True] * 9 + [False] * (len(prices) - 9)


BAD: list[tuple[dict[str, Any], str]] = [
    ({**STAY, "party": ["0"]}, "/party"),
    ({**STAY, "party": ["2,"]}, "/party"),
    ({**STAY, "party": ["2:18"]}, "/party"),
    ({**STAY, "party": ["2,1:4"]}, "/party"),
    ({**STAY, "party": ["２"]}, "/party"),
    ({**STAY, "party": ["1"] * 51}, "/party"),
    ({**STAY, "party": ["2"], "adults": 2}, "/adults"),
    ({**STAY, "party": ["2"], "rooms": 1}, "/rooms"),
    ({**STAY, "flex_days": 15}, "/flex_days"),
    ({**STAY, "max_price": "-1"}, "/max_price"),
    ({**STAY, "max_price": "1e5"}, "/max_price"),
    ({**STAY, "sort": "price"}, "/sort"),
    ({**STAY, "sort": "stars"}, "/sort"),
    ({**STAY, "nights": 2}, "/arrival"),
    ({"arrival": STAY["arrival"]}, "/departure"),
    ({}, "/arrival"),
    ({"nights": 2, "from": STAY["arrival"]}, "/to"),
    ({"nights": 3, "from": STAY["arrival"], "to": STAY["departure"]}, "/nights"),
    ({"nights": 3, "from": STAY["arrival"], "to": f"{day(200)}"}, "/to"),
    ({"nights": 3, "from": STAY["departure"], "to": STAY["arrival"]}, "/to"),
    ({**STAY, "city": "Lisbon", "sort": "price", "after": "WyJhdmFpbGFiaWxpdHkiLCJBIiwieCJd"}, "/after"),
]


@pytest.mark.parametrize(("query", "pointer"), BAD, ids=str)
async def test_what_cannot_be_looked_for_is_named(service: Running, query: dict[str, Any], pointer: str) -> None:
    async with service.client() as client:
        answer = await client.get("/v1/availability", params=query)
    assert answer.status_code == 422, answer.text
    assert [(error["in"], error["pointer"]) for error in answer.json()["errors"]] == [("query", pointer)]


@pytest.mark.parametrize("month", ["2027-13", "2027-1", "202705", "9999-12", "2027-05-01", ""])
async def test_a_month_is_a_year_and_a_month(service: Running, month: str) -> None:
    async with service.client() as client:
        for path in ("/v1/cheapest-prices?city=Lisbon", f"/v1/hotels/{uuid4()}/cheapest-prices?"):
            answer = await client.get(f"{path}&month={month}")
            assert answer.status_code == 422
            assert [error["pointer"] for error in answer.json()["errors"]] == ["/month"]


async def test_an_unknown_hotel_is_not_there(service: Running) -> None:
    async with service.client() as client:
        for hotel_id, code in ((uuid4(), "unknown_hotel"), ("none", "not_found")):
            answer = await client.get(f"/v1/hotels/{hotel_id}/cheapest-prices?month=2027-05")
            assert (answer.status_code, answer.json()["code"]) == (404, code)
