"""Changing a booking over HTTP: what it costs afterwards, what is refused and how, and what is pointed at."""

from typing import Any

import httpx

from tests.commands.conftest import Hotel, kept, last_event, opened, pointed, told, written

EVE = {"full_name": "Eve Newcomer", "email": "eve@new.example"}


def _prices(answer: httpx.Response, line: int = 1) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [night["price"]["amount"] for night in answer.json()["lines"][line - 1]["nights"]]


async def test_kept_nights_keep_their_price_and_added_ones_cost_what_they_cost_now(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    await hotel.set("prices", 0, 10, price="175.00")
    changed = await hotel.then(booking, "change", arrival=hotel.day(2).isoformat(), departure=hotel.day(4).isoformat())
    assert _prices(changed) == ["100.00", "175.00"]
    assert changed.json()["total"] == {"amount": "275.00", "currency": "EUR"}
    assert changed.headers["ETag"] == '"2"'
    cheaper = await hotel.then(booking, "change", departure=hotel.day(5).isoformat(), price_override="9.50")
    assert _prices(cheaper) == ["100.00", "175.00", "9.50"]
    same = await hotel.then(booking, "change", departure=hotel.day(5).isoformat(), price_override="1.00")
    assert (_prices(same), same.headers["ETag"]) == (["100.00", "175.00", "9.50"], '"3"')


async def test_rooms_are_the_full_new_set(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3, "DBL", "DBL")
    changed = await hotel.then(
        booking,
        "change",
        rooms=[
            {"line": 2, "departure": hotel.day(2).isoformat(), "adults": 1, "child_ages": [4]},
            {"room_type": "STE", "adults": 2, "children": 1, "guest": EVE},
        ],
    )
    assert changed.status_code == 200, changed.text
    first, second, third = changed.json()["lines"]
    assert [line["state"] for line in (first, second, third)] == ["cancelled", "confirmed", "confirmed"]
    assert (second["adults"], second["child_ages"], len(second["nights"])) == (1, [4], 1)
    assert (third["room_type"], third["child_ages"], len(third["nights"])) == ("STE", [None], 2)
    event_type, event = await last_event(hotel)
    assert event_type == "BookingChanged"
    assert await opened(hotel, event["lines"][1]["guest"]) == EVE | {"phone": None, "language": None}
    assert "Eve" not in await kept(hotel)


async def test_a_change_without_a_difference_is_no_event(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    before = await written(hotel)
    same = await hotel.then(booking, "change", rooms=[{"line": 1, "room_type": "DBL", "adults": 2, "children": 0}])
    assert (same.status_code, same.headers["ETag"], await written(hotel)) == (200, '"1"', before)


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"expected_total": "200.00"}, ""),
    ({"arrival": "2026-02-30"}, "/arrival"),
    ({"departure": 5}, "/departure"),
    ({"arrival": "0001-01-01"}, "/arrival"),
    ({"departure": "9999-12-31"}, "/departure"),
    ({"arrival": "0001-01-01", "departure": "9999-12-31"}, "/departure"),
    ({"arrival": "9999-12-30"}, "/arrival"),
    ({"departure": "0001-01-01"}, "/departure"),
    ({"rooms": []}, "/rooms"),
    ({"rooms": {}}, "/rooms"),
    ({"rooms": [{"line": 1}] * 51}, "/rooms"),
    ({"rooms": [{"line": 0}]}, "/rooms/0/line"),
    ({"rooms": [{"line": "1"}]}, "/rooms/0/line"),
    ({"rooms": [{"line": 9}]}, "/rooms/0/line"),
    ({"rooms": [{"line": 1}, {"line": 1}]}, "/rooms/1/line"),
    ({"rooms": [{"line": 1, "guest": EVE}]}, "/rooms/0/guest"),
    ({"rooms": [{}]}, "/rooms/0/room_type"),
    ({"rooms": [{"line": 1}, {"adults": 1}]}, "/rooms/1/room_type"),
    ({"rooms": [{"line": 1}, {"room_type": "DBL"}]}, "/rooms/1/adults"),
    ({"rooms": [{"line": 1, "room_type": "XXL"}]}, "/rooms/0/room_type"),
    ({"rooms": [{"line": 1}, {"room_type": "XXL", "adults": 1}]}, "/rooms/1/room_type"),
    ({"rooms": [{"line": 1, "adults": 3}]}, "/rooms/0"),
    ({"rooms": [{"line": 1, "adults": 10**30}]}, "/rooms/0/adults"),
    ({"rooms": [{"line": 1, "children": 1, "child_ages": []}]}, "/rooms/0"),
    ({"rooms": [{"line": 1, "child_ages": [18]}]}, "/rooms/0/child_ages/0"),
    ({"rooms": [{"line": 1, "departure": "0001-01-01"}]}, "/rooms/0/departure"),
    ({"rooms": [{"line": 1, "departure": "9999-12-31"}]}, "/rooms/0/departure"),
    ({"rooms": [{"line": 1, "arrival": "0001-01-01", "departure": "0001-01-02"}]}, "/rooms/0/arrival"),
    ({"rooms": [{"line": 1, "vip": True}]}, "/rooms/0/vip"),
    ({"rooms": [{"room_type": "DBL", "adults": 1, "guest": {"full_name": "A"}}]}, "/rooms/0/guest/email"),
    ({"arrival": None, "departure": None, "rooms": None}, ""),
    ({"departure": "+5", "price_override": "1.00"}, "/departure"),
    ({"rooms": [{"line": 1}, {"room_type": "STE", "adults": 1}], "price_override": "1.001"}, "/price_override"),
    ({"rooms": [{"line": 1}], "price_override": "-1"}, "/price_override"),
    ({"rooms": [{"line": 1}], "expected_total": {"amount": "1", "currency": "USD"}}, "/expected_total/currency"),
]


async def test_a_bad_field_is_pointed_at_and_nothing_is_written(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    before = await written(hotel)
    for body, pointer in BAD:
        status, _, pointers = pointed(await hotel.then(booking, "change", **body))
        assert status == 422, body
        assert any(found == pointer or found.startswith(f"{pointer}/") for found in pointers), (body, pointers)
    assert await written(hotel) == before


async def test_dates_in_the_past_too_long_or_the_wrong_way_round_are_named(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)

    async def refused(first: int | None = None, until: int | None = None) -> tuple[int, str, list[str]]:
        dates = {
            name: hotel.day(day).isoformat()
            for name, day in (("arrival", first), ("departure", until))
            if day is not None
        }
        return pointed(await hotel.then(booking, "change", **dates))

    assert await refused(-1) == (422, "arrival_in_past", ["/arrival"])
    assert await refused(5, 4) == (422, "stay_negative", ["/departure"])
    assert await refused(5) == (422, "stay_negative", ["/arrival"])
    assert await refused(None, 300) == (422, "stay_too_long", ["/departure"])
    assert await refused(725, 740) == (422, "beyond_horizon", ["/departure"])
    staying = await hotel.book(0, 2)
    await hotel.then(staying, "assign-room")
    assert (await hotel.then(staying, "check-in")).status_code == 200
    left = await hotel.then(staying, "change", rooms=[{"line": 1, "departure": hotel.day(-1).isoformat()}])
    assert pointed(left) == (422, "stay_negative", ["/rooms/0/departure"])


async def test_a_restricted_night_refuses_what_is_added_and_says_which(hotel: Hotel) -> None:
    booking = await hotel.book(3, 5)
    await hotel.set("restrictions", 6, 7, stop_sell=True)
    await hotel.set("restrictions", 2, 3, minimum_stay=5)
    await hotel.set("restrictions", 1, 2, closed_to_arrival=True)
    await hotel.set("restrictions", 4, 5, closed_to_departure=True)

    async def refused(first: int, until: int) -> tuple[int, str, dict[str, Any]]:
        dates = {"arrival": hotel.day(first).isoformat(), "departure": hotel.day(until).isoformat()}
        return told(await hotel.then(booking, "change", **dates))

    def day(number: int) -> str:
        return hotel.day(number).isoformat()

    assert await refused(3, 8) == (409, "stop_sell", {"room_type": "DBL", "nights": [day(6)]})
    assert await refused(2, 5) == (
        409,
        "minimum_stay",
        {"room_type": "DBL", "arrival": day(2), "minimum": 5, "nights": 3},
    )
    assert await refused(1, 5) == (409, "closed_to_arrival", {"room_type": "DBL", "arrival": day(1)})
    assert await refused(3, 4) == (409, "closed_to_departure", {"room_type": "DBL", "departure": day(4)})


async def test_what_isnt_free_or_costs_something_else_is_refused(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2, "STE")
    await hotel.book(2, 3, "STE")
    before = await written(hotel)
    departure = hotel.day(3).isoformat()
    assert told(await hotel.then(booking, "change", departure=departure)) == (
        409,
        "sold_out",
        {"nights": [{"room_type": "STE", "date": hotel.day(2).isoformat(), "free": 0, "wanted": 1}]},
    )
    rooms = [{"line": 1, "room_type": "DBL"}]
    assert told(await hotel.then(booking, "change", rooms=rooms, expected_total="99.00")) == (
        409,
        "price_changed",
        {"total": {"amount": "100.00", "currency": "EUR"}},
    )
    assert await written(hotel) == before
    agreed = await hotel.then(booking, "change", rooms=rooms, expected_total={"amount": "100.00", "currency": "EUR"})
    assert agreed.json()["lines"][0]["room_type"] == "DBL"


async def test_of_guests_in_house_only_the_departure_changes(hotel: Hotel) -> None:
    booking = await hotel.book(0, 2)
    await hotel.then(booking, "assign-room", line=1, room="101")
    assert (await hotel.then(booking, "check-in")).status_code == 200
    in_house = await hotel.then(booking, "change", rooms=[{"line": 1, "adults": 1}])
    assert told(in_house) == (409, "in_house", {"line": 1, "field": "adults"})
    longer = await hotel.then(booking, "change", departure=hotel.day(3).isoformat())
    assert [night["room"] for night in longer.json()["lines"][0]["nights"]] == ["101"] * 3
    left_out = await hotel.then(booking, "change", rooms=[{"room_type": "DBL", "adults": 1}])
    assert told(left_out) == (409, "wrong_state", {"lines": [{"line": 1, "state": "checked_in"}]})
    await hotel.then(booking, "check-out")
    over = await hotel.then(booking, "change", departure=hotel.day(3).isoformat())
    assert told(over) == (409, "wrong_state", {"lines": [{"line": 1, "state": "checked_out"}]})


async def test_a_booking_has_at_most_fifty_lines(hotel: Hotel) -> None:
    booking = await hotel.book(1, 1)
    answer = await hotel.then(booking, "change", rooms=[{"room_type": "DBL", "adults": 1}] * 50)
    assert pointed(answer) == (422, "too_many_lines", ["/rooms"])
    assert told(answer)[2] == {"maximum": 50}


async def test_a_held_booking_stays_held(hotel: Hotel) -> None:
    held = await hotel.book(1, 2, state="hold")
    changed = await hotel.then(held, "change", departure=hotel.day(3).isoformat())
    assert (changed.json()["state"], len(changed.json()["lines"][0]["nights"])) == ("held", 2)
    assert changed.json()["hold_until"] == held.json()["hold_until"]
