"""Holding what the projections applied against the ledger, so that no event is left out or applied twice unseen.

A checkpoint says how many events were applied and their rolling checksum; the projector that moves it has summed them
up where it applied them. The audit sums up the ledger's own hashes, from where it was the last time, and compares. It
needs no lock: what the ledger holds up to a seq never changes. An alarm is raised under the checkpoint's lock, after a
second look, and stays until the hotel is rebuilt.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from eventstore.reading import Connection, Pool
from projections.sql import statement
from readmodels.applied import NOTHING, Applied

log = logging.getLogger(__name__)

HOTELS_AT_ONCE = 500
_PAGE = 5_000
_PAGES_AT_ONCE = 20


async def audit(pool: Pool, *, hotels: int = HOTELS_AT_ONCE) -> int:
    """Compare the hotels that have moved since the last time, so many at most; how many have raised an alarm."""
    async with pool.acquire() as connection:
        moved = [row["hotel_id"] for row in await connection.fetch(statement("to_audit"), hotels)]
        return sum([await audit_hotel(connection, hotel_id) for hotel_id in moved])


async def audit_hotel(connection: Connection, hotel_id: UUID) -> bool:
    """Hold what a hotel's projection has applied against the ledger. True if that has raised an alarm.

    Bounded: where much of a ledger isn't summed up yet, the next audit goes on.
    """
    look = await _look(connection, hotel_id)
    if look is None:
        return False
    await connection.execute(statement("note_audit"), hotel_id, look.at, look.expected.checksum)
    return look.problem is not None and await _look_again(connection, hotel_id)


async def forget_audit(connection: Connection, hotel_id: UUID) -> None:
    """Begin anew with a hotel that is rebuilt, within the caller's transaction."""
    await connection.execute(statement("forget_audit"), hotel_id)


async def _look_again(connection: Connection, hotel_id: UUID) -> bool:
    """Compare once more while no projector has the hotel; raise an alarm if it is still amiss."""
    async with connection.transaction(isolation="read_committed"):
        await connection.fetchrow(statement("lock_checkpoint_waiting"), hotel_id)
        look = await _look(connection, hotel_id)
        if look is None or look.problem is None:
            return False
        await connection.execute(statement("raise_alarm"), hotel_id, look.at, look.expected.checksum, look.problem)
    log.error("hotel %s: %s", hotel_id, look.problem)
    return True


@dataclass(frozen=True, slots=True)
class _Look:
    """Up to which seq the ledger is summed up, to what, and what of the projection doesn't agree with that."""

    at: int
    expected: Applied
    problem: str | None


async def _look(connection: Connection, hotel_id: UUID) -> _Look | None:
    """Sum up the ledger from where it was summed up to, to the checkpoint, and compare. None if there is none."""
    found = await connection.fetchrow(statement("applied"), hotel_id)
    if found is None:
        return None
    seq: int = found["seq"]
    at, expected = found["audited_seq"], Applied(found["audited_seq"], found["audited_checksum"])
    if at > seq:  # the read tables were put back to an earlier moment
        at, expected = 0, NOTHING
    for _ in range(_PAGES_AT_ONCE):
        page = await connection.fetch(statement("hashes"), hotel_id, at, seq, _PAGE)
        if not page:
            break
        at, expected = page[-1]["seq"], expected.with_events(row["hash"] for row in page)
        if len(page) < _PAGE:
            break
    else:
        if at < seq:
            return _Look(at, expected, None)
    if at < seq:
        return _Look(at, expected, f"its checkpoint is at event {seq}, but its ledger ends at {at}")
    applied = Applied(found["events_applied"], found["checksum"])
    return _Look(at, expected, amiss(seq, applied, expected))


def amiss(seq: int, applied: Applied, expected: Applied) -> str | None:
    """What is wrong with what was applied up to a seq; None if nothing is."""
    if applied.count != expected.count:
        return f"{applied.count} events were applied up to event {seq}, where the ledger has {expected.count}"
    if applied.checksum != expected.checksum:
        return f"what was applied up to event {seq} isn't what the ledger holds: the checksums differ"
    return None
