"""The documented shapes of the commands' answers; a test holds that real answers have them."""

from datetime import date, datetime
from typing import Literal, NotRequired, TypedDict
from uuid import UUID


class Money(TypedDict):
    """An amount, as a string so that no decimal is lost, and its currency."""

    amount: str
    currency: str


class NightAnswer(TypedDict):
    """One night of a line: the room type whose stock it takes, the room if one is assigned, and its price."""

    date: date
    room_type: str
    room: str | None
    price: Money


class LineAnswer(TypedDict):
    """One room of a booking, for the stay [arrival, departure).

    `room_type` is the one that was booked, `room` that of the last nights that have one.
    """

    line: int
    room_type: str
    adults: int
    child_ages: list[int | None]
    arrival: date
    departure: date
    nights: list[NightAnswer]
    state: Literal["held", "confirmed", "checked_in", "checked_out", "cancelled", "expired", "no_show"]
    room: str | None


class BookingAnswer(TypedDict):
    """A booking after a command. `hold_until` is there while a line is held."""

    booking_id: UUID
    reference: str
    state: Literal["held", "confirmed", "checked_in", "checked_out", "cancelled", "expired", "no_show"]
    total: Money
    lines: list[LineAnswer]
    hold_until: NotRequired[datetime]
    hotel_id: UUID
    version: int
    position: str


class HotelAnswer(TypedDict):
    """A hotel after a command. `room_types` are the codes of its room types."""

    name: str
    city: str
    country: str
    timezone: str
    currency: str
    reference_prefix: str
    business_day_rolls_at: str
    bookable_until: date
    room_types: list[str]
    hotel_id: UUID
    version: int
    position: str


# `from` is a word of Python's, so this one is written as a call.
OutageAnswer = TypedDict("OutageAnswer", {"from": date, "to": date})
"""The nights [from, to) in which a room is out of order."""


class RoomDetails(TypedDict):
    """What a room offers, and when it is out of order."""

    room: str
    features: list[str]
    out_of_order: list[OutageAnswer]


class RoomAnswer(RoomDetails):
    """A room after a command. `version` is that of the hotel."""

    room_type: str
    hotel_id: UUID
    version: int
    position: str


class RoomTypeAnswer(TypedDict):
    """A room type after a command. `version` is that of the stream which the command is about.

    `room_details` has the rooms that offer something, or were or will be out of order.
    """

    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Money
    rooms: list[str]
    room_details: list[RoomDetails]
    hotel_id: UUID
    version: int
    position: str
