"""Why a question can't be answered; what HTTP makes of these is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far the read model of a hotel is, and how far it was asked to be."""

    hotel_id: UUID
    wanted: int
    reached: int
    parked: bool


class PositionNotReached(Exception):
    """The read model didn't reach the position asked for within the time that a query waits."""

    def __init__(self, positions: Sequence[Lag]) -> None:
        super().__init__("The read model hasn't reached the position asked for.")
        self.positions = tuple(positions)


class BadParameter(Exception):
    """A parameter or header whose value can't be used."""

    def __init__(self, name: str, reason: str, place: str = "query") -> None:
        super().__init__(f"{name} can't be used: {reason}")
        self.name = name
        self.reason = reason
        self.place = place


class ReadSideUnavailable(Exception):
    """The database with the read tables can't be reached right now."""

    def __init__(self) -> None:
        super().__init__("The read tables can't be reached right now.")


class NotFound(Exception):
    """What a path or a lookup names isn't there, or isn't for whoever asks."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class NotThereThen(Exception):
    """What is asked about wasn't there yet at the instant that the question is about."""

    def __init__(self, what: str) -> None:
        super().__init__(f"At that instant the {what} wasn't there yet.")
        self.what = what


class UnknownReport(Exception):
    """There is no report of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no report {name[:40]!r}. There are: {', '.join(known)}.")
        self.known = tuple(known)


class TooManyStreams(Exception):
    """As many streams are open as one account, or one process, may have."""

    def __init__(self, most: int, whose: str) -> None:
        super().__init__(f"{most} streams are open {whose}. Close one, or try again later.")
        self.most = most
