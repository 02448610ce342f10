"""The shapes of events: their fields and types down to the last part, for the page about them and for a guard.

A shape that is changed without a new schema version would make what older builds wrote unreadable, or mean another
thing.
"""

from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def shape(event: type) -> dict[str, str]:
    """The fields of an event or a part of one, each with its type in words and, if it has one, its default."""
    hints = get_type_hints(event)
    return {
        each.name: type_words(hints[each.name]) + ("" if each.default is MISSING else f", absent: {each.default}")
        for each in fields(event)
    }


def parts(event: type) -> list[type]:
    """The classes that an event is made of, those used first before others, itself left out."""
    found: dict[type, None] = {}
    for hint in get_type_hints(event).values():
        for part in _classes(hint):
            found |= dict.fromkeys([part, *parts(part)])
    return list(found)


def type_words(hint: Any) -> str:
    """A type in words: `list of BookedLine`, `date`, `text or null`."""
    if hint is NoneType:
        return "null"
    if get_origin(hint) in (UnionType, Union):
        return " or ".join(type_words(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {type_words(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f"`{member.value}`" for member in hint)
    name: str = hint.__name__
    return _WORDS.get(name, name)


_WORDS = {
    "str": "text",
    "int": "number",
    "bool": "true or false",
    "Decimal": "amount",
    "UUID": "id",
    "datetime": "instant",
    "time": "time of day",
}


def _classes(hint: Any) -> list[type]:
    if is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [found for part in get_args(hint) if part is not Ellipsis for found in _classes(part)]
