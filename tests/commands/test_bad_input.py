"""What a client sends that can't be: a clear refusal with a pointer, never a 500, and nothing written."""

from typing import Any

import orjson

from tests.commands.conftest import Hotel, written

NUL, SURROGATE = "\\u0000", "\\ud800"


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"arrival": "2026-02-30"}, "/arrival"),
    ({"arrival": "tomorrow"}, "/arrival"),
    ({"arrival": 20261201}, "/arrival"),
    ({"arrival": None}, "/arrival"),
    ({"arrival": "0000-01-01"}, "/arrival"),
    ({"arrival": "-2026-01-01"}, "/arrival"),
    ({"arrival": "9999-12-30", "departure": "9999-12-31"}, "/departure"),
    ({"arrival": "0001-01-01", "departure": "0001-01-02"}, "/arrival"),
    ({"arrival": "0001-01-01", "departure": "9999-12-31"}, "/departure"),
    ({"rooms": []}, "/rooms"),
    ({"rooms": [{"room_type": "DBL", "adults": 1}] * 5000}, "/rooms"),
    ({"rooms": [{"room_type": "XXL", "adults": 1}]}, "/rooms/0/room_type"),
    ({"rooms": [{"room_type": "DBL", "adults": 1}, {"room_type": "DBL", "adults": 3}]}, "/rooms/1"),
    ({"rooms": [{"room_type": "DBL", "adults": "2"}]}, "/rooms/0/adults"),
    ({"rooms": [{"room_type": "DBL", "adults": 1.5}]}, "/rooms/0/adults"),
    ({"rooms": [{"room_type": "DBL", "adults": True}]}, "/rooms/0/adults"),
    ({"rooms": [{"room_type": "DBL", "adults": 10**30}]}, "/rooms/0/adults"),
    ({"rooms": [{"room_type": "DBL", "adults": -1}]}, "/rooms/0/adults"),
    ({"rooms": [{"room_type": "DBL", "adults": 1, "children": 2, "child_ages": [3]}]}, "/rooms/0"),
    ({"rooms": [{"room_type": "DBL", "adults": 1, "child_ages": [99]}]}, "/rooms/0/child_ages/0"),
    ({"rooms": {"room_type": "DBL"}}, "/rooms"),
    ({"guest": "Ana"}, "/guest"),
    ({"guest": {"full_name": "Ana"}}, "/guest/email"),
    ({"guest": {"full_name": " ", "email": "a@b.c"}}, "/guest/full_name"),
    ({"guest": {"full_name": "A\nB", "email": "a@b.c"}}, "/guest/full_name"),
    ({"guest": {"full_name": "A" * 201, "email": "a@b.c"}}, "/guest/full_name"),
    ({"guest": {"full_name": "A", "email": "a@b\r\nBcc: c@d"}}, "/guest/email"),
    ({"guest": {"full_name": "A", "email": "a@b.c", "vip": True}}, "/guest/vip"),
    ({"channel": ""}, "/channel"),
    ({"channel": 7}, "/channel"),
    ({"state": "sold"}, "/state"),
    ({"state": "confirmed", "hold_minutes": 5}, ""),
    ({"state": "hold", "hold_minutes": 0}, "/hold_minutes"),
    ({"state": "hold", "hold_minutes": 10**9}, "/hold_minutes"),
    ({"rate_plan": "CORP"}, "/rate_plan"),
    ({"expected_total": {"amount": "1", "currency": "USD"}}, "/expected_total/currency"),
    ({"expected_total": "1e9"}, "/expected_total"),
    ({"expected_total": "NaN"}, "/expected_total"),
    ({"expected_total": 5}, "/expected_total"),
    ({"expected_total": {"amount": 5, "currency": "EUR"}}, "/expected_total/amount"),
    ({"expected_total": {"amount": "5", "currency": "euro"}}, "/expected_total/currency"),
    ({"expected_total": {"amount": "5", "tax": "1"}}, "/expected_total/tax"),
    ({"price": "1.00"}, "/price"),
]


async def test_a_bad_field_is_pointed_at(hotel: Hotel) -> None:
    before = await written(hotel)
    for fields, pointer in BAD_FIELDS:
        answer = await hotel.guest.post(
            f"{hotel.path}/bookings", json=hotel.stay(**fields), headers={"Idempotency-Key": "bad"}
        )
        said = f"{str(fields)[:80]}: {answer.text[:200]}"
        assert answer.status_code == 422, said
        assert answer.headers["Content-Type"] == "application/problem+json", said
        pointers = [error["pointer"] for error in answer.json()["errors"]]
        assert any(found == pointer or found.startswith(pointer + "/") for found in pointers), said
        assert len(answer.content) < 20_000, said
        assert await written(hotel) == before, said


async def test_a_query_parameter_is_refused_not_ignored(hotel: Hotel) -> None:
    before = await written(hotel)
    for query in ("dry_run=true", "%00", "&&", "a" * 3000):
        answer = await hotel.guest.post(f"{hotel.path}/bookings?{query}", json=hotel.stay())
        assert (answer.status_code, answer.json()["errors"][0]["in"]) == (422, "query"), answer.text
    assert await written(hotel) == before


async def test_a_stay_that_cannot_be_is_named(hotel: Hotel) -> None:
    before = await written(hotel)
    for first, until, code in (
        (3, 2, "stay_negative"),
        (-1, 2, "arrival_in_past"),
        (1, 300, "stay_too_long"),
        (728, 800, "beyond_horizon"),
    ):
        answer = await hotel.book(first, until)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await written(hotel) == before


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"booking"',
    b"\xff\xfe",
    b'{"arrival": "2026-12-01"} trailing',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"guest": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"arrival": NaN}',
    b'{"arrival": 1e999}',
    b'{"rooms": ' + b"9" * 5000 + b"}",
]


async def test_a_body_that_is_no_booking_is_refused(hotel: Hotel) -> None:
    before = await written(hotel)
    for body in BAD_BODIES:
        answer = await hotel.guest.post(
            f"{hotel.path}/bookings", content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body[:40]
    assert await written(hotel) == before


async def test_nul_bytes_and_unpaired_surrogates_are_refused(hotel: Hotel) -> None:
    before = await written(hotel)
    body = orjson.dumps(hotel.stay(agent="AGENT")).decode()
    for known in ("web", "Ana Guest", "ana@example.org", "AGENT", "DBL"):
        for text in (NUL, SURROGATE, "\\udfff\\ud800", "a" + NUL):
            content = body.replace(f'"{known}"', f'"{text}"')
            assert content != body
            answer = await hotel.guest.post(f"{hotel.path}/bookings", content=content.encode())
            assert answer.status_code == 422, (known, text, answer.text)
    assert await written(hotel) == before


async def test_a_body_beyond_the_limit_is_413(hotel: Hotel) -> None:
    huge = b'{"channel": "' + b"x" * 300_000 + b'"}'
    answer = await hotel.guest.post(f"{hotel.path}/bookings", content=huge)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_headers_that_cannot_be_are_refused(hotel: Hotel) -> None:
    booking = (await hotel.book()).json()
    before = await written(hotel)
    for key in (b"", b" ", b"x" * 256, "k\u00e9y".encode("latin-1"), b"a\tb"):
        answer = await hotel.guest.post(
            f"{hotel.path}/bookings", json=hotel.stay(), headers=[(b"Idempotency-Key", key)]
        )
        assert answer.status_code == 422, (key, answer.text)
    for tag in ("3", '"x"', 'W/"3"', '"' + "9" * 40 + '"', '""'):
        answer = await hotel.desk.post(
            f"{hotel.path}/bookings/{booking['booking_id']}/cancel", json={}, headers={"If-Match": tag}
        )
        assert answer.status_code == 422, (tag, answer.text)
    assert await written(hotel) == before


async def test_a_hotel_or_room_type_in_a_path_that_is_not_there_is_404(hotel: Hotel) -> None:
    for hotel_id in (
        "none",
        "00000000-0000-0000-0000-000000000000",
        "0192b3a4-0000-7000-8000-000000000000",
        "%00",
    ):
        answer = await hotel.guest.post(f"/v1/hotels/{hotel_id}/bookings", json=hotel.stay())
        assert answer.status_code == 404, (hotel_id, answer.text)
    for code in ("XXL", "%00", "a" * 500, "%F0%9F%98%80", "%2e%2e%2fSTE"):
        answer = await hotel.manager.post(f"{hotel.path}/room-types/{code}/rooms", json={"rooms": ["9"]})
        assert answer.status_code == 404, (code, answer.text)


async def test_a_room_that_differs_in_spaces_only_is_the_same_room(hotel: Hotel) -> None:
    path = f"{hotel.path}/room-types/STE/rooms"
    known = await hotel.manager.post(path, json={"rooms": ["201 "]})
    assert (known.status_code, known.json()["code"]) == (409, "room_exists")
    doubled = await hotel.manager.post(path, json={"rooms": ["Sea  View"]})
    assert (doubled.status_code, doubled.json()["errors"][0]["pointer"]) == (422, "/rooms/0")
    assert (await hotel.manager.post(path, json={"rooms": [" Sea View"]})).json()["rooms"] == ["201", "Sea View"]


async def test_names_of_all_scripts_are_names(hotel: Hotel) -> None:
    for name in ("Гостиница «Ёлка»", "فندق\u200cالبحر", "海の家", "Zoë 👩\u200d🍳"):
        answer = await hotel.manager.patch(hotel.path, json={"name": name})
        assert (answer.status_code, answer.json()["name"]) == (200, name), answer.text


async def test_a_hotel_that_cannot_be_is_not_opened(hotel: Hotel) -> None:
    before = await written(hotel)
    bad: list[dict[str, Any]] = [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"timezone": "localtime"},
        {"timezone": "Factory"},
        {"currency": "euro"},
        *({"currency": code} for code in ("XXX", "XTS", "ZZZ", "XAU", "DEM")),
        *({"name": name} for name in ("\u202e", "\ufeff", "\u200b\u00ad", "\u3164", "\u2800", "\u0301")),
        {"name": "Hotel \u202elatroP"},
        {"country": "Portugal"},
        {"business_day_rolls_at": "25:00"},
        {"business_day_rolls_at": "04:00+02:00"},
        {"business_day_rolls_at": "04:00:30"},
        {"bookable_horizon_days": 10**9},
        {"name": "\u0000"},
        {"reference_prefix": "a-b"},
    ]
    for fields in bad:
        body = {"name": "B", "city": "B", "country": "PT", "timezone": "UTC", "currency": "EUR", **fields}
        answer = await hotel.administrator.post("/v1/hotels", json=body)
        assert answer.status_code == 422, (fields, answer.text)
    assert await written(hotel) == before
