"""What a column of a report is: its kind, what it means, and the formula by which it follows from sums.

Sums add up over any grouping; whatever else a report shows is made of them, so that a total is the same formula over
larger sums and never a mean of means.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any, NamedTuple, assert_never

from domain.values import rounded

type Sums = Mapping[str, Decimal]
"""What adds up, by name: numbers of rooms and nights, amounts in the hotel's currency."""
type Cell = str | int | float | None
"""A value as JSON has it."""

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


class Kind(StrEnum):
    """How a column is written."""

    COUNT = "whole number"
    DECIMAL = "number with two decimals"
    PERCENT = "percent with two decimals"
    MONEY = "amount, a string with the decimals of the currency"
    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"


class Summed(NamedTuple):
    """A sum as it is."""

    of: str

    def __str__(self) -> str:
        return f"sum of {self.of}"


class Ratio(NamedTuple):
    """One sum for each of another; absent where that is zero."""

    over: str
    under: str

    def __str__(self) -> str:
        return f"{self.over} / {self.under}"


class Percent(NamedTuple):
    """One sum in percent of another; absent where that is zero."""

    over: str
    under: str

    def __str__(self) -> str:
        return f"100 × {self.over} / {self.under}"


class Difference(NamedTuple):
    """What one sum is more than another."""

    of: str
    less: str

    def __str__(self) -> str:
        return f"{self.of} − {self.less}"


class Share(NamedTuple):
    """A sum in percent of the same sum over the whole answer; absent where that is zero."""

    of: str

    def __str__(self) -> str:
        return f"100 × {self.of} / {self.of} of all rows"


type Formula = Summed | Ratio | Percent | Difference | Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a report. One without a formula is copied from the row; one with it is made of the row's sums."""

    name: str
    kind: Kind
    means: str
    formula: Formula | None = None

    @property
    def adds_up(self) -> bool:
        """Whether the values of all rows add up to that of the total."""
        return isinstance(self.formula, Summed | Difference)


def added(rows: Iterable[Sums]) -> Sums:
    """The sums of several rows together."""
    total: dict[str, Decimal] = {}
    for row in rows:
        for name, value in row.items():
            total[name] = total.get(name, Decimal(0)) + value
    return total


def figure(formula: Formula, sums: Sums, whole: Sums) -> Decimal | None:
    """A figure of a row with these sums, in an answer that comes to `whole`; None where it divides by nothing."""
    match formula:
        case Summed(of):
            return sums.get(of, Decimal(0))
        case Difference(of, less):
            return sums.get(of, Decimal(0)) - sums.get(less, Decimal(0))
        case Ratio(over, under):
            return _divided(sums.get(over, Decimal(0)), sums.get(under, Decimal(0)))
        case Percent(over, under):
            return _divided(_HUNDRED * sums.get(over, Decimal(0)), sums.get(under, Decimal(0)))
        case Share(of):
            return _divided(_HUNDRED * sums.get(of, Decimal(0)), whole.get(of, Decimal(0)))
        case _:
            assert_never(formula)


def _divided(over: Decimal, under: Decimal) -> Decimal | None:
    return over / under if under else None


def cell(kind: Kind, value: Any, currency: str) -> Cell:
    """A value as JSON has it. Money is a string, so that no decimal is lost; other decimals are rounded to two."""
    if value is None:
        return None
    match kind:
        case Kind.COUNT:
            return int(value)
        case Kind.DECIMAL | Kind.PERCENT:
            return float(Decimal(value).quantize(_CENT, ROUND_HALF_EVEN))
        case Kind.MONEY:
            return f"{rounded(Decimal(value), currency):f}"
        case Kind.TEXT:
            return str(value)
        case Kind.DATE:
            day: date = value
            return day.isoformat()
        case Kind.INSTANT:
            instant: datetime = value
            return instant.isoformat().replace("+00:00", "Z")
        case _:
            assert_never(kind)
