"""What is backed up comes back: it verifies, goes on being projected, and keeps its numbering."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from eventstore.errors import WrongMasterKey
from projections.drain import Projector, projector_pool
from staysync.backup import Backup, BackupError, archive_wal, back_up
from staysync.bootstrap import bootstrap, migrate
from staysync.embedded import start_postgres
from staysync.processes import sole_user
from staysync.restoring import restore
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import House, open_house, superuser
from tests.projections.words import differences, drain, head, live_a_little


@asynccontextmanager
async def running(data_dir: Path) -> AsyncIterator[Settings]:
    """An installation with a PostgreSQL of its own."""
    settings = Settings(data_dir=data_dir, demo=False)
    with sole_user(data_dir):
        server = await start_postgres(data_dir, settings.secrets_dir / "db-superuser.password", durable=False)
        try:
            ours = settings.model_copy(update={"database_url": server.url})
            await bootstrap(ours)
            await asyncio.to_thread(migrate, ours)
            yield ours
        finally:
            await server.stop()


@asynccontextmanager
async def at_work(settings: Settings, house: House | None = None) -> AsyncIterator[tuple[House, Projector]]:
    """A hotel, opened now or one of before, and who projects it."""
    async with write_side(settings) as side:
        if house is None:
            house = await open_house(side, 8)
        async with projector_pool(settings.role_url("projector"), side.master_key) as pool:
            yield house.at(side), Projector(pool, side.master_key)


async def a_backup(settings: Settings, folder: Path) -> Backup:
    told: list[tuple[int, int]] = []
    backup = await back_up(settings, folder, lambda done, total: told.append((done, total)))
    assert told
    return backup


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """Settings of an installation that has the secrets of another, and nothing else yet."""
    shutil.copytree(settings.secrets_dir, folder / "secrets")
    (folder / "secrets" / "db-superuser.password").unlink()  # a new server gets a password of its own
    return Settings(data_dir=folder, demo=False)


@pytest.fixture
async def backed_up(tmp_path: Path) -> tuple[Settings, Backup, House]:
    """A hotel with some history, projected in part, its backup, and what was booked after it and is lost."""
    async with running(tmp_path / "first") as settings, at_work(settings) as (house, projector):
        await live_a_little(house)
        await drain(projector, house.hotel_id)
        await house.book(10, 12)  # not projected yet
        async with superuser(settings) as connection:
            await connection.execute(
                "insert into identity.account (account_id, email, password_hash, full_name)"
                " values (gen_random_uuid(), 'ada@example.org', 'x', 'Ada')"
            )
            await connection.execute(
                "insert into identity.session (session_id, account_id, csrf_hash, expires_at) select"
                " gen_random_uuid(), account_id, sha256('x'), now() + interval '1 day' from identity.account"
            )
        backup = await a_backup(settings, tmp_path / "backup")
        await house.book(20, 22)
        return settings, backup, house


async def test_a_restored_hotel_verifies_is_projected_further_and_keeps_its_numbering(
    tmp_path: Path, backed_up: tuple[Settings, Backup, House]
) -> None:
    settings, backup, house = backed_up
    kept = backup.heads[0].seq
    restored = await restore(elsewhere(settings, tmp_path / "second"), backup.folder)
    assert (restored.hotels, restored.events, restored.sessions_ended) == (1, kept, 1)
    async with running(tmp_path / "second") as again, at_work(again, house) as (same, projector):
        assert await head(projector, house.hotel_id) == kept
        answer = await same.book(20, 22)
        assert answer["position"] == f"{house.hotel_id}:{kept + 1}"
        await drain(projector, house.hotel_id)
        assert await differences(again) == {}


async def test_with_the_wal_of_after_it_a_backup_is_restored_up_to_any_instant(tmp_path: Path) -> None:
    async with running(tmp_path / "first") as settings, at_work(settings) as (house, projector):
        backup = await a_backup(settings, tmp_path / "backup")
        archive = asyncio.create_task(archive_wal(settings, tmp_path / "wal"))
        await until_archived(settings)
        await house.book(1, 2)
        before = await head(projector, house.hotel_id)
        instant = await the_time(settings)
        await house.book(3, 4)
        after = await head(projector, house.hotel_id)
        await until_archived(settings)
        archive.cancel()
        with pytest.raises(asyncio.CancelledError):
            await archive
    everything = await restore(elsewhere(settings, tmp_path / "second"), backup.folder, wal=tmp_path / "wal")
    assert everything.events == after
    part = await restore(elsewhere(settings, tmp_path / "third"), backup.folder, wal=tmp_path / "wal", until=instant)
    assert part.events == before
    async with running(tmp_path / "third") as again, at_work(again, house) as (same, projector):
        await same.book(3, 4)
        await drain(projector, house.hotel_id)
        assert await differences(again) == {}


async def the_time(settings: Settings) -> datetime:
    """Now by the database's clock, a moment after what was committed before and before what comes later."""
    async with superuser(settings) as connection:
        now: datetime = await connection.fetchval("select clock_timestamp() from pg_sleep(0.05)")
        await connection.execute("select pg_sleep(0.05)")
        return now


async def until_archived(settings: Settings) -> None:
    """Wait until the archive has everything that is written by now."""
    async with superuser(settings) as connection:
        written = await connection.fetchval("select pg_current_wal_insert_lsn()::text")
        has = "select bool_or(flush_lsn >= $1::text::pg_lsn) from pg_stat_replication, pg_sleep(0.02)"
        while not await connection.fetchval(has, written):
            pass


async def test_a_changed_byte_in_a_copy_is_found_before_anything_is_restored(
    tmp_path: Path, backed_up: tuple[Settings, Backup, House]
) -> None:
    settings, backup, _ = backed_up
    file = next(file for file in sorted(backup.cluster.glob("base/*/*")) if file.stat().st_size > 8192)
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupError, match=r"pg_verifybackup: .*checksum mismatch"):
        await restore(elsewhere(settings, tmp_path / "second"), backup.folder)
    assert not (tmp_path / "second" / "postgres").exists()


async def test_nothing_is_overwritten_and_nothing_restored_that_could_not_be_read(
    tmp_path: Path, backed_up: tuple[Settings, Backup, House]
) -> None:
    settings, backup, _ = backed_up
    with pytest.raises(BackupError, match="is there already"):
        await restore(Settings(data_dir=settings.data_dir, demo=False), backup.folder)
    with pytest.raises(BackupError, match=r"has no master\.key"):
        await restore(Settings(data_dir=tmp_path / "bare", demo=False), backup.folder)
    with pytest.raises(BackupError, match=r"backup\.json can't be read"):
        await restore(elsewhere(settings, tmp_path / "second"), tmp_path)
    stranger = elsewhere(settings, tmp_path / "stranger")
    (stranger.secrets_dir / "master.key").unlink()
    (stranger.secrets_dir / "master.key").write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=", encoding="ascii")
    with pytest.raises(WrongMasterKey):
        await restore(stranger, backup.folder)


async def test_a_ledger_without_the_events_that_the_backup_names_is_found(
    tmp_path: Path, backed_up: tuple[Settings, Backup, House]
) -> None:
    settings, backup, house = backed_up
    facts, head = backup.folder / "backup.json", backup.heads[0]
    facts.write_text(facts.read_text(encoding="utf-8").replace(head.hash.hex(), "0" * 64), encoding="utf-8")
    with pytest.raises(BackupError, match=f"hotel {house.hotel_id} lacks event {head.seq}"):
        await restore(elsewhere(settings, tmp_path / "second"), backup.folder)


async def test_wal_that_does_not_follow_the_backup_is_refused(
    tmp_path: Path, backed_up: tuple[Settings, Backup, House]
) -> None:
    settings, backup, _ = backed_up
    second, wal = elsewhere(settings, tmp_path / "second"), tmp_path / "wal"
    wal.mkdir()
    (wal / "0000000100000000000000FE").touch()
    (wal / "000000010000000100000000.partial").touch()
    with pytest.raises(BackupError, match="lacks the segment 00000001000000000000000"):
        await restore(second, backup.folder, wal=wal)
    with pytest.raises(BackupError, match="name the folder with the WAL"):
        await restore(second, backup.folder, until=datetime.now(UTC))
    early = backup.began_at - timedelta(seconds=1)
    with pytest.raises(BackupError, match="after that instant"):
        await restore(second, backup.folder, wal=wal, until=early)
    assert not (tmp_path / "second" / "postgres").exists()


async def test_a_backup_that_fails_leaves_nothing_and_one_that_is_there_stays(tmp_path: Path) -> None:
    async with running(tmp_path / "first") as settings:
        target = tmp_path / "backup"
        target.mkdir()
        with pytest.raises(BackupError, match="is there already"):
            await back_up(settings, target, lambda *_: None)
        async with superuser(settings) as connection:
            await connection.execute("create role nobody_special login password 'x'")
        powerless = settings.model_copy(
            update={"database_url": str(settings.database_url).replace("//postgres:", "//nobody_special:")}
        )
        with pytest.raises(BackupError, match="pg_basebackup: error:"):
            await back_up(powerless, tmp_path / "other", lambda *_: None)
        assert not any((tmp_path / name).exists() for name in ("other", "other.unfinished"))
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await back_up(
                settings.model_copy(update={"database_url": "postgresql://postgres@127.0.0.1:1/staysync"}),
                tmp_path / "other",
                lambda *_: None,
            )
        assert not any((tmp_path / name).exists() for name in ("other", "other.unfinished"))
