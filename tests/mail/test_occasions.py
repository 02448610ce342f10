"""When people are written to: pure rules, with the hotel's clocks."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.bookings import BookingChanged, BookingHeld, BookingMade, GuestsCheckedOut, LinesCancelled, LineState
from domain.values import Sealed, Statistics
from projections.mail.occasions import Kind, Planned, plan, reminded_at, still_wanted, warned_at
from tests.mail.words import booking

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOTEL, BOOKED = UUID(int=1), UUID(int=2)
MADE = BookingMade(
    reference="AUR-2345ABCD",
    currency="EUR",
    rate_plan="BAR",
    guest=Sealed(guest_id=UUID(int=3), ciphertext=""),
    booker=None,
    lines=(),
    statistics=Statistics(),
    flags=(),
    allowance_used=(),
)


def planned(event: object, after: object = None, *, at: datetime = NOON, seq: int = 7) -> dict[Kind, Planned]:
    """What an event asks for."""
    found = plan(HOTEL, BOOKED, seq, event, after or booking(), at=at, timezone="Europe/Lisbon")  # type: ignore[arg-type] # shortened
    return {one.kind: one for one in found}


@pytest.mark.parametrize(
    ("length", "before"),
    [
        (timedelta(minutes=9), None),
        (timedelta(minutes=20), timedelta(minutes=5)),
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(days=7), timedelta(hours=2)),
    ],
)
def test_a_hold_is_warned_of_after_three_quarters_of_it(length: timedelta, before: timedelta | None) -> None:
    expected = None if before is None else NOON + length - before
    assert warned_at(NOON, NOON + length) == expected


def test_a_guest_is_reminded_three_days_before_at_ten_by_the_hotels_clocks() -> None:
    stay = booking(arrival=date(2026, 3, 31))
    assert reminded_at(stay, "Europe/Lisbon") == datetime(2026, 3, 28, 10, tzinfo=UTC)  # a day before clocks change
    assert reminded_at(stay, "America/Chicago") == datetime(2026, 3, 28, 15, tzinfo=UTC)
    assert reminded_at(booking(LineState.HELD), "UTC") is None


def test_a_booking_is_confirmed_at_once_and_its_guest_reminded_later() -> None:
    found = planned(MADE)
    assert found[Kind.CONFIRMATION].due_at == NOON
    assert found[Kind.BEFORE_ARRIVAL].due_at == datetime(2026, 6, 7, 9, tzinfo=UTC)


def test_who_books_for_tomorrow_is_not_reminded_as_well() -> None:
    assert planned(MADE, at=datetime(2026, 6, 9, tzinfo=UTC))[Kind.BEFORE_ARRIVAL].due_at is None


def test_a_reminder_has_the_identity_of_its_booking_and_news_that_of_its_event() -> None:
    first, second = planned(MADE, seq=7), planned(MADE, seq=8)
    assert first[Kind.BEFORE_ARRIVAL].message_id == second[Kind.BEFORE_ARRIVAL].message_id
    assert first[Kind.CONFIRMATION].message_id != second[Kind.CONFIRMATION].message_id


def test_a_hold_tells_nothing_until_it_is_about_to_end() -> None:
    held = BookingHeld(
        **{name: getattr(MADE, name) for name in MADE.__dataclass_fields__},
        hold_until=NOON + timedelta(hours=1),
    )
    assert list(planned(held)) == [Kind.HOLD_EXPIRING]
    change = BookingChanged(lines=(), cancelled=(), allowance_used=())
    assert planned(change, booking(LineState.HELD)) == {}
    assert Kind.CHANGE in planned(change)


def test_a_departure_is_thanked_for_once_all_rooms_have_left() -> None:
    out = GuestsCheckedOut(lines=(1,), departed_on=date(2026, 6, 12))
    assert planned(out, booking(LineState.CHECKED_OUT, LineState.CHECKED_IN)) == {}
    found = planned(out, booking(LineState.CHECKED_OUT, LineState.NO_SHOW))
    assert found[Kind.AFTER_DEPARTURE].due_at == datetime(2026, 6, 13, 9, tzinfo=UTC)


def test_a_cancellation_is_told_at_once() -> None:
    assert list(planned(LinesCancelled(lines=(1,), reason=None, note=None))) == [Kind.CANCELLATION]


@pytest.mark.parametrize(
    ("kind", "state", "at", "expected"),
    [
        (Kind.HOLD_EXPIRING, LineState.HELD, NOON, True),
        (Kind.HOLD_EXPIRING, LineState.HELD, NOON + timedelta(hours=1), False),
        (Kind.HOLD_EXPIRING, LineState.CONFIRMED, NOON, False),
        (Kind.BEFORE_ARRIVAL, LineState.CONFIRMED, datetime(2026, 6, 7, 9, tzinfo=UTC), True),
        (Kind.BEFORE_ARRIVAL, LineState.CONFIRMED, NOON, datetime(2026, 6, 7, 9, tzinfo=UTC)),
        (Kind.BEFORE_ARRIVAL, LineState.CONFIRMED, datetime(2026, 6, 10, 12, tzinfo=UTC), False),
        (Kind.BEFORE_ARRIVAL, LineState.CANCELLED, datetime(2026, 6, 7, 9, tzinfo=UTC), False),
        (Kind.AFTER_DEPARTURE, LineState.CHECKED_OUT, NOON, True),
        (Kind.AFTER_DEPARTURE, LineState.CHECKED_IN, NOON, False),
        (Kind.CANCELLATION, LineState.CANCELLED, NOON, True),
    ],
)
def test_a_reminder_that_comes_due_is_looked_at_once_more(
    kind: Kind, state: LineState, at: datetime, expected: bool | datetime
) -> None:
    stay = booking(state, hold_until=NOON + timedelta(hours=1))
    assert still_wanted(kind, stay, now=at, timezone="Europe/Lisbon") == expected
