"""Why is it not sold? Each rule that refuses a stay is named with its nights, their rooms, and its event."""

from typing import Any
from uuid import UUID

import httpx

from query.explain import CODES
from staysync.problems import TABLE
from tests.clients import Running, open_hotel, project, stay
from tests.http.read_tables import NOW, World, day


async def ask(client: httpx.AsyncClient, hotel_id: UUID, first: int = 5, until: int = 7, **query: Any) -> Any:
    dates = {"arrival": f"{day(first)}", "departure": f"{day(until)}", "room_type": "DBL"}
    answer = await client.get(f"/v1/hotels/{hotel_id}/availability/explain", params=dates | query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_reasons_have_the_codes_of_the_refusals() -> None:
    for refusal, code in CODES.items():
        assert [problem.code for problem in TABLE[refusal].problems] == [code]


async def test_what_can_be_booked_has_no_reason(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.nights(hotel_id, "DBL", 0, 10)
    await world.write()
    async with service.client() as client:
        found = await ask(client, hotel_id, rooms=2)
    assert (found["bookable"], found["reasons"], found["rooms"]) == (True, [], 2)


async def test_a_full_night_says_what_became_of_its_rooms(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL", rooms=4)
    world.nights(hotel_id, "DBL", 0, 6)
    world.nights(hotel_id, "DBL", 6, 7, in_service=3, sold=2, held=2, allowance=1)
    world.nights(hotel_id, "DBL", 7, 9)
    world.outage(hotel_id, "DBL1", 6, 7)
    world.booking(hotel_id, arrival=6, nights=1, claim="held", state="held", hold_until=NOW)
    await world.write()
    async with service.client() as client:
        [reason] = (await ask(client, hotel_id, rooms=2))["reasons"]
    assert reason["code"] == "sold_out"
    assert reason["nights"] == [
        {
            "date": f"{day(6)}",
            "free": 1,
            "stock": {
                "in_service": 3,
                "out_of_order": 1,
                "allowance": 1,
                "sold": 2,
                "held": 1,
                "held_past_deadline": 1,
            },
            "event": None,
        }
    ]


async def test_all_that_refuses_is_told_in_the_order_of_a_booking(service: Running, world: World) -> None:
    hotel_id = world.hotel(bookable_until=day(12))
    world.room_type(hotel_id, "DBL", adults=2, children=0)
    world.nights(hotel_id, "DBL", 0, 5)
    world.nights(hotel_id, "DBL", 5, 6, stop_sell=True, minimum_stay=3, closed_to_arrival=True)
    world.nights(hotel_id, "DBL", 6, 7)
    world.nights(hotel_id, "DBL", 7, 12, closed_to_departure=True)
    await world.write()
    async with service.client() as client:
        found = await ask(client, hotel_id, adults=3)
        assert [reason["code"] for reason in found["reasons"]] == [
            "party_too_large",
            "stop_sell",
            "closed_to_arrival",
            "minimum_stay",
            "closed_to_departure",
        ]
        assert [reason["nights"][0]["date"] for reason in found["reasons"][1:]] == [f"{day(5)}"] * 3 + [f"{day(7)}"]
        beyond = await ask(client, hotel_id, 11, 14)
        assert [reason["code"] for reason in beyond["reasons"]] == ["beyond_horizon", "sold_out"]
        assert [night["stock"] for night in beyond["reasons"][1]["nights"]] == [None, None]
        past = await ask(client, hotel_id, -4, 2)
        assert past["reasons"][0]["code"] == "arrival_in_past"
        for query, status in (({"room_type": "NONE"}, 422), ({"departure": f"{day(5)}"}, 422), ({"adults": "0"}, 422)):
            dates = {"arrival": f"{day(5)}", "departure": f"{day(7)}", "room_type": "DBL"} | query
            answer = await client.get(f"/v1/hotels/{hotel_id}/availability/explain", params=dates)
            assert answer.status_code == status
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{next(iter(query))}"]


async def test_a_rule_names_its_event_and_members_learn_whose_it_is(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        path = f"/v1/hotels/{hotel_id}/room-types/DBL/restrictions"
        nights = {"from": f"{day(30)}", "to": f"{day(40)}"}
        for rules in ({"stop_sell": True}, {"minimum_stay": 3}, {"stop_sell": False}, {"stop_sell": True}):
            last = await administrator.put(path, json={**nights, **rules})
            assert last.status_code == 200, last.text
        other = await administrator.put(path, json={**nights, "to": f"{day(31)}", "stop_sell": False})
        assert other.status_code == 200
        await project(service.settings)
        told = await ask(administrator, hotel_id, 30, 32)
    seq = int(last.json()["position"].rpartition(":")[2])
    stop, minimum = told["reasons"]
    assert [night["date"] for night in stop["nights"]] == [f"{day(31)}"]
    event = stop["nights"][0]["event"]
    assert (event["seq"], event["type"], event["role"]) == (seq, "RestrictionsSet", "administrator")
    assert event["actor"]
    assert minimum["nights"][0]["event"]["seq"] == seq - 2
    async with service.client() as guest, service.staff(hotel_id) as desk:
        public = (await ask(guest, hotel_id, 30, 32))["reasons"][0]["nights"][0]["event"]
        assert public == event | {"actor": None, "role": None}
        assert (await ask(desk, hotel_id, 30, 32))["reasons"][0]["nights"][0]["event"] == event


async def test_what_is_explained_is_what_a_booking_is_refused_for(service: Running) -> None:
    async with service.administrator() as administrator, service.client() as guest:
        hotel_id = await open_hotel(administrator)
        for _ in range(2):
            await guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
        refused = await guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
        await project(service.settings)
        [reason] = (await ask(guest, hotel_id, 30, 32))["reasons"]
    assert (refused.json()["code"], refused.json()["detail"]) == (reason["code"], reason["detail"])
    assert [night["stock"]["sold"] for night in reason["nights"]] == [2, 2]
