"""The read tables as queries see them: mapped classes, loaded explicitly. Nothing here is ever written through.

A relationship that wasn't asked for (`selectinload`) raises when it is touched, so the number of statements of a query
can be read off its code. The tables have no foreign keys: they are folds of one ledger, and agree because it does.
"""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Integer, MetaData, Numeric, SmallInteger, Text, Time, and_, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, foreign, mapped_column, relationship, remote
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import BigInteger

SCHEMA = "read"


NAMELESS = "\U0010ffff"
"""What the names of guests who have none are sorted by: no name comes after it."""


class Base(DeclarativeBase):
    """All read tables."""

    metadata = MetaData(schema=SCHEMA)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        int: Integer,
        datetime: DateTime(timezone=True),
        date: Date,
        time: Time,
        Decimal: Numeric,
        bytes: BYTEA,
    }


class Checkpoint(Base):
    """How far a hotel is projected; `parked_seq` and `parked_error` say which event could not be applied, and why.

    `events_applied` and `checksum` sum up what was applied.
    """

    __tablename__ = "checkpoint"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    events_applied: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    parked_seq: Mapped[int | None] = mapped_column(BigInteger)
    parked_error: Mapped[str | None]
    parked_at: Mapped[datetime | None]
    checksum: Mapped[bytes]


class Audit(Base):
    """Up to which event the ledger was held against what a hotel's projection applied, and what is amiss."""

    __tablename__ = "audit"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    checksum: Mapped[bytes]
    alarm: Mapped[str | None]
    alarm_at: Mapped[datetime | None]


class Hotel(Base):
    """A hotel. `version` is that of its own stream, for ETag and If-Match."""

    __tablename__ = "hotel"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str]
    currency: Mapped[str]
    reference_prefix: Mapped[str]
    business_day_rolls_at: Mapped[time]
    bookable_horizon_days: Mapped[int]
    bookable_until: Mapped[date]
    version: Mapped[int]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    room_types: Mapped[list["RoomType"]] = relationship(
        primaryjoin=lambda: Hotel.hotel_id == foreign(RoomType.hotel_id),
        order_by=lambda: RoomType.code,
        lazy="raise",
        viewonly=True,
    )


class RoomType(Base):
    """A room type as it is sold, since the event `added_seq`. `inventory_version` is that of its prices' stream."""

    __tablename__ = "room_type"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    room_type_id: Mapped[UUID]
    name: Mapped[str]
    max_adults: Mapped[int]
    max_children: Mapped[int]
    base_price: Mapped[Decimal]
    room_count: Mapped[int]
    inventory_version: Mapped[int]
    added_seq: Mapped[int] = mapped_column(BigInteger)

    rooms: Mapped[list["Room"]] = relationship(
        primaryjoin=lambda: and_(RoomType.hotel_id == foreign(Room.hotel_id), RoomType.code == foreign(Room.room_type)),
        order_by=lambda: Room.room,
        lazy="raise",
        viewonly=True,
    )


class Room(Base):
    """A physical room. `features` are what it offers, in the hotel's own words."""

    __tablename__ = "room"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    room_type: Mapped[str]
    in_service_from: Mapped[date]
    features: Mapped[list[str]] = mapped_column(ARRAY(Text))


class RoomOutage(Base):
    """The nights [first, until) in which a room is out of order. `reason` is absent once its key is gone."""

    __tablename__ = "room_outage"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    first: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]
    reason_id: Mapped[UUID]
    reason: Mapped[str | None]


class Night(Base):
    """One night of one room type. Holds past their deadline are still in `held`: whoever asks takes them off."""

    __tablename__ = "night"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    night: Mapped[date] = mapped_column(primary_key=True)
    room_type: Mapped[str] = mapped_column(primary_key=True)
    in_service: Mapped[int]
    allowance: Mapped[int]
    sold: Mapped[int]
    held: Mapped[int]
    price: Mapped[Decimal]
    stop_sell: Mapped[bool]
    minimum_stay: Mapped[int] = mapped_column(SmallInteger)
    closed_to_arrival: Mapped[bool]
    closed_to_departure: Mapped[bool]

    @hybrid_property
    def free(self) -> int:
        """Rooms that can still be claimed, before holds past their deadline are counted as free."""
        return self.in_service + self.allowance - self.sold - self.held

    @free.inplace.expression
    @classmethod
    def _free_expression(cls) -> ColumnElement[int]:
        return cls.in_service + cls.allowance - cls.sold - cls.held


class Booking(Base):
    """A booking as it is now. `hold_until` is there while a line is held, and only then."""

    __tablename__ = "booking"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    seq: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    rate_plan: Mapped[str]
    guest_id: Mapped[UUID]
    booker_id: Mapped[UUID | None]
    arrival: Mapped[date]
    departure: Mapped[date]
    total: Mapped[Decimal]
    channel: Mapped[str | None]
    market_segment: Mapped[str | None]
    distribution_channel: Mapped[str | None]
    agent: Mapped[str | None]
    company: Mapped[str | None]
    customer_type: Mapped[str | None]
    meal: Mapped[str | None]
    country: Mapped[str | None]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    hold_until: Mapped[datetime | None]
    booked_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    lines: Mapped[list["Line"]] = relationship(
        primaryjoin=lambda: and_(
            Booking.hotel_id == foreign(Line.hotel_id), Booking.booking_id == foreign(Line.booking_id)
        ),
        order_by=lambda: Line.line,
        lazy="raise",
        viewonly=True,
    )
    timeline: Mapped[list["TimelineEntry"]] = relationship(
        primaryjoin=lambda: and_(
            Booking.hotel_id == foreign(TimelineEntry.hotel_id), Booking.booking_id == foreign(TimelineEntry.booking_id)
        ),
        order_by=lambda: TimelineEntry.seq,
        lazy="raise",
        viewonly=True,
    )
    guest: Mapped["Guest"] = relationship(
        primaryjoin=lambda: and_(
            foreign(Booking.hotel_id) == remote(Guest.hotel_id), foreign(Booking.guest_id) == remote(Guest.guest_id)
        ),
        lazy="raise",
        viewonly=True,
    )
    booker: Mapped["Guest | None"] = relationship(
        primaryjoin=lambda: and_(
            foreign(Booking.hotel_id) == remote(Guest.hotel_id), foreign(Booking.booker_id) == remote(Guest.guest_id)
        ),
        lazy="raise",
        viewonly=True,
    )


class Line(Base):
    """One room of a booking."""

    __tablename__ = "booking_line"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    room_type: Mapped[str]
    adults: Mapped[int]
    child_ages: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))
    guest_id: Mapped[UUID | None]
    arrival: Mapped[date]
    departure: Mapped[date]
    state: Mapped[str]
    total: Mapped[Decimal]
    room: Mapped[str | None]

    nights: Mapped[list["BookingNight"]] = relationship(
        primaryjoin=lambda: and_(
            Line.hotel_id == foreign(BookingNight.hotel_id),
            Line.booking_id == foreign(BookingNight.booking_id),
            Line.line == foreign(BookingNight.line),
        ),
        order_by=lambda: BookingNight.night,
        lazy="raise",
        viewonly=True,
    )
    room_stays: Mapped[list["RoomStay"]] = relationship(
        primaryjoin=lambda: and_(
            Line.hotel_id == foreign(RoomStay.hotel_id),
            Line.booking_id == foreign(RoomStay.booking_id),
            Line.line == foreign(RoomStay.line),
        ),
        order_by=lambda: RoomStay.first,
        lazy="raise",
        viewonly=True,
    )
    guest: Mapped["Guest | None"] = relationship(
        primaryjoin=lambda: and_(
            foreign(Line.hotel_id) == remote(Guest.hotel_id), foreign(Line.guest_id) == remote(Guest.guest_id)
        ),
        lazy="raise",
        viewonly=True,
    )


class BookingNight(Base):
    """A night of a line: its price, and whether it is `sold`, `held` or, where `claim` is absent, free again.

    `room_type` is the one whose stock the night claims: another than the line's where it has a room of another type.
    """

    __tablename__ = "booking_night"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    night: Mapped[date] = mapped_column(primary_key=True)
    room_type: Mapped[str]
    price: Mapped[Decimal]
    claim: Mapped[str | None]


class RoomStay(Base):
    """A line's time in one room: the nights [first, until). A day use has a room and no night: first equals until."""

    __tablename__ = "room_stay"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[date] = mapped_column(primary_key=True)
    room: Mapped[str]
    until: Mapped[date]


class Guest(Base):
    """A guest's details in the clear; all absent once the guest is erased.

    Look e-mails up by `email_key` and names by `name_key`, which are what the indexes are on.
    """

    __tablename__ = "guest"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    guest_id: Mapped[UUID] = mapped_column(primary_key=True)
    full_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    language: Mapped[str | None]
    erased: Mapped[bool]

    @hybrid_property
    def name_key(self) -> str:
        """The name in lower case; whoever has none comes last."""
        return NAMELESS if self.full_name is None else self.full_name.lower()

    @name_key.inplace.expression
    @classmethod
    def _name_key_expression(cls) -> ColumnElement[str]:
        return func.lower(func.coalesce(cls.full_name, literal_column(f"'{NAMELESS}'"))).collate("C")

    @hybrid_property
    def email_key(self) -> str | None:
        """The e-mail in lower case, which is what the index is on."""
        return None if self.email is None else self.email.lower()

    @email_key.inplace.expression
    @classmethod
    def _email_key_expression(cls) -> ColumnElement[str | None]:
        return func.lower(cls.email)


class TimelineEntry(Base):
    """What happened to a booking, when, and who did it; and the booking as that left it. No personal data is in it."""

    __tablename__ = "timeline"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    actor: Mapped[str | None]
    role: Mapped[str | None]
    version: Mapped[int]
    state: Mapped[str]
    guest_id: Mapped[UUID]
    booker_id: Mapped[UUID | None]
    arrival: Mapped[date]
    departure: Mapped[date]
    total: Mapped[Decimal]
    hold_until: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)


class LineChange(Base):
    """A line as an event left it. `stock_type` is the type whose stock its last night takes."""

    __tablename__ = "line_change"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    occurred_at: Mapped[datetime]
    state: Mapped[str]
    room_type: Mapped[str]
    stock_type: Mapped[str]
    adults: Mapped[int]
    children: Mapped[int]
    arrival: Mapped[date]
    departure: Mapped[date]
    nights: Mapped[int]
    total: Mapped[Decimal]
    room: Mapped[str | None]


class StockChange(Base):
    """A night of a room type as an event of the hotel or of its inventory left it, save what is sold and held."""

    __tablename__ = "stock_change"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    night: Mapped[date] = mapped_column(primary_key=True)
    room_type: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    occurred_at: Mapped[datetime]
    in_service: Mapped[int]
    allowance: Mapped[int]
    price: Mapped[Decimal]
    stop_sell: Mapped[bool]
    minimum_stay: Mapped[int] = mapped_column(SmallInteger)
    closed_to_arrival: Mapped[bool]
    closed_to_departure: Mapped[bool]


class ClaimChange(Base):
    """By how much an event raised or lowered what a line sells, holds and brings in a night.

    `room_type` is the one whose stock is claimed. `hold_until` is the deadline of the hold that came or went.
    """

    __tablename__ = "claim_change"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    night: Mapped[date] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    room_type: Mapped[str] = mapped_column(primary_key=True)
    booked_type: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    channel: Mapped[str | None]
    sold: Mapped[int]
    held: Mapped[int]
    revenue: Mapped[Decimal]
    hold_until: Mapped[datetime | None]


class DayStatistics(Base):
    """Rooms sold for a night and what they bring, as of now; the channel is empty where none was said."""

    __tablename__ = "day_statistics"

    hotel_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    room_type: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    rooms_sold: Mapped[int]
    revenue: Mapped[Decimal]
