"""Which line has which room, over HTTP: by hand, by rule, swapped, given back, and needed to check in."""

from typing import Any

import httpx

from tests.commands.conftest import Hotel, last_event, pointed, told, written


def _rooms(answer: httpx.Response) -> list[list[str | None]]:
    """The room of each night of each line."""
    assert answer.status_code == 200, answer.text
    return [[night["room"] for night in line["nights"]] for line in answer.json()["lines"]]


def _types(answer: httpx.Response, line: int = 1) -> list[str]:
    return [night["room_type"] for night in answer.json()["lines"][line - 1]["nights"]]


async def test_a_room_is_given_by_hand_for_all_nights_or_for_some(hotel: Hotel) -> None:
    booking = await hotel.book(1, 4)
    whole = await hotel.then(booking, "assign-room", line=1, room="102")
    assert (_rooms(whole), whole.json()["lines"][0]["room"]) == ([["102"] * 3], "102")
    part = await hotel.then(booking, "assign-room", line=1, room="101", **hotel.span(2, 3))
    assert (_rooms(part), part.json()["lines"][0]["room"]) == ([["102", "101", "102"]], "102")
    before = await written(hotel)
    same = await hotel.then(booking, "assign-room", line=1, room="101", **hotel.span(2, 3))
    assert (same.headers["ETag"], await written(hotel)) == ('"3"', before)


async def test_rooms_are_given_by_the_rule_and_by_features(hotel: Hotel) -> None:
    await hotel.room("102", "features", features=["sea_view"])
    booking = await hotel.book(1, 3, "DBL", "DBL")
    by_feature = await hotel.then(booking, "assign-room", lines=[2], features=["sea_view"])
    assert _rooms(by_feature) == [[None, None], ["102", "102"]]
    assert _rooms(await hotel.then(booking, "assign-room")) == [["101", "101"], ["102", "102"]]
    assert (await last_event(hotel))[1]["automatic"] is True
    other = await hotel.book(3, 4)
    refused = await hotel.then(other, "assign-room", features=["sea_view", "balcony"])
    assert told(refused) == (
        409,
        "no_room_fits",
        {"room_type": "DBL", "lines": [1], "features": ["balcony", "sea_view"]},
    )


async def test_an_upgrade_takes_the_stock_of_the_rooms_type_and_keeps_price_and_type(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    upgraded = await hotel.then(booking, "assign-room", room_type="STE")
    line = upgraded.json()["lines"][0]
    assert (_rooms(upgraded), _types(upgraded)) == ([["201", "201"]], ["STE", "STE"])
    assert (line["room_type"], upgraded.json()["total"]["amount"]) == ("DBL", "200.00")
    assert told(await hotel.book(2, 3, "STE"))[1] == "sold_out"
    assert [(await hotel.book(1, 3)).status_code for _ in range(3)] == [201, 201, 409]
    back = await hotel.then(booking, "release-room")
    assert told(back) == (
        409,
        "sold_out",
        {
            "nights": [
                {"room_type": "DBL", "date": hotel.day(day).isoformat(), "free": 0, "wanted": 1} for day in (1, 2)
            ]
        },
    )


async def test_a_room_that_somebody_has_or_that_is_out_of_order_is_refused(hotel: Hotel) -> None:
    first, second = await hotel.book(1, 4), await hotel.book(2, 5, "DBL")
    await hotel.then(first, "assign-room", line=1, room="101")
    assert told(await hotel.then(second, "assign-room", line=1, room="101")) == (
        409,
        "room_taken",
        {
            "room": "101",
            "stays": [
                {
                    "booking_id": first.json()["booking_id"],
                    "line": 1,
                    "from": hotel.day(1).isoformat(),
                    "to": hotel.day(4).isoformat(),
                }
            ],
        },
    )
    both = await hotel.book(10, 12, "DBL", "DBL")
    await hotel.then(both, "assign-room", line=1, room="101")
    taken = told(await hotel.then(both, "assign-room", line=2, room="101"))
    assert taken[2]["stays"][0]["booking_id"] is None
    assert (await hotel.room("102", "out-of-order", **hotel.span(11, 13, reason="paint"))).status_code == 409
    assert (await hotel.room("201", "out-of-order", **hotel.span(11, 13, reason="paint"))).status_code == 200
    assert told(await hotel.then(both, "assign-room", line=2, room="201")) == (
        409,
        "room_out_of_order",
        {"room": "201", "from": hotel.day(11).isoformat(), "to": hotel.day(13).isoformat()},
    )


async def test_check_in_needs_a_room_for_tonight(hotel: Hotel) -> None:
    booking = await hotel.book(0, 2, "DBL", "DBL")
    await hotel.then(booking, "assign-room", line=2, room="102")
    before = await written(hotel)
    assert told(await hotel.then(booking, "check-in")) == (409, "room_needed", {"lines": [1]})
    assert await written(hotel) == before
    await hotel.then(booking, "assign-room")
    assert (await hotel.then(booking, "check-in")).json()["state"] == "checked_in"
    day_use = await hotel.book(0, 0)
    assert (await hotel.then(day_use, "check-in")).json()["state"] == "checked_in"


async def test_guests_in_house_move_by_hand_and_keep_their_rooms_otherwise(hotel: Hotel) -> None:
    booking = await hotel.book(0, 2)
    await hotel.then(booking, "assign-room", line=1, room="101")
    await hotel.then(booking, "check-in")
    moved = await hotel.then(booking, "assign-room", line=1, room="201")
    assert (_rooms(moved), _types(moved)) == ([["201", "201"]], ["STE", "STE"])
    assert told(await hotel.then(booking, "release-room"))[:2] == (409, "wrong_state")
    assert told(await hotel.then(booking, "assign-room"))[:2] == (409, "wrong_state")
    over = await hotel.then(booking, "assign-room", line=1, room="101", **hotel.span(-1, 2))
    assert told(over) == (
        409,
        "no_nights_left",
        {"line": 1, "from": hotel.day(0).isoformat(), "to": hotel.day(2).isoformat()},
    )


async def test_lines_swap_rooms_within_a_booking_and_with_another(hotel: Hotel) -> None:
    booking, other = await hotel.book(1, 3, "DBL", "DBL"), await hotel.book(1, 3, "STE")
    nothing = await hotel.then(booking, "swap-rooms", line=1, other_line=2)
    assert told(nothing) == (409, "nothing_to_swap", {"line": 2})
    await hotel.then(booking, "assign-room")
    await hotel.then(other, "assign-room")
    swapped = await hotel.then(booking, "swap-rooms", line=1, other_line=2)
    assert _rooms(swapped) == [["102", "102"], ["101", "101"]]
    booking_id = booking.json()["booking_id"]
    named = await hotel.then(booking, "swap-rooms", line=1, other_line=2, other_booking_id=booking_id)
    assert _rooms(named) == [["101", "101"], ["102", "102"]]
    with_other = await hotel.then(
        booking, "swap-rooms", line=2, other_line=1, other_booking_id=other.json()["booking_id"]
    )
    assert (_rooms(with_other), _types(with_other, 2)) == ([["101", "101"], ["201", "201"]], ["STE", "STE"])
    again = await hotel.then(other, "assign-room", line=1, room="102")
    assert (_rooms(again), again.headers["ETag"]) == ([["102", "102"]], '"3"')


async def test_a_room_given_back_awaits_the_next(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    await hotel.then(booking, "assign-room", room_type="STE")
    released = await hotel.then(booking, "release-room", lines=[1])
    assert (_rooms(released), _types(released)) == ([[None, None]], ["DBL", "DBL"])
    assert released.json()["lines"][0]["room"] is None
    before = await written(hotel)
    again = await hotel.then(booking, "release-room")
    assert (again.status_code, await written(hotel)) == (200, before)


async def test_a_walk_frees_the_nights_at_a_cost(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3, "STE")
    walked = await hotel.then(booking, "walk", cost="80.00", sent_to="Hotel Elsewhere")
    assert walked.json()["state"] == "cancelled"
    event_type, event = await last_event(hotel)
    assert (event_type, event["cost"], event["lines"]) == ("GuestsWalked", "80.00", [1])
    assert (await hotel.book(1, 3, "STE")).status_code == 201
    assert told(await hotel.then(booking, "walk", cost="80.00")) == (
        409,
        "wrong_state",
        {"lines": [{"line": 1, "state": "cancelled"}]},
    )


NOBODY = "0192b3a4-0000-7000-8000-000000000000"
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("assign-room", {"line": 1}, "invalid_request", "/room"),
    ("assign-room", {"room": "101"}, "invalid_request", "/line"),
    ("assign-room", {"from": "2030-01-01"}, "invalid_request", "/line"),
    ("assign-room", {"line": 1, "room": "101", "lines": [1]}, "invalid_request", "/lines"),
    ("assign-room", {"line": 1, "room": "101", "room_type": "DBL"}, "invalid_request", "/room_type"),
    ("assign-room", {"line": 1, "room": "101", "features": []}, "invalid_request", "/features"),
    ("assign-room", {"line": 9, "room": "101"}, "unknown_line", "/line"),
    ("assign-room", {"line": 51, "room": "101"}, "invalid_request", "/line"),
    ("assign-room", {"line": True, "room": "101"}, "invalid_request", "/line"),
    ("assign-room", {"line": 1, "room": "999"}, "unknown_room", "/room"),
    ("assign-room", {"line": 1, "room": 101}, "invalid_request", "/room"),
    ("assign-room", {"line": 1, "room": "\u0000"}, "invalid_request", "/room"),
    ("assign-room", {"line": 1, "room": "x" * 30}, "invalid_request", "/room"),
    ("assign-room", {"line": 1, "room": "101", "from": "soon"}, "invalid_request", "/from"),
    ("assign-room", {"line": 1, "room": "101", "to": 5}, "invalid_request", "/to"),
    ("assign-room", {"lines": []}, "invalid_request", "/lines"),
    ("assign-room", {"lines": [9]}, "unknown_line", "/lines"),
    ("assign-room", {"room_type": "XXL"}, "unknown_room_type", "/room_type"),
    ("assign-room", {"room_type": ""}, "invalid_request", "/room_type"),
    ("assign-room", {"features": ["Sea View"]}, "invalid_request", "/features/0"),
    ("assign-room", {"features": ["a"] * 21}, "invalid_request", "/features"),
    ("assign-room", {"rooms": ["101"]}, "invalid_request", "/rooms"),
    ("release-room", {"lines": [9]}, "unknown_line", "/lines"),
    ("release-room", {"lines": 1}, "invalid_request", "/lines"),
    ("release-room", {"line": 1}, "invalid_request", "/line"),
    ("swap-rooms", {"line": 1}, "invalid_request", "/other_line"),
    ("swap-rooms", {"other_line": 1}, "invalid_request", "/line"),
    ("swap-rooms", {"line": 9, "other_line": 1}, "unknown_line", "/line"),
    ("swap-rooms", {"line": 1, "other_line": 9}, "unknown_line", "/other_line"),
    ("swap-rooms", {"line": 1, "other_line": 1, "other_booking_id": "x"}, "invalid_request", "/other_booking_id"),
    ("swap-rooms", {"line": 1, "other_line": 1, "other_booking_id": NOBODY}, "unknown_booking", "/other_booking_id"),
    ("walk", {}, "invalid_request", "/cost"),
    ("walk", {"cost": 80}, "invalid_request", "/cost"),
    ("walk", {"cost": "-80"}, "invalid_request", "/cost"),
    ("walk", {"cost": "80.001"}, "price_not_representable", "/cost"),
    ("walk", {"cost": "80", "sent_to": ""}, "invalid_request", "/sent_to"),
    ("walk", {"cost": "80", "sent_to": "x" * 201}, "invalid_request", "/sent_to"),
    ("walk", {"cost": "80", "sent_to": ["x"]}, "invalid_request", "/sent_to"),
    ("walk", {"cost": "80", "lines": [9]}, "unknown_line", "/lines"),
]


async def test_a_bad_field_is_pointed_at_and_nothing_is_written(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    before = await written(hotel)
    for action, body, code, pointer in BAD:
        answer = await hotel.then(booking, action, **body)
        assert pointed(answer) == (422, code, [pointer]), (action, body, answer.text)
    assert await written(hotel) == before


async def test_dates_at_the_ends_of_the_calendar_are_refused(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    for dates in ({"from": "0001-01-01"}, {"to": "9999-12-31"}, {"from": "9999-12-31", "to": "0001-01-01"}):
        answer = await hotel.then(booking, "assign-room", line=1, room="101", **dates)
        assert told(answer)[:2] == (409, "no_nights_left"), dates
