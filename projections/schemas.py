"""Projecting into another schema than the one that queries read: the same statements, about its tables.

A connection is of one schema from its opening to its end, so nothing has to be passed along and nothing be remembered
in the session. Whoever writes a statement writes `read.`, as everywhere.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg

LIVE = "read"
"""The schema that queries read."""
NEXT = "read_next"
"""The schema that a rebuild folds into."""
BEFORE = "read_before"
"""The schema that was live before the last rebuild."""


_OF_LIVE = re.compile(r"\bread\.")


@cache
def about(query: str, schema: str) -> str:
    """A statement about tables of `read`, as one about those of another schema."""
    return query if schema == LIVE else _OF_LIVE.sub(f"{schema}.", query)


if TYPE_CHECKING:  # generic in its type stubs only
    _Connection = asyncpg.Connection[Any]
else:
    _Connection = asyncpg.Connection


class _Aimed(_Connection):
    """A connection whose statements about `read` are about `schema`."""

    __slots__ = ()
    schema = LIVE

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        return await super().execute(about(query, self.schema), *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().fetch(about(query, self.schema), *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().fetchrow(about(query, self.schema), *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().fetchval(about(query, self.schema), *args, **options)

    async def copy_records_to_table(self, table_name: str, **options: Any) -> str:
        if options.get("schema_name") == LIVE:
            options["schema_name"] = self.schema
        return await super().copy_records_to_table(table_name, **options)


def connection_class(schema: str) -> "type[asyncpg.Connection[Any]]":
    """The class of connections whose statements are about a schema."""
    if schema == LIVE:
        return asyncpg.Connection
    return type(f"ConnectionTo{schema}", (_Aimed,), {"__slots__": (), "schema": schema})
