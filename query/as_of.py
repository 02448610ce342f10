"""Asking about the past: an instant becomes the last event of a hotel that had happened, or was known, by then.

Neither time ever goes back within a hotel, so both cut its ledger at a seq, and everything else cuts by `seq`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field
from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domain.rejections import UnknownHotel
from eventstore.reading import Position
from query.errors import BadParameter, NotThereThen
from query.fields import EARLIEST, LATEST, Parameters
from query.positions import wait_for
from query.side import QuerySide
from query.sql import statement

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_CUTS = text(statement("cuts")).bindparams(
    bindparam("as_of", type_=ARRAY(DateTime(timezone=True))),
    bindparam("known_at", type_=ARRAY(DateTime(timezone=True))),
)


def _instant(value: object) -> object:
    # pydantic alone also takes a number for an instant, and an instant without a zone.
    if not isinstance(value, str):
        return value
    if not _INSTANT.fullmatch(value):
        raise ValueError("an instant looks like 2026-05-31T12:00:00Z, with its zone; in an address, + is written %2B")
    instant = datetime.fromisoformat(value)
    if not EARLIEST.year < instant.year < LATEST.year:
        raise ValueError(f"an instant lies between {EARLIEST} and {LATEST}")
    return instant.astimezone(UTC)


Instant = Annotated[datetime, BeforeValidator(_instant)]


class AsOf(Parameters):
    """When the answer is of; now, if neither is given."""

    as_of: Instant | None = Field(
        default=None,
        description="As it was at this instant: what had happened by then. People's details are those of today.",
        examples=["2026-05-31T12:00:00Z"],
    )
    known_at: Instant | None = Field(
        default=None,
        description="As the ledger knew it at this instant: what had been recorded by then. With as_of: what had "
        "happened by the one, as far as it was known at the other.",
        examples=["2026-05-31T12:00:00Z"],
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """A hotel's ledger up to and with `seq`. Holds whose deadline had come by `instant` count as free."""

    seq: int
    instant: datetime


type Times = tuple[datetime | None, datetime | None]
"""By when it had happened, and by when it was recorded; either may be open."""


async def moment(side: QuerySide, hotel_id: UUID, asked: AsOf) -> Moment | None:
    """The moment that is asked about, None for now. Once this has answered, the read tables tell all of it.

    One statement, and some more where the read model has yet to catch up. Raises UnknownHotel, BadParameter for an
    instant that is yet to come, NotThereThen before the hotel was there, PositionNotReached.
    """
    instant = asked.as_of or asked.known_at
    if instant is None:
        return None
    async with side.session() as session:
        (cut,) = await _cuts(session, hotel_id, [(asked.as_of, asked.known_at)])
    for name, time in (("as_of", asked.as_of), ("known_at", asked.known_at)):
        if time is not None and time > cut.now:
            raise BadParameter(name, f"this instant is yet to come; it is {cut.now:%Y-%m-%dT%H:%M:%SZ} now")
    if cut.seq == 0:
        raise NotThereThen("hotel")
    if cut.reached < cut.seq:
        await wait_for(side, str(Position(hotel_id, cut.seq)))
    return Moment(seq=cut.seq, instant=instant)


async def seqs_at(session: AsyncSession, hotel_id: UUID, times: Sequence[Times]) -> list[int]:
    """The last seq of a hotel at each of some times, 0 before its first event: one statement for all.

    Some 20 rows of the ledger are read for each. Raises UnknownHotel.
    """
    return [cut.seq for cut in await _cuts(session, hotel_id, times)]


async def _cuts(session: AsyncSession, hotel_id: UUID, times: Sequence[Times]) -> Sequence[Row[Any]]:
    parameters = {
        "hotel_id": hotel_id,
        "as_of": [as_of for as_of, _ in times],
        "known_at": [known_at for _, known_at in times],
    }
    rows = (await session.execute(_CUTS, parameters)).all()
    if not rows and times:
        raise UnknownHotel(hotel_id=hotel_id)
    return rows
