"""The demo: a group of three hotels with some weeks of history, made by commands, and sign-ins that everybody knows.

It is for looking around. The passwords stand in this file and in the documentation, so neither they nor the hotels are
made where `STAYSYNC_DEMO` is 0 or `STAYSYNC_PRODUCTION` is 1. The ids, the times and all that happens follow from the
seed and from the instant at which the first hotel opened: a demo that was interrupted goes on where it stopped.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import orjson
from pydantic import TypeAdapter

from command.side import CommandSide
from domain.booking_commands import Book, LifeCommand, RequestedLine, Walk
from domain.hotels import HotelCommand, OpenHotel
from domain.inventory import InventoryCommand
from domain.rejections import Rejected
from domain.values import Sealed
from eventstore.appender import Appender
from eventstore.guest_keys import WrappedKey
from eventstore.reading import RESERVED_HOTEL
from eventstore.submission import Answer, IdempotencyKey, Outcome, Submission
from identity.tokens import Role
from staysync.admin import SignIn, add_administrator, add_staff
from staysync.generator import Happening, MadeBooking, MadeHotel, Said, Sizes, bookings_for, make_hotels, make_life
from staysync.settings import Settings
from staysync.writing import write_side

log = logging.getLogger(__name__)

SEED = 2025
ACTOR = "demo"
SIZES = Sizes(hotels=3, room_types=4, rooms=20)
PAST = timedelta(days=42)
_DAYS_AHEAD = 60
_OCCUPANCY = 0.5
_HOLDS = 5
_BATCH_SIZE = 128


def _sign_in(name: str, role: str, hotel: str | None) -> SignIn:
    return SignIn(email=f"{name}@staysync.example", password=f"demo-{role.replace('_', '-')}", role=role, hotel=hotel)


# The passwords are public on purpose.
SIGN_INS = (
    _sign_in("admin", "administrator", None),
    _sign_in("manager.hamburg", "manager", "Harbour House Hamburg"),
    _sign_in("manager.chicago", "manager", "The Lakeside Chicago"),
    _sign_in("manager.kyoto", "manager", "River Garden Kyoto"),
    _sign_in("desk.hamburg", "front_desk", "Harbour House Hamburg"),
)
"""Who can sign in to the demo; `hotel` is the name of a hotel that the seed makes."""

_ROLE: TypeAdapter[Role] = TypeAdapter(Role)
_ANSWER = Answer(200, b"{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """How far a hotel of the demo is: when it opened, and the last instant that its ledger knows."""

    opened_at: datetime
    boundary: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    hotel_id: UUID
    stream_id: UUID
    what: HotelCommand | InventoryCommand | MadeBooking | LifeCommand | Said
    occurred_at: datetime
    key: str


async def make_demo(settings: Settings) -> list[SignIn]:
    """Make the demo where the ledger has no hotel yet, or finish it; who can sign in to it.

    A ledger that has other hotels and no demo gets none, and then nobody can sign in by these words.
    """
    if not settings.demo or settings.production:
        return []
    ours = settings.model_copy(update={"command_pool_size": 2, "bookable_horizon_days": SIZES.horizon_days})
    async with write_side(ours) as side:
        known = await _known_hotels(side)
        # Only the ids count here, and they don't depend on the day.
        ids = [hotel.hotel_id for hotel in make_hotels(SEED, datetime.now(UTC), SIZES)]
        found = [known[hotel_id] for hotel_id in ids if hotel_id in known]
        if known and not found:
            return []
        opened_at = min(hotel.opened_at for hotel in found) if found else datetime.now(UTC) - PAST
        hotels = make_hotels(SEED, opened_at, SIZES)
        async with Appender(side.pool, batch_size=_BATCH_SIZE) as appender, asyncio.TaskGroup() as tasks:
            for hotel in hotels:
                tasks.create_task(_make_hotel(side, appender, hotel, opened_at, known.get(hotel.hotel_id)))
            for sign_in in SIGN_INS:
                tasks.create_task(_make_account(settings, hotels, sign_in))
    return list(SIGN_INS)


async def _known_hotels(side: CommandSide) -> dict[UUID, _Progress]:
    async with side.pool.acquire() as connection:
        rows = await connection.fetch(
            "select h.hotel_id, e.occurred_at as opened_at, h.occurred_at as boundary from ledger.head h"
            " join ledger.event e on e.hotel_id = h.hotel_id and e.seq = 1"
        )
    return {row["hotel_id"]: _Progress(opened_at=row["opened_at"], boundary=row["boundary"]) for row in rows}


# ---------------------------------------------------------------- accounts


async def _make_account(settings: Settings, hotels: list[MadeHotel], sign_in: SignIn) -> None:
    full_name = f"Demo {sign_in.role.replace('_', ' ').title()}"
    if sign_in.hotel is None:
        await add_administrator(settings, email=sign_in.email, password=sign_in.password, full_name=full_name)
        return
    [hotel_id] = [hotel.hotel_id for hotel in hotels if hotel.opening.name == sign_in.hotel]
    role = _ROLE.validate_python(sign_in.role)
    await add_staff(
        settings, email=sign_in.email, password=sign_in.password, full_name=full_name, hotel_id=hotel_id, role=role
    )


# ---------------------------------------------------------------- hotels


async def _make_hotel(
    side: CommandSide, appender: Appender, hotel: MadeHotel, opened_at: datetime, progress: _Progress | None
) -> None:
    """Do a hotel's steps that its ledger doesn't have yet, in order, all in flight at once."""
    steps = [step for step in _steps(hotel, opened_at) if progress is None or step.occurred_at > progress.boundary]
    if progress is None:
        await appender.submit(_submission(side, steps.pop(0)))  # nothing can be sent to a hotel that isn't there
    outcomes = await asyncio.gather(
        *(appender.submit(_submission(side, step)) for step in steps), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            # Somebody uses the hotel already, so what would have happened before can't be told any more.
            log.warning("the demo of %s ends here: %s", hotel.opening.name, outcome)
            return
        if isinstance(outcome, BaseException):
            raise outcome


def _steps(hotel: MadeHotel, opened_at: datetime) -> Iterator[_Step]:
    """All that happens in a hotel of the demo, each at an instant of its own: the last one done says how far it is."""
    founding: list[HotelCommand | InventoryCommand] = [hotel.opening, *hotel.room_types, *hotel.prices]
    for number, command in enumerate(founding):
        yield _Step(
            hotel_id=hotel.hotel_id,
            stream_id=hotel.hotel_id,
            what=command,
            occurred_at=opened_at + timedelta(milliseconds=number),
            key=f"{hotel.hotel_id}:founding-{number}",
        )
    happenings = make_life(
        SEED,
        hotel,
        opened_at,
        opened_at + PAST,
        bookings=bookings_for(hotel, PAST.days + _DAYS_AHEAD, _OCCUPANCY),
        days_ahead=_DAYS_AHEAD,
        holds=_HOLDS,
    )
    for number, happening in enumerate(happenings):
        yield _happens(hotel.hotel_id, number, happening)


def _happens(hotel_id: UUID, number: int, happening: Happening) -> _Step:
    return _Step(
        hotel_id=hotel_id,
        stream_id=happening.stream_id,
        what=happening.what,
        occurred_at=happening.occurred_at,
        key=f"{hotel_id}:{number}",
    )


def _submission(side: CommandSide, step: _Step) -> Submission:
    guest_keys: tuple[WrappedKey, ...] = ()
    command: HotelCommand | InventoryCommand | Book | LifeCommand
    if isinstance(step.what, MadeBooking):
        guest, wrapped = _seal(side, step.hotel_id, step.stream_id, step.what)
        command, guest_keys = _book(step.what, guest), (wrapped,)
    elif isinstance(step.what, Said):
        # The words are about nobody, so they have a key of their own.
        key, wrapped = side.master_key.new_guest_key(step.hotel_id, uuid5(step.hotel_id, step.key))
        command, guest_keys = _say(step.what, key.seal({"text": step.what.words})), (wrapped,)
    else:
        command = step.what
    opens = isinstance(step.what, OpenHotel)
    return Submission(
        hotel_id=RESERVED_HOTEL if opens else step.hotel_id,
        stream_id=step.stream_id,
        command=command,
        metadata=orjson.dumps(
            {"actor": ACTOR, "role": "system", "request_id": step.key, "correlation_id": f"demo-{SEED}"}
        ).decode(),
        render=_answer,
        idempotency=IdempotencyKey(ACTOR, step.key, hmac.digest(side.fingerprint_key, step.key.encode(), "sha256")),
        guest_keys=guest_keys,
        occurred_at=step.occurred_at,
    )


def _answer(outcome: Outcome) -> Answer:
    del outcome
    return _ANSWER


def _seal(side: CommandSide, hotel_id: UUID, booking_id: UUID, made: MadeBooking) -> tuple[Sealed, WrappedKey]:
    key, wrapped = side.master_key.new_guest_key(hotel_id, uuid5(booking_id, "guest"))
    person = made.person
    details = {
        "full_name": person.full_name,
        "email": person.email,
        "phone": person.phone,
        "language": person.language,
    }
    return key.seal(details), wrapped


def _say(said: Said, words: Sealed) -> HotelCommand | InventoryCommand | LifeCommand:
    command = said.command
    return replace(command, sent_to=words) if isinstance(command, Walk) else replace(command, reason=words)


def _book(made: MadeBooking, guest: Sealed) -> Book:
    return Book(
        reference_suffix=made.reference_suffix,
        arrival=made.arrival,
        departure=made.departure,
        lines=(RequestedLine(room_type=made.room_type, adults=made.adults, child_ages=made.child_ages),),
        guest=guest,
        booker=None,
        statistics=made.statistics,
        hold_for=made.hold_for,
    )
