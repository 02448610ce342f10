"""Which request a piece of work follows from, all the way from HTTP through the ledger to whoever works on its events.

An event's metadata says it for ever. While something is done because of a request, `following` says it to whatever is
done meanwhile: log lines name it, and tasks that are queued take it along.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Cause:
    """A request's id, and the id that it shares with the others of the same undertaking."""

    request_id: str
    correlation_id: str


_present: ContextVar[Cause | None] = ContextVar("cause", default=None)


def cause_of(metadata: str) -> Cause | None:
    """The request that an event's metadata names; None for what the system did, and for imports."""
    facts = orjson.loads(metadata)
    request_id = facts.get("request_id")
    return None if request_id is None else Cause(request_id, facts.get("correlation_id", request_id))


def causes_of(metadata: Iterable[str]) -> list[Cause]:
    """The requests that these events' metadata name, each once, in order."""
    return list({cause: None for text in metadata if (cause := cause_of(text)) is not None})


def present_cause() -> Cause | None:
    """The request that the present work follows from, if it is known."""
    return _present.get()


def begin(cause: Cause | None) -> None:
    """The rest of this asyncio task, or thread, follows from a request, or from none."""
    _present.set(cause)


@contextmanager
def following(cause: Cause | None) -> Iterator[None]:
    """What is done in the block follows from a request."""
    token = _present.set(cause)
    try:
        yield
    finally:
        _present.reset(token)
