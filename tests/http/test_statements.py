"""The number of SQL statements of a question doesn't depend on how many rows it answers with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg.connection
import pytest
from sqlalchemy import event

from query.side import QuerySide
from staysync.settings import Settings
from tests.clients import Running, running
from tests.http.read_tables import World, day


@contextmanager
def counted(service: Running) -> Iterator[list[str]]:
    side: QuerySide = service.app.state.query
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    execute = getattr(asyncpg.connection.Connection, "_execute")  # noqa: B009 - which its stubs leave out

    async def noted(connection: Any, query: str, *rest: Any, **options: Any) -> Any:
        if "read." in query:  # what searches ask without SQLAlchemy in between
            statements.append(query)
        return await execute(connection, query, *rest, **options)

    event.listen(side.engine.sync_engine, "before_cursor_execute", note)
    try:
        with patch.object(asyncpg.connection.Connection, "_execute", noted):
            yield statements
    finally:
        event.remove(side.engine.sync_engine, "before_cursor_execute", note)


def fill(world: World, hotel_id: UUID, bookings: int) -> UUID:
    booking_id = UUID(int=0)
    for _ in range(bookings):
        booking_id = world.booking(hotel_id, lines=bookings, rooms=["DBL1", *[None] * (bookings - 1)])
        world.outage(hotel_id, "DBL1", 100 + len(world.rows), 1000)
    return booking_id


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/v1/hotels", 1),
        ("/v1/hotels/{hotel}", 1),
        ("/v1/hotels/{hotel}/room-types", 3),
        ("/v1/hotels/{hotel}/calendar", 3),
        ("/v1/availability?arrival={arrival}&departure={departure}", 1),
        ("/v1/availability?arrival={arrival}&departure={departure}&hotel_id={hotel}", 1),
        ("/v1/availability?arrival={arrival}&departure={departure}&city=lisbon&sort=price&flex_days=3&rooms=2", 1),
        ("/v1/cheapest-prices?city=lisbon&month={month}", 1),
        ("/v1/hotels/{hotel}/cheapest-prices?month={month}", 1),
        ("/v1/hotels/{hotel}/availability/explain?arrival={arrival}&departure={departure}&room_type=DBL&rooms=5", 6),
        ("/v1/hotels/{hotel}/bookings", 4),
        ("/v1/hotels/{hotel}/bookings/{booking}", 7),
        ("/v1/hotels/{hotel}/room-rack", 5),
        ("/v1/hotels/{hotel}/guests?limit=200", 2),
    ],
)
async def test_many_rows_take_as_many_statements_as_one(settings: Settings, world: World, path: str, most: int) -> None:
    async with running(settings.model_copy(update={"keep_answers_s": 0})) as service:
        await look_twice(service, world, path, most)


async def look_twice(service: Running, world: World, path: str, most: int) -> None:
    hotel_id = world.hotel()
    world.room_type(hotel_id, "DBL", rooms=1)
    world.nights(hotel_id, "DBL", 0, 10)
    booking_id = fill(world, hotel_id, 1)
    await world.write()
    counts = []
    async with service.administrator() as client:

        async def ask(booking_id: UUID) -> int:
            url = path.format(
                hotel=hotel_id, booking=booking_id, arrival=day(5), departure=day(7), month=f"{day(5):%Y-%m}"
            )
            with counted(service) as statements:
                answer = await client.get(url)
            assert answer.status_code == 200, answer.text
            counts.append(len(statements))
            return len(answer.content)

        small = await ask(booking_id)
        booking_id = fill(world, hotel_id, 25)
        for number in range(5):
            world.room_type(hotel_id, f"T{number}", rooms=20)
            world.nights(hotel_id, f"T{number}", 0, 14)
            world.hotel(f"Hotel {number}")
        await world.write()
        large = await ask(booking_id)
    assert counts == [most, most]
    assert large > small or path == "/v1/hotels/{hotel}" or "explain" in path or "cheapest" in path
