"""The roles are what the design says: each limited, and only as strong as its work needs."""

import asyncpg
import pytest

from staysync.bootstrap import bootstrap, connect, database_name
from staysync.secrets import ROLES
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
