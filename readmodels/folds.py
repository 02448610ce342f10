"""The folds: what each recorded event does to the rows of its hotel. Pure: rows and events in, rows out.

Before a batch is folded, its events say which rows they reach, so that a projector can read all of them in a handful of
statements, whatever the number of events. A fold that asks for a row beyond that is refused (`UndeclaredRow`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from domain.bookings import BookingHeld, BookingMade
from domain.calendar import nights
from domain.events import Event
from domain.hotels import HorizonExtended, HotelDetailsChanged, HotelOpened, RoomsAdded, RoomTypeAdded
from domain.inventory import PricesSet, affected_nights
from eventstore.reading import RecordedEvent
from readmodels.booking_folds import BookingsSeen, OpenSealed, apply_to_booking, sealed_guests
from readmodels.hotel_folds import apply_to_hotel, apply_to_inventory
from readmodels.rows import BOOKING_NIGHT
from readmodels.working_set import WorkingSet


@dataclass(slots=True)
class Reach:
    """The rows that a batch of events reads before it writes."""

    settings: bool = False
    """The hotel and its room types."""
    bookings: set[UUID] = field(default_factory=set)
    """Bookings from before the batch, whole: lines and nights included."""
    nights: set[tuple[date, str]] = field(default_factory=set)
    guests: set[UUID] = field(default_factory=set)
    """Guests whose sealed details are opened."""

    def add_claimed_nights(self, rows: WorkingSet) -> None:
        """Add the nights of stock that the bookings claim; known once their rows are loaded."""
        self.nights.update((row.night, row.room_type) for row in rows.rows(BOOKING_NIGHT) if row.claim is not None)


def reach_of(batch: Iterable[tuple[RecordedEvent, Event]]) -> Reach:
    """What a batch of events reaches."""
    reach = Reach()
    made: set[UUID] = set()
    for recorded, event in batch:
        match event:
            case BookingHeld() | BookingMade():
                made.add(recorded.stream_id)
                reach.guests.update(sealed.guest_id for sealed in sealed_guests(event))
                for line in event.lines:
                    reach.nights.update((night, line.room_type) for night in nights(line.arrival, line.departure))
            case RoomsAdded():
                reach.settings = True
                stay = nights(event.in_service_from, event.bookable_until)
                reach.nights.update((night, event.room_type) for night in stay)
            case HotelOpened() | HotelDetailsChanged() | RoomTypeAdded() | HorizonExtended():
                reach.settings = True
            case PricesSet():
                reach.settings = True
                reach.nights.update((night, event.room_type) for night in affected_nights(event))
            case _:
                if recorded.stream_id not in made:
                    reach.bookings.add(recorded.stream_id)
    return reach


class Fold:
    """Folds a hotel's events, in order, into a working set."""

    def __init__(self, rows: WorkingSet, open_sealed: OpenSealed) -> None:
        self.rows = rows
        self._open_sealed = open_sealed
        self._seen: BookingsSeen = {}

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        """Do to the rows what the next event says. On any error the rows are of no further use."""
        match event:
            case HotelOpened() | HotelDetailsChanged() | RoomTypeAdded() | RoomsAdded() | HorizonExtended():
                apply_to_hotel(self.rows, recorded, event)
            case PricesSet():
                apply_to_inventory(self.rows, recorded, event)
            case _:
                apply_to_booking(self.rows, self._seen, recorded, event, self._open_sealed)

    def settle(self) -> None:
        """Let go of what is only there to be quick, and of what has changed; for long folds from nothing."""
        self._seen.clear()
        self.rows.settle()
