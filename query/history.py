"""What happened, for people: to a booking, a room, a room type, a guest or a hotel, or by an account; the oldest first.

The events come out of the ledger, found by an index each time: a stream's by the ledger's unique key of streams, a
room's and an account's by indexes of the timeline, a guest's bookings by theirs. A ledger is never read through. What
is about a booking, a hotel or a room type is there at once; a room's, a guest's and an account's is as far as the read
tables are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bookings import BookingEvent
from domain.events import Event
from domain.rejections import UnknownBooking, UnknownHotel
from eventstore.codec import UnknownEvent, decode
from query import answers
from query.fields import cursor_number, decode_cursor, encode_cursor
from query.history_changes import changes_by_seq
from query.history_words import Language, sentence, unreadable

type Kind = Literal["booking", "hotel", "room_type", "room", "guest", "account"]

BOOKING_EVENTS = [event.__name__ for event in get_args(BookingEvent)]
_KIND = "history"

# Each finds seq and occurred_at of the events about `:subject`.
_OF_STREAM = "select seq, occurred_at from ledger.event where hotel_id = :hotel_id and stream_id = :stream"
_OF_HOTEL = "select seq, occurred_at from ledger.event where hotel_id = :hotel_id and stream_id = :hotel_id"
_WITHIN = """
    occurred_at >= coalesce(cast(:since as timestamptz), '-infinity')
    and occurred_at < coalesce(cast(:until as timestamptz), 'infinity')
"""
_ROOM_TYPES = """
    select cast(data ->> 'room_type_id' as uuid) as stream_id, data ->> 'code' as code
      from ledger.event
     where hotel_id = :hotel_id and stream_id = :hotel_id and type = 'RoomTypeAdded'
"""
_FIND: Mapping[Kind, str] = {
    "booking": f"{_OF_STREAM} and type = any (:booking_events)",
    "hotel": _OF_HOTEL,
    # The hotel's own stream is short; its events are picked by what they say.
    "room_type": f"""
        select e.seq, e.occurred_at
          from ({_ROOM_TYPES}) as of_type
          join ledger.event e on e.hotel_id = :hotel_id and e.stream_id = of_type.stream_id
         where of_type.code = :subject
        union all
        {_OF_HOTEL} and :subject in (data ->> 'code', data ->> 'room_type')
    """,  # noqa: S608 - made of constants of this file, as all are
    "room": f"""
        select seq, occurred_at from read.timeline
         where hotel_id = :hotel_id and type = 'RoomsAssigned'
           and facts @> jsonb_build_object(
               'assignments', jsonb_build_array(jsonb_build_object('room', cast(:subject as text)))
           )
        union all
        {_OF_HOTEL} and (data ->> 'room' = :subject or data::jsonb -> 'rooms' ? :subject)
    """,  # noqa: S608
    "guest": """
        select e.seq, e.occurred_at
          from (
               select booking_id from read.booking where hotel_id = :hotel_id and guest_id = :id
               union
               select booking_id from read.booking where hotel_id = :hotel_id and booker_id = :id
               union
               select booking_id from read.booking_line where hotel_id = :hotel_id and guest_id = :id
          ) of_guest
          join ledger.event e on e.hotel_id = :hotel_id and e.stream_id = of_guest.booking_id
    """,
    "account": f"""
        (
        select seq, occurred_at
          from read.timeline
         where hotel_id = :hotel_id and actor = :subject and seq > :after and {_WITHIN}
         order by seq
         limit :limit
        )
        union all
        select e.seq, e.occurred_at
          from (
               select stream_id from ({_ROOM_TYPES}) as room_types
               union all
               select cast(:hotel_id as uuid)
          ) of_hotel
          join ledger.event e on e.hotel_id = :hotel_id and e.stream_id = of_hotel.stream_id
         where e.metadata ->> 'actor' = :subject
    """,  # noqa: S608
}
_PAGE = {
    kind: text(f"""
        with page as (
            select found.seq
              from ({find}) as found
             where found.seq > :after and {_WITHIN}
             order by found.seq
             limit :limit
        )
        select e.seq, e.stream_id, e.version, e.type, e.schema_version, e.occurred_at, e.recorded_at,
               e.data::text as data, e.metadata::text as metadata
          from page join ledger.event e on e.hotel_id = :hotel_id and e.seq = page.seq
         order by e.seq
    """)  # noqa: S608 - made of constants of this file
    for kind, find in _FIND.items()
}
_TIME_ZONE = text("""
    select data ->> 'timezone' as timezone
      from ledger.event
     where hotel_id = :hotel_id and stream_id = :hotel_id and type in ('HotelOpened', 'HotelDetailsChanged')
       and data ->> 'timezone' is not null
     order by version desc
     limit 1
""")
_BEFORE = text("""
    select seq, stream_id, version, type, schema_version, data::text as data
      from ledger.event
     where hotel_id = :hotel_id and stream_id = any (:streams) and seq <= :last
     order by stream_id, version
""")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose history is asked for: a `kind`, and the id or the name of the one."""

    kind: Kind
    value: UUID | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of a history, and for whom: in which language, and with what a guest may not see if `inside`.

    `first` and `until` are the hotel's dates, half open, of when it happened.
    """

    language: Language
    first: date | None = None
    until: date | None = None
    limit: int
    after: str | None = None
    inside: bool = True
    reader: UUID | None = None


async def history(session: AsyncSession, hotel_id: UUID, subject: Subject, asked: Asked) -> answers.History:
    """A page of a history. Three statements at most. Raises UnknownHotel, UnknownBooking, BadParameter."""
    timezone: str | None = await session.scalar(_TIME_ZONE, {"hotel_id": hotel_id})
    if timezone is None:
        raise UnknownHotel(hotel_id=hotel_id)
    zone = ZoneInfo(timezone)
    after = 0 if asked.after is None else decode_cursor(asked.after, _KIND, cursor_number)[0]
    rows = (
        await session.execute(
            _PAGE[subject.kind],
            {
                "hotel_id": hotel_id,
                **_named(subject),
                "after": after,
                "since": _begins(asked.first, zone),
                "until": _begins(asked.until, zone),
                "limit": asked.limit + 1,
            },
        )
    ).all()
    if not rows and after == 0 and subject.kind == "booking" and asked.first is asked.until is None:
        raise UnknownBooking(booking_id=_id(subject))
    page = rows[: asked.limit]
    changes = await _changes(session, hotel_id, page)
    return answers.History(
        items=[_entry(row, changes.get(row.seq, []), asked) for row in page],
        timezone=timezone,
        next=encode_cursor(_KIND, page[-1].seq) if len(rows) > asked.limit else None,
    )


def _named(subject: Subject) -> dict[str, Any]:
    """The parameters of a kind's statement: each names its subject in the one way in which its columns do."""
    match subject.kind:
        case "booking":
            return {"stream": subject.value, "booking_events": BOOKING_EVENTS}
        case "guest":
            return {"id": subject.value}
        case "hotel":
            return {}
        case _:
            return {"subject": str(subject.value)}


def _id(subject: Subject) -> UUID:
    if not isinstance(subject.value, UUID):
        raise TypeError(f"a {subject.kind} is named by its id")
    return subject.value


def _begins(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)


async def _changes(
    session: AsyncSession, hotel_id: UUID, page: Sequence[Row[Any]]
) -> Mapping[int, list[answers.FieldChange]]:
    """What each event of a page changed, by seq: found by folding the streams that the page is of."""
    if not page:
        return {}
    parameters = {"hotel_id": hotel_id, "streams": list({row.stream_id for row in page}), "last": page[-1].seq}
    rows = (await session.execute(_BEFORE, parameters)).all()
    return changes_by_seq((row.seq, row.stream_id, _event(row)) for row in rows)


def _event(row: Row[Any]) -> Event | None:
    """The event of a row; None for one of a newer build, which this one can't tell about."""
    try:
        return decode(row.type, row.schema_version, row.data)
    except UnknownEvent:
        return None


def _entry(row: Row[Any], changes: list[answers.FieldChange], asked: Asked) -> answers.HistoryEntry:
    metadata, event = orjson.loads(row.metadata), _event(row)
    actor, inside = metadata.get("actor"), asked.inside
    own = asked.reader is not None and actor == str(asked.reader)
    said = unreadable(row.type, asked.language) if event is None else sentence(event, asked.language, inside=inside)
    return answers.HistoryEntry(
        seq=row.seq,
        booking_id=row.stream_id if row.type in BOOKING_EVENTS else None,
        version=row.version,
        type=row.type,
        schema_version=row.schema_version,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor=actor if inside or own else None,
        role=metadata.get("role"),
        request_id=metadata.get("request_id") if inside or own else None,
        correlation_id=metadata.get("correlation_id") if inside or own else None,
        causation_id=metadata.get("causation_id") if inside or own else None,
        text=said,
        changes=changes,
        data=without_ciphertext(orjson.loads(row.data)) if inside else None,
    )


def without_ciphertext(value: Any) -> Any:
    """The same value where each sealed part is only the id of its guest."""
    match value:
        case {"guest_id": guest_id, "ciphertext": _}:
            return {"guest_id": guest_id}
        case dict():
            return {name: without_ciphertext(part) for name, part in value.items()}
        case list():
            return [without_ciphertext(part) for part in value]
        case _:
            return value
