"""How fast an audit file is checked, held against the database's own way of handing out the same events and SHA-256."""

import asyncio
import gc
import hashlib
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.imports import NoData, cut
from bench.place import Place
from bench.plan import Figures, Measurement, Size
from eventstore.audit.export import export
from eventstore.audit.file_check import check_file
from eventstore.audit.findings import Checked
from eventstore.audit.heads import HeadKey
from eventstore.audit.live_check import check_ledger
from eventstore.audit.signing import sign_heads
from eventstore.audit.store import audit_pool
from staysync.embedded import postgres_program
from staysync.importing.hotel_demand import read_history
from staysync.importing.hotels import Inventory
from staysync.importing.plan import Plan
from staysync.importing.replay import replay
from staysync.secrets import load_secrets
from staysync.settings import Settings

_ALL_ROWS = 119_390
_COPY = "copy ledger.event to stdout"


async def audit_measurements(place: Place, size: Size, data: Path) -> list[Measurement]:
    """Import, sign and export the history once; then check what there is in each round. Raises NoData."""
    if not await asyncio.to_thread(data.exists):
        raise NoData("the data set isn't here; name its file with --data")
    settings = await _imported(place, size, data)
    key, file = load_secrets(settings.secrets_dir).head_key(), place.folder / "audit.jsonl"
    async with audit_pool(settings.role_url("audit")) as pool:
        await sign_heads(pool, key, [key.public_key], lambda: datetime.now(UTC))
        events = await export(pool, file, 0)

    async def run(_: int) -> Figures:
        copied = await asyncio.to_thread(_copy_seconds, settings)
        checked = await asyncio.to_thread(_check_seconds, file, key, events)
        live = await _live_seconds(settings, key, events)
        return {"audit, COPY": events / copied, "audit, file": events / checked, "audit, live": events / live}

    return [Measurement("audit", run)]


async def _imported(place: Place, size: Size, data: Path) -> Settings:
    """An installation with the history, or so much of it."""
    settings, history = await place.make_database("bench_audit", 4), data
    if size.audited_rows < _ALL_ROWS:
        history = place.folder / "audited.csv"
        cut(data, history, size.audited_rows)
    plan = Plan(await asyncio.to_thread(read_history, history))
    result = await replay(settings, plan, Inventory())
    if result.stopped or result.refused:
        raise RuntimeError(f"not all rows were imported: {result.stopped}")
    return settings


def _copy_seconds(settings: Settings) -> float:
    """How long the database takes to hand out all events as text, with SHA-256 over what comes."""
    begun = time.perf_counter()
    command = [str(postgres_program("psql")), "--quiet", "--command", _COPY, settings.database_url or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as copying:  # noqa: S603 - PostgreSQL's own program
        assert copying.stdout is not None
        hashlib.file_digest(copying.stdout, "sha256")  # type: ignore[arg-type] # a pipe reads like a file
    if copying.returncode:
        raise RuntimeError(f"COPY ended with {copying.returncode}")
    return time.perf_counter() - begun


def _check_seconds(file: Path, key: HeadKey, events: int) -> float:
    gc.disable()  # as the command does
    begun = time.perf_counter()
    _expect_whole(check_file(file, trusted_keys=[key.public_key]), events)
    took = time.perf_counter() - begun
    gc.enable()
    return took


async def _live_seconds(settings: Settings, key: HeadKey, events: int) -> float:
    async with audit_pool(settings.role_url("audit")) as pool:
        await pool.fetchval("select 1")
        begun = time.perf_counter()
        _expect_whole(await check_ledger(pool, trusted_keys=[key.public_key]), events)
        return time.perf_counter() - begun


def _expect_whole(checked: Checked, events: int) -> None:
    if checked.found or checked.events != events:
        raise RuntimeError(f"{checked.found} findings in {checked.events} of {events} events")
