"""What a booking's events add to the tables of changes, which say how things were, and to the statistics of the day.

A row of changes is written once and stays. What is kept is what differs: an event that leaves a line's claims as they
were adds nothing to `claim_change`.
"""

from datetime import date
from decimal import Decimal

from domain.bookings import Booking, Line
from eventstore.reading import RecordedEvent
from readmodels.rows import (
    CLAIM_CHANGE,
    DAY_STATISTICS,
    LINE_CHANGE,
    ClaimChangeRow,
    DayStatisticsRow,
    LineChangeRow,
)
from readmodels.working_set import WorkingSet

type _Key = tuple[date, str, str]
"""A night, the type whose stock is claimed, and the type that was booked."""
type _Amounts = tuple[int, int, Decimal]
"""Rooms sold, rooms held, and what the sold ones bring."""

_NOTHING = Decimal(0)
_NONE: _Amounts = (0, 0, _NOTHING)


def put_line_change(rows: WorkingSet, recorded: RecordedEvent, line: Line) -> None:
    """Write a line as an event left it."""
    rows.append(
        LINE_CHANGE,
        LineChangeRow(
            booking_id=recorded.stream_id,
            line=line.line,
            seq=recorded.seq,
            occurred_at=recorded.occurred_at,
            state=line.state.value,
            room_type=line.room_type,
            stock_type=line.stock[-1] if line.stock else line.room_type,
            adults=line.adults,
            children=len(line.child_ages),
            arrival=line.arrival,
            departure=line.departure,
            nights=(line.departure - line.arrival).days,
            total=line.total,
            room=line.room,
        ),
    )


def put_claim_changes(
    rows: WorkingSet,
    recorded: RecordedEvent,
    booking: Booking,
    booking_before: Booking | None,
    before: Line | None,
    after: Line,
) -> None:
    """Write what an event changed of the nights that a line claims, and add it to the statistics of those days.

    A hold's deadline never moves: the row that takes a hold away names the deadline of the row that brought it.
    """
    if before is not None and _claims_alike(before, after):
        return
    changes = _amounts(after)
    if before is not None:
        for key, (sold, held, revenue) in _amounts(before).items():
            now = changes.get(key, _NONE)
            changes[key] = (now[0] - sold, now[1] - held, now[2] - revenue)
    channel = booking.statistics.channel
    deadline = booking.hold_until if booking_before is None else booking_before.hold_until
    for (night, room_type, booked_type), (sold, held, revenue) in changes.items():
        if not (sold or held or revenue):
            continue
        rows.append(
            CLAIM_CHANGE,
            ClaimChangeRow(
                night=night,
                seq=recorded.seq,
                line=after.line,
                room_type=room_type,
                booked_type=booked_type,
                booking_id=recorded.stream_id,
                occurred_at=recorded.occurred_at,
                channel=channel,
                sold=sold,
                held=held,
                revenue=revenue,
                hold_until=deadline if held else None,
            ),
        )
        if sold or revenue:
            _add_to_day(rows, night, room_type, channel or "", sold, revenue)


def _claims_alike(before: Line, after: Line) -> bool:
    return (before.claimed_nights(), before.prices, before.stock, before.room_type) == (
        after.claimed_nights(),
        after.prices,
        after.stock,
        after.room_type,
    )


def _amounts(line: Line) -> dict[_Key, _Amounts]:
    """What a line claims of its nights."""
    (sold, held), claimed = line.claimed_nights()
    return {
        (night, stock, line.room_type): (sold, held, price if sold else _NOTHING)
        for night, stock, price in zip(claimed, line.stock, line.prices, strict=False)
    }


def _add_to_day(rows: WorkingSet, day: date, room_type: str, channel: str, sold: int, revenue: Decimal) -> None:
    row = rows.get(DAY_STATISTICS, (day, room_type, channel))
    if row is not None:
        sold, revenue = row.rooms_sold + sold, row.revenue + revenue
    rows.put(DAY_STATISTICS, DayStatisticsRow(day, room_type, channel, sold, revenue))
