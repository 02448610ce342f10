"""A hotel's changes over HTTP as server-sent events, which a browser's EventSource reads and resumes by itself."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from identity.errors import AccountsUnavailable, ForgedRequest, NotPermitted, NotSignedIn
from identity.http import permitted
from identity.limits import TooManyRequests
from identity.permissions import needs
from query.errors import BadParameter
from query.fields import Parameters
from query.stream import Seat, Streams

router = APIRouter(prefix="/v1")

_LONGEST_S = 3600
_NO_LONGER = (NotSignedIn, NotPermitted, ForgedRequest, AccountsUnavailable, TooManyRequests)


class StreamParameters(Parameters):
    """From where on, and for how long."""

    after: Annotated[
        int | None,
        Field(ge=0, lt=2**62, description="Begin after this seq; Last-Event-ID counts before it. Absent: from now on."),
    ] = None
    lasts_s: Annotated[
        int, Field(ge=0, le=_LONGEST_S, description="End after so many seconds; 0: tell what is there, and end.")
    ] = _LONGEST_S


@router.get(
    "/hotels/{hotel_id}/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `id` is the seq, `event` the type.",
            "content": {"text/event-stream": {}},
        },
        404: {"description": "There is no such hotel."},
    },
    tags=["ledger"],
    summary="A hotel's changes, live",
    **needs("bookings.read"),
)
async def get_stream(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[StreamParameters, Query()],
    last_event_id: Annotated[str | None, Header(description="The last seq that the client has seen.")] = None,
) -> Response:
    """What happens at the hotel, in the ledger's order and without personal data, once the read tables say it too.

    Ends with the access token or the right to listen, and at the latest after an hour; resume with Last-Event-ID.
    """
    principal = await permitted(request, hotel_id)
    streams: Streams = request.app.state.streams
    known = parameters.after if last_event_id is None else _seq(last_event_id)
    beginning = await streams.begin(hotel_id, known)

    async def may_listen() -> bool:
        try:
            await permitted(request, hotel_id)
        except _NO_LONGER:
            return False
        return True

    seat = streams.sit(beginning, principal.actor)
    request.state.endless = True
    lasts_s = 0 if hasattr(request.state, "headless") else parameters.lasts_s
    return _Stream(streams, seat, streams.listen(seat, lasts_s=lasts_s, reset=beginning.reset, may_listen=may_listen))


class _Stream(StreamingResponse):
    """The answer; however it ends, the client's seat is free again."""

    def __init__(self, streams: Streams, seat: Seat, content: AsyncIterator[bytes]) -> None:
        # Proxies pass it on as it comes; a charset belongs to text/event-stream by its definition.
        super().__init__(content, headers={"X-Accel-Buffering": "no"}, media_type="text/event-stream")
        self._streams = streams
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._seat)


def _seq(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadParameter("Last-Event-ID", "it is the id of an event, which is a seq", place="header")
    return int(text)
