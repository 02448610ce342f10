"""The tables of changes, cut anywhere, add up to what a fold from nothing up to there says; so do the days' figures."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.bookings import LinesCancelled, NoShowRecorded
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    CLAIM_CHANGE,
    DAY_STATISTICS,
    LINE,
    LINE_CHANGE,
    NIGHT,
    STOCK_CHANGE,
    TIMELINE,
)
from readmodels.working_set import WorkingSet
from tests.domain.house import DOUBLE, OPENED, SUITE, TODAY, assigned, held, made
from tests.readmodels.test_random_batches import GUESTS, lived
from tests.readmodels.words import changed, changed_line, folded
from tests.readmodels.words import given as given_events

HISTORIES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stock_at(rows: WorkingSet, seq: int) -> dict[Any, Any]:
    """Each night as its changes up to a seq add up."""
    nights: dict[Any, Any] = {}
    for change in sorted(rows.rows(STOCK_CHANGE), key=lambda row: row.seq):
        if change.seq <= seq:
            nights[change.night, change.room_type] = list(change[4:])
    sold: Counter[Any] = Counter()
    held: Counter[Any] = Counter()
    for claim in rows.rows(CLAIM_CHANGE):
        if claim.seq <= seq:
            sold[claim.night, claim.room_type] += claim.sold
            held[claim.night, claim.room_type] += claim.held
    return {key: (*key, *said[:2], sold[key], held[key], *said[2:]) for key, said in nights.items()}


def last_of_each(rows: list[Any], seq: int, width: int) -> dict[Any, Any]:
    """The last row up to a seq for each key of so many fields."""
    found = {}
    for row in sorted(rows, key=lambda row: row.seq):
        if row.seq <= seq:
            found[row[:width]] = row
    return found


@HISTORIES
@given(random=st.randoms(use_true_random=True), length=st.integers(20, 60))
def test_changes_up_to_any_event_say_how_things_were_after_it(random: Random, length: int) -> None:
    events = lived(random, length).ledger.events
    end = folded(events, GUESTS)
    entries, lines = list(end.rows(TIMELINE)), list(end.rows(LINE_CHANGE))
    for seq in range(1, len(events) + 1, 3):
        then = folded(events[:seq], GUESTS)
        assert stock_at(end, seq) == {NIGHT.key_of(row): row for row in then.rows(NIGHT)}
        left = last_of_each(entries, seq, 1)
        assert {
            key: (row.state, row.version, row.guest_id, row.booker_id, row.arrival, row.departure, row.total,
                  row.hold_until)
            for key, row in left.items()
        } == {
            (row.booking_id,): (row.state, row.version, row.guest_id, row.booker_id, row.arrival, row.departure,
                                row.total, row.hold_until)
            for row in then.rows(BOOKING)
        }  # fmt: skip
        assert {
            key: (row.state, row.room_type, row.adults, row.children, row.arrival, row.departure, row.total, row.room)
            for key, row in last_of_each(lines, seq, 2).items()
        } == {
            LINE.key_of(row): (row.state, row.room_type, row.adults, len(row.child_ages), row.arrival, row.departure,
                               row.total, row.room)
            for row in then.rows(LINE)
        }  # fmt: skip


@HISTORIES
@given(random=st.randoms(use_true_random=True), length=st.integers(20, 80))
def test_the_figures_of_a_day_are_those_of_its_sold_nights(random: Random, length: int) -> None:
    rows = folded(lived(random, length).ledger.events, GUESTS)
    sold: Counter[Any] = Counter()
    revenue: Counter[Any] = Counter()
    by_booked: Counter[Any] = Counter()
    for night in rows.rows(BOOKING_NIGHT):
        if night.claim == "sold":
            line = rows.get(LINE, (night.booking_id, night.line))
            assert line is not None
            sold[night.night, night.room_type, "web"] += 1
            by_booked[night.night, line.room_type] += 1
            revenue[night.night, night.room_type, "web"] += night.price  # type: ignore[assignment]
    figures = list(rows.rows(DAY_STATISTICS))
    assert {row[:3]: row.rooms_sold for row in figures if row.rooms_sold} == dict(sold)
    assert {row[:3]: row.revenue for row in figures if row.revenue} == dict(revenue)
    changes: Counter[Any] = Counter()
    for change in rows.rows(CLAIM_CHANGE):
        changes[change.night, change.booked_type] += change.sold
    assert {key: count for key, count in changes.items() if count} == dict(by_booked)


def claims_of(rows: WorkingSet, seq: int) -> list[tuple[Any, ...]]:
    """Of the claims that an event changed: how many days from today, stock and type booked, and by how much."""
    return sorted(
        ((row.night - TODAY).days, row.room_type, row.booked_type, row.sold, row.held, row.revenue)
        for row in rows.rows(CLAIM_CHANGE)
        if row.seq == seq
    )


def test_a_night_in_a_room_of_another_type_leaves_one_stock_and_takes_another() -> None:
    rows = given_events(OPENED, DOUBLE, SUITE, made(), assigned((1, "201", 1, 2)))
    assert claims_of(rows, 5) == [
        (1, "DBL", "DBL", -1, 0, Decimal("-100.00")),
        (1, "STE", "DBL", 1, 0, Decimal("100.00")),
    ]


def test_a_new_price_changes_the_revenue_and_nothing_else() -> None:
    rows = given_events(OPENED, DOUBLE, made(), changed(changed_line(1, 0, 2)))
    assert claims_of(rows, 4) == [(day, "DBL", "DBL", 0, 0, Decimal("-10.00")) for day in (0, 1)]


def test_a_hold_brings_nothing_and_names_its_deadline_when_it_comes_and_when_it_goes() -> None:
    cancelled = LinesCancelled(lines=(1,), reason=None, note=None)
    rows = given_events(OPENED, DOUBLE, held(), cancelled)
    assert claims_of(rows, 3) == [(day, "DBL", "DBL", 0, 1, 0) for day in (0, 1)]
    assert claims_of(rows, 4) == [(day, "DBL", "DBL", 0, -1, 0) for day in (0, 1)]
    assert {row.hold_until for row in rows.rows(CLAIM_CHANGE)} == {held().hold_until}
    assert not list(rows.rows(DAY_STATISTICS))


def test_a_no_show_keeps_the_revenue_of_the_first_night() -> None:
    rows = given_events(OPENED, DOUBLE, made(), NoShowRecorded(lines=(1,)))
    assert [(row.rooms_sold, row.revenue) for row in sorted(rows.rows(DAY_STATISTICS))] == [
        (1, Decimal("100.00")),
        (0, Decimal(0)),
    ]
