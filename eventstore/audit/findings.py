"""What a check tells: what is wrong and where, and how far what is right was signed."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

type Kind = Literal["changed", "missing", "misplaced", "rewritten", "cut off", "head", "signature", "unsigned", "file"]
"""changed: an event isn't what its hash says. missing, misplaced: the numbering has a gap, or something too many.
rewritten: the hash of an event isn't the one that was signed. cut off: the ledger ends before an event that was signed.
head: the ledger's own note of its last event is another. signature: it doesn't fit, or by a key that isn't known.
unsigned: nothing of the hotel is signed by a trusted key. file: a line that can't be read, or the end is missing."""

_MOST_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: in which hotel, at which event (or line, for a file), and what."""

    kind: Kind
    facts: str
    hotel_id: UUID | None = None
    seq: int | None = None

    def __str__(self) -> str:
        hotel = "" if self.hotel_id is None else f"hotel {self.hotel_id}: "
        event = "" if self.seq is None else f"event {self.seq}: "
        return f"{hotel}{event}{self.kind}: {self.facts}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many events a hotel has, and up to which of them a counted signature vouches: 0 for none. Microseconds."""

    hotel_id: UUID
    events: int
    signed_seq: int = 0
    signed_us: int = 0
    key_id: str = ""


@dataclass(slots=True)
class Checked:
    """The outcome of a check. Of many findings the first are kept, and all are counted."""

    coverage: list[Coverage] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    found: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        """How many events were checked."""
        return sum(hotel.events for hotel in self.coverage)

    def note(self, finding: Finding) -> None:
        """Take a finding in."""
        self.found += 1
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(finding)
