"""What the audit reads of the database: hotels, their heads, signed heads and the keys. All under the audit role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from eventstore.audit.heads import SignedHead
from eventstore.chain import microseconds
from eventstore.reading import RESERVED_HOTEL, Connection, Pool
from eventstore.sql import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTINGS = {"application_name": "staysync audit", "jit": "off"}


@asynccontextmanager
async def audit_pool(url: str) -> AsyncIterator[Pool]:
    """Connections of the audit role, opened when they are wanted."""
    async with asyncpg.create_pool(url, min_size=0, max_size=2, server_settings=_SETTINGS) as pool:
        yield pool


async def hotels(pool: Pool) -> list[UUID]:
    """Every hotel that any table of the ledger or the audit knows of."""
    return [row["hotel_id"] for row in await pool.fetch(statement("audited_hotels"), RESERVED_HOTEL)]


async def head_and_last_seq(pool: Pool, hotel_id: UUID) -> tuple[tuple[int, bytes] | None, int]:
    """A hotel's head as seq and hash, and the seq of the last event there is; 0 for none."""
    row = await pool.fetchrow(statement("audited_head"), hotel_id)
    if row is None or row["seq"] is None:
        return None, 0 if row is None or row["last_seq"] is None else row["last_seq"]
    return (row["seq"], row["hash"]), row["last_seq"] or 0


async def signed_heads(pool: Pool, hotel_id: UUID) -> list[SignedHead]:
    """All signed heads of a hotel."""
    return [_signed_head(row) for row in await pool.fetch(statement("signed_heads"), hotel_id)]


async def last_signed_head(pool: Pool, hotel_id: UUID) -> SignedHead | None:
    """The signed head of a hotel that reaches farthest."""
    row = await pool.fetchrow(statement("last_signed_head"), hotel_id)
    return None if row is None else _signed_head(row)


async def head_keys(pool: Pool) -> dict[str, bytes]:
    """The public keys that the database keeps, by id."""
    return {row["key_id"]: row["public_key"] for row in await pool.fetch(statement("head_keys"))}


async def keep(connection: Connection, head: SignedHead) -> None:
    """Keep a signed head."""
    signed_at = _EPOCH + timedelta(microseconds=head.signed_us)
    await connection.execute(
        statement("keep_signed_head"), head.hotel_id, head.seq, head.hash, signed_at, head.key_id, head.signature
    )


def _signed_head(row: asyncpg.Record) -> SignedHead:
    hotel_id, seq, event_hash, signed_at, key_id, signature = row
    return SignedHead(hotel_id, seq, event_hash, microseconds(signed_at), key_id, signature)
