"""Knows which requests go into the access log, and what it says of them: no body, no query, no path but its template.

Logged are sign-ins and what else an endpoint notes, refusals (401, 403, 429), every request that may write, and of the
reads those of guests' data by staff: bookings, their history, guests, the room rack, reports, the ledger, members, and
this log itself.
"""

from datetime import UTC, datetime
from uuid import UUID

from starlette.types import Scope

from identity.access_log import Entry, Noted
from identity.http import ANONYMOUS, Principal

PERSONAL_READS = frozenset(
    {
        "/v1/access-log",
        "/v1/hotels/{hotel_id}/access-log",
        "/v1/hotels/{hotel_id}/bookings",
        "/v1/hotels/{hotel_id}/bookings/{booking_id}",
        "/v1/hotels/{hotel_id}/bookings/{booking_id}/history",
        "/v1/hotels/{hotel_id}/guests",
        "/v1/hotels/{hotel_id}/guests/{guest_id}",
        "/v1/hotels/{hotel_id}/ledger",
        "/v1/hotels/{hotel_id}/members",
        "/v1/hotels/{hotel_id}/reports/{name}",
        "/v1/hotels/{hotel_id}/room-rack",
    }
)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSALS = frozenset({401, 403, 429})
_LONGEST_AGENT = 120


def entry_of(scope: Scope, status: int | None) -> Entry | None:
    """What the log says of a request that has ended; None if it says nothing."""
    state = scope["state"]
    noted: Noted | None = state.get("noted")
    route: str | None = getattr(scope.get("route"), "path", None)
    writes = scope["method"] not in _SAFE_METHODS
    if noted is not None:
        event = noted.event
    elif status in _REFUSALS:
        event = "refused"
    elif writes and route is not None:
        event = "write"
    elif route in PERSONAL_READS:
        event = "read"
    else:
        return None
    principal: Principal = state.get("principal", ANONYMOUS)
    account_id = noted.account_id if noted is not None and noted.account_id is not None else principal.account_id
    given = scope.get("path_params", {})
    client = scope.get("client")
    return Entry(
        at=datetime.now(UTC),
        event=event,
        request_id=state["request_id"],
        address=None if client is None else client[0],
        agent=_agent(scope),
        actor=principal.actor if account_id is None or principal is not ANONYMOUS else str(account_id),
        account_id=account_id,
        subject_id=None if noted is None else noted.subject_id,
        hotel_id=_uuid(given.get("hotel_id")),
        booking_id=_uuid(given.get("booking_id")),
        method=scope["method"],
        route=route,
        status=status,
        code=state.get("problem"),
    )


def _agent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"user-agent":
            text: str = value[:_LONGEST_AGENT].decode("latin-1")
            return text if text.isprintable() else "".join(filter(str.isprintable, text))
    return None


def _uuid(given: object) -> UUID | None:
    """An id of a path, which may be anything."""
    if isinstance(given, UUID):
        return given
    try:
        return UUID(given) if isinstance(given, str) else None
    except ValueError:
        return None
