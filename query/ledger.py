"""The ledger itself, read only: a hotel's feed, and how far ledger and read model are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from domain.rejections import UnknownHotel
from query import answers
from query.errors import NotFound
from query.fields import decode_cursor, encode_cursor

# The event's JSON comes as the text that was hashed, not as a value that would be written anew.
_COLUMNS = """
    seq, stream_id, version, type, schema_version, occurred_at, recorded_at, encode(hash, 'hex') as hash,
    data::text as data, metadata::text as metadata
"""
_FEED = text(f"""
    select {_COLUMNS} from ledger.event where hotel_id = :hotel_id and seq > :after order by seq limit :limit
""")  # noqa: S608 - made of constants of this file
_HEAD = text("select seq, recorded_at from ledger.head where hotel_id = :hotel_id and seq > 0")
_POSITIONS = text("""
    select h.seq, h.recorded_at, coalesce(c.seq, 0) as read_seq, c.updated_at, c.parked_seq, c.parked_error,
           c.parked_at, a.alarm, a.alarm_at
      from ledger.head h
      left join read.checkpoint c on c.hotel_id = h.hotel_id
      left join read.audit a on a.hotel_id = h.hotel_id
     where h.hotel_id = :hotel_id and h.seq > 0
""")
# The longest first. `since` and `hotel_id` are where the page before ended.
_AMISS = text("""
    select c.hotel_id, c.seq, h.seq as ledger_seq, c.parked_seq, c.parked_error, c.parked_at, a.alarm, a.alarm_at,
           least(c.parked_at, a.alarm_at) as since
      from read.checkpoint c
      join ledger.head h on h.hotel_id = c.hotel_id
      left join read.audit a on a.hotel_id = c.hotel_id
     where (c.parked_seq is not null or a.alarm is not null)
       and (least(c.parked_at, a.alarm_at), c.hotel_id) > (:since, :hotel_id)
     order by since, c.hotel_id
     limit :limit
""")
_PARKED_SEQ = text("select parked_seq from read.checkpoint where hotel_id = :hotel_id")


async def feed(session: AsyncSession, hotel_id: UUID, *, limit: int, after: int) -> Response:
    """A page of a hotel's events after a seq, as `answers.Ledger`. Two statements. Raises UnknownHotel.

    `data` and `metadata` go out byte for byte as they were hashed, so that anyone can check the chain.
    """
    if (await session.execute(_HEAD, {"hotel_id": hotel_id})).first() is None:
        raise UnknownHotel(hotel_id=hotel_id)
    rows = (await session.execute(_FEED, {"hotel_id": hotel_id, "after": after, "limit": limit + 1})).all()
    return Response(
        orjson.dumps(_feed_page(rows, limit), default=str, option=orjson.OPT_UTC_Z), media_type="application/json"
    )


def _feed_page(rows: Sequence[Row[Any]], limit: int) -> dict[str, Any]:
    page = rows[:limit]
    items = [
        {
            "seq": row.seq,
            "stream_id": row.stream_id,
            "version": row.version,
            "type": row.type,
            "schema_version": row.schema_version,
            "occurred_at": row.occurred_at,
            "recorded_at": row.recorded_at,
            "hash": row.hash,
            "data": orjson.Fragment(row.data),
            "metadata": orjson.Fragment(row.metadata),
        }
        for row in page
    ]
    return {"items": items, "next": str(page[-1].seq) if len(rows) > limit else None}


async def positions(session: AsyncSession, hotel_id: UUID) -> answers.Positions:
    """How far a hotel's ledger and its read model are. One statement. Raises UnknownHotel."""
    row = (await session.execute(_POSITIONS, {"hotel_id": hotel_id})).first()
    if row is None:
        raise UnknownHotel(hotel_id=hotel_id)
    return answers.Positions(
        hotel_id=hotel_id,
        ledger=answers.LedgerPosition(seq=row.seq, recorded_at=row.recorded_at),
        read_model=answers.ReadModelPosition(
            seq=row.read_seq, updated_at=row.updated_at, parked=_parked(row), alarm=_alarm(row)
        ),
        behind=row.seq - row.read_seq,
    )


def _parked(row: Row[Any]) -> answers.Parked | None:
    if row.parked_seq is None:
        return None
    return answers.Parked(seq=row.parked_seq, error=row.parked_error, since=row.parked_at)


def _alarm(row: Row[Any]) -> answers.Alarm | None:
    return None if row.alarm is None else answers.Alarm(error=row.alarm, since=row.alarm_at)


async def parked_hotels(session: AsyncSession, *, limit: int, after: str | None) -> answers.ParkedHotels:
    """A page of the hotels whose projection is parked or has raised an alarm. One statement. Raises BadParameter."""
    since, hotel_id = datetime.min.replace(tzinfo=UTC), UUID(int=0)
    if after is not None:
        since, hotel_id = decode_cursor(after, "parked", _cursor_instant, UUID)
    rows = (await session.execute(_AMISS, {"since": since, "hotel_id": hotel_id, "limit": limit + 1})).all()
    page = rows[:limit]
    return answers.ParkedHotels(
        items=[
            answers.Amiss(
                hotel_id=row.hotel_id,
                seq=row.seq,
                behind=row.ledger_seq - row.seq,
                parked=_parked(row),
                alarm=_alarm(row),
            )
            for row in page
        ],
        next=encode_cursor("parked", page[-1].since.isoformat(), page[-1].hotel_id) if len(rows) > limit else None,
    )


def _cursor_instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("not an instant")
    return instant.astimezone(UTC)


async def parked_seq(session: AsyncSession, hotel_id: UUID) -> int:
    """The event before which a hotel's projection is parked. Raises NotFound if it isn't."""
    seq: int | None = (await session.execute(_PARKED_SEQ, {"hotel_id": hotel_id})).scalar()
    if seq is None:
        raise NotFound("parked hotel")
    return seq
