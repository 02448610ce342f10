"""Commands about physical rooms. A room's name may hold slashes, sent as %2F or as they are."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from command import answers
from command.bodies import InServiceBody, OutOfOrderBody, RoomFeaturesBody
from command.concerned import naming_bookings
from command.http import CommandRoute, submit
from command.routes.inventory import RANGE
from command.sealing import Sealing
from command.shapes import RoomAnswer
from command.side import side_of
from domain.hotels import ReturnToService, RoomCommand, SetRoomFeatures, TakeOutOfOrder
from eventstore.guest_keys import WrappedKey
from identity.http import Principal, permitted
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels/{hotel_id}/rooms", tags=["hotels"], route_class=CommandRoute)


@router.post("/{room:path}/out-of-order", response_model=RoomAnswer, **needs("rooms.take_out"))
async def take_out_of_order(request: Request, hotel_id: UUID, room: str, body: OutOfOrderBody) -> Response:
    """Take a room out of order for nights, without `from` from today on, for a reason.

    Refused while a line has the room, and where more is sold than would be left; with `raise_allowance` the allowance
    makes up for that, as far as it may: that is for who may set allowances.
    """
    principal = await permitted(request, hotel_id, also="allowance.set" if body.raise_allowance else None)
    sealing = Sealing(side_of(request), hotel_id)
    command = TakeOutOfOrder(
        room=room,
        first=body.first,
        until=body.until,
        reason=sealing.words(body.reason),
        raise_allowance=body.raise_allowance,
    )
    async with naming_bookings(request, hotel_id):
        return await _submit(request, principal, hotel_id, room, command, tuple(sealing.keys))


@router.post("/{room:path}/in-service", response_model=RoomAnswer, **needs("rooms.take_out"))
async def return_to_service(request: Request, hotel_id: UUID, room: str, body: InServiceBody) -> Response:
    """Put a room back in service, without `from` from today on."""
    principal = await permitted(request, hotel_id)
    return await _submit(request, principal, hotel_id, room, ReturnToService(room=room, first=body.first))


@router.put("/{room:path}/features", response_model=RoomAnswer, **needs("rooms.describe"))
async def set_features(request: Request, hotel_id: UUID, room: str, body: RoomFeaturesBody) -> Response:
    """Say what a room offers; what it offered before is gone."""
    principal = await permitted(request, hotel_id)
    command = SetRoomFeatures(room=room, features=frozenset(body.features))
    return await _submit(request, principal, hotel_id, room, command)


async def _submit(
    request: Request,
    principal: Principal,
    hotel_id: UUID,
    room: str,
    command: RoomCommand,
    guest_keys: tuple[WrappedKey, ...] = (),
) -> Response:
    return await submit(
        side_of(request),
        request,
        principal,
        hotel_id=hotel_id,
        stream_id=hotel_id,
        command=command,
        render=partial(answers.room_changed, room),
        guest_keys=guest_keys,
        renamed=RANGE,
    )
