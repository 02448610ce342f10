"""Knows the hotels of an import: their ids, their rooms, opening them, and how far an earlier run came."""

import hmac
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from command.side import CommandSide
from domain.booking_commands import Book, LifeCommand
from domain.calendar import nights
from domain.hotels import AddRoomType, Hotel, HotelCommand, HotelEvent, OpenHotel
from domain.hotels import evolve as evolve_hotel
from domain.stock import NightKey, NightStock
from domain.values import rounded
from eventstore.appender import Appender
from eventstore.guest_keys import WrappedKey
from eventstore.reading import RESERVED_HOTEL, read_streams
from eventstore.submission import Answer, IdempotencyKey, Outcome, Submission
from staysync.importing.hotel_demand import CURRENCY, Row
from staysync.importing.plan import (
    BUSINESS_DAY_ROLLS_AT,
    TIMEZONE,
    Action,
    Phase,
    Plan,
    phase_begins,
    room_kinds,
)
from staysync.importing.tally import NightOfHotel
from staysync.processes import CannotStartError

ACTOR = "import:hotel-demand"

_NAMESPACE = uuid5(NAMESPACE_URL, "https://doi.org/10.1016/j.dib.2018.11.126")
_CITIES = {"Resort Hotel": "Algarve", "City Hotel": "Lisbon"}
_PREFIXES = {"Resort Hotel": "RSRT", "City Hotel": "CITY"}
_SHORT_NAMES = {"resort": "Resort Hotel", "city": "City Hotel"}
_PAGE = 5000
# Nobody reads these answers: who repeats an import's command is the import, and it asks only whether it was done.
_ANSWER = Answer(200, b"{}")

type RoomCounts = Mapping[tuple[str, str], int]
"""How many rooms there are, by hotel and room type."""


type Done = frozenset[Action]
"""Which steps of a booking the ledger has events of."""

_NOTHING: Done = frozenset()


@dataclass(slots=True)
class ImportedHotel:
    """A hotel as the ledger has it: `boundary` is the last instant that it knows, `done` how far each booking is."""

    hotel_id: UUID
    hotel: Hotel
    boundary: datetime
    done: dict[UUID, Done] = field(default_factory=dict)

    def booking_id(self, row: Row) -> UUID:
        """The id of a row's booking, the same in every run."""
        return uuid5(self.hotel_id, f"row-{row.line}")

    def done_of(self, row: Row) -> Done:
        """Which steps of a row an earlier run has done."""
        return self.done.get(self.booking_id(row), _NOTHING)

    def stock(self, row: Row, room_type: str, sold: Mapping[NightOfHotel, int]) -> dict[NightKey, NightStock]:
        """The stock of a row's nights in a room type, where so many rooms are sold."""
        kind = self.hotel.room_types[room_type]
        return {
            (room_type, night): NightStock(
                in_service=len(kind.rooms),
                allowance=0,
                sold=sold.get((row.hotel, room_type, night.toordinal()), 0),
                held=0,
                price=kind.base_price,
            )
            for night in nights(row.arrival, row.departure)
        }


@dataclass(frozen=True, slots=True)
class Inventory:
    """The rooms that a person asks for: exact counts, for one hotel or for both (hotel absent), and a scale for the
    other types."""

    counts: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    scale: float | None = None

    @classmethod
    def parse(cls, counts: Iterable[str], scale: float | None) -> "Inventory":
        """Read options such as `A=40,B=10` and `resort:A=40`. Raises ValueError with a line for the person."""
        if scale is not None and not 0 <= scale <= 100:
            raise ValueError("the scale of the inventory is a number from 0 to 100")
        wanted: dict[tuple[str | None, str], int] = {}
        for option in counts:
            hotel, colon, pairs = option.rpartition(":")
            if colon and hotel.lower() not in _SHORT_NAMES:
                raise ValueError(f"there is no hotel {hotel!r}; they are resort and city")
            for pair in pairs.split(","):
                code, _, count = pair.strip().partition("=")
                if not code or not count.isascii() or not count.isdigit() or int(count) > 10_000:
                    raise ValueError(f"{pair!r} isn't a room type and its number of rooms, such as A=40")
                wanted[_SHORT_NAMES.get(hotel.lower()), code] = int(count)
        return cls(wanted, scale)

    def asks_for_something(self) -> bool:
        """Whether it differs from "enough for all"."""
        return bool(self.counts) or self.scale is not None

    def rooms(self, wanted: RoomCounts) -> dict[tuple[str, str], int]:
        """The rooms of each hotel and type, where `wanted` would be enough for all. Raises CannotStartError."""
        for hotel, code in self.counts:
            if not any(code == known and hotel in (None, name) for name, known in wanted):
                raise CannotStartError(f"the file has no room type {code}" + (f" in the {hotel}" if hotel else ""))
        scale = 1 if self.scale is None else self.scale
        return {
            (hotel, code): self.counts.get(
                (hotel, code),
                # A type that only ever had day use still has a room.
                self.counts.get((None, code), max(1, math.ceil(most * scale))),
            )
            for (hotel, code), most in wanted.items()
        }


class Hotels:
    """The hotels of one import, opened or found again."""

    def __init__(self, side: CommandSide, appender: Appender, plan: Plan) -> None:
        self._side = side
        self._appender = appender
        self._plan = plan
        self._source = plan.history.sha256
        self._kinds = room_kinds(plan.history.rows.values())
        self.by_name: dict[str, ImportedHotel] = {}

    async def open(self, inventory: Inventory) -> None:
        """Open what isn't open yet. Raises CannotStartError where a ledger holds anything but this import."""
        rooms = inventory.rooms(self._plan.most_wanted())
        # All are looked at before one is opened: a refusal leaves nothing behind.
        ids = {name: hotel_id(name) for name in self._plan.first_days()}
        known = {name: await self._find(name, ids[name]) for name in ids}
        for name, found in known.items():
            if found is not None and inventory.asks_for_something():
                _same_rooms(name, found.hotel, rooms)
        horizon = self._horizon()
        for name, first_day in self._plan.first_days().items():
            found = known[name]
            if found is None:
                await self._open(name, first_day, (horizon - first_day).days)
            here = found.hotel.room_types if found is not None else {}
            missing = [code for hotel, code in sorted(rooms) if hotel == name and code not in here]
            if found is not None and found.done and missing:
                raise CannotStartError(
                    f"the {name} was imported without rooms of type {missing[0]}, so by an earlier version of StaySync,"
                    " which gave no rooms to guests: an import needs a fresh hotel"
                )
            for code in missing:
                await self._add_room_type(name, code, rooms[name, code], first_day)
            if found is None or missing:
                found = await self._find(name, ids[name])
            if found is None:
                raise AssertionError(f"{name} was opened and isn't there")
            self.by_name[name] = found

    def _horizon(self) -> date:
        """A horizon of the import's own: every booking of the file lies within it."""
        return max((row.departure for row in self._plan.history.rows.values()), default=date.min) + timedelta(days=1)

    async def _find(self, name: str, hotel_id: UUID) -> ImportedHotel | None:
        """A hotel that an earlier run of this import opened. Raises CannotStartError where it is something else."""
        statement = files("staysync.importing").joinpath("progress_of_streams.sql").read_text(encoding="utf-8")
        done: dict[UUID, Done] = {}
        seq, last = 0, None
        while True:
            async with self._side.pool.acquire() as connection:
                page = await connection.fetch(statement, hotel_id, seq, _PAGE)
            for row in page:
                if row["actor"] != ACTOR:
                    raise CannotStartError(
                        f"the ledger of the {name} has an event that this import didn't write (seq {row['seq']},"
                        f" {row['type']}, by {row['actor']}): an import needs a fresh hotel"
                    )
                if row["correlation_id"] != self._source:
                    raise CannotStartError(f"the {name} was imported from another file: an import needs a fresh hotel")
                if (action := _action(row["request_id"])) is not None:
                    done[row["stream_id"]] = _with(done.get(row["stream_id"], _NOTHING), action)
            if page:
                seq, last = page[-1]["seq"], page[-1]["occurred_at"]
            if len(page) < _PAGE:
                break
        if last is None:
            return None
        return ImportedHotel(hotel_id, await self._settings(hotel_id), last, done)

    async def _settings(self, hotel_id: UUID) -> Hotel:
        hotel = None
        async with self._side.pool.acquire() as connection:
            facts = await read_streams(connection, [(hotel_id, hotel_id)])
        for fact in facts:
            event = fact.event()
            if not isinstance(event, HotelEvent):
                raise AssertionError(f"{fact.type} stands in a hotel's own stream")
            hotel = evolve_hotel(hotel, event)
        if hotel is None:
            raise AssertionError("a hotel's ledger begins with its opening")
        return hotel

    async def _open(self, name: str, first_day: date, horizon_days: int) -> None:
        await self._submit(
            RESERVED_HOTEL,
            hotel_id(name),
            OpenHotel(
                name=name,
                city=_CITIES[name],
                country="PT",
                timezone=TIMEZONE,
                currency=CURRENCY,
                reference_prefix=_PREFIXES[name],
                business_day_rolls_at=BUSINESS_DAY_ROLLS_AT,
                bookable_horizon_days=horizon_days,
            ),
            f"{name}:open",
            phase_begins(first_day, Phase.OPENING),
        )

    async def _add_room_type(self, name: str, code: str, count: int, first_day: date) -> None:
        kind = self._kinds[name, code]
        await self._submit(
            hotel_id(name),
            hotel_id(name),
            AddRoomType(
                room_type_id=uuid5(hotel_id(name), f"room-type-{code}"),
                code=code,
                name=f"Room type {code}",
                max_adults=kind.max_adults,
                max_children=kind.max_children,
                # The source has no list prices; what its guests paid on average stands in for them.
                base_price=rounded(max(kind.average_price, Decimal(0)), CURRENCY),
                rooms=tuple(f"{code}{number:03}" for number in range(1, count + 1)),
            ),
            f"{name}:room-type-{code}",
            phase_begins(first_day, Phase.OPENING),
        )

    async def _submit(
        self, locked: UUID, stream_id: UUID, command: HotelCommand, key: str, occurred_at: datetime
    ) -> None:
        await self._appender.submit(self.submission(locked, stream_id, command, key, occurred_at))

    def submission(
        self,
        hotel_id: UUID,
        stream_id: UUID,
        command: HotelCommand | Book | LifeCommand,
        key: str,
        occurred_at: datetime,
        guest_keys: tuple[WrappedKey, ...] = (),
    ) -> Submission:
        """A command of this import. Each names the file by its digest, and is done once whoever repeats it."""
        metadata = {"actor": ACTOR, "role": "system", "request_id": key, "correlation_id": self._source}
        fingerprint = hmac.digest(self._side.fingerprint_key, f"{self._source} {key}".encode(), "sha256")
        return Submission(
            hotel_id=hotel_id,
            stream_id=stream_id,
            command=command,
            metadata=orjson.dumps(metadata).decode(),
            render=_answer,
            idempotency=IdempotencyKey(ACTOR, key, fingerprint),
            guest_keys=guest_keys,
            occurred_at=occurred_at,
        )


def hotel_id(name: str) -> UUID:
    """The id of an imported hotel, the same in every installation."""
    # In lower case the two ids fall into different groups of the appender, so both hotels are written at once.
    return uuid5(_NAMESPACE, name.lower())


def _action(request_id: str) -> Action | None:
    """The step that an event is about: its request's id is its idempotency key. None for the hotel's own events."""
    row, _, action = request_id.partition(":")
    return Action(action) if row.startswith("row-") else None


@cache
def _with(done: Done, action: Action) -> Done:
    # Few combinations occur, so that those of all bookings are a few objects.
    return done | {action}


def _answer(outcome: Outcome) -> Answer:
    del outcome
    return _ANSWER


def _same_rooms(name: str, hotel: Hotel, rooms: RoomCounts) -> None:
    for code, kind in hotel.room_types.items():
        if len(kind.rooms) != rooms[name, code]:
            raise CannotStartError(
                f"the {name} was opened with {len(kind.rooms)} rooms of type {code}, not {rooms[name, code]}:"
                " go on without options, or import into a new database"
            )
