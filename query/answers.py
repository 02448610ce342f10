"""What questions are answered with: plain dataclasses, which are also the documented shapes of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from starlette.responses import Response

from domain.values import rounded


@dataclass(frozen=True, slots=True)
class Money:
    """An amount, as a string so that no decimal is lost, and its currency."""

    amount: str
    currency: str


def money(amount: Decimal, currency: str) -> Money:
    """An amount with the decimals of its currency."""
    return Money(f"{rounded(amount, currency):f}", currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotel:
    """A hotel. It can be booked from its business date up to `bookable_until` (exclusive)."""

    hotel_id: UUID
    name: str
    city: str
    country: str
    timezone: str
    currency: str
    business_date: date
    bookable_until: date
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotels:
    """A page of hotels."""

    items: list[Hotel]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room and what it offers, in the hotel's own words."""

    room: str
    features: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomType:
    """A room type and its rooms: their names, and the same with what they offer."""

    code: str
    name: str
    max_adults: int
    max_children: int
    base_price: Money
    rooms: list[str]
    room_details: list[Room]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTypes:
    """The room types of a hotel."""

    hotel_id: UUID
    items: list[RoomType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """What restricts the sale of a night. `minimum_stay` binds stays that arrive on it."""

    stop_sell: bool
    minimum_stay: int
    closed_to_arrival: bool
    closed_to_departure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarNight:
    """A night: rooms in service, how many may be sold beyond them, how many can still be sold, and at what price."""

    date: date
    in_service: int
    allowance: int
    free: int
    price: Money
    restrictions: Restrictions


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRoomType:
    """A room type's nights in order."""

    code: str
    name: str
    nights: list[CalendarNight]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A hotel's nights in the half-open range `from` to `to`."""

    hotel_id: UUID
    first: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(alias="to")]
    room_types: list[CalendarRoomType]


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyPrice:
    """What a night costs, for one room."""

    date: date
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A room type that the party can book. `total` is for all rooms asked for and the whole stay."""

    room_type: str
    name: str
    max_adults: int
    max_children: int
    free: int
    nights: list[NightlyPrice]
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedRoom:
    """A room for one party of those asked for, as a booking asks for it. `total` is for its whole stay."""

    room_type: str
    name: str
    adults: int
    children: int
    child_ages: list[int] | None
    nights: list[NightlyPrice]
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelOffers:
    """A hotel with room for all: the cheapest stay, the cheapest rooms for it in the order of the parties, their total.

    `total` is what a booking of these rooms says as its `expected_total`. `offers` are the room types that take all
    parties by themselves for the same stay, the cheapest first; none where only several types together do.
    """

    hotel_id: UUID
    name: str
    city: str
    country: str
    arrival: date
    departure: date
    rooms: list[OfferedRoom]
    total: Money
    offers: list[Offer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """A page of hotels with room. One with fewer items than its limit may have a next one."""

    items: list[HotelOffers]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestHotel:
    """The hotel with the cheapest rooms for a stay, their types in the order of the parties, and what they cost."""

    hotel_id: UUID
    name: str
    room_types: list[str]
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestDay:
    """What stays cost that arrive on a day: the cheapest for each currency, nothing where none can be sold."""

    arrival: date
    departure: date
    cheapest: list[CheapestHotel]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestPrices:
    """A month's days, each with the cheapest stay of so many nights that arrives on it."""

    month: str
    nights: int
    days: list[CheapestDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingEvent:
    """The event that set a rule as it is now. `actor` and `role`, who it was, are told to the hotel's members only."""

    seq: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str | None
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStock:
    """What became of a night's rooms. `out_of_order` ones aren't in service; holds past their deadline are free."""

    in_service: int
    out_of_order: int
    allowance: int
    sold: int
    held: int
    held_past_deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedNight:
    """A night that closes a stay. `stock` is null where the type isn't on sale, `event` where no rule did it."""

    date: date
    free: int
    stock: NightStock | None
    event: ClosingEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that refuses the stay: the code that a booking would be refused with, in words, and the nights."""

    code: str
    detail: str
    nights: list[ClosedNight]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Whether a stay can be booked, and all that refuses it, in the order in which a booking is decided."""

    hotel_id: UUID
    room_type: str
    arrival: date
    departure: date
    rooms: int
    bookable: bool
    reasons: list[Reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A guest's details of today; all null once the guest is erased."""

    guest_id: UUID
    full_name: str | None
    email: str | None
    phone: str | None
    language: str | None
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingNight:
    """A night of a line. `claim` is sold, held, or null where the night is free again.

    `room_type` is the type whose stock the night claims: that of the night's `room`, which needn't be the line's.
    """

    date: date
    room_type: str
    room: str | None
    price: Money
    claim: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One room of a booking. `room_type` is the one booked; `room` is where the guest is, or is going to be."""

    line: int
    room_type: str
    adults: int
    child_ages: list[int | None]
    arrival: date
    departure: date
    state: str
    total: Money
    room: str | None
    guest: Guest | None
    nights: list[BookingNight]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """What happened to a booking, when, and who did it."""

    seq: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str | None
    role: str | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a hotel counts its bookings by."""

    channel: str | None
    market_segment: str | None
    distribution_channel: str | None
    agent: str | None
    company: str | None
    customer_type: str | None
    meal: str | None
    country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsBooking:
    """A booking as its guest sees it."""

    hotel_id: UUID
    booking_id: UUID
    reference: str
    state: str
    version: int
    arrival: date
    departure: date
    total: Money
    hold_until: datetime | None
    booked_at: datetime
    guest: Guest
    lines: list[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBookings:
    """A page of a guest's own bookings."""

    items: list[GuestsBooking]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccount:
    """What is kept of an account, besides the hash of its password."""

    account_id: UUID
    email: str
    email_verified_at: datetime | None
    full_name: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """An open session of an account."""

    session_id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """All that is kept of a person with an account; `more` says that older bookings are left out."""

    account: OwnAccount
    sessions: list[OwnSession]
    bookings: list[GuestsBooking]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A booking as the hotel sees it."""

    hotel_id: UUID
    booking_id: UUID
    reference: str
    state: str
    version: int
    arrival: date
    departure: date
    total: Money
    hold_until: datetime | None
    booked_at: datetime
    guest: Guest
    lines: list[Line]
    changed_at: datetime
    rate_plan: str
    booker: Guest | None
    statistics: Statistics
    flags: list[str]
    timeline: list[TimelineEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLine:
    """One room of a listed booking."""

    line: int
    room_type: str
    adults: int
    children: int
    state: str
    room: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBooking:
    """A booking in a list."""

    booking_id: UUID
    reference: str
    state: str
    version: int
    arrival: date
    departure: date
    total: Money
    channel: str | None
    hold_until: datetime | None
    booked_at: datetime
    guest: Guest
    lines: list[ListedLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookings:
    """A page of bookings."""

    items: list[ListedBooking]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RackStay:
    """A line's nights [`from`, `to`) in a room, whole also where they reach beyond the range. None for a day use.

    `arrival` and `departure` are the line's, which may have had another room before, or get another later. `guest_name`
    is that of the line's guest, or else of the booking's; null once the guest is erased.
    """

    booking_id: UUID
    reference: str
    line: int
    state: str
    guest_name: str | None
    first: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(alias="to")]
    arrival: date
    departure: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RackOutage:
    """The nights [`from`, `to`) in which a room is out of order, whole also where they reach beyond the range.

    `reason` is null once it is erased.
    """

    first: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(alias="to")]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RackRoom:
    """A room with who has it when, and when it is out of order."""

    room: str
    room_type: str
    features: list[str]
    stays: list[RackStay]
    out_of_order: list[RackOutage]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnassignedLine:
    """A line that is held, confirmed or checked in and lacks a room for `nights`. A day use has no nights."""

    booking_id: UUID
    reference: str
    line: int
    state: str
    guest_name: str | None
    room_type: str
    arrival: date
    departure: date
    nights: list[date]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRack:
    """A hotel's rooms by type and name over the half-open range `from` to `to`.

    `unassigned` are the lines that await a room in the range, the earliest arrival first; nights that are over don't
    count any more, nor do holds past their deadline.
    """

    hotel_id: UUID
    first: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(alias="to")]
    rooms: list[RackRoom]
    unassigned: list[UnassignedLine]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that an event changed, such as `lines/1/arrival`. `before` is null where there was none, or not one.

    Both are null where the values are personal: then only the field's name is told.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Who did what, when, as what, and why. `text` says it in the language asked for.

    `request_id` is the request that did it, `correlation_id` what that belonged to, and `causation_id` the request that
    the system did it for. `data` is the event itself; its sealed parts are shown as the id of their guest only. A guest
    who reads the history of their own booking isn't told who else acted, nor `data`.
    """

    seq: int
    booking_id: UUID | None
    version: int
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str | None
    role: str | None
    request_id: str | None
    correlation_id: str | None
    causation_id: str | None
    text: str
    changes: list[FieldChange]
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A page of a history, the oldest events first. `timezone` is the hotel's."""

    items: list[HistoryEntry]
    timezone: str
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """An event as the ledger holds it; `hash` is hexadecimal, `data` and `metadata` are the texts that were hashed."""

    seq: int
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    hash: str
    data: dict[str, Any]
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A page of a hotel's ledger in the order of `seq`, without gaps."""

    items: list[LedgerEvent]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The event that couldn't be projected, and why."""

    seq: int
    error: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What was applied isn't what the ledger holds: an event was left out or applied twice. Rebuild the hotel."""

    error: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelPosition:
    """How far the read model is."""

    seq: int
    updated_at: datetime | None
    parked: Parked | None
    alarm: Alarm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amiss:
    """A hotel whose projection is parked, or has raised an alarm."""

    hotel_id: UUID
    seq: int
    behind: int
    parked: Parked | None
    alarm: Alarm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedHotels:
    """Hotels whose projection is amiss, the longest first."""

    items: list[Amiss]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A hotel whose projection a projector will try again, from this event on."""

    hotel_id: UUID
    parked_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPosition:
    """How far the ledger goes."""

    seq: int
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How far a hotel's ledger and read model are, and how many events lie between them."""

    hotel_id: UUID
    ledger: LedgerPosition
    read_model: ReadModelPosition
    behind: int


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def written(value: Any) -> bytes:
    """An answer as JSON. Nothing is validated again: its types were checked when this was written."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, by_alias=True)


def answer(value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer as a response."""
    return Response(written(value), media_type="application/json", headers=dict(headers) if headers else None)
