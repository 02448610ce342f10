"""Nights that this process has written last, kept in memory for the next batch.

Nights change only together with their hotel's head, under its lock. So what was known after this process's last commit
is still true when the head, locked again, has the same seq: nothing has to be read. Another process's append moves the
seq, and then everything is read afresh. Whatever the cache holds, the append's own check has the last word.
"""

from collections import OrderedDict
from uuid import UUID

from domain.stock import NightKey, NightStock

MOST_NIGHTS = 60_000
"""How many nights are kept at most, of all hotels together; about 300 bytes each."""


class NightCache:
    """The nights of the hotels that were written most recently."""

    def __init__(self, most_nights: int = MOST_NIGHTS) -> None:
        self._most_nights = most_nights
        self._kept: OrderedDict[UUID, tuple[int, dict[NightKey, NightStock]]] = OrderedDict()
        self._count = 0

    def take(self, hotel_id: UUID, seq: int) -> dict[NightKey, NightStock]:
        """The nights known as of `seq`. They are the caller's now, to change and, after the commit, to put back."""
        known = self._kept.pop(hotel_id, None)
        if known is None:
            return {}
        self._count -= len(known[1])
        return known[1] if known[0] == seq else {}

    def put(self, hotel_id: UUID, seq: int, nights: dict[NightKey, NightStock]) -> None:
        """Keep the nights as they are after a commit that moved the head to `seq`."""
        if not nights or hotel_id in self._kept:
            return
        self._kept[hotel_id] = (seq, nights)
        self._count += len(nights)
        while self._count > self._most_nights:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._count -= len(dropped)
