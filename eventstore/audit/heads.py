"""Signed heads: at an instant, a hotel's ledger ended with this event and this hash. Ed25519, keys named by their ids.

What is signed is `staysync signed head 1` and a line feed, the hotel's id (16 bytes), seq (8), the event's hash (32),
when it was signed in microseconds since 1970-01-01 UTC (8), and the key's id (16 ASCII characters). Numbers are
big-endian and signed. A key's id is the first 16 hexadecimal digits of SHA-256 over its 32 public bytes.
"""

import hashlib
from dataclasses import dataclass
from struct import Struct
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_PURPOSE = b"staysync signed head 1\n"
_FACTS = Struct(">16sq32sq16s")
_ID_DIGITS = 16
PUBLIC_KEY_BYTES = 32


def key_id_of(public_key: bytes) -> str:
    """The id of a public key, which anyone can compute from it."""
    return hashlib.sha256(public_key).hexdigest()[:_ID_DIGITS]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """That a hotel's event `seq` had this hash when it was the last one, at `signed_us` microseconds since 1970 UTC."""

    hotel_id: UUID
    seq: int
    hash: bytes
    signed_us: int
    key_id: str
    signature: bytes

    def is_signed_by(self, public_key: bytes) -> bool:
        """Whether the signature is this key's over just these facts."""
        facts = _signed_bytes(self.hotel_id, self.seq, self.hash, self.signed_us, self.key_id)
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, facts)
        except InvalidSignature:
            return False
        return True


class HeadKey:
    """The key that signs heads. It lives in a secret file of the signing worker, never in the database."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_key)

    def sign(self, hotel_id: UUID, seq: int, event_hash: bytes, signed_us: int) -> SignedHead:
        """Sign a hotel's head."""
        facts = _signed_bytes(hotel_id, seq, event_hash, signed_us, self.key_id)
        return SignedHead(hotel_id, seq, event_hash, signed_us, self.key_id, self._private_key.sign(facts))


def _signed_bytes(hotel_id: UUID, seq: int, event_hash: bytes, signed_us: int, key_id: str) -> bytes:
    return _PURPOSE + _FACTS.pack(hotel_id.bytes, seq, event_hash, signed_us, key_id.encode())
