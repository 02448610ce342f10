"""The words that specs of the folds are written in: given these events, then these rows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.bookings import AllowanceUse, BookingChanged, ChangedLine
from domain.events import Event
from domain.hotels import HotelEvent
from domain.inventory import InventoryEvent
from domain.rooms import RoomStay
from domain.values import Sealed
from eventstore import codec
from eventstore.reading import RecordedEvent
from readmodels.folds import Fold
from readmodels.rows import TABLES, Key
from readmodels.sealed import OpenSealed
from readmodels.working_set import WorkingSet
from tests.domain.house import day

HOTEL_ID, BOOKING_ID = UUID(int=1), UUID(int=2)
BEGAN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
METADATA = '{"actor":"clerk","role":"staff"}'


class Ledger:
    """Events as a ledger would number them: one stream for the hotel, one for its inventories, one for each booking."""

    def __init__(self, hotel_id: UUID = HOTEL_ID) -> None:
        self.hotel_id = hotel_id
        self.events: list[RecordedEvent] = []
        self._versions: dict[UUID, int] = {}

    def add(self, *events: Event, booking_id: UUID = BOOKING_ID, at: datetime | None = None) -> "Ledger":
        """Record events, a minute after the last unless it is said when."""
        for event in events:
            stream_id = self._stream(event, booking_id)
            self._versions[stream_id] = self._versions.get(stream_id, 0) + 1
            occurred_at = at or BEGAN + timedelta(minutes=len(self.events))
            event_type, schema_version, data = codec.encode(event)
            self.events.append(
                RecordedEvent(
                    hotel_id=self.hotel_id,
                    seq=len(self.events) + 1,
                    stream_id=stream_id,
                    version=self._versions[stream_id],
                    schema_version=schema_version,
                    type=event_type,
                    occurred_at=occurred_at,
                    recorded_at=occurred_at,
                    hash=bytes(32),
                    data=data,
                    metadata=METADATA,
                )
            )
        return self

    def _stream(self, event: Event, booking_id: UUID) -> UUID:
        if isinstance(event, HotelEvent):
            return self.hotel_id
        if isinstance(event, InventoryEvent):
            return UUID(int=sum(event.room_type.encode()))
        return booking_id


def changed_line(
    number: int = 1,
    arrival: int = 0,
    departure: int = 2,
    room_type: str = "DBL",
    *rooms: tuple[str, int, int],
    stock: tuple[str, ...] | None = None,
    guest: Sealed | None = None,
) -> ChangedLine:
    """A line as a change left it, days counted from today."""
    length = departure - arrival
    return ChangedLine(
        line=number,
        room_type=room_type,
        adults=1,
        child_ages=(),
        guest=guest,
        arrival=day(arrival),
        departure=day(departure),
        prices=(Decimal("90.00"),) * length,
        stock=stock or (room_type,) * length,
        rooms=tuple(RoomStay(room=room, first=day(first), until=day(until)) for room, first, until in rooms),
    )


def changed(*lines: ChangedLine, cancelled: tuple[int, ...] = (), used: int | None = None) -> BookingChanged:
    """A change; `used` is a day on the double's allowance."""
    use = () if used is None else (AllowanceUse(room_type="DBL", date=day(used)),)
    return BookingChanged(lines=lines, cancelled=cancelled, allowance_used=use)


def open_as_told(details: Mapping[UUID, Mapping[str, Any]]) -> OpenSealed:
    """Opens the details of these guests; the others are erased."""

    def open_sealed(sealed: Sealed) -> Mapping[str, Any] | None:
        return details.get(sealed.guest_id)

    return open_sealed


def folded(events: Iterable[RecordedEvent], details: Mapping[UUID, Mapping[str, Any]] | None = None) -> WorkingSet:
    """The rows after these events, from nothing."""
    fold = Fold(WorkingSet(from_nothing=True), open_as_told(details or {}))
    for recorded in events:
        fold.apply(recorded, recorded.event())
    return fold.rows


def given(*events: Event, details: Mapping[UUID, Mapping[str, Any]] | None = None) -> WorkingSet:
    """The rows after these events of one hotel and, where they are a booking's, of one booking."""
    return folded(Ledger().add(*events).events, details)


def all_rows(rows: WorkingSet) -> dict[str, dict[Key, Any]]:
    """Every row of every table."""
    return {table.name: {table.key_of(row): row for row in rows.rows(table)} for table in TABLES}
