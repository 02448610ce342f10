"""The forecast: what is on the books for a stay date, and what nights like it have gained from here to the end.

The additive pick-up method (L. R. Weatherford, S. E. Kimes, "A comparison of forecasting methods for hotel revenue
management", International Journal of Forecasting 19 (2003) 401-415): a stay date k days ahead will gain on average what
the last stay dates of the same weekday gained in their last k days.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from domain.values import rounded
from query.reports.figures import added
from query.reports.question import Found, Question, Row
from query.reports.sql import statement

PAST_WEEKS = 8
"""From so many past nights of the same weekday it is learnt what is still to come."""

_TWO_DECIMALS = Decimal("0.01")
_NOTHING = Decimal(0)


class Gained(NamedTuple):
    """Rooms and revenue that a night gained; lost, where cancellations weigh more."""

    rooms: Decimal
    revenue: Decimal


class PastNight:
    """How a past night of a room type came to be sold: what it gained in its last days."""

    def __init__(self) -> None:
        self._days_before: list[int] = []
        self._gained = [Gained(_NOTHING, _NOTHING)]

    def add(self, days_before: int, rooms: int, revenue: Decimal) -> None:
        """What it gained so many days before it began; to be told in order, the last days first."""
        rooms_before, revenue_before = self._gained[-1]
        self._days_before.append(days_before)
        self._gained.append(Gained(rooms_before + rooms, revenue_before + revenue))

    def within(self, days: int) -> Gained:
        """What it gained when less than so many days were left, and afterwards."""
        return self._gained[bisect_left(self._days_before, days)]


type Past = Mapping[tuple[date, str], PastNight]
"""Past nights by date and room type; those that weren't on sale are absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheBooks:
    """A night of a room type: rooms in service, rooms sold, and what they bring."""

    night: date
    room_type: str
    rooms_available: int
    rooms: Decimal
    revenue: Decimal


async def forecast(session: AsyncSession, question: Question) -> Found:
    """The forecast for the question's dates, by its grouping. Two statements."""
    parameters = question.parameters()
    books = [
        OnTheBooks(
            night=row.night,
            room_type=row.room_type,
            rooms_available=row.rooms_available,
            rooms=Decimal(row.rooms),
            revenue=row.revenue,
        )
        for row in await session.execute(statement("on_the_books"), parameters)
    ]
    since = question.today - timedelta(weeks=PAST_WEEKS)
    parameters |= {"first": since, "until": question.today, "timezone": question.timezone}
    past: dict[tuple[date, str], PastNight] = defaultdict(PastNight)
    for row in await session.execute(statement("late_changes"), parameters):
        night = past[row.night, row.room_type]
        if row.days_before is not None:
            night.add(row.days_before, row.rooms, row.revenue)
    days = (question.until - question.first).days
    asked = [question.first + timedelta(days=number) for number in range(days)]
    return Found(grouped(books, past, question, asked))


def grouped(books: Iterable[OnTheBooks], past: Past, question: Question, asked: Iterable[date]) -> list[Row]:
    """The forecast of each night and room type, added up by the question's grouping."""
    group_by = question.group_by or "day"
    groups: dict[str, list[dict[str, Decimal]]] = {}
    if group_by != "room_type":
        groups = {period(day, group_by): [] for day in asked}
    for night in books:
        key = night.room_type if group_by == "room_type" else period(night.night, group_by)
        expected = to_come(night, past, question.today, question.currency)
        groups.setdefault(key, []).append(
            {
                "rooms_available": Decimal(night.rooms_available),
                "rooms_on_books": night.rooms,
                "rooms_to_come": expected.rooms,
                "rooms_forecast": night.rooms + expected.rooms,
                "revenue_on_books": night.revenue,
                "revenue_to_come": expected.revenue,
                "revenue_forecast": night.revenue + expected.revenue,
            }
        )
    return [Row({group_by: key}, added(groups[key])) for key in sorted(groups)]


def period(day: date, group_by: str) -> str:
    """A day's day, ISO week or month, named as the statements name them."""
    match group_by:
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case _:
            return day.isoformat()


def to_come(night: OnTheBooks, past: Past, today: date, currency: str) -> Gained:
    """What a night of a room type is expected to gain yet: nothing, once it is past; never more than there is room for.

    Rooms have two decimals, revenue those of its currency, so that sums are the same over any grouping.
    """
    days = (night.night - today).days
    if days < 0:
        return Gained(_NOTHING, _NOTHING)
    like_it = [
        found.within(days)
        for weeks in range(1, PAST_WEEKS + 1)
        if (found := past.get((_same_weekday(night.night, today, weeks), night.room_type))) is not None
    ]
    if not like_it:
        return Gained(_NOTHING, _NOTHING)
    rooms = sum((gained.rooms for gained in like_it), _NOTHING) / len(like_it)
    revenue = sum((gained.revenue for gained in like_it), _NOTHING) / len(like_it)
    possible = max(-night.rooms, min(rooms, max(_NOTHING, night.rooms_available - night.rooms)))
    if rooms != possible:
        revenue = revenue * possible / rooms
    return Gained(possible.quantize(_TWO_DECIMALS, ROUND_HALF_EVEN), rounded(max(revenue, -night.revenue), currency))


def _same_weekday(day: date, today: date, weeks: int) -> date:
    """The date of the same weekday in the week that ended so many weeks before: the last one before today is 1."""
    last = today - timedelta(days=(today - day).days % 7 or 7)
    return last - timedelta(weeks=weeks - 1)
