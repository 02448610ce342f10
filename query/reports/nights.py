"""Reports by stay date: what of the rooms in service was sold, what it brought, and through which channel."""

from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, TextClause
from sqlalchemy.ext.asyncio import AsyncSession

from query.reports.question import Found, Question, Row
from query.reports.sql import statement


async def nights(session: AsyncSession, question: Question) -> Found:
    """Rooms in service, rooms sold and their revenue, by the question's grouping. One statement."""
    group_by = question.group_by or "day"
    return Found(await summed(session, statement("nights", group_by), question.parameters(), (group_by,)))


async def channels(session: AsyncSession, question: Question) -> Found:
    """Rooms sold and their revenue by channel, within the question's grouping. One statement."""
    group_by = question.group_by or "channel"
    keys = ("channel",) if group_by == "channel" else (group_by, "channel")
    return Found(await summed(session, statement("channels", group_by), question.parameters(), keys))


async def pickup(session: AsyncSession, question: Question) -> Found:
    """What is on the books, and what of it came in the last days. One statement."""
    return await _on_the_books(session, "pickup", question)


async def pace(session: AsyncSession, question: Question) -> Found:
    """What is on the books beside the same dates a year before. One statement."""
    return await _on_the_books(session, "pace", question)


async def _on_the_books(session: AsyncSession, name: str, question: Question) -> Found:
    group_by = question.group_by or "day"
    parameters = question.parameters(seen_at=question.seen.instant)
    return Found(await summed(session, statement(name, group_by), parameters, (group_by,)))


async def summed(
    session: AsyncSession, sql: TextClause, parameters: dict[str, Any], keys: tuple[str, ...]
) -> list[Row]:
    """The rows of a statement that answers with `key`, other columns that rows are about, and sums."""
    return [_row(found, keys) for found in (await session.execute(sql, parameters)).mappings()]


def _row(found: RowMapping, keys: tuple[str, ...]) -> Row:
    """A row that is about `key`, the first of `keys`, and about the other keys; whatever else it has are sums."""
    of = {name: found["key" if index == 0 else name] for index, name in enumerate(keys)}
    besides = {"key", *keys}
    return Row(of, {name: Decimal(value) for name, value in found.items() if name not in besides})
