"""Working sets and the database: reading the rows that a batch reaches, writing what it changed in one statement.

The statements are made from the tables' columns, once for each combination of tables that a batch changes. All find
their rows by primary key, in ways that leave the planner no choice: a statement is planned once for a connection, and
perhaps while a table is still empty. So reading goes key by key (a lateral subquery, fenced by `offset 0`), and
changed rows are written by `on conflict`, which knows its index.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal
from uuid import UUID

from domain.calendar import nights
from eventstore.reading import Connection
from readmodels.booking_folds import room_stay_begins
from readmodels.folds import Reach
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    HOTEL,
    LINE,
    NIGHT,
    ROOM,
    ROOM_OUTAGE,
    ROOM_STAY,
    ROOM_TYPE,
    TABLES,
    Key,
    Table,
)
from readmodels.working_set import WorkingSet

COPY_FROM_ROWS = 2000
"""From this many new rows of a table on, COPY is faster than arrays of parameters."""
COPY_APPENDED_FROM_ROWS = 200
"""The same of a table to which rows are only added."""

type _Kind = Literal["insert", "update", "delete"]
type _Part = tuple[str, _Kind]

_BY_NAME: dict[str, Table[Any]] = {table.name: table for table in TABLES}


class RowsVanished(Exception):
    """The database held fewer of the rows to change than were read from it under the same lock."""


# ---------------------------------------------------------------- reading


async def load(connection: Connection, hotel_id: UUID, reach: Reach, rows: WorkingSet) -> None:
    """Read the rows that a batch reaches: at most nine statements, none for what it doesn't reach."""
    if reach.settings:
        await _load_all(connection, hotel_id, HOTEL, rows)
        await _load_all(connection, hotel_id, ROOM_TYPE, rows)
        rows.load_absent(HOTEL, [()])
    if reach.rooms:
        await _load_rooms(connection, hotel_id, reach.rooms, rows)
    if reach.bookings:
        await _load_bookings(connection, hotel_id, reach.bookings, rows)
        reach.add_claimed_nights(rows)
    if reach.nights:
        wanted = zip(*reach.nights, strict=True)
        found = await connection.fetch(_select(NIGHT, NIGHT.key), hotel_id, *(list(column) for column in wanted))
        rows.load(NIGHT, [NIGHT.row(*row) for row in found])
        rows.load_absent(NIGHT, reach.nights)


async def _load_all(connection: Connection, hotel_id: UUID, table: Table[Any], rows: WorkingSet) -> None:
    rows.load(table, [table.row(*row) for row in await connection.fetch(_select(table, 0), hotel_id)])


async def _load_rooms(connection: Connection, hotel_id: UUID, rooms: set[str], rows: WorkingSet) -> None:
    names = list(rooms)
    rows.load(ROOM, [_tupled(ROOM, row) for row in await connection.fetch(_select(ROOM, 1), hotel_id, names)])
    rows.load_absent(ROOM, [(room,) for room in names])
    found = await connection.fetch(_select(ROOM_OUTAGE, 1), hotel_id, names)
    rows.load(ROOM_OUTAGE, [ROOM_OUTAGE.row(*row) for row in found])


async def _load_bookings(connection: Connection, hotel_id: UUID, bookings: set[UUID], rows: WorkingSet) -> None:
    ids = list(bookings)
    found = await connection.fetch(_select(BOOKING, 1), hotel_id, ids)
    rows.load(BOOKING, [_tupled(BOOKING, row) for row in found])
    rows.load_absent(BOOKING, [(booking_id,) for booking_id in ids])
    lines = [_tupled(LINE, row) for row in await connection.fetch(_select(LINE, 1), hotel_id, ids)]
    rows.load(LINE, lines)
    # The number after a booking's last line is known to have none: that is where its lines end.
    rows.load_absent(LINE, [(line.booking_id, line.line + 1) for line in lines])
    found = await connection.fetch(_select(BOOKING_NIGHT, 1), hotel_id, ids)
    rows.load(BOOKING_NIGHT, [BOOKING_NIGHT.row(*row) for row in found])
    for line in lines:
        stay = nights(line.arrival, line.departure)
        rows.load_absent(BOOKING_NIGHT, [(line.booking_id, line.line, night) for night in stay])
    roomed = [line for line in lines if line.room is not None]
    if roomed:
        ids = list({line.booking_id for line in roomed})
        found = await connection.fetch(_select(ROOM_STAY, 1), hotel_id, ids)
        rows.load(ROOM_STAY, [ROOM_STAY.row(*row) for row in found])
        for line in roomed:
            begins = room_stay_begins(line)
            rows.load_absent(ROOM_STAY, [(line.booking_id, line.line, first) for first in begins])


def _tupled(table: Table[Any], record: Sequence[Any]) -> Any:
    return table.row(*(tuple(value) if type(value) is list else value for value in record))


@cache
def _select(table: Table[Any], keys: int) -> str:
    """All rows of a hotel ($1), or those with the first `keys` columns of their key in the arrays $2, ..."""
    columns = ", ".join(f"t.{column}" for column in table.columns)
    if not keys:
        return f"select {columns} from read.{table.name} t where t.hotel_id = $1"  # noqa: S608 - our own names
    named = table.columns[:keys]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(table.types[:keys], start=2))
    same = " and ".join(f"r.{column} = k.{column}" for column in named)
    return f"""select {columns}
  from unnest({arrays}) as k ({", ".join(named)})
 cross join lateral (select * from read.{table.name} r where r.hotel_id = $1 and {same} offset 0) t"""  # noqa: S608


# ---------------------------------------------------------------- writing


async def write(connection: Connection, hotel_id: UUID, rows: WorkingSet) -> None:
    """Write what a working set has changed, in one statement (and a COPY for each table with very many new rows).

    Raises RowsVanished if a row to change isn't there, and what PostgreSQL raises if one to insert already is.
    """
    parts: list[_Part] = []
    parameters: list[Any] = []
    expected: list[int] = []
    for table in TABLES:
        changes = rows.changes(table)
        if _is_for_copy(table, len(changes.inserted)):
            await _copy(connection, hotel_id, table, changes.inserted)
        elif changes.inserted:
            parts.append((table.name, "insert"))
            parameters += _columns(table.types, changes.inserted)
            expected.append(len(changes.inserted))
        if changes.updated:
            parts.append((table.name, "update"))
            parameters += _columns(table.types, changes.updated)
            expected.append(len(changes.updated))
        if changes.deleted:
            parts.append((table.name, "delete"))
            parameters += _columns(table.types[: table.key], changes.deleted)
            expected.append(len(changes.deleted))
    if not parts:
        return
    counts = await connection.fetchrow(_statement(tuple(parts)), hotel_id, *parameters)
    if counts is None or list(counts) != expected:
        counted = zip(parts, counts or (), expected, strict=False)
        raise RowsVanished(", ".join(f"{kind} {name}" for (name, kind), got, want in counted if got != want))


def _is_for_copy(table: Table[Any], inserted: int) -> bool:
    if table.blind or table.summed:
        return False
    return inserted >= (COPY_APPENDED_FROM_ROWS if table.appended else COPY_FROM_ROWS)


async def delete_hotel(connection: Connection, hotel_id: UUID) -> None:
    """Delete all rows of a hotel, save its checkpoint."""
    for table in TABLES:
        await connection.execute(f"delete from read.{table.name} where hotel_id = $1", hotel_id)  # noqa: S608


async def _copy(connection: Connection, hotel_id: UUID, table: Table[Any], rows: list[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(
        table.name,
        schema_name="read",
        columns=["hotel_id", *table.columns],
        records=[(hotel_id, *row) for row in rows],
    )


def _columns(types: Sequence[str], rows: Sequence[Key]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    for index, kind in enumerate(types):
        if kind.endswith("[]"):  # unnest flattens arrays of arrays, so an array goes as its text
            columns[index] = [array_text(value) for value in columns[index]]
    return columns


def array_text(values: Sequence[object]) -> str:
    """A one-dimensional PostgreSQL array as text."""
    return "{" + ",".join("NULL" if value is None else _quoted(str(value)) for value in values) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@cache
def _statement(parts: tuple[_Part, ...]) -> str:
    """One statement for several tables: $1 is the hotel, then come each part's columns as arrays, in order."""
    position, ctes = 2, []
    for number, (name, kind) in enumerate(parts):
        table = _BY_NAME[name]
        width = table.key if kind == "delete" else len(table.columns)
        columns, types = table.columns[:width], table.types[:width]
        source = ", ".join(
            f"${position + index}::{'text' if _goes_as_text(column_type) else column_type}[]"
            for index, column_type in enumerate(types)
        )
        position += width
        unnest = f"unnest({source}) as n ({', '.join(columns)})"
        body = {"insert": _insert, "update": _update, "delete": _delete}[kind](table, columns, unnest)
        ctes.append(f"w{number} (there) as (\n{body})")
    counts = ", ".join(f"(select count(there) from w{number})" for number in range(len(parts)))  # noqa: S608
    return f"with {', '.join(ctes)}\nselect {counts}"


def _goes_as_text(column_type: str) -> bool:
    return column_type.endswith("[]") or column_type == "jsonb"


def _value(table: Table[Any], column: str) -> str:
    column_type = table.types[table.columns.index(column)]
    return f"n.{column}::{column_type}" if _goes_as_text(column_type) else f"n.{column}"


def _insert(table: Table[Any], columns: Sequence[str], unnest: str) -> str:
    statement = _into(table, columns, unnest)
    if table.blind:
        statement += _or_overwrite(table)
    elif table.summed:
        statement += _or_add(table)
    return f"{statement}\nreturning 1"


def _update(table: Table[Any], columns: Sequence[str], unnest: str) -> str:
    # Counts the rows that were there; a row that wasn't is inserted and missing from the count, which ends the batch.
    return f"{_into(table, columns, unnest)}{_or_overwrite(table)}\nreturning nullif(old.hotel_id is not null, false)"


def _into(table: Table[Any], columns: Sequence[str], unnest: str) -> str:
    values = ", ".join(_value(table, column) for column in columns)
    return f"insert into read.{table.name} as t (hotel_id, {', '.join(columns)})\nselect $1, {values} from {unnest}"


def _or_overwrite(table: Table[Any]) -> str:
    key = ", ".join(["hotel_id", *table.columns[: table.key]])
    changed = ", ".join(f"{column} = excluded.{column}" for column in table.columns[table.key :])
    return f"\non conflict ({key}) do update set {changed}"


def _or_add(table: Table[Any]) -> str:
    key = ", ".join(["hotel_id", *table.columns[: table.key]])
    added = ", ".join(f"{column} = t.{column} + excluded.{column}" for column in table.columns[table.key :])
    return f"\non conflict ({key}) do update set {added}"


def _delete(table: Table[Any], columns: Sequence[str], unnest: str) -> str:
    same = " and ".join(f"r.{column} = n.{column}" for column in columns)
    found = f"select r.ctid from read.{table.name} r where r.hotel_id = $1 and {same} offset 0"  # noqa: S608
    return f"delete from read.{table.name} t using {unnest}, lateral ({found}) f\nwhere t.ctid = f.ctid\nreturning 1"  # noqa: S608
