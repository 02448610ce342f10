"""Accounts and what they are at which hotel, as they lie in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from identity.tokens import Role

type Connection = asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]

_BY_EMAIL = """
    select a.account_id, a.email, a.password_hash, a.full_name, a.is_administrator,
           coalesce(array_agg(m.hotel_id) filter (where m.role is not null), '{}') as hotels,
           coalesce(array_agg(m.role) filter (where m.role is not null), '{}') as roles
      from identity.account a
      left join identity.membership m on m.account_id = a.account_id
     where a.email = $1
     group by a.account_id
"""
_BY_ID = _BY_EMAIL.replace("a.email = $1", "a.account_id = $1")

# Does nothing where the e-mail is taken, so that registering tells nobody whether it is.
_ADD = """
    insert into identity.account (account_id, email, password_hash, full_name, is_administrator)
    values ($1, $2, $3, $4, $5)
    on conflict (email) do nothing
    returning account_id
"""
_SET_PASSWORD_HASH = "update identity.account set password_hash = $2 where account_id = $1"  # noqa: S105 - a statement
_SET_ROLE = """
    insert into identity.membership (account_id, hotel_id, role)
    select account_id, $2, $3 from identity.account where email = $1
    on conflict (account_id, hotel_id) do update set role = excluded.role
    returning account_id
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
    roles: Mapping[UUID, Role]


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
    """Add an account; False, and nothing changed, where the e-mail has one already."""
    added = await connection.fetchval(
        _ADD, account_id, normalised(email), password_hash, full_name.strip(), is_administrator
    )
    return added is not None


async def set_password_hash(connection: Connection, account_id: UUID, password_hash: str) -> None:
    """Keep another hash of an account's password."""
    await connection.execute(_SET_PASSWORD_HASH, account_id, password_hash)


async def set_role(connection: Connection, email: str, hotel_id: UUID, role: Role) -> bool:
    """Give an account its role at a hotel, instead of any that it had there; False where no account has the e-mail."""
    return await connection.fetchval(_SET_ROLE, normalised(email), hotel_id, role) is not None


def _account(row: "asyncpg.Record | None") -> Account | None:
    if row is None:
        return None
    return Account(
        account_id=row["account_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        full_name=row["full_name"],
        is_administrator=row["is_administrator"],
        roles=MappingProxyType(dict(zip(row["hotels"], row["roles"], strict=True))),
    )
