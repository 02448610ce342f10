"""Lists of stays: who arrives, who leaves, who is in the house."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.booking_commands import MAX_STAY_NIGHTS
from domain.bookings import LineState
from query.reports.question import Found, Question, Row
from query.reports.sql import statement

_EXPECTED = (LineState.CONFIRMED, LineState.CHECKED_IN, LineState.CHECKED_OUT, LineState.NO_SHOW)
_LEAVING = (LineState.CONFIRMED, LineState.CHECKED_IN, LineState.CHECKED_OUT)
_THERE = (LineState.CHECKED_IN, LineState.CHECKED_OUT)

_ARRIVES = "c.arrival >= :first and c.arrival < :until"
# No stay is longer than the longest, so the arrivals to look at have an end on both sides.
_AROUND = "c.arrival >= cast(:first as date) - cast(:longest_stay as integer) and c.arrival < :until"
_LEAVES = f"{_AROUND} and c.departure >= :first and c.departure < :until"
_STAYS = f"{_AROUND} and greatest(c.departure, c.arrival + 1) > :first"


async def arrivals(session: AsyncSession, question: Question) -> Found:
    """Who arrives in the range, or did. One statement."""
    return await _stays(session, question, _EXPECTED, _ARRIVES, "c.arrival")


async def departures(session: AsyncSession, question: Question) -> Found:
    """Who leaves in the range, or did. One statement."""
    return await _stays(session, question, _LEAVING, _LEAVES, "c.departure")


async def in_house(session: AsyncSession, question: Question) -> Found:
    """Who is in the house for a night of the range, or was. One statement."""
    return await _stays(session, question, _THERE, _STAYS, "c.room")


async def _stays(
    session: AsyncSession, question: Question, states: tuple[LineState, ...], dates: str, order: str
) -> Found:
    parameters = question.parameters(states=[state.value for state in states], longest_stay=MAX_STAY_NIGHTS)
    if "longest_stay" not in dates:
        del parameters["longest_stay"]
    sql = statement("stays", dates=dates, order=order)
    return Found([Row(dict(found)) for found in (await session.execute(sql, parameters)).mappings()])
