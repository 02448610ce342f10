"""The plain model that both state machines compare with; it shares no code with the rules."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

import orjson


class Happened(Protocol):
    """What the model reads of an event."""

    @property
    def seq(self) -> int: ...
    @property
    def stream_id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def data(self) -> str: ...


@dataclass
class Stay:
    """A booking as the model knows it: what it claims of which nights, and as what."""

    nights: list[date]
    rooms: int
    state: str
    due: bool
    version: int = 1


@dataclass
class Model:
    """What the ledger's events say, in the plainest words, and how full each night was after each of them."""

    rooms: int
    stays: dict[UUID, Stay] = field(default_factory=dict)
    full_after: dict[int, Counter[date]] = field(default_factory=dict)

    def apply(self, event: Happened) -> None:
        """Take in one event."""
        data = orjson.loads(event.data)
        if event.type in ("BookingHeld", "BookingMade"):
            line = data["lines"][0]
            first, until = date.fromisoformat(line["arrival"]), date.fromisoformat(line["departure"])
            held = event.type == "BookingHeld"
            self.stays[event.stream_id] = Stay(
                nights=[first + timedelta(days=day) for day in range((until - first).days)],
                rooms=len(data["lines"]),
                state="held" if held else "sold",
                due=held and data["hold_until"] <= event.recorded_at.isoformat().replace("+00:00", "Z"),
            )
        elif event.stream_id in self.stays:
            stay = self.stays[event.stream_id]
            stay.version += 1
            assert event.version == stay.version
            match event.type:
                case "BookingConfirmed":
                    assert stay.state == "held"
                    assert not stay.due
                    stay.state = "sold"
                case "LinesCancelled" | "BookingExpired":
                    assert stay.state in ("held", "sold")
                    stay.nights, stay.state = [], "gone"
                case "GuestsCheckedIn":
                    assert stay.state == "sold"
                    stay.state = "in"
                case "GuestsCheckedOut":
                    assert stay.state == "in"
                    left = date.fromisoformat(data["departed_on"])
                    stay.nights, stay.state = [night for night in stay.nights if night < left], "out"
                case "NoShowRecorded":
                    assert stay.state == "sold"
                    stay.nights, stay.state = stay.nights[:1], "no-show"
                case other:
                    raise AssertionError(other)
        claimed, blocking = self._claims(with_due=True), self._claims(with_due=False)
        assert max(claimed.values(), default=0) <= self.rooms, f"oversold after seq {event.seq}: {claimed}"
        self.full_after[event.seq] = blocking

    def _claims(self, *, with_due: bool) -> Counter[date]:
        claims: Counter[date] = Counter()
        for stay in self.stays.values():
            if with_due or not (stay.state == "held" and stay.due):
                claims.update(dict.fromkeys(stay.nights, stay.rooms))
        return claims

    def guard(self) -> dict[date, tuple[int, int, int]]:
        """The night rows as they should be."""
        sold: Counter[date] = Counter()
        held: Counter[date] = Counter()
        for stay in self.stays.values():
            (held if stay.state == "held" else sold).update(dict.fromkeys(stay.nights, stay.rooms))
        return {night: (self.rooms, sold[night], held[night]) for night in sold | held}
