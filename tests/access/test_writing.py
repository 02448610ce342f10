"""The log is written in the background: no request waits for it, and what is lost is counted."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from identity import access_log
from identity.access_log import AccessLog, Entry, forget, open_access_log
from staysync.settings import Settings
from tests.clients import Running, running
from tests.eventstore.house import superuser

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
ENTRY = Entry(
    at=NOW,
    event="write",
    request_id="request-0",
    address="192.0.2.1",
    agent="A browser",
    actor="anonymous",
    account_id=None,
    subject_id=None,
    hotel_id=None,
    booking_id=None,
    method="POST",
    route="/v1/hotels",
    status=201,
    code=None,
)


def pool_of(settings: Settings) -> "asyncpg.pool.Pool[asyncpg.Record]":
    """A pool as the identity side has it."""
    return asyncpg.create_pool(settings.role_url("identity"), min_size=0, max_size=2)


async def written(settings: Settings) -> list[str]:
    """The request ids in the database."""
    async with superuser(settings) as connection:
        rows = await connection.fetch("select request_id from identity.access_log order by entry_id")
    return [row["request_id"] for row in rows]


async def test_what_waits_is_written_when_the_service_ends(settings: Settings) -> None:
    async with running(settings) as service, service.client() as client:
        for number in range(5):
            await client.post("/v1/auth/logout", headers={"X-Request-Id": f"request-{number}"})
    assert await written(settings) == [f"request-{number}" for number in range(5)]


async def test_many_are_written_in_batches_in_their_order(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "_BATCH", 70)
    async with pool_of(settings) as pool:
        async with open_access_log(pool) as log:
            for number in range(1000):
                log.add(ENTRY._replace(request_id=f"request-{number:04}"))
        assert log.dropped == 0
    assert await written(settings) == [f"request-{number:04}" for number in range(1000)]


async def test_while_the_database_is_away_entries_wait_and_what_is_too_much_is_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(access_log, "MOST_WAITING", 50)
    async with asyncpg.create_pool("postgresql://nobody@127.0.0.1:1/x", min_size=0) as nowhere:
        log = AccessLog(nowhere)
        for number in range(70):
            log.add(ENTRY._replace(request_id=f"request-{number:02}"))
        assert log.dropped == 20
        assert not await log.flush()
        assert log.failing
    assert "can't be written" in caplog.text
    assert "192.0.2.1" not in caplog.text
    async with pool_of(settings) as pool:  # it is back
        log._pool = pool
        assert await log.flush()
        assert not log.failing
    assert await written(settings) == [f"request-{number:02}" for number in range(50)]


async def test_health_says_when_entries_were_lost_and_the_service_stays_ready(service: Running) -> None:
    async with service.client() as client:
        assert (await client.get("/health/ready")).json()["checks"]["access_log"] == "ok"
        service.app.state.access_log.dropped = 3
        ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "3 entries were lost" in ready.json()["checks"]["access_log"]


async def test_no_request_waits_for_the_log(service: Running, settings: Settings) -> None:
    async with superuser(settings) as connection, connection.transaction():
        await connection.execute("lock table identity.access_log in access exclusive mode")
        async with service.client() as client:
            for _ in range(20):  # nobody can write the log now: a request that waited for it would never end
                assert (await client.post("/v1/auth/logout")).status_code == 204
        await asyncio.sleep(0)


async def test_old_entries_are_forgotten_in_small_batches(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "_DELETED_AT_ONCE", 3)
    now = datetime.now(UTC)
    async with pool_of(settings) as pool:
        async with open_access_log(pool) as log:
            for days in (1, 8, 29, 31, *range(40, 60)):
                log.add(ENTRY._replace(at=now - timedelta(days=days), request_id=f"{days} days"))
        assert await forget(pool, timedelta(days=30)) == 21
    assert await written(settings) == ["1 days", "8 days", "29 days"]


async def test_the_identity_role_changes_no_entry_and_deletes_no_young_one(settings: Settings) -> None:
    now = datetime.now(UTC)
    async with pool_of(settings) as pool:
        async with open_access_log(pool) as log:
            log.add(ENTRY._replace(at=now))
            log.add(ENTRY._replace(at=now - timedelta(days=6)))
        for statement in (
            "update identity.access_log set actor = 'nobody'",
            "delete from identity.access_log",
            "truncate identity.access_log",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)
        assert await pool.fetchval("select identity.forget_access(clock_timestamp() + interval '1 day', 100)") == 0
    assert len(await written(settings)) == 2


@pytest.mark.parametrize("role", ["command", "query", "projector"])
async def test_no_other_role_reads_or_writes_it(settings: Settings, role: str) -> None:
    connection = await asyncpg.connect(settings.role_url(role))  # type: ignore[arg-type] # a role's name
    try:
        for statement in (
            "select * from identity.access_log",
            "insert into identity.access_log (at, event, request_id, actor, method)"
            " values (clock_timestamp(), 'write', 'r', 'a', 'POST')",
            "select identity.forget_access(clock_timestamp(), 1)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
