"""Reports as CSV (RFC 4180): UTF-8, a header row, and no cell that a spreadsheet would take for a formula."""

import csv
import io
from collections.abc import Mapping, Sequence

from query.reports.figures import Cell, Kind

# A spreadsheet calculates what begins like this, also in full width; a quote in front makes it text.
# https://owasp.org/www-community/attacks/CSV_Injection
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(kinds: Mapping[str, Kind], rows: Sequence[Mapping[str, Cell]]) -> str:
    """A header with the names of the columns, and a line for each row; what is absent is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(kinds)
    writer.writerows([_text(kind, row.get(name)) for name, kind in kinds.items()] for row in rows)
    return stream.getvalue()


def _text(kind: Kind, value: Cell) -> str:
    match kind:
        case _ if value is None:
            return ""
        case Kind.DECIMAL | Kind.PERCENT:
            return f"{value:.2f}"
        case Kind.TEXT:
            return harmless(str(value))
        case _:
            return str(value)


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_BEGINS_A_FORMULA) else text


def prefers_csv(accept: str) -> bool:
    """Whether an Accept header asks for text/csv rather than for JSON (RFC 9110, 12.5.1)."""
    weights = dict(_weight(part) for part in accept.lower().split(","))
    wanted = weights.get("text/csv", weights.get("text/*", 0.0))
    return wanted > weights.get("application/json", weights.get("application/*", 0.0))


def _weight(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0
