"""What the projectors tell about their work to whoever measures it. A watch returns at once and never raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from eventstore.reading import RecordedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """A batch of one hotel's events that is now in the read tables, and when that began and ended (ns since 1970)."""

    projection: str
    hotel_id: UUID
    events: Sequence[RecordedEvent]
    began_ns: int
    ended_ns: int


class ProjectionWatch(Protocol):
    """Is told what projectors do."""

    def projected(self, batch: Projected) -> None:
        """A batch is committed."""

    def parked(self, projection: str) -> None:
        """A hotel's projection has stopped before an event that can't be applied."""
