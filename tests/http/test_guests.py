"""A hotel's guests: found by name and e-mail, with their bookings, and still there when they are erased."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clients import Running, open_hotel, project, stay
from tests.http.read_tables import World, day
from tests.http.test_statements import counted


async def ask(service: Running, path: str, **parameters: Any) -> httpx.Response:
    async with service.administrator() as administrator:
        return await administrator.get(path, params=parameters)


@pytest.fixture
async def hotel_id(world: World) -> UUID:
    hotel_id = world.hotel()
    for name, email in (("Ada Lovelace", "ada@example.org"), ("adam Smith", "smith@example.org"), ("Bo%b", "b@x.org")):
        world.booking(hotel_id, full_name=name, email=email)
    world.erased(hotel_id)
    other = world.hotel("Elsewhere")
    world.booking(other, full_name="Ada Elsewhere", email="ada@example.org")
    await world.write()
    return hotel_id


async def names(service: Running, hotel_id: UUID, **parameters: Any) -> list[str | None]:
    found = await ask(service, f"/v1/hotels/{hotel_id}/guests", **parameters)
    assert found.status_code == 200, found.text
    return [guest["full_name"] for guest in found.json()["items"]]


async def test_guests_come_by_name_and_the_erased_last(service: Running, hotel_id: UUID) -> None:
    assert await names(service, hotel_id) == ["Ada Lovelace", "adam Smith", "Bo%b", None]
    erased = (await ask(service, f"/v1/hotels/{hotel_id}/guests")).json()["items"][-1]
    assert erased.pop("guest_id")
    assert erased == {"full_name": None, "email": None, "phone": None, "language": None, "erased": True}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ADA", ["Ada Lovelace", "adam Smith"]),
        ("ada l", ["Ada Lovelace"]),
        ("SMITH@example.org", ["adam Smith"]),
        ("smith@example", []),
        ("Lovelace", []),
        ("bo%", ["Bo%b"]),
        ("%", []),
        ("\U0010ffff", []),
    ],
)
async def test_guests_are_found_by_the_beginning_of_a_name_or_a_whole_e_mail(
    service: Running, hotel_id: UUID, words: str, found: list[str]
) -> None:
    assert await names(service, hotel_id, q=words) == found


async def test_pages_lose_nobody_and_show_nobody_twice(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    for number in range(5):
        world.booking(hotel_id, full_name="Twin" if number < 3 else f"Guest {number}")
        world.erased(hotel_id)
    await world.write()
    seen, after = [], None
    while True:
        page = await ask(
            service, f"/v1/hotels/{hotel_id}/guests", limit=2, **({} if after is None else {"after": after})
        )
        seen += [(guest["full_name"], guest["guest_id"]) for guest in page.json()["items"]]
        after = page.json()["next"]
        if after is None:
            break
    assert [name for name, _ in seen] == ["Guest 3", "Guest 4", "Twin", "Twin", "Twin", *[None] * 5]
    assert len({guest_id for _, guest_id in seen}) == 10
    for cursor in ("x", "WyJndWVzdHMiXQ", "WyJndWVzdHMiLDEsMl0"):
        refused = await ask(service, f"/v1/hotels/{hotel_id}/guests", after=cursor)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


async def test_a_guest_has_the_bookings_of_which_they_are_guest_booker_or_a_lines_guest(
    service: Running, world: World
) -> None:
    hotel_id = world.hotel()
    ada = world.guest(hotel_id)
    other = world.guest(hotel_id, "Bob")
    own = world.booking(hotel_id, arrival=9, lines=2, guest_id=ada, line_guests=[None, other])
    booked = world.booking(hotel_id, arrival=7, guest_id=other, booker_id=ada, line_guests=[None])
    shared = world.booking(hotel_id, arrival=5, lines=2, guest_id=other, line_guests=[None, ada])
    held = world.booking(hotel_id, arrival=3, guest_id=ada, claim="held", state="held", line_guests=[ada])
    world.booking(hotel_id, arrival=1)
    await world.write()
    found = (await ask(service, f"/v1/hotels/{hotel_id}/guests/{ada}")).json()
    assert found["guest"]["full_name"] == "Ada Lovelace"
    assert [
        (item["booking_id"], item["is_guest"], item["is_booker"], [line["theirs"] for line in item["lines"]])
        for item in found["items"]
    ] == [
        (str(own), True, False, [True, False]),
        (str(booked), False, True, [False]),
        (str(shared), False, False, [False, True]),
        (str(held), True, False, [True]),
    ]
    assert found["items"][0]["lines"][0] == {
        "line": 1,
        "theirs": True,
        "room_type": "DBL",
        "room": None,
        "state": "confirmed",
        "arrival": f"{day(9)}",
        "departure": f"{day(11)}",
        "nights": 2,
        "revenue": {"amount": "201.00", "currency": "EUR"},
    }
    assert found["items"][3]["lines"][0]["nights"] == 0
    assert found["totals"] == {"bookings": 3, "nights": 4, "revenue": {"amount": "402.00", "currency": "EUR"}}


async def test_a_guests_bookings_come_in_pages_with_totals_of_all(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    ada = world.guest(hotel_id)
    for arrival in (5, 5, 6, 7, 7):
        world.booking(hotel_id, arrival=arrival, guest_id=ada, line_guests=[ada])
    await world.write()
    seen: list[tuple[date, str]] = []
    after: dict[str, str] = {}
    while True:
        page = (await ask(service, f"/v1/hotels/{hotel_id}/guests/{ada}", limit=2, **after)).json()
        assert page["totals"]["bookings"] == 5
        seen += [(date.fromisoformat(item["arrival"]), item["booking_id"]) for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5


async def test_many_bookings_of_a_guest_take_as_many_statements_as_one(service: Running, world: World) -> None:
    hotel_id = world.hotel()
    ada = world.guest(hotel_id)
    counts = []
    async with service.administrator() as administrator:
        for bookings in (1, 30):
            for _ in range(bookings):
                world.booking(hotel_id, guest_id=ada, lines=20, line_guests=[ada] * 20)
            await world.write()
            with counted(service) as statements:
                found = await administrator.get(f"/v1/hotels/{hotel_id}/guests/{ada}?limit=200")
            assert found.status_code == 200, found.text
            counts.append(len(statements))
    assert counts == [5, 5]


async def test_who_isnt_a_guest_there_is_not_found(service: Running, world: World, hotel_id: UUID) -> None:
    stranger = world.hotel("Third")
    ada = world.guest(stranger)
    await world.write()
    for path in (f"{hotel_id}/guests/{ada}", f"{hotel_id}/guests/{uuid4()}"):
        missing = await ask(service, f"/v1/hotels/{path}")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    for path in (f"{uuid4()}/guests", f"{uuid4()}/guests/{ada}"):
        missing = await ask(service, f"/v1/hotels/{path}")
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_hotel")


async def test_a_guest_who_booked_is_found_with_the_booking(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
        booked = (await administrator.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())).json()
        await project(service.settings)
        [guest] = (await administrator.get(f"/v1/hotels/{hotel_id}/guests", params={"q": "ada"})).json()["items"]
        found = (await administrator.get(f"/v1/hotels/{hotel_id}/guests/{guest['guest_id']}")).json()
        assert [item["booking_id"] for item in found["items"]] == [booked["booking_id"]]
        assert found["totals"]["revenue"] == booked["total"]
