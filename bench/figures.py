"""The arithmetic of the suite: medians, percentiles, ratios round by round, and what the targets say of them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

type Rounds = Mapping[str, Sequence[float]]
"""By the name of a metric: one figure for each round in which it was measured, in order."""


def percentile(values: Sequence[float], fraction: float) -> float:
    """The smallest value that at least this fraction of the values doesn't exceed (nearest rank)."""
    if not values:
        raise ValueError("no values have no percentile")
    ordered = sorted(values)
    return ordered[max(math.ceil(fraction * len(ordered)), 1) - 1]


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over the rounds."""

    median: float
    lowest: float
    highest: float

    @property
    def spread(self) -> float:
        """How far lowest and highest lie apart, as a fraction of the median."""
        return (self.highest - self.lowest) / self.median if self.median else 0.0


def summary(values: Sequence[float]) -> Summary:
    """Median, lowest and highest."""
    return Summary(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a ratio, or a figure where there is no `below`, should come to."""

    name: str
    above: str
    below: str | None
    sense: Literal["at least", "at most"]
    bound: float
    orientation: bool = False
    """An orientation is shown like a target; missing it isn't a failure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target with what was measured. `figure` is None where a part of it was not measured."""

    target: Target
    figure: Summary | None

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the bound."""
        if self.figure is None:
            return None
        if self.target.sense == "at least":
            return self.figure.median >= self.target.bound
        return self.figure.median <= self.target.bound


def verdict(target: Target, rounds: Rounds) -> Verdict:
    """Divide round by round, so that a slow minute of the machine slows both sides; then take the median of the ratios.

    Rounds in which one of the two is missing are left out.
    """
    above = rounds.get(target.above, ())
    if target.below is None:
        return Verdict(target, summary(above) if above else None)
    below = rounds.get(target.below, ())
    ratios = [a / b for a, b in zip(above, below, strict=False) if b > 0]
    return Verdict(target, summary(ratios) if ratios else None)
