"""The room rack: who has which room when, what is out of order, and whom to room."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from readmodels import tables
from tests.clients import Running
from tests.http.read_tables import NOW, World, day


@pytest.fixture
async def hotel_id(world: World) -> UUID:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL")
    world.room_type(hotel_id, "STE", rooms=1)
    return hotel_id


@pytest.fixture
async def staff(service: Running, hotel_id: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with service.staff(hotel_id, "front_desk") as client:
        yield client


async def rack(staff: httpx.AsyncClient, hotel_id: UUID, first: int = 5, until: int = 10) -> dict[str, Any]:
    answer = await staff.get(
        f"/v1/hotels/{hotel_id}/room-rack", params={"from": f"{day(first)}", "to": f"{day(until)}"}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def stays(body: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    return {room["room"]: [(stay["from"], stay["to"]) for stay in room["stays"]] for room in body["rooms"]}


def awaiting(body: dict[str, Any]) -> list[tuple[str, int, list[str]]]:
    return [(line["booking_id"], line["line"], line["nights"]) for line in body["unassigned"]]


def days(*offsets: int) -> list[str]:
    return [f"{day(offset)}" for offset in offsets]


async def test_rooms_come_by_type_with_who_has_them(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    booking_id = world.booking(hotel_id, arrival=6, nights=3, rooms=["DBL2"], reference="LIS-ABCD2345")
    await world.write()
    body = await rack(staff, hotel_id)
    assert (body["from"], body["to"], body["hotel_id"]) == (f"{day(5)}", f"{day(10)}", str(hotel_id))
    assert [(room["room"], room["room_type"]) for room in body["rooms"]] == [
        ("DBL1", "DBL"), ("DBL2", "DBL"), ("STE1", "STE"),
    ]  # fmt: skip
    assert body["rooms"][1]["stays"] == [
        {
            "booking_id": str(booking_id), "reference": "LIS-ABCD2345", "line": 1, "state": "confirmed",
            "guest_name": "Ada Lovelace", "from": f"{day(6)}", "to": f"{day(9)}", "arrival": f"{day(6)}",
            "departure": f"{day(9)}",
        }
    ]  # fmt: skip
    assert [room["stays"] for room in (body["rooms"][0], body["rooms"][2])] == [[], []]
    assert body["unassigned"] == []


async def test_stays_that_share_a_night_with_the_range_are_there_and_whole(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    for arrival, nights in ((2, 3), (3, 3), (9, 4), (10, 2)):
        world.booking(hotel_id, arrival=arrival, nights=nights, rooms=["DBL1"])
    world.booking(hotel_id, arrival=5, nights=180, rooms=["DBL2"])
    world.booking(hotel_id, arrival=5, nights=0, rooms=["STE1"])
    world.booking(hotel_id, arrival=4, nights=0, rooms=["STE1"])
    world.booking(hotel_id, arrival=9, nights=0, rooms=["STE1"])
    world.booking(hotel_id, arrival=10, nights=0, rooms=["STE1"])
    await world.write()
    assert stays(await rack(staff, hotel_id)) == {
        "DBL1": [(f"{day(3)}", f"{day(6)}"), (f"{day(9)}", f"{day(13)}")],
        "DBL2": [(f"{day(5)}", f"{day(185)}")],
        "STE1": [(f"{day(5)}", f"{day(5)}"), (f"{day(9)}", f"{day(9)}")],
    }


async def test_a_stay_of_which_the_last_night_is_in_the_range_may_have_begun_long_ago(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    world.booking(hotel_id, arrival=-174, nights=180, rooms=["DBL1"], state="checked_in")
    await world.write()
    assert len(stays(await rack(staff, hotel_id, 5, 6))["DBL1"]) == 1
    assert len(stays(await rack(staff, hotel_id, -174, -173))["DBL1"]) == 1


async def test_a_guest_who_moved_is_in_both_rooms(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    booking_id = world.booking(hotel_id, arrival=5, nights=4, state="checked_in")
    world.room_stay(hotel_id, booking_id, "DBL1", 5, 7)
    world.room_stay(hotel_id, booking_id, "STE1", 7, 9)
    await world.write()
    body = await rack(staff, hotel_id)
    assert stays(body) == {
        "DBL1": [(f"{day(5)}", f"{day(7)}")], "DBL2": [], "STE1": [(f"{day(7)}", f"{day(9)}")],
    }  # fmt: skip
    [stay] = body["rooms"][2]["stays"]
    assert (stay["arrival"], stay["departure"], stay["state"]) == (f"{day(5)}", f"{day(9)}", "checked_in")
    assert body["unassigned"] == []


async def test_rooms_out_of_order_say_why_unless_that_is_erased(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    world.outage(hotel_id, "DBL1", 3, 6)
    world.outage(hotel_id, "DBL1", 9, 12, reason=None)
    world.outage(hotel_id, "DBL2", 2, 5)
    world.outage(hotel_id, "DBL2", 10, 11)
    await world.write()
    rooms = (await rack(staff, hotel_id))["rooms"]
    assert rooms[0]["out_of_order"] == [
        {"from": f"{day(3)}", "to": f"{day(6)}", "reason": "a leak"},
        {"from": f"{day(9)}", "to": f"{day(12)}", "reason": None},
    ]
    assert rooms[1]["out_of_order"] == []


async def test_lines_that_await_a_room_say_for_which_nights(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    partly = world.booking(hotel_id, arrival=5, nights=4, lines=2, rooms=["DBL1", None], reference="AAA-AAAA2345")
    later = world.booking(hotel_id, arrival=8, nights=4)
    day_uses = [world.booking(hotel_id, arrival=arrival, nights=0) for arrival in (9, 5)]
    world.booking(hotel_id, arrival=10, nights=0)
    moved = world.booking(hotel_id, arrival=6, nights=4, state="checked_in")
    world.room_stay(hotel_id, moved, "DBL2", 6, 8)
    await world.write()
    body = await rack(staff, hotel_id)
    assert awaiting(body) == [
        (str(partly), 2, days(5, 6, 7, 8)),
        (str(day_uses[1]), 1, []),
        (str(moved), 1, days(8, 9)),
        (str(later), 1, days(8, 9)),
        (str(day_uses[0]), 1, []),
    ]
    assert {name: value for name, value in body["unassigned"][0].items() if name != "nights"} == {
        "booking_id": str(partly), "reference": "AAA-AAAA2345", "line": 2, "state": "confirmed",
        "guest_name": "Ada Lovelace", "room_type": "DBL", "arrival": f"{day(5)}", "departure": f"{day(9)}",
    }  # fmt: skip


async def test_nobody_is_roomed_who_will_not_come_or_whose_nights_are_over(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    for state in ("cancelled", "expired", "no_show", "checked_out"):
        world.booking(hotel_id, arrival=1, nights=3, state=state, claim=None)
    for hold_until in (NOW - timedelta(minutes=1), NOW - timedelta(days=3)):
        world.booking(hotel_id, arrival=1, nights=3, state="held", claim="held", hold_until=hold_until)
    world.booking(hotel_id, arrival=-5, nights=2)
    world.booking(hotel_id, arrival=-3, nights=0)
    begun = world.booking(hotel_id, arrival=-4, nights=6)
    held = world.booking(hotel_id, arrival=1, nights=2, state="held", claim="held", hold_until=NOW + timedelta(hours=1))
    await world.write()
    body = await rack(staff, hotel_id, -6, 10)
    today = (await staff.get(f"/v1/hotels/{hotel_id}")).json()["business_date"]
    left = [night for night in days(-1, 0, 1) if night >= today]
    assert awaiting(body) == [(str(begun), 1, left), (str(held), 1, days(1, 2))]


async def test_each_line_of_a_booking_stands_for_itself(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    booking_id = world.booking(hotel_id, arrival=5, lines=4, rooms=[None, "DBL1", None, "DBL2"])
    grace = uuid4()
    lines = {row.line: row for row in world.rows if isinstance(row, tables.Line)}
    lines[1].state = "cancelled"
    lines[2].state, lines[2].guest_id, lines[4].guest_id = "checked_in", grace, None
    world.rows.append(
        tables.Guest(
            hotel_id=hotel_id, guest_id=grace, full_name="Grace Hopper", email=None, phone=None, language=None,
            erased=False,
        )
    )  # fmt: skip
    await world.write()
    body = await rack(staff, hotel_id)
    shown = [(stay["line"], stay["state"], stay["guest_name"]) for room in body["rooms"] for stay in room["stays"]]
    assert shown == [(2, "checked_in", "Grace Hopper"), (4, "confirmed", "Ada Lovelace")]
    assert awaiting(body) == [(str(booking_id), 3, days(5, 6))]


async def test_an_erased_guest_has_no_name(staff: httpx.AsyncClient, world: World, hotel_id: UUID) -> None:
    world.booking(hotel_id, arrival=6, rooms=["DBL1"], full_name=None)
    world.booking(hotel_id, arrival=6, full_name=None)
    await world.write()
    body = await rack(staff, hotel_id)
    assert [body["rooms"][0]["stays"][0]["guest_name"], body["unassigned"][0]["guest_name"]] == [None, None]


async def test_two_weeks_from_the_business_date_unless_told_and_92_days_at_most(
    staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    await world.write()
    path = f"/v1/hotels/{hotel_id}/room-rack"
    today = (await staff.get(f"/v1/hotels/{hotel_id}")).json()["business_date"]
    body = (await staff.get(path)).json()
    assert body["from"] == today
    assert (await staff.get(path, params={"from": f"{day(3)}"})).json()["to"] == f"{day(17)}"
    for first, until, code in ((5, 4, "stay_negative"), (0, 93, "stay_too_long"), (0, 92, None), (3, 3, None)):
        answer = await staff.get(path, params={"from": f"{day(first)}", "to": f"{day(until)}"})
        assert (answer.json().get("code"), answer.status_code) == (code, 200 if code is None else 422)
    for query, pointer in (("from=2026-02-30", "/from"), ("to=9999-12-31", "/to"), ("nonsense=1", "/nonsense")):
        answer = await staff.get(f"{path}?{query}")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], query


async def test_only_members_see_a_hotels_own_rack(
    service: Running, staff: httpx.AsyncClient, world: World, hotel_id: UUID
) -> None:
    other = world.hotel("Other")
    world.room_type(other, "DBL", rooms=3)
    world.booking(other, arrival=6, rooms=["DBL1"])
    world.booking(other, arrival=6)
    world.outage(other, "DBL1", 8, 9)
    await world.write()
    body = await rack(staff, hotel_id)
    assert (stays(body), body["unassigned"]) == ({"DBL1": [], "DBL2": [], "STE1": []}, [])
    assert body["rooms"][0]["out_of_order"] == []
    assert (await staff.get(f"/v1/hotels/{other}/room-rack")).status_code == 403
    async with service.client() as stranger, service.administrator() as administrator:
        assert (await stranger.get(f"/v1/hotels/{hotel_id}/room-rack")).status_code == 401
        unknown = await administrator.get(f"/v1/hotels/{uuid4()}/room-rack")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_hotel")
