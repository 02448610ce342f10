"""What becomes of a command on a booking: the one place that knows which function decides which command."""

from datetime import datetime
from typing import assert_never

from domain.booking_commands import (
    AssignRoom,
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    DescribeGuests,
    EraseGuests,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
    ReleaseRooms,
    SwapRooms,
    Walk,
)
from domain.bookings import (
    Booking,
    BookingConfirmed,
    BookingEvent,
    BookingExpired,
    DescribedLineGuest,
    GuestsCheckedIn,
    GuestsCheckedOut,
    GuestsDescribed,
    GuestsErased,
    GuestsWalked,
    Line,
    LinesCancelled,
    LineState,
    NoShowRecorded,
)
from domain.calendar import ONE_DAY
from domain.changing import change
from domain.hotels import Hotel
from domain.lines import chosen_lines, numbers
from domain.premises import Premises
from domain.rejections import GuestErased, GuestsExpected, HoldExpired, StayOver, TooEarly
from domain.rooming import assign_room, assign_rooms, check_rooms_for_tonight, release_rooms, swap_rooms


def decide(command: LifeCommand, booking: Booking, premises: Premises, now: datetime) -> list[BookingEvent]:
    """What a command on an existing booking changes. Raises Rejected; an empty list means that nothing changed."""
    hotel = premises.hotel
    match command:
        case ConfirmBooking():
            lines = chosen_lines(booking, None, "confirm", LineState.HELD)
            if booking.hold_until is not None and booking.hold_until <= now:
                raise HoldExpired(expired_at=booking.hold_until)
            return [BookingConfirmed(lines=numbers(lines))]
        case CancelLines():
            lines = chosen_lines(booking, command.lines, "cancel", LineState.HELD, LineState.CONFIRMED)
            return [LinesCancelled(lines=numbers(lines), reason=command.reason, note=command.note)]
        case ExpireBooking():
            held = tuple(line.line for line in booking.lines if line.state is LineState.HELD)
            due = booking.hold_until is not None and booking.hold_until <= now
            return [BookingExpired(lines=held)] if held and due else []
        case CheckIn():
            lines = chosen_lines(booking, command.lines, "check_in", LineState.CONFIRMED)
            _check_arriving("check_in", lines, hotel, now)
            check_rooms_for_tonight(lines, hotel, now)
            return [GuestsCheckedIn(lines=numbers(lines))]
        case CheckOut():
            lines = chosen_lines(booking, command.lines, "check_out", LineState.CHECKED_IN)
            return [GuestsCheckedOut(lines=numbers(lines), departed_on=hotel.business_date(now))]
        case MarkNoShow():
            lines = chosen_lines(booking, command.lines, "mark_no_show", LineState.CONFIRMED)
            _check_not_before_arrival("mark_no_show", lines, hotel, now)
            return [NoShowRecorded(lines=numbers(lines))]
        case Walk():
            lines = chosen_lines(booking, command.lines, "walk", LineState.CONFIRMED)
            return [GuestsWalked(lines=numbers(lines), cost=hotel.payable(command.cost), sent_to=command.sent_to)]
        case DescribeGuests():
            return _describe(command, booking)
        case EraseGuests():
            return _erase(booking)
        case ChangeBooking():
            return [*change(command, booking, premises, now)]
        case AssignRoom():
            return [*assign_room(command, booking, premises, now)]
        case AssignRooms():
            return [*assign_rooms(command, booking, premises, now)]
        case ReleaseRooms():
            return [*release_rooms(command, booking, premises, now)]
        case SwapRooms():
            return [*swap_rooms(command, booking, premises, now)]
        case _:
            assert_never(command)


def _check_arriving(action: str, lines: list[Line], hotel: Hotel, now: datetime) -> None:
    """Raises TooEarly, StayOver."""
    _check_not_before_arrival(action, lines, hotel, now)
    today = hotel.business_date(now)
    for line in lines:
        if today >= max(line.departure, line.arrival + ONE_DAY):
            raise StayOver(departure=line.departure, business_date=today)


def _check_not_before_arrival(action: str, lines: list[Line], hotel: Hotel, now: datetime) -> None:
    """Raises TooEarly."""
    today = hotel.business_date(now)
    for line in lines:
        if today < line.arrival:
            raise TooEarly(action=action, arrival=line.arrival, business_date=today)


def _describe(command: DescribeGuests, booking: Booking) -> list[BookingEvent]:
    for number, _ in command.lines:
        chosen_lines(booking, (number,), "describe_guests", *LineState)
    described = (command.guest, command.booker, *(guest for _, guest in command.lines))
    # What they are described with was sealed before the lock, by a key that may have been destroyed since.
    if any(person is not None and person.details.guest_id in booking.erased for person in described):
        raise GuestErased
    event = GuestsDescribed(
        guest=command.guest,
        booker=command.booker,
        lines=tuple(DescribedLineGuest(line=number, guest=guest) for number, guest in command.lines),
    )
    return [] if event == GuestsDescribed(guest=None, booker=None, lines=()) else [event]


def _erase(booking: Booking) -> list[BookingEvent]:
    still_open = [line for line in booking.lines if line.is_open]
    if still_open:
        raise GuestsExpected(lines=numbers(still_open), departure=max(line.departure for line in still_open))
    known = tuple(sealed.guest_id for sealed in booking.people if sealed.guest_id not in booking.erased)
    return [GuestsErased(guests=known)] if known else []
