"""The hotels that the load is for, opened by the commands that clients use, and the stays that are booked in them."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid7

from command import answers
from command.side import CommandSide
from domain.hotels import AddRoomType, HotelCommand, OpenHotel
from eventstore.reading import RESERVED_HOTEL
from eventstore.submission import Answer, Outcome, Submission

NIGHTS = 3
METADATA = '{"actor":"bench","role":"administrator","request_id":"bench","correlation_id":"bench"}'
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Market:
    """Some hotels with room types, and the days on which the stays booked there may begin."""

    hotels: tuple[tuple[UUID, tuple[str, ...]], ...]
    first_arrival: date
    arrival_days: int

    @property
    def room_types(self) -> list[tuple[UUID, str]]:
        """Every room type, as its hotel and its code."""
        return [(hotel_id, code) for hotel_id, codes in self.hotels for code in codes]

    def arrival(self, chance: random.Random) -> date:
        """A day on which a stay begins, each as likely as the others."""
        return self.first_arrival + timedelta(days=int(chance.random() * self.arrival_days))


async def open_market(
    side: CommandSide, *, hotels: int, types: int, rooms: int, arrival_days: int, horizon_days: int
) -> Market:
    """Open hotels with room types, each of so many rooms that the load never sells them out."""
    # Two days ahead: the business date may roll while the suite runs.
    first_arrival = datetime.now(UTC).date() + timedelta(days=2)
    codes = tuple(f"T{number}" for number in range(types))
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one() -> UUID:
        async with slots:
            return await _open_hotel(side, codes, rooms, horizon_days)

    ids = await asyncio.gather(*(one() for _ in range(hotels)))
    return Market(tuple((hotel_id, codes) for hotel_id in ids), first_arrival, arrival_days)


async def _open_hotel(side: CommandSide, codes: Sequence[str], rooms: int, horizon_days: int) -> UUID:
    hotel_id = uuid7()
    opening = OpenHotel(
        name="Hotel Bench",
        city="Lisboa",
        country="PT",
        timezone="Europe/Lisbon",
        currency="EUR",
        reference_prefix="BNCH",
        business_day_rolls_at=time(4, 0),
        bookable_horizon_days=horizon_days,
    )
    await _change(side, RESERVED_HOTEL, hotel_id, opening)
    for number, code in enumerate(codes):
        adding = AddRoomType(
            room_type_id=uuid7(),
            code=code,
            name=f"Room type {code}",
            max_adults=2,
            max_children=2,
            base_price=Decimal("120.00"),
            rooms=tuple(f"{number}-{room}" for room in range(rooms)),
        )
        await _change(side, hotel_id, hotel_id, adding)
    return hotel_id


async def _change(side: CommandSide, locked: UUID, stream: UUID, command: HotelCommand) -> None:
    await side.appender.submit(
        Submission(hotel_id=locked, stream_id=stream, command=command, metadata=METADATA, render=_changed)
    )


def _changed(outcome: Outcome) -> Answer:
    return answers.hotel_changed(outcome)
