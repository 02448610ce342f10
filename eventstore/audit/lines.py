"""The audit file: JSON lines, each telling what it is by its first name. docs/audit.md describes them for others.

`{"staysync_audit": 1, …}` begins it; then keys; then, for each hotel, its head, its signed heads, and its events in
the order of `seq`; `{"end": …}` ends it. `data` and `metadata` are texts: the exact ones that were hashed. Instants are
whole microseconds since 1970-01-01 UTC; hashes, keys and signatures are hexadecimal.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, cast
from uuid import UUID

import orjson

from eventstore.audit.heads import SignedHead
from eventstore.chain import microseconds
from eventstore.reading import RecordedEvent

FORMAT = 1
HASH_BYTES = 32
_BLOCK_BYTES = 1 << 20
_QUICK = 1
"""gzip's fastest level: what is random in it, such as ciphertext and hashes, doesn't get smaller by trying harder."""

type Scope = Literal["all", "hotel", "heads"]
"""all: every hotel of the installation. hotel: one. heads: signed heads without events, to keep outside."""


@contextmanager
def opened(file: Path, mode: Literal["rb", "wb"]) -> Iterator[IO[bytes]]:
    """The file, packed by gzip where its name ends with .gz. Raises OSError."""
    if file.suffix == ".gz":
        with gzip.open(file, mode, compresslevel=_QUICK) as packed:
            yield cast(IO[bytes], packed)
    else:
        with file.open(mode, buffering=_BLOCK_BYTES) as plain:
            yield plain


def begin_line(scope: Scope, made_us: int) -> bytes:
    """The first line."""
    return _line({"staysync_audit": FORMAT, "scope": scope, "made_us": made_us})


def key_line(key_id: str, public_key: bytes) -> bytes:
    """A public key that signed some of the heads."""
    return _line({"key": key_id, "public_key": public_key.hex()})


def hotel_line(hotel_id: UUID, head: tuple[int, bytes] | None) -> bytes:
    """A hotel, whose signed heads and events follow, with the ledger's own note of its last event."""
    seq, event_hash = (None, None) if head is None else (head[0], head[1].hex())
    return _line({"hotel": str(hotel_id), "seq": seq, "hash": event_hash})


def signed_head_line(head: SignedHead) -> bytes:
    """A signed head."""
    return _line(
        {
            "signed_head": str(head.hotel_id),
            "seq": head.seq,
            "hash": head.hash.hex(),
            "signed_us": head.signed_us,
            "key": head.key_id,
            "signature": head.signature.hex(),
        }
    )


def event_line(event: RecordedEvent) -> bytes:
    """An event of the hotel named last."""
    return _line(
        {
            "event": event.seq,
            "stream_id": str(event.stream_id),
            "version": event.version,
            "type": event.type,
            "schema_version": event.schema_version,
            "occurred_us": microseconds(event.occurred_at),
            "recorded_us": microseconds(event.recorded_at),
            "hash": event.hash.hex(),
            "data": event.data,
            "metadata": event.metadata,
        }
    )


def end_line(hotels: int, events: int) -> bytes:
    """The last line: what should have come before it."""
    return _line({"end": True, "hotels": hotels, "events": events})


def signed_head_of(line: dict[str, Any]) -> SignedHead:
    """The signed head of a line. Raises KeyError, TypeError, ValueError for one that isn't."""
    head = SignedHead(
        hotel_id=UUID(line["signed_head"]),
        seq=_number(line["seq"]),
        hash=bytes.fromhex(line["hash"]),
        signed_us=_number(line["signed_us"]),
        key_id=str(line["key"]),
        signature=bytes.fromhex(line["signature"]),
    )
    if len(head.hash) != HASH_BYTES:
        raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(head.hash)}")
    return head


def _number(value: Any) -> int:
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError(f"not a number of 64 bits: {value!r}")
    return value


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
