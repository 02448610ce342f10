"""Figures follow from sums by their formulas, and are written so that neither a decimal nor a spreadsheet is lost."""

import csv
import io
from decimal import Decimal

import pytest

from query.reports.csv_text import csv_text, harmless, prefers_csv
from query.reports.figures import Cell, Difference, Kind, Percent, Ratio, Share, Summed, added, cell, figure

SUMS = {"rooms": Decimal(3), "revenue": Decimal("250.00"), "available": Decimal(4), "none": Decimal(0)}
WHOLE = {"rooms": Decimal(12)}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (Summed("rooms"), Decimal(3)),
        (Summed("unheard_of"), Decimal(0)),
        (Ratio("revenue", "rooms"), Decimal(250) / 3),
        (Percent("rooms", "available"), Decimal(75)),
        (Difference("rooms", "available"), Decimal(-1)),
        (Share("rooms"), Decimal(25)),
    ],
)
def test_a_formula_is_what_it_says(formula: Summed | Ratio | Percent | Difference | Share, value: Decimal) -> None:
    assert figure(formula, SUMS, WHOLE) == value


@pytest.mark.parametrize("formula", [Ratio("revenue", "none"), Percent("rooms", "none"), Share("revenue")])
def test_what_divides_by_nothing_is_absent(formula: Ratio | Percent | Share) -> None:
    assert figure(formula, SUMS, WHOLE) is None


def test_a_total_is_the_formula_over_the_sums_and_no_mean_of_means() -> None:
    one, many = {"revenue": Decimal(100), "rooms": Decimal(1)}, {"revenue": Decimal(450), "rooms": Decimal(9)}
    assert figure(Ratio("revenue", "rooms"), added([one, many]), {}) == Decimal(55)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.COUNT, Decimal(7), 7),
        (Kind.DECIMAL, Decimal("92.675"), 92.68),
        (Kind.PERCENT, Decimal(200) / 3, 66.67),
        (Kind.MONEY, Decimal("94.949"), "94.95"),
        (Kind.MONEY, Decimal("-6.38"), "-6.38"),
        (Kind.TEXT, "direct", "direct"),
        (Kind.TEXT, None, None),
    ],
)
def test_values_have_two_decimals_and_amounts_are_strings(kind: Kind, value: object, shown: object) -> None:
    assert cell(kind, value, "EUR") == shown


def test_amounts_have_the_decimals_of_their_currency() -> None:
    assert [cell(Kind.MONEY, Decimal("1234.5678"), currency) for currency in ("JPY", "EUR", "KWD")] == [
        "1235",
        "1234.57",
        "1234.568",
    ]


# ---------------------------------------------------------------- CSV

KINDS = {"channel": Kind.TEXT, "rooms": Kind.COUNT, "share": Kind.PERCENT, "revenue": Kind.MONEY}


def test_csv_has_a_header_and_a_line_a_row_ended_as_rfc_4180_has_it() -> None:
    rows: list[dict[str, Cell]] = [
        {"channel": "direct", "rooms": 3, "share": 75.0, "revenue": "250.00"},
        {"channel": None, "rooms": 1, "share": None, "revenue": "-6.38"},
    ]
    assert csv_text(KINDS, rows) == (
        "channel,rooms,share,revenue\r\ndirect,3,75.00,250.00\r\n,1,,-6.38\r\n"  # a negative amount is a number
    )


@pytest.mark.parametrize(
    "formula",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =cmd|' /C calc'!A0", "＝1", "＋1", "－1", "＠x"],
)
def test_no_text_is_a_formula_to_a_spreadsheet(formula: str) -> None:
    written = csv_text({"name": Kind.TEXT}, [{"name": formula}])
    (_, (read,)) = list(csv.reader(io.StringIO(written, newline="")))
    assert read == f"'{formula}"


@pytest.mark.parametrize("text", ['O\'Brien, "Bea"', "Ünï çødé 旅館", "a=b", "x-1", ""])
def test_other_texts_come_through_csv_as_they_are(text: str) -> None:
    assert harmless(text) == text
    (_, *rows) = csv.reader(io.StringIO(csv_text({"a": Kind.TEXT, "b": Kind.COUNT}, [{"a": text, "b": 1}]), newline=""))
    assert rows == [[text, "1"]]


@pytest.mark.parametrize(
    ("accept", "prefers"),
    [
        ("text/csv", True),
        ("text/csv, */*;q=0.1", True),
        ("Text/CSV;q=0.9, application/json;q=0.8", True),
        ("text/*", True),
        ("application/json, text/csv", False),
        ("application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=high", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_csv_is_what_accept_has_to_ask_for(accept: str, prefers: bool) -> None:
    assert prefers_csv(accept) is prefers
