"""Orders a history into steps: what happened in which hotel at which instant, and how many rooms that took at most."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cache

from domain.calendar import zone
from staysync.importing.hotel_demand import MAX_LINES, Ending, History, Row

TIMEZONE = "Europe/Lisbon"
BUSINESS_DAY_ROLLS_AT = time(4, 0)

type NightOfHotel = tuple[str, str, int]
"""Hotel, room type, and the night as the ordinal of its date."""


class Phase(IntEnum):
    """The parts of a hotel's day. The source knows days only; this order sells no room twice that it didn't."""

    OPENING = 0
    DEPARTURES = 1
    EARLIER_CANCELLED = 2
    BOOKINGS = 3
    ARRIVALS = 4
    SAME_DAY_CANCELLED = 5
    SAME_DAY_DEPARTURES = 6


# After the business date has rolled on, and clear of the hours that summer time skips or repeats. Within a phase a
# step comes as many milliseconds later as its line's number, so that no two steps of a hotel share an instant: the
# ledger's last instant then says exactly how far an import came.
_LOCAL_TIMES = {
    Phase.OPENING: time(6, 0),
    Phase.DEPARTURES: time(9, 0),
    Phase.EARLIER_CANCELLED: time(10, 0),
    Phase.BOOKINGS: time(12, 0),
    Phase.ARRIVALS: time(15, 0),
    Phase.SAME_DAY_CANCELLED: time(18, 0),
    Phase.SAME_DAY_DEPARTURES: time(21, 0),
}
_LINE_BITS = 20
_PHASE_BITS = 3
assert MAX_LINES < 1 << _LINE_BITS  # noqa: S101 - two constants that must fit each other


class Action(StrEnum):
    """What a step does; also the end of its idempotency key."""

    BOOK = "book"
    CHECK_IN = "check-in"
    CHECK_OUT = "check-out"
    CANCEL = "cancel"
    NO_SHOW = "no-show"


# A booking's stream has an event per step, so its version says which of its steps are done.
PLACE_IN_LIFE = {Action.BOOK: 0, Action.CHECK_IN: 1, Action.CANCEL: 1, Action.NO_SHOW: 1, Action.CHECK_OUT: 2}
STEPS_OF_LIFE = {Ending.STAYED: 3, Ending.CANCELLED: 2, Ending.NO_SHOW: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to one booking."""

    row: Row
    action: Action
    occurred_at: datetime


class Plan:
    """The steps of a history in the order in which they happened: by day, phase of the day, line."""

    def __init__(self, history: History) -> None:
        self.history = history
        # A step is one number, so that hundreds of thousands are small and sorted fast: day, phase, line.
        keys = [key for row in history.rows.values() for key in _keys(row)]
        keys.sort()
        self._keys = array("Q", keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Step]:
        rows = self.history.rows
        for key in self._keys:
            day_and_phase, line = key >> _LINE_BITS, key & ((1 << _LINE_BITS) - 1)
            phase = Phase(day_and_phase & ((1 << _PHASE_BITS) - 1))
            row = rows[line]
            begins = phase_begins(date.fromordinal(day_and_phase >> _PHASE_BITS), phase)
            yield Step(row=row, action=_action(row, phase), occurred_at=begins + timedelta(milliseconds=line))

    def first_days(self) -> dict[str, date]:
        """The day of each hotel's first booking."""
        first: dict[str, date] = {}
        for row in self.history.rows.values():
            first[row.hotel] = min(first.get(row.hotel, date.max), row.booked_on)
        return first

    def most_wanted(self) -> dict[tuple[str, str], int]:
        """How many rooms of each hotel and type were wanted for one night at one time, the later cancelled included.

        With as many rooms nothing is refused. A type that only ever had day use has none.
        """
        most = {(row.hotel, row.room_type): 0 for row in self.history.rows.values()}
        sold: dict[NightOfHotel, int] = defaultdict(int)
        for step in self:
            for night in apply(sold, step.row, step.action):
                wanted = sold[night]
                kind = night[:2]
                most[kind] = max(most[kind], wanted)
        return most


@cache
def phase_begins(day: date, phase: Phase) -> datetime:
    """The instant at which a phase of a day begins, in UTC."""
    return datetime.combine(day, _LOCAL_TIMES[phase], zone(TIMEZONE)).astimezone(UTC)


def apply(sold: dict[NightOfHotel, int], row: Row, action: Action) -> Iterable[NightOfHotel]:
    """Count into `sold` what a step claims or frees; returns the nights that it claims."""
    arrival, departure = row.arrival.toordinal(), row.departure.toordinal()
    match action:
        case Action.BOOK:
            claimed = [(row.hotel, row.room_type, night) for night in range(arrival, departure)]
            for night in claimed:
                sold[night] += 1
            return claimed
        case Action.CANCEL:
            freed_from = arrival
        case Action.NO_SHOW:
            freed_from = arrival + 1
        case Action.CHECK_OUT:
            freed_from = row.ended_on.toordinal()
        case Action.CHECK_IN:
            return ()
    for number in range(freed_from, departure):
        sold[row.hotel, row.room_type, number] -= 1
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKind:
    """What the bookings of a hotel's room type say about it: the largest party, and what a night cost on average."""

    max_adults: int
    max_children: int
    average_price: Decimal


def room_kinds(rows: Iterable[Row]) -> dict[tuple[str, str], RoomKind]:
    """The room types of each hotel. Every one takes at least one adult, whoever came."""
    of_kind: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        of_kind[row.hotel, row.room_type].append(row)
    return {
        kind: RoomKind(
            max_adults=max(1, *(row.adults for row in bookings)),
            max_children=max(len(row.child_ages) for row in bookings),
            average_price=sum((row.price for row in bookings), Decimal(0)) / len(bookings),
        )
        for kind, bookings in of_kind.items()
    }


def _keys(row: Row) -> Iterator[int]:
    yield _key(row.booked_on, Phase.BOOKINGS, row.line)
    match row.ending:
        case Ending.STAYED:
            yield _key(row.arrival, Phase.ARRIVALS, row.line)
            # Who leaves on the day of arrival can't leave before arriving.
            left = Phase.DEPARTURES if row.ended_on > row.arrival else Phase.SAME_DAY_DEPARTURES
            yield _key(row.ended_on, left, row.line)
        case Ending.CANCELLED:
            earlier = row.ended_on > row.booked_on
            yield _key(row.ended_on, Phase.EARLIER_CANCELLED if earlier else Phase.SAME_DAY_CANCELLED, row.line)
        case Ending.NO_SHOW:
            yield _key(row.arrival, Phase.ARRIVALS, row.line)


def _key(day: date, phase: Phase, line: int) -> int:
    return ((day.toordinal() << _PHASE_BITS | phase) << _LINE_BITS) | line


def _action(row: Row, phase: Phase) -> Action:
    match phase:
        case Phase.BOOKINGS:
            return Action.BOOK
        case Phase.ARRIVALS:
            return Action.CHECK_IN if row.ending is Ending.STAYED else Action.NO_SHOW
        case Phase.DEPARTURES | Phase.SAME_DAY_DEPARTURES:
            return Action.CHECK_OUT
        case Phase.EARLIER_CANCELLED | Phase.SAME_DAY_CANCELLED:
            return Action.CANCEL
        case Phase.OPENING:
            raise AssertionError("no booking's step belongs to the opening")
