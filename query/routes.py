"""The read side over HTTP: each endpoint checks who asks, waits for the position asked for, and calls its question."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from domain.bookings import LineState
from identity.http import permitted
from identity.limits import limit
from identity.permissions import needs
from query import answers, bookings, hotels, ledger, past_bookings, past_calendar, rack
from query.answers import answer, written
from query.as_of import AsOf, moment
from query.conditional import NOT_MODIFIED, tagged
from query.fields import After, Date, Limit, Parameters, Words
from query.marks import answer_kept, of_hotel
from query.positions import MinPosition, wait_for
from query.side import query_of

router = APIRouter(prefix="/v1")

_NOT_THERE: dict[int | str, dict[str, str]] = {404: {"description": "There is no such hotel or booking."}}


class NoParameters(Parameters):
    """A question without parameters."""


class HotelsParameters(Parameters):
    """Which hotels."""

    city: Words | None = None
    limit: Limit = 20
    after: After = None


class CalendarParameters(AsOf):
    """Which nights, half open."""

    first: Date | None = Field(default=None, alias="from", description="Absent: the hotel's business date.")
    until: Date | None = Field(default=None, alias="to", description="Absent: 14 days later. At most 400 days later.")


class RackParameters(Parameters):
    """Which dates, half open."""

    first: Date | None = Field(default=None, alias="from", description="Absent: the hotel's business date.")
    until: Date | None = Field(default=None, alias="to", description="Absent: 14 days later. At most 92 days later.")


class BookingsParameters(AsOf):
    """Which bookings, and in which order."""

    state: Annotated[list[LineState], Field(max_length=len(LineState), default_factory=list)]
    arrival_from: Date | None = None
    arrival_to: Date | None = Field(default=None, description="Exclusive.")
    channel: Words | None = None
    q: Words | None = Field(
        default=None, description="The beginning of a reference or of a guest's name, or a whole e-mail."
    )
    sort: Literal["arrival", "-arrival", "booked_at", "-booked_at"] = "arrival"
    limit: Limit = 20
    after: After = None


class PageParameters(Parameters):
    """Which page."""

    limit: Limit = 20
    after: After = None


def _plain_digits(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("a seq is a number")
    return value


class LedgerParameters(Parameters):
    """Which part of the ledger: the events after a seq."""

    limit: Limit = 20
    after: Annotated[int, BeforeValidator(_plain_digits), Field(ge=0, lt=2**62)] = 0


class Lookup(BaseModel):
    """What the guest of a booking knows of it."""

    model_config = ConfigDict(extra="forbid")

    reference: Words = Field(examples=["LIS-7K2MX9QD"])
    email: Words = Field(examples=["guest@example.org"])


@router.get(
    "/hotels",
    response_model=answers.Hotels,
    responses=NOT_MODIFIED,
    tags=["hotels"],
    summary="Hotels",
    **needs("hotels.read"),
)
async def get_hotels(
    request: Request, parameters: Annotated[HotelsParameters, Query()], min_position: MinPosition = None
) -> Response:
    """All hotels by name, or those of a city (whatever its case)."""
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        page = await hotels.hotels(session, city=parameters.city, limit=parameters.limit, after=parameters.after)
    return tagged(request, written(page))


@router.get(
    "/hotels/{hotel_id}",
    response_model=answers.Hotel,
    responses=_NOT_THERE,
    tags=["hotels"],
    summary="One hotel",
    **needs("hotels.read"),
)
async def get_hotel(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[NoParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """A hotel, with its business date of now. The ETag is its version, for changes with If-Match."""
    del parameters
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        hotel = hotels.shown_hotel(await hotels.hotel_by_id(session, hotel_id), hotels.utc_now())
    return answer(hotel, {"ETag": f'"{hotel.version}"'})


@router.get(
    "/hotels/{hotel_id}/room-types",
    response_model=answers.RoomTypes,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    tags=["hotels"],
    summary="A hotel's room types",
    **needs("hotels.read"),
)
async def get_room_types(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[NoParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """What the hotel sells, and the rooms of each type."""
    del parameters
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        found = await hotels.room_types(session, hotel_id)
    return tagged(request, written(found))


@router.get(
    "/hotels/{hotel_id}/calendar",
    response_model=answers.Calendar,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    tags=["availability"],
    summary="A hotel's calendar",
    **needs("hotels.read"),
)
async def get_calendar(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[CalendarParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Each room type's nights: in service, free, price, restrictions. Holds past their deadline count as free."""
    side = query_of(request)
    await wait_for(side, min_position)
    then = await moment(side, hotel_id, parameters)
    first, until = parameters.first, parameters.until
    if then is not None:
        async with side.session() as session:
            return answer(await past_calendar.calendar_as_of(session, hotel_id, first, until, then))

    async def find() -> bytes:
        async with side.session() as session:
            return written(await hotels.calendar(session, hotel_id, first, until))

    return await answer_kept(request, side, of_hotel(hotel_id), find)


@router.get(
    "/hotels/{hotel_id}/room-rack",
    response_model=answers.RoomRack,
    responses=_NOT_THERE,
    tags=["rooms"],
    summary="A hotel's room rack",
    **needs("bookings.read"),
)
async def get_room_rack(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[RackParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Who has which room when, which rooms are out of order, and which lines still await a room.

    Stays and times out of order come whole, also where they reach beyond the range.
    """
    await permitted(request, hotel_id)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        return answer(await rack.room_rack(session, hotel_id, parameters.first, parameters.until))


@router.get(
    "/hotels/{hotel_id}/bookings",
    response_model=answers.Bookings,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    tags=["bookings"],
    summary="A hotel's bookings",
    **needs("bookings.read"),
)
async def get_bookings(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[BookingsParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Bookings that match all filters. Follow `next` for more; keep filters and order while you do."""
    await permitted(request, hotel_id)
    wanted = bookings.Filter(
        states=parameters.state,
        arrival_from=parameters.arrival_from,
        arrival_to=parameters.arrival_to,
        channel=parameters.channel,
        words=parameters.q,
    )
    side = query_of(request)
    await wait_for(side, min_position)
    then = await moment(side, hotel_id, parameters)
    sort, limit, after = parameters.sort, parameters.limit, parameters.after
    async with side.session() as session:
        if then is None:
            page = await bookings.bookings(session, hotel_id, wanted, sort=sort, limit=limit, after=after)
            return tagged(request, written(page))
        return answer(
            await past_bookings.bookings_as_of(session, hotel_id, wanted, then, sort=sort, limit=limit, after=after)
        )


@router.get(
    "/hotels/{hotel_id}/bookings/{booking_id}",
    response_model=answers.Booking,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    tags=["bookings"],
    summary="One booking",
    **needs("bookings.read"),
)
async def get_booking(
    request: Request,
    hotel_id: UUID,
    booking_id: UUID,
    parameters: Annotated[AsOf, Query()],
    min_position: MinPosition = None,
) -> Response:
    """A booking with its lines, nights, guests and timeline.

    The ETag is for commands with If-Match; a booking as it was has none.
    """
    await permitted(request, hotel_id)
    side = query_of(request)
    await wait_for(side, min_position)
    then = await moment(side, hotel_id, parameters)
    async with side.session() as session:
        if then is not None:
            return answer(await past_bookings.booking_as_of(session, hotel_id, booking_id, then))
        booking = await bookings.booking(session, hotel_id, booking_id)
    return tagged(request, written(booking), {"ETag": f'"{booking.version}"'})


@router.get(
    "/hotels/{hotel_id}/ledger",
    response_model=answers.Ledger,
    responses=_NOT_THERE,
    tags=["ledger"],
    summary="A hotel's ledger",
    **needs("ledger.read"),
)
async def get_ledger(request: Request, hotel_id: UUID, parameters: Annotated[LedgerParameters, Query()]) -> Response:
    """The events after a seq, without gaps, exactly as they were hashed. `after` is the seq of the last one read."""
    await permitted(request, hotel_id)
    async with query_of(request).session() as session:
        return await ledger.feed(session, hotel_id, limit=parameters.limit, after=parameters.after)


@router.get(
    "/hotels/{hotel_id}/position",
    response_model=answers.Positions,
    responses=_NOT_THERE,
    tags=["ledger"],
    summary="How far ledger and read model are",
    **needs("position.read"),
)
async def get_position(request: Request, hotel_id: UUID, parameters: Annotated[NoParameters, Query()]) -> Response:
    """The last seq of both, and the event at which the read model is parked, if it is."""
    del parameters
    await permitted(request, hotel_id)
    async with query_of(request).session() as session:
        return answer(await ledger.positions(session, hotel_id))


@router.post(
    "/bookings/lookup",
    response_model=answers.GuestsBooking,
    responses=_NOT_THERE,
    tags=["bookings"],
    summary="Find your booking",
    **needs("bookings.look_up"),
)
async def look_up(request: Request, body: Lookup, min_position: MinPosition = None) -> Response:
    """The booking with this reference and e-mail. An unknown reference and another e-mail get the same answer."""
    await limit(request, "lookups", body.email)
    side = query_of(request)
    await wait_for(side, min_position)
    async with side.session() as session:
        return answer(await bookings.lookup(session, body.reference, body.email))
