"""Changes the master key: a new file, then every guest's key wrapped anew, while bookings go on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from eventstore.guest_keys import MasterKey
from eventstore.master_key import NOBODY, check_master_key
from eventstore.reading import RESERVED_HOTEL, Connection
from staysync.secrets import load_secrets, rotate_master_key
from staysync.settings import Settings

SETTLED_S = 10.0
"""A key that was wrapped just before the change is in the ledger by then: no command waits longer for its commit."""

_PAGE = 1000
_COUNT = "select count(*) from ledger.guest_key where master_key <> $1"
_NOTE = "update ledger.guest_key set master_key = $3 where hotel_id = $1 and guest_id = $2"
_FORMER = """
    select hotel_id, guest_id, wrapped_key from ledger.guest_key
     where master_key <> $1 and (hotel_id, guest_id) > ($2, $3)
     order by hotel_id, guest_id
     limit $4
"""
# A guest who is erased meanwhile has no row any more, and gets none.
_REWRAP = """
    update ledger.guest_key k set master_key = $1, wrapped_key = n.wrapped
      from unnest($2::uuid[], $3::uuid[], $4::bytea[]) as n (hotel_id, guest_id, wrapped)
     where k.hotel_id = n.hotel_id and k.guest_id = n.guest_id
"""

type Progress = Callable[[int, int], None]
"""Told how many keys are wrapped anew, and how many there are."""


async def change_master_key(settings: Settings, progress: Progress, *, settled_s: float = SETTLED_S) -> Path:
    """Make a new master key and wrap all guests' keys by it; where the former one is kept.

    Interrupted, it is gone on with by `rewrap_guest_keys`. Raises WrongMasterKey before anything is changed.
    """
    connection = await asyncpg.connect(settings.role_url("owner"))
    try:
        await check_master_key(connection, load_secrets(settings.secrets_dir).master_key())
        former = rotate_master_key(settings.secrets_dir, datetime.now(UTC))
        master_key = load_secrets(settings.secrets_dir).master_key()
        await rewrap_guest_keys(connection, master_key, progress)
        await asyncio.sleep(settled_s)
        await rewrap_guest_keys(connection, master_key, progress)
        return former
    finally:
        await connection.close()


async def rewrap_guest_keys(connection: Connection, master_key: MasterKey, progress: Progress) -> int:
    """Wrap by this master key what former ones have wrapped; how many keys that were. Any time, again and again.

    The ledger's note of its master key comes first: a process that doesn't have the new file then stops, rather than
    wrap by the former one.
    """
    await connection.execute(_NOTE, RESERVED_HOTEL, NOBODY, master_key.key_id)
    total: int = await connection.fetchval(_COUNT, master_key.key_id)
    last, done = (RESERVED_HOTEL, NOBODY), 0
    while page := await connection.fetch(_FORMER, master_key.key_id, *last, _PAGE):
        wrapped = [master_key.rewrap(*row).wrapped for row in page]
        hotels, guests = [row["hotel_id"] for row in page], [row["guest_id"] for row in page]
        await connection.execute(_REWRAP, master_key.key_id, hotels, guests, wrapped)
        last, done = (hotels[-1], guests[-1]), done + len(page)
        progress(done, max(total, done))
    return done
