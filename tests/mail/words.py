"""Bookings as the tests of occasions speak of them."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domain.bookings import Booking, Line, LineState
from domain.values import Sealed, Statistics

ARRIVAL, DEPARTURE = date(2026, 6, 10), date(2026, 6, 12)


def booking(
    state: LineState = LineState.CONFIRMED,
    *more: LineState,
    arrival: date = ARRIVAL,
    hold_until: datetime | None = None,
) -> Booking:
    """A booking of one double room, or of one for each state."""
    line = Line(
        line=1,
        room_type="DBL",
        adults=2,
        child_ages=(),
        guest=None,
        arrival=arrival,
        departure=DEPARTURE,
        prices=(Decimal(100), Decimal(100)),
        stock=("DBL", "DBL"),
        state=state,
    )
    lines = [replace(line, line=number, state=each) for number, each in enumerate((state, *more), start=1)]
    return Booking(
        reference="AUR-2345ABCD",
        currency="EUR",
        rate_plan="BAR",
        guest=Sealed(guest_id=UUID(int=3), ciphertext=""),
        booker=None,
        lines=tuple(lines),
        statistics=Statistics(),
        flags=(),
        hold_until=hold_until,
    )
