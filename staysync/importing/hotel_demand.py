"""Reads the "Hotel booking demand" data set: each line of the file is a booking's whole life, or says what is wrong.

N. Antonio, A. de Almeida, L. Nunes, Hotel booking demand datasets, Data in Brief 22 (2019) 41-49,
doi 10.1016/j.dib.2018.11.126, licence CC BY 4.0. What a row means and how its oddities are taken: docs/import.md.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from io import BufferedReader
from pathlib import Path

from domain.values import Statistics, rounded
from staysync.processes import CannotStartError

CURRENCY = "EUR"
HOTELS = ("Resort Hotel", "City Hotel")

MAX_LINES = 1_000_000
"""More than this isn't this data set; it bounds the memory, and what a line's number adds to a time of day."""

_GZIP = b"\x1f\x8b"
_LONGEST_LINE = 10_000
_LONGEST_LABEL = 64
_MOST_PEOPLE = 100
_LONGEST_LEAD_DAYS = 3660
_LARGEST_PRICE = Decimal(1_000_000)
_ABSENT = frozenset(("", "NULL", "NA"))
_ROOM_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,19}")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_CHANNELS = {"TA/TO": "travel_agent", "Direct": "direct", "Corporate": "corporate", "GDS": "gds", "Undefined": None}


class Ending(StrEnum):
    """How a booking ended, in the data set's words."""

    STAYED = "Check-Out"
    CANCELLED = "Canceled"
    NO_SHOW = "No-Show"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One booking of one room. `line` is its line in the file, the header being line 1, and so its identity.

    `room_type` was booked; the room that the guest was given is of `assigned_type`. `ended_on` is the day of leaving,
    of the cancellation or of the no-show. `price` is for each night.
    """

    line: int
    hotel: str
    room_type: str
    assigned_type: str
    booked_on: date
    arrival: date
    departure: date
    ending: Ending
    ended_on: date
    adults: int
    child_ages: tuple[int | None, ...]
    price: Decimal
    statistics: Statistics
    flags: tuple[str, ...]

    @property
    def is_moved(self) -> bool:
        """Whether the room that was given is of another type than the one booked."""
        return self.assigned_type != self.room_type

    @property
    def is_day_use(self) -> bool:
        """Whether the stay has no night."""
        return self.arrival == self.departure


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no booking, with the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The whole file. `sha256` is of its unpacked bytes; `lines` counts the lines after the header."""

    sha256: str
    rows: dict[int, Row]
    unreadable: list[Unreadable]

    @property
    def lines(self) -> int:
        """How many lines the file has after its header."""
        return len(self.rows) + len(self.unreadable)


class _BadRow(Exception):
    """The line can't be read; the text says why."""


def read_history(file: Path) -> History:
    """Read the data set, packed by gzip or not. Raises CannotStartError for a file that isn't it."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.open(raw) as unpacked:
                    return _read(unpacked, file)
            return _read(raw, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotStartError(f"{file} can't be read: {reason}") from error


def _read(stream: gzip.GzipFile | BufferedReader, file: Path) -> History:
    digest = hashlib.sha256()
    header = stream.readline(_LONGEST_LINE)
    digest.update(header)
    columns = _columns(header, file)
    rows: dict[int, Row] = {}
    unreadable: list[Unreadable] = []
    line = 1
    while raw := stream.readline(_LONGEST_LINE):
        digest.update(raw)
        line += 1
        if line > MAX_LINES:
            raise CannotStartError(f"{file} has more than {MAX_LINES} lines, so it isn't the data set of this import")
        if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
            while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                digest.update(rest)
            digest.update(rest)
            unreadable.append(Unreadable(line, f"longer than {_LONGEST_LINE} bytes"))
            continue
        try:
            rows[line] = _row(line, _fields(raw), columns)
        except _BadRow as problem:
            unreadable.append(Unreadable(line, str(problem)))
    return History(sha256=digest.hexdigest(), rows=rows, unreadable=unreadable)


_COLUMNS = (
    "hotel", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month",
    "stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies", "meal", "country",
    "market_segment", "distribution_channel", "reserved_room_type", "assigned_room_type", "agent", "company",
    "customer_type", "adr", "reservation_status", "reservation_status_date",
)  # fmt: skip


def _columns(header: bytes, file: Path) -> dict[str, int]:
    try:
        names = [name.strip() for name in _fields(header.removeprefix(b"\xef\xbb\xbf"))]
    except _BadRow:
        names = []
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise CannotStartError(f"{file} isn't the hotel booking demand data set: no column {missing[0]}")
    return {"": len(names)} | {name: names.index(name) for name in _COLUMNS}


def _fields(raw: bytes) -> list[str]:
    # Line by line, so that one stray quote can't swallow the lines after it.
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _BadRow("not UTF-8") from error
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader(io.StringIO(text), strict=True))
    except (csv.Error, StopIteration) as error:
        raise _BadRow("its quotes don't match") from error


def _row(line: int, fields: list[str], columns: dict[str, int]) -> Row:
    if len(fields) != columns[""]:
        raise _BadRow(f"{len(fields)} columns instead of {columns['']}")
    value = {name: fields[at] for name, at in columns.items() if name}
    hotel = value["hotel"]
    if hotel not in HOTELS:
        raise _BadRow(f"unknown hotel {hotel[:40]!r}")
    arrival = _arrival(value)
    departure = _days_after(arrival, _count(value, "stays_in_weekend_nights") + _count(value, "stays_in_week_nights"))
    booked_on = _days_after(arrival, -_count(value, "lead_time"))
    adults, child_ages, flags = _party(value)
    price = _price(value["adr"])
    if price < 0:
        flags.append("negative_price")
    ending, ended_on = _ending(value, booked_on, arrival, departure, flags)
    return Row(
        line=line,
        hotel=HOTELS[HOTELS.index(hotel)],
        room_type=_room_type(value["reserved_room_type"]),
        assigned_type=_room_type(value["assigned_room_type"]),
        booked_on=booked_on,
        arrival=arrival,
        departure=departure,
        ending=ending,
        ended_on=ended_on,
        adults=adults,
        child_ages=child_ages,
        price=price,
        statistics=_statistics(
            *(value[name] for name in ("market_segment", "distribution_channel", "agent", "company")),
            *(value[name] for name in ("customer_type", "meal", "country")),
        ),
        flags=tuple(flags),
    )


def _ending(
    value: dict[str, str], booked_on: date, arrival: date, departure: date, flags: list[str]
) -> tuple[Ending, date]:
    try:
        ending = Ending(value["reservation_status"])
    except ValueError:
        raise _BadRow(f"unknown reservation_status {value['reservation_status'][:40]!r}") from None
    dated = _iso_date(value["reservation_status_date"])
    match ending:
        case Ending.STAYED:
            if dated < arrival:
                raise _BadRow(f"left on {dated}, before the arrival on {arrival}")
            if dated != departure:
                flags.append("left_early" if dated < departure else "left_late")
            return ending, dated
        case Ending.CANCELLED:
            if dated < booked_on:
                raise _BadRow(f"cancelled on {dated}, before it was booked on {booked_on}")
            if dated > arrival:
                flags.append("cancelled_after_arrival")
            return ending, dated
        case Ending.NO_SHOW:
            # Nobody can fail to come before the day of arrival, whatever the source says.
            if dated != arrival:
                flags.append("no_show_date_moved")
            return ending, arrival


def _party(value: dict[str, str]) -> tuple[int, tuple[int | None, ...], list[str]]:
    """Adults, ages of children (babies are in their first two years, of the others nobody knows), and flags."""
    flags = []
    adults, babies = _count(value, "adults", _MOST_PEOPLE), _count(value, "babies", _MOST_PEOPLE)
    if value["children"] in _ABSENT:
        children = 0
        flags.append("children_unknown")
    else:
        children = _count(value, "children", _MOST_PEOPLE)
    if adults == 0:
        flags.append("no_adults" if children + babies else "no_guests")
    return adults, _ages(children, babies), flags


@cache
def _ages(children: int, babies: int) -> tuple[int | None, ...]:
    return (None,) * children + (0,) * babies


def _arrival(value: dict[str, str]) -> date:
    month = value["arrival_date_month"]
    if month not in _MONTHS:
        raise _BadRow(f"unknown month {month[:40]!r}")
    year, day = _count(value, "arrival_date_year", 9999), _count(value, "arrival_date_day_of_month", 31)
    try:
        return _date(year, _MONTHS.index(month) + 1, day)
    except ValueError:
        raise _BadRow(f"there is no {day} {month} {year}") from None


# Few values come again and again: kept once, they make the whole file small in memory.


@cache
def _date(year: int, month: int, day: int) -> date:
    if not 1990 <= year <= 2100:
        raise ValueError(year)
    return date(year, month, day)


@cache
def _days_after(day: date, days: int) -> date:
    return day + timedelta(days=days)


@cache
def _iso_date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
        return _date(found.year, found.month, found.day)
    except ValueError:
        raise _BadRow(f"reservation_status_date {text[:40]!r} is no date") from None


def _count(value: dict[str, str], name: str, most: int = _LONGEST_LEAD_DAYS) -> int:
    """A whole number, also written as 2.0, as some editions of the data set do."""
    text = value[name].removesuffix(".0")
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        raise _BadRow(f"{name} is {value[name][:40]!r}, not a number from 0 to {most}")
    return int(text)


@cache
def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise _BadRow(f"adr {text[:40]!r} is no amount") from None
    if not price.is_finite() or abs(price) > _LARGEST_PRICE:
        raise _BadRow(f"adr {text[:40]!r} is no amount that a night costs")
    return rounded(price, CURRENCY)


@cache
def _statistics(
    segment: str, distribution: str, agent: str, company: str, customer_type: str, meal: str, country: str
) -> Statistics:
    return Statistics(
        channel=_CHANNELS.get(distribution, _label(distribution)),
        market_segment=_label(segment),
        distribution_channel=_label(distribution),
        agent=_label(agent),
        company=_label(company),
        customer_type=_label(customer_type),
        meal=_label(meal),
        country=_label(country),
    )


@cache
def _label(text: str) -> str | None:
    stripped = text.strip()
    if stripped in _ABSENT:
        return None
    if len(stripped) > _LONGEST_LABEL or not stripped.isprintable():
        raise _BadRow(f"unusable text {stripped[:40]!r}")
    return stripped


@cache
def _room_type(code: str) -> str:
    if not _ROOM_TYPE.fullmatch(code):
        raise _BadRow(f"unusable room type {code[:40]!r}")
    return code
