"""Commands about hotels: opening one, its details, its room types and rooms."""

from decimal import Decimal
from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from command import answers
from command.bodies import AddRoomsBody, AddRoomTypeBody, ChangeHotelBody, OpenHotelBody
from command.http import CommandRoute, submit
from command.shapes import HotelAnswer, RoomTypeAnswer
from command.side import side_of
from domain.hotels import AddRooms, AddRoomType, ChangeHotelDetails, OpenHotel
from eventstore.reading import RESERVED_HOTEL
from identity.http import permitted
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels", tags=["hotels"], route_class=CommandRoute)

_FALLBACK_PREFIX = "STAY"


@router.post("", status_code=201, response_model=HotelAnswer, **needs("hotels.open"))
async def open_hotel(request: Request, body: OpenHotelBody) -> Response:
    """Open a hotel."""
    principal = await permitted(request)
    side = side_of(request)
    return await submit(
        side,
        request,
        principal,
        hotel_id=RESERVED_HOTEL,
        stream_id=uuid7(),
        command=OpenHotel(
            name=body.name,
            city=body.city,
            country=body.country,
            timezone=body.timezone,
            currency=body.currency,
            reference_prefix=body.reference_prefix or prefix_of(body.name),
            business_day_rolls_at=body.business_day_rolls_at or side.business_day_rolls_at,
            bookable_horizon_days=body.bookable_horizon_days or side.bookable_horizon_days,
        ),
        render=answers.hotel_opened,
    )


def prefix_of(name: str) -> str:
    """A prefix for booking references from a hotel's name: the first letters A to Z in it."""
    letters = "".join(letter for letter in name.upper() if "A" <= letter <= "Z")[:4]
    return letters if len(letters) > 1 else _FALLBACK_PREFIX


@router.patch("/{hotel_id}", response_model=HotelAnswer, **needs("hotel.change"))
async def change_hotel(request: Request, hotel_id: UUID, body: ChangeHotelBody) -> Response:
    """Change a hotel's details."""
    return await submit(
        side_of(request),
        request,
        await permitted(request, hotel_id),
        hotel_id=hotel_id,
        stream_id=hotel_id,
        command=ChangeHotelDetails(name=body.name, city=body.city, country=body.country, timezone=body.timezone),
        render=answers.hotel_changed,
    )


@router.post("/{hotel_id}/room-types", status_code=201, response_model=RoomTypeAnswer, **needs("hotel.extend"))
async def add_room_type(request: Request, hotel_id: UUID, body: AddRoomTypeBody) -> Response:
    """Put a room type with its rooms on sale."""
    return await submit(
        side_of(request),
        request,
        await permitted(request, hotel_id),
        hotel_id=hotel_id,
        stream_id=hotel_id,
        command=AddRoomType(
            room_type_id=uuid7(),
            code=body.code,
            name=body.name,
            max_adults=body.max_adults,
            max_children=body.max_children,
            base_price=Decimal(body.base_price),
            rooms=body.rooms,
        ),
        render=partial(answers.room_type_added, body.code),
        renamed={"/price": "/base_price"},
    )


@router.post("/{hotel_id}/room-types/{code}/rooms", response_model=RoomTypeAnswer, **needs("hotel.extend"))
async def add_rooms(request: Request, hotel_id: UUID, code: str, body: AddRoomsBody) -> Response:
    """Add rooms to a room type, in service from the business date on."""
    return await submit(
        side_of(request),
        request,
        await permitted(request, hotel_id),
        hotel_id=hotel_id,
        stream_id=hotel_id,
        command=AddRooms(room_type=code, rooms=body.rooms),
        render=partial(answers.room_type_changed, code),
    )
