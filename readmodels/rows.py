"""The read tables' rows as the folds handle them: plain tuples of one hotel, so `hotel_id` isn't repeated in each.

A row's fields are its table's columns after `hotel_id`, in order; the first `key` of them are, with the hotel, its
primary key. `readmodels.tables` maps the same columns for queries, and a test holds the two and the migration together.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

type Key = tuple[Any, ...]
"""What names a row within its table and hotel."""


class HotelRow(NamedTuple):
    """The hotel itself."""

    name: str
    city: str
    country: str
    timezone: str
    currency: str
    reference_prefix: str
    business_day_rolls_at: time
    bookable_horizon_days: int
    bookable_until: date
    version: int
    opened_at: datetime
    changed_at: datetime


class RoomTypeRow(NamedTuple):
    """A room type as it is sold, since the event `added_seq`. `inventory_version` is that of its prices' stream."""

    code: str
    room_type_id: UUID
    name: str
    max_adults: int
    max_children: int
    base_price: Decimal
    room_count: int
    inventory_version: int
    added_seq: int


class RoomRow(NamedTuple):
    """A physical room and what it offers."""

    room: str
    room_type: str
    in_service_from: date
    features: tuple[str, ...]


class RoomOutageRow(NamedTuple):
    """The nights [first, until) in which a room is out of order. The reason is absent once its key is gone."""

    room: str
    first: date
    until: date
    reason_id: UUID
    reason: str | None


class NightRow(NamedTuple):
    """One night of one room type: its stock, price and restrictions."""

    night: date
    room_type: str
    in_service: int
    allowance: int
    sold: int
    held: int
    price: Decimal
    stop_sell: bool
    minimum_stay: int
    closed_to_arrival: bool
    closed_to_departure: bool


class BookingRow(NamedTuple):
    """A booking as it is now. `arrival` and `departure` span its lines; `hold_until` is there while a line is held."""

    booking_id: UUID
    reference: str
    state: str
    version: int
    seq: int
    currency: str
    rate_plan: str
    guest_id: UUID
    booker_id: UUID | None
    arrival: date
    departure: date
    total: Decimal
    channel: str | None
    market_segment: str | None
    distribution_channel: str | None
    agent: str | None
    company: str | None
    customer_type: str | None
    meal: str | None
    country: str | None
    flags: tuple[str, ...]
    hold_until: datetime | None
    booked_at: datetime
    changed_at: datetime


class LineRow(NamedTuple):
    """One room of a booking."""

    booking_id: UUID
    line: int
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest_id: UUID | None
    arrival: date
    departure: date
    state: str
    total: Decimal
    room: str | None


class BookingNightRow(NamedTuple):
    """What a night of a line costs, and whether it is `sold`, `held` or, where `claim` is absent, free again.

    `room_type` is the one whose stock the night claims: another than the line's where it has a room of another type.
    """

    booking_id: UUID
    line: int
    night: date
    room_type: str
    price: Decimal
    claim: str | None


class RoomStayRow(NamedTuple):
    """A line's time in one room: the nights [first, until), none for a day use."""

    booking_id: UUID
    line: int
    first: date
    room: str
    until: date


class GuestRow(NamedTuple):
    """A guest's details in the clear; all absent once the guest is erased."""

    guest_id: UUID
    full_name: str | None
    email: str | None
    phone: str | None
    language: str | None
    erased: bool


class TimelineRow(NamedTuple):
    """What happened to a booking, without personal data, and the booking as that left it. `facts` is JSON text."""

    booking_id: UUID
    seq: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str | None
    role: str | None
    version: int
    state: str
    guest_id: UUID
    booker_id: UUID | None
    arrival: date
    departure: date
    total: Decimal
    hold_until: datetime | None
    facts: str


class LineChangeRow(NamedTuple):
    """A line as an event left it. `stock_type` is the type whose stock its last night takes: that of its room.

    `nights` is the length of the stay, `total` what all of its nights cost, also where they are free again.
    """

    booking_id: UUID
    line: int
    seq: int
    occurred_at: datetime
    state: str
    room_type: str
    stock_type: str
    adults: int
    children: int
    arrival: date
    departure: date
    nights: int
    total: Decimal
    room: str | None


class StockChangeRow(NamedTuple):
    """A night of a room type as an event of the hotel or of its inventory left it: all but what is sold and held."""

    night: date
    room_type: str
    seq: int
    occurred_at: datetime
    in_service: int
    allowance: int
    price: Decimal
    stop_sell: bool
    minimum_stay: int
    closed_to_arrival: bool
    closed_to_departure: bool


class ClaimChangeRow(NamedTuple):
    """What an event changed of a night that a line claims: by how much `sold`, `held` and sold `revenue` rose or fell.

    `room_type` is the one whose stock is claimed, `booked_type` the one that was booked. `hold_until` is the deadline
    of the hold that came or went.
    """

    night: date
    seq: int
    line: int
    room_type: str
    booked_type: str
    booking_id: UUID
    occurred_at: datetime
    channel: str | None
    sold: int
    held: int
    revenue: Decimal
    hold_until: datetime | None


class DayStatisticsRow(NamedTuple):
    """Rooms sold for a night and what they bring, by the type whose stock they take; the channel is '' if not said."""

    day: date
    room_type: str
    channel: str
    rooms_sold: int
    revenue: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Table[R: tuple[Any, ...]]:
    """A read table: its rows, how many of their first fields are the key, and the PostgreSQL types of the columns."""

    name: str
    row: type[R]
    key: int
    types: tuple[str, ...]
    blind: bool = False
    """Whether rows are written without having been read: a row that is there already is overwritten."""
    appended: bool = False
    """Whether rows are added and then neither read, changed nor taken out by a fold; each has a key of its own."""
    summed: bool = False
    """Whether a batch's rows hold what it adds to each column after the key, and are added to what is there already."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns after `hotel_id`, in the order of the row's fields."""
        fields: tuple[str, ...] = self.row._fields  # type: ignore[attr-defined]
        return fields

    def key_of(self, row: R) -> Key:
        """What names this row within its hotel."""
        return row[: self.key]


HOTEL = Table(
    "hotel",
    HotelRow,
    0,
    (*("text",) * 6, "time", "integer", "date", "integer", "timestamptz", "timestamptz"),
)
ROOM_TYPE = Table(
    "room_type",
    RoomTypeRow,
    1,
    ("text", "uuid", "text", "integer", "integer", "numeric", "integer", "integer", "bigint"),
)
ROOM = Table("room", RoomRow, 1, ("text", "text", "date", "text[]"))
ROOM_OUTAGE = Table("room_outage", RoomOutageRow, 2, ("text", "date", "date", "uuid", "text"))
NIGHT = Table(
    "night",
    NightRow,
    2,
    ("date", "text", *("integer",) * 4, "numeric", "boolean", "smallint", "boolean", "boolean"),
)
BOOKING = Table(
    "booking",
    BookingRow,
    1,
    (
        *("uuid", "text", "text", "integer", "bigint", "text", "text", "uuid", "uuid", "date", "date", "numeric"),
        *("text",) * 8,
        *("text[]", "timestamptz", "timestamptz", "timestamptz"),
    ),
)
LINE = Table(
    "booking_line",
    LineRow,
    2,
    ("uuid", "integer", "text", "integer", "integer[]", "uuid", "date", "date", "text", "numeric", "text"),
)
BOOKING_NIGHT = Table("booking_night", BookingNightRow, 3, ("uuid", "integer", "date", "text", "numeric", "text"))
ROOM_STAY = Table("room_stay", RoomStayRow, 3, ("uuid", "integer", "date", "text", "date"))
GUEST = Table("guest", GuestRow, 1, ("uuid", "text", "text", "text", "text", "boolean"), blind=True)
TIMELINE = Table(
    "timeline",
    TimelineRow,
    2,
    (
        *("uuid", "bigint", "text", "timestamptz", "timestamptz", "text", "text"),
        *("integer", "text", "uuid", "uuid", "date", "date", "numeric", "timestamptz", "jsonb"),
    ),
    appended=True,
)
LINE_CHANGE = Table(
    "line_change",
    LineChangeRow,
    3,
    (
        *("uuid", "integer", "bigint", "timestamptz", "text", "text", "text", "integer", "integer"),
        *("date", "date", "integer", "numeric", "text"),
    ),
    appended=True,
)
STOCK_CHANGE = Table(
    "stock_change",
    StockChangeRow,
    3,
    (
        *("date", "text", "bigint", "timestamptz", "integer", "integer", "numeric"),
        *("boolean", "smallint", "boolean", "boolean"),
    ),
    appended=True,
)
CLAIM_CHANGE = Table(
    "claim_change",
    ClaimChangeRow,
    5,
    (
        *("date", "bigint", "integer", "text", "text", "uuid", "timestamptz", "text"),
        *("integer", "integer", "numeric", "timestamptz"),
    ),
    appended=True,
)
DAY_STATISTICS = Table(
    "day_statistics", DayStatisticsRow, 3, ("date", "text", "text", "integer", "numeric"), summed=True
)

TABLES: tuple[Table[Any], ...] = (
    HOTEL,
    ROOM_TYPE,
    ROOM,
    ROOM_OUTAGE,
    NIGHT,
    BOOKING,
    LINE,
    BOOKING_NIGHT,
    ROOM_STAY,
    GUEST,
    TIMELINE,
    LINE_CHANGE,
    STOCK_CHANGE,
    CLAIM_CHANGE,
    DAY_STATISTICS,
)
"""Every read table that is a fold of the ledger; the checkpoints alone aren't."""
