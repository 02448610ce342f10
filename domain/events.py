"""The index of all streams: which events there are, and of which stream."""

from domain.bookings import BookingEvent
from domain.hotels import HotelEvent
from domain.inventory import InventoryEvent

Event = HotelEvent | InventoryEvent | BookingEvent

STREAMS: dict[str, object] = {"hotel": HotelEvent, "inventory": InventoryEvent, "booking": BookingEvent}
"""The union of events of each kind of stream; the codec derives its registry from it."""

SCHEMA_VERSIONS: dict[str, int] = {"BookingHeld": 2, "BookingMade": 2}
"""The schema version of events whose fields have changed since they were first written; all others are at 1."""
