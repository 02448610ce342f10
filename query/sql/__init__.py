"""The read side's statements, one a file; a comment at the top of each says what it answers and what it costs."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `name`.sql in this folder."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
