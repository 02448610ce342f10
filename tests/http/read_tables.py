"""Rows of the read tables for tests of questions, written as the role that projects them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from readmodels import tables
from staysync.settings import Settings

NOW = datetime.now(UTC)
TODAY = NOW.date()
"""Within a day of every hotel's business date; stays of tests begin a few days later."""


def day(offset: int) -> date:
    """A date some days from today."""
    return TODAY + timedelta(days=offset)


@dataclass
class World:
    """What a test writes: add rows, then `write` them."""

    settings: Settings
    rows: list[tables.Base] = field(default_factory=list)

    def hotel(self, name: str = "Grand", city: str = "Lisbon", **changes: Any) -> UUID:
        """A hotel in Lisbon that can be booked for a year."""
        hotel_id = uuid4()
        values: dict[str, Any] = {
            "hotel_id": hotel_id,
            "name": name,
            "city": city,
            "country": "PT",
            "timezone": "Europe/Lisbon",
            "currency": "EUR",
            "reference_prefix": "LIS",
            "business_day_rolls_at": time(4, 0),
            "bookable_horizon_days": 365,
            "bookable_until": day(365),
            "version": 3,
            "opened_at": NOW,
            "changed_at": NOW,
            **changes,
        }
        self.rows.append(tables.Hotel(**values))
        return hotel_id

    def room_type(self, hotel_id: UUID, code: str, *, rooms: int = 2, adults: int = 2, children: int = 1) -> None:
        """A room type with numbered rooms."""
        self.rows.append(
            tables.RoomType(
                hotel_id=hotel_id,
                code=code,
                room_type_id=uuid4(),
                name=f"Type {code}",
                max_adults=adults,
                max_children=children,
                base_price=Decimal(100),
                room_count=rooms,
                inventory_version=1,
                added_seq=2,
            )
        )
        self.rows.extend(
            tables.Room(hotel_id=hotel_id, room=f"{code}{number}", room_type=code, in_service_from=TODAY, features=[])
            for number in range(1, rooms + 1)
        )

    def nights(self, hotel_id: UUID, code: str, first: int, until: int, **changes: Any) -> None:
        """Nights of a room type, by offsets from today."""
        for offset in range(first, until):
            values: dict[str, Any] = {
                "in_service": 2,
                "allowance": 0,
                "sold": 0,
                "held": 0,
                "price": Decimal("100.50"),
                "stop_sell": False,
                "minimum_stay": 1,
                "closed_to_arrival": False,
                "closed_to_departure": False,
                **changes,
            }
            self.rows.append(tables.Night(hotel_id=hotel_id, night=day(offset), room_type=code, **values))

    def booking(self, hotel_id: UUID, *, arrival: int = 5, nights: int = 2, lines: int = 1, **changes: Any) -> UUID:
        """A confirmed booking with lines of type DBL, roomed in `rooms` and for `line_guests`, line by line.

        Its guest is new, and that of its lines, unless one is given.
        """
        booking_id = uuid4()
        claim, rooms = changes.pop("claim", "sold"), changes.pop("rooms", [None] * lines)
        name, email = changes.pop("full_name", "Ada Lovelace"), changes.pop("email", "Ada@Example.org")
        guest_id = changes.pop("guest_id", None) or self.guest(hotel_id, name, email)
        line_guests = changes.pop("line_guests", [guest_id] * lines)
        state = changes.get("state", "confirmed")
        departure = arrival + nights
        values: dict[str, Any] = {
            "reference": f"LIS-{booking_id.hex[:8].upper()}",
            "state": state,
            "version": 1,
            "seq": 10,
            "currency": "EUR",
            "rate_plan": "BAR",
            "booker_id": None,
            "total": Decimal(201) * lines,
            "channel": "direct",
            "flags": [],
            "hold_until": None,
            "booked_at": NOW,
            "changed_at": NOW,
            **changes,
        }
        key = {"hotel_id": hotel_id, "booking_id": booking_id}
        stay = {"arrival": day(arrival), "departure": day(departure)}
        self.rows.append(tables.Booking(**key, **stay, guest_id=guest_id, **values))
        for line in range(1, lines + 1):
            self.rows.append(
                tables.Line(
                    **key,
                    **stay,
                    line=line,
                    room_type="DBL",
                    adults=2,
                    child_ages=[7, None],
                    guest_id=line_guests[line - 1],
                    state=state,
                    total=Decimal(201),
                    room=rooms[line - 1],
                )
            )
            if rooms[line - 1] is not None:
                self.room_stay(hotel_id, booking_id, rooms[line - 1], arrival, departure, line=line)
            self.rows.extend(
                tables.BookingNight(
                    **key, line=line, night=day(offset), room_type="DBL", price=Decimal("100.50"), claim=claim
                )
                for offset in range(arrival, departure)
            )
        self.rows.append(
            tables.TimelineEntry(
                **key,
                seq=10,
                type="BookingMade",
                occurred_at=NOW,
                recorded_at=NOW,
                actor="anonymous",
                role="anonymous",
                guest_id=guest_id,
                **stay,
                **{name: values[name] for name in ("version", "state", "booker_id", "total", "hold_until")},
                facts={"lines": lines},
            )
        )
        return booking_id

    def guest(self, hotel_id: UUID, name: str = "Ada Lovelace", email: str = "Ada@Example.org") -> UUID:
        """A guest."""
        return self._guest(hotel_id, full_name=name, email=email, language="en", erased=False)

    def erased(self, hotel_id: UUID) -> UUID:
        """A guest who was erased."""
        return self._guest(hotel_id, full_name=None, email=None, language=None, erased=True)

    def _guest(self, hotel_id: UUID, **details: Any) -> UUID:
        guest_id = uuid4()
        self.rows.append(tables.Guest(hotel_id=hotel_id, guest_id=guest_id, phone=None, **details))
        return guest_id

    def room_stay(self, hotel_id: UUID, booking_id: UUID, room: str, first: int, until: int, *, line: int = 1) -> None:
        """A line's time in a room, by offsets from today."""
        self.rows.append(
            tables.RoomStay(
                hotel_id=hotel_id, booking_id=booking_id, line=line, first=day(first), room=room, until=day(until)
            )
        )

    def outage(self, hotel_id: UUID, room: str, first: int, until: int, reason: str | None = "a leak") -> None:
        """A room that is out of order, by offsets from today."""
        self.rows.append(
            tables.RoomOutage(
                hotel_id=hotel_id, room=room, first=day(first), until=day(until), reason_id=uuid4(), reason=reason
            )
        )

    def checkpoint(self, hotel_id: UUID, seq: int, parked: int | None = None) -> None:
        """How far a hotel is projected."""
        self.rows.append(
            tables.Checkpoint(
                hotel_id=hotel_id,
                seq=seq,
                events_applied=seq,
                recorded_at=NOW,
                updated_at=NOW,
                parked_seq=parked,
                parked_error=None if parked is None else "it failed",
                parked_at=None if parked is None else NOW,
                checksum=bytes(32),
            )
        )

    async def write(self) -> None:
        """Write what was added since the last time."""
        async with _session(self.settings) as session:
            session.add_all(self.rows)
            await session.commit()
        self.rows.clear()


@asynccontextmanager
async def _session(settings: Settings) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(settings.sqlalchemy_url("projector"))
    try:
        async with AsyncSession(engine) as session:
            yield session
    finally:
        await engine.dispose()
