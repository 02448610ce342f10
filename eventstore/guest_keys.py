"""Personal data under a key per guest: sealing, opening, and the wrapping of the keys by the master key."""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
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

    `key_id` is made from the key, tells nothing about it, and stands beside what it wraps. Of keys that were rotated
    out nothing new is wrapped, but what they have wrapped still opens.
    """

    def __init__(
        self, key: bytes, former: Sequence[bytes] = (), newer: Callable[[], Sequence[bytes]] | None = None
    ) -> None:
        """`newer` gives the key and the former ones where they have changed since it was asked last, and else none.

        Raises ValueError for a key of the wrong length.
        """
        self._newer = newer
        self._take((key, *former))

    def new_guest_key(self, hotel_id: UUID, guest_id: UUID) -> tuple[GuestKey, WrappedKey]:
        """A fresh key for a guest, to use and to keep."""
        self.renew()
        key = os.urandom(_KEY_BYTES)
        return GuestKey(hotel_id, guest_id, key), self._wrapped(hotel_id, guest_id, key)

    def unwrap(self, hotel_id: UUID, guest_id: UUID, wrapped: bytes) -> GuestKey:
        """A kept key, ready for use. Raises cryptography's InvalidTag for another master key, hotel or guest."""
        return GuestKey(hotel_id, guest_id, self._opened(hotel_id, guest_id, wrapped))

    def rewrap(self, hotel_id: UUID, guest_id: UUID, wrapped: bytes) -> WrappedKey:
        """A kept key under the master key of today. Raises cryptography's InvalidTag, as `unwrap` does."""
        return self._wrapped(hotel_id, guest_id, self._opened(hotel_id, guest_id, wrapped))

    def knows(self, key_id: str) -> bool:
        """Whether what was wrapped by the key of this id can be opened, perhaps by a key that came just now."""
        return key_id in self._ids or (self.renew() and key_id in self._ids)

    def renew(self) -> bool:
        """Take over keys that were rotated in since. Whether there were any."""
        keys = self._newer() if self._newer is not None else ()
        if keys:
            self._take(keys)
        return bool(keys)

    def _take(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            if len(key) != _KEY_BYTES:
                raise ValueError(f"the master key has {len(key)} bytes, not {_KEY_BYTES}")
        self._ids = [hmac.digest(key, b"staysync master key", "sha256")[:_KEY_ID_BYTES].hex() for key in keys]
        self._ciphers = [AESGCM(key) for key in keys]
        self.key_id = self._ids[0]

    def _wrapped(self, hotel_id: UUID, guest_id: UUID, key: bytes) -> WrappedKey:
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = nonce + self._ciphers[0].encrypt(nonce, key, hotel_id.bytes + guest_id.bytes)
        return WrappedKey(guest_id, self.key_id, wrapped)

    def _opened(self, hotel_id: UUID, guest_id: UUID, wrapped: bytes) -> bytes:
        nonce, sealed, whose = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], hotel_id.bytes + guest_id.bytes
        for cipher in self._ciphers:
            with suppress(InvalidTag):
                return cipher.decrypt(nonce, sealed, whose)
        if self.renew():
            return self._opened(hotel_id, guest_id, wrapped)
        raise InvalidTag
