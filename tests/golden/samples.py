"""Samples of events for the committed files: made once, for a version that has none yet, and never changed after.

A sample is what the ledger held when that version was written. `read_as` is what a build of today reads of it, in the
form in which it would be written now; that moves with the newest version, `data` never does.
"""

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from domain.events import STREAMS, Event
from eventstore import codec

FOLDER = Path(__file__).parent / "events"
SHAPES = FOLDER / "shapes.json"

_TEXTS = {
    "country": "PT", "currency": "EUR", "timezone": "Europe/Lisbon", "reference_prefix": "LIS", "code": "DBL",
    "room_type": "DBL", "room": "101", "reference": "LIS-7K2MX9QD", "rate_plan": "BAR", "rooms": "101",
    "ciphertext": "c2VhbGVk", "name": "Aurora – Палас", "city": "Lisboa", "stock": "DBL", "changed": "full_name",
}  # fmt: skip
_VALUES: dict[Any, Any] = {
    int: 2,
    bool: True,
    Decimal: Decimal("120.50"),
    date: date(2026, 3, 1),
    datetime: datetime(2026, 2, 1, 12, 30, 15, 123456, UTC),
    time: time(4, 0),
    UUID: UUID("0197c2a0-1111-7222-8333-444455556666"),
}


def events() -> list[type[Event]]:
    """All events of today."""
    return [event for union in STREAMS.values() for event in get_args(union)]


def sample(event: type[Event]) -> Event:
    """An event with something in every field."""
    made: Event = _value(event, "")
    return made


def write(file: Path, event_type: str, version: int, data: str) -> None:
    """Write the file of a sample."""
    content = {
        "type": event_type,
        "schema_version": version,
        "data": orjson.loads(data),
        "read_as": orjson.loads(codec.encode(codec.decode(event_type, version, data))[2]),
    }
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _value(hint: Any, name: str) -> Any:
    if get_origin(hint) in (UnionType, Union):
        return _value(next(part for part in get_args(hint) if part is not NoneType), name)
    if get_origin(hint) is tuple:
        return (_value(get_args(hint)[0], name),)
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{each.name: _value(hints[each.name], each.name) for each in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return _TEXTS.get(name, name) if hint is str else _VALUES[hint]
