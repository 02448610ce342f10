"""Random histories of a hotel: two seasons, a year apart, with bookings through several channels."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random
from uuid import UUID

import orjson

from domain.booking_commands import AssignRooms, CheckIn
from domain.hotels import ExtendHorizon
from domain.rejections import Rejected
from eventstore.reading import RecordedEvent
from projections.writing import write
from staysync.settings import Settings
from tests.eventstore.house import superuser
from tests.readmodels.test_random_batches import CODES, GUESTS, World, any_step, happen
from tests.readmodels.words import folded

_STATISTICS = {
    "channel": ("web", "direct", "travel_agent", None),
    "market_segment": ("Groups", "Online TA"),
    "distribution_channel": ("TA/TO", "Direct"),
    "agent": ("240", "9", None),
    "company": (None, "40"),
    "customer_type": ("Transient", "Contract"),
    "meal": ("BB", "HB"),
    "country": ("PRT", "GBR", None),
}


@cache
def two_seasons(seed: int, length: int) -> list[RecordedEvent]:
    """A hotel with two room types; what happens to it, and again about a year later."""
    random = Random(seed)  # noqa: S311 - a history, not a secret
    world = World()
    for code in CODES:
        world.add_type(code, 4)
    _live(world, random, length)
    world.now += timedelta(days=random.randrange(355, 364))
    world.manage(ExtendHorizon())
    _live(world, random, length)
    return _recorded_later(_through_channels(world.ledger.events, random), random)


def _live(world: World, random: Random, length: int) -> None:
    for _ in range(length):
        with suppress(Rejected):
            happen(world, any_step(random))
        if world.bookings and random.random() < 0.3:
            number = random.randrange(len(world.bookings))
            for command in (AssignRooms(room_type=random.choice((None, *CODES))), CheckIn()):
                with suppress(Rejected):
                    world.live(number, command)


def _through_channels(events: list[RecordedEvent], random: Random) -> list[RecordedEvent]:
    """The same events, where bookings came through different channels, of different guests."""
    told = []
    for recorded in events:
        if recorded.type in ("BookingHeld", "BookingMade"):
            data = orjson.loads(recorded.data)
            data["statistics"] |= {name: random.choice(values) for name, values in _STATISTICS.items()}
            recorded = replace(recorded, data=orjson.dumps(data).decode())
        told.append(recorded)
    return told


def _recorded_later(events: list[RecordedEvent], random: Random) -> list[RecordedEvent]:
    """The same events, which the ledger learnt of up to two days after they had happened, in their order."""
    told = []
    at = events[0].recorded_at
    for recorded in events:
        at = max(at, recorded.occurred_at + timedelta(hours=random.randrange(48)))
        told.append(replace(recorded, recorded_at=at))
    return told


async def keep(settings: Settings, events: list[RecordedEvent]) -> UUID:
    """Write a history into ledger and read tables; the hotel's id."""
    last = events[-1]
    async with superuser(settings) as connection, connection.transaction():
        await connection.executemany(
            "insert into ledger.event values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                (
                    *(event.hotel_id, event.seq, event.stream_id, event.version, event.schema_version, event.type),
                    *(event.occurred_at, event.recorded_at, event.hash, event.data, event.metadata),
                )
                for event in events
            ],
        )
        await connection.execute(
            "insert into ledger.head values ($1, $2, $3, $4, $5, 1)",
            *(last.hotel_id, last.seq, last.hash, last.occurred_at, last.recorded_at),
        )
        await write(connection, last.hotel_id, folded(events, GUESTS))
        await connection.execute(
            "insert into read.checkpoint (hotel_id, seq, events_applied, recorded_at, updated_at)"
            " values ($1, $2, $2, $3, $3)",
            *(last.hotel_id, last.seq, last.recorded_at),
        )
    return last.hotel_id
