"""Which line has which room: assigning by hand and by rule, moving a guest in house, swapping, giving back."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from domain.booking_commands import AssignRoom, AssignRooms, ReleaseRooms, SwapRooms
from domain.bookings import (
    AllowanceUse,
    Booking,
    Line,
    LineState,
    RoomAssignment,
    RoomRelease,
    RoomsAssigned,
    RoomsReleased,
    evolve,
)
from domain.calendar import ONE_DAY, nights
from domain.hotels import Hotel
from domain.lines import chosen_lines
from domain.premises import Premises
from domain.rejections import (
    NoNightsLeft,
    NoRoomFits,
    NothingToSwap,
    RoomNeeded,
    RoomOutOfOrder,
    UnknownRoom,
)
from domain.rooms import Candidate, Occupied, Period, Wanted, best_rooms, refuse_if_taken
from domain.selling import take_more
from domain.stock import difference, merged

_NO_FEATURES: frozenset[str] = frozenset()


def assign_room(command: AssignRoom, booking: Booking, premises: Premises, now: datetime) -> list[RoomsAssigned]:
    """Give a line a room by hand. Raises Rejected; an empty list where the line has it already."""
    (line,) = chosen_lines(booking, (command.line,), "assign_room", LineState.CONFIRMED, LineState.CHECKED_IN)
    hotel = premises.hotel
    if command.room not in hotel.type_of_room:
        raise UnknownRoom(room=command.room)
    left = nights_left(line, hotel, now)
    period = Period(command.first or left.first, command.until or left.until)
    if not left.first <= period.first <= period.until <= left.until or (
        period.first == period.until and left.first != left.until
    ):
        raise NoNightsLeft(line=line.line, first=left.first, until=left.until)
    if _has(line, command.room, period):
        return []
    check_room(command.room, period, premises, (booking, (line.line,)))
    assignment = _assignment(line.line, command.room, period, hotel)
    event = RoomsAssigned(assignments=(assignment,), automatic=False, allowance_used=())
    return [with_allowance(event, booking, premises)]


def assign_rooms(command: AssignRooms, booking: Booking, premises: Premises, now: datetime) -> list[RoomsAssigned]:
    """Give lines that haven't arrived the rooms that suit them best. Raises Rejected; nobody in house is moved.

    A line that has a fitting room for all its nights keeps it; where all have one, nothing changes.
    """
    hotel = premises.hotel
    lines = chosen_lines(booking, command.lines, "assign_room", LineState.CONFIRMED)
    if command.room_type is not None:
        hotel.room_type(command.room_type)
    assignments: list[RoomAssignment] = []
    without = [line for line in lines if not _is_roomed(line, command, hotel, now)]
    settled = {line.line for line in booking.lines} - {line.line for line in without}
    for room_type in dict.fromkeys(command.room_type or line.room_type for line in without):
        group = [line for line in without if (command.room_type or line.room_type) == room_type]
        left = {line.line: nights_left(line, hotel, now) for line in group}
        wanted = [
            Wanted(line=line.line, first=left[line.line].first, until=left[line.line].until, features=command.features)
            for line in group
        ]
        rooms = best_rooms(wanted, candidates(room_type, booking, premises, settled))
        if rooms is None:
            raise NoRoomFits(
                room_type=room_type,
                lines=tuple(line.line for line in group),
                features=tuple(sorted(command.features)),
            )
        assignments += (_assignment(line.line, rooms[line.line], left[line.line], hotel) for line in group)
    if not assignments:
        return []
    assignments.sort(key=lambda assignment: assignment.line)
    event = RoomsAssigned(assignments=tuple(assignments), automatic=True, allowance_used=())
    return [with_allowance(event, booking, premises)]


def release_rooms(command: ReleaseRooms, booking: Booking, premises: Premises, now: datetime) -> list[RoomsReleased]:
    """Take rooms back from lines that haven't arrived. Raises Rejected."""
    lines = chosen_lines(booking, command.lines, "release_rooms", LineState.CONFIRMED)
    releases = tuple(
        RoomRelease(line=line.line, first=nights_left(line, premises.hotel, now).first) for line in lines if line.rooms
    )
    if not releases:
        return []
    event = RoomsReleased(releases=releases, allowance_used=())
    used = take_more(difference(booking.claims(), evolve(booking, event).claims()), premises.stock)
    return [replace(event, allowance_used=used)]


type Holder = tuple[Booking, tuple[int, ...]]
"""A booking that isn't among the others, and those of its lines whose rooms count as free."""

_WITH_ROOMS = (LineState.CONFIRMED, LineState.CHECKED_IN)


def swap_rooms(command: SwapRooms, booking: Booking, premises: Premises, now: datetime) -> list[RoomsAssigned]:
    """Let two lines of a booking have each other's rooms. Raises Rejected."""
    (line,) = chosen_lines(booking, (command.line,), "swap_rooms", *_WITH_ROOMS)
    (other,) = chosen_lines(booking, (command.other_line,), "swap_rooms", *_WITH_ROOMS, pointer="/other_line")
    if line.line == other.line:
        return []
    swap = _swap(line, other, [(booking, (line.line, other.line))], premises, now)
    if swap is None:
        return []
    event = RoomsAssigned(assignments=swap, automatic=False, allowance_used=())
    return [with_allowance(event, booking, premises)]


class Named(NamedTuple):
    """A booking and its id."""

    booking_id: UUID
    booking: Booking


def swap_rooms_between(
    command: SwapRooms, one: Named, another: Named, premises: Premises, now: datetime
) -> tuple[RoomsAssigned, RoomsAssigned] | None:
    """Let a line of one booking and a line of another have each other's rooms: what happens to each, None if nothing.

    `premises.occupied` holds neither of the two. Raises Rejected.
    """
    (line,) = chosen_lines(one.booking, (command.line,), "swap_rooms", *_WITH_ROOMS)
    lines = (command.other_line,)
    (other,) = chosen_lines(another.booking, lines, "swap_rooms", *_WITH_ROOMS, pointer="/other_line")
    holders: list[Holder] = [(one.booking, (line.line,)), (another.booking, (other.line,))]
    swap = _swap(line, other, holders, premises, now)
    if swap is None:
        return None
    there, back = (
        RoomsAssigned(assignments=(assignment,), automatic=False, allowance_used=(), swapped_with=partner.booking_id)
        for assignment, partner in zip(swap, (another, one), strict=True)
    )
    used = take_more(
        merged(
            difference(before.claims(), evolve(before, event).claims())
            for before, event in ((one.booking, there), (another.booking, back))
        ),
        premises.stock,
    )
    return _with_its_share(there, used), _with_its_share(back, used)


def _with_its_share(event: RoomsAssigned, used: tuple[AllowanceUse, ...]) -> RoomsAssigned:
    types = {assignment.room_type for assignment in event.assignments}
    return replace(event, allowance_used=tuple(use for use in used if use.room_type in types))


def _swap(
    line: Line, other: Line, holders: Sequence[Holder], premises: Premises, now: datetime
) -> tuple[RoomAssignment, RoomAssignment] | None:
    """What each of two lines takes over from the other; None where each has it already, or both have the same room."""
    hotel = premises.hotel
    there, back = _takes_over(line, other, hotel, now), _takes_over(other, line, hotel, now)
    if there.room == back.room or all(
        _has(taker, a.room, Period(a.first, a.until)) for taker, a in ((line, there), (other, back))
    ):
        return None
    for assignment in (there, back):
        check_room(assignment.room, Period(assignment.first, assignment.until), premises, *holders)
    return there, back


def _takes_over(line: Line, other: Line, hotel: Hotel, now: datetime) -> RoomAssignment:
    left = nights_left(line, hotel, now)
    room = _room_to_give(other, max(left.first, nights_left(other, hotel, now).first))
    if room is None:
        raise NothingToSwap(line=other.line)
    return _assignment(line.line, room, left, hotel)


def _room_to_give(line: Line, first: date) -> str | None:
    """The room that a line has in a night, or else the next one that it has. One that it has left isn't its to give."""
    if line.arrival == line.departure:
        return line.room
    return line.room_of(first) or next((stay.room for stay in line.rooms if stay.until > first), None)


# ---------------------------------------------------------------- rooms and nights


def nights_left(line: Line, hotel: Hotel, now: datetime) -> Period:
    """The nights of a line that aren't over. Day use has none: then both dates are the arrival.

    Raises NoNightsLeft where a stay with nights is over.
    """
    first = max(line.arrival, min(hotel.business_date(now), line.departure))
    if first == line.departure and line.arrival < line.departure:
        raise NoNightsLeft(line=line.line, first=line.departure, until=line.departure)
    return Period(first, line.departure)


def check_room(room: str, period: Period, premises: Premises, *holders: Holder) -> None:
    """Whether a room can be had for these nights. Raises RoomOutOfOrder, RoomTaken."""
    for outage in premises.hotel.outages.get(room, ()):
        if outage.overlaps(period.first, period.until):
            raise RoomOutOfOrder(room=room, first=outage.first, until=outage.until)
    stays = list(premises.occupied.get(room, ()))
    for booking, spared in holders:
        stays += _stays(booking, room, spared)
    refuse_if_taken(room, stays, period.first, period.until)


def _stays(booking: Booking, room: str, besides: Iterable[int]) -> list[Occupied]:
    spared = set(besides)
    return [
        Occupied(stay.first, stay.until, None, line.line)
        for line in booking.lines
        if line.line not in spared
        for stay in line.rooms
        if stay.room == room
    ]


def candidates(room_type: str, booking: Booking, premises: Premises, settled: Iterable[int]) -> list[Candidate]:
    """The rooms of a type, with the nights in which others, or the `settled` lines of the booking, have them."""
    hotel, occupied, features = premises.hotel, premises.occupied, premises.hotel.features
    settled = set(settled)
    # Few rooms are the booking's own or out of order, all others have nothing to be put together.
    blocked: dict[str, list[Period | Occupied]] = {}
    for line in booking.lines:
        if line.line in settled:
            for stay in line.rooms:
                blocked.setdefault(stay.room, []).append(Period(stay.first, stay.until))
    for room, outages in hotel.outages.items():
        blocked.setdefault(room, []).extend(Period(outage.first, outage.until) for outage in outages)
    return [
        Candidate(
            room=room,
            features=features.get(room, _NO_FEATURES),
            taken=(*occupied.get(room, ()), *blocked[room]) if room in blocked else occupied.get(room, ()),
        )
        for room in hotel.room_types[room_type].rooms
    ]


def check_rooms_for_tonight(lines: Sequence[Line], hotel: Hotel, now: datetime) -> None:
    """Whether each line has a room for the night that it arrives for; day use needs none. Raises RoomNeeded."""
    roomless = []
    for line in lines:
        if line.arrival == line.departure:
            continue
        tonight = min(max(hotel.business_date(now), line.arrival), line.departure - ONE_DAY)
        if line.room_of(tonight) is None:
            roomless.append(line.line)
    if roomless:
        raise RoomNeeded(lines=tuple(roomless))


def with_allowance(event: RoomsAssigned, booking: Booking, premises: Premises) -> RoomsAssigned:
    """The event with what it takes of the allowance. Raises SoldOut where a type's stock doesn't give it."""
    used = take_more(difference(booking.claims(), evolve(booking, event).claims()), premises.stock)
    return replace(event, allowance_used=used)


def _assignment(line: int, room: str, period: Period, hotel: Hotel) -> RoomAssignment:
    return RoomAssignment(
        line=line, room=room, room_type=hotel.type_of_room[room], first=period.first, until=period.until
    )


def _has(line: Line, room: str, period: Period) -> bool:
    if period.first == period.until:
        return line.room == room
    return all(line.room_of(night) == room for night in nights(period.first, period.until))


def _is_roomed(line: Line, command: AssignRooms, hotel: Hotel, now: datetime) -> bool:
    """Whether a line has, for all that is left of its stay, rooms that are as the command wants them."""
    left = nights_left(line, hotel, now)
    if left.first == left.until:
        rooms = {line.room}
    else:
        rooms = {line.room_of(night) for night in nights(left.first, left.until)}
    return all(
        room is not None
        and (command.room_type is None or hotel.type_of_room[room] == command.room_type)
        and command.features <= hotel.features.get(room, frozenset())
        for room in rooms
    )
