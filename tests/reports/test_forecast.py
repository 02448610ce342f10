"""The forecast adds to what is on the books what nights of the same weekday gained in as many last days."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from query.reports.forecast import Gained, OnTheBooks, Past, PastNight, period, to_come
from staysync.settings import Settings
from tests.reports.conftest import Ask
from tests.reports.histories import keep, two_seasons
from tests.reports.naive import Told, told

TODAY = date(2026, 12, 9)  # a Wednesday


def ahead(days: int, *, rooms: int = 2, available: int = 10, revenue: int = 200) -> OnTheBooks:
    """A night so many days ahead."""
    return OnTheBooks(
        night=TODAY + timedelta(days=days),
        room_type="DBL",
        rooms_available=available,
        rooms=Decimal(rooms),
        revenue=Decimal(revenue),
    )


def past(gains: dict[int, dict[int, int]]) -> Past:
    """Past nights by days before today, with the rooms that each gained how many days before it, at 100 a room."""
    found = {}
    for days, gained in gains.items():
        night = found[TODAY - timedelta(days=days), "DBL"] = PastNight()
        for days_before in sorted(gained):
            night.add(days_before, gained[days_before], Decimal(100 * gained[days_before]))
    return found


def expected(night: OnTheBooks, gains: dict[int, dict[int, int]]) -> Gained:
    return to_come(night, past(gains), TODAY, "EUR")


def test_a_night_gains_the_mean_of_what_nights_like_it_gained_in_as_many_last_days() -> None:
    # Three days ahead is a Saturday: the last ones were 4 and 11 days ago.
    gains = {4: {0: 1, 2: 3, 3: 50, 9: 50}, 11: {1: 1, 40: 50}}
    assert expected(ahead(3), gains) == Gained(Decimal("2.50"), Decimal("250.00"))


def test_other_weekdays_and_nights_longer_ago_than_eight_weeks_say_nothing() -> None:
    assert expected(ahead(3), {3: {0: 5}, 5: {0: 5}, 4 + 56: {0: 5}}) == Gained(Decimal(0), Decimal(0))
    assert expected(ahead(3), {4 + 49: {0: 5}}) == Gained(Decimal("5.00"), Decimal("500.00"))


def test_a_night_that_sold_nothing_late_counts_as_one() -> None:
    assert expected(ahead(3), {4: {0: 3}, 11: {}, 18: {}}).rooms == Decimal("1.00")


def test_without_nights_to_learn_from_nothing_is_to_come() -> None:
    assert expected(ahead(3), {}) == Gained(Decimal(0), Decimal(0))


def test_for_tonight_what_changes_after_today_still_counts() -> None:
    assert expected(ahead(0), {7: {0: 9, -1: -1}}).rooms == Decimal("-1.00")


def test_no_more_comes_than_there_is_room_for_and_revenue_goes_with_it() -> None:
    assert expected(ahead(3, rooms=8), {4: {0: 4}}) == Gained(Decimal("2.00"), Decimal("200.00"))
    assert expected(ahead(3, rooms=11), {4: {0: 4}}) == Gained(Decimal("0.00"), Decimal("0.00"))


def test_no_more_is_cancelled_than_is_on_the_books() -> None:
    assert expected(ahead(3, rooms=1, revenue=90), {4: {0: -3}}) == Gained(Decimal("-1.00"), Decimal("-90.00"))


def test_a_past_night_is_what_it_is() -> None:
    assert expected(ahead(-1), {7: {0: 9}, 8: {0: 9}}) == Gained(Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("day", "week"), [("2026-12-31", "2026-W53"), ("2027-01-03", "2026-W53"), ("2027-01-04", "2027-W01")]
)
def test_weeks_are_those_of_iso_8601(day: str, week: str) -> None:
    assert period(date.fromisoformat(day), "week") == week


async def test_it_is_what_the_events_come_to(settings: Settings, ask: Ask) -> None:
    """The same formula over a history that was folded once for every day that anything is learnt from."""
    events = two_seasons(7, 150)
    hotel_id = await keep(settings, events)
    at = events[-1].occurred_at
    hotel = told(events)
    today = hotel.local(at)
    first, until = today - timedelta(days=3), today + timedelta(days=12)

    def known_on(day: date) -> Told:
        return told([event for event in events if hotel.local(event.occurred_at) <= day], stock=False)

    def rooms(known: Told, night: date, room_type: str) -> int:
        return sum((day, code) == (night, room_type) for day, code, *_ in known.sold())

    answer = await ask(hotel_id, "forecast", at, first=first, until=until, as_of=at)
    different = 0
    for row in answer.rows:
        night = date.fromisoformat(str(row["day"]))
        to_come = Decimal(0)
        for code in {code for day, code in hotel.in_service if day == night and night >= today}:
            k = (night - today).days
            like_it = [night - timedelta(weeks=weeks) for weeks in range(1, 12)]
            learnt = [
                rooms(hotel, day, code) - rooms(known_on(day - timedelta(days=k)), day, code)
                for day in [day for day in like_it if day < today][:8]
                if (day, code) in hotel.in_service
            ]
            sold, mean = rooms(hotel, night, code), Decimal(sum(learnt)) / (len(learnt) or 1)
            most = max(0, hotel.in_service[night, code] - sold)
            to_come += round(max(Decimal(-sold), min(mean, Decimal(most))), 2)
        on_books = sum(day == night for day, *_ in hotel.sold())
        assert (row["rooms_on_books"], row["rooms_to_come"]) == (on_books, float(to_come)), night
        assert row["rooms_forecast"] == float(on_books + to_come)
        different += to_come != 0
    assert different > 0
