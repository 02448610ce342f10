"""Projections that are parked, and letting them go on, over HTTP for administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from identity.http import permitted
from identity.permissions import needs
from projections.tasks import RETRY
from query import answers, ledger
from query.answers import answer
from query.routes import PageParameters
from query.side import query_of
from staysync.operations.desk import Desk

router = APIRouter(prefix="/v1/ops", tags=["operations"])


@router.get("/parked", response_model=answers.ParkedHotels, summary="Parked projections", **needs("projections.read"))
async def get_parked(request: Request, parameters: Annotated[PageParameters, Query()]) -> Response:
    """Hotels whose read tables stand still before an event, or aren't what the ledger says; the longest first."""
    await permitted(request)
    async with query_of(request).session() as session:
        return answer(await ledger.parked_hotels(session, limit=parameters.limit, after=parameters.after))


@router.post(
    "/parked/{hotel_id}/retry",
    status_code=202,
    response_model=answers.Retried,
    responses={404: {"description": "No such hotel is parked."}},
    summary="Try a parked projection again",
    **needs("projections.retry"),
)
async def post_retry(request: Request, hotel_id: UUID) -> Response:
    """A projector tries the event again, and those after it in order. If it fails again, the hotel is parked there."""
    await permitted(request)
    async with query_of(request).session() as session:
        seq = await ledger.parked_seq(session, hotel_id)
    desk: Desk = request.app.state.desk
    await desk.send(RETRY, [str(hotel_id)])
    told = answer(answers.Retried(hotel_id=hotel_id, parked_seq=seq))
    told.status_code = 202
    return told
