"""From a command over the ledger and the projection to the answer of a question, through HTTP alone."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from eventstore.chain import GENESIS, event_hash, microseconds
from tests.clients import Running, open_hotel, project, stay


@pytest.fixture
async def hotel_id(service: Running) -> UUID:
    async with service.administrator() as administrator:
        return await open_hotel(administrator)


async def book(service: Running, hotel_id: UUID) -> httpx.Response:
    async with service.client() as guest:
        booked = await guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
    assert booked.status_code == 201, booked.text
    return booked


async def test_a_booking_is_read_as_it_was_made(service: Running, hotel_id: UUID) -> None:
    booked = await book(service, hotel_id)
    await project(service.settings)
    position = {"StaySync-Min-Position": booked.headers["StaySync-Position"]}
    async with service.staff(hotel_id) as staff:
        read = await staff.get(booked.headers["Location"], headers=position)
        assert (read.status_code, read.headers["ETag"]) == (200, booked.headers["ETag"])
        for name in ("reference", "state", "total", "version"):
            assert read.json()[name] == booked.json()[name], name
        assert read.json()["guest"]["phone"] == "+44 20 1234"
        calendar = await staff.get(
            f"/v1/hotels/{hotel_id}/calendar",
            params={"from": read.json()["arrival"], "to": read.json()["departure"]},
            headers=position,
        )
        assert [night["free"] for night in calendar.json()["room_types"][0]["nights"]] == [1, 1]
    async with service.client() as guest:
        found = await guest.post(
            "/v1/bookings/lookup", json={"reference": booked.json()["reference"], "email": "ADA@example.org"}
        )
        assert found.json()["booking_id"] == booked.json()["booking_id"]


async def test_a_query_waits_for_its_position_and_says_when_it_is_not_reached(service: Running, hotel_id: UUID) -> None:
    booked = await book(service, hotel_id)
    position = booked.headers["StaySync-Position"]
    seq = int(position.rpartition(":")[2])
    async with service.client(headers={"StaySync-Min-Position": position}) as guest:
        early = await guest.get(f"/v1/hotels/{hotel_id}")
        assert (early.status_code, early.json()["code"]) == (503, "position_not_reached")
        assert early.headers["Retry-After"] == "1"
        assert early.json()["positions"] == [{"hotel_id": str(hotel_id), "wanted": seq, "reached": 0, "parked": False}]
        waiting = asyncio.create_task(guest.get(f"/v1/hotels/{hotel_id}"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await project(service.settings)
        assert (await waiting).status_code == 200


async def test_a_malformed_position_is_refused(service: Running) -> None:
    headers = [
        "",
        "nonsense",
        "{id}:",
        "{id}:-1",
        "{id}:1;2",
        "{id}:1,",
        "{id}:" + "9" * 30,
        "{id}:²",
        ",".join(["{id}:1"] * 21),
    ]
    async with service.client() as guest:
        for header in headers:
            value = header.replace("{id}", str(uuid4())).encode()
            answer = await guest.get("/v1/hotels", headers=[(b"StaySync-Min-Position", value)])
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), header
            assert [(error["in"], error["pointer"]) for error in answer.json()["errors"]] == [
                ("header", "/StaySync-Min-Position")
            ]


async def test_a_parked_read_model_is_said_at_once(service: Running, hotel_id: UUID) -> None:
    booked = await book(service, hotel_id)
    await project(service.settings)
    projector = await asyncpg.connect(service.settings.role_url("projector"))
    try:
        await projector.execute(
            "update read.checkpoint set seq = seq - 1, parked_seq = seq, parked_error = 'it failed', parked_at = now()"
        )
    finally:
        await projector.close()
    async with service.staff(hotel_id) as staff:
        started = asyncio.get_running_loop().time()
        answer = await staff.get(
            f"/v1/hotels/{hotel_id}", headers={"StaySync-Min-Position": booked.headers["StaySync-Position"]}
        )
        assert asyncio.get_running_loop().time() - started < service.settings.position_wait_s
        assert (answer.status_code, answer.json()["positions"][0]["parked"]) == (503, True)
        position = (await staff.get(f"/v1/hotels/{hotel_id}/position")).json()
    assert (position["behind"], position["read_model"]["parked"]["error"]) == (1, "it failed")


async def test_history_tells_who_did_what_and_nothing_personal(service: Running, hotel_id: UUID) -> None:
    booked = await book(service, hotel_id)
    path = booked.headers["Location"]
    async with service.staff(hotel_id) as staff, service.staff(hotel_id, "auditor") as auditor:
        cancelled = await staff.post(f"{path}/cancel", json={"reason": "guest_request", "note": "Her secret reason"})
        assert cancelled.status_code == 200, cancelled.text
        history = await auditor.get(f"{path}/history")
        first = (await auditor.get(f"{path}/history", params={"limit": 1})).json()
        second = (await auditor.get(f"{path}/history", params={"limit": 1, "after": first["next"]})).json()
    entries = history.json()["items"]
    assert [(entry["type"], entry["version"], entry["role"]) for entry in entries] == [
        ("BookingMade", 1, "anonymous"),
        ("LinesCancelled", 2, "front_desk"),
    ]
    assert entries[0]["data"]["guest"].keys() == {"guest_id"}
    assert entries[1]["data"]["note"].keys() == {"guest_id"}
    assert not any(word in history.text for word in ("Ada", "ada@", "secret", "ciphertext"))
    assert [first["items"][0]["version"], second["items"][0]["version"], second["next"]] == [1, 2, None]


async def test_history_hides_what_is_sealed_deep_inside_an_event(service: Running, hotel_id: UUID) -> None:
    booked = await book(service, hotel_id)
    path = booked.headers["Location"]
    secret = {"full_name": "Grace Secret", "email": "grace@secret.example"}
    async with service.staff(hotel_id, "manager") as staff:
        for command, body in (
            ("guest", {"guest": {**secret, "phone": "+1 555"}, "lines": [{"line": 1, "guest": secret}]}),
            ("change", {"rooms": [{"line": 1}, {"room_type": "DBL", "adults": 1, "guest": secret}]}),
            ("walk", {"cost": "80.00", "sent_to": "Hotel Secret"}),
        ):
            answer = await staff.post(f"{path}/{command}", json=body)
            assert answer.status_code == 200, answer.text
        history = await staff.get(f"{path}/history")
        await project(service.settings)
        timeline = (await staff.get(path)).json()["timeline"]
    entries = {entry["type"]: entry["data"] for entry in history.json()["items"]}
    assert list(entries) == ["BookingMade", "GuestsDescribed", "BookingChanged", "GuestsWalked"]
    described = entries["GuestsDescribed"]
    assert described["guest"]["details"].keys() == described["lines"][0]["guest"]["details"].keys() == {"guest_id"}
    assert entries["BookingChanged"]["lines"][0]["guest"].keys() == {"guest_id"}
    assert entries["GuestsWalked"]["sent_to"].keys() == {"guest_id"}
    assert [entry["type"] for entry in timeline] == list(entries)
    for text in (history.text, str(timeline)):
        assert not any(word in text for word in ("Grace", "Secret", "secret.example", "+1 555", "ciphertext"))


async def test_what_is_commanded_of_rooms_is_read_everywhere(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator, rooms=3)
    hotel, arrival, departure = f"/v1/hotels/{hotel_id}", stay()["arrival"], stay()["departure"]
    booked = await book(service, hotel_id)
    path = booked.headers["Location"]
    range_ = {"from": arrival, "to": departure}
    async with service.staff(hotel_id, "manager") as staff:
        for method, url, body in (
            ("PUT", f"{hotel}/rooms/102/features", {"features": ["sea_view"]}),
            ("POST", f"{hotel}/rooms/101/out-of-order", {**range_, "reason": "a leak"}),
            ("PUT", f"{hotel}/room-types/DBL/allowance", {**range_, "allowance": 1, "reason": "the fair"}),
            ("PUT", f"{hotel}/room-types/DBL/restrictions", {**range_, "minimum_stay": 3}),
            ("POST", f"{path}/assign-room", {"features": ["sea_view"]}),
        ):
            answer = await staff.request(method, url, json=body)
            assert answer.status_code == 200, answer.text
        await project(service.settings)
        position = {"StaySync-Min-Position": answer.headers["StaySync-Position"]}
        rack = (await staff.get(f"{hotel}/room-rack", params=range_, headers=position)).json()
        booking = (await staff.get(path)).json()
        types = (await staff.get(f"{hotel}/room-types")).json()
        calendar = (await staff.get(f"{hotel}/calendar", params=range_)).json()
        offers = (await staff.get("/v1/availability", params={"arrival": arrival, "departure": departure})).json()
    first, second, third = rack["rooms"]
    assert [outage["reason"] for outage in first["out_of_order"]] == ["a leak"]
    assert (second["features"], second["stays"][0]["booking_id"]) == (["sea_view"], booked.json()["booking_id"])
    assert (third["stays"], rack["unassigned"]) == ([], [])
    assert (booking["lines"][0]["room"], {night["room"] for night in booking["lines"][0]["nights"]}) == ("102", {"102"})
    assert types["items"][0]["room_details"][1] == {"room": "102", "features": ["sea_view"]}
    night = calendar["room_types"][0]["nights"][0]
    assert (night["in_service"], night["allowance"], night["free"]) == (2, 1, 2)
    assert night["restrictions"]["minimum_stay"] == 3
    assert offers["items"] == []


async def test_the_history_of_something_else_is_not_a_bookings(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "auditor") as auditor:
        for stream in (hotel_id, uuid4()):
            answer = await auditor.get(f"/v1/hotels/{hotel_id}/bookings/{stream}/history")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_booking")


async def test_anyone_with_the_feed_can_check_the_chain(service: Running, hotel_id: UUID) -> None:
    for _ in range(2):
        await book(service, hotel_id)
    texts, events, after = [], [], "0"
    async with service.staff(hotel_id, "auditor") as auditor:
        while True:
            answer = await auditor.get(f"/v1/hotels/{hotel_id}/ledger", params={"limit": 3, "after": after})
            texts.append(answer.text)
            page = answer.json()
            events += page["items"]
            if page["next"] is None:
                break
            after = page["next"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) == 4
    assert all(event[name].endswith("Z") for event in events for name in ("occurred_at", "recorded_at"))
    whole = "".join(texts)
    previous = GENESIS
    for event in events:
        # What was hashed is the text between these marks, byte for byte.
        around = whole.split(f'"hash":"{event["hash"]}","data":')[1]
        data, _, rest = around.partition(',"metadata":')
        metadata = rest[: rest.index("}") + 1]
        previous = event_hash(
            previous,
            hotel_id=hotel_id,
            seq=event["seq"],
            stream_id=UUID(event["stream_id"]),
            version=event["version"],
            schema_version=event["schema_version"],
            occurred_us=microseconds(datetime.fromisoformat(event["occurred_at"])),
            recorded_us=microseconds(datetime.fromisoformat(event["recorded_at"])),
            event_type=event["type"],
            data=data,
            metadata=metadata,
        )
        assert previous.hex() == event["hash"]


async def test_the_feed_takes_a_seq_only(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "auditor") as auditor:
        path = f"/v1/hotels/{hotel_id}/ledger"
        assert (await auditor.get(path, params={"after": 10**9})).json() == {"items": [], "next": None}
        for after in ("-1", "x", "1.0", " 1", "٣", "9" * 40, "1e3"):
            assert (await auditor.get(path, params={"after": after})).status_code == 422, after


async def test_positions_of_ledger_and_read_model(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id) as staff:
        before = (await staff.get(f"/v1/hotels/{hotel_id}/position")).json()
        await project(service.settings)
        after = (await staff.get(f"/v1/hotels/{hotel_id}/position")).json()
    assert (before["ledger"]["seq"], before["read_model"]["seq"], before["behind"]) == (2, 0, 2)
    assert (after["read_model"]["seq"], after["behind"], after["read_model"]["parked"]) == (2, 0, None)


async def test_the_reserved_hotel_is_none(service: Running) -> None:
    async with service.administrator() as administrator:
        for path in ("", "/ledger", "/position", "/bookings", "/calendar"):
            answer = await administrator.get(f"/v1/hotels/{UUID(int=0)}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_hotel"), path
