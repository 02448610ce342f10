"""Commands about the nights of a room type: prices, restrictions, allowance."""

from decimal import Decimal
from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from command import answers
from command.bodies import SetAllowanceBody, SetPricesBody, SetRestrictionsBody
from command.concerned import naming_bookings
from command.http import CommandRoute, submit
from command.sealing import Sealing
from command.shapes import RoomTypeAnswer
from command.side import side_of
from domain.inventory import InventoryCommand, SetAllowance, SetPrices, SetRestrictions
from eventstore.guest_keys import WrappedKey
from identity.http import Principal, permitted
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels/{hotel_id}/room-types/{code}", tags=["hotels"], route_class=CommandRoute)

RANGE = {"/arrival": "/from", "/departure": "/to"}
"""What a range calls the dates that a stay calls arrival and departure."""


@router.put("/prices", response_model=RoomTypeAnswer, **needs("prices.set"))
async def set_prices(request: Request, hotel_id: UUID, code: str, body: SetPricesBody) -> Response:
    """Set the price of nights. Bookings made before keep theirs."""
    principal = await permitted(request, hotel_id)
    command = SetPrices(
        room_type=code, first=body.first, until=body.until, weekdays=body.days, price=Decimal(body.price)
    )
    return await _submit(request, principal, hotel_id, code, command)


@router.put("/restrictions", response_model=RoomTypeAnswer, **needs("restrictions.set"))
async def set_restrictions(request: Request, hotel_id: UUID, code: str, body: SetRestrictionsBody) -> Response:
    """Restrict the sale of nights: `stop_sell` closes them, `minimum_stay` binds stays that arrive on them, and stays
    can't begin or end on dates that are closed to arrival or departure. What isn't given stays as it is.
    """
    principal = await permitted(request, hotel_id)
    command = SetRestrictions(
        room_type=code,
        first=body.first,
        until=body.until,
        weekdays=body.days,
        stop_sell=body.stop_sell,
        minimum_stay=body.minimum_stay,
        closed_to_arrival=body.closed_to_arrival,
        closed_to_departure=body.closed_to_departure,
    )
    return await _submit(request, principal, hotel_id, code, command)


@router.put("/allowance", response_model=RoomTypeAnswer, **needs("allowance.set"))
async def set_allowance(request: Request, hotel_id: UUID, code: str, body: SetAllowanceBody) -> Response:
    """Say how far nights may be sold beyond the rooms in service, on purpose and for a reason: by half of the type's
    rooms at most, rounded up.
    """
    principal = await permitted(request, hotel_id)
    sealing = Sealing(side_of(request), hotel_id)
    command = SetAllowance(
        room_type=code,
        first=body.first,
        until=body.until,
        weekdays=body.days,
        allowance=body.allowance,
        reason=sealing.words(body.reason),
    )
    async with naming_bookings(request, hotel_id):
        return await _submit(request, principal, hotel_id, code, command, tuple(sealing.keys))


async def _submit(
    request: Request,
    principal: Principal,
    hotel_id: UUID,
    code: str,
    command: InventoryCommand,
    guest_keys: tuple[WrappedKey, ...] = (),
) -> Response:
    return await submit(
        side_of(request),
        request,
        principal,
        hotel_id=hotel_id,
        stream_id=hotel_id,
        command=command,
        render=partial(answers.room_type_changed, code),
        guest_keys=guest_keys,
        renamed=RANGE,
    )
