"""Physical rooms: who has which room in which nights, and which room suits a stay best."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from domain.rejections import RoomTaken, TakenBy

SHORT_GAP_NIGHTS = 2
"""A gap of so many nights, or fewer, between two stays of a room is hard to sell."""
LOOK_AROUND_NIGHTS = SHORT_GAP_NIGHTS + 1
"""How far before and after a stay its neighbours matter: a longer gap is never short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStay:
    """A line's time in one room: the nights [first, until). A day use has a room and no night: first equals until."""

    room: str
    first: date
    until: date


class Occupied(NamedTuple):
    """The nights [first, until) in which a line has a room; a booking that looks at its own lines knows no id."""

    first: date
    until: date
    booking_id: UUID | None
    line: int


type Occupancy = Mapping[str, Collection[Occupied]]
"""Who has each room, in no particular order; a room that nobody has may be absent."""


class Period(NamedTuple):
    """The nights [first, until)."""

    first: date
    until: date

    def overlaps(self, first: date, until: date) -> bool:
        """Whether any night is also in [first, until)."""
        return self.first < until and first < self.until


class Candidate(NamedTuple):
    """A room that could be given: what it offers, and the nights in which it can't be given."""

    room: str
    features: frozenset[str]
    taken: Collection[Period | Occupied]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A stay that needs a room for the nights [first, until), with at least these features."""

    line: int
    first: date
    until: date
    features: frozenset[str]


def refuse_if_taken(room: str, stays: Iterable[Occupied], first: date, until: date) -> None:
    """Raises RoomTaken, naming every stay of the room that shares a night with [first, until)."""
    taken = sorted(
        (stay for stay in stays if stay.first < until and first < stay.until), key=lambda stay: (stay.first, stay.line)
    )
    if taken:
        raise RoomTaken(
            room=room,
            stays=tuple(
                TakenBy(booking_id=stay.booking_id, line=stay.line, first=stay.first, until=stay.until)
                for stay in taken
            ),
        )


def best_rooms(wanted: Sequence[Wanted], candidates: Sequence[Candidate]) -> dict[int, str] | None:
    """A room for each of the stays, by line, each room given once at most; None where there aren't enough that fit.

    Each stay gets the room that suits it best among those left: the fewest short gaps before and after, then the
    snuggest fit between its neighbours, then no features that nobody asked for, then the room's name. Where a later
    stay finds nothing left, earlier ones give way if they have another room (augmenting paths, H. W. Kuhn 1955).
    """
    if len(wanted) == 1:  # by far the most frequent: the best one, without an order of all
        fitting = _fitting(wanted[0], candidates)
        return {wanted[0].line: min(fitting)[-1]} if fitting else None
    choices = {stay.line: [room for *_, room in sorted(_fitting(stay, candidates))] for stay in wanted}
    given: dict[str, int] = {}
    for stay in wanted:
        if not _find_room(stay.line, choices, given, set()):
            return None
    return {line: room for room, line in given.items()}


def _find_room(line: int, choices: Mapping[int, Sequence[str]], given: dict[str, int], tried: set[str]) -> bool:
    for room in choices[line]:
        if room not in given:
            given[room] = line
            return True
    for room in choices[line]:
        if room not in tried:
            tried.add(room)
            if _find_room(given[room], choices, given, tried):
                given[room] = line
                return True
    return False


type _Fit = tuple[int, int, int, str]
"""Short gaps, nights between its neighbours as far as they matter, features too many, the room: the least is best."""


def _fitting(stay: Wanted, candidates: Iterable[Candidate]) -> list[_Fit]:
    """How each room suits a stay, of those that it can have."""
    # For every assignment all rooms of a type are looked at, so this is written for speed: one pass, nothing made.
    first, until, features = stay.first, stay.until, stay.features
    fitting: list[_Fit] = []
    for candidate in candidates:
        if not features <= candidate.features:
            continue
        before = after = LOOK_AROUND_NIGHTS
        for taken in candidate.taken:
            if taken[0] < until and first < taken[1]:
                break
            if taken[1] <= first:
                before = min(before, (first - taken[1]).days)
            if taken[0] >= until:
                after = min(after, (taken[0] - until).days)
        else:
            short = (0 < before <= SHORT_GAP_NIGHTS) + (0 < after <= SHORT_GAP_NIGHTS)
            fitting.append((short, before + after, len(candidate.features) - len(features), candidate.room))
    return fitting
