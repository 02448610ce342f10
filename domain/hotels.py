"""A hotel, its room types and its rooms: the facts that change rarely and that every booking is decided from."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from domain.calendar import business_date
from domain.rejections import (
    PriceNotRepresentable,
    RoomExists,
    RoomTypeExists,
    TimeZoneFixed,
    UnknownRoomType,
)
from domain.values import quantum

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelOpened:
    """A hotel joined the group and can be booked up to a date (exclusive, `bookable_until`)."""

    name: str
    city: str
    country: str
    timezone: str
    currency: str
    reference_prefix: str
    business_day_rolls_at: time
    bookable_horizon_days: int
    bookable_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelDetailsChanged:
    """The hotel's name, place or time zone changed; a field that is null stayed as it was."""

    name: str | None = None
    city: str | None = None
    country: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTypeAdded:
    """A room type with its rooms is on sale at its base price from a date on, over the whole horizon."""

    room_type_id: UUID
    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Decimal
    rooms: tuple[str, ...]
    on_sale_from: date
    bookable_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsAdded:
    """Further rooms of a room type are in service from a date on."""

    room_type: str
    rooms: tuple[str, ...]
    in_service_from: date
    bookable_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonExtended:
    """The hotel can be booked up to a later date (exclusive); the new nights are at the base prices."""

    bookable_from: date
    bookable_until: date


HotelEvent = HotelOpened | HotelDetailsChanged | RoomTypeAdded | RoomsAdded | HorizonExtended

# ---------------------------------------------------------------- state


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomType:
    """A room type as it is sold. `room_type_id` is also the stream of its prices and restrictions."""

    room_type_id: UUID
    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Decimal
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotel:
    """All that decisions need to know of a hotel besides the stock of its nights."""

    name: str
    city: str
    country: str
    timezone: str
    currency: str
    reference_prefix: str
    business_day_rolls_at: time
    bookable_horizon_days: int
    bookable_until: date
    room_types: dict[str, RoomType]

    def business_date(self, now: datetime) -> date:
        """The hotel's business date at an instant."""
        return business_date(now, self.timezone, self.business_day_rolls_at)

    def room_type(self, code: str) -> RoomType:
        """A room type by its code. Raises UnknownRoomType."""
        try:
            return self.room_types[code]
        except KeyError:
            raise UnknownRoomType(room_type=code) from None

    def payable(self, amount: Decimal) -> Decimal:
        """The amount with its currency's number of decimals. Raises PriceNotRepresentable for a finer one."""
        unit = quantum(self.currency)
        exact = amount.quantize(unit)
        if exact != amount:
            raise PriceNotRepresentable(amount=amount, currency=self.currency)
        return exact


# ---------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHotel:
    """Open a hotel that can be booked for `bookable_horizon_days` from today on."""

    name: str
    city: str
    country: str
    timezone: str
    currency: str
    reference_prefix: str
    business_day_rolls_at: time
    bookable_horizon_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHotelDetails:
    """Change what is given, leave the rest."""

    name: str | None = None
    city: str | None = None
    country: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRoomType:
    """Put a new room type with its rooms on sale."""

    room_type_id: UUID
    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Decimal
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRooms:
    """Add rooms to a room type, in service from the business date on."""

    room_type: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendHorizon:
    """Keep the hotel bookable for its whole horizon."""


HotelCommand = OpenHotel | ChangeHotelDetails | AddRoomType | AddRooms | ExtendHorizon

# ---------------------------------------------------------------- decide


def open_hotel(command: OpenHotel, now: datetime) -> HotelOpened:
    """Decide the opening of a hotel that isn't there yet."""
    today = business_date(now, command.timezone, command.business_day_rolls_at)
    return HotelOpened(
        name=command.name,
        city=command.city,
        country=command.country,
        timezone=command.timezone,
        currency=command.currency,
        reference_prefix=command.reference_prefix,
        business_day_rolls_at=command.business_day_rolls_at,
        bookable_horizon_days=command.bookable_horizon_days,
        bookable_until=today + timedelta(days=command.bookable_horizon_days),
    )


def decide(command: HotelCommand, hotel: Hotel | None, now: datetime, *, has_bookings: bool) -> list[HotelEvent]:
    """What a hotel command changes. Raises Rejected; an empty list means that nothing changed.

    `has_bookings` is whether the hotel was ever booked: its time zone is fixed from then on.
    """
    if isinstance(command, OpenHotel):
        return [open_hotel(command, now)]
    if hotel is None:
        raise AssertionError("only OpenHotel works without a hotel")
    today = hotel.business_date(now)
    match command:
        case ChangeHotelDetails():
            return _change_details(command, hotel, has_bookings)
        case AddRoomType():
            if command.code in hotel.room_types:
                raise RoomTypeExists(room_type=command.code)
            _new_rooms(hotel, command.rooms)
            return [
                RoomTypeAdded(
                    room_type_id=command.room_type_id,
                    code=command.code,
                    name=command.name,
                    max_adults=command.max_adults,
                    max_children=command.max_children,
                    base_price=hotel.payable(command.base_price),
                    rooms=command.rooms,
                    on_sale_from=today,
                    bookable_until=hotel.bookable_until,
                )
            ]
        case AddRooms():
            hotel.room_type(command.room_type)
            _new_rooms(hotel, command.rooms)
            return [
                RoomsAdded(
                    room_type=command.room_type,
                    rooms=command.rooms,
                    in_service_from=today,
                    bookable_until=hotel.bookable_until,
                )
            ]
        case ExtendHorizon():
            until = today + timedelta(days=hotel.bookable_horizon_days)
            if until <= hotel.bookable_until:
                return []
            return [HorizonExtended(bookable_from=hotel.bookable_until, bookable_until=until)]
        case _:
            assert_never(command)


def _change_details(command: ChangeHotelDetails, hotel: Hotel, has_bookings: bool) -> list[HotelEvent]:
    def changed(new: str | None, old: str) -> str | None:
        return None if new == old else new

    event = HotelDetailsChanged(
        name=changed(command.name, hotel.name),
        city=changed(command.city, hotel.city),
        country=changed(command.country, hotel.country),
        timezone=changed(command.timezone, hotel.timezone),
    )
    if event.timezone is not None and has_bookings:
        raise TimeZoneFixed
    return [] if event == HotelDetailsChanged() else [event]


def _new_rooms(hotel: Hotel, rooms: tuple[str, ...]) -> None:
    taken = {room for room_type in hotel.room_types.values() for room in room_type.rooms}
    for room in rooms:
        if room in taken:
            raise RoomExists(room=room)
        taken.add(room)


# ---------------------------------------------------------------- evolve


def evolve(hotel: Hotel | None, event: HotelEvent) -> Hotel:
    """The hotel after an event."""
    if isinstance(event, HotelOpened):
        return Hotel(
            name=event.name,
            city=event.city,
            country=event.country,
            timezone=event.timezone,
            currency=event.currency,
            reference_prefix=event.reference_prefix,
            business_day_rolls_at=event.business_day_rolls_at,
            bookable_horizon_days=event.bookable_horizon_days,
            bookable_until=event.bookable_until,
            room_types={},
        )
    if hotel is None:
        raise AssertionError("a hotel's stream begins with HotelOpened")
    match event:
        case HotelDetailsChanged():
            return replace(
                hotel,
                name=event.name or hotel.name,
                city=event.city or hotel.city,
                country=event.country or hotel.country,
                timezone=event.timezone or hotel.timezone,
            )
        case RoomTypeAdded():
            added = RoomType(
                room_type_id=event.room_type_id,
                code=event.code,
                name=event.name,
                max_adults=event.max_adults,
                max_children=event.max_children,
                base_price=event.base_price,
                rooms=event.rooms,
            )
            return replace(hotel, room_types={**hotel.room_types, event.code: added})
        case RoomsAdded():
            before = hotel.room_types[event.room_type]
            after = replace(before, rooms=before.rooms + event.rooms)
            return replace(hotel, room_types={**hotel.room_types, event.room_type: after})
        case HorizonExtended():
            return replace(hotel, bookable_until=event.bookable_until)
        case _:
            assert_never(event)
