"""Carrying the ledger into the read tables, hotel by hotel: each event once and in order, whatever dies when.

Whoever holds a hotel's checkpoint row projects it. A batch's rows and the checkpoint move in one transaction, so what
was applied and how far are never apart. Nothing is skipped: an event that can't be applied parks its hotel there.
"""

import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import asyncpg

from domain.bookings import GuestsErased
from domain.values import Sealed
from eventstore.causes import cause_of, following
from eventstore.codec import UnknownEvent
from eventstore.guest_keys import MasterKey
from eventstore.master_key import check_master_key
from eventstore.reading import Connection, Pool, RecordedEvent, read_after
from projections.audit import forget_audit
from projections.schemas import BEFORE, LIVE, connection_class
from projections.sql import statement
from projections.watching import Projected, ProjectionWatch
from projections.writing import delete_hotel, load, write
from readmodels.applied import NOTHING, Applied
from readmodels.folds import Fold, reach_of
from readmodels.sealed import OpenSealed
from readmodels.working_set import UndeclaredRow, WorkingSet

log = logging.getLogger(__name__)

PROJECTION = "read"
"""The name of this projection in metrics and traces."""
SHARDS = 16
BATCH_SIZE = 500
BATCHES_AT_ONCE = 20
_REBUILD_BATCH_SIZE = 10_000

_SETTINGS = {
    "application_name": "staysync projector",
    # Statements are planned once, since planning a batch's writes takes longer than running them. All go by key, and a
    # plan that was made while a table was empty must not have it otherwise.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    # What a crash of the server takes away of the last moments is projected again: rows and checkpoint go together.
    "synchronous_commit": "off",
}

# What ails the database, the way to it or the installation, not the event: tried again later, nothing is parked.
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.SyntaxOrAccessError,
    OSError,
    MemoryError,
)


class Drained(StrEnum):
    """How a drain of a hotel ended."""

    CAUGHT_UP = "caught_up"
    MORE = "more"
    """There is more to apply than one drain does."""
    BUSY = "busy"
    """Another projector has the hotel."""
    PARKED = "parked"


class LedgerGap(Exception):
    """The ledger lacks an event between others."""


class CannotRebuild(Exception):
    """An event can't be applied, so the read tables stayed as they were."""


class _Failed(Exception):
    """A batch of so many events, from this seq on, can't be applied; the cause says why."""

    def __init__(self, seq: int, count: int, metadata: str) -> None:
        super().__init__()
        self.seq = seq
        self.count = count
        self.metadata = metadata  # of the first


type Tell = Callable[[UUID, int], Awaitable[None]]
"""Told, after a commit, a hotel and the seq that its read tables have reached. It raises nothing."""


async def _nobody_waits(hotel_id: UUID, seq: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Projector:
    """What draining needs: connections of the projector role, and the key that opens the guests' details.

    `tell` is told what was committed, for those who wait for it.
    """

    pool: Pool
    master_key: MasterKey
    batch_size: int = BATCH_SIZE
    tell: Tell = _nobody_waits
    watch: ProjectionWatch | None = None


async def _keep(_: Any) -> None:
    """Nothing to reset on a connection that goes back: the statements here use no session state."""


def projector_pool(database_url: str, master_key: MasterKey, *, size: int = 2, schema: str = LIVE) -> Pool:
    """A pool of connections as the projectors want them; enter it to open it. They project into `schema`.

    A connection is used only while the master key is found to be the ledger's, or the ledger has none yet. Otherwise
    taking one raises WrongMasterKey.
    """
    known = False

    async def check(connection: Connection) -> None:
        nonlocal known
        known = await check_master_key(connection, master_key)

    async def check_while_unknown(connection: Connection) -> None:
        if not known:  # nothing was sealed when the connection was opened
            await check(connection)

    return asyncpg.create_pool(
        database_url,
        # A floor would be restored in the background, with a traceback for each try while the server is away.
        min_size=0,
        max_size=size,
        init=check,
        setup=check_while_unknown,
        reset=_keep,
        connection_class=connection_class(schema),
        server_settings=_SETTINGS,
    )


def shard_of(hotel_id: UUID) -> int:
    """The shard of a hotel, the same everywhere and for ever; `hotels_behind.sql` computes it in the same way."""
    return hotel_id.bytes[-1] % SHARDS


def is_gone(connection: Connection) -> bool:
    """Whether the server has ended this connection. The pool has taken it back by then, and refuses to ask it."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


# ---------------------------------------------------------------- draining


async def drain_shards(projector: Projector, shards: list[int], *, batches: int = BATCHES_AT_ONCE) -> bool:
    """Project what is new in some shards. False if a hotel has more than `batches` batches, True otherwise.

    One hotel's trouble doesn't stop the others.
    """
    finished = True
    async with projector.pool.acquire() as connection:
        behind = [row["hotel_id"] for row in await connection.fetch(statement("hotels_behind"), shards)]
        for hotel_id in behind:
            try:
                drained = await drain_hotel(projector, connection, hotel_id, batches=batches)
            except Exception as error:
                if is_gone(connection):
                    raise
                log.error("hotel %s can't be projected now: %s", hotel_id, described(error))
                continue
            finished = finished and drained is not Drained.MORE
    return finished


async def sweep(projector: Projector) -> bool:
    """Project whatever is behind anywhere: what nobody nudged about. The result is as of `drain_shards`."""
    return await drain_shards(projector, list(range(SHARDS)))


async def drain_hotel(
    projector: Projector,
    connection: Connection,
    hotel_id: UUID,
    *,
    batches: int = BATCHES_AT_ONCE,
    until: int | None = None,
) -> Drained:
    """Project what is new of a hotel, about `batches` batches at most; after letting go of it, look once more.

    With `until`, no event after that seq is applied.
    """
    budget = batches * projector.batch_size
    singly = 0  # after a failure, events go one by one: those before the one that fails are applied, then it is alone
    while budget > 0:
        try:
            limit = 1 if singly else projector.batch_size
            applied = await _apply_batch(projector, connection, hotel_id, limit, until)
        except _Failed as failed:
            if failed.count == 1:
                await _park(projector, connection, hotel_id, failed)
                return Drained.PARKED
            singly = failed.count
            continue
        if isinstance(applied, Drained):
            return applied
        budget -= applied
        singly = max(0, singly - applied)
        # A commit while this had the hotel may have nudged a projector that then found it taken.
        if applied == 0 and until is not None:
            return Drained.CAUGHT_UP
        if applied < projector.batch_size and not await connection.fetchval(statement("is_behind"), hotel_id):
            return Drained.CAUGHT_UP
    return Drained.MORE


async def retry(projector: Projector, hotel_id: UUID) -> Drained:
    """Let a parked hotel try again, and drain it."""
    async with projector.pool.acquire() as connection:
        await connection.execute(statement("unpark"), hotel_id)
        return await drain_hotel(projector, connection, hotel_id)


async def _apply_batch(
    projector: Projector, connection: Connection, hotel_id: UUID, limit: int, until: int | None = None
) -> int | Literal[Drained.BUSY, Drained.PARKED]:
    """Apply the next events in one transaction; how many there were. Raises _Failed, and then nothing has changed."""
    began_ns = time.time_ns()
    async with connection.transaction(isolation="read_committed"):
        checkpoint = await connection.fetchrow(statement("lock_checkpoint"), hotel_id)
        if checkpoint is None:
            await connection.execute(statement("insert_checkpoint"), hotel_id)
            checkpoint = await connection.fetchrow(statement("lock_checkpoint"), hotel_id)
            if checkpoint is None:
                return Drained.BUSY
        if checkpoint["parked_seq"] is not None:
            return Drained.PARKED
        before: int = checkpoint["seq"]
        if until is not None:
            limit = min(limit, until - before)
        batch = await read_after(connection, hotel_id, before, limit) if limit > 0 else []
        if batch:
            applied = Applied(checkpoint["events_applied"], checkpoint["checksum"])
            try:
                after = await _fold(projector, connection, hotel_id, before, batch, applied)
                await _move(connection, hotel_id, before, batch[-1], applied, after)
            except Exception as error:
                if _is_passing(error, connection):
                    raise
                raise _Failed(before + 1, len(batch), batch[0].metadata) from error
    if batch:
        await projector.tell(hotel_id, batch[-1].seq)
    if batch and projector.watch is not None:
        projector.watch.projected(
            Projected(
                projection=PROJECTION, hotel_id=hotel_id, events=batch, began_ns=began_ns, ended_ns=time.time_ns()
            )
        )
    return len(batch)


async def _fold(
    projector: Projector,
    connection: Connection,
    hotel_id: UUID,
    before: int,
    batch: list[RecordedEvent],
    applied: Applied,
) -> Applied:
    """Do to the read tables what a batch of events says, within the caller's transaction; what is applied then."""
    for seq, recorded in enumerate(batch, start=before + 1):
        if recorded.seq != seq:
            raise LedgerGap(f"the ledger has no event {seq}")
    decoded = [(recorded, recorded.event()) for recorded in batch]
    reach = reach_of(decoded)
    rows = WorkingSet()
    await load(connection, hotel_id, reach, rows)
    fold = Fold(rows, await open_with_keys(projector.master_key, connection, hotel_id, reach.guests), applied)
    for recorded, event in decoded:
        fold.apply(recorded, event)
    await write(connection, hotel_id, rows)
    erased = [guest for _, event in decoded if isinstance(event, GuestsErased) for guest in event.guests]
    if erased:
        await _forget_before(connection, hotel_id, erased)
    return fold.applied


async def _forget_before(connection: Connection, hotel_id: UUID, guests: list[UUID]) -> None:
    """Whoever is erased must not live on in the tables that a rebuild has left behind."""
    if await connection.fetchval(f"select to_regclass('{BEFORE}.guest')") is not None:
        await connection.execute(statement("forget_before"), hotel_id, guests)


async def _move(
    connection: Connection, hotel_id: UUID, before: int, last: RecordedEvent, applied: Applied, after: Applied
) -> None:
    moved = await connection.execute(
        statement("move_checkpoint"),
        hotel_id,
        before,
        last.seq,
        after.count - applied.count,
        last.recorded_at,
        applied.checksum,
        after.checksum,
    )
    if moved != "UPDATE 1":
        raise AssertionError("the checkpoint moved under its lock")


def _nobody(_: Sealed) -> None:
    """Opens nothing; for batches in which nothing is sealed."""


async def open_with_keys(
    master_key: MasterKey, connection: Connection, hotel_id: UUID, guests: Collection[UUID]
) -> OpenSealed:
    """What opens these guests' details; their keys are read in one statement."""
    if not guests:
        return _nobody
    keys = {
        row["guest_id"]: master_key.unwrap(hotel_id, row["guest_id"], row["wrapped_key"])
        for row in await connection.fetch(statement("guest_keys"), hotel_id, list(guests))
    }

    def open_sealed(sealed: Sealed) -> dict[str, Any] | None:
        key = keys.get(sealed.guest_id)
        return None if key is None else key.open(sealed)

    return open_sealed


# ---------------------------------------------------------------- parking


def _is_passing(error: Exception, connection: Connection) -> bool:
    return isinstance(error, _PASSING) or is_gone(connection)


async def _park(projector: Projector, connection: Connection, hotel_id: UUID, failed: _Failed) -> None:
    why = described(failed.__cause__)
    with following(cause_of(failed.metadata)):
        log.error("the projection of hotel %s is parked before event %d: %s", hotel_id, failed.seq, why)
    await connection.execute(statement("park"), hotel_id, failed.seq, why)
    if projector.watch is not None:
        projector.watch.parked(PROJECTION)


def described(error: BaseException | None) -> str:
    """What went wrong and where, without any text that could quote personal data."""
    if isinstance(error, UnknownEvent | LedgerGap | UndeclaredRow):
        return str(error)
    parts = [type(error).__name__]
    if isinstance(error, asyncpg.PostgresError):
        named = (error.sqlstate, error.table_name, error.column_name, error.constraint_name)
        parts += [str(name) for name in named if name]
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    if frames:
        parts.append(f"in {frames[-1].name} ({Path(frames[-1].filename).name}:{frames[-1].lineno})")
    return " ".join(parts)


# ---------------------------------------------------------------- rebuilding


async def rebuild_hotel(projector: Projector, hotel_id: UUID, progress: Callable[[int], None] | None = None) -> int:
    """Fold a hotel's read tables from nothing, in one transaction; the seq reached. `progress` is told seqs.

    Queries see the old rows until the commit. Waits for the projector that has the hotel; a parked projection starts
    afresh. Raises CannotRebuild where an event can't be applied, and then everything is as before.
    """
    async with projector.pool.acquire() as connection, connection.transaction(isolation="read_committed"):
        await connection.execute(statement("insert_checkpoint"), hotel_id)
        if await connection.fetchrow(statement("lock_checkpoint_waiting"), hotel_id) is None:
            raise CannotRebuild("there is no such hotel")
        await connection.execute(statement("restart_checkpoint"), hotel_id)
        await delete_hotel(connection, hotel_id)
        await forget_audit(connection, hotel_id)
        seq, applied = 0, NOTHING
        while batch := await read_after(connection, hotel_id, seq, _REBUILD_BATCH_SIZE):
            try:
                after = await _fold(projector, connection, hotel_id, seq, batch, applied)
                await _move(connection, hotel_id, seq, batch[-1], applied, after)
            except Exception as error:
                if _is_passing(error, connection):
                    raise
                raise CannotRebuild(f"between events {seq + 1} and {batch[-1].seq}: {described(error)}") from error
            seq, applied = batch[-1].seq, after
            if progress is not None:
                progress(seq)
        return seq
