"""What a fold has applied, counted and summed up, so that an event left out or applied twice can't go unseen.

The checksum is rolling: SHA-256 over the checksum before and the hash of the event that was applied. It depends on each
event, on how often it was applied, and on the order. What it should be is computed from the ledger's hashes alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

NO_CHECKSUM = bytes(32)


@dataclass(frozen=True, slots=True)
class Applied:
    """How many events were applied, and their rolling checksum."""

    count: int = 0
    checksum: bytes = NO_CHECKSUM

    def with_events(self, hashes: Iterable[bytes]) -> "Applied":
        """After more events, in this order."""
        count, checksum = self.count, self.checksum
        for event_hash in hashes:
            checksum = sha256(checksum + event_hash).digest()
            count += 1
        return Applied(count, checksum)


NOTHING = Applied()
