"""Keys of programs: made by a manager, shown once, kept as a hash.

A key is 256 random bits, so a plain SHA-256 keeps it: there is nothing to guess, and a slow hash would only make every
request slow. It may do what its role may at its hotels, and its scopes narrow that further:

- `read`: everything that the role may read;
- `book`: bookings made, changed, checked in and out, cancelled;
- `manage`: all other writes: room types, rooms, prices, restrictions, allowances, the hotel itself.

It works at those of its hotels of which its maker is a manager now (administrators are everywhere): a key is never
worth more than who made it, and ends with their right. It never works on accounts, sessions or keys.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from identity.accounts import Connection
from identity.errors import TooManyKeys, UnknownKey
from identity.permissions import SCOPES, Scope
from identity.tokens import Role, utc_now

PREFIX = "ssk_"
MOST_KEYS = 100
"""Keys in force of one account."""

CACHED_S = 15.0
_MOST_CACHED = 10_000
_SHOWN = 12
_KEY_BYTES = 32

# A key at work is looked up at most every CACHED_S; its last use is written once a minute.
_FIND = """
    with used as (
        update identity.api_key set last_used_at = clock_timestamp()
         where key_hash = $1 and revoked_at is null and expires_at > clock_timestamp()
           and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')
    )
    select k.key_id, k.role, k.scopes, k.expires_at,
           array(
               select h.id from unnest(k.hotel_ids) as h (id)
                where a.is_administrator or exists (
                          select from identity.membership m
                           where m.account_id = k.account_id and m.hotel_id = h.id and m.role = 'manager'
                      )
           ) as hotel_ids
      from identity.api_key k
      join identity.account a on a.account_id = k.account_id
     where k.key_hash = $1 and k.revoked_at is null and k.expires_at > clock_timestamp()
"""
# Locks the maker's account, so that keys made at once are counted one after another.
_LOCK_MAKER = "select from identity.account where account_id = $1 for no key update"
_IN_FORCE = """
    select count(*) from identity.api_key
     where account_id = $1 and revoked_at is null and expires_at > clock_timestamp()
"""
_COLUMNS = "key_id, account_id, name, prefix, scopes, hotel_ids, role, created_at, expires_at, last_used_at, revoked_at"
_MAKE = f"""
    insert into identity.api_key (key_id, account_id, name, prefix, key_hash, scopes, hotel_ids, role, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    returning {_COLUMNS}
"""  # noqa: S608 - columns from above
_LIST = f"""
    select {_COLUMNS} from identity.api_key
     where case when $2::uuid is null then account_id = $1 else hotel_ids @> array[$2::uuid] end
       and ($3::uuid is null or key_id < $3)
     order by key_id desc
     limit $4
"""  # noqa: S608 - columns from above
_REVOKE = """
    update identity.api_key set revoked_at = coalesce(revoked_at, clock_timestamp())
     where key_id = $1 and (account_id = $2 or $3 or hotel_ids && $4::uuid[])
    returning key_hash
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a key is worth now: its scopes, and its role at the hotels where it works."""

    key_id: UUID
    scopes: frozenset[Scope]
    roles: Mapping[UUID, Role]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is listed. `prefix` is its beginning, by which people recognise it."""

    key_id: UUID
    account_id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    hotel_ids: tuple[UUID, ...]
    role: Role
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Programs:
    """What is known about the keys of late requests, for at most CACHED_S: so a revoked one ends soon, everywhere.

    Also that a key doesn't exist is remembered. The oldest of ten thousand is forgotten first.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, Program | None]] = OrderedDict()

    def known(self, key: str) -> tuple[bool, Program | None]:
        """Whether a key was looked up lately, and what it is worth; None: nothing."""
        looked_up_at, program = self._known.get(_hashed(key), (None, None))
        if looked_up_at is None or time.monotonic() - looked_up_at > CACHED_S:
            return False, None
        if program is not None and program.expires_at <= utc_now():
            return True, None
        return True, program

    async def look_up(self, connection: Connection, key: str) -> Program | None:
        """What a key is worth at this moment, by one statement; None: nothing."""
        key_hash, asked_at = _hashed(key), time.monotonic()
        row = await connection.fetchrow(_FIND, key_hash)
        program = None
        if row is not None:
            program = Program(
                key_id=row["key_id"],
                scopes=frozenset(row["scopes"]),
                roles=MappingProxyType(dict.fromkeys(row["hotel_ids"], row["role"])),
                expires_at=row["expires_at"],
            )
        self._known[key_hash] = (asked_at, program)
        self._known.move_to_end(key_hash)
        if len(self._known) > _MOST_CACHED:
            self._known.popitem(last=False)
        return program

    def forget(self, key_hash: bytes) -> None:
        """Look a key up again: it was revoked."""
        self._known.pop(key_hash, None)


async def make(
    connection: Connection,
    *,
    key_id: UUID,
    account_id: UUID,
    name: str,
    scopes: Sequence[Scope],
    hotel_ids: Sequence[UUID],
    role: Role,
    expires_at: datetime,
) -> tuple[str, ApiKey]:
    """A new key, to be shown now and never again, and how it is listed. Raises TooManyKeys."""
    key = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    async with connection.transaction():
        await connection.execute(_LOCK_MAKER, account_id)
        if await connection.fetchval(_IN_FORCE, account_id) >= MOST_KEYS:
            raise TooManyKeys(MOST_KEYS)
        row = await connection.fetchrow(
            _MAKE,
            key_id,
            account_id,
            name,
            key[:_SHOWN],
            _hashed(key),
            sorted(set(scopes), key=SCOPES.index),
            sorted(set(hotel_ids)),
            role,
            expires_at,
        )
    return key, _listed(row)


async def listed(
    connection: Connection, account_id: UUID, hotel_id: UUID | None, *, limit: int, after: UUID | None
) -> list[ApiKey]:
    """The newest keys of an account, or those of a hotel, whoever made them."""
    return [_listed(row) for row in await connection.fetch(_LIST, account_id, hotel_id, after, limit)]


async def revoke(
    connection: Connection, key_id: UUID, account_id: UUID, *, is_administrator: bool, managed: Sequence[UUID]
) -> bytes:
    """End a key that the account made, or of a hotel that it manages; the key's hash. Raises UnknownKey."""
    key_hash: bytes | None = await connection.fetchval(_REVOKE, key_id, account_id, is_administrator, list(managed))
    if key_hash is None:
        raise UnknownKey
    return key_hash


def _listed(row: "asyncpg.Record | None") -> ApiKey:
    if row is None:
        raise LookupError("an insert that returns nothing has raised before")
    fields: dict[str, Any] = dict(row)
    return ApiKey(**fields | {"scopes": tuple(row["scopes"]), "hotel_ids": tuple(row["hotel_ids"])})


def _hashed(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
