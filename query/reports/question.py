"""What a report is asked, and what it answers before it is written as JSON or CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from query.as_of import Moment
from query.reports.figures import Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A report of a hotel for the dates [first, until). `today` is its business date at the moment seen."""

    hotel_id: UUID
    currency: str
    timezone: str
    first: date
    until: date
    group_by: str | None
    seen: Moment
    today: date

    def parameters(self, **others: Any) -> dict[str, Any]:
        """The parameters that every statement of a report takes, and others."""
        return {
            "hotel_id": self.hotel_id,
            "first": self.first,
            "until": self.until,
            "seq": self.seen.seq,
            **others,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a report: what it is about, by column, and the sums that its figures are made of."""

    of: Mapping[str, Any]
    sums: Sums = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rooms have a value; None where there is none."""

    value: str | None
    rooms: int


type Counts = Mapping[str, Sequence[Counted]]
"""How many rooms have which value, by field."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a report found: its rows in order, and for some reports counts over the whole range."""

    rows: Sequence[Row]
    counts: Counts | None = None
