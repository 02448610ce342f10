"""What reports should say, told by folding events one after the other, by the domain's own rules and nothing else."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, get_args
from uuid import UUID

from domain.bookings import Booking, BookingEvent, GuestsWalked, Line, LineState, evolve
from domain.calendar import nights, zone
from eventstore.reading import RecordedEvent
from readmodels.rows import HOTEL, NIGHT
from tests.readmodels.test_random_batches import GUESTS
from tests.readmodels.words import folded


class Ended(NamedTuple):
    """A line that came to nothing after it was booked: how, when, and as it was before."""

    how: str
    at: datetime
    before: Line
    reason: str | None


@dataclass
class Life:
    """A line's whole life so far."""

    now: Line
    agreed: Line
    """As it was before its guests left."""
    assigned: str | None = None
    """The type of the last room that it had."""
    was_booked: bool = False
    ended: Ended | None = None


@dataclass
class Told:
    """A hotel as some events tell it."""

    bookings: dict[UUID, Booking] = field(default_factory=dict)
    booked_at: dict[UUID, datetime] = field(default_factory=dict)
    lives: dict[tuple[UUID, int], Life] = field(default_factory=dict)
    type_of_room: dict[str, str] = field(default_factory=dict)
    in_service: dict[tuple[date, str], int] = field(default_factory=dict)
    timezone: str = "UTC"

    def local(self, at: datetime) -> date:
        """The hotel's date at an instant."""
        return at.astimezone(zone(self.timezone)).date()

    def sold(self) -> Iterable[tuple[date, str, str | None, Decimal]]:
        """Every room night that is sold: night, room type, channel, price."""
        for booking in self.bookings.values():
            for line in booking.lines:
                claim, claimed = line.claimed_nights()
                for night, room_type, price in zip(claimed, line.stock, line.prices, strict=False):
                    if claim.sold:
                        yield night, room_type, booking.statistics.channel, price


def told(events: list[RecordedEvent], *, stock: bool = True) -> Told:
    """Fold events one after the other; without `stock` of bookings alone."""
    found = Told()
    rows = folded(events if stock else (), GUESTS)
    for hotel in rows.rows(HOTEL):
        found.timezone = hotel.timezone
    found.in_service = {(row.night, row.room_type): row.in_service for row in rows.rows(NIGHT)}
    for recorded in events:
        event = recorded.event()
        if recorded.type in ("RoomTypeAdded", "RoomsAdded"):
            code = event.code if recorded.type == "RoomTypeAdded" else event.room_type  # type: ignore[union-attr]
            found.type_of_room |= dict.fromkeys(event.rooms, code)  # type: ignore[union-attr]
        if isinstance(event, get_args(BookingEvent)):
            _happened(found, recorded, event)
    return found


def _happened(found: Told, recorded: RecordedEvent, event: BookingEvent) -> None:
    booking_id = recorded.stream_id
    booking = found.bookings[booking_id] = evolve(found.bookings.get(booking_id), event)
    found.booked_at.setdefault(booking_id, recorded.occurred_at)
    for line in booking.lines:
        life = found.lives.setdefault((booking_id, line.line), Life(line, line))
        before, life.now = life.now, line
        if line.state is not LineState.CHECKED_OUT:
            life.agreed = line
        if line.room is not None:
            life.assigned = found.type_of_room[line.room]
        gone = line.state in (LineState.CANCELLED, LineState.NO_SHOW)
        if gone and life.ended is None and before.state in (LineState.CONFIRMED, LineState.CHECKED_IN):
            how = "walked" if isinstance(event, GuestsWalked) else line.state.value
            life.ended = Ended(how, recorded.occurred_at, before, getattr(event, "reason", None))
        life.was_booked = life.was_booked or line.state is LineState.CONFIRMED


def named(day: date, group_by: str) -> str:
    """A day's day, ISO week or month."""
    if group_by == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat() if group_by == "day" else f"{day.year}-{day.month:02}"


def days_of(first: date, until: date) -> tuple[date, ...]:
    """The dates of a range."""
    return nights(first, until)


class Sold(NamedTuple):
    """Room nights sold, and their prices together."""

    rooms: int
    revenue: Decimal

    def less(self, other: "Sold") -> "Sold":
        """What this is more than another."""
        return Sold(self.rooms - other.rooms, self.revenue - other.revenue)


NOTHING = Sold(0, Decimal(0))


def sold_by(hotel: Told, first: date, until: date, key: Callable[[date, str, str | None], Any]) -> dict[Any, Sold]:
    """Room nights sold in a range, by whatever key; what has none comes as nothing."""
    sums: dict[Any, Sold] = defaultdict(lambda: NOTHING)
    for night, room_type, channel, price in hotel.sold():
        if first <= night < until:
            before = sums[key(night, room_type, channel)]
            sums[key(night, room_type, channel)] = Sold(before.rooms + 1, before.revenue + price)
    return sums


def available_by(hotel: Told, first: date, until: date, key: Callable[[date, str], Any]) -> Counter[Any]:
    """Rooms in service of the nights in a range, by whatever key."""
    sums: Counter[Any] = Counter()
    for (night, room_type), rooms in hotel.in_service.items():
        if first <= night < until:
            sums[key(night, room_type)] += rooms
    return sums


def year_before(day: date) -> date:
    """The date of the same weekday a year before."""
    return day - timedelta(days=364)
