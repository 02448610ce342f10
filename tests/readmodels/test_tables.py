"""The rows, the mapped classes and the migrated tables say the same; each role may do what the design says."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import configure_mappers

from readmodels import tables
from readmodels.rows import TABLES, Table
from staysync.settings import Settings

MAPPED = {table.name: table for table in tables.Base.metadata.sorted_tables}

_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,
           a.attnum = any (coalesce(i.indkey::smallint[], '{}')) as in_key
      from pg_attribute a
      left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
     where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
     order by a.attnum
"""
_LONG_NAMES = {"timestamptz": "timestamp with time zone", "time": "time without time zone"}


async def migrated(settings: Settings, table: str) -> list[tuple[str, str, bool, bool]]:
    """A table's columns: name, type, whether it must be there, whether it is in the key."""
    connection = await asyncpg.connect(settings.role_url("owner"))
    try:
        return [tuple(row) for row in await connection.fetch(_COLUMNS, f"read.{table}")]
    finally:
        await connection.close()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_rows_have_the_columns_of_their_table(settings: Settings, table: Table[Any]) -> None:
    columns = await migrated(settings, table.name)
    assert [name for name, *_ in columns] == ["hotel_id", *table.columns]
    types = [_LONG_NAMES.get(kind, kind) for kind in table.types]
    assert [kind for _, kind, *_ in columns[1:]] == types
    assert sum(in_key for *_, in_key in columns) == table.key + 1


@pytest.mark.parametrize("name", sorted(MAPPED))
async def test_mapped_classes_are_the_migrated_tables(settings: Settings, name: str) -> None:
    mapped = [
        (
            column.name,
            column.type.compile(postgresql.dialect()).lower(),  # type: ignore[no-untyped-call]
            not column.nullable,
            column.primary_key,
        )
        for column in MAPPED[name].columns
    ]
    assert mapped == await migrated(settings, name)


async def test_every_read_table_is_mapped_and_folded_or_keeps_the_count(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.role_url("owner"))
    found = {row[0] for row in await connection.fetch("select tablename from pg_tables where schemaname = 'read'")}
    await connection.close()
    assert found == set(MAPPED) == {table.name for table in TABLES} | {"checkpoint", "audit"}


async def test_queries_read_and_never_write(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.role_url("query"))
    await connection.execute("set default_transaction_read_only = off")
    for table in MAPPED:
        await connection.fetch(f"select * from read.{table}")  # noqa: S608
        for statement in (f"delete from read.{table}", f"update read.{table} set hotel_id = hotel_id"):  # noqa: S608
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    await connection.close()


async def test_projectors_never_write_the_ledger_and_commands_never_see_a_read_table(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.role_url("projector"))
    for table in ("event", "head", "guest_key"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"update ledger.{table} set hotel_id = hotel_id")  # noqa: S608
    await connection.close()
    connection = await asyncpg.connect(settings.role_url("command"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("select * from read.booking")
    await connection.close()


def test_every_relationship_must_be_asked_for_and_is_never_written_through() -> None:
    configure_mappers()
    found = [relationship for mapper in tables.Base.registry.mappers for relationship in mapper.relationships]
    assert len(found) == 9
    for relationship in found:
        assert (relationship.lazy, relationship.viewonly) == ("raise", True), relationship
