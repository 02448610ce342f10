"""A hotel, its room types and its rooms: the facts that change rarely and that every booking is decided from."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from domain.calendar import business_date, nights
from domain.rejections import (
    AllowanceTooHigh,
    BelowSold,
    BeyondHorizon,
    PriceNotRepresentable,
    RangeEmpty,
    RangeInPast,
    RoomExists,
    RoomOutOfOrder,
    RoomTypeExists,
    ShortNight,
    TimeZoneFixed,
    UnknownRoom,
    UnknownRoomType,
)
from domain.rooms import Occupancy, Period, refuse_if_taken
from domain.stock import Stock
from domain.values import Sealed, quantum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFeaturesSet:
    """What a room offers, in the hotel's own words (`sea_view`, `accessible`); all that it offered before is gone."""

    room: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTakenOutOfOrder:
    """A room can't be used for the nights [first, until), so its type has one room less in service.

    On the nights `allowance_raised_on` all its rooms were sold: there a manager raised the allowance by one. The
    reason in words is sealed under a key of its own.
    """

    room: str
    room_type: str
    first: date
    until: date
    reason: Sealed
    allowance_raised_on: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomReturnedToService:
    """A room that was out of order can be used again from a date on; `nights` are those that it is back for.

    Where the allowance was raised for the room's sake it is lowered again, on the nights `allowance_lowered_on`.
    """

    room: str
    room_type: str
    first: date
    nights: tuple[date, ...]
    allowance_lowered_on: tuple[date, ...]


HotelEvent = (
    HotelOpened
    | HotelDetailsChanged
    | RoomTypeAdded
    | RoomsAdded
    | HorizonExtended
    | RoomFeaturesSet
    | RoomTakenOutOfOrder
    | RoomReturnedToService
)

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
class Outage:
    """The nights [first, until) in which a room is out of order, and those on which the allowance was raised for it."""

    first: date
    until: date
    allowance_raised_on: tuple[date, ...]

    def overlaps(self, first: date, until: date) -> bool:
        """Whether any of these nights is also in [first, until)."""
        return Period(self.first, self.until).overlaps(first, until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotel:
    """All that decisions need to know of a hotel besides the stock of its nights and who has its rooms.

    `type_of_room`, `features` and `outages` are by room; a room without features, or never out of order, is absent.
    """

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
    type_of_room: dict[str, str]
    features: dict[str, frozenset[str]]
    outages: dict[str, tuple[Outage, ...]]

    def business_date(self, now: datetime) -> date:
        """The hotel's business date at an instant."""
        return business_date(now, self.timezone, self.business_day_rolls_at)

    def room_type(self, code: str) -> RoomType:
        """A room type by its code. Raises UnknownRoomType."""
        try:
            return self.room_types[code]
        except KeyError:
            raise UnknownRoomType(room_type=code) from None

    def type_of(self, room: str) -> str:
        """The room type of a room that a path names. Raises UnknownRoom."""
        try:
            return self.type_of_room[room]
        except KeyError:
            raise UnknownRoom(room=room, in_path=True) from None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoomFeatures:
    """Say what a room offers."""

    room: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOutOfOrder:
    """Take a room out of order for the nights [first, until), absent: from today on.

    `raise_allowance` lets the allowance make up for nights on which all rooms are sold. It is a manager's to say.
    """

    room: str
    until: date
    reason: Sealed
    first: date | None = None
    raise_allowance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToService:
    """Put a room back in service from a date on, absent: from today on."""

    room: str
    first: date | None = None


RoomCommand = SetRoomFeatures | TakeOutOfOrder | ReturnToService
HotelCommand = OpenHotel | ChangeHotelDetails | AddRoomType | AddRooms | ExtendHorizon | RoomCommand

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


def decide(
    command: HotelCommand,
    hotel: Hotel | None,
    now: datetime,
    *,
    has_bookings: bool = False,
    stock: Stock | None = None,
    occupied: Occupancy | None = None,
) -> list[HotelEvent]:
    """What a hotel command changes. Raises Rejected; an empty list means that nothing changed.

    `has_bookings` is whether the hotel was ever booked: its time zone is fixed from then on. `stock` is that of the
    nights that a room command is about, `occupied` says who has the room.
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
        case SetRoomFeatures():
            hotel.type_of(command.room)
            if command.features == hotel.features.get(command.room, frozenset()):
                return []
            return [RoomFeaturesSet(room=command.room, features=tuple(sorted(command.features)))]
        case TakeOutOfOrder():
            return [_take_out_of_order(command, hotel, today, stock or {}, occupied or {})]
        case ReturnToService():
            return _return_to_service(command, hotel, today, stock or {})
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


def max_allowance(rooms: int) -> int:
    """How many rooms a type of so many can be sold beyond those in service: half of them, rounded up."""
    return (rooms + 1) // 2


def check_range(first: date, until: date, hotel: Hotel, today: date) -> None:
    """Whether nights [first, until) can be changed. Raises RangeEmpty, RangeInPast, BeyondHorizon."""
    if until <= first:
        raise RangeEmpty(first=first, until=until)
    if first < today:
        raise RangeInPast(first=first, business_date=today)
    if until > hotel.bookable_until:
        raise BeyondHorizon(departure=until, bookable_until=hotel.bookable_until)


def _take_out_of_order(
    command: TakeOutOfOrder, hotel: Hotel, today: date, stock: Stock, occupied: Occupancy
) -> RoomTakenOutOfOrder:
    room, first, until = command.room, command.first or today, command.until
    room_type = hotel.type_of(room)
    check_range(first, until, hotel, today)
    for outage in hotel.outages.get(room, ()):
        if outage.overlaps(first, until):
            raise RoomOutOfOrder(room=room, first=outage.first, until=outage.until)
    refuse_if_taken(room, occupied.get(room, ()), first, until)
    affected = {night: stock[room_type, night] for night in nights(first, until) if (room_type, night) in stock}
    full = tuple(night for night, found in affected.items() if found.free < 1)
    if full and not command.raise_allowance:
        raise BelowSold(
            nights=tuple(
                ShortNight(room_type=room_type, date=night, free=max(affected[night].free, 0), wanted=1)
                for night in full
            )
        )
    maximum = max_allowance(len(hotel.room_types[room_type].rooms))
    for night in full:
        if affected[night].allowance >= maximum:
            raise AllowanceTooHigh(room_type=room_type, allowance=affected[night].allowance + 1, maximum=maximum)
    return RoomTakenOutOfOrder(
        room=room,
        room_type=room_type,
        first=first,
        until=until,
        reason=command.reason,
        allowance_raised_on=full,
    )


def _return_to_service(command: ReturnToService, hotel: Hotel, today: date, stock: Stock) -> list[HotelEvent]:
    room_type = hotel.type_of(command.room)
    first = command.first or today
    if first < today:
        raise RangeInPast(first=first, business_date=today)
    back: list[date] = []
    lowered: list[date] = []
    for outage in hotel.outages.get(command.room, ()):
        back += nights(max(outage.first, first), outage.until)
        lowered += (
            night
            for night in outage.allowance_raised_on
            if night >= first and (found := stock.get((room_type, night))) is not None and found.allowance > 0
        )
    if not back:
        return []
    return [
        RoomReturnedToService(
            room=command.room,
            room_type=room_type,
            first=first,
            nights=tuple(sorted(back)),
            allowance_lowered_on=tuple(sorted(lowered)),
        )
    ]


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
            type_of_room={},
            features={},
            outages={},
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
            return replace(
                hotel,
                room_types={**hotel.room_types, event.code: added},
                type_of_room={**hotel.type_of_room, **dict.fromkeys(event.rooms, event.code)},
            )
        case RoomsAdded():
            before = hotel.room_types[event.room_type]
            after = replace(before, rooms=before.rooms + event.rooms)
            return replace(
                hotel,
                room_types={**hotel.room_types, event.room_type: after},
                type_of_room={**hotel.type_of_room, **dict.fromkeys(event.rooms, event.room_type)},
            )
        case HorizonExtended():
            return replace(hotel, bookable_until=event.bookable_until)
        case RoomFeaturesSet():
            return replace(hotel, features={**hotel.features, event.room: frozenset(event.features)})
        case RoomTakenOutOfOrder():
            outage = Outage(first=event.first, until=event.until, allowance_raised_on=event.allowance_raised_on)
            known = hotel.outages.get(event.room, ())
            return replace(hotel, outages={**hotel.outages, event.room: (*known, outage)})
        case RoomReturnedToService():
            left = _outages_before(hotel.outages.get(event.room, ()), event.first)
            return replace(hotel, outages={**hotel.outages, event.room: left})
        case _:
            assert_never(event)


def _outages_before(outages: tuple[Outage, ...], first: date) -> tuple[Outage, ...]:
    return tuple(
        replace(
            outage,
            until=min(outage.until, first),
            allowance_raised_on=tuple(night for night in outage.allowance_raised_on if night < first),
        )
        for outage in outages
        if outage.first < first
    )
