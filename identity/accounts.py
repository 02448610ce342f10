"""Accounts and what they are at which hotel, as they lie in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from identity.tokens import Role

type Record = asyncpg.Record
type Connection = asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]

_BY_EMAIL = """
    select a.account_id, a.email, a.password_hash, a.full_name, a.is_administrator, a.language, a.email_verified_at,
           a.roles_version,
           coalesce(array_agg(m.hotel_id) filter (where m.role is not null), '{}') as hotels,
           coalesce(array_agg(m.role) filter (where m.role is not null), '{}') as roles
      from identity.account a
      left join identity.membership m on m.account_id = a.account_id
     where a.email = $1
     group by a.account_id
"""
_BY_ID = _BY_EMAIL.replace("a.email = $1", "a.account_id = $1")

_ADD = """
    insert into identity.account (account_id, email, password_hash, full_name, is_administrator, email_verified_at)
    values ($1, $2, $3, $4, $5, clock_timestamp())
    on conflict (email) do nothing
    returning account_id
"""
# Only if it is still the hash that was checked: of two changes at once, one counts.
_REPLACE_PASSWORD_HASH = """
    update identity.account set password_hash = $3 where account_id = $1 and password_hash = $2 returning account_id
"""  # noqa: S105 - a statement
# Raises the version of the account's roles, so that access tokens with the roles of before are refused.
_SET_ROLE = """
    with changed as (
        update identity.account set roles_version = roles_version + 1, roles_changed_at = clock_timestamp()
         where email = $1
        returning account_id, roles_version
    ), member as (
        insert into identity.membership (account_id, hotel_id, role)
        select account_id, $2, $3 from changed
        on conflict (account_id, hotel_id) do update set role = excluded.role
    )
    select account_id, roles_version from changed
"""
# The same, where there is a role to take; without one nothing is changed.
_REMOVE_ROLE = """
    with removed as (
        delete from identity.membership m using identity.account a
         where a.email = $1 and m.account_id = a.account_id and m.hotel_id = $2
        returning m.account_id
    )
    update identity.account a set roles_version = roles_version + 1, roles_changed_at = clock_timestamp()
      from removed where a.account_id = removed.account_id
    returning a.account_id, a.roles_version
"""
_MEMBERS = """
    select a.email, m.role
      from identity.membership m
      join identity.account a on a.account_id = m.account_id
     where m.hotel_id = $1
     order by a.email
"""

_EXISTING = "select email from identity.account where email = any ($1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Someone who can sign in. `roles` says what they are at which hotel."""

    account_id: UUID
    email: str
    password_hash: str
    full_name: str
    is_administrator: bool
    language: str
    email_verified_at: datetime | None
    roles: Mapping[UUID, Role]
    roles_version: int


def normalised(email: str) -> str:
    """An e-mail address in the one form in which it is kept and looked up."""
    return email.strip().lower()


async def find_by_email(connection: Connection, email: str) -> Account | None:
    """The account with an e-mail address."""
    return _account(await connection.fetchrow(_BY_EMAIL, normalised(email)))


async def find_by_id(connection: Connection, account_id: UUID) -> Account | None:
    """The account with an id."""
    return _account(await connection.fetchrow(_BY_ID, account_id))


async def existing(connection: Connection, emails: Sequence[str]) -> set[str]:
    """Which of these e-mail addresses, given as they are kept, have an account."""
    return {row["email"] for row in await connection.fetch(_EXISTING, list(emails))}


async def add(
    connection: Connection,
    *,
    account_id: UUID,
    email: str,
    password_hash: str,
    full_name: str,
    is_administrator: bool = False,
) -> bool:
    """Add an account by right of the operator, who answers for its e-mail; False where the e-mail has one already."""
    added = await connection.fetchval(
        _ADD, account_id, normalised(email), password_hash, full_name.strip(), is_administrator
    )
    return added is not None


async def replace_password_hash(connection: Connection, account_id: UUID, old: str, new: str) -> bool:
    """Keep another hash of an account's password, if it still has the old one; whether it had."""
    return await connection.fetchval(_REPLACE_PASSWORD_HASH, account_id, old, new) is not None


async def set_role(connection: Connection, email: str, hotel_id: UUID, role: Role) -> tuple[UUID, int] | None:
    """Give an account its role at a hotel, instead of any that it had there; None where no account has the e-mail.

    The answer is the account and the version of its roles from now on.
    """
    row = await connection.fetchrow(_SET_ROLE, normalised(email), hotel_id, role)
    return None if row is None else (row["account_id"], row["roles_version"])


async def remove_role(connection: Connection, email: str, hotel_id: UUID) -> tuple[UUID, int] | None:
    """Take the role that an account has at a hotel; None where none has one there.

    The answer is the account and the version of its roles from now on.
    """
    row = await connection.fetchrow(_REMOVE_ROLE, normalised(email), hotel_id)
    return None if row is None else (row["account_id"], row["roles_version"])


async def members(connection: Connection, hotel_id: UUID) -> list[tuple[str, Role]]:
    """The e-mails and roles of all who have one at a hotel."""
    return [(row["email"], row["role"]) for row in await connection.fetch(_MEMBERS, hotel_id)]


def _account(row: "asyncpg.Record | None") -> Account | None:
    if row is None:
        return None
    return Account(
        account_id=row["account_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        full_name=row["full_name"],
        is_administrator=row["is_administrator"],
        language=row["language"],
        email_verified_at=row["email_verified_at"],
        roles_version=row["roles_version"],
        roles=MappingProxyType(dict(zip(row["hotels"], row["roles"], strict=True))),
    )
