"""Prices of nights: what a room type costs, set by ranges of dates and weekdays. One stream for each room type."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

from domain.calendar import nights
from domain.hotels import Hotel
from domain.rejections import ArrivalInPast, BeyondHorizon, StayNegative

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
"""ISO weekdays, Monday is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesSet:
    """The nights of a half-open range that begin on these ISO weekdays cost this much from now on."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...]
    price: Decimal


InventoryEvent = PricesSet


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrices:
    """Set the price of a room type's nights in [first, until) that begin on the weekdays given."""

    room_type: str
    first: date
    until: date
    weekdays: tuple[int, ...] = EVERY_DAY
    price: Decimal


InventoryCommand = SetPrices


def decide(command: InventoryCommand, hotel: Hotel, now: datetime) -> list[InventoryEvent]:
    """What an inventory command changes. Raises Rejected."""
    match command:
        case SetPrices():
            hotel.room_type(command.room_type)
            if command.until < command.first:
                raise StayNegative(arrival=command.first, departure=command.until)
            today = hotel.business_date(now)
            if command.first < today:
                raise ArrivalInPast(arrival=command.first, business_date=today)
            if command.until > hotel.bookable_until:
                raise BeyondHorizon(departure=command.until, bookable_until=hotel.bookable_until)
            if command.first == command.until:
                return []
            return [
                PricesSet(
                    room_type=command.room_type,
                    first=command.first,
                    until=command.until,
                    weekdays=command.weekdays,
                    price=hotel.payable(command.price),
                )
            ]
        case _:
            assert_never(command)


def affected_nights(event: InventoryEvent) -> Iterator[date]:
    """The nights that an inventory event is about."""
    return (night for night in nights(event.first, event.until) if night.isoweekday() in event.weekdays)
