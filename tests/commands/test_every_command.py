"""What holds for every command: who may send it, repeats, versions, and that nobody's words stay in the clear."""

from pydantic import ConfigDict, TypeAdapter, with_config

from command.shapes import BookingAnswer, RoomAnswer, RoomTypeAnswer
from tests.commands.conftest import Hotel, kept, told, written
from tests.commands.life import WORDS, requests, whose


async def test_commands_need_a_member_with_a_role_for_them(hotel: Hotel) -> None:
    opened = await hotel.administrator.post(
        "/v1/hotels", json={"name": "B", "city": "B", "country": "PT", "timezone": "UTC", "currency": "EUR"}
    )
    all_requests = await requests(hotel)
    async with (
        hotel.service.staff(opened.json()["hotel_id"], "manager") as stranger,
        hotel.service.staff(hotel.hotel_id, "auditor") as auditor,
        hotel.service.staff(hotel.hotel_id, "revenue_manager") as revenue_manager,
    ):
        before = await written(hotel)
        for request in all_requests:
            assert told(await request.send(hotel.guest))[:2] == (401, "not_signed_in"), request.name
            assert told(await request.send(stranger))[:2] == (403, "not_permitted"), request.name
            assert told(await request.send(auditor))[:2] == (403, "not_permitted"), request.name
            for role, client in (("front_desk", hotel.desk), ("revenue_manager", revenue_manager)):
                if role not in whose(request.name):
                    assert told(await request.send(client))[:2] == (403, "not_permitted"), (request.name, role)
        assert await written(hotel) == before
        clients = {
            "front_desk": hotel.desk,
            "revenue_manager": revenue_manager,
            "manager": hotel.manager,
            "administrator": hotel.administrator,
        }
        for number, request in enumerate(all_requests):
            roles = whose(request.name)
            assert (await request.send(clients[roles[number % len(roles)]])).status_code == 200, request.name


async def test_a_repeat_has_one_effect_and_the_same_answer_also_when_the_version_has_moved_on(hotel: Hotel) -> None:
    for number, request in enumerate(await requests(hotel)):
        key = f"key-{number}"
        first = await request.send(hotel.manager, Idempotency_Key=key)
        assert first.status_code == 200, (request.name, first.text)
        after = await written(hotel)
        again = await request.send(hotel.manager, Idempotency_Key=key)
        assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"]), request.name
        other = await request.send_other(hotel.manager, Idempotency_Key=key)
        assert told(other)[:2] == (422, "idempotency_key_reused"), request.name
        assert await written(hotel) == after, request.name
        if "/bookings/" in request.path:  # the version moves on, and the stay ends
            cancelled = await hotel.desk.post(f"{request.path.rpartition('/')[0]}/cancel", json={})
            assert cancelled.status_code in (200, 409)
            tag = f'"{int(first.headers["ETag"].strip(chr(34))) - 1}"'
            late = await request.send(hotel.manager, Idempotency_Key=key, If_Match=tag)
            assert late.content == first.content, request.name


async def test_a_stale_version_is_refused_and_the_right_one_is_not(hotel: Hotel) -> None:
    for request in await requests(hotel):
        before = await written(hotel)
        for tag in ('"98"', '"99"') if "/room-types/" in request.path else ('"0"', '"99"'):
            stale = await request.send(hotel.manager, If_Match=tag)
            status, code, facts = told(stale)
            assert (status, code) == (412, "version_mismatch"), request.name
            assert facts["expected"] == int(tag.strip('"')), request.name
        assert await written(hotel) == before, request.name
        right = await request.send(hotel.manager, If_Match=f'"{facts["actual"]}"')
        assert right.status_code == 200, (request.name, right.text)


async def test_no_word_of_anybodys_is_kept_in_the_clear(hotel: Hotel) -> None:
    for number, request in enumerate(await requests(hotel)):
        answer = await request.send(hotel.manager, Idempotency_Key=f"key-{number}")
        assert answer.status_code == 200, (request.name, answer.text)
        assert not [word for word in WORDS if word in answer.text], request.name
    text = await kept(hotel)
    assert "AllowanceSet" not in text  # the type isn't in the data; what follows finds what is there
    assert '"allowance"' in text
    assert [word for word in (*WORDS, "paint", "Ana Guest") if word in text] == []


async def test_answers_have_the_shapes_that_the_document_says(hotel: Hotel) -> None:
    document = (await hotel.guest.get("/openapi.json")).json()["paths"]
    shapes = {"bookings": BookingAnswer, "room-types": RoomTypeAnswer, "rooms": RoomAnswer}
    for request in await requests(hotel):
        answer = await request.send(hotel.manager)
        resource, action = request.path.removeprefix(hotel.path).split("/")[1], request.path.rpartition("/")[2]
        shape = shapes[resource]
        TypeAdapter(with_config(ConfigDict(extra="forbid"))(shape)).validate_json(answer.content)
        (operation,) = (
            operations[request.method.lower()]
            for path, operations in document.items()
            if path.startswith(f"/v1/hotels/{{hotel_id}}/{resource}/{{") and path.endswith(f"}}/{action}")
        )
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{shape.__name__}"}, request.name
        assert {"Idempotency-Key", "If-Match"} <= {parameter["name"] for parameter in operation["parameters"]}
