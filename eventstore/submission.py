"""What is handed to the appender, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.booking_commands import Book, LifeCommand
from domain.bookings import Booking
from domain.events import Event
from domain.hotels import Hotel, HotelCommand
from domain.inventory import InventoryCommand
from eventstore.guest_keys import WrappedKey

type Command = HotelCommand | InventoryCommand | Book | LifeCommand
"""Whatever can be asked of the ledger."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command is answered with: an HTTP status and a JSON body without any personal field."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key for one request. `fingerprint` is an HMAC of the request, 32 bytes."""

    principal: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a decision led to: the stream's state and version after it, and the ledger's last seq.

    `booking` is there for commands on bookings only.
    """

    hotel_id: UUID
    stream_id: UUID
    seq: int
    version: int
    events: tuple[Event, ...]
    hotel: Hotel
    booking: Booking | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A command on its way to the ledger.

    `hotel_id` is the hotel whose head is locked: RESERVED_HOTEL where a hotel is being opened, whose id is then the
    stream's. `metadata` is JSON: actor, role, request and correlation ids, never an address. `render` makes the answer
    and must be pure: it runs before the commit. `occurred_at` is for imports only; live it is the ledger's clock.
    """

    hotel_id: UUID
    stream_id: UUID
    command: Command
    metadata: str
    render: Callable[[Outcome], Answer]
    idempotency: IdempotencyKey | None = None
    expected_version: int | None = None
    guest_keys: tuple[WrappedKey, ...] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command's answer, committed. `replayed` says that an earlier request with the same key had earned it."""

    answer: Answer
    replayed: bool
