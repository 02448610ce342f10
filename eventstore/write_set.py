"""Everything that one append writes, column by column, as `append.sql` wants it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from domain.stock import Claim, Claims
from eventstore.guest_keys import WrappedKey
from eventstore.submission import Answer, IdempotencyKey

_HEAD_COLUMNS, _NIGHT_COLUMNS, _EVENT_COLUMNS, _ANSWER_COLUMNS = 7, 5, 11, 7
_REFERENCE_COLUMNS, _KEY_COLUMNS, _HOLD_COLUMNS, _ENDED_COLUMNS = 3, 4, 7, 3
_ROOM_STAY_COLUMNS, _ENDED_STAY_COLUMNS, _ERASED_COLUMNS = 6, 5, 2

type HoldKey = tuple[UUID, UUID, int]
"""Hotel, booking, line."""
type Hold = tuple[str, date, date, datetime]
"""Room type, arrival, departure, and until when."""
type RoomStayKey = tuple[UUID, UUID, int, str, date]
"""Hotel, booking, line, room, first night."""


class WriteSet:
    """The rows of a batch. Night claims are summed; holds and room stays that begin and end in it leave no row."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, after what was in it has been written."""
        self.heads: list[tuple[UUID, int, int, bytes, datetime, datetime, int]] = []
        self.events: list[tuple[UUID, int, UUID, int, int, str, datetime, datetime, bytes, str, str]] = []
        self._nights: dict[UUID, Claims] = {}
        self._answers: list[tuple[UUID, str, str, bytes, int, bytes, datetime]] = []
        self._references: list[tuple[str, UUID, UUID]] = []
        self._keys: list[tuple[UUID, UUID, str, bytes]] = []
        self._holds: dict[HoldKey, Hold] = {}
        self._changed_holds: set[HoldKey] = set()
        self._ended: list[HoldKey] = []
        self._room_stays: dict[RoomStayKey, date] = {}
        self._ended_stays: list[RoomStayKey] = []
        self._erased: list[tuple[UUID, UUID]] = []

    def claim(self, hotel_id: UUID, changes: Claims) -> None:
        """Add what a decision claims, or frees where it is negative."""
        nights = self._nights.setdefault(hotel_id, {})
        for key, claim in changes.items():
            old = nights.get(key)
            nights[key] = claim if old is None else Claim(old.sold + claim.sold, old.held + claim.held)

    def answer(self, hotel_id: UUID, key: IdempotencyKey, answer: Answer, recorded_at: datetime) -> None:
        """Keep the answer that repeats of this request will get."""
        self._answers.append(
            (hotel_id, key.principal, key.key, key.fingerprint, answer.status, answer.body, recorded_at)
        )

    def reference(self, reference: str, hotel_id: UUID, booking_id: UUID) -> None:
        """Claim a booking reference."""
        self._references.append((reference, hotel_id, booking_id))

    def guest_key(self, hotel_id: UUID, key: WrappedKey) -> None:
        """Keep a guest's wrapped key."""
        self._keys.append((hotel_id, key.guest_id, key.master_key, key.wrapped))

    def erase(self, hotel_id: UUID, guest_id: UUID) -> None:
        """Destroy a guest's key."""
        self._erased.append((hotel_id, guest_id))

    def hold(self, key: HoldKey, hold: Hold, *, opens: bool) -> None:
        """Keep a hold as it is now, one that this decision `opens` or changes."""
        if not opens and key not in self._holds:
            self._changed_holds.add(key)
        self._holds[key] = hold

    def end_hold(self, key: HoldKey) -> None:
        """End a hold; one that this very batch has opened leaves no trace."""
        if self._holds.pop(key, None) is None or key in self._changed_holds:
            self._ended.append(key)

    def room_stay(self, key: RoomStayKey, until: date) -> None:
        """Give a line a room up to a date."""
        self._room_stays[key] = until

    def end_room_stay(self, key: RoomStayKey) -> None:
        """Take a room back, also one that this very batch has given."""
        if self._room_stays.pop(key, None) is None:
            self._ended_stays.append(key)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.events or self._answers)

    def parameters(self) -> list[list[Any]]:
        """The append's parameters, $1 to $53."""
        nights = [
            (hotel_id, *key, *claim)
            for hotel_id, claims in self._nights.items()
            for key, claim in claims.items()
            if claim.sold or claim.held
        ]
        holds = [(*key, *hold) for key, hold in self._holds.items()]
        room_stays = [
            (hotel_id, room, first, until, booking_id, line)
            for (hotel_id, booking_id, line, room, first), until in self._room_stays.items()
        ]
        return [
            *_columns(self.heads, _HEAD_COLUMNS),
            *_columns(nights, _NIGHT_COLUMNS),
            *_columns(self.events, _EVENT_COLUMNS),
            *_columns(self._answers, _ANSWER_COLUMNS),
            *_columns(self._references, _REFERENCE_COLUMNS),
            *_columns(self._keys, _KEY_COLUMNS),
            *_columns(holds, _HOLD_COLUMNS),
            *_columns(self._ended, _ENDED_COLUMNS),
            *_columns(room_stays, _ROOM_STAY_COLUMNS),
        ]

    def ended_room_stays(self) -> list[list[Any]] | None:
        """The parameters of the statement that takes rooms back, None where there are none."""
        return _columns(self._ended_stays, _ENDED_STAY_COLUMNS) if self._ended_stays else None

    def erased_guests(self) -> list[list[Any]] | None:
        """The parameters of the statement that destroys guests' keys, None where there are none."""
        return _columns(self._erased, _ERASED_COLUMNS) if self._erased else None


def _columns(rows: list[Any], count: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
