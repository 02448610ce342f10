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
from staysync.importing.tally import NightOfHotel, Tally

TIMEZONE = "Europe/Lisbon"
BUSINESS_DAY_ROLLS_AT = time(4, 0)


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
# step comes as many milliseconds later as its line's number, and those of one line a microsecond apart, so that no two
# steps of a hotel share an instant: the ledger's last instant then says exactly how far an import came.
_LOCAL_TIMES = {
    Phase.OPENING: time(6, 0),
    Phase.DEPARTURES: time(9, 0),
    Phase.EARLIER_CANCELLED: time(10, 0),
    Phase.BOOKINGS: time(12, 0),
    Phase.ARRIVALS: time(15, 0),
    Phase.SAME_DAY_CANCELLED: time(18, 0),
    Phase.SAME_DAY_DEPARTURES: time(21, 0),
}
_TURN_BITS = 2
_LINE_BITS = 20
_PHASE_BITS = 3
assert MAX_LINES < 1 << _LINE_BITS  # noqa: S101 - two constants that must fit each other


class Action(StrEnum):
    """What a step does; also the end of its idempotency key, by which the ledger tells that it is done."""

    BOOK = "book"
    MOVE = "move"
    """A room of the type that the source says, where that isn't the one booked."""
    ASSIGN = "assign"
    """A room of the type booked, for a guest who arrives; without effect where the move has given them one."""
    CHECK_IN = "check-in"
    CHECK_OUT = "check-out"
    CANCEL = "cancel"
    NO_SHOW = "no-show"


LAST_OF_LIFE = frozenset({Action.CHECK_OUT, Action.CANCEL, Action.NO_SHOW})
"""With one of these a booking's life ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to one booking, on the hotel's business date `day`."""

    row: Row
    action: Action
    occurred_at: datetime
    day: date


class Plan:
    """The steps of a history in the order in which they happened: by day, phase of the day, line."""

    def __init__(self, history: History) -> None:
        self.history = history
        # A step is one number, so that hundreds of thousands are small and sorted fast: day, phase, line, turn.
        keys = [key for row in history.rows.values() for key in _keys(row)]
        keys.sort()
        self._keys = array("Q", keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Step]:
        rows = self.history.rows
        for key in self._keys:
            turn = key & _ones(_TURN_BITS)
            line = key >> _TURN_BITS & _ones(_LINE_BITS)
            phase = Phase(key >> _TURN_BITS + _LINE_BITS & _ones(_PHASE_BITS))
            day = date.fromordinal(key >> _TURN_BITS + _LINE_BITS + _PHASE_BITS)
            row = rows[line]
            yield Step(
                row=row,
                action=_actions(row.ending, phase, moved=row.is_moved)[turn],
                occurred_at=phase_begins(day, phase) + timedelta(milliseconds=line, microseconds=turn),
                day=day,
            )

    def first_days(self) -> dict[str, date]:
        """The day of each hotel's first booking."""
        first: dict[str, date] = {}
        for row in self.history.rows.values():
            first[row.hotel] = min(first.get(row.hotel, date.max), row.booked_on)
        return first

    def most_wanted(self) -> dict[tuple[str, str], int]:
        """How many rooms of each hotel and type were wanted at one time, so that with as many nothing is refused.

        For a night those are the rooms sold, the later cancelled included; for the day of a day use that is given a
        room, those in which guests stay on, and one more.
        """
        most = {
            (row.hotel, code): 0 for row in self.history.rows.values() for code in (row.room_type, row.assigned_type)
        }
        tally = Tally()
        for step in self:
            row = step.row
            if row.is_day_use and (room_type := given_by(step, tally)) is not None:
                kind = (row.hotel, room_type)
                most[kind] = max(most[kind], tally.taken(row, room_type, step.day.toordinal()) + 1)
            for night in apply(tally, step):
                kind = night[:2]
                most[kind] = max(most[kind], tally.sold[night])
        return most


@cache
def phase_begins(day: date, phase: Phase) -> datetime:
    """The instant at which a phase of a day begins, in UTC."""
    return datetime.combine(day, _LOCAL_TIMES[phase], zone(TIMEZONE)).astimezone(UTC)


def given_by(step: Step, tally: Tally) -> str | None:
    """The type of which a step wants a room for its guest, if it does."""
    if step.action is Action.MOVE:
        return step.row.assigned_type
    if step.action is Action.ASSIGN and not tally.has_room(step.row):
        return step.row.room_type
    return None


def apply(tally: Tally, step: Step) -> Iterable[NightOfHotel]:
    """Count what a step that succeeds claims, gives or frees; returns the nights that it claims."""
    row = step.row
    match step.action:
        case Action.BOOK:
            return tally.book(row)
        case Action.MOVE | Action.ASSIGN:
            room_type = given_by(step, tally)
            return () if room_type is None else tally.give(row, room_type, step.day.toordinal())
        case Action.CHECK_IN:
            pass
        case Action.CANCEL:
            tally.free(row, sold_from=0, given_from=0)
        case Action.NO_SHOW:
            tally.free(row, sold_from=row.arrival.toordinal() + 1, given_from=0)
        case Action.CHECK_OUT:
            left_on = row.ended_on.toordinal()
            tally.free(row, sold_from=left_on, given_from=left_on)
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKind:
    """What a history says about a hotel's room type: the largest party in it, and what a night cost on average."""

    max_adults: int
    max_children: int
    average_price: Decimal


def room_kinds(rows: Iterable[Row]) -> dict[tuple[str, str], RoomKind]:
    """The room types of each hotel, those booked and those given. Every one takes at least one adult, whoever came.

    What a type costs is what its bookings paid. Of one that was never booked, only given, it is what those paid who
    were given it: the source knows no other price for it.
    """
    booked: dict[tuple[str, str], list[Row]] = defaultdict(list)
    given: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        booked[row.hotel, row.room_type].append(row)
        given[row.hotel, row.assigned_type].append(row)
    return {
        kind: RoomKind(
            max_adults=max(1, *(row.adults for row in (*booked[kind], *given[kind]))),
            max_children=max(len(row.child_ages) for row in (*booked[kind], *given[kind])),
            average_price=_average_price(booked[kind] or given[kind]),
        )
        for kind in booked.keys() | given.keys()
    }


def _average_price(rows: list[Row]) -> Decimal:
    return sum((row.price for row in rows), Decimal(0)) / len(rows)


def _keys(row: Row) -> Iterator[int]:
    yield from _turns(row, row.booked_on, Phase.BOOKINGS)
    match row.ending:
        case Ending.STAYED:
            yield from _turns(row, row.arrival, Phase.ARRIVALS)
            # Who leaves on the day of arrival can't leave before arriving.
            yield from _turns(
                row, row.ended_on, Phase.DEPARTURES if row.ended_on > row.arrival else Phase.SAME_DAY_DEPARTURES
            )
        case Ending.CANCELLED:
            earlier = row.ended_on > row.booked_on
            yield from _turns(row, row.ended_on, Phase.EARLIER_CANCELLED if earlier else Phase.SAME_DAY_CANCELLED)
        case Ending.NO_SHOW:
            yield from _turns(row, row.arrival, Phase.ARRIVALS)


def _turns(row: Row, day: date, phase: Phase) -> Iterator[int]:
    begins = (day.toordinal() << _PHASE_BITS | phase) << _LINE_BITS | row.line
    for turn in range(len(_actions(row.ending, phase, moved=row.is_moved))):
        yield begins << _TURN_BITS | turn


@cache
def _actions(ending: Ending, phase: Phase, *, moved: bool) -> tuple[Action, ...]:
    """What a booking with this end goes through in a part of a day, one after the other.

    The source doesn't say when a room was given. Who stayed gets it on arrival, whoever didn't come right before that
    is known: so no room is kept from anybody for a guest who may never come.
    """
    move = (Action.MOVE,) if moved else ()
    match phase:
        case Phase.BOOKINGS:
            return (Action.BOOK,)
        case Phase.ARRIVALS if ending is Ending.STAYED:
            return (*move, Action.ASSIGN, Action.CHECK_IN)
        case Phase.ARRIVALS:
            return (*move, Action.NO_SHOW)
        case Phase.DEPARTURES | Phase.SAME_DAY_DEPARTURES:
            return (Action.CHECK_OUT,)
        case Phase.EARLIER_CANCELLED | Phase.SAME_DAY_CANCELLED:
            return (*move, Action.CANCEL)
        case Phase.OPENING:
            raise AssertionError("no booking's step belongs to the opening")


def _ones(bits: int) -> int:
    return (1 << bits) - 1
