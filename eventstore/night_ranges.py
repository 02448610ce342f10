"""What events of hotels and inventories do to whole ranges of the night table."""

from typing import Any, assert_never
from uuid import UUID

from domain.calendar import nights
from domain.hotels import (
    HorizonExtended,
    Hotel,
    HotelDetailsChanged,
    HotelEvent,
    HotelOpened,
    RoomFeaturesSet,
    RoomReturnedToService,
    RoomsAdded,
    RoomTakenOutOfOrder,
    RoomTypeAdded,
)
from domain.inventory import AllowanceSet, InventoryEvent, PricesSet, RestrictionsSet

type RangeWrite = tuple[str, tuple[Any, ...]]
"""The name of a statement and its parameters."""


def range_writes(hotel_id: UUID, hotel: Hotel | None, event: HotelEvent | InventoryEvent) -> list[RangeWrite]:
    """The statements that bring the nights in line with an event; `hotel` is as it was before the event."""
    match event:
        case HotelOpened() | HotelDetailsChanged() | RoomFeaturesSet():
            return []
        case RoomTypeAdded():
            on_sale = (hotel_id, event.code, event.on_sale_from, event.bookable_until)
            return [("insert_nights", (*on_sale, len(event.rooms), event.base_price))]
        case RoomsAdded():
            stay = nights(event.in_service_from, event.bookable_until)
            return [("move_in_service", (hotel_id, event.room_type, stay, len(event.rooms), ()))]
        case RoomTakenOutOfOrder():
            stay = nights(event.first, event.until)
            return [("move_in_service", (hotel_id, event.room_type, stay, -1, event.allowance_raised_on))]
        case RoomReturnedToService():
            return [("move_in_service", (hotel_id, event.room_type, event.nights, 1, event.allowance_lowered_on))]
        case HorizonExtended():
            if hotel is None:
                raise AssertionError("a horizon is that of a hotel")
            return [
                (
                    "insert_nights",
                    (hotel_id, code, event.bookable_from, event.bookable_until, len(kind.rooms), kind.base_price),
                )
                for code, kind in hotel.room_types.items()
            ]
        case PricesSet():
            return [("set_prices", (*_range(hotel_id, event), event.price))]
        case RestrictionsSet():
            closed = (event.closed_to_arrival, event.closed_to_departure)
            return [("set_restrictions", (*_range(hotel_id, event), event.stop_sell, event.minimum_stay, *closed))]
        case AllowanceSet():
            return [("set_allowance", (*_range(hotel_id, event), event.allowance))]
        case _:
            assert_never(event)


def _range(hotel_id: UUID, event: PricesSet | RestrictionsSet | AllowanceSet) -> tuple[Any, ...]:
    return hotel_id, event.room_type, event.first, event.until, list(event.weekdays)
