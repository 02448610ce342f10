"""Bookings that an account has claimed: its verified e-mail was that of the booking's guest or booker."""

from uuid import UUID

from identity.accounts import Connection
from identity.errors import TooManyClaims

MOST_CLAIMS = 1_000

# Locks the account, so that claims made at once are counted one after another.
_LOCK = "select from identity.account where account_id = $1 for no key update"
_COUNT = "select count(*) from identity.claimed_booking where account_id = $1"
_ADD = """
    insert into identity.claimed_booking (account_id, hotel_id, booking_id) values ($1, $2, $3)
    on conflict do nothing
"""
_LIST = "select hotel_id, booking_id from identity.claimed_booking where account_id = $1"
_IS_CLAIMED = """
    select exists (
        select from identity.claimed_booking where account_id = $1 and hotel_id = $2 and booking_id = $3
    )
"""


async def claim(connection: Connection, account_id: UUID, hotel_id: UUID, booking_id: UUID) -> None:
    """Keep that a booking is an account's; again is no harm. Raises TooManyClaims."""
    async with connection.transaction():
        await connection.execute(_LOCK, account_id)
        if await is_claimed(connection, account_id, hotel_id, booking_id):
            return
        if await connection.fetchval(_COUNT, account_id) >= MOST_CLAIMS:
            raise TooManyClaims(MOST_CLAIMS)
        await connection.execute(_ADD, account_id, hotel_id, booking_id)


async def claimed(connection: Connection, account_id: UUID) -> list[tuple[UUID, UUID]]:
    """The hotels and ids of the bookings that an account has claimed."""
    return [(row["hotel_id"], row["booking_id"]) for row in await connection.fetch(_LIST, account_id)]


async def is_claimed(connection: Connection, account_id: UUID, hotel_id: UUID, booking_id: UUID) -> bool:
    """Whether an account has claimed a booking."""
    found: bool = await connection.fetchval(_IS_CLAIMED, account_id, hotel_id, booking_id)
    return found
