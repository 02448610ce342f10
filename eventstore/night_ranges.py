"""What events of hotels and inventories do to whole ranges of the night table."""

from typing import Any
from uuid import UUID

from domain.events import Event
from domain.hotels import (
    HorizonExtended,
    Hotel,
    HotelDetailsChanged,
    HotelOpened,
    RoomsAdded,
    RoomTypeAdded,
)
from domain.inventory import PricesSet

type RangeWrite = tuple[str, tuple[Any, ...]]
"""The name of a statement and its parameters."""


def range_writes(hotel_id: UUID, hotel: Hotel | None, event: Event) -> list[RangeWrite]:
    """The statements that bring the nights in line with an event; `hotel` is as it was before the event."""
    match event:
        case HotelOpened() | HotelDetailsChanged():
            return []
        case RoomTypeAdded():
            nights = (hotel_id, event.code, event.on_sale_from, event.bookable_until)
            return [("insert_nights", (*nights, len(event.rooms), event.base_price))]
        case RoomsAdded():
            nights = (hotel_id, event.room_type, event.in_service_from, event.bookable_until)
            return [("add_in_service", (*nights, len(event.rooms)))]
        case HorizonExtended() if hotel is not None:
            return [
                (
                    "insert_nights",
                    (hotel_id, code, event.bookable_from, event.bookable_until, len(kind.rooms), kind.base_price),
                )
                for code, kind in hotel.room_types.items()
            ]
        case PricesSet():
            nights = (hotel_id, event.room_type, event.first, event.until)
            return [("set_prices", (*nights, list(event.weekdays), event.price))]
        case _:
            raise AssertionError(f"{type(event).__name__} is not about ranges of nights")
