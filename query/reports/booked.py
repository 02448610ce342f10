"""Reports by what was booked and by what came to nothing: a line is one room, with an end of its own."""

from sqlalchemy.ext.asyncio import AsyncSession

from query.reports.nights import summed
from query.reports.question import Counted, Found, Question, Row
from query.reports.sql import statement

COUNTED = (
    *("channel", "market_segment", "distribution_channel", "agent", "company", "customer_type", "meal", "country"),
    *("reserved_room_type", "assigned_room_type"),
)
"""The fields by whose values the `bookings` report counts rooms."""


async def bookings(session: AsyncSession, question: Question) -> Found:
    """What was booked and what became of it, and how many rooms have which value of each field. One statement."""
    group_by = question.group_by or "day"
    parameters = question.parameters(timezone=question.timezone)
    rows: list[Row] = []
    counts: dict[str, list[Counted]] = {field: [] for field in COUNTED}
    for row in await summed(session, statement("booked", group_by), parameters, (group_by, "field")):
        field = row.of["field"]
        if field is None:
            rows.append(row)
        else:
            counts[field].append(Counted(row.of[group_by], int(row.sums["rooms"])))
    return Found(rows, counts)


async def cancellations(session: AsyncSession, question: Question) -> Found:
    """What was booked and then cancelled, walked or not shown up for. One statement."""
    group_by = question.group_by or "day"
    parameters = question.parameters(timezone=question.timezone)
    return Found(await summed(session, statement("cancellations", group_by), parameters, (group_by,)))
