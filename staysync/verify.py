"""Checks that everything is as the ledger says: the ledger in itself, the guards beside it, and every read table.

The events are read in short transactions and folded from nothing in memory. Only the comparison needs all tables at one
instant: it reads them in one snapshot, in which the fold is first at the projection's checkpoint, where the read tables
must be equal to it row by row, and then at the ledger's head, where the guards must be.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from domain.bookings import LineState
from domain.events import Event
from domain.rejections import UnknownHotel
from domain.values import Sealed
from eventstore.chain import GENESIS, event_hash, microseconds
from eventstore.guest_keys import GuestKey, MasterKey
from eventstore.master_key import check_master_key
from eventstore.reading import RESERVED_HOTEL, Connection, RecordedEvent, read_after
from projections.drain import described
from readmodels.applied import NOTHING
from readmodels.folds import Fold, reach_of
from readmodels.rows import BOOKING, GUEST, LINE, NIGHT, ROOM_STAY, TABLES, TIMELINE, Key, LineRow, Table
from readmodels.working_set import WorkingSet
from staysync.kept_answers import wrong_with
from staysync.secrets import load_secrets
from staysync.settings import Settings

_PAGE = 5000

_ANSWERS = """
    select i.principal, i.status, i.answer, i.recorded_at, greatest(clock_timestamp(), h.recorded_at) as now
      from ledger.idempotency i
      left join ledger.head h on h.hotel_id = i.hotel_id
     where i.hotel_id = $1
     order by i.recorded_at
"""

type Progress = Callable[[UUID, int, int], None]
"""Told the hotel, how many of its events are checked, and how many there are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that isn't as the ledger says: the first of its kind in its hotel."""

    hotel_id: UUID
    kind: str
    facts: str


@dataclass(slots=True)
class Report:
    """What was checked and what was found: `compared` of `events` are those that the read tables were compared up to.

    A projection that lags is worth a note, and a difference only if asked for.
    """

    hotels: int = 0
    events: int = 0
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def verify(
    settings: Settings, hotel_id: UUID | None = None, progress: Progress | None = None, *, caught_up: bool = False
) -> Report:
    """Check one hotel, or all. With `caught_up` it is a difference that a projection is behind.

    Raises UnknownHotel, WrongMasterKey, and what asyncpg raises if the database can't be asked.
    """
    master_key = load_secrets(settings.secrets_dir).master_key()
    report = Report()
    connection = await asyncpg.connect(
        settings.role_url("owner"),
        server_settings={"application_name": "staysync verify", "default_transaction_read_only": "on", "jit": "off"},
    )
    try:
        await check_master_key(connection, master_key)
        hotels = await _hotels(connection)
        if hotel_id is not None and hotel_id not in hotels:
            raise UnknownHotel(hotel_id=hotel_id)
        for each in hotels if hotel_id is None else [hotel_id]:
            check = _HotelCheck(connection, each, master_key, progress, caught_up=caught_up)
            await check.run()
            report.hotels += 1
            report.events += check.seq
            report.compared += min(check.projected, check.seq)
            report.differences += check.differences.values()
            report.notes += check.notes
        if hotel_id is None:
            report.differences += await _answers_about_openings(connection)
    finally:
        await connection.close()
    return report


async def _hotels(connection: Connection) -> list[UUID]:
    """Every hotel that anything is known of, also where what should belong to it is gone."""
    tables = [f"ledger.{name}" for name in ("head", "event", "night", "hold", "room_stay", "reference")]
    tables += ["ledger.idempotency", "ledger.guest_key"]
    tables += ["read.checkpoint", "read.audit", *(f"read.{table.name}" for table in TABLES)]
    each = " union ".join(f"select hotel_id from {table}" for table in tables)  # noqa: S608 - our own names
    rows = await connection.fetch(f"{each} order by hotel_id")
    return [row["hotel_id"] for row in rows if row["hotel_id"] != RESERVED_HOTEL]


async def _answers_about_openings(connection: Connection) -> list[Difference]:
    """The first answer kept under the reserved hotel, that is to the opening of one, that can't be."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        heads = {row["hotel_id"]: row["seq"] for row in await connection.fetch("select hotel_id, seq from ledger.head")}
        async for row in connection.cursor(_ANSWERS, RESERVED_HOTEL, prefetch=_PAGE):
            if problem := wrong_with(row, heads, {}, row["now"]):
                return [Difference(RESERVED_HOTEL, "ledger.idempotency", _about_answer(row, problem))]
    return []


def _about_answer(row: asyncpg.Record, problem: str) -> str:
    return f"the answer recorded at {row['recorded_at']} to {row['principal']} {problem}"


class _HotelCheck:
    """The check of one hotel, event by event and then table by table."""

    def __init__(
        self,
        connection: Connection,
        hotel_id: UUID,
        master_key: MasterKey,
        progress: Progress | None,
        *,
        caught_up: bool,
    ) -> None:
        self.differences: dict[str, Difference] = {}
        self.notes: list[str] = []
        self.seq = 0
        self.projected = 0
        self._caught_up = caught_up
        self._connection = connection
        self._hotel_id = hotel_id
        self._master_key = master_key
        self._progress = progress
        self._total = 0
        self._count = 0
        self._applied = NOTHING
        self._last: RecordedEvent | None = None
        self._versions: dict[UUID, int] = {}
        self._keys: dict[UUID, GuestKey] = {}
        self._fold = Fold(WorkingSet(from_nothing=True), self._open)
        self._folds = True

    async def run(self) -> None:
        """Find the first difference of each kind."""
        connection = self._connection
        head = await self._head()
        self._total = head["seq"] if head is not None else 0
        checkpoint = await self._checkpoint()
        if checkpoint is not None:
            await self._advance(checkpoint["seq"])
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            checkpoint = await self._checkpoint()
            head = await self._head()
            self.projected = checkpoint["seq"] if checkpoint is not None else 0
            self._total = head["seq"] if head is not None else 0
            await self._advance(self.projected)
            if checkpoint is not None:
                self._compare_checkpoint(checkpoint)
            self._note_state(checkpoint)
            await self._note_alarm()
            if self._folds:
                for table in TABLES:
                    await self._compare_table(table)
            await self._advance(None)
            self._compare_head(head)
            if self._folds:
                await self._compare_guards()
            await self._check_answers()

    def _differ(self, kind: str, facts: str) -> None:
        self.differences.setdefault(kind, Difference(self._hotel_id, kind, facts))

    async def _head(self) -> asyncpg.Record | None:
        return await self._connection.fetchrow("select * from ledger.head where hotel_id = $1", self._hotel_id)

    async def _checkpoint(self) -> asyncpg.Record | None:
        return await self._connection.fetchrow("select * from read.checkpoint where hotel_id = $1", self._hotel_id)

    def _compare_checkpoint(self, checkpoint: asyncpg.Record) -> None:
        """Hold the checkpoint against the events up to it, which are those that were checked so far."""
        seq, applied = checkpoint["seq"], checkpoint["events_applied"]
        if seq > self.seq:
            self._differ("checkpoint", f"it is at {seq}, but the ledger ends at {self.seq}")
            return
        if applied != self._count:
            self._differ("checkpoint", f"{applied} events were applied, but there are {self._count} up to its {seq}")
        elif checkpoint["checksum"] != self._applied.checksum:
            self._differ("checkpoint", f"what was applied up to its {seq} isn't what the ledger holds")
        recorded_at = None if self._last is None else self._last.recorded_at
        if checkpoint["recorded_at"] != recorded_at:
            self._differ(
                "checkpoint", f"its recorded_at is {checkpoint['recorded_at']}, that of event {seq} {recorded_at}"
            )

    def _note_state(self, checkpoint: asyncpg.Record | None) -> None:
        if checkpoint is not None and checkpoint["parked_seq"] is not None:
            self._differ("parked", f"the projection is parked before event {checkpoint['parked_seq']}: "
                         f"{checkpoint['parked_error']}")  # fmt: skip
        elif self.projected < self._total:
            behind = f"the read tables were compared up to event {self.projected:,} of {self._total:,}"
            if self._caught_up:
                self._differ("behind", behind)
            else:
                self.notes.append(f"hotel {self._hotel_id}: {behind}; the rest isn't projected yet")

    async def _note_alarm(self) -> None:
        alarm = await self._connection.fetchval("select alarm from read.audit where hotel_id = $1", self._hotel_id)
        if alarm is not None:
            self._differ("alarm", f"the sweep found that {alarm}")

    # ------------------------------------------------------------ the ledger in itself

    async def _advance(self, until: int | None) -> None:
        """Check and fold the events up to and with this seq, or all."""
        while until is None or self.seq < until:
            limit = _PAGE if until is None else min(_PAGE, until - self.seq)
            page = await read_after(self._connection, self._hotel_id, self.seq, limit)
            if not page:
                return
            if until is not None and page[-1].seq > until:  # there are gaps
                page = [recorded for recorded in page if recorded.seq <= until]
                if not page:
                    return
            for recorded in page:
                self._check(recorded)
            self._applied = self._applied.with_events(recorded.hash for recorded in page)
            await self._fold_page(page)
            if self._progress is not None:
                self._progress(self._hotel_id, min(self.seq, self._total), self._total)

    def _check(self, recorded: RecordedEvent) -> None:
        """Check an event against the one before it."""
        last, here = self._last, f"event {recorded.seq} ({recorded.type})"
        occurred, learnt = recorded.occurred_at, recorded.recorded_at
        if recorded.seq != self.seq + 1:
            self._differ("numbering", f"after event {self.seq} comes event {recorded.seq}")
        if last is not None and occurred < last.occurred_at:
            self._differ("times", f"{here} occurred at {occurred}, the one before at {last.occurred_at}")
        if last is not None and learnt < last.recorded_at:
            self._differ("times", f"{here} was recorded at {learnt}, the one before at {last.recorded_at}")
        if learnt < occurred:
            self._differ("times", f"{here} was recorded at {learnt}, before it occurred at {occurred}")
        stream = recorded.stream_id
        version = self._versions.get(stream, 0) + 1
        if recorded.version != version:
            self._differ("versions", f"{here} is version {recorded.version} of stream {stream}, not {version}")
        self._versions[recorded.stream_id] = recorded.version
        if _hash_after(GENESIS if last is None else last.hash, recorded) != recorded.hash:
            self._differ("chain", f"the hash of {here} isn't that of its content after the one before it")
        self._last, self.seq = recorded, recorded.seq
        self._count += 1

    def _compare_head(self, head: asyncpg.Record | None) -> None:
        if head is None:
            self._differ("head", "it is missing")
            return
        last = self._last
        wanted: Mapping[str, Any] = {
            "seq": self.seq,
            "hash": GENESIS if last is None else last.hash,
            "settings_version": self._versions.get(self._hotel_id, 0),
            **({} if last is None else {"occurred_at": last.occurred_at, "recorded_at": last.recorded_at}),
        }
        for column, value in wanted.items():
            if head[column] != value:
                self._differ("head", f"its {column} is {_shown(head[column])}, the last event's {_shown(value)}")

    # ------------------------------------------------------------ the fold

    def _open(self, sealed: Sealed) -> Mapping[str, Any] | None:
        key = self._keys.get(sealed.guest_id)
        return None if key is None else key.open(sealed)

    async def _fold_page(self, page: list[RecordedEvent]) -> None:
        """Fold events; after one that can't be, nothing more is folded or compared with the fold."""
        if not self._folds:
            return
        decoded: list[tuple[RecordedEvent, Event]] = []
        at = page[0]
        try:
            for at in page:
                decoded += [(at, at.event())]
            await self._read_keys(reach_of(decoded).guests)
            for at, event in decoded:
                self._fold.apply(at, event)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            raise
        except Exception as error:
            self._folds = False
            self._differ("fold", f"event {at.seq} ({at.type}) can't be applied: {described(error)}")
        self._fold.settle()

    async def _read_keys(self, guests: set[UUID]) -> None:
        rows = await self._connection.fetch(
            "select guest_id, wrapped_key from ledger.guest_key where hotel_id = $1 and guest_id = any ($2::uuid[])",
            self._hotel_id,
            list(guests),
        )
        self._keys = {
            row["guest_id"]: self._master_key.unwrap(self._hotel_id, row["guest_id"], row["wrapped_key"])
            for row in rows
        }

    # ------------------------------------------------------------ the tables

    async def _compare_table(self, table: Table[Any]) -> None:
        await self._compare(
            f"read.{table.name}",
            {table.key_of(row): row for row in self._fold.rows.rows(table)},
            self._live(f"read.{table.name}", table),
            table,
        )

    async def _look_for_kept_keys(self) -> None:
        """Who was erased must have no key any more."""
        erased = [row.guest_id for row in self._fold.rows.rows(GUEST) if row.erased]
        kept = await self._connection.fetchval(
            "select min(guest_id::text) from ledger.guest_key where hotel_id = $1 and guest_id = any ($2::uuid[])",
            self._hotel_id,
            erased,
        )
        if kept is not None:
            self._differ("ledger.guest_key", f"guest {kept} was erased, but the key is still there")

    async def _compare_guards(self) -> None:
        rows = self._fold.rows
        nights = {NIGHT.key_of(row): row for row in rows.rows(NIGHT)}
        await self._compare("ledger.night", nights, self._live("ledger.night", NIGHT), NIGHT)
        holds = [
            (line.booking_id, line.line, line.room_type, *_bounds(line), booking.hold_until)
            for line in rows.rows(LINE)
            if line.state == LineState.HELD.value and (booking := rows.get(BOOKING, (line.booking_id,))) is not None
        ]
        await self._compare_sets(
            "ledger.hold",
            ("booking_id", "line", "room_type", "arrival", "departure", "hold_until"),
            holds,
            "select booking_id, line, room_type, lower(stay), upper(stay), hold_until from ledger.hold"
            " where hotel_id = $1",
        )
        await self._compare_sets(
            "ledger.room_stay",
            ("room", "first", "until", "booking_id", "line"),
            [
                (stay.room, stay.first, stay.until, stay.booking_id, stay.line)
                for stay in rows.rows(ROOM_STAY)
                if stay.first < stay.until  # a day use has no night to guard
            ],
            "select room, lower(stay), upper(stay), booking_id, line from ledger.room_stay where hotel_id = $1",
        )
        await self._look_for_kept_keys()
        await self._compare_sets(
            "ledger.reference",
            ("reference", "booking_id"),
            [(row.reference, row.booking_id) for row in rows.rows(BOOKING)],
            "select reference, booking_id from ledger.reference where hotel_id = $1",
        )

    async def _check_answers(self) -> None:
        """Hold the answers that are kept for repeated requests against the ledger."""
        heads = {self._hotel_id: self.seq}
        async for row in self._connection.cursor(_ANSWERS, self._hotel_id, prefetch=_PAGE):
            if problem := wrong_with(row, heads, self._versions, row["now"]):
                self._differ("ledger.idempotency", _about_answer(row, problem))

    async def _live(self, name: str, table: Table[Any]) -> AsyncIterator[Any]:
        query = f"select {', '.join(table.columns)} from {name} where hotel_id = $1"  # noqa: S608 - our own names
        arrays = any(kind.endswith("[]") for kind in table.types)
        async for record in self._connection.cursor(query, self._hotel_id, prefetch=_PAGE):
            if arrays:
                yield table.row(*(tuple(value) if type(value) is list else value for value in record))
            else:
                yield table.row(*record)

    async def _compare(self, name: str, wanted: Mapping[Key, Any], live: AsyncIterator[Any], table: Table[Any]) -> None:
        """Compare a live table with the fold's rows."""
        found = 0
        keys: set[Key] = set()
        async for row in live:
            key = table.key_of(row)
            expected = wanted.get(key)
            if expected is None:
                self._differ(name, f"there is a row {_named(table, key)} that no event accounts for")
                continue
            found += 1
            keys.add(key)
            if row != expected and not _same_timeline(table, row, expected):
                self._differ(name, f"row {_named(table, key)}: {_columns_that_differ(table, row, expected)}")
        if found != len(wanted):
            missing = next(key for key in wanted if key not in keys)
            self._differ(name, f"the row {_named(table, missing)} is missing")

    async def _compare_sets(self, name: str, columns: Iterable[str], wanted: list[Key], query: str) -> None:
        """Compare what a small table should hold with what it holds."""
        live = {tuple(row) for row in await self._connection.fetch(query, self._hotel_id)}
        expected = set(wanted)
        for rows, problem in ((expected - live, "is missing"), (live - expected, "is one that no event accounts for")):
            if rows:
                row = min(rows, key=str)
                named = ", ".join(f"{column} {value}" for column, value in zip(columns, row, strict=True))
                self._differ(name, f"the row with {named} {problem}")


def _bounds(line: LineRow) -> tuple[date | None, date | None]:
    """The bounds of a line's stay as a range; one without nights is empty and has none."""
    return (line.arrival, line.departure) if line.arrival < line.departure else (None, None)


def _hash_after(previous: bytes, recorded: RecordedEvent) -> bytes:
    return event_hash(
        previous,
        hotel_id=recorded.hotel_id,
        seq=recorded.seq,
        stream_id=recorded.stream_id,
        version=recorded.version,
        schema_version=recorded.schema_version,
        occurred_us=microseconds(recorded.occurred_at),
        recorded_us=microseconds(recorded.recorded_at),
        event_type=recorded.type,
        data=recorded.data,
        metadata=recorded.metadata,
    )


def _same_timeline(table: Table[Any], row: Any, expected: Any) -> bool:
    """jsonb keeps the meaning of a text, not the text."""
    return table is TIMELINE and row[:-1] == expected[:-1] and orjson.loads(row.facts) == orjson.loads(expected.facts)


def _named(table: Table[Any], key: Key) -> str:
    return ", ".join(f"{column} {value}" for column, value in zip(table.columns, key, strict=False)) or "of the hotel"


# What a guest's row says is personal, and words may be: that they differ is enough to know.
_PERSONAL = frozenset({"full_name", "email", "phone", "reason"})


def _columns_that_differ(table: Table[Any], row: Any, expected: Any) -> str:
    return "; ".join(
        f"{column} differs" if column in _PERSONAL else f"{column} is {_shown(is_)}, should be {_shown(should)}"
        for column, is_, should in zip(table.columns, row, expected, strict=True)
        if is_ != should
    )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
