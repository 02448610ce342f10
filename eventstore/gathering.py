"""Reading, under the heads' locks, what the decisions of a batch rest on, for all its commands together.

What a command on a booking needs depends on the booking. Where that is made in the same batch, it is known only once
its turn comes; then `gather_for` reads what is still missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

import asyncpg

from domain.booking_commands import Book, LifeCommand, SwapRooms
from domain.bookings import BookingEvent, evolve
from domain.calendar import nights
from domain.hotels import ReturnToService, TakeOutOfOrder
from domain.inventory import SetAllowance
from domain.rejections import BelowSold, SoldOut
from domain.rooms import Occupied, Period
from domain.stock import NightKey, NightStock
from eventstore.decisions import HotelSituation, room_stays
from eventstore.needs import RoomsNeeded, nights_needed, nights_to_book, rooms_needed
from eventstore.reading import Connection, read_streams
from eventstore.sql import statement
from eventstore.submission import Answer, Command, Submission

type Situations = Mapping[UUID, HotelSituation]


async def gather(connection: Connection, submissions: Sequence[Submission], situations: Situations) -> None:
    """Read what a batch needs: answers given before, bookings, nights, and who has which rooms."""
    await _read_answers(connection, submissions, situations)
    await read_bookings(connection, _bookings_named(submissions), situations)
    wanted: set[tuple[UUID, str, date]] = set()
    rooms: dict[UUID, list[RoomsNeeded]] = {}
    for submission in submissions:
        command, situation = submission.command, situations[submission.hotel_id]
        known = situation.nights
        if isinstance(command, Book):
            wanted.update((submission.hotel_id, *key) for key in nights_to_book(command) if key not in known)
        elif isinstance(command, LifeCommand) and situation.hotel is not None:
            found = situation.bookings_of(submission)
            needed = nights_needed(command, found, situation.hotel)
            wanted.update((submission.hotel_id, *key) for key in needed if key not in known)
            if needed_rooms := rooms_needed(command, found, situation.hotel):
                rooms.setdefault(submission.hotel_id, []).append(needed_rooms)
    await _read_nights(connection, wanted, situations)
    for hotel_id, needs in rooms.items():
        await _read_rooms(connection, situations[hotel_id], needs)


async def gather_for(connection: Connection, submission: Submission, situation: HotelSituation) -> None:
    """Read what a command on bookings of this very batch needs; nothing where `gather` has read it."""
    command, hotel = submission.command, situation.hotel
    if not isinstance(command, LifeCommand) or hotel is None:
        return
    found = situation.bookings_of(submission)
    missing = {
        (submission.hotel_id, *key) for key in nights_needed(command, found, hotel) if key not in situation.nights
    }
    await _read_nights(connection, missing, {situation.hotel_id: situation})
    if needed_rooms := rooms_needed(command, found, hotel):
        await _read_rooms(connection, situation, [needed_rooms])


async def gather_range(connection: Connection, command: Command, situation: HotelSituation) -> None:
    """Read what a command that is alone within its hotel needs: the nights of its range, who has its room."""
    hotel = situation.hotel
    if hotel is None:
        return
    match command:
        case SetAllowance():
            room_type, first, until = command.room_type, command.first, command.until
        case TakeOutOfOrder() | ReturnToService() if command.room in hotel.type_of_room:
            room_type = hotel.type_of_room[command.room]
            first = command.first or hotel.business_date(situation.now)
            until = command.until if isinstance(command, TakeOutOfOrder) else hotel.bookable_until
        case _:
            return
    rows = await connection.fetch(statement("night_range"), situation.hotel_id, room_type, first, until)
    _take_in_nights(rows, {situation.hotel_id: situation})
    if isinstance(command, TakeOutOfOrder) and first < until:  # otherwise it will be refused
        await _read_rooms(connection, situation, [RoomsNeeded(frozenset({command.room}), Period(first, until))])


async def read_bookings(connection: Connection, streams: Iterable[tuple[UUID, UUID]], situations: Situations) -> None:
    """Fold bookings, given as (hotel, booking)."""
    streams = list(streams)
    if not streams:
        return
    for fact in await read_streams(connection, streams):
        event = fact.event()
        if not isinstance(event, BookingEvent):
            continue  # the id of a hotel's or room type's stream: there is no such booking
        known = situations[fact.hotel_id].streams
        before = known[fact.stream_id][1] if fact.version > 1 else None
        known[fact.stream_id] = (fact.version, evolve(before, event))


def _bookings_named(submissions: Iterable[Submission]) -> set[tuple[UUID, UUID]]:
    named: set[tuple[UUID, UUID]] = set()
    for submission in submissions:
        command = submission.command
        if isinstance(command, LifeCommand):
            named.add((submission.hotel_id, submission.stream_id))
            if isinstance(command, SwapRooms) and command.other_booking is not None:
                named.add((submission.hotel_id, command.other_booking))
    return named


async def _read_answers(connection: Connection, submissions: Iterable[Submission], situations: Situations) -> None:
    keys = [(s.hotel_id, s.idempotency.principal, s.idempotency.key) for s in submissions if s.idempotency]
    if not keys:
        return
    for row in await connection.fetch(statement("read_answers"), *map(list, zip(*keys, strict=True))):
        hotel_id, principal, key, fingerprint, status, answer = row
        situations[hotel_id].answers[principal, key] = (fingerprint, Answer(status, answer))


async def _read_nights(connection: Connection, wanted: set[tuple[UUID, str, date]], situations: Situations) -> None:
    if wanted:
        rows = await connection.fetch(statement("read_nights"), *map(list, zip(*wanted, strict=True)))
        _take_in_nights(rows, situations)


def _take_in_nights(rows: Iterable[asyncpg.Record], situations: Situations) -> None:
    for hotel_id, room_type, night, *stock in rows:
        situations[hotel_id].nights[room_type, night] = NightStock(*stock)


def _is_known(need: RoomsNeeded, known: Mapping[str, Period]) -> bool:
    first, until = need.period
    for room in need.rooms:
        period = known.get(room)
        if period is None or first < period.first or period.until < until:
            return False
    return True


async def _read_rooms(connection: Connection, situation: HotelSituation, needs: Iterable[RoomsNeeded]) -> None:
    """Read who has rooms, those that several commands need in one period for all of them.

    The bookings that the batch knows may have been given other rooms by it than the database says: they count as they
    are now. What was read before stays known: a batch that asks for other nights each time would read again and again.
    """
    known = situation.rooms_known
    missing = [need for need in needs if not _is_known(need, known)]
    if not missing:
        return
    rooms = frozenset[str]().union(*(need.rooms for need in missing))
    periods = [*(need.period for need in missing), *(known[room] for room in rooms if room in known)]
    period = Period(min(period.first for period in periods), max(period.until for period in periods))
    found = await connection.fetch(statement("room_stays"), situation.hotel_id, list(rooms), *period)
    occupied: dict[str, set[Occupied]] = {room: set() for room in rooms}
    for room, first, until, booking_id, line in found:
        if booking_id not in situation.streams:
            occupied[room].add(Occupied(first, until, booking_id, line))
    for booking_id, (_, booking) in situation.streams.items():
        for line, room, first, until in room_stays(booking.lines):
            if room in rooms:
                occupied[room].add(Occupied(first, until, booking_id, line))
    situation.occupied |= occupied
    known |= dict.fromkeys(rooms, period)


# ---------------------------------------------------------------- holds that are past their deadline


async def expire_due_holds(
    connection: Connection, situation: HotelSituation, refusal: SoldOut | BelowSold, cause: Submission
) -> bool:
    """Expire the holds past their deadline on the nights that a command, the cause, lacks. Whether there were any."""
    lacking: set[NightKey] = {(night.room_type, night.date) for night in refusal.nights}
    if not any(key in situation.nights and situation.nights[key].held for key in lacking):
        return False
    if situation.due_holds is None:
        situation.due_holds = {}
        for row in await connection.fetch(statement("due_holds"), situation.hotel_id, situation.now):
            if row["arrival"] is not None:  # a hold of day use claims no night
                for night in nights(row["arrival"], row["departure"]):
                    situation.due_holds.setdefault((row["room_type"], night), set()).add(row["booking_id"])
    due = situation.due_in_batch(lacking)
    for key in lacking:
        due |= situation.due_holds.pop(key, set())
    unread = {(situation.hotel_id, booking_id) for booking_id in due if booking_id not in situation.streams}
    await read_bookings(connection, unread, {situation.hotel_id: situation})
    expired = [situation.expire(booking_id, cause.metadata) for booking_id in sorted(due)]
    return any(expired)
