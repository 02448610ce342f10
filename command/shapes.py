"""The documented shapes of the commands' answers; a test holds that real answers have them."""

from datetime import date, datetime
from typing import Literal, NotRequired, TypedDict
from uuid import UUID


class Money(TypedDict):
    """An amount, as a string so that no decimal is lost, and its currency."""

    amount: str
    currency: str


class NightAnswer(TypedDict):
    """One night of a line, and its price."""

    date: date
    price: Money


class LineAnswer(TypedDict):
    """One room of a booking, for the stay [arrival, departure)."""

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


class RoomTypeAnswer(TypedDict):
    """A room type after a command. `version` is that of the stream which the command is about."""

    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Money
    rooms: list[str]
    hotel_id: UUID
    version: int
    position: str
