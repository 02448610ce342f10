"""Whose a booking is: the account's that made it as a guest, and those that claimed it."""

from uuid import UUID

from starlette.requests import Request

from command.side import side_of
from eventstore.sql import statement
from identity.claims import is_claimed
from identity.http import Own, identity_of


def own_booking(request: Request, hotel_id: UUID, booking_id: UUID) -> Own:
    """Says of an account whether a booking is its own, from the ledger and the claims; for `permitted`."""

    async def own(account_id: UUID) -> bool:
        async with side_of(request).pool.acquire() as connection:
            made: bool = await connection.fetchval(statement("made_by_guest"), hotel_id, booking_id, str(account_id))
        if made:
            return True
        async with identity_of(request).connection() as connection:
            return await is_claimed(connection, account_id, hotel_id, booking_id)

    return own
