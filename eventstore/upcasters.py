"""Events of earlier schema versions, brought to the shape that the domain knows now. What was written stays as it is.

An upcaster takes the JSON object of one version and returns that of the next; `domain.events.SCHEMA_VERSIONS` says
which version each event is at, and a test holds that there is an upcaster for every step up to it.
"""

from collections.abc import Callable, Mapping
from typing import Any

type Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _no_allowance_used(data: dict[str, Any]) -> dict[str, Any]:
    """Before version 2 no night had an allowance, so no booking can have used one."""
    return {**data, "allowance_used": []}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("BookingHeld", 1): _no_allowance_used,
    ("BookingMade", 1): _no_allowance_used,
}
"""By event type and the schema version that they start from."""


def upcast(event_type: str, schema_version: int, current: int, data: dict[str, Any]) -> dict[str, Any]:
    """The JSON object as the current schema version has it. Raises KeyError where a step is missing."""
    for version in range(schema_version, current):
        data = UPCASTERS[event_type, version](data)
    return data
