"""Nights of a room type: what they cost, how they are restricted, how far they may be sold beyond the rooms in service.

Set by ranges of dates and weekdays. One stream for each room type.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

from domain.calendar import nights
from domain.hotels import Hotel, check_range, max_allowance
from domain.rejections import AllowanceTooHigh, BelowSold, ShortNight
from domain.stock import Stock
from domain.values import Sealed

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
"""ISO weekdays, Monday is 1."""

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesSet:
    """The nights of a half-open range that begin on these ISO weekdays cost this much from now on."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...]
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionsSet:
    """These nights are restricted in their sale from now on; what is null stayed as it was.

    `stop_sell` closes the night, `minimum_stay` binds stays that arrive on it, `closed_to_arrival` and
    `closed_to_departure` refuse stays that begin or end on its date.
    """

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...]
    stop_sell: bool | None
    minimum_stay: int | None
    closed_to_arrival: bool | None
    closed_to_departure: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceSet:
    """These nights may be sold beyond the rooms in service by so many, on purpose. The reason in words is sealed."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...]
    allowance: int
    reason: Sealed


InventoryEvent = PricesSet | RestrictionsSet | AllowanceSet

# ---------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrices:
    """Set the price of a room type's nights in [first, until) that begin on the weekdays given."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...] = EVERY_DAY
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRestrictions:
    """Set what is given of these nights' restrictions, leave the rest."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...] = EVERY_DAY
    stop_sell: bool | None = None
    minimum_stay: int | None = None
    closed_to_arrival: bool | None = None
    closed_to_departure: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAllowance:
    """Set how far these nights may be sold beyond the rooms in service: at most `hotels.max_allowance`."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...] = EVERY_DAY
    allowance: int
    reason: Sealed


InventoryCommand = SetPrices | SetRestrictions | SetAllowance


def decide(command: InventoryCommand, hotel: Hotel, stock: Stock, now: datetime) -> list[InventoryEvent]:
    """What an inventory command changes, where `stock` is that of its nights. Raises Rejected."""
    room_type = hotel.room_type(command.room_type)
    check_range(command.first, command.until, hotel, hotel.business_date(now))
    match command:
        case SetPrices():
            return [
                PricesSet(
                    room_type=command.room_type,
                    first=command.first,
                    until=command.until,
                    weekdays=command.weekdays,
                    price=hotel.payable(command.price),
                )
            ]
        case SetRestrictions():
            event = RestrictionsSet(
                room_type=command.room_type,
                first=command.first,
                until=command.until,
                weekdays=command.weekdays,
                stop_sell=command.stop_sell,
                minimum_stay=command.minimum_stay,
                closed_to_arrival=command.closed_to_arrival,
                closed_to_departure=command.closed_to_departure,
            )
            given = (event.stop_sell, event.minimum_stay, event.closed_to_arrival, event.closed_to_departure)
            return [] if given == (None,) * len(given) else [event]
        case SetAllowance():
            maximum = max_allowance(len(room_type.rooms))
            if command.allowance > maximum:
                raise AllowanceTooHigh(room_type=command.room_type, allowance=command.allowance, maximum=maximum)
            event_set = AllowanceSet(
                room_type=command.room_type,
                first=command.first,
                until=command.until,
                weekdays=command.weekdays,
                allowance=command.allowance,
                reason=command.reason,
            )
            _check_not_below_sold(event_set, stock)
            return [event_set]
        case _:
            assert_never(command)


def _check_not_below_sold(event: AllowanceSet, stock: Stock) -> None:
    below = []
    for night in affected_nights(event):
        found = stock.get((event.room_type, night))
        if found is not None and found.free < found.allowance - event.allowance:
            below.append(
                ShortNight(
                    room_type=event.room_type,
                    date=night,
                    free=max(found.free, 0),
                    wanted=found.allowance - event.allowance,
                )
            )
    if below:
        raise BelowSold(nights=tuple(below))


def affected_nights(event: InventoryEvent) -> Iterator[date]:
    """The nights that an inventory event is about."""
    return (night for night in nights(event.first, event.until) if night.isoweekday() in event.weekdays)
