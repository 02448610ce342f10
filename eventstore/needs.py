"""What a decision must have been read: which nights, and who has which rooms when. Rather too much than too little."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from domain.booking_commands import (
    MAX_STAY_NIGHTS,
    AssignRoom,
    AssignRooms,
    Book,
    ChangeBooking,
    LifeCommand,
    ReleaseRooms,
    SwapRooms,
)
from domain.bookings import Booking, Line
from domain.calendar import nights
from domain.hotels import Hotel
from domain.rooms import LOOK_AROUND_NIGHTS, Period
from domain.stock import NightKey


@dataclass(frozen=True, slots=True)
class RoomsNeeded:
    """Who has these rooms in this period has to be known."""

    rooms: frozenset[str]
    period: Period


def nights_to_book(command: Book) -> Iterable[NightKey]:
    """The nights of a new stay, and the day of departure, which may be closed to that."""
    if (command.departure - command.arrival).days > MAX_STAY_NIGHTS:
        return  # it will be refused
    stay = nights(command.arrival, command.departure)
    for room_type in {line.room_type for line in command.lines}:
        for night in stay:
            yield room_type, night
        if stay:
            yield room_type, command.departure


def nights_needed(command: LifeCommand, bookings: Sequence[Booking], hotel: Hotel) -> Iterable[NightKey]:
    """The nights that a command on existing bookings is decided from; none where it only frees what was claimed."""
    for booking in bookings:
        match command:
            case ChangeBooking():
                yield from _of_change(command, booking, hotel)
            case AssignRoom():
                yield from _of_lines(booking, hotel, {hotel.type_of_room.get(command.room, "")})
            case AssignRooms():
                yield from _of_lines(booking, hotel, {command.room_type} if command.room_type else set())
            case SwapRooms():
                yield from _of_lines(booking, hotel, {hotel.type_of_room[room] for room in _rooms_of(bookings)})
            case ReleaseRooms():
                yield from _of_lines(booking, hotel, set())
            case _:
                return


def rooms_needed(command: LifeCommand, bookings: Sequence[Booking], hotel: Hotel) -> RoomsNeeded | None:
    """The rooms that a command on existing bookings is decided from."""
    lines = [line for booking in bookings for line in booking.lines if line.is_open]
    if not lines:
        return None
    rooms: set[str] = set()
    match command:
        case AssignRoom():
            rooms = {command.room}
        case AssignRooms():
            types = {command.room_type} if command.room_type else {line.room_type for line in lines}
            for code in types & hotel.room_types.keys():
                rooms.update(hotel.room_types[code].rooms)
        case ChangeBooking() | SwapRooms():
            rooms = _rooms_of(bookings)
        case _:
            return None
    if not rooms:
        return None
    first, until = min(line.arrival for line in lines), max(line.departure for line in lines)
    if isinstance(command, ChangeBooking):
        dates = [first, until, *_new_dates(command)]
        first, until = min(dates), max(dates)
    around = timedelta(days=LOOK_AROUND_NIGHTS)
    # The calendar of Python has ends, and a request may name them.
    first = first - around if first - date.min > around else date.min
    until = until + around if date.max - until > around else date.max
    return RoomsNeeded(frozenset(rooms), Period(first, until))


def _rooms_of(bookings: Sequence[Booking]) -> set[str]:
    return {stay.room for booking in bookings for line in booking.lines for stay in line.rooms}


def _new_dates(command: ChangeBooking) -> list[date]:
    given = [command.arrival, command.departure]
    for wanted in command.rooms or ():
        given += (wanted.arrival, wanted.departure)
    return [day for day in given if day is not None]


def _of_lines(booking: Booking, hotel: Hotel, types: set[str]) -> Iterable[NightKey]:
    for line in booking.lines:
        if line.is_open:
            for code in {*types, line.room_type} & hotel.room_types.keys():
                for night in nights(line.arrival, line.departure):
                    yield code, night


def _of_change(command: ChangeBooking, booking: Booking, hotel: Hotel) -> Iterable[NightKey]:
    open_lines = [line for line in booking.lines if line.is_open]
    if not open_lines:
        return
    wanted = {wanted.line: wanted for wanted in command.rooms or () if wanted.line is not None}
    for line in open_lines:
        its = wanted.get(line.line)
        yield from _of_stay(
            {(its and its.room_type) or line.room_type, *_types_of_rooms(line, hotel)},
            (its and its.arrival) or command.arrival or line.arrival,
            (its and its.departure) or command.departure or line.departure,
        )
    for new in command.rooms or ():
        if new.line is None and new.room_type is not None:
            yield from _of_stay(
                {new.room_type},
                new.arrival or command.arrival or min(line.arrival for line in open_lines),
                new.departure or command.departure or max(line.departure for line in open_lines),
            )


def _types_of_rooms(line: Line, hotel: Hotel) -> set[str]:
    return {hotel.type_of_room[stay.room] for stay in line.rooms}


def _of_stay(types: set[str], arrival: date, departure: date) -> Iterable[NightKey]:
    if (departure - arrival).days > MAX_STAY_NIGHTS:
        return  # it will be refused
    for code in types:
        for night in nights(arrival, departure):
            yield code, night
        yield code, departure
