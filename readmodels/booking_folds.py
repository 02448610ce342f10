"""What a booking's events do to the rows: the booking, its lines and nights, the hotel's stock, guests, the timeline.

The rules aren't written a second time here: rows become the domain's booking, the domain says what the event makes of
it and what that claims, and the outcome becomes rows again.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from uuid import UUID

import orjson

from domain.bookings import Booking, BookingEvent, BookingHeld, BookingMade, Line, LineState, evolve
from domain.calendar import nights
from domain.stock import Claims, difference
from domain.values import Sealed, Statistics
from eventstore.reading import RecordedEvent
from readmodels.facts import facts
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    GUEST,
    LINE,
    NIGHT,
    TIMELINE,
    BookingNightRow,
    BookingRow,
    GuestRow,
    LineRow,
    TimelineRow,
)
from readmodels.working_set import WorkingSet

type OpenSealed = Callable[[Sealed], Mapping[str, Any] | None]
"""Opens sealed personal data; None where the guest's key is gone, because the guest was erased."""

type BookingsSeen = dict[UUID, Booking]
"""Bookings as the last event of theirs left them, so that they needn't be made of rows again."""


def apply_to_booking(
    rows: WorkingSet, seen: BookingsSeen, recorded: RecordedEvent, event: BookingEvent, open_sealed: OpenSealed
) -> None:
    """Bring all rows that a booking has a part in in line with an event of its stream."""
    booking_id = recorded.stream_id
    if isinstance(event, BookingHeld | BookingMade):
        before = None
        for sealed in sealed_guests(event):
            rows.put(GUEST, _guest(sealed.guest_id, open_sealed(sealed)))
    else:
        before = seen.get(booking_id) or booking_of(rows, booking_id)
    after = evolve(before, event)
    _claim(rows, difference({} if before is None else before.claims(), after.claims()))
    _put_booking(rows, recorded, after)
    for index, line in enumerate(after.lines):
        old = None if before is None else before.lines[index]
        if line is not old:
            _put_line(rows, booking_id, old, line)
    metadata = orjson.loads(recorded.metadata)
    rows.put(
        TIMELINE,
        TimelineRow(
            booking_id=booking_id,
            seq=recorded.seq,
            type=recorded.type,
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            actor=metadata.get("actor"),
            role=metadata.get("role"),
            facts=facts(event, after),
        ),
    )
    seen[booking_id] = after


def sealed_guests(event: BookingHeld | BookingMade) -> list[Sealed]:
    """The personal details that a booking brings with it; the last of a guest counts."""
    sealed = (*(line.guest for line in event.lines), event.booker, event.guest)
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
        prices = (rows.get(BOOKING_NIGHT, (booking_id, number, night)) for night in nights(row.arrival, row.departure))
        lines.append(
            Line(
                line=number,
                room_type=row.room_type,
                adults=row.adults,
                child_ages=row.child_ages,
                guest=None if row.guest_id is None else Sealed(guest_id=row.guest_id, ciphertext=""),
                arrival=row.arrival,
                departure=row.departure,
                prices=tuple(night.price for night in prices if night is not None),
                state=LineState(row.state),
            )
        )
    raise AssertionError("unreachable: the numbers don't end")


def _claim(rows: WorkingSet, changes: Claims) -> None:
    for (room_type, night), claim in changes.items():
        row = rows.get(NIGHT, (night, room_type))
        if row is None:
            raise LookupError(f"{room_type} isn't on sale on {night}")
        rows.put(NIGHT, row._replace(sold=row.sold + claim.sold, held=row.held + claim.held))


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


def _put_booking(rows: WorkingSet, recorded: RecordedEvent, booking: Booking) -> None:
    booking_id = recorded.stream_id
    holds = any(line.state is LineState.HELD for line in booking.lines)
    old = None if recorded.version == 1 else rows.get(BOOKING, (booking_id,))
    statistics = booking.statistics
    rows.put(
        BOOKING,
        BookingRow(
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
            room=None,
        ),
    )
    claim, claimed = line.claimed_nights()
    if old is not None:
        if old.claimed_nights() == (claim, claimed) and old.prices == line.prices:
            return
        for night in nights(max(old.arrival, line.departure), old.departure):
            rows.delete(BOOKING_NIGHT, (booking_id, line.line, night))
    name = "sold" if claim.sold else "held"
    for index, (night, price) in enumerate(zip(nights(line.arrival, line.departure), line.prices, strict=True)):
        rows.put(
            BOOKING_NIGHT,
            BookingNightRow(
                booking_id=booking_id,
                line=line.line,
                night=night,
                room_type=line.room_type,
                price=price,
                claim=name if index < len(claimed) else None,  # what a line still claims are its first nights
            ),
        )
