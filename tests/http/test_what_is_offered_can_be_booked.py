"""What a search offers can be booked at the price that it says, whatever was sold, held and restricted before."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clients import Running, project

KINDS = [("SGL", 1, 0, "70.00", 2), ("DBL", 2, 1, "100.00", 3), ("FAM", 4, 2, "130.00", 2)]
FIRST = datetime.now(UTC).date() + timedelta(days=10)
DAYS = 8
GUEST = {"full_name": "Ada Lovelace", "email": "ada@example.org"}


def day(number: int) -> str:
    return f"{FIRST + timedelta(days=number)}"


async def a_hotel(administrator: httpx.AsyncClient, chance: Random, name: str) -> UUID:
    """A hotel in Lisbon with a few rooms, and prices and restrictions at random."""
    place = {"city": "Lisbon", "country": "PT", "timezone": "Europe/Lisbon", "currency": "EUR"}
    opened = await administrator.post("/v1/hotels", json={"name": name, **place, "bookable_horizon_days": 30})
    hotel_id = opened.json()["hotel_id"]
    for number, (code, adults, children, price, rooms) in enumerate(KINDS):
        body = {"code": code, "name": code, "max_adults": adults, "max_children": children, "base_price": price}
        body["rooms"] = [f"{number}{room}" for room in range(rooms)]
        assert (await administrator.post(f"/v1/hotels/{hotel_id}/room-types", json=body)).status_code == 201
        path = f"/v1/hotels/{hotel_id}/room-types/{code}"
        for _ in range(3):
            first = chance.randrange(DAYS)
            nights = {"from": day(first), "to": day(first + chance.randint(1, 3))}
            await done(administrator.put(f"{path}/prices", json={**nights, "price": f"{chance.randint(50, 200)}.50"}))
            rule: dict[str, Any] = chance.choice(
                [{"stop_sell": True}, {"minimum_stay": 2}, {"closed_to_arrival": True}, {"closed_to_departure": True}]
            )
            await done(administrator.put(f"{path}/restrictions", json=nights | rule))
    return UUID(hotel_id)


async def done(sent: Any) -> None:
    answer = await sent
    assert answer.status_code == 200, answer.text


def a_search(chance: Random) -> dict[str, Any]:
    """Any of the ways to search for a stay of a few parties."""
    parties = [chance.choice(["1", "2", "2,1", "3", "2:4,9", "4"]) for _ in range(chance.randint(1, 4))]
    query: dict[str, Any] = {"party": parties, "city": "lisbon", "sort": chance.choice(["name", "price"])}
    nights = chance.randint(1, 3)
    if chance.random() < 0.3:
        return query | {"nights": nights, "from": day(0), "to": day(DAYS)}
    first = chance.randrange(DAYS - nights)
    return query | {"arrival": day(first), "departure": day(first + nights), "flex_days": chance.choice([0, 0, 2])}


async def book(client: httpx.AsyncClient, item: dict[str, Any], *, hold: bool) -> httpx.Response:
    """Book the rooms of an item of a search as it says them."""
    rooms = [
        {"room_type": room["room_type"], "adults": room["adults"]}
        | ({"child_ages": room["child_ages"]} if room["child_ages"] is not None else {"children": room["children"]})
        for room in item["rooms"]
    ]
    body = {"arrival": item["arrival"], "departure": item["departure"], "rooms": rooms, "guest": GUEST}
    body |= {"expected_total": item["total"], "state": "hold" if hold else "confirmed"}
    return await client.post(f"/v1/hotels/{item['hotel_id']}/bookings", json=body)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_is_offered_can_be_booked(service: Running, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - of tests, not of secrets
    booked = combined = 0
    async with service.administrator() as administrator, service.client() as guest:
        for name in ("A", "B"):
            await a_hotel(administrator, chance, name)
        for _ in range(25):
            await project(service.settings)
            found = await guest.get("/v1/availability", params=a_search(chance))
            assert found.status_code == 200, found.text
            if not found.json()["items"]:
                continue
            item = chance.choice(found.json()["items"])
            answer = await book(guest, item, hold=chance.random() < 0.3)
            assert answer.status_code == 201, (item, answer.text)
            assert answer.json()["total"] == item["total"]
            booked += 1
            combined += len({room["room_type"] for room in item["rooms"]}) > 1
    assert booked > 5
    assert combined > 0


async def test_it_is_refused_when_somebody_was_faster(service: Running) -> None:
    chance = Random(4)  # noqa: S311 - of tests, not of secrets
    async with service.administrator() as administrator, service.client() as guest:
        await a_hotel(administrator, chance, "A")
        await project(service.settings)
        query: dict[str, Any] = {"nights": 1, "from": day(0), "to": day(DAYS), "party": ["4", "4"]}
        [item] = (await guest.get("/v1/availability", params=query)).json()["items"]
        first = await book(guest, item, hold=False)
        second = await book(guest, item, hold=False)
        assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "sold_out")
        position = {"StaySync-Min-Position": first.headers["StaySync-Position"]}
        await project(service.settings)
        again = await guest.get("/v1/availability", params=query, headers=position)
        assert [one["arrival"] for one in again.json()["items"]] != [item["arrival"]]
