"""Holds the live ledger against its hashes and against heads that were signed, here and in files kept outside."""

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from domain.rejections import UnknownHotel
from eventstore.audit import store
from eventstore.audit.chain_check import ChainCheck
from eventstore.audit.file_check import KeptHeads
from eventstore.audit.findings import Checked, Coverage, Finding
from eventstore.audit.heads import SignedHead
from eventstore.audit.trust import Trust, grouped
from eventstore.chain import event_hash, microseconds
from eventstore.reading import Pool, RecordedEvent, pages

type Progress = Callable[[UUID, int, int], None]
"""Told the hotel, how many of its events are checked, and how many there are."""


async def check_ledger(
    pool: Pool,
    *,
    hotel_id: UUID | None = None,
    trusted_keys: Collection[bytes],
    kept: Iterable[KeptHeads] = (),
    progress: Progress | None = None,
) -> Checked:
    """Check one hotel's ledger, or all. Trusted are the keys given and those of the kept files. Raises UnknownHotel."""
    kept = list(kept)
    trust = Trust([*trusted_keys, *(key for each in kept for key in each.keys)])
    checked = Checked()
    for key_id, public_key in (await store.head_keys(pool)).items():
        if not trust.add(key_id, public_key):
            checked.note(Finding("signature", f"key {key_id} isn't the one that its id was made from"))
    outside = grouped(
        trust.genuine((head for each in kept for head in each.heads), checked.note), lambda head: head.hotel_id
    )
    hotels = await store.hotels(pool)
    if hotel_id is not None:
        if hotel_id not in hotels and hotel_id not in outside:
            raise UnknownHotel(hotel_id=hotel_id)
        hotels = [hotel_id]
    for each in hotels if hotel_id is not None else sorted({*hotels, *outside}):
        checked.coverage.append(await _check_hotel(pool, each, outside.get(each, []), trust, checked, progress))
    checked.notes += [
        f"Heads signed by {key_id} vouch for nothing here: that key isn't among the trusted ones."
        for key_id in sorted(trust.passed_over)
    ]
    return checked


async def _check_hotel(
    pool: Pool, hotel_id: UUID, outside: list[SignedHead], trust: Trust, checked: Checked, progress: Progress | None
) -> Coverage:
    heads = trust.genuine(await store.signed_heads(pool, hotel_id), checked.note)
    head, last_seq = await store.head_and_last_seq(pool, hotel_id)
    chain = ChainCheck(hotel_id, [*heads, *outside], trust, checked.note)
    done = 0
    async for page in pages(pool, hotel_id, until=last_seq):
        for event in page:
            chain.take(event.seq, event.hash, hash_after(chain.previous, event))
        done += len(page)
        if progress is not None:
            progress(hotel_id, done, last_seq)
    return chain.end(head)


def hash_after(previous: bytes, event: RecordedEvent) -> bytes:
    """The hash that an event should have after one with the hash `previous`."""
    return event_hash(
        previous,
        hotel_id=event.hotel_id,
        seq=event.seq,
        stream_id=event.stream_id,
        version=event.version,
        schema_version=event.schema_version,
        occurred_us=microseconds(event.occurred_at),
        recorded_us=microseconds(event.recorded_at),
        event_type=event.type,
        data=event.data,
        metadata=event.metadata,
    )
