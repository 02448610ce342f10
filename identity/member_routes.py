"""Who has which role at a hotel, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from identity import accounts
from identity.access_log import note
from identity.bodies import MemberAnswer, Members, NewRole
from identity.errors import NotVerified, UnknownAccount
from identity.fields import Email
from identity.http import identity_of, permitted
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels/{hotel_id}/members", tags=["accounts"])


@router.get("", response_model=Members, summary="Who has which role at a hotel", **needs("members.read"))
async def members(request: Request, hotel_id: UUID) -> Response:
    """All of them by e-mail; administrators of the group, who have every right everywhere, aren't among them."""
    await permitted(request, hotel_id)
    async with identity_of(request).connection() as connection:
        found = await accounts.members(connection, hotel_id)
    answer = Members(items=[MemberAnswer(hotel_id=hotel_id, email=email, role=role) for email, role in found])
    return Response(answer.model_dump_json(), media_type="application/json")


@router.put(
    "/{email}", response_model=MemberAnswer, summary="Give an account a role at a hotel", **needs("members.set")
)
async def set_member(request: Request, hotel_id: UUID, email: Annotated[Email, Path()], body: NewRole) -> Response:
    """Its e-mail must be verified, or somebody else may have registered with it.

    It counts at once for writes. Access tokens with the roles of before are refused within a minute at most.
    """
    await permitted(request, hotel_id)
    side = identity_of(request)
    async with side.connection() as connection:
        account = await accounts.find_by_email(connection, email)
        if account is not None and account.email_verified_at is None:
            raise NotVerified("The account's e-mail isn't verified, so whose it is isn't known.")
        changed = await accounts.set_role(connection, email, hotel_id, body.role)
    if changed is None:
        raise UnknownAccount
    side.revocations.roles_changed(*changed)
    note(request, "role_changed", subject_id=changed[0])
    answer = MemberAnswer(hotel_id=hotel_id, email=email, role=body.role)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.delete("/{email}", status_code=204, summary="Take an account's role at a hotel", **needs("members.set"))
async def remove_member(request: Request, hotel_id: UUID, email: Annotated[Email, Path()]) -> Response:
    """It counts at once for writes, and for the keys that the account made; for reads within a minute at most."""
    await permitted(request, hotel_id)
    side = identity_of(request)
    async with side.connection() as connection:
        changed = await accounts.remove_role(connection, email, hotel_id)
    if changed is None:
        raise UnknownAccount
    side.revocations.roles_changed(*changed)
    note(request, "role_changed", subject_id=changed[0])
    return Response(status_code=204)
