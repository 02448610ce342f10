"""One ledger, one master key: which one it is stands in the ledger, and every connection that works by it is checked.

The note is a row of the guests' keys that belongs to nobody and comes before all others. Who may write the ledger makes
it before sealing anything, so that two first starts with two keys can't both go on.
"""

from uuid import UUID

import asyncpg
from cryptography.exceptions import InvalidTag

from eventstore.errors import WrongMasterKey
from eventstore.guest_keys import MasterKey
from eventstore.reading import RESERVED_HOTEL, Connection
from eventstore.sql import statement

NOBODY = UUID(int=0)

_BEFORE_FINGERPRINTS = "1"
"""The id that every master key had before ids were made from the keys: what it wrapped must be opened to know."""


async def check_master_key(connection: Connection, master_key: MasterKey) -> bool:
    """Hold a master key against the ledger. False if nothing is sealed yet, so that any key will do.

    Raises WrongMasterKey.
    """
    return _hold_against(await connection.fetchrow(statement("first_guest_key")), master_key)


async def claim_ledger(connection: Connection, master_key: MasterKey) -> None:
    """Hold a master key against the ledger, and note it there where none is noted yet. Raises WrongMasterKey."""
    row = await connection.fetchrow(statement("first_guest_key"))
    _hold_against(row, master_key)
    if row is None or (row["hotel_id"], row["guest_id"]) != (RESERVED_HOTEL, NOBODY):
        await connection.execute(statement("note_master_key"), RESERVED_HOTEL, NOBODY, master_key.key_id)
        await check_master_key(connection, master_key)  # another process may have been first


def _hold_against(row: asyncpg.Record | None, master_key: MasterKey) -> bool:
    if row is None:
        return False
    if row["master_key"] != _BEFORE_FINGERPRINTS:
        if not master_key.knows(row["master_key"]):
            raise WrongMasterKey(master_key.key_id, row["master_key"])
        return True
    try:
        master_key.unwrap(row["hotel_id"], row["guest_id"], row["wrapped_key"])
    except InvalidTag:
        raise WrongMasterKey(master_key.key_id, None) from None
    return True
