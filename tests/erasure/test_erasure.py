"""After an erasure nobody finds what was known of the guests, and everything else is as it was."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest

from projections.drain import Projector, projector_pool, rebuild_hotel
from staysync.embedded import postgres_program
from staysync.forgetting import forget_by_rule, forget_past_guests, forget_person
from staysync.settings import Settings
from staysync.writing import write_side
from tests.clients import Running, open_hotel, project, running, stay
from tests.eventstore.house import superuser
from tests.projections.words import differences, read_tables

WORDS = ("Beatriz", "secret.example", "555 0199", "Carl", "hidden.example", "Dora", "leaking", "bad back")
BEATRIZ = {"full_name": "Beatriz Secret", "email": "beatriz@secret.example", "phone": "+351 555 0199"}
CARL = {"full_name": "Carl Hidden", "email": "carl@hidden.example"}
DORA = {"full_name": "Dora Child", "email": "dora@hidden.example"}


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    async with running(settings) as service:
        yield service


@pytest.fixture
async def hotel(service: Running) -> UUID:
    async with service.administrator() as administrator:
        return await open_hotel(administrator, rooms=10)


async def book(service: Running, hotel: UUID, begins_in: int = 30, **fields: Any) -> dict[str, Any]:
    async with service.client() as anybody:
        answer = await anybody.post(f"/v1/hotels/{hotel}/bookings", json=stay(begins_in=begins_in, **fields))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def then(client: httpx.AsyncClient, hotel: UUID, booking: dict[str, Any], action: str, **body: Any) -> Any:
    return await client.post(f"/v1/hotels/{hotel}/bookings/{booking['booking_id']}/{action}", json=body)


async def dump(settings: Settings) -> str:
    """The whole database as text."""
    url = str(settings.database_url)
    process = await asyncio.create_subprocess_exec(
        str(postgres_program("pg_dump")),
        url,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PGPASSWORD": unquote(urlsplit(url).password or "")},
    )
    text, _ = await process.communicate()
    assert process.returncode == 0
    return text.decode()


async def test_nothing_in_the_database_tells_of_an_erased_guest(service: Running, hotel: UUID) -> None:
    settings = service.settings
    rooms = [{"room_type": "DBL", "adults": 1, "guest": DORA}, {"room_type": "DBL", "adults": 1}]
    booking = await book(service, hotel, guest=BEATRIZ, booker=CARL, rooms=rooms)
    kept = await book(service, hotel)
    async with service.staff(hotel, "manager") as manager:
        cancelled = await then(manager, hotel, booking, "cancel", note="a bad back, says Beatriz")
        assert cancelled.status_code == 200, cancelled.text
        await project(settings)
        assert "Beatriz" in await dump(settings)
        erased = await then(manager, hotel, booking, "erase-guests")
        assert (erased.status_code, erased.headers["ETag"]) == (200, '"3"'), erased.text
        again = await then(manager, hotel, booking, "erase-guests")
        assert (again.status_code, again.headers["ETag"]) == (200, '"3"')
        await project(settings)
        everything = await dump(settings)
        assert [word for word in WORDS if word.lower() in everything.lower()] == []
        assert "Ada Lovelace" in everything  # the other booking's guest
        seen = (await manager.get(f"/v1/hotels/{hotel}/bookings/{booking['booking_id']}")).json()
        assert (seen["guest"]["erased"], seen["guest"]["full_name"], seen["total"]) == (True, None, booking["total"])
        assert seen["timeline"][-1]["type"] == "GuestsErased"
        assert len(seen["timeline"][-1]["facts"]["guests"]) == 3
        refused = await then(manager, hotel, booking, "guest", booker=CARL)
        assert refused.status_code == 422
    async with service.client() as anybody:
        words = {"reference": booking["reference"], "email": BEATRIZ["email"]}
        assert (await anybody.post("/v1/bookings/lookup", json=words)).status_code == 404
        words = {"reference": kept["reference"], "email": "ada@example.org"}
        assert (await anybody.post("/v1/bookings/lookup", json=words)).status_code == 200
    assert await differences(settings) == {}


async def test_a_rebuild_from_nothing_equals_what_the_erasure_left(service: Running, hotel: UUID) -> None:
    booking = await book(service, hotel, guest=BEATRIZ, booker=CARL)
    async with service.staff(hotel, "manager") as manager:
        await then(manager, hotel, booking, "cancel")
        await project(service.settings)
        await then(manager, hotel, booking, "erase-guests")
    await project(service.settings)
    async with (
        write_side(service.settings) as side,
        projector_pool(service.settings.role_url("projector"), side.master_key) as pool,
    ):
        projector = Projector(pool, side.master_key)
        live = await read_tables(projector, hotel)
        await rebuild_hotel(projector, hotel)
        assert await read_tables(projector, hotel) == live


async def test_who_is_expected_is_refused_and_only_managers_may(service: Running, hotel: UUID) -> None:
    booking = await book(service, hotel)
    async with service.staff(hotel, "manager") as manager, service.staff(hotel) as desk, service.client() as anybody:
        refused = await then(manager, hotel, booking, "erase-guests")
        assert (refused.status_code, refused.json()["code"], refused.json()["lines"]) == (409, "guests_expected", [1])
        assert refused.json()["departure"] == booking["lines"][0]["departure"]
        assert (await then(desk, hotel, booking, "erase-guests")).status_code == 403
        assert (await then(anybody, hotel, booking, "erase-guests")).status_code == 401


async def test_a_key_that_outlives_its_guest_is_found(service: Running, hotel: UUID) -> None:
    booking = await book(service, hotel)
    async with service.staff(hotel, "manager") as manager:
        await then(manager, hotel, booking, "cancel")
        async with superuser(service.settings) as connection:
            await connection.execute("create table kept as select * from ledger.guest_key")
            await then(manager, hotel, booking, "erase-guests")
            await project(service.settings)
            assert await differences(service.settings) == {}
            await connection.execute("insert into ledger.guest_key select * from kept on conflict do nothing")
            await connection.execute("drop table kept")
    assert "but the key is still there" in (await differences(service.settings))["ledger.guest_key"]


@pytest.fixture
async def reading(service: Running) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of the query role."""
    connection = await asyncpg.connect(service.settings.role_url("query"))
    try:
        yield connection
    finally:
        await connection.close()


def day(number: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=number)


async def erased_bookings(service: Running) -> set[str]:
    async with superuser(service.settings) as connection:
        rows = await connection.fetch("select stream_id from ledger.event where type = 'GuestsErased'")
    return {str(row["stream_id"]) for row in rows}


async def test_guests_without_a_stay_for_long_are_forgotten_by_rule(
    service: Running, hotel: UUID, reading: "asyncpg.Connection[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    past = await book(service, hotel, 10, guest=BEATRIZ, booker=DORA)
    came_again = await book(service, hotel, 10, guest=CARL)
    latest = await book(service, hotel, 60, guest={"full_name": "C. Hidden", "email": "CARL@hidden.example"})
    still_open = await book(service, hotel, 12)
    async with service.staff(hotel, "manager") as manager:
        for booking in (past, came_again, latest):
            assert (await then(manager, hotel, booking, "cancel")).status_code == 200
    await project(service.settings)
    async with write_side(service.settings) as side:
        assert await forget_past_guests(reading, side, day(5)) == 0
        assert await forget_past_guests(reading, side, day(40)) == 1
        assert await erased_bookings(service) == {past["booking_id"]}
        assert (
            f"1 bookings are over by their dates and open still, the first is {still_open['booking_id']}" in caplog.text
        )
        await project(service.settings)
        assert await forget_past_guests(reading, side, day(40)) == 0
        assert await forget_past_guests(reading, side, day(70)) == 2
    assert await erased_bookings(service) == {b["booking_id"] for b in (past, came_again, latest)}


async def test_a_person_is_forgotten_wherever_they_are(
    service: Running, hotel: UUID, reading: "asyncpg.Connection[Any]"
) -> None:
    async with service.administrator() as administrator:
        other = await open_hotel(administrator, "Other")
    as_guest = await book(service, hotel, guest=CARL)
    as_booker = await book(service, other, booker=CARL)
    in_a_line = await book(service, hotel, rooms=[{"room_type": "DBL", "adults": 1, "guest": CARL}])
    expected = await book(service, other, guest=CARL)
    stranger = await book(service, hotel)
    for place, booking in ((hotel, as_guest), (other, as_booker), (hotel, in_a_line), (hotel, stranger)):
        async with service.staff(place, "manager") as manager:
            assert (await then(manager, place, booking, "cancel")).status_code == 200
    await project(service.settings)
    async with write_side(service.settings) as side:
        forgotten = await forget_person(reading, side, "carl@HIDDEN.example")
    assert {str(id_) for id_ in forgotten.erased} == {b["booking_id"] for b in (as_guest, as_booker, in_a_line)}
    assert [str(id_) for id_ in forgotten.expected] == [expected["booking_id"]]
    assert await erased_bookings(service) == {str(id_) for id_ in forgotten.erased}


@pytest.mark.parametrize(("years", "erased"), [(0, 0), (2, 1)])
async def test_the_nightly_task_goes_by_the_setting(service: Running, hotel: UUID, years: int, erased: int) -> None:
    booking = await book(service, hotel, 10, guest=BEATRIZ)
    async with service.staff(hotel, "manager") as manager:
        await then(manager, hotel, booking, "cancel")
    await project(service.settings)
    async with superuser(service.settings) as connection:  # a past that no live command can make
        await connection.execute("update read.booking set arrival = arrival - 800, departure = departure - 800")
    settings = service.settings.model_copy(update={"guests_kept_years": years})
    async with write_side(settings) as side:
        assert await forget_by_rule(settings, side) == erased
