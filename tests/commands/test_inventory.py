"""Restrictions, allowance, prices and rooms out of order over HTTP: what they do to the sale, and what refuses them."""

from typing import Any
from urllib.parse import quote

import pytest

from command import concerned
from tests.commands.conftest import Hotel, last_event, opened, pointed, told, written


async def test_restrictions_refuse_new_stays_and_say_which(hotel: Hotel) -> None:
    def day(number: int) -> str:
        return hotel.day(number).isoformat()

    changed = await hotel.manager.put(
        f"{hotel.path}/room-types/DBL/restrictions", json=hotel.span(10, 12, stop_sell=True, minimum_stay=3)
    )
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"1"')
    assert (await last_event(hotel))[1]["closed_to_arrival"] is None
    await hotel.set("restrictions", 10, 12, stop_sell=False)
    await hotel.set("restrictions", 20, 21, stop_sell=True)
    await hotel.set("restrictions", 22, 23, closed_to_arrival=True, closed_to_departure=True)
    assert told(await hotel.book(10, 12)) == (
        409,
        "minimum_stay",
        {"room_type": "DBL", "arrival": day(10), "minimum": 3, "nights": 2},
    )
    assert told(await hotel.book(19, 21)) == (409, "stop_sell", {"room_type": "DBL", "nights": [day(20)]})
    assert told(await hotel.book(22, 24)) == (409, "closed_to_arrival", {"room_type": "DBL", "arrival": day(22)})
    assert told(await hotel.book(21, 22)) == (409, "closed_to_departure", {"room_type": "DBL", "departure": day(22)})
    for first, until in ((10, 13), (9, 11), (21, 24), (20, 20), (22, 22)):  # the last two are day use
        assert (await hotel.book(first, until)).status_code == 201, (first, until)


async def test_restrictions_hold_on_their_weekdays_only(hotel: Hotel) -> None:
    sunday = 7 - hotel.day(0).isoweekday() + 7
    await hotel.set("restrictions", sunday - 6, sunday + 1, stop_sell=True, weekdays=[7, 7])
    assert (await hotel.book(sunday - 1, sunday)).status_code == 201
    assert told(await hotel.book(sunday, sunday + 1))[1] == "stop_sell"


async def test_a_managers_allowance_is_sold_and_its_reason_sealed(hotel: Hotel) -> None:
    allowed = await hotel.set("allowance", 1, 2, "STE", allowance=1, reason="Zoe leaves early")
    assert (allowed.status_code, allowed.headers["ETag"]) == (200, '"1"'), allowed.text
    event_type, event = await last_event(hotel)
    assert (event_type, event["allowance"]) == ("AllowanceSet", 1)
    assert await opened(hotel, event["reason"]) == {"text": "Zoe leaves early"}
    assert [(await hotel.book(1, 2, "STE")).status_code for _ in range(3)] == [201, 201, 409]
    assert (await last_event(hotel))[1]["allowance_used"] == [{"room_type": "STE", "date": hotel.day(1).isoformat()}]


async def test_an_allowance_too_high_or_below_what_is_sold_is_refused_and_leaves_no_key(hotel: Hotel) -> None:
    before = await written(hotel)
    assert told(await hotel.set("allowance", 1, 3, "DBL", allowance=2, reason="greed")) == (
        409,
        "allowance_too_high",
        {"room_type": "DBL", "maximum": 1},
    )
    assert await written(hotel) == before
    await hotel.set("allowance", 1, 3, "STE", allowance=1, reason="r")
    sold, held, _ = await hotel.book(1, 2, "STE"), await hotel.book(1, 2, "STE", state="hold"), await hotel.book(2, 3)
    before = await written(hotel)
    refused = await hotel.set("allowance", 1, 3, "STE", allowance=0, reason="r")
    nights = [{"room_type": "STE", "date": hotel.day(1).isoformat(), "free": 0, "wanted": 1}]
    status, code, facts = told(refused)
    assert (status, code, facts["nights"]) == (409, "below_sold", nights)
    assert sorted(facts["bookings"]) == sorted(booking.json()["booking_id"] for booking in (sold, held))
    assert await written(hotel) == before


async def test_a_room_goes_out_of_order_and_comes_back(hotel: Hotel) -> None:
    out = await hotel.room("102", "out-of-order", **hotel.span(1, 4, reason="Zoe left a leak"))
    assert out.status_code == 200, out.text
    expected = {
        "room": "102",
        "room_type": "DBL",
        "features": [],
        "out_of_order": [{"from": hotel.day(1).isoformat(), "to": hotel.day(4).isoformat()}],
        "hotel_id": str(hotel.hotel_id),
        "version": 4,
        "position": f"{hotel.hotel_id}:4",
    }
    assert out.json() == expected
    _, event = await last_event(hotel)
    assert await opened(hotel, event["reason"]) == {"text": "Zoe left a leak"}
    assert [(await hotel.book(1, 4)).status_code for _ in range(2)] == [201, 409]
    again = await hotel.room("102", "out-of-order", **hotel.span(3, 5, reason="r"))
    assert told(again) == (
        409,
        "room_out_of_order",
        {"room": "102", "from": hotel.day(1).isoformat(), "to": hotel.day(4).isoformat()},
    )
    back = await hotel.room("102", "in-service", **{"from": hotel.day(2).isoformat()})
    assert back.json()["out_of_order"] == [{"from": hotel.day(1).isoformat(), "to": hotel.day(2).isoformat()}]
    assert [(await hotel.book(2, 4)).status_code for _ in range(2)] == [201, 409]
    before = await written(hotel)
    unchanged = await hotel.room("102", "in-service", **{"from": hotel.day(2).isoformat()})
    assert (unchanged.status_code, await written(hotel)) == (200, before)
    today = await hotel.room("101", "out-of-order", to=hotel.day(1).isoformat(), reason="r")
    assert today.json()["out_of_order"] == [{"from": hotel.day(0).isoformat(), "to": hotel.day(1).isoformat()}]


async def test_a_room_that_somebody_has_stays_in_order(hotel: Hotel) -> None:
    booking = await hotel.book(2, 5)
    await hotel.then(booking, "assign-room", line=1, room="101")
    before = await written(hotel)
    assert told(await hotel.room("101", "out-of-order", **hotel.span(4, 6, reason="r"))) == (
        409,
        "room_taken",
        {
            "room": "101",
            "stays": [
                {
                    "booking_id": booking.json()["booking_id"],
                    "line": 1,
                    "from": hotel.day(2).isoformat(),
                    "to": hotel.day(5).isoformat(),
                }
            ],
        },
    )
    assert await written(hotel) == before


async def test_no_room_goes_out_of_order_below_what_is_sold_unless_a_manager_raises_the_allowance(
    hotel: Hotel,
) -> None:
    concerned_one, cancelled = await hotel.book(1, 3, "STE"), await hotel.book(3, 4, "STE")
    await hotel.then(cancelled, "cancel")
    moved = await hotel.book(4, 5, "STE")
    await hotel.then(moved, "change", arrival=hotel.day(9).isoformat(), departure=hotel.day(10).isoformat())
    came = await hotel.book(20, 21, "STE")
    await hotel.then(came, "change", arrival=hotel.day(5).isoformat(), departure=hotel.day(6).isoformat())
    span = hotel.span(2, 6, reason="leak")
    refused = await hotel.room("201", "out-of-order", **span)
    status, code, facts = told(refused)
    assert (status, code) == (409, "below_sold")
    assert facts == {
        "nights": [{"room_type": "STE", "date": hotel.day(day).isoformat(), "free": 0, "wanted": 1} for day in (2, 5)],
        "bookings": facts["bookings"],
    }
    assert sorted(facts["bookings"]) == sorted(booking.json()["booking_id"] for booking in (concerned_one, came))
    path = f"{hotel.path}/rooms/201/out-of-order"
    assert told(await hotel.desk.post(path, json=span | {"raise_allowance": True}))[1] == "not_permitted"
    raised = await hotel.manager.post(path, json=span | {"raise_allowance": True})
    assert raised.status_code == 200, raised.text
    assert (await last_event(hotel))[1]["allowance_raised_on"] == [hotel.day(2).isoformat(), hotel.day(5).isoformat()]


async def test_the_bookings_concerned_are_found_page_by_page_and_window_by_window(
    hotel: Hotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concerned, "_WINDOW", 3)
    monkeypatch.setattr(concerned, "_PAGE", 1)
    booked = [(await hotel.book(1, 2)).json()["booking_id"] for _ in range(2)]
    for _ in range(4):
        assert (await hotel.book(5, 5)).status_code == 201
    span = hotel.span(1, 2, reason="leak")
    assert told(await hotel.room("101", "out-of-order", **span))[2]["bookings"] == booked[::-1]
    monkeypatch.setattr(concerned, "MOST_LISTED", 1)
    assert told(await hotel.room("101", "out-of-order", **span))[2]["bookings"] == booked[1:]


async def test_rooms_offer_features_and_their_types_show_them(hotel: Hotel) -> None:
    set_features = await hotel.room("101", "features", features=["sea_view", "balcony", "sea_view"])
    assert set_features.json()["features"] == ["balcony", "sea_view"]
    await hotel.room("102", "out-of-order", **hotel.span(1, 2, reason="r"))
    before = await written(hotel)
    same = await hotel.room("101", "features", features=["balcony", "sea_view"])
    assert (same.status_code, await written(hotel)) == (200, before)
    added = await hotel.manager.post(f"{hotel.path}/room-types/DBL/rooms", json={"rooms": ["103"]})
    assert added.json()["room_details"] == [
        {"room": "101", "features": ["balcony", "sea_view"], "out_of_order": []},
        {
            "room": "102",
            "features": [],
            "out_of_order": [{"from": hotel.day(1).isoformat(), "to": hotel.day(2).isoformat()}],
        },
    ]
    assert (await hotel.room("101", "features", features=[])).json()["features"] == []


async def test_a_rooms_name_may_hold_slashes_and_spaces(hotel: Hotel) -> None:
    names = ["12/A", "Blue room", "7/out-of-order", "8/features/x"]
    added = await hotel.manager.post(f"{hotel.path}/room-types/DBL/rooms", json={"rooms": names})
    assert added.status_code == 200, added.text
    for name in names:
        for path in (quote(name, safe=""), quote(name)):
            features = await hotel.room(path, "features", features=["quiet"])
            assert (features.status_code, features.json().get("room")) == (200, name), features.text
        out = await hotel.room(quote(name, safe=""), "out-of-order", **hotel.span(1, 2, reason="r"))
        assert (out.status_code, out.json().get("room")) == (200, name), out.text
        back = await hotel.room(quote(name, safe=""), "in-service")
        assert (back.status_code, back.json()["out_of_order"]) == (200, []), back.text


async def test_a_room_or_type_in_a_path_that_isnt_there_is_404(hotel: Hotel) -> None:
    before = await written(hotel)
    for room in ("999", "%00", "a" * 500, "%F0%9F%98%80", "", "101/", "101%2F..%2F102"):
        for action, body in (
            ("out-of-order", hotel.span(1, 2, reason="r")),
            ("in-service", {}),
            ("features", {"features": []}),
        ):
            answer = await hotel.room(room, action, **body)
            assert answer.status_code == 404, (room, action, answer.text)
    for what, fields in (
        ("prices", {"price": "1.00"}),
        ("restrictions", {"stop_sell": True}),
        ("allowance", {"allowance": 0, "reason": "r"}),
    ):
        assert told(await hotel.set(what, 1, 2, "XXL", **fields))[:2] == (404, "not_found"), what
    assert await written(hotel) == before


RANGES: list[tuple[int, int, str, str]] = [
    (2, 2, "range_empty", "/to"),
    (-1, 2, "range_in_past", "/from"),
    (700, 800, "beyond_horizon", "/to"),
]


async def test_ranges_that_cant_be_are_pointed_at(hotel: Hotel) -> None:
    before = await written(hotel)
    for first, until, code, pointer in RANGES:
        for what, fields in (
            ("prices", {"price": "1.00"}),
            ("restrictions", {"stop_sell": True}),
            ("allowance", {"allowance": 0, "reason": "r"}),
        ):
            answer = await hotel.set(what, first, until, **fields)
            assert pointed(answer) == (422, code, [pointer]), (what, first, until, answer.text)
        answer = await hotel.room("101", "out-of-order", **hotel.span(first, until, reason="r"))
        assert pointed(answer) == (422, code, [pointer]), (first, until, answer.text)
    past = await hotel.room("101", "in-service", **{"from": hotel.day(-1).isoformat()})
    assert pointed(past) == (422, "range_in_past", ["/from"])
    empty = await hotel.room("101", "out-of-order", to=hotel.day(0).isoformat(), reason="r")
    assert pointed(empty) == (422, "range_empty", ["/to"])
    for what, fields in (("prices", {"price": "1.00"}), ("restrictions", {"stop_sell": True})):
        assert pointed(await hotel.set(what, 3, 2, **fields)) == (422, "range_empty", ["/to"]), what
    assert pointed(await hotel.set("allowance", 3, 2, allowance=0, reason="r"))[1:] == ("range_empty", ["/to"])
    assert await written(hotel) == before


@pytest.mark.parametrize("first", [3, None])
async def test_an_outage_that_ends_before_it_begins_is_pointed_at(hotel: Hotel, first: int | None) -> None:
    body = {} if first is None else {"from": hotel.day(first).isoformat()}
    answer = await hotel.room("101", "out-of-order", **body, to=hotel.day(-1).isoformat(), reason="r")
    assert pointed(answer) == (422, "range_empty", ["/to"])


async def test_ranges_at_the_ends_of_the_calendar_are_refused(hotel: Hotel) -> None:
    for first, until in (("0001-01-01", "9999-12-31"), ("9999-12-31", "0001-01-01"), ("9999-12-30", "9999-12-31")):
        span = {"from": first, "to": until}
        for what, fields in (
            ("prices", {"price": "1.00"}),
            ("restrictions", {"stop_sell": True}),
            ("allowance", {"allowance": 0, "reason": "r"}),
        ):
            answer = await hotel.manager.put(f"{hotel.path}/room-types/DBL/{what}", json=span | fields)
            assert answer.status_code == 422, (what, span, answer.text)
        if first < until:
            assert (await hotel.room("101", "out-of-order", **span, reason="r")).status_code == 422, span


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("prices", {"price": 5}, "/price"),
    ("prices", {"price": "1.001"}, "/price"),
    ("prices", {"price": "5", "from": "soon"}, "/from"),
    ("prices", {"price": "5", "weekdays": []}, "/weekdays"),
    ("prices", {"price": "5", "weekdays": [0]}, "/weekdays/0"),
    ("restrictions", {}, ""),
    ("restrictions", {"stop_sell": None}, ""),
    ("restrictions", {"stop_sell": "yes"}, "/stop_sell"),
    ("restrictions", {"stop_sell": 1}, "/stop_sell"),
    ("restrictions", {"minimum_stay": 0}, "/minimum_stay"),
    ("restrictions", {"minimum_stay": 181}, "/minimum_stay"),
    ("restrictions", {"minimum_stay": 2.5}, "/minimum_stay"),
    ("restrictions", {"closed_to_arrival": []}, "/closed_to_arrival"),
    ("restrictions", {"closed_to_departure": {}}, "/closed_to_departure"),
    ("restrictions", {"stop_sell": True, "weekdays": [8]}, "/weekdays/0"),
    ("restrictions", {"stop_sell": True, "weekdays": "all"}, "/weekdays"),
    ("restrictions", {"stop_sell": True, "to": None}, "/to"),
    ("restrictions", {"stop_sell": True, "maximum_stay": 5}, "/maximum_stay"),
    ("allowance", {"allowance": 1}, "/reason"),
    ("allowance", {"reason": "r"}, "/allowance"),
    ("allowance", {"allowance": -1, "reason": "r"}, "/allowance"),
    ("allowance", {"allowance": "1", "reason": "r"}, "/allowance"),
    ("allowance", {"allowance": 10**30, "reason": "r"}, "/allowance"),
    ("allowance", {"allowance": 1, "reason": " "}, "/reason"),
    ("allowance", {"allowance": 1, "reason": "x" * 201}, "/reason"),
    ("allowance", {"allowance": 1, "reason": "a\u0000"}, "/reason"),
    ("out-of-order", {}, "/reason"),
    ("out-of-order", {"reason": 5}, "/reason"),
    ("out-of-order", {"reason": "a\nb"}, "/reason"),
    ("out-of-order", {"reason": "r", "to": "later"}, "/to"),
    ("out-of-order", {"reason": "r", "from": 5}, "/from"),
    ("out-of-order", {"reason": "r", "raise_allowance": "true"}, "/raise_allowance"),
    ("out-of-order", {"reason": "r", "weekdays": [1]}, "/weekdays"),
    ("in-service", {"from": "soon"}, "/from"),
    ("features", {}, "/features"),
    ("features", {"features": "sea_view"}, "/features"),
    ("features", {"features": ["Sea view"]}, "/features/0"),
    ("features", {"features": ["x" * 41]}, "/features/0"),
    ("features", {"features": ["a"] * 21}, "/features"),
]


async def test_a_bad_field_is_pointed_at_and_nothing_is_written(hotel: Hotel) -> None:
    before = await written(hotel)
    for what, fields, pointer in BAD:
        if what in ("prices", "restrictions", "allowance"):
            body = hotel.span(1, 2) | fields
            answer = await hotel.manager.put(f"{hotel.path}/room-types/DBL/{what}", json=body)
        else:
            body = fields if what in ("in-service", "features") else hotel.span(1, 2) | fields
            answer = await hotel.room("101", what, **body)
        status, _, pointers = pointed(answer)
        assert (status, pointer in pointers) == (422, True), (what, fields, answer.text)
    assert await written(hotel) == before
