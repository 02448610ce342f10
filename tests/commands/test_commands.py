"""Commands over HTTP: what they answer, who may send them, and what repeats and versions do."""

import asyncio

import httpx
import pytest
from pydantic import ConfigDict, TypeAdapter, with_config

from command.shapes import BookingAnswer, HotelAnswer, RoomTypeAnswer
from tests.commands.conftest import Hotel, kept, written


async def test_anyone_books_and_gets_reference_total_lines_and_position(hotel: Hotel) -> None:
    answer = await hotel.book(1, 3, "DBL", "STE")
    booking = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{hotel.path}/bookings/{booking['booking_id']}"
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["StaySync-Position"] == booking["position"] == f"{hotel.hotel_id}:4"
    assert booking["reference"].startswith("AURO-")
    assert len(booking["reference"]) == 13
    assert booking["state"] == "confirmed"
    assert booking["total"] == {"amount": "701.00", "currency": "EUR"}
    assert booking["lines"][1] == {
        "line": 2,
        "room_type": "STE",
        "adults": 2,
        "child_ages": [],
        "arrival": hotel.day(1).isoformat(),
        "departure": hotel.day(3).isoformat(),
        "nights": [
            {
                "date": hotel.day(day).isoformat(),
                "room_type": "STE",
                "room": None,
                "price": {"amount": "250.50", "currency": "EUR"},
            }
            for day in (1, 2)
        ],
        "state": "confirmed",
        "room": None,
    }
    assert "Ana" not in answer.text


async def test_only_a_correlation_id_that_looks_like_one_gets_into_the_ledger(hotel: Hotel) -> None:
    for given, stays in (("trace.2026:00-1_a", True), ("ana@example.org", False), ("Ana Guest was here", False)):
        headers = {"X-Correlation-Id": given, "X-Request-Id": "request-0001"}
        booked = await hotel.guest.post(f"{hotel.path}/bookings", json=hotel.stay(0, 0), headers=headers)
        seq = int(booked.json()["position"].rpartition(":")[2])
        ledger = await hotel.manager.get(f"{hotel.path}/ledger", params={"after": seq - 1})
        metadata = ledger.json()["items"][0]["metadata"]
        assert metadata["correlation_id"] == (given if stays else "request-0001")


async def test_a_hold_is_confirmed_by_the_desk(hotel: Hotel) -> None:
    held = await hotel.book(state="hold", hold_minutes=5)
    assert held.json()["state"] == "held"
    assert held.json()["hold_until"].endswith("Z")
    confirmed = await hotel.then(held, "confirm")
    assert (confirmed.status_code, confirmed.json()["state"], confirmed.headers["ETag"]) == (200, "confirmed", '"2"')


async def test_a_stay_from_arrival_to_early_departure(hotel: Hotel) -> None:
    booking = await hotel.book(0, 3)
    assert (await hotel.then(booking, "assign-room")).status_code == 200
    assert (await hotel.then(booking, "check-in")).json()["state"] == "checked_in"
    left = await hotel.then(booking, "check-out")
    assert left.json()["state"] == "checked_out"
    assert left.json()["lines"][0]["nights"] == []
    assert left.json()["total"] == {"amount": "0.00", "currency": "EUR"}


async def test_lines_are_cancelled_one_by_one_with_a_reason(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2, "DBL", "STE")
    first = await hotel.then(booking, "cancel", lines=[1], reason="guest_request", note="Ana is ill")
    assert [line["state"] for line in first.json()["lines"]] == ["cancelled", "confirmed"]
    assert "Ana" not in first.text
    again = await hotel.then(booking, "cancel", lines=[1])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_no_show_frees_the_later_nights(hotel: Hotel) -> None:
    booking = await hotel.book(0, 3, "STE")
    assert (await hotel.book(1, 3, "STE")).status_code == 409
    assert (await hotel.then(booking, "no-show")).json()["state"] == "no_show"
    assert (await hotel.book(1, 3, "STE")).status_code == 201
    assert (await hotel.book(0, 1, "STE")).status_code == 409


async def test_sold_out_names_the_nights_and_what_is_free(hotel: Hotel) -> None:
    await hotel.book(1, 3, "STE")
    refused = await hotel.book(2, 4, "STE")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "sold_out")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert problem["nights"] == [{"room_type": "STE", "date": hotel.day(2).isoformat(), "free": 0, "wanted": 1}]


async def test_a_price_set_for_some_nights_is_what_new_bookings_pay(hotel: Hotel) -> None:
    before = await hotel.book(1, 3)
    prices = {"from": hotel.day(2).isoformat(), "to": hotel.day(3).isoformat(), "price": "175"}
    changed = await hotel.manager.put(f"{hotel.path}/room-types/DBL/prices", json=prices)
    assert changed.status_code == 200, changed.text
    after = await hotel.book(1, 3)
    assert before.json()["total"]["amount"] == "200.00"
    assert after.json()["total"]["amount"] == "275.00"
    await hotel.then(before, "cancel")
    expected = await hotel.book(1, 3, expected_total={"amount": "200.00", "currency": "EUR"})
    assert (expected.status_code, expected.json()["code"]) == (409, "price_changed")


async def test_rooms_are_added(hotel: Hotel) -> None:
    added = await hotel.manager.post(f"{hotel.path}/room-types/STE/rooms", json={"rooms": ["202"]})
    assert added.json()["rooms"] == ["201", "202"]
    assert [(await hotel.book(1, 2, "STE")).status_code for _ in range(3)] == [201, 201, 409]


async def test_a_hotels_details_change_by_version(hotel: Hotel) -> None:
    stale = await hotel.manager.patch(hotel.path, json={"name": "Borealis"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    changed = await hotel.manager.patch(hotel.path, json={"name": "Borealis"}, headers={"If-Match": '"3"'})
    assert (changed.json()["name"], changed.headers["ETag"]) == ("Borealis", '"4"')


async def test_a_version_of_what_is_not_there_yet_makes_nothing(hotel: Hotel) -> None:
    opening = {"name": "B", "city": "B", "country": "PT", "timezone": "UTC", "currency": "EUR"}
    suite = {"code": "S", "name": "S", "max_adults": 2, "max_children": 0, "base_price": "1.00", "rooms": ["901"]}
    for client, path, body, wrong in (
        (hotel.guest, f"{hotel.path}/bookings", hotel.stay(), '"1"'),
        (hotel.administrator, "/v1/hotels", opening, '"1"'),
        (hotel.manager, f"{hotel.path}/room-types", suite, '"9"'),
    ):
        before = await written(hotel)
        refused = await client.post(path, json=body, headers={"If-Match": wrong})
        assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch"), path
        assert await written(hotel) == before
    # A room type is a part of its hotel, so it is the hotel's version that counts.
    added = await hotel.manager.post(f"{hotel.path}/room-types", json=suite, headers={"If-Match": '"3"'})
    assert added.status_code == 201, added.text


async def test_one_key_twenty_times_at_once_is_one_booking_and_twenty_equal_answers(hotel: Hotel) -> None:
    body = hotel.stay(1, 2, "STE")
    answers = await asyncio.gather(
        *(hotel.guest.post(f"{hotel.path}/bookings", json=body, headers={"Idempotency-Key": "one"}) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({(a.headers["ETag"], a.headers["Location"], a.headers["StaySync-Position"]) for a in answers}) == 1
    other = await hotel.guest.post(
        f"{hotel.path}/bookings", json=hotel.stay(1, 2, "DBL"), headers={"Idempotency-Key": "one"}
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_strangers_who_choose_the_same_key_have_keys_of_their_own(hotel: Hotel) -> None:
    async def book(email: str, *types: str) -> httpx.Response:
        body = hotel.stay(1, 2, *types, guest={"full_name": "Somebody", "email": email})
        return await hotel.guest.post(f"{hotel.path}/bookings", json=body, headers={"Idempotency-Key": "my-first"})

    first, second = await book("ana@example.org", "DBL"), await book("bo@example.org", "DBL")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["reference"] != second.json()["reference"]
    assert (await book("ana@example.org", "DBL")).content == first.content
    assert (await book("ANA@example.org", "STE")).status_code == 422
    ledger = await kept(hotel)
    assert "example.org" not in ledger
    assert "anonymous" in ledger


@pytest.mark.parametrize("action", ["confirm", "cancel", "check-in", "check-out", "no-show"])
async def test_what_follows_a_booking_needs_a_member_of_the_hotel(hotel: Hotel, action: str) -> None:
    booking = (await hotel.book()).json()
    path = f"{hotel.path}/bookings/{booking['booking_id']}/{action}"
    assert (await hotel.guest.post(path, json={})).status_code == 401


async def test_staff_of_another_hotel_may_not(hotel: Hotel) -> None:
    booking = await hotel.book()
    opened = await hotel.administrator.post(
        "/v1/hotels", json={"name": "B", "city": "B", "country": "PT", "timezone": "UTC", "currency": "EUR"}
    )
    other_hotel = opened.json()["hotel_id"]
    async with hotel.service.staff(other_hotel, "manager") as stranger:
        path = f"/bookings/{booking.json()['booking_id']}/cancel"
        assert (await stranger.post(hotel.path + path, json={})).status_code == 403
        assert (await stranger.post(f"/v1/hotels/{other_hotel}{path}", json={})).status_code == 404
        assert (await stranger.post("/v1/hotels", json={})).status_code in (403, 422)


async def test_a_price_override_or_a_long_hold_needs_a_member(hotel: Hotel) -> None:
    assert (await hotel.book(price_override="1.00")).status_code == 401
    assert (await hotel.book(state="hold", hold_minutes=600)).status_code == 401
    allowed = await hotel.desk.post(f"{hotel.path}/bookings", json=hotel.stay(price_override="1.00"))
    assert allowed.json()["total"]["amount"] == "2.00"


async def test_answers_have_their_documented_shapes(hotel: Hotel) -> None:
    strict = ConfigDict(extra="forbid")
    booking, hotels, room_types = (
        TypeAdapter(with_config(strict)(shape)) for shape in (BookingAnswer, HotelAnswer, RoomTypeAnswer)
    )
    held = await hotel.book(state="hold")
    booking.validate_json(held.content)
    booking.validate_json((await hotel.then(held, "confirm")).content)
    hotels.validate_json((await hotel.manager.patch(hotel.path, json={"name": "B"})).content)
    rooms = await hotel.manager.post(f"{hotel.path}/room-types/STE/rooms", json={"rooms": ["900"]})
    room_types.validate_json(rooms.content)
    document = (await hotel.guest.get("/openapi.json")).json()
    for path in (p for p in document["paths"] if p.startswith("/v1/hotels/{hotel_id}/bookings/{booking_id}/")):
        for method, operation in document["paths"][path].items():
            if method == "post":
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/BookingAnswer"}, path
