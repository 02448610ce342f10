"""Bookings as they were. A list is read from what every event left of its booking; one booking is folded anew.

Who the people were is as it was then, their details are those of today.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from domain.bookings import Booking as DomainBooking
from domain.bookings import BookingEvent, Line, LineState, evolve
from domain.calendar import nights
from domain.rejections import UnknownBooking
from eventstore import codec
from query import answers
from query.answers import money
from query.as_of import Moment
from query.bookings import SORT_COLUMNS, Filter, about, shown_entry, shown_guest, sorted_after
from query.errors import NotThereThen
from query.fields import decode_cursor, encode_cursor
from query.history import BOOKING_EVENTS
from query.sql import statement
from readmodels.tables import Booking, Guest, LineChange, TimelineEntry

type _People = Mapping[UUID, Guest]

_STREAM = text(statement("booking_stream"))


# ---------------------------------------------------------------- the list


async def bookings_as_of(
    session: AsyncSession, hotel_id: UUID, wanted: Filter, moment: Moment, *, sort: str, limit: int, after: str | None
) -> answers.Bookings:
    """A page of a hotel's bookings as they were. Three statements at most. Raises BadParameter."""
    kind = f"{sort} as of"
    column, parse = SORT_COLUMNS[sort.removeprefix("-")]
    order = (TimelineEntry.arrival if column is Booking.arrival else column, TimelineEntry.booking_id)
    place = None if after is None else decode_cursor(after, kind, parse, UUID)
    by, later = sorted_after(order, place, descending=sort.startswith("-"))
    left = _as_left(hotel_id, moment).where(*_conditions(wanted), later).order_by(*by).limit(limit + 1)
    found = (await session.execute(left)).all()
    page = found[:limit]
    lines = await _lines(session, hotel_id, [row.Booking.booking_id for row in page], moment)
    people = await _people(session, hotel_id, {row.TimelineEntry.guest_id for row in page})
    last = page[-1] if len(found) > limit else None
    return answers.Bookings(
        items=[_listed(row, lines.get(row.Booking.booking_id, []), people) for row in page],
        next=None if last is None else encode_cursor(kind, _place(last, column.key), last.Booking.booking_id),
    )


def _place(row: Row[TimelineEntry, Booking], column: str) -> date | datetime:
    place: date | datetime = row.TimelineEntry.arrival if column == "arrival" else row.Booking.booked_at
    return place


def _as_left(hotel_id: UUID, moment: Moment) -> Select[TimelineEntry, Booking]:
    """What the last event by then left of each booking; with it the booking for what never changes."""
    later = aliased(TimelineEntry)
    is_last = ~exists().where(
        later.hotel_id == TimelineEntry.hotel_id,
        later.booking_id == TimelineEntry.booking_id,
        later.seq > TimelineEntry.seq,
        later.seq <= moment.seq,
    )
    same = and_(Booking.hotel_id == TimelineEntry.hotel_id, Booking.booking_id == TimelineEntry.booking_id)
    return (
        select(TimelineEntry, Booking)
        .join(Booking, same)
        .where(TimelineEntry.hotel_id == hotel_id, TimelineEntry.seq <= moment.seq, is_last)
    )


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(TimelineEntry.state.in_([state.value for state in wanted.states]))
    if wanted.arrival_from is not None:
        conditions.append(TimelineEntry.arrival >= wanted.arrival_from)
    if wanted.arrival_to is not None:
        conditions.append(TimelineEntry.arrival < wanted.arrival_to)
    if wanted.channel is not None:
        conditions.append(Booking.channel == wanted.channel)  # a booking's channel never changes
    if wanted.words is not None:
        conditions.append(about(wanted.words, TimelineEntry))
    return conditions


async def _lines(
    session: AsyncSession, hotel_id: UUID, booking_ids: Sequence[UUID], moment: Moment
) -> dict[UUID, list[LineChange]]:
    if not booking_ids:
        return {}
    last = (
        select(LineChange)
        .ext(distinct_on(LineChange.booking_id, LineChange.line))
        .where(LineChange.hotel_id == hotel_id, LineChange.booking_id.in_(booking_ids), LineChange.seq <= moment.seq)
        .order_by(LineChange.booking_id, LineChange.line, LineChange.seq.desc())
    )
    lines: dict[UUID, list[LineChange]] = {}
    for line in await session.scalars(last):
        lines.setdefault(line.booking_id, []).append(line)
    return lines


async def _people(session: AsyncSession, hotel_id: UUID, ids: set[UUID]) -> _People:
    if not ids:
        return {}
    statement = select(Guest).where(Guest.hotel_id == hotel_id, Guest.guest_id.in_(ids))
    return {guest.guest_id: guest for guest in await session.scalars(statement)}


def _listed(row: Row[TimelineEntry, Booking], lines: Sequence[LineChange], people: _People) -> answers.ListedBooking:
    left: TimelineEntry = row.TimelineEntry
    booking: Booking = row.Booking
    return answers.ListedBooking(
        booking_id=booking.booking_id,
        reference=booking.reference,
        state=left.state,
        version=left.version,
        arrival=left.arrival,
        departure=left.departure,
        total=money(left.total, booking.currency),
        channel=booking.channel,
        hold_until=left.hold_until,
        booked_at=booking.booked_at,
        guest=_known(people, left.guest_id),
        lines=[
            answers.ListedLine(
                line=line.line,
                room_type=line.room_type,
                adults=line.adults,
                children=line.children,
                state=line.state,
                room=line.room,
            )
            for line in lines
        ],
    )


def _known(people: _People, guest_id: UUID) -> answers.Guest:
    guest = shown_guest(people.get(guest_id))
    if guest is None:
        raise AssertionError("every guest of a booking has a row, which the fold writes with it")
    return guest


# ---------------------------------------------------------------- one booking


async def booking_as_of(session: AsyncSession, hotel_id: UUID, booking_id: UUID, moment: Moment) -> answers.Booking:
    """A booking as it was, folded from its events. Three statements. Raises UnknownBooking, NotThereThen."""
    parameters = {"hotel_id": hotel_id, "booking_id": booking_id, "types": BOOKING_EVENTS}
    rows = (await session.execute(_STREAM, parameters)).all()
    if not rows:
        raise UnknownBooking(booking_id=booking_id)
    events = [row for row in rows if row.seq <= moment.seq]
    if not events:
        raise NotThereThen("booking")
    booking = _folded(events)
    ids = {booking.guest, booking.booker, *(line.guest for line in booking.lines)}
    people = await _people(session, hotel_id, {sealed.guest_id for sealed in ids if sealed is not None})
    timeline = (
        select(TimelineEntry)
        .where(
            TimelineEntry.hotel_id == hotel_id,
            TimelineEntry.booking_id == booking_id,
            TimelineEntry.seq <= moment.seq,
        )
        .order_by(TimelineEntry.seq)
    )
    return _shown(booking, events, people, list(await session.scalars(timeline)), (hotel_id, booking_id))


def _folded(rows: Sequence[Row[Any]]) -> DomainBooking:
    booking: DomainBooking | None = None
    for row in rows:
        event = codec.decode(row.type, row.schema_version, row.data)
        if not isinstance(event, BookingEvent):
            raise AssertionError("a booking's stream has its events only")
        booking = evolve(booking, event)
    if booking is None:
        raise AssertionError("a booking that is there has events")
    return booking


def _shown(
    booking: DomainBooking,
    events: Sequence[Row[Any]],
    people: _People,
    timeline: Sequence[TimelineEntry],
    ids: tuple[UUID, UUID],
) -> answers.Booking:
    statistics = booking.statistics
    holds = any(line.state is LineState.HELD for line in booking.lines)
    return answers.Booking(
        hotel_id=ids[0],
        booking_id=ids[1],
        reference=booking.reference,
        state=booking.state.value,
        version=events[-1].version,
        arrival=min(line.arrival for line in booking.lines),
        departure=max(line.departure for line in booking.lines),
        total=money(booking.total, booking.currency),
        hold_until=booking.hold_until if holds else None,
        booked_at=events[0].occurred_at,
        guest=_known(people, booking.guest.guest_id),
        lines=[_line(line, booking.currency, people) for line in booking.lines],
        changed_at=events[-1].occurred_at,
        rate_plan=booking.rate_plan,
        booker=None if booking.booker is None else _known(people, booking.booker.guest_id),
        statistics=answers.Statistics(
            channel=statistics.channel,
            market_segment=statistics.market_segment,
            distribution_channel=statistics.distribution_channel,
            agent=statistics.agent,
            company=statistics.company,
            customer_type=statistics.customer_type,
            meal=statistics.meal,
            country=statistics.country,
        ),
        flags=list(booking.flags),
        timeline=[shown_entry(entry) for entry in timeline],
    )


def _line(line: Line, currency: str, people: _People) -> answers.Line:
    claim, claimed = line.claimed_nights()
    name = "sold" if claim.sold else "held"
    stay = nights(line.arrival, line.departure)
    return answers.Line(
        line=line.line,
        room_type=line.room_type,
        adults=line.adults,
        child_ages=list(line.child_ages),
        arrival=line.arrival,
        departure=line.departure,
        state=line.state.value,
        total=money(line.total, currency),
        room=line.room,
        guest=None if line.guest is None else _known(people, line.guest.guest_id),
        nights=[
            answers.BookingNight(
                date=night,
                room_type=stock,
                room=line.room_of(night),
                price=money(price, currency),
                claim=name if index < len(claimed) else None,
            )
            for index, (night, stock, price) in enumerate(zip(stay, line.stock, line.prices, strict=True))
        ],
    )
