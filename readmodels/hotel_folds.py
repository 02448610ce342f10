"""What the events of hotels and of inventories do to the rows: the hotel, its room types, its rooms, its nights."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import assert_never

from domain.calendar import nights
from domain.hotels import (
    HorizonExtended,
    HotelDetailsChanged,
    HotelEvent,
    HotelOpened,
    RoomFeaturesSet,
    RoomReturnedToService,
    RoomsAdded,
    RoomTakenOutOfOrder,
    RoomTypeAdded,
)
from domain.inventory import AllowanceSet, InventoryEvent, PricesSet, RestrictionsSet, affected_nights
from eventstore.reading import RecordedEvent
from readmodels.rows import (
    HOTEL,
    NIGHT,
    ROOM,
    ROOM_OUTAGE,
    ROOM_TYPE,
    STOCK_CHANGE,
    HotelRow,
    NightRow,
    RoomOutageRow,
    RoomRow,
    RoomTypeRow,
    StockChangeRow,
)
from readmodels.sealed import OpenSealed
from readmodels.working_set import WorkingSet


def apply_to_hotel(rows: WorkingSet, recorded: RecordedEvent, event: HotelEvent, open_sealed: OpenSealed) -> None:
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
                    added_seq=recorded.seq,
                ),
            )
            _put_rooms(rows, event.code, event.rooms, event.on_sale_from)
            on_sale = nights(event.on_sale_from, event.bookable_until)
            _new_nights(rows, recorded, event.code, on_sale, len(event.rooms), event.base_price)
        case RoomsAdded():
            kind = _room_type(rows, event.room_type)
            rows.put(ROOM_TYPE, kind._replace(room_count=kind.room_count + len(event.rooms)))
            _put_rooms(rows, event.room_type, event.rooms, event.in_service_from)
            in_service = nights(event.in_service_from, event.bookable_until)
            _move_in_service(rows, recorded, event.room_type, in_service, len(event.rooms), ())
        case HorizonExtended():
            on_sale = nights(event.bookable_from, event.bookable_until)
            for kind in list(rows.rows(ROOM_TYPE)):
                _new_nights(rows, recorded, kind.code, on_sale, kind.room_count, kind.base_price)
        case RoomFeaturesSet():
            rows.put(ROOM, _room(rows, event.room)._replace(features=event.features))
        case RoomTakenOutOfOrder():
            out = nights(event.first, event.until)
            _move_in_service(rows, recorded, event.room_type, out, -1, event.allowance_raised_on)
            reason = open_sealed(event.reason)
            rows.put(
                ROOM_OUTAGE,
                RoomOutageRow(
                    room=event.room,
                    first=event.first,
                    until=event.until,
                    reason_id=event.reason.guest_id,
                    reason=None if reason is None else reason.get("text"),
                ),
            )
        case RoomReturnedToService():
            _move_in_service(rows, recorded, event.room_type, event.nights, 1, event.allowance_lowered_on)
            _end_outages(rows, event.room, event.first)
        case _:
            assert_never(event)


def apply_to_inventory(rows: WorkingSet, recorded: RecordedEvent, event: InventoryEvent) -> None:
    """Bring the nights of a room type in line with an event of its inventory's stream."""
    kind = _room_type(rows, event.room_type)
    rows.put(ROOM_TYPE, kind._replace(inventory_version=recorded.version))
    _change_nights(rows, recorded, event.room_type, affected_nights(event), _night_change(event))


def _night_change(event: InventoryEvent) -> Callable[[NightRow], NightRow]:
    match event:
        case PricesSet():
            return lambda row: row._replace(price=event.price)
        case RestrictionsSet():
            return lambda row: row._replace(
                stop_sell=_set(event.stop_sell, row.stop_sell),
                minimum_stay=_set(event.minimum_stay, row.minimum_stay),
                closed_to_arrival=_set(event.closed_to_arrival, row.closed_to_arrival),
                closed_to_departure=_set(event.closed_to_departure, row.closed_to_departure),
            )
        case AllowanceSet():
            return lambda row: row._replace(allowance=event.allowance)
        case _:
            assert_never(event)


def _set[T](given: T | None, before: T) -> T:
    return before if given is None else given


def _change_nights(
    rows: WorkingSet,
    recorded: RecordedEvent,
    room_type: str,
    wanted: Iterable[date],
    change: Callable[[NightRow], NightRow],
) -> None:
    """Change nights of a room type; those from before it was on sale aren't there."""
    for night in wanted:
        row = rows.get(NIGHT, (night, room_type))
        if row is not None and (changed := change(row)) != row:
            _put_night(rows, recorded, changed)


def _put_night(rows: WorkingSet, recorded: RecordedEvent, row: NightRow) -> None:
    """Write a night whose stock, price or restrictions are new, now and for whoever asks how it was then."""
    rows.put(NIGHT, row)
    rows.append(
        STOCK_CHANGE,
        StockChangeRow(
            night=row.night,
            room_type=row.room_type,
            seq=recorded.seq,
            occurred_at=recorded.occurred_at,
            in_service=row.in_service,
            allowance=row.allowance,
            price=row.price,
            stop_sell=row.stop_sell,
            minimum_stay=row.minimum_stay,
            closed_to_arrival=row.closed_to_arrival,
            closed_to_departure=row.closed_to_departure,
        ),
    )


def _move_in_service(
    rows: WorkingSet,
    recorded: RecordedEvent,
    room_type: str,
    wanted: Iterable[date],
    more: int,
    offset_on: tuple[date, ...],
) -> None:
    """So many more rooms in service, and on some nights as many fewer allowed beyond them."""

    def moved(row: NightRow) -> NightRow:
        allowance = row.allowance - more if row.night in offset_on else row.allowance
        return row._replace(in_service=row.in_service + more, allowance=allowance)

    _change_nights(rows, recorded, room_type, wanted, moved)


def _end_outages(rows: WorkingSet, room: str, first: date) -> None:
    """Let a room be in service from a date on. Its outages are known where the room is."""
    _room(rows, room)
    for outage in [row for row in rows.rows(ROOM_OUTAGE) if row.room == room and row.until > first]:
        if outage.first < first:
            rows.put(ROOM_OUTAGE, outage._replace(until=first))
        else:
            rows.delete(ROOM_OUTAGE, (room, outage.first))


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


def _changed(hotel: HotelRow, recorded: RecordedEvent, event: HotelEvent) -> HotelRow:
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
        case _:
            return hotel


def _room_type(rows: WorkingSet, code: str) -> RoomTypeRow:
    kind = rows.get(ROOM_TYPE, (code,))
    if kind is None:
        raise LookupError(f"the hotel has no room type {code}")
    return kind


def _room(rows: WorkingSet, name: str) -> RoomRow:
    room = rows.get(ROOM, (name,))
    if room is None:
        raise LookupError(f"the hotel has no room {name}")
    return room


def _put_rooms(rows: WorkingSet, room_type: str, rooms: tuple[str, ...], in_service_from: date) -> None:
    for room in rooms:
        rows.put(ROOM, RoomRow(room=room, room_type=room_type, in_service_from=in_service_from, features=()))


def _new_nights(
    rows: WorkingSet, recorded: RecordedEvent, room_type: str, on_sale: Iterable[date], in_service: int, price: Decimal
) -> None:
    """Put nights of a room type on sale, with nothing sold."""
    for night in on_sale:
        _put_night(
            rows,
            recorded,
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
