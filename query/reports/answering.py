"""From a question over HTTP to a report's answer: which dates, which grouping, as of when; then figures of its sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from query.as_of import AsOf, Moment
from query.errors import BadParameter, UnknownReport
from query.hotels import business_date_of, hotel_by_id
from query.reports.csv_text import csv_text
from query.reports.figures import Cell, Sums, added, cell, figure
from query.reports.question import Counted, Question, Row
from query.reports.registry import REPORTS, Report
from readmodels.tables import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A report: a row for each value of its grouping, or for each stay, and `total`, the same figures over all rows.

    `seq` is the last event that it knows of. Amounts are strings in the hotel's `currency`. `counts` says for the
    report `bookings` how many rooms have which value of each field, the most frequent first.
    """

    hotel_id: UUID
    report: str
    first: Annotated[date, Field(alias="from")]
    until: Annotated[date, Field(alias="to")]
    group_by: str | None
    as_of: datetime | None
    known_at: datetime | None
    seq: int
    currency: str
    rows: list[dict[str, Cell]]
    total: dict[str, Cell] | None
    counts: Mapping[str, Sequence[Counted]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The parameters of a report as they came, and the moment that `as_of` and `known_at` name; now, if none."""

    when: AsOf
    then: Moment | None
    first: date | None = None
    until: date | None = None
    group_by: str | None = None


def report_named(name: str) -> Report:
    """A report. Raises UnknownReport."""
    if name not in REPORTS:
        raise UnknownReport(name, list(REPORTS))
    return REPORTS[name]


async def answered(session: AsyncSession, hotel_id: UUID, report: Report, asked: Asked, now: datetime) -> Answer:
    """A report of a hotel. Two statements at most besides the report's own. Raises UnknownHotel, BadParameter."""
    group_by = _grouping(report, asked.group_by)
    hotel = await hotel_by_id(session, hotel_id)
    seen = asked.then or Moment(seq=await _reached(session, hotel_id), instant=now)
    today = business_date_of(hotel, seen.instant)
    first, until = _range(report, asked, today)
    question = Question(
        hotel_id=hotel_id,
        currency=hotel.currency,
        timezone=hotel.timezone,
        first=first,
        until=until,
        group_by=group_by,
        seen=seen,
        today=today,
    )
    found = await report.find(session, question)
    whole = added(row.sums for row in found.rows)
    return Answer(
        hotel_id=hotel_id,
        report=report.name,
        first=first,
        until=until,
        group_by=group_by,
        as_of=asked.when.as_of,
        known_at=asked.when.known_at,
        seq=seen.seq,
        currency=hotel.currency,
        rows=[shown(report, question, row, whole) for row in found.rows],
        total=None if report.is_list else shown(report, question, Row({}, whole), whole),
        counts=found.counts,
    )


async def _reached(session: AsyncSession, hotel_id: UUID) -> int:
    return await session.scalar(select(Checkpoint.seq).where(Checkpoint.hotel_id == hotel_id)) or 0


def shown(report: Report, question: Question, row: Row, whole: Sums) -> dict[str, Cell]:
    """A row as JSON has it: what it is about, then its columns in order."""
    about = {name: row.of[name] for name in report.about(question.group_by) if name in row.of}
    return about | {
        column.name: cell(
            column.kind,
            row.of[column.name] if column.formula is None else figure(column.formula, row.sums, whole),
            question.currency,
        )
        for column in report.columns
    }


def as_csv(report: Report, answer: Answer) -> str:
    """The rows of an answer as CSV, without the total, and with the currency of amounts."""
    rows = [{**row, "currency": answer.currency} for row in answer.rows]
    return csv_text(report.kinds(answer.group_by), rows)


def _grouping(report: Report, group_by: str | None) -> str | None:
    if report.is_list:
        if group_by is not None:
            raise BadParameter("group_by", f"the report {report.name} lists stays and groups nothing")
        return None
    if group_by is None:
        return report.groupings[0]
    if group_by not in report.groupings:
        raise BadParameter("group_by", f"the report {report.name} is grouped by {', '.join(report.groupings)}")
    return group_by


def _range(report: Report, asked: Asked, today: date) -> tuple[date, date]:
    """The dates [first, until): the report's own, as many as its own before or after the one that is given, or both."""
    length = timedelta(days=report.to_day - report.from_day)
    first, until = asked.first, asked.until
    if first is None:
        first = today + timedelta(days=report.from_day) if until is None else until - length
    if until is None:
        until = first + length
    if until < first:
        raise BadParameter("to", "it lies before from")
    if (until - first).days > report.longest_days:
        raise BadParameter("to", f"the report {report.name} goes over {report.longest_days} days at most")
    return first, until
