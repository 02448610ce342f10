"""Hotels in a real ledger, and commands to them, for the tests of the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from uuid_utils.compat import uuid7

from command import answers
from command.routes.bookings import reference_suffix
from command.side import CommandSide
from domain.booking_commands import Book, LifeCommand, RequestedLine
from domain.hotels import AddRoomType, HotelCommand, OpenHotel
from domain.inventory import InventoryCommand
from domain.values import Statistics
from eventstore.guest_keys import WrappedKey
from eventstore.reading import RESERVED_HOTEL, Connection
from eventstore.submission import Acknowledged, Answer, IdempotencyKey, Outcome, Submission
from staysync.settings import Settings

METADATA = '{"actor":"tests","role":"staff"}'


@asynccontextmanager
async def superuser(settings: Settings) -> AsyncIterator[Connection]:
    """A connection that no grant and no role's limit holds back."""
    if settings.database_url is None:
        raise AssertionError("tests know their database")
    connection = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


def _rendered(outcome: Outcome) -> Answer:
    return answers.booking_changed(outcome) if outcome.booking else answers.hotel_changed(outcome)


@dataclass(frozen=True, slots=True)
class House:
    """One hotel with one room type DBL, and the words for commands to it."""

    side: CommandSide
    hotel_id: UUID
    today: date

    def at(self, side: CommandSide) -> "House":
        """The same hotel through another write side."""
        return House(side, self.hotel_id, self.today)

    def day(self, number: int) -> date:
        """A date, counted from the hotel's business date."""
        return self.today + timedelta(days=number)

    async def submit(
        self,
        command: HotelCommand | InventoryCommand | Book | LifeCommand,
        stream_id: UUID,
        *,
        key: IdempotencyKey | None = None,
        version: int | None = None,
        occurred_at: datetime | None = None,
    ) -> Acknowledged:
        """Append what a command decides."""
        return await self.side.appender.submit(
            Submission(
                hotel_id=self.hotel_id,
                stream_id=stream_id,
                command=command,
                metadata=METADATA,
                render=_rendered,
                idempotency=key,
                expected_version=version,
                occurred_at=occurred_at,
            )
        )

    async def book(
        self,
        first: int,
        until: int,
        *,
        rooms: int = 1,
        types: tuple[str, ...] | None = None,
        hold_for: timedelta | None = None,
        key: str | None = None,
        fingerprint: bytes = bytes(32),
        kept: WrappedKey | None = None,
        booking_id: UUID | None = None,
    ) -> dict[str, Any]:
        """Book rooms for days counted from today; the answer as the client sees it.

        One double for each of `rooms`, or a room of each of `types`. `kept` is a key to keep instead of the guest's.
        """
        guest_id = uuid7()
        guest_key, wrapped = self.side.master_key.new_guest_key(self.hotel_id, guest_id)
        command = Book(
            reference_suffix=reference_suffix(),
            arrival=self.day(first),
            departure=self.day(until),
            lines=tuple(RequestedLine(room_type=code, adults=2, child_ages=()) for code in types or ("DBL",) * rooms),
            guest=guest_key.seal({"full_name": "Ana Guest", "email": "ana@example.org"}),
            booker=None,
            statistics=Statistics(channel="tests"),
            hold_for=hold_for,
        )
        acknowledged = await self.side.appender.submit(
            Submission(
                hotel_id=self.hotel_id,
                stream_id=booking_id or uuid7(),
                command=command,
                metadata=METADATA,
                render=answers.booked,
                idempotency=None if key is None else IdempotencyKey("tests", key, fingerprint),
                guest_keys=(kept or wrapped,),
            )
        )
        answer: dict[str, Any] = orjson.loads(acknowledged.answer.body)
        return answer

    async def live(self, command: LifeCommand, booking: dict[str, Any]) -> dict[str, Any]:
        """A command on a booking."""
        acknowledged = await self.submit(command, UUID(booking["booking_id"]))
        answer: dict[str, Any] = orjson.loads(acknowledged.answer.body)
        return answer


async def open_house(side: CommandSide, rooms: int = 1, *, horizon_days: int = 60) -> House:
    """Open a hotel with so many double rooms."""
    hotel_id = uuid7()
    await side.appender.submit(
        Submission(
            hotel_id=RESERVED_HOTEL,
            stream_id=hotel_id,
            command=OpenHotel(
                name="Aurora",
                city="Lisbon",
                country="PT",
                timezone="UTC",
                currency="EUR",
                reference_prefix="AUR",
                business_day_rolls_at=time(0),
                bookable_horizon_days=horizon_days,
            ),
            metadata=METADATA,
            render=answers.hotel_opened,
        )
    )
    house = House(side, hotel_id, datetime.now(UTC).date())
    await house.submit(
        AddRoomType(
            room_type_id=uuid7(),
            code="DBL",
            name="Double",
            max_adults=2,
            max_children=2,
            base_price=Decimal("100.00"),
            rooms=tuple(str(100 + number) for number in range(rooms)),
        ),
        hotel_id,
    )
    return house


async def add_room_type(house: House, code: str, *rooms: str, price: str = "250.00") -> None:
    """Put a further room type with these rooms on sale."""
    await house.submit(
        AddRoomType(
            room_type_id=uuid7(),
            code=code,
            name=code,
            max_adults=2,
            max_children=2,
            base_price=Decimal(price),
            rooms=rooms,
        ),
        house.hotel_id,
    )


async def night_rows(connection: Connection, hotel_id: UUID) -> dict[date, tuple[int, int, int]]:
    """Rooms in service, sold and held of each night that anything is claimed of."""
    rows = await connection.fetch(
        "select night, in_service, sold, held from ledger.night where hotel_id = $1 and sold + held > 0", hotel_id
    )
    return {row["night"]: (row["in_service"], row["sold"], row["held"]) for row in rows}
