"""A guest's own bookings: made when signed in, or claimed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, func, literal, select, tuple_, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from domain.rejections import UnknownBooking
from query import answers
from query.bookings import cursor_instant, guests_booking, whole_lines
from query.fields import decode_cursor, encode_cursor
from readmodels.tables import Booking, TimelineEntry

type Ids = Sequence[tuple[UUID, UUID]]
"""Hotels and bookings."""

_MADE = ("BookingHeld", "BookingMade")
_KIND = "own"


async def own_bookings(
    session: AsyncSession, account_id: UUID, claimed: Ids, *, limit: int, after: str | None
) -> answers.OwnBookings:
    """A page of an account's bookings, those booked last first. Six statements at most. Raises BadParameter."""
    order = tuple_(Booking.booked_at, Booking.booking_id)
    statement = _own(account_id, claimed).order_by(Booking.booked_at.desc(), Booking.booking_id.desc())
    if after is not None:
        statement = statement.where(order < tuple_(*decode_cursor(after, _KIND, cursor_instant, UUID)))
    found = list(await session.scalars(statement.limit(limit + 1)))
    page = found[:limit]
    more = len(found) > limit
    return answers.OwnBookings(
        items=[guests_booking(booking) for booking in page],
        next=encode_cursor(_KIND, page[-1].booked_at, page[-1].booking_id) if more else None,
    )


async def own_booking(session: AsyncSession, account_id: UUID, claimed: Ids, booking_id: UUID) -> answers.GuestsBooking:
    """One of an account's bookings. Raises UnknownBooking for another's."""
    found = await session.scalar(_own(account_id, claimed).where(Booking.booking_id == booking_id))
    if found is None:
        raise UnknownBooking(booking_id=booking_id)
    return guests_booking(found)


def _own(account_id: UUID, claimed: Ids) -> Select[Booking]:
    """An account's bookings with all that their guest sees. Each of the two parts goes by an index."""
    made = select(TimelineEntry.hotel_id, TimelineEntry.booking_id).where(
        TimelineEntry.actor == str(account_id), TimelineEntry.role == "guest", TimelineEntry.type.in_(_MADE)
    )
    unnested = func.unnest(
        _array([hotel_id for hotel_id, _ in claimed]), _array([booking_id for _, booking_id in claimed])
    )
    claims = unnested.table_valued("hotel_id", "booking_id").render_derived()
    ids = union(made, select(claims.c.hotel_id, claims.c.booking_id)).subquery()
    same: ColumnElement[bool] = and_(Booking.hotel_id == ids.c.hotel_id, Booking.booking_id == ids.c.booking_id)
    return select(Booking).join(ids, same).options(selectinload(Booking.guest), whole_lines())


def _array(ids: list[UUID]) -> ColumnElement[Any]:
    return literal(ids, ARRAY(Uuid()))
