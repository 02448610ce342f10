"""How the read tables are built, read out of the database: so that a second schema is built in the same way.

Migrations made the live tables; nobody writes down a second time what they made. That two schemas are alike, down to
grants, names of indexes and comments, is compared and not believed.
"""

from eventstore.reading import Connection
from projections.drain import CannotRebuild
from projections.sql import statement


async def build(owner: Connection, like: str, schema: str) -> None:
    """Make a schema with empty tables like another one's, instead of what has that name. Raises CannotRebuild."""
    async with owner.transaction():
        await owner.execute(f"drop schema if exists {schema} cascade")
        for row in await owner.fetch(statement("build"), like, schema):
            await owner.execute(row["line"])
        if unlike := await differences(owner, like, schema):
            raise CannotRebuild(f"the live tables have something that a rebuild can't make: {unlike[0]}")


async def differences(owner: Connection, schema: str, other: str) -> list[str]:
    """What is built otherwise in one of two schemas, a line a thing."""
    first, second = await _lines(owner, schema), await _lines(owner, other)
    return sorted(first ^ second)


async def _lines(owner: Connection, schema: str) -> set[str]:
    return {row["line"] for row in await owner.fetch(statement("blueprint"), schema)}
