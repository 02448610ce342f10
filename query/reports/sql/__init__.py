"""The statements of reports, one a file, each with its parameters and what it answers at the top."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from sqlalchemy import TextClause, text

PERIODS: Mapping[str, str] = MappingProxyType(
    {
        "day": "to_char(day, 'YYYY-MM-DD')",
        "week": """to_char(day, 'IYYY-"W"IW')""",  # ISO 8601: weeks begin on Monday
        "month": "to_char(day, 'YYYY-MM')",
    }
)
"""How a date's day, week and month are named."""


@cache
def statement(name: str, group_by: str = "", **parts: str) -> TextClause:
    """The statement of a file; its rows are grouped by a period of `day`, or else by the column `group_by`.

    Periods come whole, also the days on which there is nothing; of anything else those values that there are. `parts`
    are put where the file has their names in braces.
    """
    parts |= {
        "key": PERIODS.get(group_by, group_by),
        "join": "left" if group_by in PERIODS else "inner",
    }
    sql = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    for part, words in parts.items():
        sql = sql.replace(f"{{{part}}}", words)
    return text(sql)
