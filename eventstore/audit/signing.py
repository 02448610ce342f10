"""Signs the heads of all hotels. A head is signed only if it comes of the one that was signed before it.

So the key never vouches for a ledger that was cut off or written anew since: the events from the last signed head on
are read and hashed again, and must lead from its hash to the present head's. What doesn't is refused, and said loudly.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from eventstore.audit import store
from eventstore.audit.chain_check import said
from eventstore.audit.findings import Finding
from eventstore.audit.heads import HeadKey, SignedHead, key_id_of
from eventstore.audit.live_check import hash_after
from eventstore.chain import GENESIS, microseconds
from eventstore.reading import Pool, pages
from eventstore.sql import statement

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Signing:
    """What one round of signing came to."""

    signed: int = 0
    unchanged: int = 0
    refused: list[Finding] = field(default_factory=list)


async def sign_heads(pool: Pool, key: HeadKey, known_keys: Collection[bytes], now: Callable[[], datetime]) -> Signing:
    """Sign every head that this key hasn't signed yet. `known_keys` are the public keys of before, and this one's.

    A hotel whose ledger doesn't follow from what was signed is left unsigned and reported; the others are signed.
    """
    async with pool.acquire() as connection:
        await connection.execute(statement("note_head_key"), key.key_id, key.public_key)
    known = {key_id_of(public_key): public_key for public_key in known_keys}
    done = Signing()
    for hotel_id in await store.hotels(pool):
        refusal = await _sign(pool, hotel_id, key, known, now, done)
        if refusal is not None:
            log.critical("a ledger isn't signed, since it isn't what was signed before: %s", refusal)
            done.refused.append(refusal)
    return done


async def _sign(
    pool: Pool, hotel_id: UUID, key: HeadKey, known: dict[str, bytes], now: Callable[[], datetime], done: Signing
) -> Finding | None:
    """Sign a hotel's head; or why not."""
    last = await store.last_signed_head(pool, hotel_id)
    head, last_seq = await store.head_and_last_seq(pool, hotel_id)
    if last is not None and last.key_id == key.key_id and head == (last.seq, last.hash) == (last_seq, last.hash):
        done.unchanged += 1
        return None
    if last is not None and not (last.key_id in known and last.is_signed_by(known[last.key_id])):
        facts = f"its last signed head isn't by a key of this installation ({last.key_id})"
        return Finding("signature", facts, hotel_id, last.seq)
    if head is None:
        return Finding("head", "the ledger has no note of its last event", hotel_id)
    if last is not None and last_seq < last.seq:
        facts = f"it was there when it was signed at {said(last.signed_us)}; now the ledger ends with {last_seq}"
        return Finding("cut off", facts, hotel_id, last.seq)
    refusal = await _follow(pool, hotel_id, last, head)
    if refusal is None:
        signed = key.sign(hotel_id, *head, microseconds(now()))
        async with pool.acquire() as connection:
            await store.keep(connection, signed)
        done.signed += 1
    return refusal


async def _follow(pool: Pool, hotel_id: UUID, last: SignedHead | None, head: tuple[int, bytes]) -> Finding | None:
    """Whether the events lead from the last signed head to the present one; or where not."""
    seq, previous = (0, GENESIS) if last is None else (last.seq, last.hash)
    async for page in pages(pool, hotel_id, after=seq, until=head[0]):
        for event in page:
            if event.seq != seq + 1:
                return Finding("missing", f"event {seq + 1} should come before it", hotel_id, event.seq)
            if hash_after(previous, event) != event.hash:
                return Finding("changed", "it doesn't follow from the event before it", hotel_id, event.seq)
            seq, previous = event.seq, event.hash
    if (seq, previous) != head:
        return Finding("head", f"the events end with {seq}, but the ledger's note is of {head[0]}", hotel_id)
    return None
