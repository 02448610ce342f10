"""Why isn't it sold? Which rule or event closes which night to a stay, in the words of the refusal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calendar import nights
from domain.offers import Party
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    ClosedToArrival,
    ClosedToDeparture,
    MinimumStay,
    PartyTooLarge,
    Rejected,
    ShortNight,
    SoldOut,
    StopSell,
    UnknownRoomType,
)
from query import answers
from query.hotels import business_date_of, due_holds, hotel_by_id, joins_due, utc_now
from query.sql import statement
from readmodels.tables import Checkpoint, Hotel, Night, Room, RoomOutage, RoomType

CODES: Mapping[type[Rejected], str] = {
    ArrivalInPast: "arrival_in_past",
    BeyondHorizon: "beyond_horizon",
    PartyTooLarge: "party_too_large",
    StopSell: "stop_sell",
    ClosedToArrival: "closed_to_arrival",
    MinimumStay: "minimum_stay",
    ClosedToDeparture: "closed_to_departure",
    SoldOut: "sold_out",
}
"""The refusals that are explained, with the codes of their problems; a test holds them to `staysync.problems`."""

_FIELDS: Mapping[type[Rejected], str] = {
    StopSell: "stop_sell",
    ClosedToArrival: "closed_to_arrival",
    MinimumStay: "minimum_stay",
    ClosedToDeparture: "closed_to_departure",
}
_CLOSING_EVENTS = text(statement("closing_events"))

type _Events = Mapping[tuple[str, date], answers.ClosingEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A stay that is asked about: rooms of one type, each with its party."""

    hotel_id: UUID
    room_type: str
    arrival: date
    departure: date
    parties: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class _Stock:
    """A night as it is, with its holds past their deadline and rooms out of order."""

    night: Night
    due: int
    out_of_order: int

    @property
    def free(self) -> int:
        return max(self.night.free + self.due, 0)


async def explain(session: AsyncSession, asked: Asked, *, with_actor: bool) -> answers.Explanation:
    """What refuses a stay, all of it, in the order in which a booking is decided. Six statements.

    With `with_actor` events say who set them off. Raises UnknownHotel, UnknownRoomType.
    """
    hotel = await hotel_by_id(session, asked.hotel_id)
    kind = await session.get(RoomType, (asked.hotel_id, asked.room_type))
    if kind is None:
        unknown = UnknownRoomType(room_type=asked.room_type)
        unknown.pointer = "/room_type"
        raise unknown
    stock = await _stock(session, asked)
    refusals = [*_of_the_stay(asked, hotel), *_of_the_party(asked, kind), *_of_the_nights(asked, stock)]
    events = await _closing_events(session, asked, kind, refusals, with_actor=with_actor)
    return answers.Explanation(
        hotel_id=asked.hotel_id,
        room_type=asked.room_type,
        arrival=asked.arrival,
        departure=asked.departure,
        rooms=len(asked.parties),
        bookable=not refusals,
        reasons=[_reason(refusal, stock, events) for refusal in refusals],
    )


# ---------------------------------------------------------------- what refuses


def _of_the_stay(asked: Asked, hotel: Hotel) -> Iterable[Rejected]:
    today = business_date_of(hotel, utc_now())
    if asked.arrival < today:
        yield ArrivalInPast(arrival=asked.arrival, business_date=today)
    if asked.departure > hotel.bookable_until:
        yield BeyondHorizon(departure=asked.departure, bookable_until=hotel.bookable_until)


def _of_the_party(asked: Asked, kind: RoomType) -> Iterable[Rejected]:
    if any(party.adults > kind.max_adults or party.children > kind.max_children for party in asked.parties):
        yield PartyTooLarge(index=None, room_type=kind.code, max_adults=kind.max_adults, max_children=kind.max_children)


def _of_the_nights(asked: Asked, stock: Mapping[date, _Stock]) -> Iterable[Rejected]:
    code, arrival, departure = asked.room_type, asked.arrival, asked.departure
    stay = nights(arrival, departure)
    closed = tuple(night for night in stay if night in stock and stock[night].night.stop_sell)
    if closed:
        yield StopSell(room_type=code, nights=closed)
    first, last = stock.get(arrival), stock.get(departure)
    if first is not None and first.night.closed_to_arrival:
        yield ClosedToArrival(room_type=code, arrival=arrival)
    if first is not None and len(stay) < first.night.minimum_stay:
        yield MinimumStay(room_type=code, arrival=arrival, minimum=first.night.minimum_stay, nights=len(stay))
    if last is not None and last.night.closed_to_departure:
        yield ClosedToDeparture(room_type=code, departure=departure)
    wanted = len(asked.parties)
    short = tuple(
        ShortNight(room_type=code, date=night, free=free, wanted=wanted)
        for night in stay
        if (free := stock[night].free if night in stock else 0) < wanted
    )
    if short:
        yield SoldOut(nights=short)


def closed_nights(refusal: Rejected) -> Sequence[date]:
    """The nights to which a refusal is due; none for one that is about the stay or the party."""
    match refusal:
        case StopSell():
            return refusal.nights
        case ClosedToArrival() | MinimumStay():
            return (refusal.arrival,)
        case ClosedToDeparture():
            return (refusal.departure,)
        case SoldOut():
            return tuple(short.date for short in refusal.nights)
        case _:
            return ()


# ---------------------------------------------------------------- what is known


async def _stock(session: AsyncSession, asked: Asked) -> dict[date, _Stock]:
    """The nights of the stay and that of the departure. Two statements."""
    due = due_holds(asked.arrival, asked.departure, asked.hotel_id)
    stay = (
        select(Night, func.coalesce(due.c.rooms, 0))
        .outerjoin(due, joins_due(due))
        .where(
            Night.hotel_id == asked.hotel_id,
            Night.room_type == asked.room_type,
            Night.night.between(asked.arrival, asked.departure),
        )
    )
    outages = (
        select(RoomOutage.first, RoomOutage.until)
        .join(Room, and_(Room.hotel_id == RoomOutage.hotel_id, Room.room == RoomOutage.room))
        .where(
            RoomOutage.hotel_id == asked.hotel_id,
            Room.room_type == asked.room_type,
            RoomOutage.first <= asked.departure,
            RoomOutage.until > asked.arrival,
        )
    )
    out = [(first, until) for first, until in await session.execute(outages)]
    return {
        night.night: _Stock(night, rooms, sum(first <= night.night < until for first, until in out))
        for night, rooms in await session.execute(stay)
    }


async def _closing_events(
    session: AsyncSession, asked: Asked, kind: RoomType, refusals: Sequence[Rejected], *, with_actor: bool
) -> _Events:
    """The last event that set each rule that refuses. One statement."""
    wanted = [
        (_FIELDS[type(refusal)], night)
        for refusal in refusals
        if type(refusal) in _FIELDS
        for night in closed_nights(refusal)
    ]
    reached = select(Checkpoint.seq).where(Checkpoint.hotel_id == asked.hotel_id)
    parameters = {
        "hotel_id": asked.hotel_id,
        "stream_id": kind.room_type_id,
        "seq": await session.scalar(reached) or 0,
        "fields": [field for field, _ in wanted],
        "nights": [night for _, night in wanted],
    }
    return {
        (row.field, row.night): answers.ClosingEvent(
            seq=row.seq,
            type=row.type,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            actor=row.actor if with_actor else None,
            role=row.role if with_actor else None,
        )
        for row in await session.execute(_CLOSING_EVENTS, parameters)
    }


def _reason(refusal: Rejected, stock: Mapping[date, _Stock], events: _Events) -> answers.Reason:
    field = _FIELDS.get(type(refusal), "")
    return answers.Reason(
        code=CODES[type(refusal)],
        detail=str(refusal),
        nights=[
            answers.ClosedNight(
                date=night,
                free=found.free if (found := stock.get(night)) is not None else 0,
                stock=None if found is None else _shown(found),
                event=events.get((field, night)),
            )
            for night in closed_nights(refusal)
        ],
    )


def _shown(stock: _Stock) -> answers.NightStock:
    night: Any = stock.night
    return answers.NightStock(
        in_service=night.in_service,
        out_of_order=stock.out_of_order,
        allowance=night.allowance,
        sold=night.sold,
        held=night.held - stock.due,
        held_past_deadline=stock.due,
    )
