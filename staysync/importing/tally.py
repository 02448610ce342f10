"""Counts rooms through a history, step by step: how many of each type are sold, how many are given to guests.

It is what the ledger guards, without the ledger: for how many rooms are enough, and for what a run before this one was
refused, since the ledger keeps no refusals.
"""

from collections.abc import Iterable

from staysync.importing.hotel_demand import Row

type NightOfHotel = tuple[str, str, int]
"""Hotel, room type, and the night as the ordinal of its date."""


class Counts(dict[NightOfHotel, int]):
    """Counts that begin at zero."""

    def __missing__(self, key: NightOfHotel) -> int:
        return 0


class Tally:
    """Rooms by hotel, type and night.

    `sold` is what bookings claim, `given` how many rooms guests have in a night. `stayed_on` is how many of these they
    had the night before as well: such a room isn't there for a day use. Why these numbers decide whether a room can be
    given, though the ledger looks at each room by itself: an import gives rooms to guests on the day they arrive (and
    takes those of bookings that end before that back at once), so whoever has a room has it since today or earlier, and
    a room that is free in a stay's first night is free for all of it.
    """

    def __init__(self) -> None:
        self.sold = Counts()
        self.given = Counts()
        self.stayed_on = Counts()
        self._rooms: dict[int, tuple[str, int]] = {}
        """By line, the type of the room that it has, and its first night in it."""

    def book(self, row: Row) -> Iterable[NightOfHotel]:
        """A booking is made; the nights that it claims."""
        claimed = [(row.hotel, row.room_type, night) for night in _nights(row, row.arrival.toordinal())]
        for night in claimed:
            self.sold[night] += 1
        return claimed

    def give(self, row: Row, room_type: str, today: int) -> Iterable[NightOfHotel]:
        """A line gets a room of a type, from its arrival or today on; the nights that it claims of another type.

        Nothing changes where no night is left.
        """
        first = max(row.arrival.toordinal(), today)
        left = _nights(row, first)
        if not left and not row.is_day_use:
            return ()
        moved = []
        for night in left:
            key = (row.hotel, room_type, night)
            if room_type != row.room_type:
                self.sold[row.hotel, row.room_type, night] -= 1
                self.sold[key] += 1
                moved.append(key)
            self.given[key] += 1
            if night > first:
                self.stayed_on[key] += 1
        self._rooms[row.line] = (room_type, first)
        return moved

    def has_room(self, row: Row) -> bool:
        """Whether a line has a room."""
        return row.line in self._rooms

    def free(self, row: Row, sold_from: int, given_from: int) -> None:
        """A line ends: nights from the one on aren't sold to it any more, and its room is free from the other on."""
        room_type, first = self._rooms.pop(row.line, (row.room_type, 0))
        had_room = first > 0
        for night in _nights(row, row.arrival.toordinal()):
            key = (row.hotel, room_type if night >= first else row.room_type, night)
            if night >= sold_from:
                self.sold[key] -= 1
            if had_room and night >= max(first, given_from):
                self.given[key] -= 1
                if night > first:
                    self.stayed_on[key] -= 1

    def taken(self, row: Row, room_type: str, today: int) -> int:
        """How many rooms of a type can't be given to a line now."""
        first = max(row.arrival.toordinal(), today)
        return (self.stayed_on if row.is_day_use else self.given)[row.hotel, room_type, first]


def _nights(row: Row, first: int) -> range:
    return range(first, row.departure.toordinal())
