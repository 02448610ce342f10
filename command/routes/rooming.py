"""Commands about which line of a booking has which room."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from command.bodies import AssignRoomBody, LinesBody, SwapRoomsBody
from command.errors import BadField
from command.http import CommandRoute
from command.routes.bookings import live
from command.shapes import BookingAnswer
from domain.booking_commands import AssignRoom, AssignRooms, ReleaseRooms, SwapRooms
from domain.rejections import UnknownBooking, UnknownRoomType
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels/{hotel_id}/bookings/{booking_id}", tags=["bookings"], route_class=CommandRoute)

_THIS_LINE = {"/lines": "/line"}


@router.post("/assign-room", response_model=BookingAnswer, **needs("bookings.manage"))
async def assign_room(request: Request, hotel_id: UUID, booking_id: UUID, body: AssignRoomBody) -> Response:
    """Give a line a room by hand (`line` and `room`), which also moves guests in house; or give lines that haven't
    arrived the rooms that suit best, by rule (an empty body: all that have none).

    A room of another type is an upgrade: the nights claim that type's stock; price and booked type stay.
    """
    by_hand: dict[str, Any] = {"line": body.line, "room": body.room, "from": body.first, "to": body.until}
    by_rule: dict[str, Any] = {"lines": body.lines, "room_type": body.room_type, "features": body.features}
    if all(value is None for value in by_hand.values()):
        command = AssignRooms(lines=body.lines, room_type=body.room_type, features=frozenset(body.features or ()))
        try:
            return await live(request, hotel_id, booking_id, command)
        except UnknownRoomType as refusal:
            refusal.pointer = "/room_type"
            raise
    for name, value in by_rule.items():
        if value is not None:
            raise BadField(f"/{name}", f"{name} goes without line, room, from and to")
    if body.line is None:
        raise BadField("/line", "a room is given to a line")
    if body.room is None:
        raise BadField("/room", "a line is given a room")
    by_hand_command = AssignRoom(line=body.line, room=body.room, first=body.first, until=body.until)
    return await live(request, hotel_id, booking_id, by_hand_command, renamed=_THIS_LINE)


@router.post("/release-room", response_model=BookingAnswer, **needs("bookings.manage"))
async def release_room(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """Take rooms back from lines that haven't arrived; the booking stands."""
    return await live(request, hotel_id, booking_id, ReleaseRooms(lines=body.lines))


@router.post("/swap-rooms", response_model=BookingAnswer, **needs("bookings.manage"))
async def swap_rooms(request: Request, hotel_id: UUID, booking_id: UUID, body: SwapRoomsBody) -> Response:
    """Let two lines have each other's rooms from now on, of this booking or with one of another."""
    other = None if body.other_booking_id == booking_id else body.other_booking_id
    command = SwapRooms(line=body.line, other_line=body.other_line, other_booking=other)
    try:
        return await live(request, hotel_id, booking_id, command, renamed=_THIS_LINE)
    except UnknownBooking as refusal:
        if refusal.booking_id == other:
            refusal.pointer = "/other_booking_id"
        raise
