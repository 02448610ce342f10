"""The folds: what each recorded event does to the rows of its hotel. Pure: rows and events in, rows out.

Before a batch is folded, its events say which rows they reach, so that a projector can read all of them in a handful of
statements, whatever the number of events. A fold that asks for a row beyond that is refused (`UndeclaredRow`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from domain.bookings import OPEN_STATES, BookingChanged, BookingEvent, BookingHeld, BookingMade, RoomsAssigned
from domain.calendar import nights
from domain.events import Event
from domain.hotels import (
    HotelEvent,
    RoomFeaturesSet,
    RoomReturnedToService,
    RoomsAdded,
    RoomTakenOutOfOrder,
)
from domain.inventory import InventoryEvent, affected_nights
from eventstore.reading import RecordedEvent
from readmodels.applied import NOTHING, Applied
from readmodels.booking_folds import BookingsSeen, apply_to_booking, sealed_guests
from readmodels.hotel_folds import apply_to_hotel, apply_to_inventory
from readmodels.rows import BOOKING_NIGHT, LINE
from readmodels.sealed import OpenSealed
from readmodels.working_set import WorkingSet


@dataclass(slots=True)
class Reach:
    """The rows that a batch of events reads before it writes."""

    settings: bool = False
    """The hotel and its room types."""
    rooms: set[str] = field(default_factory=set)
    """Rooms, with the times that they are out of order."""
    bookings: set[UUID] = field(default_factory=set)
    """Bookings from before the batch, whole: lines, nights and rooms included."""
    nights: set[tuple[date, str]] = field(default_factory=set)
    guests: set[UUID] = field(default_factory=set)
    """Whose sealed details are opened: guests, and the keys of reasons in words."""

    def add_claimed_nights(self, rows: WorkingSet) -> None:
        """Add the nights of stock that the bookings claim; known once their rows are loaded.

        An open line that has a room of another type claims nights of the type booked when it gives the room back.
        """
        self.nights.update((row.night, row.room_type) for row in rows.rows(BOOKING_NIGHT) if row.claim is not None)
        for line in rows.rows(LINE):
            if line.state in OPEN_STATES:
                self._add_stay(line.room_type, line.arrival, line.departure)

    def _add_stay(self, room_type: str, first: date, until: date) -> None:
        self.nights.update((night, room_type) for night in nights(first, until))

    def add_booking_event(self, event: BookingEvent) -> None:
        """Add what an event of a booking says itself."""
        self.guests.update(sealed.guest_id for sealed in sealed_guests(event, None))
        match event:
            case BookingHeld() | BookingMade():
                for line in event.lines:
                    self._add_stay(line.room_type, line.arrival, line.departure)
            case BookingChanged():
                for changed in event.lines:
                    self._add_stay(changed.room_type, changed.arrival, changed.departure)
                    self.nights.update(zip(nights(changed.arrival, changed.departure), changed.stock, strict=True))
            case RoomsAssigned():
                for assignment in event.assignments:
                    self._add_stay(assignment.room_type, assignment.first, assignment.until)
            case _:
                pass  # all else moves nights that the booking has already

    def add_hotel_event(self, event: HotelEvent) -> None:
        """Add what an event of the hotel says itself."""
        self.settings = True
        match event:
            case RoomsAdded():
                self._add_stay(event.room_type, event.in_service_from, event.bookable_until)
            case RoomFeaturesSet():
                self.rooms.add(event.room)
            case RoomTakenOutOfOrder():
                self.rooms.add(event.room)
                self.guests.add(event.reason.guest_id)
                self._add_stay(event.room_type, event.first, event.until)
            case RoomReturnedToService():
                self.rooms.add(event.room)
                self.nights.update((night, event.room_type) for night in event.nights)
            case _:
                pass  # nights that are new aren't read


def reach_of(batch: Iterable[tuple[RecordedEvent, Event]]) -> Reach:
    """What a batch of events reaches."""
    reach = Reach()
    made: set[UUID] = set()
    for recorded, event in batch:
        if isinstance(event, HotelEvent):
            reach.add_hotel_event(event)
        elif isinstance(event, InventoryEvent):
            reach.settings = True
            reach.nights.update((night, event.room_type) for night in affected_nights(event))
        else:
            reach.add_booking_event(event)
            if isinstance(event, BookingHeld | BookingMade):
                made.add(recorded.stream_id)
            elif recorded.stream_id not in made:
                reach.bookings.add(recorded.stream_id)
    return reach


class Fold:
    """Folds a hotel's events, in order, into a working set. `applied` sums up what was applied, from before on."""

    def __init__(self, rows: WorkingSet, open_sealed: OpenSealed, applied: Applied = NOTHING) -> None:
        self.rows = rows
        self._applied = applied
        self._hashes: list[bytes] = []
        self._open_sealed = open_sealed
        self._seen: BookingsSeen = {}

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        """Do to the rows what the next event says. On any error the rows are of no further use."""
        if isinstance(event, HotelEvent):
            apply_to_hotel(self.rows, recorded, event, self._open_sealed)
        elif isinstance(event, InventoryEvent):
            apply_to_inventory(self.rows, recorded, event)
        else:
            apply_to_booking(self.rows, self._seen, recorded, event, self._open_sealed)
        self._hashes.append(recorded.hash)  # summed up later, which costs less for many at once

    @property
    def applied(self) -> Applied:
        """What was applied, with what came before this fold."""
        self._sum_up()
        return self._applied

    def settle(self) -> None:
        """Let go of what is only there to be quick, and of what has changed; for long folds from nothing."""
        self._seen.clear()
        self._sum_up()
        self.rows.settle()

    def _sum_up(self) -> None:
        self._applied = self._applied.with_events(self._hashes)
        self._hashes.clear()
