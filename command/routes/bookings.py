"""Commands about bookings, from the first to the last."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from command import answers
from command.bodies import (
    LONGEST_OPEN_HOLD_MINUTES,
    BookBody,
    CancelBody,
    ChangeBody,
    ChangedRoomBody,
    DescribeGuestsBody,
    LinesBody,
    NoBody,
    WalkBody,
)
from command.errors import BadField
from command.http import CommandRoute, answer_again, expected_version, submit
from command.owners import own_booking
from command.sealing import Sealing, described_guests, words_about_guest
from command.shapes import BookingAnswer
from command.side import CommandSide, side_of
from domain.booking_commands import (
    Book,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    EraseGuests,
    LifeCommand,
    MarkNoShow,
    RequestedLine,
    Walk,
    WantedLine,
)
from domain.rejections import Rejected, StayTooLong, UnknownBooking, VersionMismatch
from domain.values import Sealed, Statistics
from eventstore.appender import HotelBusy, ReferenceTaken
from eventstore.guest_keys import WrappedKey
from eventstore.reading import folded_bookings
from identity.http import Own, Principal, permitted
from identity.limits import limit, limit_here
from identity.permissions import needs

router = APIRouter(prefix="/v1/hotels/{hotel_id}/bookings", tags=["bookings"], route_class=CommandRoute)

DEFAULT_HOLD_MINUTES = 15
# Without I, O, 0 and 1, which sound or look alike over the phone; 32 characters take five bits each.
_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_REFERENCE_TRIES = 3
_DESCRIBE_TRIES = 4
_PRICE_OVERRIDE = {"/price": "/price_override"}


def reference_suffix() -> str:
    """Eight random characters that can be read over the phone (40 bits)."""
    return "".join(_REFERENCE_ALPHABET[byte & 31] for byte in secrets.token_bytes(8))


@router.post("", status_code=201, response_model=BookingAnswer, **needs("bookings.book"))
async def book(request: Request, hotel_id: UUID, body: BookBody) -> Response:
    """Hold rooms or sell them at once. Open to anyone; a price override or a long hold needs a member of the hotel."""
    favour = body.price_override is not None or (body.hold_minutes or 0) > LONGEST_OPEN_HOLD_MINUTES
    principal = await permitted(request, hotel_id, also="bookings.favour" if favour else None)
    if not principal.is_administrator and hotel_id not in principal.roles:
        await _limit_strangers(request, principal, body)
    side = side_of(request)
    sealing = Sealing(side, hotel_id)
    expected_total, expected_currency = body.expected
    guest = sealing.person(body.guest)
    booker = sealing.person(body.booker) if body.booker else None
    lines = tuple(
        RequestedLine(
            room_type=room.room_type,
            adults=room.adults,
            child_ages=room.ages or (),
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
            price_override=body.override,
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
                renamed=_PRICE_OVERRIDE,
                email=body.guest.email,
            )
        except ReferenceTaken:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def _limit_strangers(request: Request, principal: Principal, body: BookBody) -> None:
    """Keep who has no role here from blocking the house with holds. What is sold at once never waits for Redis."""
    if body.state == "hold":
        await limit(request, "holds", body.guest.email if principal.role == "anonymous" else principal.actor)
    else:
        limit_here(request, "bookings")


@router.post("/{booking_id}/confirm", response_model=BookingAnswer, **needs("bookings.confirm"))
async def confirm(request: Request, hotel_id: UUID, booking_id: UUID, body: NoBody) -> Response:
    """Turn the held lines into sold ones."""
    del body
    own = own_booking(request, hotel_id, booking_id)
    return await live(request, hotel_id, booking_id, ConfirmBooking(), own=own)


@router.post("/{booking_id}/change", response_model=BookingAnswer, **needs("bookings.manage"))
async def change(request: Request, hotel_id: UUID, booking_id: UUID, body: ChangeBody) -> Response:
    """Change the dates of all open lines, or, by the full new set of rooms, which lines there are and what each is.

    A kept night, of the same date and room type, keeps its price and its room; an added one costs what it costs now.
    Lines that `rooms` doesn't name are cancelled. Of guests in house only the departure changes.
    """
    principal = await permitted(request, hotel_id)
    side = side_of(request)
    sealing = Sealing(side, hotel_id)
    _check_once((room.line for room in body.rooms or ()), "/rooms")
    rooms = None if body.rooms is None else tuple(_wanted(i, room, sealing) for i, room in enumerate(body.rooms))
    expected_total, expected_currency = body.expected
    command = ChangeBooking(
        arrival=body.arrival,
        departure=body.departure,
        rooms=rooms,
        expected_total=expected_total,
        expected_currency=expected_currency,
        price_override=body.override,
    )
    try:
        return await _submit(
            side, request, principal, hotel_id, booking_id, command, tuple(sealing.keys), renamed=_PRICE_OVERRIDE
        )
    except Rejected as refusal:
        if refusal.pointer in ("/arrival", "/departure"):
            refusal.pointer = _date_to_blame(refusal, body)
        raise


def _wanted(index: int, room: ChangedRoomBody, sealing: Sealing) -> WantedLine:
    """A line as the change wants it. Raises BadField."""
    if room.line is None:
        for name in ("room_type", "adults"):
            if getattr(room, name) is None:
                raise BadField(f"/rooms/{index}/{name}", "a new line needs it")
    elif room.guest is not None:
        raise BadField(f"/rooms/{index}/guest", "the guest of a line that is kept changes by the command guest only")
    return WantedLine(
        line=room.line,
        room_type=room.room_type,
        adults=room.adults,
        child_ages=() if room.line is None and room.ages is None else room.ages,
        guest=None if room.guest is None else sealing.person(room.guest),
        arrival=room.arrival,
        departure=room.departure,
    )


def _check_once(lines: Iterable[int | None], pointer: str) -> None:
    """Raises BadField for a line that is named twice."""
    seen: set[int] = set()
    for index, line in enumerate(lines):
        if line in seen:
            raise BadField(f"{pointer}/{index}/line", f"line {line} is named twice")
        if line is not None:
            seen.add(line)


def _date_to_blame(refusal: Rejected, body: ChangeBody) -> str | None:
    """Where a change gives the date that it is refused for: the refusal says which date that is, not where it stands.

    For a stay that is too long it is the first date given.
    """
    places: list[tuple[str, ChangeBody | ChangedRoomBody]] = [("", body)]
    places += ((f"/rooms/{index}", room) for index, room in enumerate(body.rooms or ()))
    given = [
        (f"{place}/{name}", name, day)
        for place, dates in places
        for name, day in (("departure", dates.departure), ("arrival", dates.arrival))
        if day is not None
    ]
    for pointer, name, day in given:
        if isinstance(refusal, StayTooLong) or getattr(refusal, name, None) == day:
            return pointer
    return refusal.pointer


@router.post("/{booking_id}/guest", response_model=BookingAnswer, **needs("bookings.manage"))
async def describe_guests(request: Request, hotel_id: UUID, booking_id: UUID, body: DescribeGuestsBody) -> Response:
    """Correct or complete what is known of the guest, the booker or the guests of lines, each in full."""
    principal = await permitted(request, hotel_id)
    side = side_of(request)
    _check_once((described.line for described in body.lines or ()), "/lines")
    wanted = expected_version(request)
    for _ in range(_DESCRIBE_TRIES):
        async with side.pool.acquire() as connection:
            known = (await folded_bookings(connection, hotel_id, [booking_id])).get(booking_id)
        if known is None:
            raise UnknownBooking(booking_id=booking_id)
        # After the look at the booking: where this very request has changed it since, its answer is there by now.
        if (answered := await answer_again(side, request, principal, hotel_id)) is not None:
            return answered
        version, booking = known
        if wanted is not None and wanted > version:
            raise VersionMismatch(expected=wanted, actual=version)
        command, keys = await described_guests(side, hotel_id, booking, body)
        try:
            return await _submit(
                side,
                request,
                principal,
                hotel_id,
                booking_id,
                command,
                keys,
                version=version if wanted is None else wanted,
            )
        except VersionMismatch:
            if wanted is not None:
                raise
    raise HotelBusy("others change this booking all the time")


@router.post("/{booking_id}/cancel", response_model=BookingAnswer, **needs("bookings.cancel"))
async def cancel(request: Request, hotel_id: UUID, booking_id: UUID, body: CancelBody) -> Response:
    """Cancel lines that aren't checked in yet."""

    def command(note: Sealed | None) -> CancelLines:
        return CancelLines(lines=body.lines, reason=body.reason, note=note)

    own = own_booking(request, hotel_id, booking_id)
    return await _live_with_words(request, hotel_id, booking_id, "/note", body.note, command, own=own)


@router.post("/{booking_id}/check-in", response_model=BookingAnswer, **needs("bookings.manage"))
async def check_in(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests have arrived. Each line with nights needs a room for tonight: assign it first."""
    return await live(request, hotel_id, booking_id, CheckIn(lines=body.lines))


@router.post("/{booking_id}/check-out", response_model=BookingAnswer, **needs("bookings.manage"))
async def check_out(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests leave; what they had booked further is free again at once."""
    return await live(request, hotel_id, booking_id, CheckOut(lines=body.lines))


@router.post("/{booking_id}/no-show", response_model=BookingAnswer, **needs("bookings.manage"))
async def no_show(request: Request, hotel_id: UUID, booking_id: UUID, body: LinesBody) -> Response:
    """The guests didn't come; every night after the first is free again."""
    return await live(request, hotel_id, booking_id, MarkNoShow(lines=body.lines))


@router.post("/{booking_id}/walk", response_model=BookingAnswer, **needs("bookings.manage"))
async def walk(request: Request, hotel_id: UUID, booking_id: UUID, body: WalkBody) -> Response:
    """Send expected guests elsewhere because there is no room for them, at a cost."""

    def command(sent_to: Sealed | None) -> Walk:
        return Walk(lines=body.lines, cost=Decimal(body.cost), sent_to=sent_to)

    return await _live_with_words(
        request, hotel_id, booking_id, "/sent_to", body.sent_to, command, renamed={"/price": "/cost"}
    )


@router.post("/{booking_id}/erase-guests", response_model=BookingAnswer, **needs("guests.erase"))
async def erase_guests(request: Request, hotel_id: UUID, booking_id: UUID, body: NoBody) -> Response:
    """Forget who the guest, the booker and the guests of lines were, for good: their keys are destroyed.

    Possible once no line is open. What was stayed and paid stays known. In older backups the keys live on.
    """
    del body
    return await live(request, hotel_id, booking_id, EraseGuests())


async def live(
    request: Request,
    hotel_id: UUID,
    booking_id: UUID,
    command: LifeCommand,
    *,
    renamed: Mapping[str, str] | None = None,
    own: Own | None = None,
) -> Response:
    """Submit a command on a booking, by who may do what the endpoint names; `own` lets its guest, too."""
    principal = await permitted(request, hotel_id, own=own)
    return await _submit(side_of(request), request, principal, hotel_id, booking_id, command, renamed=renamed)


async def _live_with_words(
    request: Request,
    hotel_id: UUID,
    booking_id: UUID,
    pointer: str,
    words: str | None,
    command: Callable[[Sealed | None], LifeCommand],
    *,
    renamed: Mapping[str, str] | None = None,
    own: Own | None = None,
) -> Response:
    """The same with words about the guest, which stand at `pointer`."""
    principal = await permitted(request, hotel_id, own=own)
    side = side_of(request)
    sealed = None
    if words is not None:
        if (answered := await answer_again(side, request, principal, hotel_id)) is not None:
            return answered
        sealed = await words_about_guest(side, hotel_id, booking_id, pointer, words)
    return await _submit(side, request, principal, hotel_id, booking_id, command(sealed), renamed=renamed)


async def _submit(
    side: CommandSide,
    request: Request,
    principal: Principal,
    hotel_id: UUID,
    booking_id: UUID,
    command: LifeCommand,
    guest_keys: tuple[WrappedKey, ...] = (),
    *,
    version: int | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Response:
    return await submit(
        side,
        request,
        principal,
        hotel_id=hotel_id,
        stream_id=booking_id,
        command=command,
        render=answers.booking_changed,
        guest_keys=guest_keys,
        version=version,
        renamed=renamed,
    )
