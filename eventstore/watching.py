"""What the appender tells about its work to whoever measures it. A watch returns at once and never raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eventstore.submission import Acknowledged, Command, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """One transaction that has been committed: its commands, and when it began and ended (ns since 1970)."""

    submissions: Sequence[Submission]
    events: int
    began_ns: int
    ended_ns: int


class AppendWatch(Protocol):
    """Is told what becomes of commands and of batches."""

    def decided(self, command: Command, outcome: Acknowledged | Exception) -> None:
        """A command has been answered, or has failed."""

    def appended(self, batch: Appended) -> None:
        """A batch is committed."""
