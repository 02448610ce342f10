"""Follows one hotel's events and holds them against their hashes, their numbering, and the heads that were signed."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from eventstore.audit.findings import Coverage, Finding
from eventstore.audit.heads import SignedHead
from eventstore.audit.trust import Trust, grouped
from eventstore.chain import GENESIS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def said(instant_us: int) -> str:
    """An instant for people, to the second, from microseconds since 1970-01-01 UTC."""
    try:
        return f"{_EPOCH + timedelta(microseconds=instant_us):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return f"{instant_us} µs after 1970"


class ChainCheck:
    """The check of one hotel. Events are taken in the order in which they stand; the heads are genuine ones.

    `previous` is what the hash of the next event must be computed with. After an event that doesn't fit, the check goes
    on from the hash that stands there: so what is named is what was changed, not everything after it.
    """

    def __init__(
        self, hotel_id: UUID, heads: Iterable[SignedHead], trust: Trust, note: Callable[[Finding], None]
    ) -> None:
        self.seq = 0
        self.previous = GENESIS
        self._hotel_id = hotel_id
        self._heads = grouped(heads, lambda head: head.seq)
        self._trust = trust
        self._note = note
        self._count = 0
        self._coverage = Coverage(hotel_id, 0)

    def take(self, seq: int, stored: bytes, computed: bytes) -> None:
        """The next event: the hash that stands with it, and the one that it should have after `previous`."""
        if seq != self.seq + 1:
            self._misnumbered(seq)
        if stored != computed:
            facts = "what it says isn't what its hash was made of: it, its hash or the event before it was changed"
            self._note(Finding("changed", facts, self._hotel_id, seq))
        if seq in self._heads:
            self._hold_against(self._heads.pop(seq), stored)
        self._count += 1
        self.seq = max(seq, self.seq)
        self.previous = stored

    def end(self, head: tuple[int, bytes] | None) -> Coverage:
        """No more events; `head` is the ledger's own note of the last one."""
        self._hold_end_against(head)
        for seq, heads in sorted(self._heads.items()):
            for signed in heads:
                facts = f"it was there when it was signed at {said(signed.signed_us)} by {signed.key_id}; "
                if seq > self.seq:
                    facts += f"now the ledger ends with {self.seq}"
                    self._note(Finding("cut off", facts, self._hotel_id, seq))
                else:
                    self._note(Finding("missing", f"{facts}now it is gone", self._hotel_id, seq))
        if self._trust.is_anchored and not self._coverage.signed_seq:
            facts = "no event of it is vouched for by a trusted key"
            self._note(Finding("unsigned", facts, self._hotel_id))
        return replace(self._coverage, events=self._count)

    def _hold_end_against(self, head: tuple[int, bytes] | None) -> None:
        if head is None:
            self._note(Finding("head", "the ledger has no note of its last event", self._hotel_id))
        elif head != (self.seq, self.previous):
            which = "is of another hash" if head[0] == self.seq else f"is of event {head[0]}"
            facts = f"the last event is {self.seq}, but the ledger's note of it {which}"
            self._note(Finding("head", facts, self._hotel_id))

    def _misnumbered(self, seq: int) -> None:
        if seq <= self.seq:
            self._note(Finding("misplaced", f"it comes after event {self.seq}", self._hotel_id, seq))
        else:
            gap = f"event {self.seq + 1}" if seq == self.seq + 2 else f"events {self.seq + 1} to {seq - 1}"
            self._note(Finding("missing", f"{gap} should come before it", self._hotel_id, seq))

    def _hold_against(self, heads: Iterable[SignedHead], stored: bytes) -> None:
        for head in heads:
            if head.hash != stored:
                facts = f"its hash isn't the one that was signed at {said(head.signed_us)} by {head.key_id}"
                self._note(Finding("rewritten", facts, self._hotel_id, head.seq))
            elif self._trust.counts(head):
                self._coverage = Coverage(self._hotel_id, 0, head.seq, head.signed_us, head.key_id)
