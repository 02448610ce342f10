"""Changing a booking: other dates, other room types, more rooms or fewer, and a longer or shorter stay in house.

A kept night, of the same date and room type, keeps its price, its stock and its room. An added night takes today's
price, or the override; it is spent in the room of the nights beside it where that is free, and awaits a room otherwise.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from domain.booking_commands import MAX_LINES, ChangeBooking, WantedLine
from domain.bookings import Booking, BookingChanged, ChangedLine, Line, LineState, evolve, joined
from domain.calendar import nights
from domain.hotels import Hotel
from domain.lines import chosen_lines
from domain.premises import Premises
from domain.rejections import (
    ArrivalInPast,
    DepartureInPast,
    HoldExpired,
    InHouse,
    RoomOutOfOrder,
    RoomTaken,
    TooManyLines,
    UnknownLine,
    WrongLineState,
)
from domain.rooming import check_room
from domain.rooms import Period, RoomStay
from domain.selling import (
    check_arrival,
    check_departure,
    check_horizon,
    check_length,
    check_party,
    check_stop_sell,
    check_total,
    take_more,
)
from domain.stock import difference
from domain.values import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What a line is to be. `old` is what it was, `index` its place in the command's rooms, where it has one."""

    line: int
    old: Line | None
    index: int | None
    room_type: str
    adults: int
    child_ages: tuple[int | None, ...]
    guest: Sealed | None
    arrival: date
    departure: date

    @property
    def kept(self) -> Line | None:
        """The line whose nights are kept as far as they are in the new stay, if it has any of this type."""
        old = self.old
        return old if old is not None and old.room_type == self.room_type and old.prices else None

    @property
    def is_as_before(self) -> bool:
        old = self.old
        return old is not None and (self.room_type, self.adults, self.child_ages, self.arrival, self.departure) == (
            old.room_type,
            old.adults,
            old.child_ages,
            old.arrival,
            old.departure,
        )


def change(command: ChangeBooking, booking: Booking, premises: Premises, now: datetime) -> list[BookingChanged]:
    """Decide a change of a booking's open lines. Raises Rejected; an empty list where nothing is different."""
    open_lines = chosen_lines(booking, None, "change", LineState.HELD, LineState.CONFIRMED, LineState.CHECKED_IN)
    if booking.hold_until is not None and booking.hold_until <= now:
        raise HoldExpired(expired_at=booking.hold_until)
    targets, cancelled = _targets(command, booking, open_lines)
    changed: list[ChangedLine] = []
    meanwhile = evolve(booking, BookingChanged(lines=(), cancelled=cancelled, allowance_used=()))
    for target in targets:
        if not target.is_as_before:
            _check_target(target, premises, now)
            line = _changed(target, command, meanwhile, premises)
            # The next line finds the rooms as this one leaves them.
            meanwhile = evolve(meanwhile, BookingChanged(lines=(line,), cancelled=(), allowance_used=()))
            changed.append(line)
    event = BookingChanged(lines=tuple(changed), cancelled=cancelled, allowance_used=())
    after = evolve(booking, event)
    used = take_more(difference(booking.claims(), after.claims()), premises.stock)
    if command.expected_total is not None:
        check_total(command.expected_total, command.expected_currency, after.total, premises.hotel)
    return [replace(event, allowance_used=used)] if changed or cancelled else []


# ---------------------------------------------------------------- what each line is to be


def _targets(command: ChangeBooking, booking: Booking, open_lines: list[Line]) -> tuple[list[_Target], tuple[int, ...]]:
    """What the lines are to be, and which open ones aren't wanted any more."""
    if command.rooms is None:
        kept = [_kept(WantedLine(line=line.line), None, line, command) for line in open_lines]
        return kept, ()
    targets: list[_Target] = []
    next_number = len(booking.lines) + 1
    for index, wanted in enumerate(command.rooms):
        if wanted.line is None:
            targets.append(_new(wanted, next_number, index, command, open_lines))
            next_number += 1
            continue
        if not 1 <= wanted.line <= len(booking.lines):
            raise UnknownLine(line=wanted.line, pointer=f"/rooms/{index}/line")
        line = booking.line(wanted.line)
        if not line.is_open:
            raise WrongLineState(action="change", lines=((line.line, line.state.value),))
        targets.append(_kept(wanted, index, line, command))
    if next_number - 1 > MAX_LINES:
        raise TooManyLines(maximum=MAX_LINES)
    named = {target.line for target in targets}
    left_out = [line for line in open_lines if line.line not in named]
    in_house = [(line.line, line.state.value) for line in left_out if line.state is LineState.CHECKED_IN]
    if in_house:
        raise WrongLineState(action="cancel", lines=tuple(in_house))
    return targets, tuple(line.line for line in left_out)


def _kept(wanted: WantedLine, index: int | None, line: Line, command: ChangeBooking) -> _Target:
    return _Target(
        line=line.line,
        old=line,
        index=index,
        room_type=wanted.room_type or line.room_type,
        adults=line.adults if wanted.adults is None else wanted.adults,
        child_ages=line.child_ages if wanted.child_ages is None else wanted.child_ages,
        guest=line.guest,
        arrival=wanted.arrival or command.arrival or line.arrival,
        departure=wanted.departure or command.departure or line.departure,
    )


def _new(wanted: WantedLine, number: int, index: int, command: ChangeBooking, open_lines: list[Line]) -> _Target:
    if wanted.room_type is None or wanted.adults is None or wanted.child_ages is None:
        raise AssertionError("a new line says what it wants; the edge sees to it")
    return _Target(
        line=number,
        old=None,
        index=index,
        room_type=wanted.room_type,
        adults=wanted.adults,
        child_ages=wanted.child_ages,
        guest=wanted.guest,
        arrival=wanted.arrival or command.arrival or min(line.arrival for line in open_lines),
        departure=wanted.departure or command.departure or max(line.departure for line in open_lines),
    )


# ---------------------------------------------------------------- whether it can be


def _check_target(target: _Target, premises: Premises, now: datetime) -> None:
    old, hotel, stock = target.old, premises.hotel, premises.stock
    if old is not None and old.state is LineState.CHECKED_IN:
        _check_in_house(target, old)
    if old is None or (old.room_type, old.adults, old.child_ages) != (
        target.room_type,
        target.adults,
        target.child_ages,
    ):
        check_party(target.index, target.room_type, target.adults, len(target.child_ages), hotel)
    _check_dates(target, hotel, now)
    arrival, departure, kept = target.arrival, target.departure, target.kept
    stayed = () if kept is None else nights(kept.arrival, kept.departure)
    check_stop_sell(stock, target.room_type, [night for night in nights(arrival, departure) if night not in stayed])
    if arrival == departure or (old is not None and old.state is LineState.CHECKED_IN):
        return  # day use has no night to restrict, and nobody in house is kept from leaving
    if kept is None or arrival != kept.arrival or departure - arrival < kept.departure - kept.arrival:
        check_arrival(stock, target.room_type, arrival, departure)
    if kept is None or departure != kept.departure:
        check_departure(stock, target.room_type, departure)


def _check_in_house(target: _Target, old: Line) -> None:
    for field in ("arrival", "room_type", "adults", "child_ages"):
        if getattr(target, field) != getattr(old, field):
            raise InHouse(line=target.line, field=field)


def _check_dates(target: _Target, hotel: Hotel, now: datetime) -> None:
    old, today = target.old, hotel.business_date(now)
    check_length(target.arrival, target.departure)
    if (old is None or old.arrival != target.arrival) and target.arrival < today:
        raise ArrivalInPast(arrival=target.arrival, business_date=today)
    if old is None or old.departure != target.departure:
        if target.departure < today:
            raise DepartureInPast(departure=target.departure, business_date=today)
        check_horizon(target.departure, hotel)


# ---------------------------------------------------------------- what it becomes


def _changed(target: _Target, command: ChangeBooking, booking: Booking, premises: Premises) -> ChangedLine:
    hotel, stock = premises.hotel, premises.stock
    stay = nights(target.arrival, target.departure)
    kept = {} if target.kept is None else _nights_of(target.kept)
    rooms = _rooms(target, booking, premises)
    override = None if command.price_override is None else hotel.payable(command.price_override)
    prices: list[Decimal] = []
    types: list[str] = []
    for night in stay:
        if night in kept:
            price, room_type = kept[night]
        else:
            room = next((room.room for room in rooms if room.first <= night < room.until), None)
            room_type = target.room_type if room is None else hotel.type_of_room[room]
            found = stock.get((target.room_type, night))
            price = override if override is not None else found.price if found is not None else Decimal(0)
        prices.append(price)
        types.append(room_type)
    return ChangedLine(
        line=target.line,
        room_type=target.room_type,
        adults=target.adults,
        child_ages=target.child_ages,
        guest=target.guest,
        arrival=target.arrival,
        departure=target.departure,
        prices=tuple(prices),
        stock=tuple(types),
        rooms=rooms,
    )


def _nights_of(line: Line) -> dict[date, tuple[Decimal, str]]:
    return dict(zip(nights(line.arrival, line.departure), zip(line.prices, line.stock, strict=True), strict=True))


def _rooms(target: _Target, booking: Booking, premises: Premises) -> tuple[RoomStay, ...]:
    """The rooms of the kept nights, the outer ones going on into the added nights beside them where they are free."""
    old = target.kept
    if old is None or not old.rooms:
        return ()
    arrival, departure = target.arrival, target.departure
    if arrival == departure:
        return (RoomStay(room=old.rooms[-1].room, first=arrival, until=arrival),)
    first, last = old.rooms[0], old.rooms[-1]
    if departure <= old.arrival or old.departure <= arrival:  # another time altogether, perhaps in the same room
        whole = RoomStay(room=last.room, first=arrival, until=departure)
        return (whole,) if _can_stay(whole, target, booking, premises) else ()
    rooms = [
        replace(stay, first=max(stay.first, arrival), until=min(stay.until, departure))
        for stay in old.rooms
        if stay.first < departure and arrival < stay.until
    ]
    if arrival < old.arrival and first.first == old.arrival:
        earlier = RoomStay(room=first.room, first=arrival, until=old.arrival)
        rooms = [earlier, *rooms] if _can_stay(earlier, target, booking, premises) else rooms
    if departure > old.departure and last.until == old.departure:
        later = RoomStay(room=last.room, first=old.departure, until=departure)
        rooms = [*rooms, later] if _can_stay(later, target, booking, premises) else rooms
    return joined(rooms)


def _can_stay(stay: RoomStay, target: _Target, booking: Booking, premises: Premises) -> bool:
    """Whether the room is free for these added nights, and its type's stock too where it isn't the one booked."""
    try:
        check_room(stay.room, Period(stay.first, stay.until), premises, (booking, (target.line,)))
    except (RoomTaken, RoomOutOfOrder):
        return False
    room_type = premises.hotel.type_of_room[stay.room]
    if room_type == target.room_type:
        return True
    added = nights(stay.first, stay.until)
    return all((night := premises.stock.get((room_type, day))) is not None and night.free > 0 for day in added)
