"""The database as a second wall: what somebody can do who has taken over a process and signs in as its role.

The first table is the whole of what the roles may do to tables. A new table without a line here fails; so does a right
that isn't here. Each role then signs in and tries everything else.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from staysync.secrets import ROLES, Role
from staysync.settings import Settings
from tests.eventstore.house import superuser

RUNTIME_ROLES: tuple[Role, ...] = ("command", "query", "projector", "identity", "mail", "operator", "audit")
"""The roles that processes run as. The owner signs in for migrations alone."""

# r reads, a adds, c changes, d deletes rows, perhaps some columns only; - has no right at all. Nobody truncates, refers
# to, or adds triggers.
# fmt: off
GRANTS = """
                          command   query     projector identity  mail      operator  audit
public.alembic_version    r         r         r         r         -         -         -
ledger.event              ra        r         r         -         r         r         r
ledger.guest_key          rad       -         r         -         r         -         -
ledger.head               rac       r         r         -         -         r         r
ledger.hold               racd      -         -         -         -         r         -
ledger.idempotency        rad       -         -         -         -         -         -
ledger.night              rac       -         -         -         -         -         -
ledger.reference          ra        -         -         -         -         -         -
ledger.room_stay          rad       -         -         -         -         -         -
identity.access_log       -         -         -         ra        -         -         -
identity.account          -         -         -         rac       r         -         -
identity.api_key          -         -         -         rac       -         -         -
identity.claimed_booking  -         -         -         ra        -         -         -
identity.membership       -         -         -         racd      -         -         -
identity.one_time_token   -         -         -         rad       -         -         -
identity.outbox           -         -         -         rac       rc        r         -
identity.refresh_token    -         -         -         rac       -         -         -
identity.session          -         -         -         racd      -         -         -
read.audit                -         r         racd      -         -         -         -
read.booking              -         r         racd      -         -         -         -
read.booking_line         -         r         racd      -         -         -         -
read.booking_night        -         r         racd      -         -         -         -
read.checkpoint           -         r         racd      -         r         r         -
read.claim_change         -         r         rad       -         -         -         -
read.day_statistics       -         r         racd      -         -         -         -
read.guest                -         r         racd      -         r         -         -
read.hotel                -         r         racd      -         r         -         -
read.line_change          -         r         rad       -         -         -         -
read.night                -         r         racd      -         -         -         -
read.room                 -         r         racd      -         -         -         -
read.room_outage          -         r         racd      -         -         -         -
read.room_stay            -         r         racd      -         -         -         -
read.room_type            -         r         racd      -         r         -         -
read.stock_change         -         r         rad       -         -         -         -
read.timeline             -         r         rad       -         -         -         -
mail.checkpoint           -         -         -         -         rac       r         -
mail.message              -         -         -         -         rac       r         -
ops.dead_letter           -         -         -         -         -         racd      -
ops.schedule              -         -         -         -         -         racd      -
audit.head_key            -         -         -         -         -         -         ra
audit.signed_head         -         -         -         -         -         -         ra
"""
SCHEMAS = """
                          command   query     projector identity  mail      operator  audit
public                    yes       yes       yes       yes       yes       yes       yes
ledger                    yes       yes       yes       -         yes       yes       yes
identity                  -         -         -         yes       yes       yes       -
read                      -         yes       yes       -         yes       yes       -
mail                      -         -         -         -         yes       yes       -
ops                       -         -         -         -         -         yes       -
audit                     -         -         -         -         -         -         yes
"""
FUNCTIONS = """
                          command   query     projector identity  mail      operator  audit
ledger.expect_count       yes       -         -         -         -         -         -
ledger.refuse_change      -         -         -         -         -         -         -
identity.forget_access    -         -         -         yes       -         -         -
ops.oldest_snapshot_s     -         -         -         -         -         yes       -
audit.refuse_change       -         -         -         -         -         -         -
"""
# fmt: on

_LETTERS = {"SELECT": "r", "INSERT": "a", "UPDATE": "c", "DELETE": "d"}
_NEVER = ("TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_ROLE_NAMES = [f"staysync_{role}" for role in RUNTIME_ROLES]

_OF_TABLES = """
    select n.nspname || '.' || c.relname as name, r.rolname as role,
           coalesce(array_agg(p.privilege) filter (where has_table_privilege(r.oid, c.oid, p.privilege)
               or (p.privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                   and has_any_column_privilege(r.oid, c.oid, p.privilege))), '{}') as rights
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     cross join pg_roles r
     cross join unnest($2::text[]) p(privilege)
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and r.rolname = any ($1)
     group by c.oid, n.nspname, c.relname, r.rolname
"""
_OF_SCHEMAS = """
    select n.nspname as name, r.rolname as role, has_schema_privilege(r.oid, n.oid, 'USAGE') as granted
      from pg_namespace n cross join pg_roles r
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and r.rolname = any ($1)
"""
# Those of an extension are PostgreSQL's own: they compare values, and touch no table.
_OF_FUNCTIONS = """
    select n.nspname || '.' || p.proname as name, r.rolname as role,
           has_schema_privilege(r.oid, n.oid, 'USAGE') and has_function_privilege(r.oid, p.oid, 'EXECUTE') as granted
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace cross join pg_roles r
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and r.rolname = any ($1)
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
"""


def _table(text: str) -> dict[tuple[str, str], str]:
    """(name, role): what the text says of them."""
    head, *lines = text.strip().splitlines()
    roles = head.split()
    rows = [line.split() for line in lines]
    return {
        (name, f"staysync_{role}"): right for name, *rights in rows for role, right in zip(roles, rights, strict=True)
    }


@asynccontextmanager
async def signed_in(settings: Settings, role: Role) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of a role, as one who has its password has it: what the role may set for itself is set."""
    connection = await asyncpg.connect(settings.role_url(role))
    try:
        await connection.execute("set default_transaction_read_only = off; set transaction_timeout = 0")
        yield connection
    finally:
        await connection.close()


async def test_each_role_has_the_rights_of_the_table_and_no_other(settings: Settings) -> None:
    async with superuser(settings) as connection:
        rows = await connection.fetch(_OF_TABLES, _ROLE_NAMES, [*_LETTERS, *_NEVER])
    found = {(row["name"], row["role"]): set(row["rights"]) for row in rows}
    assert {key: rights & set(_NEVER) for key, rights in found.items() if rights & set(_NEVER)} == {}
    letters = {
        key: "".join(letter for right, letter in _LETTERS.items() if right in rights) or "-"
        for key, rights in found.items()
    }
    assert letters == _table(GRANTS)


@pytest.mark.parametrize(("statement", "expected"), [(_OF_SCHEMAS, SCHEMAS), (_OF_FUNCTIONS, FUNCTIONS)])
async def test_each_role_uses_the_schemas_and_functions_of_the_table(
    settings: Settings, statement: str, expected: str
) -> None:
    async with superuser(settings) as connection:
        rows = await connection.fetch(statement, _ROLE_NAMES)
    found = {(row["name"], row["role"]): "yes" if row["granted"] else "-" for row in rows}
    assert found == _table(expected)


async def test_no_role_is_more_than_it_seems(settings: Settings) -> None:
    """No attribute of a superuser, no membership in another role, nothing granted for tables yet to come."""
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select rolname, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as mighty,"
            " array(select m.roleid::regrole::text from pg_auth_members m where m.member = r.oid) as member_of"
            " from pg_roles r where rolname = any ($1)",
            [f"staysync_{role}" for role in ROLES],
        )
        assert {row["rolname"] for row in rows if not row["mighty"]} == {f"staysync_{role}" for role in ROLES}
        # The owner's function tells an operator the age of the oldest snapshot.
        member_of = {row["rolname"]: row["member_of"] for row in rows if row["member_of"]}
        assert member_of == {"staysync_owner": ["pg_read_all_stats"]}
        assert await connection.fetch("select * from pg_default_acl") == []
        definers = await connection.fetch(
            "select p.oid::regproc::text as name, p.proconfig from pg_proc p"
            " where p.prosecdef and p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        )
    # One that runs with its owner's rights must not be led astray by what the caller calls his tables.
    assert {row["name"]: row["proconfig"] for row in definers} == {
        "identity.forget_access": ['search_path=""'],
        "ops.oldest_snapshot_s": ['search_path=""'],
    }


def _attempts(name: str, column: str) -> dict[str, str]:
    """For each right the statement that needs it and would do nothing."""
    return {
        "r": f"select {column} from {name} limit 0",  # noqa: S608 - names of the table above
        "a": f"insert into {name} overriding system value select * from {name} where false",  # noqa: S608 - names of the table above
        "c": f"update {name} set {column} = {column} where false",  # noqa: S608 - names of the table above
        "d": f"delete from {name} where false",  # noqa: S608 - names of the table above
    }


@pytest.mark.parametrize("role", RUNTIME_ROLES)
async def test_what_a_role_has_no_right_to_is_refused_when_it_tries(settings: Settings, role: Role) -> None:
    async with superuser(settings) as connection:
        columns = dict(
            await connection.fetch(
                "select distinct on (1) attrelid::regclass::text, quote_ident(attname) from pg_attribute"
                " where attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''"
                " order by 1, attnum"
            )
        )
    tried = 0
    async with signed_in(settings, role) as connection:
        for (name, whose), rights in _table(GRANTS).items():
            if whose != f"staysync_{role}":
                continue
            bare = name.removeprefix("public.")
            for right, statement in _attempts(name, columns[bare]).items():
                if right not in rights:
                    tried += 1
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement)
            for never in (f"truncate {name}", f"alter table {name} disable trigger all", f"drop table {name}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(never)
    assert tried > 50


# What would make of a stolen password more than it is.
_NOBODY_MAY = (
    "create table public.mine (id integer)",
    "create temporary table mine (id integer)",
    "create schema mine",
    "create function public.mine() returns integer language sql return 1",
    "create view public.mine as select 1",
    "create extension pg_stat_statements",
    "create database mine",
    "create role mine",
    "set role staysync_owner",
    "set session authorization staysync_owner",
    "grant staysync_owner to current_user",
    "alter role current_user createdb",
    "alter role staysync_owner password 'mine'",
    "alter role staysync_command password 'mine'",
    "set session_replication_role = replica",  # would switch the ledger's triggers off
    "alter table ledger.event disable trigger event_is_append_only",
    "alter table ledger.event owner to current_user",
    "alter function identity.forget_access owner to current_user",
    "alter system set log_statement = 'all'",
    "copy (select 1) to program 'true'",
    "select pg_read_file('/etc/passwd')",
    "select rolpassword from pg_authid",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'staysync_owner' or usename = 'postgres'",
)


async def _refused(connection: "asyncpg.Connection[Any]", statement: str) -> bool:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


@pytest.mark.parametrize("role", RUNTIME_ROLES)
async def test_no_role_makes_anything_or_becomes_another(settings: Settings, role: Role) -> None:
    owner = await asyncpg.connect(settings.role_url("owner"))  # somebody to be terminated
    try:
        async with signed_in(settings, role) as connection:
            for statement in _NOBODY_MAY:
                if statement == f"alter role staysync_{role} password 'mine'":
                    continue  # its own, which it knows already
                assert await _refused(connection, statement), statement
    finally:
        await owner.close()


async def test_not_even_the_owner_changes_what_the_ledger_says(settings: Settings) -> None:
    """It could take the trigger away, as only it can: but that is a statement of its own, and none is ever run."""
    async with signed_in(settings, "owner") as connection:
        for statement in ("update ledger.event set type = 'x'", "delete from ledger.event", "truncate ledger.event"):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(statement)
            assert refused.value.sqlstate == "SS002"
