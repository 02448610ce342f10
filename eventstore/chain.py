"""The hash chain: what exactly is hashed, so that anyone can check it with SHA-256 and a few lines of their own.

An event's hash is SHA-256 over the previous event's hash (32 zero bytes for the first) and, in this order: the hotel's
id (16 bytes), seq (8 bytes), the stream's id (16 bytes), version (4), schema version (2), occurred_at and recorded_at
in microseconds since 1970-01-01 UTC (8 each), then type, data and metadata, each as its length in bytes (4) and its
bytes in UTF-8. All numbers are big-endian and signed.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from uuid import UUID

GENESIS = bytes(32)
_FIXED = Struct(">16sq16sihqq")
_LENGTH = Struct(">i")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def chained(
    previous: bytes,
    hotel_id: bytes,
    seq: int,
    stream_id: bytes,
    version: int,
    schema_version: int,
    occurred_us: int,
    recorded_us: int,
    event_type: bytes,
    data: bytes,
    metadata: bytes,
) -> bytes:
    """The 32 bytes that chain an event to the one before it, of its parts as bytes. Ids have 16 bytes each."""
    fixed = _FIXED.pack(hotel_id, seq, stream_id, version, schema_version, occurred_us, recorded_us)
    return sha256(
        b"".join(
            (
                previous,
                fixed,
                _LENGTH.pack(len(event_type)),
                event_type,
                _LENGTH.pack(len(data)),
                data,
                _LENGTH.pack(len(metadata)),
                metadata,
            )
        )
    ).digest()


def event_hash(
    previous: bytes,
    *,
    hotel_id: UUID,
    seq: int,
    stream_id: UUID,
    version: int,
    schema_version: int,
    occurred_us: int,
    recorded_us: int,
    event_type: str,
    data: str,
    metadata: str,
) -> bytes:
    """The 32 bytes that chain an event to the one before it. Times are microseconds since 1970-01-01 UTC."""
    return chained(
        previous,
        hotel_id.bytes,
        seq,
        stream_id.bytes,
        version,
        schema_version,
        occurred_us,
        recorded_us,
        event_type.encode(),
        data.encode(),
        metadata.encode(),
    )
