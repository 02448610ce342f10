"""No process works with another master key than the one that the ledger's guests are sealed with."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from command.side import CommandSide
from eventstore.errors import WrongMasterKey
from eventstore.master_key import check_master_key, claim_ledger
from eventstore.reading import Connection
from projections.drain import projector_pool
from projections.tasks import SWEEP
from staysync.app import create_app
from staysync.bootstrap import connect, database_name
from staysync.celery_app import make_celery
from staysync.embedded import free_port
from staysync.secrets import ROLES, ensure_secrets, load_secrets
from staysync.settings import Settings
from staysync.writing import write_side
from tests.clients import Running, stay
from tests.eventstore.house import open_house, superuser

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60.0
_HOTEL, _GUEST = UUID(int=1), UUID(int=2)


@pytest.fixture
def other(settings: Settings, tmp_path: Path) -> Settings:
    """The same installation, but for its keys."""
    ensure_secrets(tmp_path / "others")
    for role in ROLES:
        password = (settings.secrets_dir / f"db-{role}.password").read_bytes()
        (tmp_path / "others" / f"db-{role}.password").write_bytes(password)
    return settings.model_copy(
        update={"secrets_dir": tmp_path / "others", "data_dir": tmp_path / "data", "port": free_port(), "demo": True}
    )


@asynccontextmanager
async def _sealed(settings: Settings) -> AsyncIterator[CommandSide]:
    """A ledger with a guest."""
    async with write_side(settings) as side:
        await (await open_house(side)).book(1, 2)
        yield side


@asynccontextmanager
async def _away(settings: Settings) -> AsyncIterator[Connection]:
    """The database of the settings is away; whoever has the connection can bring it back by `_back`."""
    admin = await connect(settings, "postgres")
    try:
        await admin.execute(f"ALTER DATABASE {database_name(settings)} RENAME TO {database_name(settings)}_away")
        yield admin
    finally:
        await admin.close()


async def _back(admin: Connection, settings: Settings) -> None:
    await admin.execute(f"ALTER DATABASE {database_name(settings)}_away RENAME TO {database_name(settings)}")


@contextmanager
def _started(settings: Settings, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A command of the command line, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STAYSYNC_")}
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "staysync", *arguments],
        cwd=_ROOT,
        env=environment | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_PATIENCE_S)


def _ends_with(process: "subprocess.Popen[str]") -> str:
    """What a process that has to refuse says."""
    _, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 2, errors
    return errors


async def test_the_first_key_is_noted_before_anything_is_sealed(settings: Settings, other: Settings) -> None:
    async with write_side(settings):
        pass
    with pytest.raises(WrongMasterKey, match=r"master\.key in the secrets directory isn't the key"):
        async with write_side(other):
            pytest.fail("it could have sealed guests")
    async with write_side(settings):
        pass


async def test_of_two_first_starts_at_once_one_goes_on(settings: Settings, other: Settings) -> None:
    keys = [load_secrets(each.secrets_dir).master_key() for each in (settings, other)]
    url = settings.role_url("command")
    async with asyncpg.create_pool(url, min_size=2) as pool, pool.acquire() as first, pool.acquire() as second:
        claims = (claim_ledger(first, keys[0]), claim_ledger(second, keys[1]))
        ends = await asyncio.gather(*claims, return_exceptions=True)
    assert sorted(map(str, map(type, ends))) == sorted(map(str, (type(None), WrongMasterKey)))


async def test_a_projector_that_came_before_the_first_guest_is_found_out(settings: Settings, other: Settings) -> None:
    key = load_secrets(other.secrets_dir).master_key()
    async with projector_pool(other.role_url("projector"), key) as pool:
        async with pool.acquire():
            pass  # nothing is sealed yet: any key will do
        async with _sealed(settings):
            pass
        with pytest.raises(WrongMasterKey):
            async with pool.acquire():
                pytest.fail("it could have parked the hotel")


async def test_keys_from_before_fingerprints_are_known_by_what_they_open(settings: Settings, other: Settings) -> None:
    ours, theirs = (load_secrets(each.secrets_dir).master_key() for each in (settings, other))
    _, wrapped = ours.new_guest_key(_HOTEL, _GUEST)
    async with superuser(settings) as connection:
        assert await check_master_key(connection, theirs) is False
        await connection.execute(
            "insert into ledger.guest_key values ($1, $2, '1', $3)", _HOTEL, _GUEST, wrapped.wrapped
        )
        for check in (check_master_key, claim_ledger):
            with pytest.raises(WrongMasterKey):
                await check(connection, theirs)
        await claim_ledger(connection, ours)
        await claim_ledger(connection, ours)
        assert await connection.fetchval("select count(*) from ledger.guest_key") == 2
        with pytest.raises(WrongMasterKey, match=f"its id is {theirs.key_id}, theirs {ours.key_id}"):
            await check_master_key(connection, theirs)


@pytest.mark.parametrize(
    "arguments",
    [("serve",), ("worker", "projections"), ("worker", "commands"), ("demo",), ("migrate",), ("verify",)],
    ids=" ".join,
)
async def test_every_command_refuses_in_one_line(
    settings: Settings, other: Settings, arguments: tuple[str, ...]
) -> None:
    async with _sealed(settings):
        with _started(other, *arguments) as process:
            told = await asyncio.to_thread(_ends_with, process)
    assert "isn't the key that this database's guests are sealed with" in told
    assert len(told.strip().splitlines()) == 1, told


async def test_an_api_that_started_without_its_database_ends_when_it_meets_another_one(
    settings: Settings, other: Settings
) -> None:
    async with write_side(settings) as side:
        house = await open_house(side)
    async with _away(settings) as admin:
        reasons: list[WrongMasterKey] = []
        app = create_app(other, reasons.append)
        async with app.router.lifespan_context(app), Running(app, other).client() as client:
            assert (await client.get("/health/live")).status_code == 200
            assert reasons == []
            await _back(admin, settings)
            refused = await client.post(f"/v1/hotels/{house.hotel_id}/bookings", json=stay())
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert len(reasons) == 1


async def test_a_worker_that_started_without_its_database_ends_when_it_meets_another_one(
    settings: Settings, other: Settings
) -> None:
    async with _sealed(settings):
        pass
    async with _away(settings) as admin:
        with _started(other, "worker", "projections") as process:
            alive = other.data_dir / "run" / "worker-projections.alive"
            while not alive.exists():
                assert process.poll() is None
                await asyncio.sleep(0.1)
            await _back(admin, settings)
            await asyncio.to_thread(make_celery(other).send_task, SWEEP)
            told = await asyncio.to_thread(_ends_with, process)
    assert told.count("isn't the key that this database's guests are sealed with") == 1
    assert "Traceback" not in told
