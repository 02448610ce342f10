"""Folding all read tables anew without a pause: beside the live ones, compared with them, then put in their place.

1. A second schema is made, built as the live one is (projections/blueprint.py), and every hotel is folded into it, up
   to where the live tables are. Queries and projectors go on as ever; each batch is a short transaction.
2. Each hotel is compared, row by row, at a moment at which both have applied the same events: the projectors leave the
   hotel alone while the second schema catches up with it and a snapshot is taken, which is milliseconds.
3. The schemas change their names (projections/swap.py). The one that was live is kept, for a way back.

Killed at any point, it leaves the live tables as they were; the next run begins anew.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from eventstore.guest_keys import MasterKey
from eventstore.reading import Connection
from projections import blueprint, swap
from projections.audit import audit
from projections.drain import CannotRebuild, Drained, Projector, drain_hotel, projector_pool
from projections.schemas import BEFORE, LIVE, NEXT, about
from projections.sql import statement
from readmodels.rows import TABLES, Table

log = logging.getLogger(__name__)

_BATCH_SIZE = 5_000
_ROUNDS = 5
_LOCK = int.from_bytes(b"rebuild")  # the advisory lock of whoever rebuilds

type Progress = Callable[[str, int, int], None]
"""Told what is done (`fold`: events, `compare`: hotels), how many are, and how many there are."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A table of a hotel that isn't the same in both schemas. `explained`: the live one was known to be wrong."""

    hotel_id: UUID
    table: str
    missing: int
    """Rows that the new fold has, and the live table hasn't."""
    unaccounted: int
    """Rows that the live table has, and the new fold hasn't."""
    first: str
    explained: bool


@dataclass(slots=True)
class Outcome:
    """What a rebuild did: how many hotels and events, what it found different, and whether the schemas were swapped."""

    hotels: int = 0
    events: int = 0
    differences: list[Unlike] = field(default_factory=list)
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Rebuilder:
    """What a rebuild works with: the owner's connection, and projectors of both schemas."""

    owner: Connection
    live: Projector
    other: Projector
    schema: str
    """Where `other` projects."""


@asynccontextmanager
async def rebuilder(
    owner_url: str, projector_url: str, master_key: MasterKey, schema: str = NEXT
) -> AsyncIterator[Rebuilder]:
    """Open what a rebuild needs. Raises CannotRebuild while somebody else rebuilds."""
    owner = await asyncpg.connect(owner_url, server_settings={"application_name": "staysync rebuild", "jit": "off"})
    try:
        if not await owner.fetchval("select pg_try_advisory_lock($1)", _LOCK):
            raise CannotRebuild("somebody else is rebuilding the read tables")
        if schema == NEXT:
            await blueprint.build(owner, LIVE, NEXT)
        else:
            await _require_like(owner, schema)
        async with (
            projector_pool(projector_url, master_key, size=4) as live,
            projector_pool(projector_url, master_key, schema=schema) as other,
        ):
            yield Rebuilder(owner, Projector(live, master_key), Projector(other, master_key, _BATCH_SIZE), schema)
    finally:
        await owner.close()


async def rebuild_all(work: Rebuilder, *, even_if_different: bool = False, progress: Progress | None = None) -> Outcome:
    """Fold, compare and swap. Without `even_if_different` it doesn't swap if a difference isn't explained.

    Raises CannotRebuild where an event can't be applied that the live tables have, or where the swap finds no moment.
    """
    outcome = Outcome()
    for round_number in range(_ROUNDS):
        behind = await _behind(work)
        if round_number and sum(until - seq for _, seq, until in behind) < _BATCH_SIZE:
            break
        await _fold_all(work, behind, progress)
    hotels = await _hotels(work)
    for hotel_id in hotels:
        outcome.differences += await _compare(work, hotel_id)
        outcome.hotels += 1
        if progress is not None:
            progress("compare", outcome.hotels, len(hotels))
    await _vacuum(work)
    outcome.events = await work.other.pool.fetchval("select coalesce(sum(seq), 0)::bigint from read.checkpoint")
    if await audit(work.other.pool, hotels=2**31 - 1):
        raise CannotRebuild("the new tables didn't apply what the ledger holds")
    if even_if_different or all(unlike.explained for unlike in outcome.differences):
        same = not outcome.differences
        await swap.swap(work.owner, work.schema, lambda: _catch_up(work), same=same)
        outcome.swapped = True
    return outcome


async def drop(owner_url: str, schema: str) -> bool:
    """Drop a schema that isn't live. False if there was none."""
    if schema not in (NEXT, BEFORE):
        raise AssertionError(f"{schema} is never dropped")
    owner = await asyncpg.connect(owner_url)
    try:
        if not await owner.fetchval("select pg_try_advisory_lock($1)", _LOCK):
            raise CannotRebuild("somebody else is rebuilding the read tables")
        there: bool = await owner.fetchval("select exists (select from pg_namespace where nspname = $1)", schema)
        await owner.execute(f"drop schema if exists {schema} cascade")
        return there
    finally:
        await owner.close()


async def _require_like(owner: Connection, schema: str) -> None:
    if not await owner.fetchval("select exists (select from pg_namespace where nspname = $1)", schema):
        raise CannotRebuild(f"there is no schema {schema}: nothing was rebuilt, or it was kept since")
    if unlike := await blueprint.differences(owner, LIVE, schema):
        raise CannotRebuild(f"{schema} isn't built as the live tables are by now: {unlike[0]}")


async def _vacuum(work: Rebuilder) -> None:
    """Let the planner know the new tables before queries come to them."""
    rows = await work.owner.fetch(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = $1", work.schema
    )
    for row in rows:
        await work.owner.execute(f"vacuum (analyze) {row[0]}")


# ---------------------------------------------------------------- folding


async def _hotels(work: Rebuilder) -> list[UUID]:
    rows = await work.live.pool.fetch("select hotel_id from read.checkpoint order by hotel_id")
    return [row["hotel_id"] for row in rows]


async def _behind(work: Rebuilder) -> list[tuple[UUID, int, int]]:
    """The hotels to be folded further, from which seq, and up to which: that of the live tables.

    Where these are parked it is the ledger's end, since a new fold may well get beyond.
    """
    rows = await work.live.pool.fetch(statement("rebuild_targets"))
    found = await work.other.pool.fetch("select hotel_id, seq, parked_seq from read.checkpoint")
    at = {row["hotel_id"]: row for row in found}
    behind = []
    for row in rows:
        other = at.get(row["hotel_id"])
        seq = 0 if other is None else other["seq"]
        if seq < row["until"] and (other is None or other["parked_seq"] is None):
            behind.append((row["hotel_id"], seq, row["until"]))
    return behind


async def _fold_all(work: Rebuilder, behind: list[tuple[UUID, int, int]], progress: Progress | None) -> None:
    done, total = 0, sum(until - seq for _, seq, until in behind)
    for hotel_id, seq, until in behind:
        for step in range(seq, until, _BATCH_SIZE):
            upto = min(step + _BATCH_SIZE, until)
            await _fold_hotel(work, hotel_id, upto)
            done += upto - step
            if progress is not None:
                progress("fold", done, total)


async def _fold_hotel(work: Rebuilder, hotel_id: UUID, until: int) -> None:
    """Fold a hotel up to a seq. It parks where the live tables are parked; anywhere else it can't be rebuilt."""
    async with work.other.pool.acquire() as connection:
        ended = await drain_hotel(work.other, connection, hotel_id, batches=2**31, until=until)
        if ended is not Drained.PARKED:
            return
        row = await connection.fetchrow("select * from read.checkpoint where hotel_id = $1", hotel_id)
    live = await work.live.pool.fetchval("select seq from read.checkpoint where hotel_id = $1", hotel_id)
    if row is not None and row["seq"] < live:
        raise CannotRebuild(f"hotel {hotel_id}: event {row['parked_seq']} can't be applied: {row['parked_error']}")


async def _catch_up(work: Rebuilder) -> None:
    """Bring the other schema to where the live one is, while nobody moves that."""
    for hotel_id, _, until in await _behind(work):
        await _fold_hotel(work, hotel_id, until)


# ---------------------------------------------------------------- comparing


async def _compare(work: Rebuilder, hotel_id: UUID) -> list[Unlike]:
    """What of a hotel isn't the same in both schemas, when both have applied the same events."""
    async with work.live.pool.acquire() as reader:
        # The projectors leave the hotel alone only while the other schema catches up and the snapshot is taken.
        async with work.live.pool.acquire() as holder, holder.transaction():
            checkpoint = await holder.fetchrow(statement("lock_checkpoint_waiting"), hotel_id)
            if checkpoint is None:
                return []
            known_as_wrong = checkpoint["parked_seq"] is not None or await _alarm(holder, hotel_id)
            if checkpoint["parked_seq"] is None:
                await _fold_hotel(work, hotel_id, checkpoint["seq"])
            snapshot = reader.transaction(isolation="repeatable_read", readonly=True)
            await snapshot.start()
            await reader.fetchval("select 1 from read.checkpoint limit 1")
        try:
            found = [await _compare_table(work, reader, hotel_id, table) for table in TABLES]
        finally:
            await snapshot.rollback()
    return [Unlike(hotel_id, *unlike, explained=known_as_wrong) for unlike in found if unlike is not None]


async def _alarm(connection: Connection, hotel_id: UUID) -> bool:
    raised: bool = await connection.fetchval(
        "select exists (select from read.audit where hotel_id = $1 and alarm is not null)", hotel_id
    )
    return raised


async def _compare_table(
    work: Rebuilder, reader: Connection, hotel_id: UUID, table: Table[Any]
) -> tuple[str, int, int, str] | None:
    """A table's name, rows missing and unaccounted for, and the key of one; None if it is the same in both schemas."""
    live = f"select {', '.join(table.columns)} from read.{table.name} where hotel_id = $1"  # noqa: S608 - our own names
    other = about(live, work.schema)
    key = " || ' ' || ".join(f"{column}::text" for column in table.columns[: table.key]) or "'the hotel'"
    row = await reader.fetchrow(
        f"""
        with missing as materialized ({other} except all {live}),
             unaccounted as materialized ({live} except all {other})
        select (select count(*) from missing), (select count(*) from unaccounted),
               (select {key} from (select * from missing union all select * from unaccounted) as unlike limit 1)
        """,  # noqa: S608 - our own names
        hotel_id,
    )
    if row is None or not (row[0] or row[1]):
        return None
    return table.name, row[0], row[1], row[2]
