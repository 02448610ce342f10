"""Dates as a hotel counts them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking_commands import CheckIn
from domain.bookings import GuestsCheckedIn
from domain.calendar import business_date
from domain.rejections import ArrivalInPast
from tests.domain.house import NOW, assigned, book_command, booked_line, made
from tests.domain.house import given as so_far


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        ("Pacific/Kiritimati", datetime(2026, 1, 1, 13, 59, tzinfo=UTC), date(2026, 1, 1)),
        ("Pacific/Kiritimati", datetime(2026, 1, 1, 14, 0, tzinfo=UTC), date(2026, 1, 2)),
        ("Pacific/Pago_Pago", datetime(2026, 1, 1, 14, 59, tzinfo=UTC), date(2025, 12, 31)),
        ("Pacific/Pago_Pago", datetime(2026, 1, 1, 15, 0, tzinfo=UTC), date(2026, 1, 1)),
        # Clocks go forward at 02:00 and back at 03:00 in Berlin: 04:00 on the wall is what counts.
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 0, tzinfo=UTC), date(2026, 3, 29)),
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 59, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Berlin", datetime(2026, 10, 25, 3, 0, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_the_business_date_rolls_at_four_on_the_hotels_wall_clock(zone: str, instant: datetime, expected: date) -> None:
    assert business_date(instant, zone, time(4)) == expected


@pytest.mark.parametrize(
    ("zone", "rolls_at", "instant", "expected"),
    [
        # Lisbon puts its clocks back from 02:00 to 01:00: half past one comes twice, and the day stays rolled.
        ("Europe/Lisbon", time(1, 30), datetime(2026, 10, 25, 0, 29, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Lisbon", time(1, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Lisbon", time(1, 30), datetime(2026, 10, 25, 1, 0, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Lisbon", time(1, 30), datetime(2026, 10, 25, 1, 29, tzinfo=UTC), date(2026, 10, 25)),
        # It puts them forward from 01:00 to 02:00: there is no half past one, the day rolls in between.
        ("Europe/Lisbon", time(1, 30), datetime(2026, 3, 29, 0, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Lisbon", time(1, 30), datetime(2026, 3, 29, 1, 0, tzinfo=UTC), date(2026, 3, 29)),
        # St. John's once put its clocks back at a minute past midnight, into the day before.
        ("America/St_Johns", time(0), datetime(2006, 10, 29, 2, 30, tzinfo=UTC), date(2006, 10, 29)),
        ("America/St_Johns", time(0), datetime(2006, 10, 29, 2, 32, tzinfo=UTC), date(2006, 10, 29)),
        ("America/St_Johns", time(0), datetime(2006, 10, 29, 3, 35, tzinfo=UTC), date(2006, 10, 29)),
        # Apia left out the 30th of December 2011 when it moved across the date line.
        ("Pacific/Apia", time(4), datetime(2011, 12, 30, 9, 59, tzinfo=UTC), date(2011, 12, 29)),
        ("Pacific/Apia", time(4), datetime(2011, 12, 30, 14, 0, tzinfo=UTC), date(2011, 12, 31)),
    ],
)
def test_the_business_date_never_goes_back_where_clocks_do(
    zone: str, rolls_at: time, instant: datetime, expected: date
) -> None:
    assert business_date(instant, zone, rolls_at) == expected


@given(
    zone=st.sampled_from(
        [
            "Europe/Lisbon",
            "America/St_Johns",
            "Africa/Cairo",
            "Asia/Beirut",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
            "America/Havana",
        ]
    ),
    rolls_at=st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59])),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
    minutes=st.lists(st.integers(1, 90), min_size=1, max_size=60),
)
def test_the_business_date_only_moves_on(zone: str, rolls_at: time, start: datetime, minutes: list[int]) -> None:
    now = start.replace(tzinfo=UTC)
    before = business_date(now, zone, rolls_at)
    for step in minutes:
        now += timedelta(minutes=step)
        after = business_date(now, zone, rolls_at)
        assert before <= after <= now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
        before = after


class TestAWalkInAfterMidnight:
    """At one in the morning the hotel's day is still yesterday's."""

    AFTER_MIDNIGHT = NOW.replace(hour=1) + timedelta(days=1)

    def test_books_last_night_and_checks_in(self) -> None:
        booking = so_far().when(book_command("DBL", arrival=0, departure=1), now=self.AFTER_MIDNIGHT)
        booking.then(made(booked_line(departure=1)))
        roomed = so_far(made(booked_line(departure=1)), assigned((1, "101", 0, 1)))
        roomed.when(CheckIn(), now=self.AFTER_MIDNIGHT).then(GuestsCheckedIn(lines=(1,)))

    def test_comes_too_late_once_the_day_has_rolled(self) -> None:
        rolled = NOW.replace(hour=4) + timedelta(days=1)
        so_far().when(book_command("DBL", arrival=0, departure=1), now=rolled).refused(ArrivalInPast)
