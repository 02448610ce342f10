"""Bookings: listed, one with all that belongs to it, and looked up by its guest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, or_, select, true, tuple_
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


SORT_COLUMNS: dict[str, tuple[InstrumentedAttribute[Any], Callable[[Any], Any]]] = {
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
    column, parse = SORT_COLUMNS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    statement = (
        select(Booking)
        .where(Booking.hotel_id == hotel_id, *_conditions(wanted))
        .options(selectinload(Booking.guest), selectinload(Booking.lines))
        .limit(limit + 1)
    )
    order = (column, Booking.booking_id)
    place = None if after is None else decode_cursor(after, sort, parse, UUID)
    by, later = sorted_after(order, place, descending=descending)
    found = list(await session.scalars(statement.where(later).order_by(*by)))
    page = found[:limit]
    more = len(found) > limit
    return answers.Bookings(
        items=[_listed(booking) for booking in page],
        next=encode_cursor(sort, getattr(page[-1], column.key), page[-1].booking_id) if more else None,
    )


def sorted_after(
    order: Sequence[SQLColumnExpression[Any]], place: Sequence[Any] | None, *, descending: bool
) -> tuple[Sequence[ColumnElement[Any]], ColumnElement[bool]]:
    """What a statement is to be ordered by, and the condition that a row comes after a place in that order."""
    columns = tuple_(*order)
    if place is None:
        later: ColumnElement[bool] = true()
    else:
        later = columns < tuple_(*place) if descending else columns > tuple_(*place)
    return [part.desc() if descending else part.asc() for part in order], later


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
        conditions.append(about(wanted.words, Booking))
    return conditions


def about(words: str, people_of: type[Booking | TimelineEntry]) -> ColumnElement[bool]:
    """A reference that begins like this, or a guest or booker of that name's beginning or exactly that e-mail.

    `people_of` says who they are: the booking as it is now, or as an event left it. Their details are those of today.
    """
    people = select(Guest.guest_id).where(Guest.hotel_id == Booking.hotel_id, named(words))
    return or_(
        Booking.reference.startswith(words.upper(), autoescape=True),
        people_of.guest_id.in_(people),
        people_of.booker_id.in_(people),
    )


def named(words: str) -> ColumnElement[bool]:
    """Guests whose name begins like this, or whose e-mail is exactly this, whatever the case."""
    begins = and_(Guest.full_name.is_not(None), Guest.name_key.startswith(words.lower(), autoescape=True))
    return or_(begins, Guest.email_key == words.lower())


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
        booker=shown_guest(found.booker),
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
        timeline=[shown_entry(entry) for entry in found.timeline],
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
        "guest": shown_guest(booking.guest),
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
        guest=shown_guest(line.guest),
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


def shown_guest(guest: Guest | None) -> answers.Guest | None:
    """Someone's details of today."""
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


def shown_entry(entry: TimelineEntry) -> answers.TimelineEntry:
    """An entry of a booking's timeline."""
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
    guest = shown_guest(booking.guest)
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
