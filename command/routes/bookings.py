"""Commands about bookings, from the first to the last."""

import secrets
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from command import answers
from command.bodies import LONGEST_OPEN_HOLD_MINUTES, BookBody, CancelBody, GuestBody, LinesBody, NoBody
from command.errors import BadField
from command.http import CommandRoute, submit
from command.shapes import BookingAnswer
from command.side import CommandSide, side_of
from domain.booking_commands import (
    Book,
    CancelLines,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    LifeCommand,
    MarkNoShow,
    RequestedLine,
)
from domain.values import Sealed, Statistics
from eventstore.appender import ReferenceTaken
from eventstore.guest_keys import WrappedKey
from eventstore.reading import booking_guest_key
from identity.http import Principal, current_principal, require_member

router = APIRouter(prefix="/v1/hotels/{hotel_id}/bookings", tags=["bookings"], route_class=CommandRoute)

DEFAULT_HOLD_MINUTES = 15
# Without I, O, 0 and 1, which sound or look alike over the phone; 32 characters take five bits each.
_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_REFERENCE_TRIES = 3


def reference_suffix() -> str:
    """Eight random characters that can be read over the phone (40 bits)."""
    return "".join(_REFERENCE_ALPHABET[byte & 31] for byte in secrets.token_bytes(8))


class _Sealing:
    """Seals the people of one request, each under a key of their own."""

    def __init__(self, side: CommandSide, hotel_id: UUID) -> None:
        self._side = side
        self._hotel_id = hotel_id
        self.keys: list[WrappedKey] = []

    def person(self, person: GuestBody) -> Sealed:
        """Seal someone's details."""
        key, wrapped = self._side.master_key.new_guest_key(self._hotel_id, uuid7())
        self.keys.append(wrapped)
        return key.seal(
            {
                "full_name": person.full_name,
                "email": person.email,
                "phone": person.phone,
                "language": person.language,
            }
        )


@router.post("", status_code=201, response_model=BookingAnswer)
async def book(request: Request, hotel_id: UUID, body: BookBody) -> Response:
    """Hold rooms or sell them at once. Open to anyone; a price override or a long hold needs a member of the hotel."""
    principal = current_principal(request)
    if body.price_override is not None or (body.hold_minutes or 0) > LONGEST_OPEN_HOLD_MINUTES:
        principal = require_member(request, hotel_id)
    side = side_of(request)
    sealing = _Sealing(side, hotel_id)
    expected_total, expected_currency = body.expected
    guest = sealing.person(body.guest)
    booker = sealing.person(body.booker) if body.booker else None
    lines = tuple(
        RequestedLine(
            room_type=room.room_type,
            adults=room.adults,
            child_ages=room.ages,
            guest=sealing.person(room.guest) if room.guest else None,
        )
        for room in body.rooms
    )
    hold_for = timedelta(minutes=body.hold_minutes or DEFAULT_HOLD_MINUTES) if body.state == "hold" else None
    for tries_left in reversed(range(_REFERENCE_TRIES)):
        command = Book(
            reference_suffix=reference_suffix(),
            arrival=body.arrival,
            departure=body.departure,
            lines=lines,
            guest=guest,
            booker=booker,
            statistics=Statistics(
                channel=body.channel,
                market_segment=body.market_segment,
                distribution_channel=body.distribution_channel,
                agent=body.agent,
                company=body.company,
                customer_type=body.customer_type,
                meal=body.meal,
                country=body.country,
            ),
            hold_for=hold_for,
            rate_plan=body.rate_plan,
            expected_total=expected_total,
            expected_currency=expected_currency,
            price_override=None if body.price_override is None else Decimal(body.price_override),
        )
        try:
            return await submit(
                side,
                request,
                principal,
                hotel_id=hotel_id,
                stream_id=uuid7(),
                command=command,
                render=answers.booked,
                guest_keys=tuple(sealing.keys),
            )
        except ReferenceTaken:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


@router.post("/{booking_id}/confirm", response_model=BookingAnswer)
async def confirm(request: Request, hotel_id: UUID, booking_id: UUID, body: NoBody) -> Response:
    """Turn the held lines into sold ones. Needs a member of the hotel."""
    del body
    return await _live(request, hotel_id, booking_id, ConfirmBooking())


@router.post("/{booking_id}/cancel", response_model=BookingAnswer)
async def cancel(request: Request, hotel_id: UUID, booking_id: UUID, body: CancelBody) -> Response:
    """Cancel lines that aren't checked in yet. Needs a member of the hotel."""
    principal = require_member(request, hotel_id)
    side = side_of(request)
    note = None if body.note is None else await _sealed_note(side, hotel_id, booking_id, body.note)
    command = CancelLines(lines=body.lines, reason=body.reason, note=note)
    return await _submit(side, request, principal, hotel_id, booking_id, command)


async def _sealed_note(side: CommandSide, hotel_id: UUID, booking_id: UUID, note: str) -> Sealed:
    """A note under the key of the booking's guest, so that erasing the guest erases what was written about them."""
    async with side.pool.acquire() as connection:
        key = await booking_guest_key(connection, side.master_key, hotel_id, booking_id)
    if key is None:
        raise BadField("/note", "the guest's data was erased, so nothing can be noted about them")
    return key.seal({"text": note})


@router.post("/{booking_id}/check-in", response_model=BookingAnswer)
async def check_in(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests have arrived. Needs a member of the hotel."""
    return await _live(request, hotel_id, booking_id, CheckIn(lines=body.lines))


@router.post("/{booking_id}/check-out", response_model=BookingAnswer)
async def check_out(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests leave; what they had booked further is free again at once. Needs a member of the hotel."""
    return await _live(request, hotel_id, booking_id, CheckOut(lines=body.lines))


@router.post("/{booking_id}/no-show", response_model=BookingAnswer)
async def no_show(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests didn't come; every night after the first is free again. Needs a member of the hotel."""
    return await _live(request, hotel_id, booking_id, MarkNoShow(lines=body.lines))


async def _live(request: Request, hotel_id: UUID, booking_id: UUID, command: LifeCommand) -> Response:
    principal = require_member(request, hotel_id)
    return await _submit(side_of(request), request, principal, hotel_id, booking_id, command)


async def _submit(
    side: CommandSide,
    request: Request,
    principal: Principal,
    hotel_id: UUID,
    booking_id: UUID,
    command: LifeCommand,
) -> Response:
    return await submit(
        side,
        request,
        principal,
        hotel_id=hotel_id,
        stream_id=booking_id,
        command=command,
        render=answers.booking_changed,
    )
