"""The roles are what the design says: each limited, and only as strong as its work needs."""

from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from command.side import MASTER_KEY_ID
from eventstore.guest_keys import MasterKey
from staysync.bootstrap import bootstrap, check_master_key, connect, database_name
from staysync.processes import CannotStartError
from staysync.secrets import ROLES, ensure_secrets, load_secrets
from staysync.settings import Settings


async def test_every_role_can_sign_in_with_its_password(settings: Settings) -> None:
    for role in ROLES:
        connection = await asyncpg.connect(settings.role_url(role))
        assert await connection.fetchval("SELECT current_user") == f"staysync_{role}"
        await connection.close()


async def test_a_second_bootstrap_changes_nothing_and_keeps_the_passwords(settings: Settings) -> None:
    await bootstrap(settings)
    connection = await asyncpg.connect(settings.role_url("query"))
    assert await connection.fetchval("SHOW default_transaction_read_only") == "on"
    assert await connection.fetchval("SHOW statement_timeout") == "10s"
    await connection.close()


async def test_a_command_cannot_hold_a_transaction_for_long(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.role_url("command"))
    assert await connection.fetchval("SHOW transaction_timeout") == "2s"
    assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "2s"
    await connection.close()


async def test_no_role_but_the_owner_can_make_a_table(settings: Settings) -> None:
    for role in ROLES:
        if role in ("owner", "query"):
            continue
        connection = await asyncpg.connect(settings.role_url(role))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine (id int)")
        await connection.close()


async def test_strangers_cannot_connect(settings: Settings) -> None:
    admin = await connect(settings, "postgres")
    await admin.execute("DROP ROLE IF EXISTS stranger")
    await admin.execute("CREATE ROLE stranger")
    allowed = await admin.fetchval("SELECT has_database_privilege('stranger', $1, 'CONNECT')", database_name(settings))
    await admin.execute("DROP ROLE stranger")
    await admin.close()
    assert allowed is False


async def test_another_master_key_than_the_guests_is_refused(settings: Settings, tmp_path: Path) -> None:
    hotel_id, guest_id = UUID(int=1), UUID(int=2)
    ensure_secrets(tmp_path / "others")
    other = settings.model_copy(update={"secrets_dir": tmp_path / "others"})
    await check_master_key(settings)  # without any guest, any key will do
    _, wrapped = MasterKey(MASTER_KEY_ID, load_secrets(settings.secrets_dir).master_key()).new_guest_key(
        hotel_id, guest_id
    )
    admin = await connect(settings, database_name(settings))
    await admin.execute(
        "INSERT INTO ledger.guest_key VALUES ($1, $2, $3, $4)", hotel_id, guest_id, MASTER_KEY_ID, wrapped.wrapped
    )
    await admin.close()
    await check_master_key(settings)
    for role in ROLES:  # all but the keys is as it should be
        (tmp_path / "others" / f"db-{role}.password").write_bytes(
            (settings.secrets_dir / f"db-{role}.password").read_bytes()
        )
    with pytest.raises(CannotStartError, match=r"master\.key isn't the key"):
        await check_master_key(other)
