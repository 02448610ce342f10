"""What a booking's events do to the rows: the booking, its lines and nights, the hotel's stock, guests, the timeline.

What of a booking changed when, and the day's statistics, is in `change_folds`.

The rules aren't written a second time here: rows become the domain's booking, the domain says what the event makes of
it and what that claims, and the outcome becomes rows again.
"""

from collections.abc import Mapping
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

import orjson

from domain.bookings import (
    Booking,
    BookingChanged,
    BookingEvent,
    BookingHeld,
    BookingMade,
    GuestsDescribed,
    GuestsErased,
    Line,
    LineState,
    evolve,
)
from domain.calendar import nights
from domain.rooms import RoomStay
from domain.stock import Claim, Claims, difference
from domain.values import Sealed, Statistics
from eventstore.reading import RecordedEvent
from readmodels.change_folds import put_claim_changes, put_line_change
from readmodels.facts import facts
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    GUEST,
    LINE,
    NIGHT,
    ROOM_STAY,
    TIMELINE,
    BookingNightRow,
    BookingRow,
    GuestRow,
    LineRow,
    NightRow,
    RoomStayRow,
    TimelineRow,
)
from readmodels.sealed import OpenSealed
from readmodels.working_set import WorkingSet

type BookingsSeen = dict[UUID, Booking]
"""Bookings as the last event of theirs left them.

So within a batch a booking is made of its rows once, as they were loaded, and what the batch adds to it (lines, nights,
rooms) needn't be known as absent.
"""


def apply_to_booking(
    rows: WorkingSet, seen: BookingsSeen, recorded: RecordedEvent, event: BookingEvent, open_sealed: OpenSealed
) -> None:
    """Bring all rows that a booking has a part in in line with an event of its stream."""
    booking_id = recorded.stream_id
    before = None
    if not isinstance(event, BookingHeld | BookingMade):
        before = seen.get(booking_id) or booking_of(rows, booking_id)
    for sealed in sealed_guests(event, before):
        rows.put(GUEST, _guest(sealed.guest_id, open_sealed(sealed)))
    if isinstance(event, GuestsErased):
        for guest_id in event.guests:
            rows.put(GUEST, _guest(guest_id, None))
    after = evolve(before, event)
    _claim(rows, difference({} if before is None else before.claims(), after.claims()))
    booking = _put_booking(rows, recorded, after)
    for index, line in enumerate(after.lines):
        old = None if before is None or index >= len(before.lines) else before.lines[index]
        if line is not old:
            _put_line(rows, booking_id, old, line)
            put_line_change(rows, recorded, line)
            put_claim_changes(rows, recorded, after, before, old, line)
    _put_timeline(rows, recorded, booking, facts(event, after))
    seen[booking_id] = after


def sealed_guests(event: BookingEvent, before: Booking | None) -> list[Sealed]:
    """The personal details that an event brings with it; the last of a guest counts.

    A line that is kept in a change repeats what was known of its guest, which may be older than what is known by now.
    Without the booking that the event came upon, repeated details are among the answer.
    """
    match event:
        case BookingHeld() | BookingMade():
            sealed = [*(line.guest for line in event.lines), event.booker, event.guest]
        case BookingChanged():
            known = 0 if before is None else len(before.lines)
            sealed = [line.guest for line in event.lines if line.line > known]
        case GuestsDescribed():
            people = (*(described.guest for described in event.lines), event.booker, event.guest)
            sealed = [None if person is None else person.details for person in people]
        case _:
            return []
    return [details for details in sealed if details is not None]


def booking_of(rows: WorkingSet, booking_id: UUID) -> Booking:
    """A booking made of its rows. What is sealed isn't in them: who the guests are is known, their details aren't."""
    row = rows.get(BOOKING, (booking_id,))
    if row is None:
        raise LookupError(f"there is no booking {booking_id}")
    return Booking(
        reference=row.reference,
        currency=row.currency,
        rate_plan=row.rate_plan,
        guest=Sealed(guest_id=row.guest_id, ciphertext=""),
        booker=None if row.booker_id is None else Sealed(guest_id=row.booker_id, ciphertext=""),
        lines=tuple(_lines(rows, booking_id)),
        statistics=Statistics(
            channel=row.channel,
            market_segment=row.market_segment,
            distribution_channel=row.distribution_channel,
            agent=row.agent,
            company=row.company,
            customer_type=row.customer_type,
            meal=row.meal,
            country=row.country,
        ),
        flags=row.flags,
        hold_until=row.hold_until,
    )


def _lines(rows: WorkingSet, booking_id: UUID) -> list[Line]:
    lines: list[Line] = []
    for number in count(1):  # a booking's lines are numbered from 1, and none is ever taken out
        row = rows.get(LINE, (booking_id, number))
        if row is None:
            return lines
        stay = nights(row.arrival, row.departure)
        found = [night for day in stay if (night := rows.get(BOOKING_NIGHT, (booking_id, number, day))) is not None]
        lines.append(
            Line(
                line=number,
                room_type=row.room_type,
                adults=row.adults,
                child_ages=row.child_ages,
                guest=None if row.guest_id is None else Sealed(guest_id=row.guest_id, ciphertext=""),
                arrival=row.arrival,
                departure=row.departure,
                prices=tuple(night.price for night in found),
                stock=tuple(night.room_type for night in found),
                rooms=() if row.room is None else _rooms(rows, row),
                state=LineState(row.state),
            )
        )
    raise AssertionError("unreachable: the numbers don't end")


def _rooms(rows: WorkingSet, line: LineRow) -> tuple[RoomStay, ...]:
    """The room stays of a line that has any: each begins on another of its nights, or at the arrival for day use."""
    found = (rows.get(ROOM_STAY, (line.booking_id, line.line, first)) for first in room_stay_begins(line))
    return tuple(RoomStay(room=stay.room, first=stay.first, until=stay.until) for stay in found if stay is not None)


def room_stay_begins(line: LineRow) -> tuple[date, ...]:
    """The dates on which a stay of this line in a room can begin."""
    return nights(line.arrival, line.departure) or (line.arrival,)


def _claim(rows: WorkingSet, changes: Claims) -> None:
    for (room_type, night), claim in changes.items():
        row = rows.get(NIGHT, (night, room_type))
        if row is None:
            raise LookupError(f"{room_type} isn't on sale on {night}")
        rows.put(NIGHT, _claimed(row, claim))


def _claimed(row: NightRow, claim: Claim) -> NightRow:
    # `_replace` costs several times as much, and this is done for every night of every booking.
    return NightRow(
        row.night,
        row.room_type,
        row.in_service,
        row.allowance,
        row.sold + claim.sold,
        row.held + claim.held,
        row.price,
        row.stop_sell,
        row.minimum_stay,
        row.closed_to_arrival,
        row.closed_to_departure,
    )


def _guest(guest_id: UUID, details: Mapping[str, Any] | None) -> GuestRow:
    known: Mapping[str, Any] = {} if details is None else details
    return GuestRow(
        guest_id=guest_id,
        full_name=known.get("full_name"),
        email=known.get("email"),
        phone=known.get("phone"),
        language=known.get("language"),
        erased=details is None,
    )


def _put_booking(rows: WorkingSet, recorded: RecordedEvent, booking: Booking) -> BookingRow:
    booking_id = recorded.stream_id
    holds = any(line.state is LineState.HELD for line in booking.lines)
    old = None if recorded.version == 1 else rows.get(BOOKING, (booking_id,))
    statistics = booking.statistics
    row = BookingRow(
        booking_id=booking_id,
        reference=booking.reference,
        state=booking.state.value,
        version=recorded.version,
        seq=recorded.seq,
        currency=booking.currency,
        rate_plan=booking.rate_plan,
        guest_id=booking.guest.guest_id,
        booker_id=None if booking.booker is None else booking.booker.guest_id,
        arrival=min(line.arrival for line in booking.lines),
        departure=max(line.departure for line in booking.lines),
        total=booking.total,
        channel=statistics.channel,
        market_segment=statistics.market_segment,
        distribution_channel=statistics.distribution_channel,
        agent=statistics.agent,
        company=statistics.company,
        customer_type=statistics.customer_type,
        meal=statistics.meal,
        country=statistics.country,
        flags=booking.flags,
        hold_until=booking.hold_until if holds else None,
        booked_at=recorded.occurred_at if old is None else old.booked_at,
        changed_at=recorded.occurred_at,
    )
    rows.put(BOOKING, row)
    return row


def _put_timeline(rows: WorkingSet, recorded: RecordedEvent, booking: BookingRow, said: str) -> None:
    metadata = orjson.loads(recorded.metadata)
    rows.append(
        TIMELINE,
        TimelineRow(
            booking_id=booking.booking_id,
            seq=recorded.seq,
            type=recorded.type,
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            actor=metadata.get("actor"),
            role=metadata.get("role"),
            version=booking.version,
            state=booking.state,
            guest_id=booking.guest_id,
            booker_id=booking.booker_id,
            arrival=booking.arrival,
            departure=booking.departure,
            total=booking.total,
            hold_until=booking.hold_until,
            facts=said,
        ),
    )


def _put_line(rows: WorkingSet, booking_id: UUID, old: Line | None, line: Line) -> None:
    rows.put(
        LINE,
        LineRow(
            booking_id=booking_id,
            line=line.line,
            room_type=line.room_type,
            adults=line.adults,
            child_ages=line.child_ages,
            guest_id=None if line.guest is None else line.guest.guest_id,
            arrival=line.arrival,
            departure=line.departure,
            state=line.state.value,
            total=line.total,
            room=line.room,
        ),
    )
    _put_nights(rows, booking_id, old, line)
    _put_rooms(rows, booking_id, () if old is None else old.rooms, line)


def _put_nights(rows: WorkingSet, booking_id: UUID, old: Line | None, line: Line) -> None:
    claim, claimed = line.claimed_nights()
    stay = nights(line.arrival, line.departure)
    if old is not None:
        old_stay = nights(old.arrival, old.departure)
        if (old_stay, old.claimed_nights(), old.prices, old.stock) == (stay, (claim, claimed), line.prices, line.stock):
            return
        for night in set(old_stay).difference(stay):
            rows.delete(BOOKING_NIGHT, (booking_id, line.line, night))
    name = "sold" if claim.sold else "held"
    for index, (night, price, room_type) in enumerate(zip(stay, line.prices, line.stock, strict=True)):
        rows.put(
            BOOKING_NIGHT,
            BookingNightRow(
                booking_id=booking_id,
                line=line.line,
                night=night,
                room_type=room_type,
                price=price,
                claim=name if index < len(claimed) else None,  # what a line still claims are its first nights
            ),
        )


def _put_rooms(rows: WorkingSet, booking_id: UUID, old: tuple[RoomStay, ...], line: Line) -> None:
    if old == line.rooms:
        return
    begins = {stay.first for stay in line.rooms}
    for stay in old:
        if stay.first not in begins:
            rows.delete(ROOM_STAY, (booking_id, line.line, stay.first))
    for stay in line.rooms:
        row = RoomStayRow(booking_id=booking_id, line=line.line, first=stay.first, room=stay.room, until=stay.until)
        rows.put(ROOM_STAY, row)
