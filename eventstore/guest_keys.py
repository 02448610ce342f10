"""Personal data under a key per guest: sealing, opening, and the wrapping of the keys by the master key."""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.values import Sealed

_NONCE_BYTES = 12
_KEY_BYTES = 32
_KEY_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A guest's data key as the ledger keeps it."""

    guest_id: UUID
    master_key: str
    wrapped: bytes


class GuestKey:
    """One guest's data key in the clear, in memory only."""

    def __init__(self, hotel_id: UUID, guest_id: UUID, key: bytes) -> None:
        self._aad = hotel_id.bytes + guest_id.bytes
        self._cipher = AESGCM(key)
        self.guest_id = guest_id

    def seal(self, details: Mapping[str, Any]) -> Sealed:
        """Encrypt personal details; they open with this hotel's and guest's key only (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, orjson.dumps(details), self._aad)
        return Sealed(guest_id=self.guest_id, ciphertext=b64encode(sealed).decode())

    def open(self, sealed: Sealed) -> dict[str, Any]:
        """Decrypt. Raises cryptography's InvalidTag where key, hotel or guest are others."""
        raw = b64decode(sealed.ciphertext)
        clear = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], self._aad)
        details: dict[str, Any] = orjson.loads(clear)
        return details


class MasterKey:
    """The key that wraps all guests' keys. It lives in a secret file, never in the database.

    `key_id` is made from the key, tells nothing about it, and stands beside what it wraps.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the master key has {len(key)} bytes, not {_KEY_BYTES}")
        self.key_id = hmac.digest(key, b"staysync master key", "sha256")[:_KEY_ID_BYTES].hex()
        self._cipher = AESGCM(key)

    def new_guest_key(self, hotel_id: UUID, guest_id: UUID) -> tuple[GuestKey, WrappedKey]:
        """A fresh key for a guest, to use and to keep."""
        key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
        wrapped = nonce + self._cipher.encrypt(nonce, key, hotel_id.bytes + guest_id.bytes)
        return GuestKey(hotel_id, guest_id, key), WrappedKey(guest_id, self.key_id, wrapped)

    def unwrap(self, hotel_id: UUID, guest_id: UUID, wrapped: bytes) -> GuestKey:
        """A kept key, ready for use. Raises cryptography's InvalidTag for another master key, hotel or guest."""
        key = self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], hotel_id.bytes + guest_id.bytes)
        return GuestKey(hotel_id, guest_id, key)
