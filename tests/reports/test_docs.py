"""The docs have the table of reports as the code has it."""

from pathlib import Path

from query.reports.registry import REPORTS, as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"


def test_the_docs_have_the_table() -> None:
    assert as_markdown() in PAGE.read_text(encoding="utf-8")


def test_every_column_is_named_once_and_every_sum_adds_up() -> None:
    for report in REPORTS.values():
        names = [column.name for column in report.columns]
        assert len(names) == len(set(names)), report.name
        assert report.is_list == all(column.formula is None for column in report.columns), report.name
        assert not set(report.about(report.groupings[0] if report.groupings else None)) & set(names), report.name
