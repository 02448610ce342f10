"""Correcting who stays and who books: the same guest under the same key, sealed, once, and on what was read."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.commands.conftest import Hotel, kept, last_event, opened, pointed, told, written
from tests.eventstore.house import superuser

ANA = {"full_name": "Ana Guest", "email": "ana@example.org"}
ANNA = {"full_name": "Anna Guest", "email": "ana@example.org", "phone": "+351 555 0100"}
BEN = {"full_name": "Ben Booker", "email": "ben@book.example"}


async def _guest_ids(hotel: Hotel) -> set[str]:
    async with superuser(hotel.service.settings) as connection:
        rows = await connection.fetch("select guest_id from ledger.guest_key where hotel_id = $1", hotel.hotel_id)
        return {str(row["guest_id"]) for row in rows}


async def _erase(hotel: Hotel, guest_id: str) -> None:
    async with superuser(hotel.service.settings) as connection:
        await connection.execute("delete from ledger.guest_key where guest_id = $1", guest_id)


async def _guest(hotel: Hotel, booking: httpx.Response, body: dict[str, Any], **headers: str) -> httpx.Response:
    path = f"{hotel.path}/bookings/{booking.json()['booking_id']}/guest"
    return await hotel.desk.post(path, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()})


async def test_a_correction_stays_the_same_guest_and_names_the_fields_that_differ(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2)
    _, made = await last_event(hotel)
    before = await _guest_ids(hotel)
    answer = await _guest(hotel, booking, {"guest": ANNA})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"'), answer.text
    event_type, event = await last_event(hotel)
    assert (event_type, event["booker"], event["lines"]) == ("GuestsDescribed", None, [])
    assert event["guest"]["changed"] == ["full_name", "phone"]
    assert event["guest"]["details"]["guest_id"] == made["guest"]["guest_id"]
    assert await opened(hotel, event["guest"]["details"]) == ANNA | {"language": None}
    assert await _guest_ids(hotel) == before
    again = await _guest(hotel, booking, {"guest": ANNA | {"phone": None}})
    assert again.headers["ETag"] == '"3"'
    assert (await last_event(hotel))[1]["guest"]["changed"] == ["phone"]  # from what was described last
    assert "Ann" not in await kept(hotel)


async def test_a_booker_or_a_lines_guest_who_was_not_there_gets_a_key_of_their_own(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2, "DBL", "DBL")
    before = await _guest_ids(hotel)
    body = {"booker": BEN, "lines": [{"line": 2, "guest": ANNA}]}
    assert (await _guest(hotel, booking, body)).status_code == 200
    _, event = await last_event(hotel)
    described = [event["booker"], event["lines"][0]["guest"]]
    assert [person["changed"] for person in described] == [["full_name", "email"], ["full_name", "email", "phone"]]
    ids = {person["details"]["guest_id"] for person in described}
    assert (len(ids), ids & before, await _guest_ids(hotel)) == (2, set(), before | ids)
    assert (await opened(hotel, described[0]["details"]))["full_name"] == "Ben Booker"
    assert (await _guest(hotel, booking, {"booker": BEN | {"language": "pt"}})).status_code == 200
    assert (await last_event(hotel))[1]["booker"]["details"]["guest_id"] == described[0]["details"]["guest_id"]


async def test_who_isnt_different_is_left_out_and_where_nobody_is_there_is_no_event(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2, booker=BEN)
    before = await written(hotel)
    same = await _guest(hotel, booking, {"guest": ANA, "booker": BEN})
    assert (same.status_code, same.headers["ETag"], await written(hotel)) == (200, '"1"', before)
    assert (await _guest(hotel, booking, {"guest": ANNA, "booker": BEN})).headers["ETag"] == '"2"'
    assert (await last_event(hotel))[1]["booker"] is None


async def test_corrections_at_once_are_made_one_after_the_other(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2)
    names = ["Anna One", "Anna Two", "Anna Three"]
    answers = await asyncio.gather(*(_guest(hotel, booking, {"guest": ANA | {"full_name": name}}) for name in names))
    assert sorted(answer.headers["ETag"] for answer in answers) == ['"2"', '"3"', '"4"']
    same = await asyncio.gather(*(_guest(hotel, booking, {"guest": ANNA, "booker": BEN}) for _ in range(3)))
    assert {answer.headers["ETag"] for answer in same} == {'"5"'}  # whoever comes later finds nothing different
    one_version = await asyncio.gather(
        *(_guest(hotel, booking, {"guest": ANA | {"full_name": name}}, If_Match='"5"') for name in ("A", "B", "C"))
    )
    assert sorted(answer.status_code for answer in one_version) == [200, 412, 412]


async def test_one_key_many_times_at_once_is_one_correction(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2)
    body = {"guest": ANNA, "booker": BEN}
    headers = {"Idempotency_Key": "one", "If_Match": '"1"'}
    answers = await asyncio.gather(*(_guest(hotel, booking, body, **headers) for _ in range(10)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].headers["ETag"] == '"2"'


async def test_a_guest_who_was_erased_cant_be_described_and_repeats_get_their_answers_still(hotel: Hotel) -> None:
    booking = await hotel.book(1, 2)
    path = f"{hotel.path}/bookings/{booking.json()['booking_id']}"
    _, made = await last_event(hotel)
    first = await _guest(hotel, booking, {"guest": ANNA}, Idempotency_Key="one")
    walked = await hotel.desk.post(
        f"{path}/walk", json={"cost": "80", "sent_to": "Elsewhere"}, headers={"Idempotency-Key": "two"}
    )
    await _erase(hotel, made["guest"]["guest_id"])
    before = await written(hotel)
    assert pointed(await _guest(hotel, booking, {"guest": ANA})) == (422, "invalid_request", ["/guest"])
    assert pointed(await _guest(hotel, booking, {"booker": BEN, "guest": ANA}))[2] == ["/guest"]
    noted = await hotel.then(booking, "cancel", note="words")
    assert pointed(noted) == (422, "invalid_request", ["/note"])
    sent = await hotel.then(booking, "walk", cost="1.00", sent_to="words")
    assert pointed(sent) == (422, "invalid_request", ["/sent_to"])
    assert (await _guest(hotel, booking, {"guest": ANNA}, Idempotency_Key="one")).content == first.content
    again = await hotel.desk.post(
        f"{path}/walk", json={"cost": "80", "sent_to": "Elsewhere"}, headers={"Idempotency-Key": "two"}
    )
    assert (again.status_code, again.content) == (200, walked.content)
    other = await _guest(hotel, booking, {"guest": ANA}, Idempotency_Key="one")
    assert told(other)[1] == "idempotency_key_reused"
    assert await written(hotel) == before
    assert (await _guest(hotel, booking, {"booker": BEN})).status_code == 200  # who isn't erased can be


async def test_a_booking_that_isnt_there_is_404(hotel: Hotel) -> None:
    for booking_id in ("0192b3a4-0000-7000-8000-000000000000", str(hotel.hotel_id), "none"):
        answer = await hotel.desk.post(f"{hotel.path}/bookings/{booking_id}/guest", json={"guest": ANA})
        assert answer.status_code == 404, answer.text


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"guest": None}, ""),
    ({"guest": "Ana"}, "/guest"),
    ({"guest": {"full_name": "Ana"}}, "/guest/email"),
    ({"guest": ANA | {"email": "nobody"}}, "/guest/email"),
    ({"guest": ANA | {"phone": "call me"}}, "/guest/phone"),
    ({"guest": ANA | {"language": "Portuguese!"}}, "/guest/language"),
    ({"guest": ANA | {"full_name": "A\u0000"}}, "/guest/full_name"),
    ({"booker": ANA | {"vip": True}}, "/booker/vip"),
    ({"lines": []}, "/lines"),
    ({"lines": [{"line": 1}]}, "/lines/0/guest"),
    ({"lines": [{"guest": ANA}]}, "/lines/0/line"),
    ({"lines": [{"line": 0, "guest": ANA}]}, "/lines/0/line"),
    ({"lines": [{"line": 1, "guest": ANNA}, {"line": 2, "guest": ANA}]}, "/lines/1/line"),
    ({"lines": [{"line": 1, "guest": ANNA}, {"line": 1, "guest": ANA}]}, "/lines/1/line"),
    ({"note": "words"}, "/note"),
]


async def test_a_bad_field_is_pointed_at_and_nothing_is_written(hotel: Hotel) -> None:
    booking = await hotel.book(1, 3)
    before = await written(hotel)
    for body, pointer in BAD:
        status, _, pointers = pointed(await _guest(hotel, booking, body))
        assert (status, pointer in pointers) == (422, True), (body, pointers)
    assert await written(hotel) == before


@pytest.mark.parametrize("action", ["cancel", "check-in"])
async def test_guests_are_described_also_after_the_stay(hotel: Hotel, action: str) -> None:
    booking = await hotel.book(0, 1)
    await hotel.then(booking, "assign-room")
    assert (await hotel.then(booking, action)).status_code == 200
    assert (await _guest(hotel, booking, {"guest": ANNA})).status_code == 200
