"""The one table of reports: what each says, its columns with their formulas, and what it can be grouped by.

The endpoint, the CSV header, the tables of docs/reports.md and the tests are made from it.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from query.reports import booked, forecast, nights, stays
from query.reports.figures import Column, Difference, Kind, Percent, Ratio, Share, Summed
from query.reports.question import Found, Question

type Grouping = Literal[
    "day",
    "week",
    "month",
    "room_type",
    "assigned_room_type",
    "channel",
    "market_segment",
    "distribution_channel",
    "agent",
    "company",
    "customer_type",
    "meal",
    "country",
    "reason",
]

GROUPINGS: tuple[str, ...] = get_args(Grouping.__value__)
LONGEST_DAYS = 3660
"""Ten years, so that a whole history goes into one answer."""
LONGEST_LIST_DAYS = 92
"""A list has a row for each stay."""

_PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report. `from_day` and `to_day` are the range unless one is asked for, in days from the business date.

    One without groupings is a list of stays, for everyone who works with bookings; the others are figures.
    """

    name: str
    what: str
    dates: str
    groupings: tuple[str, ...]
    columns: tuple[Column, ...]
    find: Callable[[AsyncSession, Question], Awaitable[Found]]
    from_day: int
    to_day: int
    longest_days: int = LONGEST_DAYS
    besides: tuple[str, ...] = ()
    """What rows are about besides the grouping, whatever that is."""

    @property
    def is_list(self) -> bool:
        """Whether it lists stays, with their guests, instead of adding them up."""
        return not self.groupings

    @property
    def has_money(self) -> bool:
        """Whether a column is an amount."""
        return any(column.kind is Kind.MONEY for column in self.columns)

    def about(self, group_by: str | None) -> tuple[str, ...]:
        """The columns that say what a row of figures is about."""
        return () if group_by is None else tuple(dict.fromkeys((group_by, *self.besides)))

    def kinds(self, group_by: str | None) -> dict[str, Kind]:
        """The columns of an answer in order: what a row is about, the figures, and in CSV the currency of amounts."""
        kinds = dict.fromkeys(self.about(group_by), Kind.TEXT) | {column.name: column.kind for column in self.columns}
        return kinds | ({"currency": Kind.TEXT} if self.has_money else {})


def _sum(name: str, means: str, kind: Kind = Kind.COUNT) -> Column:
    return Column(name=name, kind=kind, means=means, formula=Summed(name))


def _amount(name: str, means: str) -> Column:
    return _sum(name, means, Kind.MONEY)


def _mean(name: str, over: str, under: str, means: str, kind: Kind = Kind.DECIMAL) -> Column:
    return Column(name=name, kind=kind, means=means, formula=Ratio(over, under))


def _percent(name: str, over: str, under: str, means: str) -> Column:
    return Column(name=name, kind=Kind.PERCENT, means=means, formula=Percent(over, under))


def _more(name: str, of: str, less: str, means: str, kind: Kind = Kind.COUNT) -> Column:
    return Column(name=name, kind=kind, means=means, formula=Difference(of, less))


def _said(name: str, kind: Kind, means: str) -> Column:
    return Column(name=name, kind=kind, means=means)


_AVAILABLE = _sum("rooms_available", "rooms in service in each night: without those out of order and without allowance")
_SOLD = _sum("rooms_sold", "room nights sold: confirmed, stayed, or the first night of a no-show")
_REVENUE = _amount("revenue", "the prices of the room nights sold")
_ADR = _mean("adr", "revenue", "rooms_sold", "average daily rate", Kind.MONEY)
_OCCUPANCY = _percent("occupancy", "rooms_sold", "rooms_available", "more than 100 where the allowance is used")

_STAY = (
    _said("reference", Kind.TEXT, "the booking's reference"),
    _said("booking_id", Kind.TEXT, "the booking's id"),
    _said("line", Kind.COUNT, "the room's line in its booking"),
    _said("guest_name", Kind.TEXT, "of the line's guest, else the booking's, as it is today; absent once erased"),
    _said("room_type", Kind.TEXT, "the type booked"),
    _said("room", Kind.TEXT, "the room assigned; absent while there is none"),
    _said("adults", Kind.COUNT, "adults"),
    _said("children", Kind.COUNT, "children of any age"),
    _said("arrival", Kind.DATE, "the date of arrival"),
    _said("departure", Kind.DATE, "the date of departure"),
    _said("nights", Kind.COUNT, "nights from arrival to departure; 0 is day use"),
    _said("state", Kind.TEXT, "the line's state"),
    _said("channel", Kind.TEXT, "the booking's channel"),
    _said("total", Kind.MONEY, "the prices of all its nights"),
)

_ALL = (
    Report(
        name="occupancy",
        what="How full the house is",
        dates="stay dates",
        groupings=(*_PERIODS, "room_type"),
        columns=(_AVAILABLE, _SOLD, _OCCUPANCY),
        find=nights.nights,
        from_day=0,
        to_day=14,
    ),
    Report(
        name="revenue",
        what="What the rooms sold bring",
        dates="stay dates",
        groupings=(*_PERIODS, "room_type"),
        columns=(
            _AVAILABLE,
            _SOLD,
            _REVENUE,
            _ADR,
            _mean("revpar", "revenue", "rooms_available", "revenue per available room", Kind.MONEY),
        ),
        find=nights.nights,
        from_day=0,
        to_day=14,
    ),
    Report(
        name="bookings",
        what="What was booked, and what became of it",
        dates="dates of booking",
        groupings=(
            *_PERIODS,
            *("room_type", "assigned_room_type", "channel", "market_segment", "distribution_channel"),
            *("agent", "company", "customer_type", "meal", "country"),
        ),
        columns=(
            _sum("bookings", "bookings that were confirmed; one of several rooms counts where the first of them does"),
            _sum("rooms", "their rooms, which is what all other columns count"),
            _sum("completed", "rooms whose guests stayed and left"),
            _sum("cancelled", "rooms cancelled"),
            _sum("no_show", "rooms whose guests didn't come"),
            _sum("walked", "rooms whose guests were sent elsewhere"),
            _sum("in_house", "rooms whose guests are in house"),
            _sum("to_come", "rooms whose guests haven't arrived yet"),
            _sum("held", "rooms held, in no other column"),
            _sum("holds_ended", "rooms held and never confirmed: expired or given back; in no other column"),
            _percent("cancelled_rate", "cancelled", "rooms", "rooms cancelled of all booked"),
            _sum("nights", "room nights agreed"),
            _mean("mean_nights", "nights", "rooms", "length of stay"),
            _amount("value", "the prices of the nights agreed"),
            _mean("mean_adr", "adr_of_rooms", "rooms", "mean of the rooms' average price of a night", Kind.MONEY),
            _mean("mean_lead_days", "lead_days", "rooms", "days from the date of booking to the arrival"),
            _mean("mean_adults", "adults", "rooms", "adults in a room"),
            _mean("mean_children", "children", "rooms", "children in a room"),
        ),
        find=booked.bookings,
        from_day=-29,
        to_day=1,
    ),
    Report(
        name="cancellations",
        what="What was booked and came to nothing",
        dates="dates on which it was cancelled, walked or not shown up for",
        groupings=(*_PERIODS, "room_type", "channel", "reason"),
        columns=(
            _sum("cancelled", "rooms cancelled after they were confirmed"),
            _sum("walked", "rooms whose guests were sent elsewhere"),
            _sum("no_show", "rooms whose guests didn't come"),
            _sum("nights", "room nights of those cancelled or walked, all free again"),
            _amount("value", "the prices of these nights"),
            _mean("mean_notice_days", "notice_days", "cancelled", "days from the cancellation to the arrival"),
        ),
        find=booked.cancellations,
        from_day=-29,
        to_day=1,
    ),
    Report(
        name="channels",
        what="Which channel the rooms sold came through",
        dates="stay dates",
        groupings=("channel", *_PERIODS),
        columns=(
            _SOLD,
            Column(name="share_of_rooms", kind=Kind.PERCENT, means="of all rows", formula=Share("rooms_sold")),
            _REVENUE,
            Column(name="share_of_revenue", kind=Kind.PERCENT, means="of all rows", formula=Share("revenue")),
            _ADR,
        ),
        find=nights.channels,
        from_day=0,
        to_day=14,
        besides=("channel",),
    ),
    Report(
        name="pickup",
        what="What is on the books, and how much of it came lately",
        dates="stay dates",
        groupings=(*_PERIODS, "room_type", "channel"),
        columns=(
            _sum("rooms", "room nights on the books: sold"),
            _sum("rooms_1", "of the last 24 hours: sold less given back"),
            _sum("rooms_7", "of the last 7 days of 24 hours"),
            _sum("rooms_28", "of the last 28 days of 24 hours"),
            _amount("revenue", "the prices of the room nights on the books"),
            _amount("revenue_1", "of the last 24 hours: added less taken away, changes of price included"),
            _amount("revenue_7", "of the last 7 days"),
            _amount("revenue_28", "of the last 28 days"),
        ),
        find=nights.pickup,
        from_day=0,
        to_day=14,
    ),
    Report(
        name="pace",
        what="What is on the books, beside the same dates a year before",
        dates="stay dates",
        groupings=(*_PERIODS, "room_type", "channel"),
        columns=(
            _sum("rooms", "room nights on the books: sold"),
            _sum("rooms_then", "on the books 364 days ago, for the stay dates 364 days before"),
            _more("rooms_ahead", "rooms", "rooms_then", "ahead of a year before, or behind it where negative"),
            _sum("rooms_final", "what those stay dates a year before have come to by now"),
            _amount("revenue", "the prices of the room nights on the books"),
            _amount("revenue_then", "as rooms_then"),
            _more("revenue_ahead", "revenue", "revenue_then", "as rooms_ahead", Kind.MONEY),
            _amount("revenue_final", "as rooms_final"),
        ),
        find=nights.pace,
        from_day=0,
        to_day=14,
    ),
    Report(
        name="arrivals",
        what="Who arrives",
        dates="dates of arrival",
        groupings=(),
        columns=_STAY,
        find=stays.arrivals,
        from_day=0,
        to_day=1,
        longest_days=LONGEST_LIST_DAYS,
    ),
    Report(
        name="departures",
        what="Who leaves",
        dates="dates of departure",
        groupings=(),
        columns=_STAY,
        find=stays.departures,
        from_day=0,
        to_day=1,
        longest_days=LONGEST_LIST_DAYS,
    ),
    Report(
        name="in-house",
        what="Who is in the house",
        dates="nights",
        groupings=(),
        columns=_STAY,
        find=stays.in_house,
        from_day=0,
        to_day=1,
        longest_days=LONGEST_LIST_DAYS,
    ),
    Report(
        name="forecast",
        what="What is on the books, and what is likely to come",
        dates="stay dates",
        groupings=(*_PERIODS, "room_type"),
        columns=(
            _AVAILABLE,
            _sum("rooms_on_books", "room nights sold"),
            _sum("rooms_to_come", "expected yet; negative where more is likely to be cancelled", Kind.DECIMAL),
            _sum("rooms_forecast", "both together", Kind.DECIMAL),
            _percent("occupancy_forecast", "rooms_forecast", "rooms_available", "the house as it is likely to be"),
            _amount("revenue_on_books", "the prices of the room nights sold"),
            _amount("revenue_to_come", "expected to be added yet"),
            _amount("revenue_forecast", "both together"),
            _mean("adr_forecast", "revenue_forecast", "rooms_forecast", "average daily rate", Kind.MONEY),
            _mean("revpar_forecast", "revenue_forecast", "rooms_available", "per available room", Kind.MONEY),
        ),
        find=forecast.forecast,
        from_day=0,
        to_day=14,
        longest_days=731,
    ),
)

REPORTS: Mapping[str, Report] = MappingProxyType({report.name: report for report in _ALL})


def as_markdown() -> str:
    """The columns of every report as docs/reports.md has them."""
    lines: list[str] = []
    for report in _ALL:
        if lines:
            lines.append("")
        grouped = ", ".join(f"`{name}`" for name in report.groupings) or "none: a row for each stay"
        lines += [
            f"### `{report.name}`: {report.what[0].lower()}{report.what[1:]}",
            "",
            f"`from` and `to` are {report.dates}, at most {report.longest_days} days. `group_by`: {grouped}.",
            "",
        ]
        if report.is_list:
            continue
        lines += ["| column | is | formula | written as |", "|---|---|---|---|"]
        lines += [
            f"| `{column.name}` | {column.means} | {column.formula} | {column.kind.value} |"
            for column in report.columns
        ]
    lines += ["", "The columns of the lists:", "", "| column | is | written as |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {column.means} | {column.kind.value} |" for column in _STAY]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
