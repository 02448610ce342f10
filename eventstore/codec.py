"""Events as the bytes that the ledger keeps, and back. The registry comes from the domain's unions of events."""

from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import TypeAdapter

from domain.events import SCHEMA_VERSIONS, STREAMS, Event
from eventstore.upcasters import upcast


class UnknownEvent(Exception):
    """An event of a type or schema version that this build doesn't know; a newer build wrote it."""

    def __init__(self, event_type: str, schema_version: int) -> None:
        super().__init__(f"this build can't read event {event_type} in schema version {schema_version}")


@dataclass(frozen=True, slots=True)
class _Codec:
    adapter: TypeAdapter[Any]
    schema_version: int


@cache
def _registry() -> dict[str, _Codec]:
    return {
        event.__name__: _Codec(TypeAdapter(event), SCHEMA_VERSIONS.get(event.__name__, 1))
        for union in STREAMS.values()
        for event in (get_args(union) or (union,))
    }


def event_types() -> tuple[str, ...]:
    """The names of all events, as they stand in the ledger."""
    return tuple(_registry())


def encode(event: Event) -> tuple[str, int, str]:
    """An event's type, schema version and JSON text. Amounts are strings, instants RFC 3339."""
    name = type(event).__name__
    codec = _registry()[name]
    return name, codec.schema_version, codec.adapter.dump_json(event).decode()


def decode(event_type: str, schema_version: int, data: str) -> Event:
    """The event that a ledger row holds, of any version up to ours. Raises UnknownEvent for a newer build's."""
    codec = _registry().get(event_type)
    if codec is None or schema_version > codec.schema_version:
        raise UnknownEvent(event_type, schema_version)
    if schema_version < codec.schema_version:
        data = orjson.dumps(upcast(event_type, schema_version, codec.schema_version, orjson.loads(data))).decode()
    event: Event = codec.adapter.validate_json(data)
    return event
