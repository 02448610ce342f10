"""An event that the system adds because a command needs it says which request that was."""

from datetime import timedelta

import orjson
import pytest

from command.side import CommandSide
from eventstore.reading import read_after
from tests.eventstore import house as words
from tests.eventstore.house import open_house


async def test_a_hold_that_gives_way_names_the_request_that_wanted_its_room(
    side: CommandSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house(side)
    await house.book(1, 3, hold_for=timedelta(microseconds=1))
    monkeypatch.setattr(words, "METADATA", '{"actor":"a","role":"guest","request_id":"r1","correlation_id":"c1"}')
    await house.book(2, 4)
    async with side.pool.acquire() as connection:
        events = await read_after(connection, house.hotel_id, 3, 9)
    assert [(event.type, orjson.loads(event.metadata)) for event in events] == [
        ("BookingExpired", {"actor": "system", "role": "system", "correlation_id": "c1", "causation_id": "r1"}),
        ("BookingMade", {"actor": "a", "role": "guest", "request_id": "r1", "correlation_id": "c1"}),
    ]
