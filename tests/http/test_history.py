"""Histories for people: who did what to what, why, and what changed, as JSON and in two languages."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import httpx
import pytest

from domain.bookings import LineState
from domain.events import Event
from query.history_routes import preferred
from query.history_words import LANGUAGES, SENTENCES, value_said
from tests.clients import PASSWORD, Running, open_hotel, project, stay
from tests.http.test_statements import counted


@pytest.fixture
async def hotel_id(service: Running) -> UUID:
    """A hotel with three double rooms."""
    async with service.administrator() as administrator:
        return await open_hotel(administrator, rooms=3)


async def _done(client: httpx.AsyncClient, url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await client.post(url, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _history(client: httpx.AsyncClient, url: str, **parameters: str) -> list[dict[str, Any]]:
    answer = await client.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _told(items: list[dict[str, Any]]) -> list[str]:
    return [item["type"] for item in items]


async def test_a_bookings_history_tells_what_changed_from_what_to_what(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "manager") as manager:
        url = f"/v1/hotels/{hotel_id}/bookings"
        booked = await _done(manager, url, stay())
        booking = f"{url}/{booked['booking_id']}"
        departure = str(datetime.now(UTC).date() + timedelta(days=33))
        await _done(manager, f"{booking}/change", {"departure": departure}, X_Correlation_Id="ticket-4711")
        await _done(manager, f"{booking}/guest", {"guest": {"full_name": "Grace", "email": "ada@example.org"}})
        await _done(manager, f"{booking}/cancel", {"reason": "plans"})
        made, changed, described, cancelled = await _history(manager, f"{booking}/history")
        me = (await manager.get("/v1/auth/me")).json()
    assert made["changes"] == []
    assert {change["field"]: (change["before"], change["after"]) for change in changed["changes"]} == {
        "total": ("200.00", "300.00"),
        "lines/1/departure": (stay()["departure"], departure),
        "lines/1/total": ("200.00", "300.00"),
    }
    assert (changed["correlation_id"], changed["actor"], changed["role"]) == (
        "ticket-4711",
        me.get("account", me)["account_id"],
        "manager",
    )
    assert changed["request_id"] != changed["correlation_id"]
    assert {(change["field"], change["before"]) for change in described["changes"]} == {
        ("guest/full_name", None),
        ("guest/phone", None),
    }
    assert ("state", "confirmed", "cancelled") in [tuple(change.values()) for change in cancelled["changes"]]
    assert cancelled["text"] == "Cancelled: lines 1; reason: plans; note: —."


async def test_text_is_told_in_the_language_asked_for_and_says_nothing_personal(
    service: Running, hotel_id: UUID
) -> None:
    async with service.staff(hotel_id, "manager") as manager:
        url = f"/v1/hotels/{hotel_id}/bookings"
        booking = f"{url}/{(await _done(manager, url, stay()))['booking_id']}"
        await _done(manager, f"{booking}/cancel", {"note": "Her secret reason"})
        english = await manager.get(f"{booking}/history", headers={"Accept": "text/plain"})
        russian = await manager.get(
            f"{booking}/history", params={"format": "text"}, headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}
        )
        json = await manager.get(f"{booking}/history", params={"lang": "ru"}, headers={"Accept": "text/*;q=0.1, */*"})
    assert english.headers["content-type"] == "text/plain; charset=utf-8"
    assert (english.headers["content-language"], russian.headers["content-language"]) == ("en", "ru")
    assert "  Cancelled: lines 1; reason: —;" in english.text
    assert "  changed: state: confirmed → cancelled" in english.text
    assert "a manager (" in english.text
    assert "Отменены строки 1" in russian.text
    assert "изменилось: состояние: подтверждено → отменено" in russian.text
    assert "управляющий (" in russian.text
    assert json.json()["items"][1]["text"].startswith("Отменены строки 1")
    for answer in (english, russian, json):
        assert not any(word in answer.text for word in ("Ada", "ada@", "secret", "ciphertext", "44 20"))


async def test_a_room_a_type_a_guest_an_account_and_the_hotel_have_histories(service: Running, hotel_id: UUID) -> None:
    nights = {"from": stay()["arrival"], "to": stay()["departure"]}
    hotel = f"/v1/hotels/{hotel_id}"
    async with service.staff(hotel_id, "manager") as manager, service.staff(hotel_id, "front_desk") as desk:
        one = await _done(desk, f"{hotel}/bookings", stay())
        other = await _done(desk, f"{hotel}/bookings", stay())
        for booking, room in ((one, "101"), (other, "102"), (one, "103")):
            body = {"line": 1, "room": room}
            await _done(desk, f"{hotel}/bookings/{booking['booking_id']}/assign-room", body)
        await _done(manager, f"{hotel}/rooms/101/out-of-order", {**nights, "reason": "a leak"})
        settings: dict[str, dict[str, Any]] = {"prices": {"price": "99.00"}, "restrictions": {"minimum_stay": 2}}
        for path, setting in settings.items():
            answer = await manager.put(f"{hotel}/room-types/DBL/{path}", json={**nights, **setting})
            assert answer.status_code == 200, answer.text
        renamed = await manager.patch(hotel, json={"name": "Grander"})
        assert renamed.status_code == 200
        await project(service.settings)
        guest_id = (await manager.get(f"{hotel}/bookings/{one['booking_id']}")).json()["guest"]["guest_id"]
        account = (await manager.get("/v1/auth/me")).json()
        account_id = account.get("account", account)["account_id"]
        url = f"{hotel}/history"
        assert _told(await _history(manager, url, room="101")) == [
            "RoomTypeAdded",
            "RoomsAssigned",
            "RoomTakenOutOfOrder",
        ]
        assert _told(await _history(manager, url, room="102")) == ["RoomTypeAdded", "RoomsAssigned"]
        assert _told(await _history(manager, url, room="999")) == []
        types = await _history(manager, url, room_type="DBL")
        assert _told(types) == ["RoomTypeAdded", "RoomTakenOutOfOrder", "PricesSet", "RestrictionsSet"]
        assert types[2]["changes"] == [{"field": "price", "before": None, "after": "99.00"}]
        guests = await _history(manager, url, guest_id=guest_id)
        assert _told(guests) == ["BookingMade", "RoomsAssigned", "RoomsAssigned"]
        assert {entry["booking_id"] for entry in guests} == {one["booking_id"]}
        assert _told(await _history(manager, url, account_id=account_id)) == [
            "RoomTakenOutOfOrder",
            "PricesSet",
            "RestrictionsSet",
            "HotelDetailsChanged",
        ]
        own = await _history(manager, url)
        assert _told(own) == ["HotelOpened", "RoomTypeAdded", "RoomTakenOutOfOrder", "HotelDetailsChanged"]
        assert own[-1]["changes"] == [{"field": "name", "before": "Grand", "after": "Grander"}]
        assert _told(await _history(manager, url, booking_id=other["booking_id"])) == ["BookingMade", "RoomsAssigned"]
        assert _told(await _history(manager, url, **{"from": "2100-01-01"})) == []
        assert len(await _history(manager, url, to="2100-01-01")) == 4


async def test_a_history_is_read_page_by_page_in_both_forms(service: Running, hotel_id: UUID) -> None:
    url = f"/v1/hotels/{hotel_id}/history"
    async with service.staff(hotel_id, "auditor") as auditor:
        first = (await auditor.get(url, params={"limit": 1})).json()
        second = (await auditor.get(url, params={"limit": 1, "after": first["next"]})).json()
        text = await auditor.get(url, params={"limit": 1, "format": "text"})
        last = await auditor.get(f"{url}{text.links['next']['url']}")
    assert (_told(first["items"]), _told(second["items"]), second["next"]) == (["HotelOpened"], ["RoomTypeAdded"], None)
    assert first["next"] in text.text
    assert "Room type DBL (Double)" in last.text
    assert "next" not in last.links


@pytest.mark.parametrize(
    "query",
    [
        "room=1&room_type=DBL",
        "room=",
        "lang=fr",
        "format=pdf",
        "guest_id=x",
        "after=x",
        "from=2026-02-30",
        "colour=red",
    ],
)
async def test_a_question_that_cannot_be_is_refused(service: Running, hotel_id: UUID, query: str) -> None:
    async with service.staff(hotel_id, "auditor") as auditor:
        answer = await auditor.get(f"/v1/hotels/{hotel_id}/history?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_a_guest_reads_their_own_bookings_history_without_the_hotels_business(
    service: Running, hotel_id: UUID
) -> None:
    email = "guest@example.org"
    async with service.client() as anonymous:
        await _done(anonymous, "/v1/auth/register", {"email": email, "password": PASSWORD, "full_name": "G"})
    async with service.signed_in(email) as guest, service.staff(hotel_id, "manager") as manager:
        booked = await _done(guest, f"/v1/hotels/{hotel_id}/bookings", stay())
        booking = f"/v1/hotels/{hotel_id}/bookings/{booked['booking_id']}"
        await _done(manager, f"{booking}/walk", {"cost": "80.00", "sent_to": "Hotel Elsewhere"})
        await project(service.settings)
        own = f"/v1/me/bookings/{booked['booking_id']}/history"
        made, walked = await _history(guest, own)
        text = await guest.get(own, headers={"Accept": "text/plain", "Accept-Language": "ru"})
        assert (await guest.get(f"/v1/me/bookings/{uuid4()}/history")).status_code == 404
        assert (await guest.get(f"{booking}/history")).status_code == 403
        assert "80" in (await manager.get(f"{booking}/history")).json()["items"][1]["text"]
    assert (made["role"], made["actor"] is None, made["request_id"] is None) == ("guest", False, False)
    assert (walked["role"], walked["actor"], walked["request_id"], walked["data"]) == ("manager", None, None, None)
    assert walked["text"] == "Guests of lines 1 were sent to another hotel."
    assert "80" not in str(walked)
    assert "переселены" in text.text


async def test_the_number_of_statements_is_the_same_for_one_event_as_for_many(service: Running, hotel_id: UUID) -> None:
    counts = []
    hotel = f"/v1/hotels/{hotel_id}"
    async with service.staff(hotel_id, "manager") as manager:
        account = (await manager.get("/v1/auth/me")).json()
        account_id = account.get("account", account)["account_id"]
        for number in range(1, 3):
            for stays in range(number * 3):
                booked = await _done(manager, f"{hotel}/bookings", stay(begins_in=20 * number + 3 * stays))
            body = {"line": 1, "room": "101"}
            await _done(manager, f"{hotel}/bookings/{booked['booking_id']}/assign-room", body)
            await project(service.settings)
            for query in (f"account_id={account_id}", "room=101", "room_type=DBL", ""):
                with counted(service) as statements:
                    answer = await manager.get(f"{hotel}/history?limit=200&{query}")
                assert answer.status_code == 200
                counts.append(len(statements))
    assert counts == [3] * 8


def test_every_event_has_a_sentence_in_both_languages_that_tells_every_field() -> None:
    events = {event.__name__: event for event in get_args(Event)}
    assert set(SENTENCES) == set(events)
    for name, sentence in SENTENCES.items():
        for language in LANGUAGES:
            template = sentence.of(language, inside=True)
            for field in events[name].__dataclass_fields__:
                assert f"{{{field}}}" in template, (name, language, field)
        assert not set(sentence.en.lower()) & set("абвгдежзийклмн"), name
        assert set(sentence.ru.lower()) & set("абвгдежзийклмн"), name


def test_every_state_is_said_in_both_languages() -> None:
    for state in LineState:
        english, russian = (value_said("lines/1/state", state.value, language) for language in LANGUAGES)
        assert english.replace(" ", "_").replace("-", "_") == state.value
        assert russian not in ("—", state.value)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("RU-ru", "ru"),
        ("de, ru;q=0.4, en;q=0.3", "ru"),
        ("en, ru", "en"),
        ("ru;q=0", "en"),
        ("ru;q=0.2, en;q=0.8", "en"),
        ("*", "en"),
        ("ru;q=x,,;;", "en"),
        ("russian", "en"),
    ],
)
def test_the_language_is_the_one_preferred(header: str, language: str) -> None:
    assert preferred(header, LANGUAGES, "en") == language
