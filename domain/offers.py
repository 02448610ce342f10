"""What a party of several rooms can be offered: which room types sell a stay, and the cheapest rooms that take all.

The rules of a stay are those of `domain.selling`, which decides a booking night by night; here they are asked of whole
ranges of nights at once, since a search looks at many stays. A test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MILLE = 1000
"""Prices are counted here in thousandths of the currency's unit: whole numbers, exact for every currency."""

STOP_SELL, CLOSED_TO_ARRIVAL, CLOSED_TO_DEPARTURE = 1, 2, 4
MINIMUM_STAY = 8
"""A night's rules in one number: the three flags, and this many times the minimum stay."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who stays in one room. `child_ages` is absent where only their number was said."""

    adults: int
    children: int
    child_ages: tuple[int, ...] | None = None


@dataclass(slots=True, eq=False)
class TypeNights:
    """A room type over consecutive nights, counted from the first of them.

    `free` is how many rooms can be sold of each, -1 where the night isn't on sale; `prices` are in thousandths.
    """

    code: str
    name: str
    max_adults: int
    max_children: int
    free: list[int]
    prices: list[int]
    rules: list[int]

    def takes(self, party: Party) -> bool:
        """Whether a party may stay in a room of this type."""
        return party.adults <= self.max_adults and party.children <= self.max_children

    def sells(self, arrival: int, length: int) -> int:
        """How many rooms can be sold for a whole stay, 0 where a rule forbids it."""
        departure = arrival + length
        least = min(self.free[arrival:departure])
        if least < 1:
            return 0
        rules = self.rules
        first = rules[arrival]
        if first & CLOSED_TO_ARRIVAL or first >= MINIMUM_STAY * (length + 1):
            return 0
        if rules[departure] & CLOSED_TO_DEPARTURE:  # the day of departure, whose night isn't part of the stay
            return 0
        for rule in rules[arrival:departure]:
            if rule & STOP_SELL:
                return 0
        return least

    def price(self, arrival: int, length: int) -> int:
        """What one room costs for a stay, in thousandths."""
        return sum(self.prices[arrival : arrival + length])


class Room(NamedTuple):
    """Rooms of one type that a stay can have: what one costs for all nights, in thousandths, and how many are left."""

    price: int
    code: str
    free: int
    kind: TypeNights


@dataclass(slots=True)
class _Matching:
    """Parties and the rooms that they were given."""

    parties: Sequence[Party]
    given: dict[int, Room] = field(default_factory=dict)

    def seat(self, room: Room, asked: set[int]) -> bool:
        """Give one more room of this type to somebody, moving others to where they also fit. False if nobody can."""
        takers = [index for index, party in enumerate(self.parties) if index not in asked and room.kind.takes(party)]
        for index in takers:
            if index not in self.given:
                self.given[index] = room
                return True
        for index in takers:
            if index in asked:
                continue
            asked.add(index)
            if self.seat(self.given[index], asked):
                self.given[index] = room
                return True
        return False


def sellable(kinds: Sequence[TypeNights], arrival: int, length: int) -> list[Room]:
    """The room types that sell a stay, the cheapest first."""
    rooms = [
        Room(kind.price(arrival, length), kind.code, free, kind)
        for kind in kinds
        if (free := kind.sells(arrival, length)) > 0
    ]
    rooms.sort()  # by price and code, which no two types share
    return rooms


def cheapest_rooms(parties: Sequence[Party], rooms: Sequence[Room]) -> list[Room] | None:
    """A room for each party, in their order, so that all together cost least; None where not all find one.

    `rooms` are sorted by price. A room costs the same whoever has it, so the sets of rooms in which everybody can be
    seated form a transversal matroid, and taking the cheapest room that still helps, one by one, is optimal (Edmonds
    and Fulkerson 1965). What didn't help once never will.
    """
    if len(parties) == 1:  # most searches
        party = parties[0]
        return next(([room] for room in rooms if room.kind.takes(party)), None)
    if sum(room.free for room in rooms) < len(parties):
        return None
    matching = _Matching(parties)
    for room in rooms:
        for _ in range(room.free):
            if not matching.seat(room, set()):
                break
            if len(matching.given) == len(parties):
                return [matching.given[index] for index in range(len(parties))]
    return None
