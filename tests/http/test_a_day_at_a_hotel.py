"""A day at a hotel, through HTTP alone: at its end calendar, rack, bookings and ledger tell the same story."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import orjson

from staysync.verify import verify
from tests.clients import Running, project
from tests.machine.model import Model, days
from tests.machine.test_http import FedEvent

TODAY = datetime.now(UTC).date()
DOUBLES = [str(100 + number) for number in range(1, 16)]


def day(number: int) -> str:
    """A date, counted from today."""
    return (TODAY + timedelta(days=number)).isoformat()


class Desk:
    """The front desk of one hotel, and its manager for what takes one."""

    def __init__(self, hotel_id: UUID, desk: httpx.AsyncClient, manager: httpx.AsyncClient) -> None:
        self.path = f"/v1/hotels/{hotel_id}"
        self.desk = desk
        self.manager = manager
        self.position = ""

    async def book(self, name: str, until: int, *room_types: str, status: int = 201) -> dict[str, Any]:
        """A booking from today on."""
        body = {
            "arrival": day(0),
            "departure": day(until),
            "rooms": [{"room_type": code, "adults": 2} for code in room_types],
            "guest": {"full_name": name, "email": "guest@example.org"},
        }
        return self._told(await self.desk.post(f"{self.path}/bookings", json=body), status)

    async def then(self, booking: dict[str, Any], what: str, status: int = 200, **body: Any) -> dict[str, Any]:
        """A command on a booking."""
        path = f"{self.path}/bookings/{booking['booking_id']}/{what}"
        return self._told(await self.desk.post(path, json=body), status)

    async def manage(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """What a manager says of rooms and nights."""
        return self._told(await self.manager.request(method, f"{self.path}/{path}", json=body), 200)

    async def ask(self, question: str, **parameters: str) -> dict[str, Any]:
        """An answer that includes everything that was commanded so far."""
        headers = {"StaySync-Min-Position": self.position}
        client = self.manager if question == "ledger" else self.desk
        return self._told(await client.get(f"{self.path}/{question}", params=parameters, headers=headers), 200)

    def _told(self, answer: httpx.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        self.position = answer.headers.get("StaySync-Position", self.position)
        told: dict[str, Any] = answer.json()
        return told


async def open_the_house(service: Running) -> UUID:
    """Fifteen doubles and one suite, whose day begins at midnight in UTC."""
    async with service.administrator() as administrator:
        opened = await administrator.post(
            "/v1/hotels",
            json={
                "name": "Grand",
                "city": "Lisbon",
                "country": "PT",
                "timezone": "UTC",
                "currency": "EUR",
                "business_day_rolls_at": "00:00",
                "bookable_horizon_days": 10,
            },
        )
        assert opened.status_code == 201, opened.text
        hotel_id = UUID(opened.json()["hotel_id"])
        for code, price, rooms in (("DBL", "100.00", DOUBLES), ("STE", "250.50", ["201"])):
            kind = {"code": code, "name": code, "max_adults": 2, "max_children": 1, "base_price": price, "rooms": rooms}
            added = await administrator.post(f"/v1/hotels/{hotel_id}/room-types", json=kind)
            assert added.status_code == 201, added.text
    return hotel_id


async def test_at_the_end_of_a_day_everything_agrees(service: Running) -> None:
    hotel_id = await open_the_house(service)
    async with service.staff(hotel_id) as desk, service.staff(hotel_id, "manager") as manager:
        house = Desk(hotel_id, desk, manager)
        bookings = await the_day(house)
        await project(service.settings)
        await they_agree(house, bookings)
    report = await verify(service.settings)
    assert report.differences == []


async def the_day(house: Desk) -> dict[str, dict[str, Any]]:
    """What happens; the bookings as they stand in the evening, by whose they are."""
    # In the morning the manager lets the suite be sold twice.
    await house.manage(
        "PUT", "room-types/STE/allowance", **{"from": day(0), "to": day(2)}, allowance=1, reason="a fair"
    )
    no_show = await house.book("Late Larsson", 3, "DBL")
    suites = [await house.book(name, 2, "STE") for name in ("Suzi Suite", "Twice Sold")]
    await house.book("Thrice Sold", 2, "STE", status=409)

    # A group of twelve rooms arrives, and has its rooms by the rule.
    group = await house.book("Group Leader", 3, *["DBL"] * 12)
    assert (await house.then(group, "check-in", 409))["code"] == "room_needed"
    roomed = await house.then(group, "assign-room")
    rooms = [line["room"] for line in roomed["lines"]]
    assert len(set(rooms)) == 12
    group = await house.then(group, "check-in")
    assert {line["state"] for line in group["lines"]} == {"checked_in"}

    # Water comes through the ceiling of the first: its guests move, and the room can't be used for two nights.
    leaking = rooms[0]
    dry = next(room for room in DOUBLES if room not in rooms)
    span = {"from": day(0), "to": day(2)}
    refused = await desk_refused(house, leaking, span)
    assert refused["code"] == "room_taken"
    group = await house.then(group, "assign-room", line=1, room=dry)
    assert group["lines"][0]["room"] == dry
    await house.manage("POST", f"rooms/{leaking}/out-of-order", **span, reason="water through the ceiling")

    # A walk-in takes the last double but one; then the hotel has one left, for whoever doesn't come.
    walk_in = await house.book("Wanda Walk-In", 1, "DBL")
    await house.then(walk_in, "assign-room")
    walk_in = await house.then(walk_in, "check-in")
    assert walk_in["total"] == {"amount": "100.00", "currency": "EUR"}
    assert (await house.book("One Too Many", 1, "DBL", status=409))["code"] == "sold_out"

    # One of the suite's two guests gets it; the other is walked.
    await house.then(suites[0], "assign-room", line=1, room="201")
    suites[0] = await house.then(suites[0], "check-in")
    assert (await house.then(suites[1], "assign-room", 409))["code"] == "no_room_fits"
    suites[1] = await house.then(suites[1], "walk", cost="180.00", sent_to="the hotel across the street")
    assert suites[1]["state"] == "cancelled"

    # One room of the group leaves two nights early; who didn't come by night is a no-show.
    rooms_wanted = [*({"line": number} for number in range(1, 12)), {"line": 12, "departure": day(1)}]
    group = await house.then(group, "change", rooms=rooms_wanted)
    assert [night["date"] for night in group["lines"][11]["nights"]] == [day(0)]
    assert group["total"] == {"amount": "3400.00", "currency": "EUR"}
    no_show = await house.then(no_show, "no-show")
    return {
        "Group Leader": group,
        "Late Larsson": no_show,
        "Suzi Suite": suites[0],
        "Twice Sold": suites[1],
        "Wanda Walk-In": walk_in,
    }


async def desk_refused(house: Desk, room: str, span: dict[str, str]) -> dict[str, Any]:
    """What the desk is told when it takes an occupied room out of order."""
    answer = await house.desk.post(f"{house.path}/rooms/{room}/out-of-order", json={**span, "reason": "water"})
    assert answer.status_code == 409, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def they_agree(house: Desk, bookings: dict[str, dict[str, Any]]) -> None:
    """Calendar, rack, bookings and ledger, each against what the plain model makes of the ledger."""
    model = Model()
    page = await house.ask("ledger", limit="200")
    for item in page["items"]:
        model.apply(
            FedEvent(
                seq=item["seq"],
                stream_id=UUID(item["stream_id"]),
                version=item["version"],
                type=item["type"],
                recorded_at=datetime.fromisoformat(item["recorded_at"]),
                data=orjson.dumps(item["data"]).decode(),
            )
        )
    assert page["next"] is None

    calendar = await house.ask("calendar", **{"from": day(0), "to": day(4)})
    nights = {
        (kind["code"], date.fromisoformat(night["date"])): (night["in_service"], night["free"])
        for kind in calendar["room_types"]
        for night in kind["nights"]
    }
    for key, (in_service, allowance, sold, held, *_) in model.nights().items():
        if key in nights:
            assert nights[key] == (in_service, in_service + allowance - sold - held), key
    assert nights["DBL", TODAY] == (14, 0)  # twelve of the group, the walk-in, and the no-show's first night
    assert nights["DBL", TODAY + timedelta(days=1)] == (14, 3)
    assert nights["DBL", TODAY + timedelta(days=2)] == (15, 4)
    assert nights["STE", TODAY] == (1, 1)

    rack = await house.ask("room-rack", **{"from": day(0), "to": day(4)})
    shown = {
        (room["room"], night, UUID(stay["booking_id"]), stay["line"])
        for room in rack["rooms"]
        for stay in room["stays"]
        for night in days(stay["from"], stay["to"])
    }
    assert shown == model.room_nights()
    assert Counter(night for _, night, _, _ in shown)[TODAY] == 14  # twelve, the walk-in, the suite
    assert rack["unassigned"] == []
    out = {room["room"]: room["out_of_order"] for room in rack["rooms"] if room["out_of_order"]}
    assert [outage["reason"] for outages in out.values() for outage in outages] == ["water through the ceiling"]

    listed = (await house.ask("bookings", limit="200"))["items"]
    assert {booking["guest"]["full_name"]: booking["state"] for booking in listed} == {
        "Group Leader": "checked_in",
        "Late Larsson": "no_show",
        "Suzi Suite": "checked_in",
        "Twice Sold": "cancelled",
        "Wanda Walk-In": "checked_in",
    }
    for booking in listed:
        said = bookings[booking["guest"]["full_name"]]
        assert booking["total"] == said["total"]
        stay = model.stays[UUID(booking["booking_id"])]
        assert booking["version"] == said["version"] == stay.version
        alive = [line for line in stay.lines.values() if line.state != "cancelled"] or list(stay.lines.values())
        assert Decimal(booking["total"]["amount"]) == sum(price for line in alive for price in line.price.values())
