"""The suite's arithmetic."""

import pytest

from bench.figures import Summary, Target, percentile, summary, verdict

HALF = Target(name="a / b", above="a", below="b", sense="at least", bound=0.5)


def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, fraction) for fraction in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_the_spread_is_a_fraction_of_the_median() -> None:
    assert summary([10, 12, 8]) == Summary(10, 8, 12)
    assert summary([10, 12, 8]).spread == pytest.approx(0.4)


def test_ratios_are_taken_round_by_round() -> None:
    # The machine was half as fast in the second round: both sides were, so the ratio stays.
    found = verdict(HALF, {"a": [60, 30, 60], "b": [100, 50, 100]})
    assert found.figure == Summary(0.6, 0.6, 0.6)
    assert found.met is True


def test_a_target_that_is_missed_is_told() -> None:
    assert verdict(HALF, {"a": [40], "b": [100]}).met is False


def test_a_bound_from_above_is_kept_below() -> None:
    lag = Target(name="lag / response", above="lag", below="response", sense="at most", bound=3)
    assert verdict(lag, {"lag": [29], "response": [10]}).met is True
    assert verdict(lag, {"lag": [31], "response": [10]}).met is False


def test_a_figure_alone_can_be_a_target() -> None:
    rows = Target(name="import", above="rows", below=None, sense="at least", bound=1000)
    assert verdict(rows, {"rows": [900, 1100, 1200]}).met is True


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert verdict(HALF, {"a": [40]}).met is None
