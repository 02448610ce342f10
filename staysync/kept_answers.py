"""What can be held against a kept answer: that what it tells of is in the ledger, and that it was given by now.

Whether these are the very words of then can't be known: the ledger holds what happened, not what was said about it.
Neither can the fingerprint be checked, since nobody keeps the request that it is an HMAC of.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from eventstore.reading import Position

_SUCCESSES = (200, 201)


def wrong_with(
    row: asyncpg.Record, heads: Mapping[UUID, int], versions: Mapping[UUID, int], now: datetime
) -> str | None:
    """What can't be about a row of `ledger.idempotency`, None if all can.

    `heads` says how far the ledgers go that the answer may tell of, `versions` how far their streams do; without any,
    nothing is said about bookings.
    """
    if row["status"] not in _SUCCESSES:
        return f"is a {row['status']}, and only successes are kept"
    if row["recorded_at"] > now:
        return f"was given at {row['recorded_at']}, which is yet to come"
    try:
        facts: dict[str, Any] = orjson.loads(row["answer"])
        position = Position.parse(facts["position"]) if "position" in facts else None
        booking = UUID(facts["booking_id"]) if "booking_id" in facts else None
    except (TypeError, ValueError):
        return "can't be read"
    if position is None:
        return None  # the demo and imports keep that something was done, and nothing about it
    if position.hotel_id not in heads:
        return f"tells of hotel {position.hotel_id}"
    if position.seq > heads[position.hotel_id]:
        return f"tells of event {position.seq}, but the ledger ends at {heads[position.hotel_id]}"
    if booking is not None and versions and facts.get("version", 0) > versions.get(booking, 0):
        return f"tells of version {facts['version']} of booking {booking}, which has {versions.get(booking, 0)}"
    return None
