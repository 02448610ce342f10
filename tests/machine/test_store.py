"""The store's state machine: several clients at random against a plain model that shares no code with the rules.

After each burst of commands the promises are checked: no night beyond its rooms at any point of the ledger (1), what
was acknowledged is there once and repeats get the same answer (2), seqs and versions without a gap and a whole chain
(3), and refusals only where a night was really full, with holds past their deadline counting as free (6).
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.booking_commands import (
    CancelLines,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
)
from domain.rejections import Rejected, SoldOut
from eventstore.chain import GENESIS, event_hash, microseconds
from eventstore.reading import RecordedEvent, pages
from staysync.settings import Settings
from tests.eventstore.house import House, night_rows, open_house, superuser, write_side
from tests.machine.model import Model

DAYS = 6
LIFE: dict[str, type[Any]] = {
    "confirm": ConfirmBooking,
    "cancel": CancelLines,
    "expire": ExpireBooking,
    "check in": CheckIn,
    "check out": CheckOut,
    "no-show": MarkNoShow,
}


class StoreMachine(RuleBasedStateMachine):
    """Random bursts of commands by several clients over few rooms and nights."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._keyed: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._bookings: list[dict[str, Any]] = []
        self._seen: list[RecordedEvent] = []

    @initialize(rooms=st.integers(1, 3))
    def open(self, rooms: int) -> None:
        """A hotel of its own for each run, and two write sides, as two API processes have them."""
        self._runner.run(self._open(rooms))

    async def _open(self, rooms: int) -> None:
        sides = [await self._stack.enter_async_context(write_side(self._settings)) for _ in range(2)]
        house = await open_house(sides[0], rooms=rooms)
        self._clients = [house, house.at(sides[1])]
        self._model = Model(rooms)
        await self._read()

    bookings = st.tuples(
        st.just("book"),
        st.integers(0, DAYS - 1),
        st.integers(0, 3),
        st.integers(1, 2),
        st.sampled_from([None, timedelta(0), timedelta(hours=1)]),
    )
    lives = st.tuples(st.sampled_from(sorted(LIFE)), st.integers(0, 50))
    repeats = st.tuples(st.just("again"), st.integers(0, 50))

    @rule(commands=st.lists(st.one_of(bookings, bookings, lives, repeats), min_size=1, max_size=8))
    def burst(self, commands: list[tuple[Any, ...]]) -> None:
        """Several commands at once."""
        self._runner.run(self._burst(commands))

    async def _burst(self, commands: list[tuple[Any, ...]]) -> None:
        before = len(self._seen)
        sent = [self._send(number, command) for number, command in enumerate(commands)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        await self._read()
        made = {event.stream_id for event in self._seen[before:] if event.type in ("BookingHeld", "BookingMade")}
        acknowledged = set()
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, SoldOut):
                self._check_refusal(result, command, before)
            elif isinstance(result, BaseException):
                assert isinstance(result, Rejected), repr(result)
            elif result is not None and command[0] == "book":
                acknowledged.add(UUID(result["booking_id"]))
                self._bookings.append(result)
        assert made == acknowledged

    async def _send(self, number: int, command: tuple[Any, ...]) -> dict[str, Any] | None:
        client: House = self._clients[number % 2]
        match command:
            case ("book", first, length, rooms, hold_for):
                key = f"{len(self._seen)} {number}"
                request = (first, first + length, rooms, hold_for, key)
                answer = await self._book(client, request)
                self._keyed.append((request, answer))
                return answer
            case ("again", index):
                if self._keyed:
                    request, first_answer = self._keyed[index % len(self._keyed)]
                    assert await self._book(client, request) == first_answer
                return None
            case (life, index):
                if self._bookings:
                    booking = self._bookings[index % len(self._bookings)]
                    live: LifeCommand = LIFE[life]()
                    await client.live(live, booking)
                return None
            case _:
                raise AssertionError(command)

    async def _book(self, client: House, request: tuple[Any, ...]) -> dict[str, Any]:
        first, until, rooms, hold_for, key = request
        return await client.book(first, until, rooms=rooms, hold_for=hold_for, key=key)

    def _check_refusal(self, refusal: SoldOut, command: tuple[Any, ...], before: int) -> None:
        """Every night that a refusal names was full at some instant of its request."""
        _, _, _, rooms, _ = command
        for night in refusal.nights:
            assert any(
                self._model.full_after[event.seq][night.date] + rooms > self._model.rooms
                for event in self._seen[before - 1 :]
            ), f"{night} was never full"

    async def _read(self) -> None:
        house = self._clients[0]
        last = self._seen[-1].seq if self._seen else 0
        async for page in pages(house.side.pool, house.hotel_id, after=last):
            for event in page:
                previous = self._seen[-1] if self._seen else None
                assert event.seq == (previous.seq + 1 if previous else 1)
                assert previous is None or previous.recorded_at <= event.recorded_at
                assert event.hash == _hash(previous.hash if previous else GENESIS, event)
                self._model.apply(event)
                self._seen.append(event)

    @precondition(lambda self: hasattr(self, "_model"))
    @invariant()
    def the_guard_says_what_the_ledger_says(self) -> None:
        """The night rows and the open holds are what the model has counted."""
        self._runner.run(self._check_guard())

    async def _check_guard(self) -> None:
        hotel_id = self._clients[0].hotel_id
        async with superuser(self._settings) as connection:
            assert await night_rows(connection, hotel_id) == self._model.guard()
            holds = await connection.fetch("select distinct booking_id from ledger.hold where hotel_id = $1", hotel_id)
            head = await connection.fetchrow("select seq, hash from ledger.head where hotel_id = $1", hotel_id)
        held = {booking_id for booking_id, stay in self._model.stays.items() if stay.state == "held"}
        assert {row["booking_id"] for row in holds} == held
        assert tuple(head or ()) == (self._seen[-1].seq, self._seen[-1].hash)

    def teardown(self) -> None:
        """Close the write sides."""
        self._runner.run(self._stack.aclose())
        self._runner.close()


def _hash(previous: bytes, event: RecordedEvent) -> bytes:
    return event_hash(
        previous,
        hotel_id=event.hotel_id,
        seq=event.seq,
        stream_id=event.stream_id,
        version=event.version,
        schema_version=event.schema_version,
        occurred_us=microseconds(event.occurred_at),
        recorded_us=microseconds(event.recorded_at),
        event_type=event.type,
        data=event.data,
        metadata=event.metadata,
    )


def test_the_promises_hold_whatever_several_clients_do(settings: Settings) -> None:
    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(settings)

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
