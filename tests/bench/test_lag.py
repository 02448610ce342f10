"""From answers and sightings to lags."""

import pytest

from bench.lag import lags_of


def test_a_booking_is_visible_at_the_first_look_that_saw_its_seq() -> None:
    sightings = {"a": [(1.0, 5), (2.0, 8), (3.0, 9)]}
    assert lags_of([("a", 5, 0.9), ("a", 6, 1.5), ("a", 8, 1.9), ("a", 9, 1.9)], sightings) == pytest.approx(
        [0.1, 0.5, 0.1, 1.1]
    )


def test_what_showed_before_its_answer_came_has_no_lag() -> None:
    assert lags_of([("a", 5, 1.2)], {"a": [(1.0, 5)]}) == [0.0]


def test_each_hotel_has_its_own_sightings() -> None:
    sightings = {"a": [(1.0, 5)], "b": [(4.0, 5)]}
    assert lags_of([("a", 5, 0.5), ("b", 5, 0.5)], sightings) == pytest.approx([0.5, 3.5])
