"""A guest's own bookings over HTTP: what they made when signed in, and what they claim with their verified e-mail.

They are read here, and confirmed and cancelled where members do it, at the booking's own path.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity import accounts, claims, sessions
from identity.access_log import note
from identity.errors import NotSignedIn, NotVerified
from identity.http import identity_of, permitted
from identity.limits import limit
from identity.permissions import needs
from query import answers, bookings, own
from query.answers import answer
from query.fields import Words
from query.history import Subject
from query.history_routes import HistoryParameters, told
from query.positions import MinPosition, wait_for
from query.routes import NoParameters, PageParameters
from query.side import query_of

router = APIRouter(prefix="/v1/me", tags=["bookings"])

_MOST_BOOKINGS = 5000


class Claim(BaseModel):
    """What the guest of a booking knows of it, whose e-mail is that of the account."""

    model_config = ConfigDict(extra="forbid")

    reference: Words = Field(examples=["LIS-7K2MX9QD"])


@router.get("/bookings", response_model=answers.OwnBookings, summary="My bookings", **needs("own_bookings.read"))
async def get_own_bookings(
    request: Request, parameters: Annotated[PageParameters, Query()], min_position: MinPosition = None
) -> Response:
    """Bookings of all hotels that the account made as a guest, and those that it claimed; the last booked first."""
    account_id = await _account_id(request)
    async with identity_of(request).connection() as connection:
        claimed = await claims.claimed(connection, account_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        return answer(
            await own.own_bookings(session, account_id, claimed, limit=parameters.limit, after=parameters.after)
        )


@router.get("/data", response_model=answers.OwnData, summary="All my data", **needs("own_bookings.read"))
async def get_own_data(
    request: Request, parameters: Annotated[NoParameters, Query()], min_position: MinPosition = None
) -> Response:
    """The account, its open sessions, and its bookings with all that is known of their guests, as JSON to keep."""
    del parameters
    account_id = await _account_id(request)
    async with identity_of(request).connection() as connection:
        account = await accounts.find_by_id(connection, account_id)
        open_sessions = await sessions.listed(connection, account_id)
        claimed = await claims.claimed(connection, account_id)
    if account is None:
        raise NotSignedIn("This account is no more.")
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        page = await own.own_bookings(session, account_id, claimed, limit=_MOST_BOOKINGS, after=None)
    data = answers.OwnData(
        account=answers.OwnAccount(
            account_id=account.account_id,
            email=account.email,
            email_verified_at=account.email_verified_at,
            full_name=account.full_name,
            language=account.language,
        ),
        sessions=[
            answers.OwnSession(
                session_id=each.session_id,
                created_at=each.created_at,
                last_used_at=each.last_used_at,
                expires_at=each.expires_at,
            )
            for each in open_sessions
        ],
        bookings=page.items,
        more=page.next is not None,
    )
    return answer(data, {"Content-Disposition": 'attachment; filename="my-data.json"'})


@router.get(
    "/bookings/{booking_id:uuid}",  # by its form, or GET would seem to be possible at the paths of commands
    response_model=answers.GuestsBooking,
    responses={404: {"description": "The account has no such booking."}},
    summary="One of my bookings",
    **needs("own_bookings.read"),
)
async def get_own_booking(
    request: Request,
    booking_id: UUID,
    parameters: Annotated[NoParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """The ETag is for commands with If-Match."""
    del parameters
    account_id = await _account_id(request)
    async with identity_of(request).connection() as connection:
        claimed = await claims.claimed(connection, account_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        found = await own.own_booking(session, account_id, claimed, booking_id)
    return answer(found, {"ETag": f'"{found.version}"'})


@router.get(
    "/bookings/{booking_id}/history",
    response_model=answers.History,
    responses={404: {"description": "The account has no such booking."}},
    summary="What happened to one of my bookings",
    **needs("own_bookings.read"),
)
async def get_own_history(
    request: Request,
    booking_id: UUID,
    parameters: Annotated[HistoryParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """As the hotel sees it, but for what is the hotel's own business: who acted there, and the events' data."""
    account_id = await _account_id(request)
    async with identity_of(request).connection() as connection:
        claimed = await claims.claimed(connection, account_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        found = await own.own_booking(session, account_id, claimed, booking_id)
    subject = Subject("booking", booking_id)
    return await told(request, found.hotel_id, subject, parameters, inside=False, reader=account_id)


@router.post(
    "/bookings/claim",
    response_model=answers.GuestsBooking,
    responses={404: {"description": "There is no booking with this reference and the account's e-mail."}},
    summary="Claim a booking",
    **needs("own_bookings.claim"),
)
async def claim_booking(request: Request, body: Claim, min_position: MinPosition = None) -> Response:
    """Take a booking, made without an account, among one's own: its guest or booker has the account's verified e-mail.

    It stays among them, also when its details change later. An unknown reference and another's booking get the same
    answer.
    """
    account_id = await _account_id(request)
    async with identity_of(request).connection() as connection:
        account = await accounts.find_by_id(connection, account_id)
    if account is None:
        raise NotSignedIn("This account is no more.")
    if account.email_verified_at is None:
        raise NotVerified("Your e-mail isn't verified, so the bookings with it may be somebody else's.")
    await limit(request, "lookups", account.email)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        found = await bookings.lookup(session, body.reference, account.email)
    async with identity_of(request).connection() as connection:
        await claims.claim(connection, account_id, found.hotel_id, found.booking_id)
    note(request, "booking_claimed")
    return answer(found, {"ETag": f'"{found.version}"'})


async def _account_id(request: Request) -> UUID:
    account_id = (await permitted(request)).account_id
    if account_id is None:
        raise NotSignedIn
    return account_id
