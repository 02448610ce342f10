"""Which signed heads count: those whose signature fits, by a key that whoever checks trusts."""

from collections.abc import Callable, Collection, Iterable

from eventstore.audit.findings import Finding
from eventstore.audit.heads import PUBLIC_KEY_BYTES, SignedHead, key_id_of


class Trust:
    """The public keys that are known, by id, and the ids of those that are trusted; None trusted: all count.

    A head by a key that isn't trusted doesn't vouch for anything. It is still evidence where it contradicts the ledger.
    """

    def __init__(self, trusted: Collection[bytes] | None = None) -> None:
        self._known: dict[str, bytes] = {}
        self._trusted = None if trusted is None else {key_id_of(key) for key in trusted}
        self.passed_over: set[str] = set()
        for key in trusted or ():
            self.add(key_id_of(key), key)

    @property
    def is_anchored(self) -> bool:
        """Whether any key is trusted for a reason from outside of what is checked."""
        return self._trusted is not None

    def add(self, key_id: str, public_key: bytes) -> bool:
        """Know a key. False, and nothing is known, where the id isn't this key's."""
        if len(public_key) != PUBLIC_KEY_BYTES or key_id_of(public_key) != key_id:
            return False
        self._known[key_id] = public_key
        return True

    def counts(self, head: SignedHead) -> bool:
        """Whether the key of a head whose signature fits is one that vouches."""
        if self._trusted is None or head.key_id in self._trusted:
            return True
        self.passed_over.add(head.key_id)
        return False

    def genuine(self, heads: Iterable[SignedHead], note: Callable[[Finding], None]) -> list[SignedHead]:
        """The heads whose signatures fit; of each other one a finding says why it doesn't count."""
        return [head for head in heads if self._fits(head, note)]

    def _fits(self, head: SignedHead, note: Callable[[Finding], None]) -> bool:
        public_key = self._known.get(head.key_id)
        if public_key is None:
            note(Finding("signature", f"signed by {head.key_id}, a key that isn't known", head.hotel_id, head.seq))
            return False
        if not head.is_signed_by(public_key):
            note(Finding("signature", f"the signature isn't that of key {head.key_id}", head.hotel_id, head.seq))
            return False
        return True


def grouped[K](heads: Iterable[SignedHead], key: Callable[[SignedHead], K]) -> dict[K, list[SignedHead]]:
    """Heads in groups."""
    groups: dict[K, list[SignedHead]] = {}
    for head in heads:
        groups.setdefault(key(head), []).append(head)
    return groups
