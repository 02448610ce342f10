"""The ledger as it was: which event was the last one at an instant."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from query.errors import BadParameter
from query.reports.question import Cut

_REACHED = text("select seq from read.checkpoint where hotel_id = :hotel_id")
_LAST = {
    by_recorded: text(
        f"select seq from ledger.event where hotel_id = :hotel_id and {time} <= :at order by seq desc limit 1"  # noqa: S608
    )
    for by_recorded, time in ((False, "occurred_at"), (True, "recorded_at"))
}


async def cut_of(
    session: AsyncSession, hotel_id: UUID, as_of: datetime | None, known_at: datetime | None, now: datetime
) -> Cut:
    """Where to cut a hotel's ledger: at an instant, or else at what the read tables have reached.

    Two statements at most. Raises BadParameter for two instants, and for one that is yet to come.
    """
    if as_of is not None and known_at is not None:
        raise BadParameter("known_at", "give as_of (what had happened) or known_at (what was recorded), not both")
    at = as_of or known_at
    if at is not None and at > now:
        raise BadParameter("as_of" if known_at is None else "known_at", "this instant is yet to come")
    reached: int = await session.scalar(_REACHED, {"hotel_id": hotel_id}) or 0
    if at is None:
        return Cut(seq=reached, at=now)
    parameters = {"hotel_id": hotel_id, "at": at.astimezone(UTC)}
    last: int = await session.scalar(_LAST[known_at is not None], parameters) or 0
    return Cut(seq=min(last, reached), at=at)
