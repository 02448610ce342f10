"""A hotel's guests over HTTP, for those who may read its bookings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from identity.http import permitted
from identity.permissions import needs
from query.answers import answer
from query.fields import Words
from query.guests import Guests, GuestWithStays, guest_with_stays, guests
from query.positions import MinPosition, wait_for
from query.routes import PageParameters
from query.side import query_of

router = APIRouter(prefix="/v1/hotels/{hotel_id}/guests", tags=["guests"])

_NOT_THERE: dict[int | str, dict[str, str]] = {404: {"description": "There is no such hotel or guest."}}


class GuestsParameters(PageParameters):
    """Which guests."""

    q: Words | None = Field(default=None, description="The beginning of a name, or a whole e-mail, whatever the case.")


@router.get("", response_model=Guests, responses=_NOT_THERE, summary="A hotel's guests", **needs("bookings.read"))
async def get_guests(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[GuestsParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Guests by name. Those who were erased come last; all of them but their id is null."""
    await permitted(request, hotel_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        return answer(
            await guests(session, hotel_id, words=parameters.q, limit=parameters.limit, after=parameters.after)
        )


@router.get(
    "/{guest_id}",
    response_model=GuestWithStays,
    responses=_NOT_THERE,
    summary="A guest with their stays",
    **needs("bookings.read"),
)
async def get_guest(
    request: Request,
    hotel_id: UUID,
    guest_id: UUID,
    parameters: Annotated[PageParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """A guest and their bookings, the latest arrival first, with the nights sold and what they bring."""
    await permitted(request, hotel_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        return answer(
            await guest_with_stays(session, hotel_id, guest_id, limit=parameters.limit, after=parameters.after)
        )
