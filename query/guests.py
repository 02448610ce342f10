"""A hotel's guests: found by name or e-mail, and one with all bookings that they have a part in.

Each answer's shape stands beside the question. Who was erased is still there, without any detail.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, and_, distinct, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from query import answers
from query.answers import Money, money
from query.bookings import named, shown_guest, sorted_after
from query.errors import NotFound
from query.fields import cursor_date, cursor_text, decode_cursor, encode_cursor
from query.hotels import hotel_by_id
from readmodels.tables import Booking, BookingNight, Guest, Line

type _LineRow = Row[Line, str, bool, int, Decimal]

_KIND = "guests"
_STAYS = "stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """A page of guests by name; those without one come last."""

    items: list[answers.Guest]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StayLine:
    """One room of a booking. `theirs` is true where it is the guest who stays in it.

    `nights` are those sold, past and to come, and `revenue` is what they bring: nothing while the line is held.
    """

    line: int
    theirs: bool
    room_type: str
    room: str | None
    state: str
    arrival: date
    departure: date
    nights: int
    revenue: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A booking that the guest has a part in, as its guest or booker or as the guest of one of its lines."""

    booking_id: UUID
    reference: str
    state: str
    channel: str | None
    arrival: date
    departure: date
    is_guest: bool
    is_booker: bool
    lines: list[StayLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestTotals:
    """What the lines that are the guest's come to: in how many bookings, how many sold nights, at what revenue."""

    bookings: int
    nights: int
    revenue: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestWithStays:
    """A guest, and a page of their bookings, the latest arrival first. `totals` are of all of them."""

    hotel_id: UUID
    guest: answers.Guest
    totals: GuestTotals
    items: Annotated[list[Stay], Field(description="Bookings, the latest arrival first.")]
    next: str | None


async def guests(session: AsyncSession, hotel_id: UUID, *, words: str | None, limit: int, after: str | None) -> Guests:
    """A page of a hotel's guests by name. Two statements. Raises UnknownHotel, BadParameter."""
    await hotel_by_id(session, hotel_id)
    place = None if after is None else decode_cursor(after, _KIND, cursor_text, UUID)
    by, later = sorted_after((Guest.name_key, Guest.guest_id), place, descending=False)
    statement = select(Guest).where(Guest.hotel_id == hotel_id, later).order_by(*by).limit(limit + 1)
    if words is not None:
        statement = statement.where(named(words))
    found = list(await session.scalars(statement))
    page = found[:limit]
    more = len(found) > limit
    return Guests(
        items=[_shown(guest) for guest in page],
        next=encode_cursor(_KIND, page[-1].name_key, page[-1].guest_id) if more else None,
    )


def _shown(guest: Guest) -> answers.Guest:
    shown = shown_guest(guest)
    assert shown is not None  # noqa: S101 - for the types: only nobody is shown as None
    return shown


async def guest_with_stays(
    session: AsyncSession, hotel_id: UUID, guest_id: UUID, *, limit: int, after: str | None
) -> GuestWithStays:
    """A guest with a page of their bookings. Five statements. Raises UnknownHotel, NotFound, BadParameter."""
    hotel = await hotel_by_id(session, hotel_id)
    guest = await session.get(Guest, (hotel_id, guest_id))
    if guest is None:
        raise NotFound("guest")
    place = None if after is None else decode_cursor(after, _STAYS, cursor_date, UUID)
    by, later = sorted_after((Booking.arrival, Booking.booking_id), place, descending=True)
    ids = _booking_ids(hotel_id, guest_id)
    statement = select(Booking).where(Booking.hotel_id == hotel_id, Booking.booking_id.in_(ids), later)
    found = list(await session.scalars(statement.order_by(*by).limit(limit + 1)))
    page = found[:limit]
    lines = await _lines(session, hotel_id, guest_id, [booking.booking_id for booking in page])
    totals = (await session.execute(_totals(hotel_id, guest_id))).one()
    return GuestWithStays(
        hotel_id=hotel_id,
        guest=_shown(guest),
        totals=GuestTotals(
            bookings=totals.bookings, nights=totals.nights, revenue=money(totals.revenue, hotel.currency)
        ),
        items=[_stay(booking, guest_id, lines[booking.booking_id]) for booking in page],
        next=encode_cursor(_STAYS, page[-1].arrival, page[-1].booking_id) if len(found) > limit else None,
    )


def _booking_ids(hotel_id: UUID, guest_id: UUID) -> CompoundSelect[UUID]:
    """The bookings that a guest has a part in; each of the three parts goes by an index."""
    return union(
        select(Booking.booking_id).where(Booking.hotel_id == hotel_id, Booking.guest_id == guest_id),
        select(Booking.booking_id).where(Booking.hotel_id == hotel_id, Booking.booker_id == guest_id),
        select(Line.booking_id).where(Line.hotel_id == hotel_id, Line.guest_id == guest_id),
    )


def _theirs(guest_id: UUID) -> ColumnElement[bool]:
    """Whether a line is a guest's: its own guest stays in it, or else the booking's."""
    return func.coalesce(Line.guest_id, Booking.guest_id) == guest_id


def _line_of_booking() -> ColumnElement[bool]:
    return and_(Line.hotel_id == Booking.hotel_id, Line.booking_id == Booking.booking_id)


def _sold_night_of_line() -> ColumnElement[bool]:
    return and_(
        BookingNight.hotel_id == Line.hotel_id,
        BookingNight.booking_id == Line.booking_id,
        BookingNight.line == Line.line,
        BookingNight.claim == "sold",
    )


def _revenue() -> ColumnElement[Decimal]:
    return func.coalesce(func.sum(BookingNight.price), 0)


async def _lines(
    session: AsyncSession, hotel_id: UUID, guest_id: UUID, booking_ids: Sequence[UUID]
) -> dict[UUID, list[_LineRow]]:
    """The lines of some bookings with what is sold of them: one statement, however many there are."""
    statement = (
        select(
            Line,
            Booking.currency,
            _theirs(guest_id).label("theirs"),
            func.count(BookingNight.night).label("nights"),
            _revenue().label("revenue"),
        )
        .join(Booking, _line_of_booking())
        .outerjoin(BookingNight, _sold_night_of_line())
        .where(Line.hotel_id == hotel_id, Line.booking_id.in_(booking_ids))
        .group_by(Line.hotel_id, Line.booking_id, Line.line, Booking.currency, Booking.guest_id)
        .order_by(Line.booking_id, Line.line)
    )
    lines: dict[UUID, list[_LineRow]] = defaultdict(list)
    for row in await session.execute(statement):
        lines[row.Line.booking_id].append(row)
    return lines


def _totals(hotel_id: UUID, guest_id: UUID) -> Select[int, int, Decimal]:
    return (
        select(
            func.count(distinct(Line.booking_id)).label("bookings"),
            func.count(BookingNight.night).label("nights"),
            _revenue().label("revenue"),
        )
        .select_from(Booking)
        .join(Line, _line_of_booking())
        .outerjoin(BookingNight, _sold_night_of_line())
        .where(
            Booking.hotel_id == hotel_id, Booking.booking_id.in_(_booking_ids(hotel_id, guest_id)), _theirs(guest_id)
        )
    )


def _stay(booking: Booking, guest_id: UUID, lines: Sequence[_LineRow]) -> Stay:
    return Stay(
        booking_id=booking.booking_id,
        reference=booking.reference,
        state=booking.state,
        channel=booking.channel,
        arrival=booking.arrival,
        departure=booking.departure,
        is_guest=booking.guest_id == guest_id,
        is_booker=booking.booker_id == guest_id,
        lines=[
            StayLine(
                line=row.Line.line,
                theirs=row.theirs,
                room_type=row.Line.room_type,
                room=row.Line.room,
                state=row.Line.state,
                arrival=row.Line.arrival,
                departure=row.Line.departure,
                nights=row.nights,
                revenue=money(row.revenue, row.currency),
            )
            for row in lines
        ],
    )
