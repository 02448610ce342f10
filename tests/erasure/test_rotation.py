"""A new master key: guests stay readable throughout, and the former key opens nothing any more."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from eventstore.errors import WrongMasterKey
from eventstore.guest_keys import MasterKey
from eventstore.master_key import check_master_key
from projections.drain import projector_pool
from staysync.rewrapping import change_master_key, rewrap_guest_keys
from staysync.secrets import load_secrets, rotate_master_key
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import open_house, superuser
from tests.projections.words import differences


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """The installation with secrets of its own, which a test may change."""
    for file in settings.secrets_dir.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return settings.model_copy(update={"secrets_dir": tmp_path})


async def wrapped(settings: Settings) -> set[tuple[str, int]]:
    """Which master keys have wrapped how many guests' keys."""
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select master_key, count(*) from ledger.guest_key where wrapped_key <> '' group by 1"
        )
    return {(row["master_key"], row["count"]) for row in rows}


async def test_all_keys_are_wrapped_anew_while_a_running_process_goes_on(own: Settings) -> None:
    before = load_secrets(own.secrets_dir).master_key()
    async with write_side(own) as side, projector_pool(own.role_url("projector"), side.master_key) as pool:
        house = await open_house(side, 9)
        for day in range(1, 6):
            await house.book(day, day + 1)
        told: list[tuple[int, int]] = []
        former = await change_master_key(own, lambda *progress: told.append(progress), settled_s=0)
        after = load_secrets(own.secrets_dir).master_key()
        assert told == [(5, 5)]
        assert await wrapped(own) == {(after.key_id, 5)}
        assert after.key_id != before.key_id
        await house.book(10, 11)  # by the process that began with the former key
        assert await wrapped(own) == {(after.key_id, 6)}
        await pool.expire_connections()
        async with pool.acquire() as connection:  # a new one is held against the ledger's note
            assert await check_master_key(connection, side.master_key)
            row = await connection.fetchrow("select * from ledger.guest_key where wrapped_key <> '' limit 1")
    assert row is not None
    only_former = MasterKey(load_secrets(own.secrets_dir).master_keys()[1])
    assert (only_former.key_id, former.parent) == (before.key_id, own.secrets_dir)
    with pytest.raises(InvalidTag):
        only_former.unwrap(row["hotel_id"], row["guest_id"], row["wrapped_key"])
    former.unlink()
    assert (await differences(own)).keys() <= {"behind"}
    async with write_side(own) as again:
        await house.at(again).book(20, 21)


async def test_an_interrupted_change_is_gone_on_with(own: Settings) -> None:
    async with write_side(own) as side:
        house = await open_house(side, 9)
        await house.book(1, 2)
        rotate_master_key(own.secrets_dir, datetime.now(UTC))
        await house.book(2, 3)  # already by the new one, and the first still opens by the former
        key = load_secrets(own.secrets_dir).master_key()
        assert len(await wrapped(own)) == 2
        async with superuser(own) as connection:
            assert await rewrap_guest_keys(connection, key, lambda *_: None) == 1
            assert await rewrap_guest_keys(connection, key, lambda *_: None) == 0
        assert await wrapped(own) == {(key.key_id, 2)}


async def test_a_process_without_the_new_key_stops(own: Settings, settings: Settings) -> None:
    async with write_side(own) as side:
        await (await open_house(side)).book(1, 2)
    await change_master_key(own, lambda *_: None, settled_s=0)
    with pytest.raises(WrongMasterKey):
        async with write_side(settings):
            pass


async def test_a_wrong_key_changes_nothing(own: Settings) -> None:
    async with write_side(own) as side:
        await (await open_house(side)).book(1, 2)
    key = own.secrets_dir / "master.key"
    key.write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=\n", encoding="ascii")
    with pytest.raises(WrongMasterKey):
        await change_master_key(own, lambda *_: None, settled_s=0)
    assert sorted(file.name for file in own.secrets_dir.glob("master*")) == ["master.key"]
