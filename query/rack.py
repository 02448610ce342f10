"""The room rack: who has which room when, which rooms are out of order, and which lines still await a room.

Stays are joined with their lines, bookings and guests: loaded one after the other, their keys would be split into more
statements the more stays there are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.booking_commands import MAX_STAY_NIGHTS
from domain.bookings import OPEN_STATES, LineState
from domain.calendar import nights
from query import answers
from query.hotels import business_date_of, date_range, hotel_by_id, utc_now
from readmodels.tables import Booking, Guest, Line, Room, RoomOutage, RoomStay

LONGEST_RACK_DAYS = 92
_OPEN = sorted(state.value for state in OPEN_STATES)

type _LineKey = tuple[UUID, int]


async def room_rack(session: AsyncSession, hotel_id: UUID, first: date | None, until: date | None) -> answers.RoomRack:
    """A hotel's rooms over [first, until): two weeks from its business date on, unless said. Five statements.

    Raises UnknownHotel, StayNegative, StayTooLong.
    """
    hotel = await hotel_by_id(session, hotel_id)
    today = business_date_of(hotel, utc_now())
    first, until = date_range(first, until, today, LONGEST_RACK_DAYS)
    rooms = select(Room).where(Room.hotel_id == hotel_id).order_by(Room.room_type, Room.room)
    shown = {
        room.room: answers.RackRoom(
            room=room.room, room_type=room.room_type, features=list(room.features), stays=[], out_of_order=[]
        )
        for room in await session.scalars(rooms)
    }
    for outage in await session.scalars(_outages(hotel_id, first, until)):
        shown[outage.room].out_of_order.append(
            answers.RackOutage(first=outage.first, until=outage.until, reason=outage.reason)
        )
    roomed: dict[_LineKey, set[date]] = defaultdict(set)
    for row in await session.execute(_stays(hotel_id, first, until)):
        stay: RoomStay = row.RoomStay
        shown[stay.room].stays.append(_stay(stay, row.Line, row.reference, row.full_name))
        roomed[stay.booking_id, stay.line].update(nights(stay.first, stay.until))
    found = await session.execute(_open_lines(hotel_id, max(first, today), until))
    return answers.RoomRack(
        hotel_id=hotel_id,
        first=first,
        until=until,
        rooms=list(shown.values()),
        unassigned=_unassigned(found.all(), roomed, max(first, today), until),
    )


def _outages(hotel_id: UUID, first: date, until: date) -> Select[RoomOutage]:
    return (
        select(RoomOutage)
        .where(RoomOutage.hotel_id == hotel_id, RoomOutage.first < until, RoomOutage.until > first)
        .order_by(RoomOutage.first)
    )


def _stays(hotel_id: UUID, first: date, until: date) -> Select[RoomStay, Line, str, str | None]:
    """Room stays with a night in the range, and day uses on a date of it."""
    line = and_(Line.hotel_id == RoomStay.hotel_id, Line.booking_id == RoomStay.booking_id, Line.line == RoomStay.line)
    day_use = and_(RoomStay.first == RoomStay.until, RoomStay.first >= first)
    return (
        select(RoomStay, Line, Booking.reference, Guest.full_name)
        .join(Line, line)
        .join(Booking, _booking_of_line())
        .outerjoin(Guest, _guest_of_line())
        .where(
            RoomStay.hotel_id == hotel_id,
            RoomStay.first < until,
            RoomStay.until >= first,
            # No stay is longer than this: it bounds the part of the index that is read.
            RoomStay.until < until + timedelta(days=MAX_STAY_NIGHTS),
            or_(RoomStay.until > first, day_use),
        )
        .order_by(RoomStay.first, RoomStay.until, RoomStay.booking_id, RoomStay.line)
    )


def _open_lines(hotel_id: UUID, first: date, until: date) -> Select[Line, str, str | None]:
    """Lines that are held, confirmed or checked in, with a night in [first, until), or day use on a date of it."""
    day_use = and_(Line.arrival == Line.departure, Line.arrival >= first)
    return (
        select(Line, Booking.reference, Guest.full_name)
        .join(Booking, _booking_of_line())
        .outerjoin(Guest, _guest_of_line())
        .where(
            Booking.hotel_id == hotel_id,
            Booking.state.in_(_OPEN),
            Booking.arrival < until,
            Booking.departure >= first,
            or_(Line.state != LineState.HELD.value, Booking.hold_until > func.now()),
            Line.state.in_(_OPEN),
            Line.arrival < until,
            or_(Line.departure > first, day_use),
        )
        .order_by(Line.arrival, Booking.reference, Line.line)
    )


def _booking_of_line() -> ColumnElement[bool]:
    return and_(Booking.hotel_id == Line.hotel_id, Booking.booking_id == Line.booking_id)


def _guest_of_line() -> ColumnElement[bool]:
    return and_(Guest.hotel_id == Line.hotel_id, Guest.guest_id == func.coalesce(Line.guest_id, Booking.guest_id))


def _stay(stay: RoomStay, line: Line, reference: str, guest_name: str | None) -> answers.RackStay:
    return answers.RackStay(
        booking_id=stay.booking_id,
        reference=reference,
        line=stay.line,
        state=line.state,
        guest_name=guest_name,
        first=stay.first,
        until=stay.until,
        arrival=line.arrival,
        departure=line.departure,
    )


def _unassigned(
    rows: Sequence[Row[Line, str, str | None]], roomed: Mapping[_LineKey, set[date]], first: date, until: date
) -> list[answers.UnassignedLine]:
    """Those of the lines that lack a room for one of their nights in [first, until)."""
    unassigned = []
    for row in rows:
        line: Line = row.Line
        has = roomed.get((line.booking_id, line.line), set())
        stay = nights(max(line.arrival, first), min(line.departure, until))
        lacks = [night for night in stay if night not in has]
        if lacks or (line.arrival == line.departure and line.room is None):
            unassigned.append(
                answers.UnassignedLine(
                    booking_id=line.booking_id,
                    reference=row.reference,
                    line=line.line,
                    state=line.state,
                    guest_name=row.full_name,
                    room_type=line.room_type,
                    arrival=line.arrival,
                    departure=line.departure,
                    nights=lacks,
                )
            )
    return unassigned
