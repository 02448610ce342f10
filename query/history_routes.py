"""Histories over HTTP: as JSON, and as text in English or Russian for whoever asks for `text/plain`."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from identity.http import permitted
from identity.permissions import needs
from query import answers
from query.answers import answer
from query.errors import BadParameter
from query.fields import After, Date, Limit, Parameters, Words
from query.history import Asked, Kind, Subject, history
from query.history_text import as_text
from query.history_words import LANGUAGES
from query.positions import MinPosition, wait_for
from query.side import query_of

router = APIRouter(prefix="/v1", tags=["history"])

TEXT = "text/plain"
_JSON = "application/json"
_RANGE = re.compile(r"\s*([a-z*][a-z0-9*/.+-]*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.IGNORECASE)
_SHAPES: dict[int | str, dict[str, object]] = {
    200: {"content": {TEXT: {"schema": {"type": "string"}}}, "description": "JSON, or text if that is asked for."},
    404: {"description": "There is no such hotel or booking."},
}


class HistoryParameters(Parameters):
    """Which part of a history, and how it is told."""

    first: Date | None = Field(default=None, alias="from", description="The hotel's date of the first events.")
    until: Date | None = Field(default=None, alias="to", description="The date after that of the last ones.")
    form: Literal["json", "text"] | None = Field(
        default=None, alias="format", description="Absent: what Accept prefers, JSON if it doesn't say."
    )
    lang: Literal["en", "ru"] | None = Field(
        default=None, description="Absent: what Accept-Language prefers, English if it doesn't say."
    )
    limit: Limit = 20
    after: After = None


class HotelHistoryParameters(HistoryParameters):
    """Whose history: of one of these, or of the hotel itself where none is named."""

    booking_id: UUID | None = None
    room: Words | None = None
    room_type: Words | None = Field(default=None, description="Its code.")
    guest_id: UUID | None = Field(default=None, description="All that happened to the guest's bookings.")
    account_id: UUID | None = Field(default=None, description="All that the account did.")


@router.get(
    "/hotels/{hotel_id}/history",
    response_model=answers.History,
    responses=_SHAPES,
    summary="What happened to a hotel, a room, a guest, …",
    **needs("history.read"),
)
async def get_hotel_history(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[HotelHistoryParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Who did what, when, as what, why, and which fields changed; the oldest first. Personal data are ids only."""
    await permitted(request, hotel_id)
    await wait_for(query_of(request), min_position)
    return await told(request, hotel_id, _subject(hotel_id, parameters), parameters)


@router.get(
    "/hotels/{hotel_id}/bookings/{booking_id}/history",
    response_model=answers.History,
    responses=_SHAPES,
    summary="What happened to a booking",
    **needs("history.read"),
)
async def get_booking_history(
    request: Request, hotel_id: UUID, booking_id: UUID, parameters: Annotated[HistoryParameters, Query()]
) -> Response:
    """The booking's events out of the ledger, the oldest first. Personal data is shown as the ids of guests only."""
    await permitted(request, hotel_id)
    return await told(request, hotel_id, Subject("booking", booking_id), parameters)


async def told(
    request: Request,
    hotel_id: UUID,
    subject: Subject,
    parameters: HistoryParameters,
    *,
    inside: bool = True,
    reader: UUID | None = None,
) -> Response:
    """A history in the form and language that the client asks for. A guest who isn't `inside` is the `reader`."""
    language = parameters.lang or preferred(request.headers.get("accept-language", ""), LANGUAGES, "en")
    as_json = parameters.form or ("text" if _prefers_text(request.headers.get("accept", "")) else "json")
    asked = Asked(
        language=language,
        first=parameters.first,
        until=parameters.until,
        limit=parameters.limit,
        after=parameters.after,
        inside=inside,
        reader=reader,
    )
    async with query_of(request).session() as session:
        found = await history(session, hotel_id, subject, asked)
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language"}
    if as_json == "json":
        return answer(found, headers)
    if found.next is not None:
        headers["Link"] = f'<?{_next(request, found.next)}>; rel="next"'
    return Response(as_text(found, language), media_type=f"{TEXT}; charset=utf-8", headers=headers)


def preferred[T: str](header: str, offered: Sequence[T], otherwise: T) -> T:
    """The one offered that a header such as Accept-Language prefers. What can't be read of it is passed over."""
    best, chosen = 0.0, otherwise
    for found in filter(None, map(_RANGE.fullmatch, header.split(","))):
        name, quality = found[1].lower(), float(found[2] or 1)
        one = next((one for one in offered if name == one or name.startswith(f"{one}-")), None)
        if one is not None and quality > best:
            best, chosen = quality, one
    return chosen


def _prefers_text(header: str) -> bool:
    return preferred(header, (_JSON, "*/*", "application/*", TEXT, "text/*"), _JSON) in (TEXT, "text/*")


def _next(request: Request, cursor: str) -> str:
    return str(request.url.include_query_params(after=cursor).query)


def _subject(hotel_id: UUID, parameters: HotelHistoryParameters) -> Subject:
    named: dict[Kind, UUID | str | None] = {
        "booking": parameters.booking_id,
        "room": parameters.room,
        "room_type": parameters.room_type,
        "guest": parameters.guest_id,
        "account": parameters.account_id,
    }
    subjects = [Subject(kind, value) for kind, value in named.items() if value is not None]
    if len(subjects) > 1:
        raise BadParameter(_NAMES[subjects[1].kind], "one history at a time: leave out all but one")
    return subjects[0] if subjects else Subject("hotel", hotel_id)


_NAMES: dict[Kind, str] = {
    "booking": "booking_id",
    "room": "room",
    "room_type": "room_type",
    "guest": "guest_id",
    "account": "account_id",
    "hotel": "hotel_id",
}
