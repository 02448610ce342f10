"""Replays a plan into the ledger: many commands at once, in order; goes on where an earlier run stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

import asyncpg

from command.side import CommandSide
from domain.booking_commands import (
    AssignRooms,
    Book,
    CancelLines,
    CheckIn,
    CheckOut,
    LifeCommand,
    MarkNoShow,
    RequestedLine,
)
from domain.bookings import Booking, evolve
from domain.calendar import ONE_DAY
from domain.premises import Premises
from domain.rejections import Rejected, TimeRunsBackwards
from domain.rooming import assign_rooms
from domain.rooms import Occupied
from domain.selling import book
from domain.values import Sealed
from eventstore.appender import Appender, CommandTooSlow, HotelBusy, LedgerUnavailable, OutcomeUnknown, ReferenceTaken
from eventstore.guest_keys import WrappedKey
from eventstore.submission import Acknowledged, Submission
from staysync.importing.hotel_demand import History, Row
from staysync.importing.hotels import Hotels, ImportedHotel, Inventory
from staysync.importing.plan import LAST_OF_LIFE, Action, Phase, Plan, Step, apply, given_by, phase_begins
from staysync.importing.tally import Tally
from staysync.processes import CannotStartError
from staysync.settings import Settings
from staysync.writing import write_side

CHUNK = 256
_HOTELS_AT_ONCE = 2
_ATTEMPTS = 5
_LOOK_UP_EVERY = 512
_PATIENCE_S = 60.0  # a server that restarts is waited for

# Without I, O, 0 and 1, as in the references of live bookings.
_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_REFERENCE_BITS = 40
_SCATTER = 0x9E3779B97B  # odd, so multiplying by it modulo 2**40 gives every line a suffix of its own

_SIMPLE: dict[Action, LifeCommand] = {
    Action.ASSIGN: AssignRooms(),
    Action.CHECK_IN: CheckIn(),
    Action.CHECK_OUT: CheckOut(),
    Action.CANCEL: CancelLines(),
    Action.NO_SHOW: MarkNoShow(),
}
_NOBODY = Sealed(guest_id=UUID(int=0), ciphertext="")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a row isn't in the ledger, or not wholly: the step, the rule's name, and its words."""

    action: Action
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an import ended. `stopped` says why it isn't done, where it isn't; then some rows have no end yet.

    `moved` are the rows whose guests were given a room of another type than they had booked.
    """

    history: History
    refused: dict[int, Refused]
    imported: frozenset[int]
    moved: frozenset[int]
    hotels: dict[str, ImportedHotel]
    found_steps: int
    written_steps: int
    stopped: str | None

    @property
    def unfinished(self) -> int:
        """Rows that have no end yet."""
        return len(self.history.rows) - len(self.imported) - len(self.refused)


type Progress = Callable[[int, date], None]
"""Told how many steps are done and which day it is in the history."""


class Stop:
    """How somebody asks a running import to stop after what is in flight."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def ask(self, reason: str) -> None:
        """Stop soon."""
        self.reason = self.reason or reason


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[CommandSide, Appender]]:
    """The write side, and an appender of the import's own: a batch takes whole chunks, and it has more patience."""
    async with (
        write_side(settings) as side,
        Appender(side.pool, batch_size=CHUNK * _HOTELS_AT_ONCE, patience_s=_PATIENCE_S) as appender,
    ):
        yield side, appender


async def replay(
    settings: Settings, plan: Plan, inventory: Inventory, *, progress: Progress | None = None, stop: Stop | None = None
) -> Result:
    """Bring a history into the ledger as commands. Raises CannotStartError before anything is written."""
    async with AsyncExitStack() as stack:
        try:
            side, appender = await stack.enter_async_context(opened(settings))
            hotels = Hotels(side, appender, plan)
            await hotels.open(inventory)
        except (OSError, asyncpg.PostgresError, LedgerUnavailable, HotelBusy, CommandTooSlow, OutcomeUnknown) as error:
            raise CannotStartError(f"the ledger can't be used: {error}") from error
        return await _Replay(plan, hotels, side, appender, progress or _silent, stop or Stop()).run()


def _silent(steps: int, day: date) -> None:
    del steps, day


class _Queue:
    """What waits to be sent to one hotel, and the chunk that is on its way.

    A chunk goes when the one before it has been answered, and fits into one transaction: so it is written as a whole or
    not at all, and nothing can be written over a gap, whatever breaks. The next one is made ready meanwhile.
    """

    def __init__(self) -> None:
        self.ready: list[tuple[Step, Submission]] = []
        self.sent: asyncio.Task[None] | None = None

    async def answered(self) -> None:
        """Wait until nothing is on its way."""
        if self.sent is not None:
            await self.sent
            self.sent = None


class _Replay:
    def __init__(
        self, plan: Plan, hotels: Hotels, side: CommandSide, appender: Appender, progress: Progress, stop: Stop
    ) -> None:
        self._plan = plan
        self._hotels = hotels
        self._master_key = side.master_key
        self._appender = appender
        self._progress = progress
        self._stop = stop
        self._queues = {name: _Queue() for name in hotels.by_name}
        self._refused: dict[int, Refused] = {}
        self._unbooked: set[int] = set()
        self._imported: set[int] = set()
        self._moved: set[int] = set()
        self._tally = Tally()
        self._found = 0
        self._written = 0
        self._ended_steps = 0

    async def run(self) -> Result:
        """Go through all steps; stops early where it is asked to or where the ledger can't be reached."""
        try:
            for number, step in enumerate(self._plan):
                if self._stop.reason is not None:
                    break
                if not self._is_settled(step):
                    await self._send(step)
                elif number % _LOOK_UP_EVERY == 0:
                    self._progress(self._ended_steps, step.occurred_at.date())
                    await asyncio.sleep(0)  # skipping what is done must not keep Ctrl-C waiting
            for queue in self._queues.values():
                await queue.answered()
                if self._stop.reason is None:
                    await self._deliver(queue.ready)
        except BaseException:
            # What is on its way is decided all the same; its answers have nobody to go to any more.
            await asyncio.gather(*(queue.answered() for queue in self._queues.values()), return_exceptions=True)
            raise
        return Result(
            history=self._plan.history,
            refused=self._refused,
            imported=frozenset(self._imported),
            moved=frozenset(self._moved),
            hotels=self._hotels.by_name,
            found_steps=self._found,
            written_steps=self._written,
            # Who asks too late stops nothing.
            stopped=self._stop.reason if self._ended_steps < len(self._plan) else None,
        )

    # ------------------------------------------------------------ what an earlier run has done

    def _is_settled(self, step: Step) -> bool:
        """Whether a step needs no command: its row has no booking, or an earlier run has done or refused it."""
        row = step.row
        if row.line in self._unbooked:
            self._ended_steps += 1
            return True
        hotel = self._hotels.by_name[row.hotel]
        if step.occurred_at > hotel.boundary:
            return False
        # A chunk is written as a whole, so up to the boundary a step without an event was refused, or changed nothing.
        if step.action in hotel.done_of(row) or (step.action is Action.ASSIGN and self._tally.has_room(row)):
            apply(self._tally, step)
            self._found += 1
            self._done(step)
            return True
        if (refusal := self._earlier_refusal(step, hotel)) is not None:
            self._refuse(step, refusal)
            return True
        return False  # a run that was cut off lost it in flight, with later ones done

    def _earlier_refusal(self, step: Step, hotel: ImportedHotel) -> Rejected | None:
        """Why the ledger refused a step in an earlier run: it keeps no refusals, but all that they followed from."""
        row, sold = step.row, self._tally.sold
        try:
            if step.action is Action.BOOK:
                book(_book(row, _NOBODY), hotel.hotel, hotel.stock(row, row.room_type, sold), step.occurred_at)
            elif (room_type := given_by(step, self._tally)) is not None:
                # Which rooms were taken doesn't matter, only how many.
                taken = self._tally.taken(row, room_type, step.day.toordinal())
                others = [Occupied(row.arrival - ONE_DAY, row.departure + ONE_DAY, None, 0)]
                premises = Premises(
                    hotel=hotel.hotel,
                    stock=hotel.stock(row, room_type, sold),
                    occupied=dict.fromkeys(hotel.hotel.room_types[room_type].rooms[:taken], others),
                )
                assign_rooms(AssignRooms(room_type=room_type), _as_booked(row, hotel), premises, step.occurred_at)
        except Rejected as refusal:
            return refusal
        return None

    # ------------------------------------------------------------ what is sent now

    async def _send(self, step: Step) -> None:
        queue = self._queues[step.row.hotel]
        queue.ready.append((step, self._submission(step)))
        if len(queue.ready) == CHUNK:
            await queue.answered()
            if self._stop.reason is None:
                queue.sent = asyncio.create_task(self._deliver(queue.ready))
                queue.ready = []

    async def _deliver(self, chunk: list[tuple[Step, Submission]]) -> None:
        """Send a chunk and note how each of its steps ended."""
        attempt = 0
        while True:
            answers = await asyncio.gather(
                *(self._appender.submit(submission) for _, submission in chunk), return_exceptions=True
            )
            attempt += 1
            # Asked again, the idempotency keys tell what became of it.
            if attempt == _ATTEMPTS or not any(isinstance(answer, OutcomeUnknown) for answer in answers):
                break
        for (step, _), answer in zip(chunk, answers, strict=True):
            self._settle(step, answer, first_attempt=attempt == 1)
        if chunk:
            self._progress(self._ended_steps, chunk[-1][0].occurred_at.date())

    def _submission(self, step: Step) -> Submission:
        row = step.row
        hotel = self._hotels.by_name[row.hotel]
        guest_keys: tuple[WrappedKey, ...] = ()
        command: Book | LifeCommand
        if step.action is Action.BOOK:
            guest, wrapped = self._guest(row, hotel.hotel_id)
            command, guest_keys = _book(row, guest), (wrapped,)
        elif step.action is Action.MOVE:
            command = AssignRooms(room_type=row.assigned_type)
        else:
            command = _SIMPLE[step.action]
        # What was lost in flight can't have happened before what the ledger has learnt since.
        occurred_at = max(step.occurred_at, hotel.boundary)
        return self._hotels.submission(
            hotel.hotel_id, hotel.booking_id(row), command, f"row-{row.line}:{step.action}", occurred_at, guest_keys
        )

    def _guest(self, row: Row, hotel_id: UUID) -> tuple[Sealed, WrappedKey]:
        """A made-up guest, sealed like any other: the source names nobody."""
        key, wrapped = self._master_key.new_guest_key(hotel_id, uuid5(hotel_id, f"row-{row.line}:guest"))
        details = {
            "full_name": f"Guest {row.line}",
            "email": f"guest-{row.line}@import.invalid",
            "phone": None,
            "language": None,
        }
        return key.seal(details), wrapped

    def _settle(self, step: Step, answer: Acknowledged | BaseException, *, first_attempt: bool) -> None:
        match answer:
            case Acknowledged():
                if answer.replayed and first_attempt:  # an assignment that changed nothing leaves no instant behind
                    self._found += 1
                else:
                    self._written += 1
                self._done(step)
            case TimeRunsBackwards():
                self._stop.ask(f"somebody else writes to the ledger of the {step.row.hotel}: {answer}")
            case Rejected() | ReferenceTaken():
                self._refuse(step, answer)
            case LedgerUnavailable() | HotelBusy() | CommandTooSlow() | OutcomeUnknown():
                self._stop.ask(str(answer))
            case _:
                raise answer

    def _done(self, step: Step) -> None:
        line = step.row.line
        self._ended_steps += 1
        if step.action is Action.MOVE:
            self._moved.add(line)
        elif step.action in LAST_OF_LIFE and line not in self._refused:
            self._imported.add(line)

    def _refuse(self, step: Step, refusal: Rejected | ReferenceTaken) -> None:
        """Note the first thing of a row that was refused. Only without a booking nothing of it can follow."""
        line = step.row.line
        self._ended_steps += 1
        self._refused.setdefault(line, Refused(step.action, type(refusal).__name__, str(refusal)))
        if step.action is Action.BOOK:
            self._unbooked.add(line)


def _as_booked(row: Row, hotel: ImportedHotel) -> Booking:
    """A row's booking before it has a room."""
    stock = hotel.stock(row, row.room_type, {})
    return evolve(None, book(_book(row, _NOBODY), hotel.hotel, stock, phase_begins(row.booked_on, Phase.BOOKINGS)))


def _book(row: Row, guest: Sealed) -> Book:
    return Book(
        reference_suffix=reference_suffix(row.line),
        arrival=row.arrival,
        departure=row.departure,
        lines=(RequestedLine(room_type=row.room_type, adults=row.adults, child_ages=row.child_ages),),
        guest=guest,
        booker=None,
        statistics=row.statistics,
        hold_for=None,
        price_override=row.price,
        flags=row.flags,
    )


def reference_suffix(line: int) -> str:
    """Eight characters that belong to this line alone and look like those of live bookings."""
    scattered = line * _SCATTER % (1 << _REFERENCE_BITS)
    return "".join(_REFERENCE_ALPHABET[scattered >> shift & 31] for shift in range(0, _REFERENCE_BITS, 5))
