"""The parameters of questions: exact dates, texts that a database can hold, limits, and cursors nobody can forge."""

import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from query.errors import BadParameter

EARLIEST = date(1970, 1, 1)
LATEST = date(2999, 12, 31)
MOST_ITEMS = 200

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _exact_date(value: object) -> object:
    # pydantic alone also takes a number for a date, as seconds since 1970.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("a date looks like 2026-05-31")
    return value


def _sensible(value: date) -> date:
    if not EARLIEST <= value <= LATEST:
        raise ValueError(f"a date lies between {EARLIEST} and {LATEST}")
    return value


def _storable(text: str) -> str:
    # PostgreSQL's text can't hold NUL, and nobody searches for other control characters either.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters aren't possible here")
    return text


Date = Annotated[date, BeforeValidator(_exact_date), AfterValidator(_sensible)]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)
]
Limit = Annotated[int, Field(ge=1, le=MOST_ITEMS, description="How many items at most.")]
After = Annotated[
    str | None, Field(max_length=600, description="The `next` of the page before; absent for the first page.")
]


class Parameters(BaseModel):
    """Query parameters. One that isn't known is refused, since it would be silently ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


def encode_cursor(kind: str, *values: Any) -> str:
    """An opaque cursor. `kind` names the question and its order, so that a cursor works where it was made only."""
    return urlsafe_b64encode(orjson.dumps([kind, *values], default=str)).rstrip(b"=").decode()


def decode_cursor(cursor: str, kind: str, *parsers: Callable[[Any], Any]) -> Sequence[Any]:
    """The values of a cursor, each through its parser. Raises BadParameter for anything that wasn't made here.

    A cursor holds only what its reader has seen already, and parsers make values of exact types of it. So it isn't
    signed: another one that parses shows another page of what its sender may see anyway.
    """
    try:
        raw = cursor.encode("ascii")
        found_kind, *values = orjson.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        if found_kind != kind:
            raise ValueError(kind)
        return [parse(value) for parse, value in zip(parsers, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise BadParameter("after", "this isn't a cursor of this list") from None


def cursor_text(value: Any) -> str:
    """A text out of a cursor."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return _storable(value)


def cursor_number(value: Any) -> int:
    """A number out of a cursor, small enough for the database."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise ValueError("not a number")
    return value


def cursor_date(value: Any) -> date:
    """A date out of a cursor."""
    return _sensible(date.fromisoformat(cursor_text(value)))
