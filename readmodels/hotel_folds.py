"""What the events of hotels and of inventories do to the rows: the hotel, its room types, its rooms, its nights."""

from datetime import date
from decimal import Decimal
from typing import assert_never

from domain.calendar import nights
from domain.hotels import (
    HorizonExtended,
    HotelDetailsChanged,
    HotelEvent,
    HotelOpened,
    RoomsAdded,
    RoomTypeAdded,
)
from domain.inventory import InventoryEvent, PricesSet, affected_nights
from eventstore.reading import RecordedEvent
from readmodels.rows import HOTEL, NIGHT, ROOM, ROOM_TYPE, HotelRow, NightRow, RoomRow, RoomTypeRow
from readmodels.working_set import WorkingSet


def apply_to_hotel(rows: WorkingSet, recorded: RecordedEvent, event: HotelEvent) -> None:
    """Bring a hotel's rows in line with an event of its own stream."""
    if isinstance(event, HotelOpened):
        rows.put(HOTEL, _opened(recorded, event))
        return
    hotel = rows.get(HOTEL, ())
    if hotel is None:
        raise LookupError("the hotel isn't open yet")
    rows.put(HOTEL, _changed(hotel, recorded, event))
    match event:
        case HotelDetailsChanged():
            pass  # the hotel's own row says it all
        case RoomTypeAdded():
            rows.put(
                ROOM_TYPE,
                RoomTypeRow(
                    code=event.code,
                    room_type_id=event.room_type_id,
                    name=event.name,
                    max_adults=event.max_adults,
                    max_children=event.max_children,
                    base_price=event.base_price,
                    room_count=len(event.rooms),
                    inventory_version=0,
                ),
            )
            _put_rooms(rows, event.code, event.rooms, event.on_sale_from)
            _new_nights(rows, event.code, event.on_sale_from, event.bookable_until, len(event.rooms), event.base_price)
        case RoomsAdded():
            kind = _room_type(rows, event.room_type)
            rows.put(ROOM_TYPE, kind._replace(room_count=kind.room_count + len(event.rooms)))
            _put_rooms(rows, event.room_type, event.rooms, event.in_service_from)
            for night in nights(event.in_service_from, event.bookable_until):
                row = rows.get(NIGHT, (night, event.room_type))
                if row is not None:
                    rows.put(NIGHT, row._replace(in_service=row.in_service + len(event.rooms)))
        case HorizonExtended():
            for kind in list(rows.rows(ROOM_TYPE)):
                _new_nights(
                    rows, kind.code, event.bookable_from, event.bookable_until, kind.room_count, kind.base_price
                )
        case _:
            assert_never(event)


def apply_to_inventory(rows: WorkingSet, recorded: RecordedEvent, event: InventoryEvent) -> None:
    """Bring the nights of a room type in line with an event of its inventory's stream."""
    match event:
        case PricesSet():
            kind = _room_type(rows, event.room_type)
            rows.put(ROOM_TYPE, kind._replace(inventory_version=recorded.version))
            for night in affected_nights(event):
                row = rows.get(NIGHT, (night, event.room_type))
                if row is not None:
                    rows.put(NIGHT, row._replace(price=event.price))
        case _:
            assert_never(event)


def _opened(recorded: RecordedEvent, event: HotelOpened) -> HotelRow:
    return HotelRow(
        name=event.name,
        city=event.city,
        country=event.country,
        timezone=event.timezone,
        currency=event.currency,
        reference_prefix=event.reference_prefix,
        business_day_rolls_at=event.business_day_rolls_at,
        bookable_horizon_days=event.bookable_horizon_days,
        bookable_until=event.bookable_until,
        version=recorded.version,
        opened_at=recorded.occurred_at,
        changed_at=recorded.occurred_at,
    )


def _changed(
    hotel: HotelRow, recorded: RecordedEvent, event: HotelDetailsChanged | RoomTypeAdded | RoomsAdded | HorizonExtended
) -> HotelRow:
    hotel = hotel._replace(version=recorded.version, changed_at=recorded.occurred_at)
    match event:
        case HotelDetailsChanged():
            return hotel._replace(
                name=event.name or hotel.name,
                city=event.city or hotel.city,
                country=event.country or hotel.country,
                timezone=event.timezone or hotel.timezone,
            )
        case HorizonExtended():
            return hotel._replace(bookable_until=event.bookable_until)
        case RoomTypeAdded() | RoomsAdded():
            return hotel
        case _:
            assert_never(event)


def _room_type(rows: WorkingSet, code: str) -> RoomTypeRow:
    kind = rows.get(ROOM_TYPE, (code,))
    if kind is None:
        raise LookupError(f"the hotel has no room type {code}")
    return kind


def _put_rooms(rows: WorkingSet, room_type: str, rooms: tuple[str, ...], in_service_from: date) -> None:
    for room in rooms:
        rows.put(ROOM, RoomRow(room=room, room_type=room_type, in_service_from=in_service_from))


def _new_nights(rows: WorkingSet, room_type: str, first: date, until: date, in_service: int, price: Decimal) -> None:
    """Put a room type's nights [first, until) on sale, with nothing sold."""
    for night in nights(first, until):
        rows.put(
            NIGHT,
            NightRow(
                night=night,
                room_type=room_type,
                in_service=in_service,
                allowance=0,
                sold=0,
                held=0,
                price=price,
                stop_sell=False,
                minimum_stay=1,
                closed_to_arrival=False,
                closed_to_departure=False,
            ),
        )
