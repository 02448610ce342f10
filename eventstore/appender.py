"""The appender: the one way into the ledger. Commands that arrive while a commit is in flight go together in the next.

There is no timer: an idle appender takes a single command at once, a busy one makes one commit for many. A batch is one
short transaction under READ COMMITTED: lock the heads of its hotels, read what the decisions need, decide in memory,
write once. Hotels whose head somebody else holds go to a lane of their own, so that they never stop the others.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from domain.hotels import Hotel, HotelEvent, OpenHotel
from domain.hotels import evolve as evolve_hotel
from domain.inventory import InventoryCommand, InventoryEvent
from domain.rejections import BelowSold, Rejected, SoldOut, UnknownHotel
from eventstore.causes import cause_of, following
from eventstore.decisions import Head, HotelSituation, is_exclusive
from eventstore.gathering import expire_due_holds, gather, gather_for, gather_range
from eventstore.night_cache import NightCache
from eventstore.night_ranges import range_writes
from eventstore.reading import Connection, Pool, recorded
from eventstore.sql import statement
from eventstore.submission import Acknowledged, Submission
from eventstore.watching import Appended, AppendWatch
from eventstore.write_set import WriteSet

log = logging.getLogger(__name__)

BATCH_SIZE = 64
LANES = 6
LOCK_TIMEOUT_MS = 1000
PATIENCE_S = 5.0
SPLIT_PATIENCE_S = 10.0
"""How much longer a command waits where another one of its batch was too slow: up to seven attempts of two seconds."""
TRANSACTION_TIMEOUT_S = 2.0
"""The command role's `transaction_timeout`, after which the server ends the session."""
_RETRY_PAUSE_S = 0.1

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server ended the connection between two statements
    OSError,
)
_STOPPED = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.TransactionTimeoutError,
)


class LedgerUnavailable(Exception):
    """The database couldn't be reached in time. Nothing was written; the command can be sent again."""


class HotelBusy(Exception):
    """Somebody held the hotel's head for too long. Nothing was written; the command can be sent again."""


class _OutOfTime(Exception):
    """The transaction took longer than a writer's may, so the server ended it. Nothing was written."""


class CommandTooSlow(Exception):
    """The database didn't get through with this command alone in the time that a writer has. Nothing was written."""


class OutcomeUnknown(Exception):
    """The connection broke during the commit. Sent again with its idempotency key, the command has one effect."""


class ReferenceTaken(Exception):
    """The booking reference made for this command exists already; the command wants another one."""


@dataclass(slots=True, eq=False)
class _Entry:
    submission: Submission
    future: asyncio.Future[Acknowledged]
    deadline: float
    result: Acknowledged | Exception | None = None

    @property
    def hotel_id(self) -> UUID:
        return self.submission.hotel_id

    def settle(self) -> None:
        """Hand the result to the client, unless it has gone."""
        if self.future.done():
            return
        match self.result:
            case Acknowledged():
                self.future.set_result(self.result)
            case Exception():
                self.future.set_exception(self.result)
            case None:
                self.future.set_exception(AssertionError("a batch ended without deciding this command"))

    def fail(self, error: Exception) -> None:
        """End the command without an effect."""
        self.result = error
        self.settle()


@dataclass(slots=True)
class _Lane:
    """A hotel whose head somebody else holds; its commands wait here, alone with a connection."""

    entries: deque[_Entry] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is done in one transaction: the hotels whose heads it holds, and what is to be written of them."""

    connection: Connection
    write: WriteSet
    situations: dict[UUID, HotelSituation]

    async def write_out(self) -> None:
        """Write what has been decided so far; rooms are taken back in a statement before the one that gives them."""
        for situation in self.situations.values():
            situation.close()
        if self.write.empty:
            return
        ended = self.write.ended_room_stays()
        if ended is not None:
            await self.connection.execute(statement("end_room_stays"), *ended)
        await self.connection.execute(statement("append"), *self.write.parameters())
        erased = self.write.erased_guests()
        if erased is not None:
            await self.connection.execute(statement("destroy_guest_keys"), *erased)
        self.write.clear()


class Appender:
    """Appends to the ledger through a pool of connections of the command role."""

    def __init__(
        self,
        pool: Pool,
        *,
        announce: Callable[[Iterable[UUID]], None] | None = None,
        batch_size: int = BATCH_SIZE,
        lanes: int = LANES,
        patience_s: float = PATIENCE_S,
        watch: AppendWatch | None = None,
    ) -> None:
        """`announce` is told the hotels of each commit, after it. `patience_s` bounds a command's wait."""
        self._pool = pool
        self._announce = announce
        self._watch = watch
        self._batch_size = batch_size
        self._patience_s = patience_s
        self._inbox: deque[_Entry] = deque()
        self._arrived = asyncio.Event()
        self._lanes: dict[UUID, _Lane] = {}
        self._lane_slots = asyncio.Semaphore(lanes)
        self._hotels: dict[UUID, tuple[int, Hotel]] = {}
        self._nights = NightCache()
        self._main: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> "Appender":
        self._main = asyncio.create_task(self._serve(), name="appender")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what was submitted, then stop."""
        self._closing = True
        self._arrived.set()
        if self._main is not None:
            await self._main
        await asyncio.gather(*(lane.task for lane in self._lanes.values() if lane.task is not None))

    async def submit(self, submission: Submission) -> Acknowledged:
        """Append what a command decides, and answer once it is committed.

        Raises Rejected where a rule refuses; HotelBusy, CommandTooSlow, LedgerUnavailable and OutcomeUnknown as their
        names say.
        """
        if self._closing:
            raise LedgerUnavailable("the service is shutting down")
        loop = asyncio.get_running_loop()
        entry = _Entry(submission, loop.create_future(), loop.time() + self._patience_s)
        lane = self._lanes.get(submission.hotel_id)
        if lane is None:
            self._inbox.append(entry)
            self._arrived.set()
        else:
            lane.entries.append(entry)
        if self._watch is None:
            return await entry.future
        try:
            acknowledged = await entry.future
        except Exception as error:
            self._watch.decided(submission.command, error)
            raise
        self._watch.decided(submission.command, acknowledged)
        return acknowledged

    @property
    def waiting(self) -> int:
        """How many commands wait for the next batch."""
        return len(self._inbox) + sum(len(lane.entries) for lane in self._lanes.values())

    # ------------------------------------------------------------ the main loop and the lanes

    async def _serve(self) -> None:
        while not (self._closing and not self._inbox):
            await self._arrived.wait()
            self._arrived.clear()
            while self._inbox:
                await self._append_batch(self._take(self._inbox), waiting=False)

    def _take(self, inbox: deque[_Entry]) -> list[_Entry]:
        """The next batch, in order of arrival. A command that writes whole ranges goes alone within its hotel."""
        batch: list[_Entry] = []
        later: list[_Entry] = []
        seen: set[UUID] = set()
        closed: set[UUID] = set()
        while inbox and len(batch) < self._batch_size:
            entry = inbox.popleft()
            exclusive = is_exclusive(entry.submission)
            if entry.hotel_id in closed or (exclusive and entry.hotel_id in seen):
                closed.add(entry.hotel_id)
                later.append(entry)
                continue
            if exclusive:
                closed.add(entry.hotel_id)
            seen.add(entry.hotel_id)
            batch.append(entry)
        inbox.extendleft(reversed(later))
        return batch

    def _to_lanes(self, entries: Iterable[_Entry]) -> None:
        """Move commands to their hotels' lanes, and with them what has arrived for these since: order is kept."""
        for entry in entries:
            lane = self._lanes.get(entry.hotel_id)
            if lane is None:
                lane = self._lanes[entry.hotel_id] = _Lane()
                lane.task = asyncio.create_task(self._serve_lane(entry.hotel_id, lane), name="appender lane")
            lane.entries.append(entry)
        waiting = list(self._inbox)
        self._inbox.clear()
        for entry in waiting:
            lane = self._lanes.get(entry.hotel_id)
            (self._inbox if lane is None else lane.entries).append(entry)

    async def _serve_lane(self, hotel_id: UUID, lane: _Lane) -> None:
        async with self._lane_slots:
            while lane.entries:
                await self._append_batch(self._take(lane.entries), waiting=True)
            # Nothing is awaited between the last look and this, so no command can slip into a lane that is gone.
            del self._lanes[hotel_id]

    # ------------------------------------------------------------ one batch

    async def _append_batch(self, entries: list[_Entry], *, waiting: bool) -> None:
        """Append a batch and settle its commands, whatever happens to the database meanwhile."""
        while entries:
            overdue: Exception
            try:
                skipped = await self._transact(entries, waiting=waiting)
            except OutcomeUnknown as error:
                for entry in entries:
                    entry.fail(error)
                return
            except asyncpg.LockNotAvailableError:
                overdue = HotelBusy("somebody holds this hotel's ledger for too long")
            except (*_LOST, *_STOPPED) as error:
                log.warning("the ledger can't be reached: %s", type(error).__name__)
                overdue = LedgerUnavailable("the database can't be reached")
                await asyncio.sleep(_RETRY_PAUSE_S)
            except _OutOfTime:
                if len(entries) > 1:
                    await self._split(entries, waiting=waiting)
                    return
                command = type(entries[0].submission.command).__name__
                log.warning("a command takes longer than a transaction may: %s", command)
                overdue = CommandTooSlow("the database took too long for this command")
            except Exception as error:
                if len(entries) == 1:
                    with following(cause_of(entries[0].submission.metadata)):
                        entries[0].fail(_cause(error))
                else:
                    await self._append_singly(entries, waiting=waiting)
                return
            else:
                for entry in entries:
                    if entry not in skipped:
                        entry.settle()
                if skipped:
                    self._to_lanes(entry for entry in entries if entry in skipped)
                return
            entries = _patient(entries, overdue)

    async def _append_singly(self, entries: list[_Entry], *, waiting: bool) -> None:
        """One command of the batch breaks it: alone each succeeds or fails for itself."""
        for entry in entries:
            await self._append_batch([entry], waiting=waiting)

    async def _split(self, entries: list[_Entry], *, waiting: bool) -> None:
        """A batch took longer than a transaction may: hotel by hotel, then by halves, then one by one.

        Hotels go to their lanes, so that the slow one doesn't keep the others. Within a hotel it is halves, not
        single commands at once: the server may be slow as a whole, and then few transactions are better than many.
        """
        log.warning("a batch of %d commands takes longer than a transaction may: it is split", len(entries))
        if not waiting:
            self._to_lanes(entries)
            return
        middle = len(entries) // 2
        for half in (entries[:middle], entries[middle:]):
            overdue = LedgerUnavailable("the database is too slow at the moment")
            patient = _patient(half, overdue, grace_s=SPLIT_PATIENCE_S)
            if patient:
                await self._append_batch(patient, waiting=True)

    async def _transact(self, entries: list[_Entry], *, waiting: bool) -> set[_Entry]:
        """One transaction for a batch. Returns the entries whose hotel's head was held by somebody else."""
        loop = asyncio.get_running_loop()
        began_ns = time.time_ns()
        async with self._pool.acquire() as connection:
            transaction = connection.transaction(isolation="read_committed")
            began = loop.time()
            await transaction.start()
            try:
                if waiting:
                    await connection.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
                batch, skipped = await self._read(connection, entries, waiting=waiting)
                for entry in entries:
                    if entry not in skipped:
                        await self._decide(batch, entry)
                await batch.write_out()
            except (*_LOST, *_STOPPED) as error:
                _drop(connection)
                # The server says why, but ends the session with it, of which the driver tells that it was lost.
                if loop.time() - began >= TRANSACTION_TIMEOUT_S:
                    raise _OutOfTime from error
                raise
            except BaseException:
                await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except asyncpg.InternalClientError:
                _drop(connection)  # the server had ended the connection before: no COMMIT was sent
                raise
            except (*_LOST, *_STOPPED) as error:
                raise OutcomeUnknown("the connection broke during the commit") from error
        for situation in batch.situations.values():
            if not situation.wrote_ranges:
                self._nights.put(situation.hotel_id, situation.head.seq, situation.nights)
        moved = [situation.hotel_id for situation in batch.situations.values() if situation.events]
        if self._announce is not None and moved:
            self._announce(moved)
        if self._watch is not None and moved:
            self._watch.appended(
                Appended(
                    submissions=[entry.submission for entry in entries if entry not in skipped],
                    events=sum(len(situation.events) for situation in batch.situations.values()),
                    began_ns=began_ns,
                    ended_ns=time.time_ns(),
                )
            )
        return skipped

    async def _decide(self, batch: _Batch, entry: _Entry) -> None:
        submission, situation = entry.submission, batch.situations.get(entry.hotel_id)
        try:
            if situation is None:
                raise UnknownHotel(hotel_id=submission.hotel_id)
            if is_exclusive(submission):
                entry.result = await self._decide_exclusively(batch, submission, situation)
                return
            await gather_for(batch.connection, submission, situation)
            try:
                entry.result = situation.decide(submission)
            except SoldOut as refusal:
                if not await expire_due_holds(batch.connection, situation, refusal, submission):
                    raise
                entry.result = situation.decide(submission)
        except Rejected as refusal:
            entry.result = refusal

    async def _decide_exclusively(
        self, batch: _Batch, submission: Submission, situation: HotelSituation
    ) -> Acknowledged:
        """Decide a command that writes nights by ranges; it is alone within its hotel in this transaction."""
        connection, command, before = batch.connection, submission.command, situation.hotel
        if before is not None:
            situation.was_booked = await connection.fetchval(statement("was_booked"), situation.hotel_id)
            if isinstance(command, InventoryCommand):
                stream = before.room_type(command.room_type).room_type_id
                version = await connection.fetchval(statement("stream_version"), situation.hotel_id, stream)
                situation.inventory_version = version
        situation.wrote_ranges = True
        await gather_range(connection, command, situation)
        try:
            acknowledged = situation.decide(submission)
        except BelowSold as refusal:
            if not await expire_due_holds(connection, situation, refusal, submission):
                raise
            await batch.write_out()  # the nights are free before there are fewer rooms for them
            acknowledged = situation.decide(submission)
        if situation.seq_before == 0 and situation.events:
            await connection.execute(statement("insert_head"), situation.hotel_id)
        for event in situation.events:
            if isinstance(event, HotelEvent | InventoryEvent):
                for name, parameters in range_writes(situation.hotel_id, before, event):
                    await connection.execute(statement(name), *parameters)
        return acknowledged

    # ------------------------------------------------------------ reading under the lock

    async def _read(
        self, connection: Connection, entries: Sequence[_Entry], *, waiting: bool
    ) -> tuple[_Batch, set[_Entry]]:
        """Lock the heads and read what the decisions need. Also returns the entries of heads that others hold."""
        wanted = {entry.hotel_id for entry in entries}
        heads = await connection.fetch(statement("lock_head_waiting" if waiting else "lock_heads"), sorted(wanted))
        missing = wanted - {head["hotel_id"] for head in heads}
        held_elsewhere: set[UUID] = set()
        if missing and not waiting:
            known = await connection.fetch(statement("known_hotels"), list(missing))
            held_elsewhere = {row["hotel_id"] for row in known}
        hotels = await self._hotels_at(connection, heads)
        write, situations = WriteSet(), dict[UUID, HotelSituation]()
        mine = [entry.submission for entry in entries if entry.hotel_id not in missing]
        opened = {s.hotel_id: s.stream_id for s in mine if isinstance(s.command, OpenHotel)}
        for head in heads:
            hotel_id = head["hotel_id"]
            situations[hotel_id] = HotelSituation(
                hotel_id=opened.get(hotel_id, hotel_id),
                head=Head(
                    seq=head["seq"],
                    hash=head["hash"],
                    occurred_at=head["occurred_at"],
                    recorded_at=head["recorded_at"],
                    settings_version=head["settings_version"],
                ),
                now=head["now"],
                hotel=hotels.get(hotel_id),
                write=write,
                nights=self._nights.take(hotel_id, head["seq"]),
            )
        # A hotel that isn't there has no situation; its commands are refused.
        await gather(connection, [s for s in mine if s.hotel_id in situations], situations)
        return _Batch(connection, write, situations), {e for e in entries if e.hotel_id in held_elsewhere}

    async def _hotels_at(self, connection: Connection, heads: Sequence[asyncpg.Record]) -> dict[UUID, Hotel]:
        """The settings of hotels as their heads say, from memory where that is as new."""
        hotels: dict[UUID, Hotel] = {}
        behind: list[tuple[UUID, int]] = []
        for head in heads:
            hotel_id, version = head["hotel_id"], head["settings_version"]
            known_version, known = self._hotels.get(hotel_id, (0, None))
            if known_version == version and known is not None:
                hotels[hotel_id] = known
            elif version:
                behind.append((hotel_id, known_version))
        if behind:
            await self._catch_up(connection, behind)
            hotels.update((hotel_id, self._hotels[hotel_id][1]) for hotel_id, _ in behind)
        return hotels

    async def _catch_up(self, connection: Connection, behind: Sequence[tuple[UUID, int]]) -> None:
        """Fold into the remembered settings what was committed since; the locks keep it from moving meanwhile."""
        ids, versions = [hotel_id for hotel_id, _ in behind], [version for _, version in behind]
        for row in await connection.fetch(statement("read_settings"), ids, versions):
            fact = recorded(row)
            event = fact.event()
            if not isinstance(event, HotelEvent):
                raise AssertionError(f"{fact.type} stands in a hotel's own stream")
            hotel = self._hotels[fact.hotel_id][1] if fact.version > 1 else None
            self._hotels[fact.hotel_id] = (fact.version, evolve_hotel(hotel, event))


def _drop(connection: Connection) -> None:
    """Don't use a connection again. If the server has ended it, the pool has taken it back and refuses to be told."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


def _patient(entries: Iterable[_Entry], overdue: Exception, *, grace_s: float = 0) -> list[_Entry]:
    """Those that can still wait, `grace_s` longer than they wanted to; the others end with `overdue`."""
    now = asyncio.get_running_loop().time() - grace_s
    patient = []
    for entry in entries:
        if entry.deadline > now:
            patient.append(entry)
        else:
            entry.fail(overdue)
    return patient


def _cause(error: Exception) -> Exception:
    """What a command that fails alone is answered with."""
    if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "reference_pkey":
        return ReferenceTaken()
    log.error("an append failed: %s", type(error).__name__, exc_info=error)
    return error
