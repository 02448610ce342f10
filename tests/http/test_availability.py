"""Where is there room: who fits where, what it costs, and which stays can't be asked for."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.calendar import nights
from domain.rejections import Rejected
from domain.selling import check_restrictions, take
from domain.stock import NightKey, NightStock
from tests.clients import Running
from tests.http.read_tables import World, day


async def offered(service: Running, **query: Any) -> list[tuple[str, list[str]]]:
    """Hotels and the room types that they offer for a stay of two nights from the fifth day on."""
    dates = {"arrival": f"{day(5)}", "departure": f"{day(7)}"}
    async with service.client() as client:
        answer = await client.get("/v1/availability", params={**dates, **query})
    assert answer.status_code == 200, answer.text
    return [(item["name"], [offer["room_type"] for offer in item["offers"]]) for item in answer.json()["items"]]


def two_types(world: World, name: str = "Grand", city: str = "Lisbon") -> UUID:
    hotel_id = world.hotel(name, city)
    for code, adults in (("DBL", 2), ("FAM", 4)):
        world.room_type(hotel_id, code, adults=adults)
        world.nights(hotel_id, code, 0, 10, price=Decimal(100 if code == "FAM" else 120))
    return hotel_id


async def test_offers_say_what_each_night_and_the_stay_cost(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 5, 6, price=Decimal(100))
    world.nights(hotel_id, "DBL", 6, 7, price=Decimal("90.50"))
    await world.write()
    async with service.client() as client:
        answer = await client.get(
            "/v1/availability", params={"arrival": f"{day(5)}", "departure": f"{day(7)}", "rooms": 2}
        )
    offer = answer.json()["items"][0]["offers"][0]
    assert [night["price"]["amount"] for night in offer["nights"]] == ["100.00", "90.50"]
    assert offer["total"] == {"amount": "381.00", "currency": "EUR"}
    assert offer["free"] == 2


async def test_the_cheapest_type_comes_first_and_must_take_the_party(service: Running, world: World) -> None:
    two_types(world)
    await world.write()
    assert await offered(service) == [("Grand", ["FAM", "DBL"])]
    assert await offered(service, adults=3) == [("Grand", ["FAM"])]
    assert await offered(service, adults=4, children=2) == []


async def test_city_and_hotel_narrow_the_search(service: Running, world: World) -> None:
    two_types(world, "Grand", "Lisbon")
    other = two_types(world, "Other", "São João")
    await world.write()
    assert [name for name, _ in await offered(service)] == ["Grand", "Other"]
    assert [name for name, _ in await offered(service, city="SÃO joão")] == ["Other"]
    assert [name for name, _ in await offered(service, hotel_id=str(other))] == ["Other"]
    assert await offered(service, hotel_id=str(other), city="Lisbon") == []


@pytest.mark.parametrize(
    ("night", "changes"),
    [
        (5, {"sold": 2}),
        (6, {"held": 2}),
        (6, {"stop_sell": True}),
        (5, {"minimum_stay": 3}),
        (5, {"closed_to_arrival": True}),
        (7, {"closed_to_departure": True}),
        (6, {"in_service": 0}),
    ],
)
async def test_one_night_that_cannot_be_sold_spoils_the_stay(
    service: Running, world: World, night: int, changes: dict[str, Any]
) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, night)
    world.nights(hotel_id, "DBL", night, night + 1, **changes)
    world.nights(hotel_id, "DBL", night + 1, 10)
    await world.write()
    assert await offered(service) == []


@pytest.mark.parametrize(
    ("night", "changes"),
    [
        (4, {"sold": 2}),
        (7, {"sold": 2, "closed_to_arrival": True}),
        (6, {"minimum_stay": 5, "closed_to_arrival": True}),
        (6, {"closed_to_departure": True}),
        (6, {"sold": 3, "allowance": 2}),
    ],
)
async def test_restrictions_of_other_nights_do_not(
    service: Running, world: World, night: int, changes: dict[str, Any]
) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, night)
    world.nights(hotel_id, "DBL", night, night + 1, **changes)
    world.nights(hotel_id, "DBL", night + 1, 10)
    await world.write()
    assert await offered(service) == [("Grand", ["DBL"])]


async def test_what_is_offered_is_what_a_booking_is_decided_on(service: Running, world: World) -> None:
    """Restrictions at random over many room types: the search offers those of which the domain sells the stay."""
    random, hotel_id = Random(3), world.hotel()  # noqa: S311 - of tests, not of secrets
    stock: dict[NightKey, NightStock] = {}
    for number in range(40):
        code = f"T{number}"
        world.room_type(hotel_id, code)
        for offset in range(3, 12):
            restrictions: dict[str, Any] = {
                "stop_sell": random.random() < 0.1,
                "minimum_stay": random.choice([1, 1, 1, 2, 3]),
                "closed_to_arrival": random.random() < 0.2,
                "closed_to_departure": random.random() < 0.2,
                "sold": random.choice([0, 0, 0, 1, 2]),
                "allowance": random.choice([0, 0, 1]),
            }
            world.nights(hotel_id, code, offset, offset + 1, **restrictions)
            stock[code, day(offset)] = NightStock(in_service=2, held=0, price=Decimal("100.50"), **restrictions)
    await world.write()

    def sells(code: str, arrival: date, departure: date) -> bool:
        try:
            check_restrictions(stock, code, arrival, departure)
            take(dict.fromkeys([(code, night) for night in nights(arrival, departure)], 1), stock)
        except Rejected:
            return False
        return True

    for first, until in ((4, 5), (5, 7), (5, 8), (6, 10), (10, 12)):
        arrival, departure = day(first), day(until)
        wanted = {f"T{number}" for number in range(40) if sells(f"T{number}", arrival, departure)}
        assert 0 < len(wanted) < 40
        [(_, found)] = await offered(service, arrival=f"{arrival}", departure=f"{departure}")
        assert set(found) == wanted


async def test_a_night_that_is_missing_is_not_for_sale(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 6, 10)
    other = world.hotel("Other")
    world.room_type(other, "DBL")
    world.nights(other, "DBL", 0, 6)
    world.nights(other, "DBL", 7, 10)
    await world.write()
    assert await offered(service) == []


async def test_pages_never_cut_a_hotel_in_two(service: Running, world: World) -> None:
    for name in ("A", "B", "C"):
        two_types(world, name)
    await world.write()
    seen: list[tuple[str, int]] = []
    after: dict[str, str] = {}
    async with service.client() as client:
        while True:
            query = {"arrival": f"{day(5)}", "departure": f"{day(7)}", "limit": "1", **after}
            page = (await client.get("/v1/availability", params=query)).json()
            seen += [(item["name"], len(item["offers"])) for item in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
    assert seen == [("A", 2), ("B", 2), ("C", 2)]


async def test_an_impossible_stay_is_refused(service: Running) -> None:
    cases = [
        (day(5), day(4), "stay_negative"),
        (day(5), day(5), "invalid_request"),
        (day(5), day(186), "stay_too_long"),
        (day(-5), day(2), "arrival_in_past"),
        ("2026-02-30", day(400), "invalid_request"),
        (day(5), "9999-12-31", "invalid_request"),
    ]
    async with service.client() as client:
        for arrival, departure, code in cases:
            answer = await client.get("/v1/availability", params={"arrival": f"{arrival}", "departure": f"{departure}"})
            assert (answer.status_code, answer.json()["code"]) == (422, code), (arrival, departure)
            assert {error["in"] for error in answer.json()["errors"]} == {"query"}


async def test_one_hotels_own_past_and_horizon_count(service: Running, world: World) -> None:
    hotel_id = world.hotel(bookable_until=day(30))
    await world.write()
    async with service.client() as client:
        today = (await client.get(f"/v1/hotels/{hotel_id}")).json()["business_date"]
        asks = [
            (f"{day(-1) if today == day(0).isoformat() else day(-2)}", f"{day(3)}", "arrival_in_past"),
            (f"{day(29)}", f"{day(31)}", "beyond_horizon"),
        ]
        for arrival, departure, code in asks:
            answer = await client.get(
                "/v1/availability", params={"arrival": arrival, "departure": departure, "hotel_id": str(hotel_id)}
            )
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        unknown = await client.get(
            "/v1/availability",
            params={"arrival": f"{day(5)}", "departure": f"{day(7)}", "hotel_id": str(uuid4())},
        )
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_hotel")


async def test_a_bad_parameter_is_named(service: Running) -> None:
    cases = [
        ("adults", "0"),
        ("adults", "two"),
        ("adults", "99999999999999999999999"),
        ("children", "-1"),
        ("rooms", "0"),
        ("limit", "0"),
        ("limit", "201"),
        ("city", "\x00"),
        ("city", ""),
        ("city", "x" * 201),
        ("hotel_id", "no uuid"),
        ("after", "no cursor"),
        ("after", "\x00é"),
        ("after", "WyJhdmFpbGFiaWxpdHkiXQ"),
        ("after", "WyJhdmFpbGFiaWxpdHkiLCJcdTAwMDAiLCJ4Il0"),
        ("ADULTS", "2"),
        ("x\x00" * 40, "1"),
    ]
    async with service.client() as client:
        for name, value in cases:
            query = {"arrival": f"{day(5)}", "departure": f"{day(7)}", name: value}
            answer = await client.get("/v1/availability", params=query)
            assert answer.status_code == 422, (name, value)
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name[:80]}"], (name, value)
