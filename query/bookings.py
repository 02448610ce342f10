"""Bookings: listed, one with all that belongs to it, and looked up by its guest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from domain.bookings import LineState
from domain.rejections import UnknownBooking
from query import answers
from query.answers import money
from query.errors import NotFound
from query.fields import cursor_date, cursor_text, decode_cursor, encode_cursor
from query.hotels import hotel_by_id
from readmodels.tables import Booking, Guest, Line, TimelineEntry

SORTS = ("arrival", "-arrival", "booked_at", "-booked_at")


def cursor_instant(value: Any) -> datetime:
    """An instant out of a cursor."""
    instant = datetime.fromisoformat(cursor_text(value))
    if instant.tzinfo is None or not 1900 < instant.year < 3000:
        raise ValueError("not an instant")
    return instant


_SORT_COLUMNS: dict[str, tuple[InstrumentedAttribute[Any], Callable[[Any], Any]]] = {
    "arrival": (Booking.arrival, cursor_date),
    "booked_at": (Booking.booked_at, cursor_instant),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which bookings are listed. Arrivals are in the half-open range; `words` are of a reference, a name, an e-mail."""

    states: Sequence[LineState] = ()
    arrival_from: date | None = None
    arrival_to: date | None = None
    channel: str | None = None
    words: str | None = None


async def bookings(
    session: AsyncSession, hotel_id: UUID, wanted: Filter, *, sort: str, limit: int, after: str | None
) -> answers.Bookings:
    """A page of a hotel's bookings. Four statements at most. Raises UnknownHotel, BadParameter."""
    await hotel_by_id(session, hotel_id)
    column, parse = _SORT_COLUMNS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    statement = (
        select(Booking)
        .where(Booking.hotel_id == hotel_id, *_conditions(wanted))
        .options(selectinload(Booking.guest), selectinload(Booking.lines))
        .limit(limit + 1)
    )
    order = (column, Booking.booking_id)
    statement = statement.order_by(*(part.desc() for part in order)) if descending else statement.order_by(*order)
    if after is not None:
        place = tuple_(*decode_cursor(after, sort, parse, UUID))
        statement = statement.where(tuple_(*order) < place if descending else tuple_(*order) > place)
    found = list(await session.scalars(statement))
    page = found[:limit]
    more = len(found) > limit
    return answers.Bookings(
        items=[_listed(booking) for booking in page],
        next=encode_cursor(sort, getattr(page[-1], column.key), page[-1].booking_id) if more else None,
    )


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(Booking.state.in_([state.value for state in wanted.states]))
    if wanted.arrival_from is not None:
        conditions.append(Booking.arrival >= wanted.arrival_from)
    if wanted.arrival_to is not None:
        conditions.append(Booking.arrival < wanted.arrival_to)
    if wanted.channel is not None:
        conditions.append(Booking.channel == wanted.channel)
    if wanted.words is not None:
        conditions.append(_about(wanted.words))
    return conditions


def _about(words: str) -> ColumnElement[bool]:
    """A reference that begins like this, or a guest or booker of that name's beginning or exactly that e-mail."""
    people = select(Guest.guest_id).where(
        Guest.hotel_id == Booking.hotel_id,
        or_(func.lower(Guest.full_name).startswith(words.lower(), autoescape=True), Guest.email_key == words.lower()),
    )
    return or_(
        Booking.reference.startswith(words.upper(), autoescape=True),
        Booking.guest_id.in_(people),
        Booking.booker_id.in_(people),
    )


async def booking(session: AsyncSession, hotel_id: UUID, booking_id: UUID) -> answers.Booking:
    """A booking with its lines, nights, guests and timeline: one statement for each kind. Raises UnknownBooking."""
    statement = (
        select(Booking)
        .where(Booking.hotel_id == hotel_id, Booking.booking_id == booking_id)
        .options(
            selectinload(Booking.guest),
            selectinload(Booking.booker),
            selectinload(Booking.timeline),
            whole_lines(),
        )
    )
    found = await session.scalar(statement)
    if found is None:
        raise UnknownBooking(booking_id=booking_id)
    return answers.Booking(
        **_shown(found),
        changed_at=found.changed_at,
        rate_plan=found.rate_plan,
        booker=_guest(found.booker),
        statistics=answers.Statistics(
            channel=found.channel,
            market_segment=found.market_segment,
            distribution_channel=found.distribution_channel,
            agent=found.agent,
            company=found.company,
            customer_type=found.customer_type,
            meal=found.meal,
            country=found.country,
        ),
        flags=list(found.flags),
        timeline=[_timeline_entry(entry) for entry in found.timeline],
    )


def whole_lines() -> ORMOption:
    """Lines with all that belongs to them: one statement for each kind."""
    return selectinload(Booking.lines).options(
        selectinload(Line.nights), selectinload(Line.room_stays), selectinload(Line.guest)
    )


async def lookup(session: AsyncSession, reference: str, email: str) -> answers.GuestsBooking:
    """The booking that a guest knows the reference and the e-mail of.

    Raises NotFound, with the same words whether the reference is unknown or the e-mail is another.
    """
    guest, booker = aliased(Guest), aliased(Guest)
    key = email.strip().lower()
    statement = (
        select(Booking)
        .join(guest, and_(guest.hotel_id == Booking.hotel_id, guest.guest_id == Booking.guest_id))
        .outerjoin(booker, and_(booker.hotel_id == Booking.hotel_id, booker.guest_id == Booking.booker_id))
        .where(
            Booking.reference == reference.strip().upper(),
            or_(func.lower(guest.email) == key, func.lower(booker.email) == key),
        )
        .options(
            selectinload(Booking.guest),
            whole_lines(),
        )
    )
    found = await session.scalar(statement)
    if found is None:
        raise NotFound("booking with this e-mail")
    return guests_booking(found)


def guests_booking(booking: Booking) -> answers.GuestsBooking:
    """A booking as its guest sees it."""
    return answers.GuestsBooking(**_shown(booking))


def _shown(booking: Booking) -> dict[str, Any]:
    """What a booking's guest and its hotel both see."""
    return {
        "hotel_id": booking.hotel_id,
        "booking_id": booking.booking_id,
        "reference": booking.reference,
        "state": booking.state,
        "version": booking.version,
        "arrival": booking.arrival,
        "departure": booking.departure,
        "total": money(booking.total, booking.currency),
        "hold_until": booking.hold_until,
        "booked_at": booking.booked_at,
        "guest": _guest(booking.guest),
        "lines": [_line(line, booking.currency) for line in booking.lines],
    }


def _line(line: Line, currency: str) -> answers.Line:
    return answers.Line(
        line=line.line,
        room_type=line.room_type,
        adults=line.adults,
        child_ages=list(line.child_ages),
        arrival=line.arrival,
        departure=line.departure,
        state=line.state,
        total=money(line.total, currency),
        room=line.room,
        guest=_guest(line.guest),
        nights=[
            answers.BookingNight(
                date=night.night,
                room_type=night.room_type,
                room=_room(line, night.night),
                price=money(night.price, currency),
                claim=night.claim,
            )
            for night in line.nights
        ],
    )


def _room(line: Line, night: date) -> str | None:
    return next((stay.room for stay in line.room_stays if stay.first <= night < stay.until), None)


def _guest(guest: Guest | None) -> answers.Guest | None:
    if guest is None:
        return None
    return answers.Guest(
        guest_id=guest.guest_id,
        full_name=guest.full_name,
        email=guest.email,
        phone=guest.phone,
        language=guest.language,
        erased=guest.erased,
    )


def _timeline_entry(entry: TimelineEntry) -> answers.TimelineEntry:
    return answers.TimelineEntry(
        seq=entry.seq,
        type=entry.type,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor=entry.actor,
        role=entry.role,
        facts=entry.facts,
    )


def _listed(booking: Booking) -> answers.ListedBooking:
    guest = _guest(booking.guest)
    if guest is None:
        raise AssertionError("every booking has a guest, whom the fold writes with it")
    return answers.ListedBooking(
        booking_id=booking.booking_id,
        reference=booking.reference,
        state=booking.state,
        version=booking.version,
        arrival=booking.arrival,
        departure=booking.departure,
        total=money(booking.total, booking.currency),
        channel=booking.channel,
        hold_until=booking.hold_until,
        booked_at=booking.booked_at,
        guest=guest,
        lines=[
            answers.ListedLine(
                line=line.line,
                room_type=line.room_type,
                adults=line.adults,
                children=len(line.child_ages),
                state=line.state,
                room=line.room,
            )
            for line in booking.lines
        ],
    )
