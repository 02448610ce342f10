"""The schema is what the golden dump says, tables, triggers, grants and all; and migrations go up, down and up again.

After a wanted change: STAYSYNC_TEST_WRITE_GOLDEN=1 make test ARGS=tests/migrations, then read the difference.
"""

import asyncio
import os
import subprocess
from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations
from staysync.bootstrap import migrate
from staysync.embedded import postgres_program
from staysync.settings import Settings
from tests.eventstore.house import superuser

GOLDEN = Path(__file__).parent / "schema.sql"
SCHEMAS = ("ledger", "identity", "read", "mail", "ops", "audit")
_WRITES = os.environ.get("STAYSYNC_TEST_WRITE_GOLDEN") == "1"


def _dump(settings: Settings) -> str:
    """The schema as pg_dump tells it, without what changes from one dump or version of pg_dump to the next."""
    if settings.database_url is None:
        raise AssertionError("tests know their database")
    schemas = tuple(f"--schema={name}" for name in SCHEMAS)
    dump = subprocess.run(  # noqa: S603 - the program is PostgreSQL's own
        [postgres_program("pg_dump"), "--schema-only", *schemas, settings.database_url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = [line for line in dump.splitlines() if line and not line.startswith(("--", "\\", "SET ", "SELECT pg_cat"))]
    return "\n".join(kept) + "\n"


def test_the_schema_is_the_golden_one(settings: Settings) -> None:
    dump = _dump(settings)
    if _WRITES:
        GOLDEN.write_text(dump, encoding="utf-8")
    assert dump == GOLDEN.read_text(encoding="utf-8")


def test_the_golden_schema_holds_walls_and_grants() -> None:
    golden = GOLDEN.read_text(encoding="utf-8")
    assert "ENABLE ALWAYS TRIGGER event_is_append_only" in golden
    assert "GRANT SELECT,INSERT ON TABLE ledger.event TO staysync_command" in golden
    assert "WITHOUT OVERLAPS" in golden


def test_migrations_go_down_to_nothing_and_up_again(settings: Settings) -> None:
    before = _dump(settings)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = settings.role_url("owner")
    command.downgrade(config, "base")
    assert asyncio.run(_schemas(settings)) == set()
    migrate(settings)
    assert _dump(settings) == before


async def _schemas(settings: Settings) -> set[str]:
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select nspname from pg_namespace where nspname = any ($1::text[])", list(SCHEMAS)
        )
    return {row["nspname"] for row in rows}
