"""The store's state machine: several clients at random against a plain model that shares no code with the rules.

After each burst of commands the promises are checked: no night beyond its rooms and allowance and no room twice at any
point of the ledger (1), what was acknowledged is there once and repeats get the same answer (2), seqs and versions
without a gap and a whole chain (3), and refusals only where a night was really full, with holds past their deadline
counting as free (6). The guards' tables say what the model has counted.

The negative controls switch one protection off at a time and hold that the machine finds the violation.
"""

import asyncio
import re
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.booking_commands import (
    AssignRoom,
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    DescribeGuests,
    EraseGuests,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
    ReleaseRooms,
    SwapRooms,
    Walk,
    WantedLine,
)
from domain.bookings import DescribedPerson
from domain.hotels import AddRooms, ChangeHotelDetails, HotelCommand, ReturnToService, SetRoomFeatures, TakeOutOfOrder
from domain.inventory import InventoryCommand, SetAllowance, SetPrices, SetRestrictions
from domain.rejections import Rejected, SoldOut
from domain.values import Sealed
from eventstore.chain import GENESIS, event_hash, microseconds
from eventstore.reading import RecordedEvent, pages
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import House, add_room_type, open_house, superuser
from tests.machine.commands import (
    ROOM_TYPE_OF,
    Again,
    Assigned,
    Booked,
    Bursts,
    Changed,
    Lived,
    Ranged,
    Sent,
    Swapped,
    bursts,
    thoroughness,
)
from tests.machine.model import Model
from tests.machine.sabotage import CONTROLS, Control, switch_off, weaken

SEALED = Sealed(guest_id=UUID(int=1), ciphertext="c2VhbGVk")
LIFE: dict[str, LifeCommand] = {
    "confirm": ConfirmBooking(),
    "cancel": CancelLines(),
    "check-in": CheckIn(),
    "check-out": CheckOut(),
    "no-show": MarkNoShow(),
    "assign-room": AssignRooms(),
    "release-room": ReleaseRooms(),
    "walk": Walk(cost=Decimal("80.00")),
    "erase-guests": EraseGuests(),
    "guest": DescribeGuests(guest=DescribedPerson(details=SEALED, changed=("email",))),
}


class StoreMachine(RuleBasedStateMachine):
    """Random bursts of commands by several clients over few rooms and nights."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.bursts = bursts
        self.violations: list[str] = []
        self._settings = settings
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._keyed: list[tuple[Booked, str, dict[str, Any]]] = []
        self._bookings: list[dict[str, Any]] = []
        self._seen: list[RecordedEvent] = []

    @initialize()
    def open(self) -> None:
        """A hotel of its own for each run, and two write sides, as two API processes have them."""
        self._runner.run(self._open())

    async def _open(self) -> None:
        sides = [await self._stack.enter_async_context(write_side(self._settings)) for _ in range(2)]
        house = await open_house(sides[0], rooms=3, horizon_days=20)
        await add_room_type(house, "STE", "200")
        self._clients = [house, house.at(sides[1])]
        self._model = Model()
        await self._read()

    @rule(data=st.data())
    def burst(self, data: st.DataObject) -> None:
        """Several commands at once."""
        self._hold(self._burst(data.draw(self.bursts)))

    def _hold(self, check: Coroutine[Any, Any, None]) -> None:
        """Run what must hold, and note what doesn't: Hypothesis tells of what it can't repeat in other words."""
        try:
            self._runner.run(check)
        except AssertionError as violation:
            self.violations.append(str(violation))
            raise

    async def _burst(self, commands: list[Sent]) -> None:
        before = len(self._seen)
        sent = [self._send(number, command) for number, command in enumerate(commands)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        await self._read()
        made = {event.stream_id for event in self._seen[before:] if event.type in ("BookingHeld", "BookingMade")}
        acknowledged = set()
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, SoldOut):
                self._check_refusal(result, before)
            elif isinstance(result, BaseException):
                assert isinstance(result, Rejected), repr(result)
            elif result is not None and isinstance(command, Booked):
                acknowledged.add(UUID(result["booking_id"]))
                self._bookings.append(result)
        assert made == acknowledged, "bookings were made that nobody was told of, or the other way round"

    async def _send(self, number: int, command: Sent) -> dict[str, Any] | None:
        client: House = self._clients[number % 2]
        match command:
            case Booked():
                key = f"{len(self._seen)} {number}"
                answer = await self._book(client, command, key)
                self._keyed.append((command, key, answer))
                return answer
            case Again(which):
                if self._keyed:
                    booked, key, first_answer = self._keyed[which % len(self._keyed)]
                    assert await self._book(client, booked, key) == first_answer, "a repeat got another answer"
                return None
            case Ranged():
                asked, stream_id = self._ranged(client, command)
                await client.submit(asked, stream_id)
                return None
            case _:
                if self._bookings:
                    booking = self._bookings[command.which % len(self._bookings)]
                    live = self._live(client, command, booking)
                    if live is not None:
                        await client.live(live, booking)
                return None

    async def _book(self, client: House, booked: Booked, key: str) -> dict[str, Any]:
        hold_for = None if booked.hold_minutes is None else timedelta(minutes=booked.hold_minutes)
        return await client.book(
            booked.first, booked.first + booked.nights, types=booked.types, hold_for=hold_for, key=key
        )

    def _live(
        self, client: House, command: Lived | Changed | Assigned | Swapped, booking: dict[str, Any]
    ) -> LifeCommand | None:
        match command:
            case Lived(kind):
                return ExpireBooking() if kind == "cancel" and command.which % 4 == 0 else LIFE[kind]
            case Changed():
                first = None if command.first is None else client.day(command.first)
                return ChangeBooking(
                    arrival=first,
                    departure=None if command.first is None else client.day(command.first + command.nights),
                    rooms=_wanted(command, len(booking["lines"])),
                )
            case Assigned(_, line, room):
                return AssignRoom(line=line + 1, room=room)
            case Swapped(which, other):
                partner = self._bookings[other % len(self._bookings)]
                if partner is booking or other % 3 == 0:
                    return SwapRooms(line=1, other_line=2) if which % 2 else None
                return SwapRooms(line=1, other_line=1, other_booking=UUID(partner["booking_id"]))

    def _ranged(self, client: House, command: Ranged) -> tuple[HotelCommand | InventoryCommand, UUID]:
        first, until = client.day(command.first), client.day(command.first + command.nights)
        room_type, hotel_id = ROOM_TYPE_OF[command.room], client.hotel_id
        match command.kind:
            case "price":
                price = Decimal(100 + command.number)
                return SetPrices(room_type=room_type, first=first, until=until, price=price), hotel_id
            case "restrict":
                return SetRestrictions(
                    room_type=room_type,
                    first=first,
                    until=until,
                    stop_sell=True if command.number == 0 else None,
                    minimum_stay=2 if command.number == 1 else None,
                    closed_to_arrival=True if command.number == 2 else None,
                    closed_to_departure=True if command.number == 3 else None,
                ), hotel_id
            case "open":
                return SetRestrictions(
                    room_type=room_type,
                    first=first,
                    until=until,
                    stop_sell=False,
                    minimum_stay=1,
                    closed_to_arrival=False,
                    closed_to_departure=False,
                ), hotel_id
            case "allowance":
                rooms = command.number % 3
                return SetAllowance(
                    room_type=room_type, first=first, until=until, allowance=rooms, reason=SEALED
                ), hotel_id
            case "out-of-order":
                return TakeOutOfOrder(
                    room=command.room, first=first, until=until, reason=SEALED, raise_allowance=command.number == 0
                ), hotel_id
            case "in-service":
                return ReturnToService(room=command.room, first=first), hotel_id
            case "features":
                features = frozenset({"quiet", "sea_view"} if command.number else ())
                return SetRoomFeatures(room=command.room, features=features), hotel_id
            case "more rooms":
                return AddRooms(room_type=room_type, rooms=(f"{room_type} {command.number}",)), hotel_id
            case "details":
                return ChangeHotelDetails(name=f"Aurora {command.number}"), hotel_id

    def _check_refusal(self, refusal: SoldOut, before: int) -> None:
        """Every night that a refusal names was full at some instant of its request."""
        seqs = [event.seq for event in self._seen[before - 1 :]]
        for night in refusal.nights:
            key = (night.room_type, night.date)
            assert self._model.was_full(key, night.wanted, seqs), f"{key} was never full"

    async def _read(self) -> None:
        house = self._clients[0]
        last = self._seen[-1].seq if self._seen else 0
        async for page in pages(house.side.pool, house.hotel_id, after=last):
            for event in page:
                previous = self._seen[-1] if self._seen else None
                assert event.seq == (previous.seq + 1 if previous else 1), "a seq was left out or given twice"
                assert previous is None or previous.recorded_at <= event.recorded_at
                assert event.hash == _hash(previous.hash if previous else GENESIS, event), "the chain is broken"
                self._model.apply(event)
                self._seen.append(event)

    @precondition(lambda self: hasattr(self, "_model"))
    @invariant()
    def the_guard_says_what_the_ledger_says(self) -> None:
        """Nights, holds and rooms in the guards' tables are what the model has counted, and the head is at the end."""
        self._hold(self._check_guard())

    async def _check_guard(self) -> None:
        hotel_id = self._clients[0].hotel_id
        async with superuser(self._settings) as connection:
            nights = await connection.fetch(
                "select room_type, night, in_service, allowance, sold, held, price, stop_sell, minimum_stay,"
                " closed_to_arrival, closed_to_departure from ledger.night where hotel_id = $1",
                hotel_id,
            )
            holds = await connection.fetch("select booking_id, line from ledger.hold where hotel_id = $1", hotel_id)
            rooms = await connection.fetch(
                "select room, night::date, booking_id, line from ledger.room_stay,"
                " generate_series(lower(stay), upper(stay) - 1, interval '1 day') as night where hotel_id = $1",
                hotel_id,
            )
            head = await connection.fetchrow("select seq, hash from ledger.head where hotel_id = $1", hotel_id)
        assert {tuple(row)[:2]: tuple(row)[2:] for row in nights} == self._model.nights()
        assert {tuple(row) for row in holds} == self._model.holds()
        assert {tuple(row) for row in rooms} == self._model.room_nights()
        assert tuple(head or ()) == (self._seen[-1].seq, self._seen[-1].hash)

    def teardown(self) -> None:
        """Close the write sides."""
        self._runner.run(self._stack.aclose())
        self._runner.close()


def _wanted(command: Changed, lines: int) -> tuple[WantedLine, ...] | None:
    if command.type_of_first is None and command.one_more is None:
        return None
    kept = [WantedLine(line=number) for number in range(1, lines + 1)]
    if command.type_of_first is not None:
        kept[0] = WantedLine(line=1, room_type=command.type_of_first)
    if command.one_more is not None:
        new = WantedLine(room_type=command.one_more, adults=1, child_ages=())
        kept = [*kept, new] if command.which % 2 else [*kept[:1], new]
    return tuple(kept)


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


def run(
    settings: Settings, *, examples: int, sent: Bursts = bursts, violations: list[str] | None = None, **options: Any
) -> None:
    """Run the machine so many times with such bursts; what it finds goes into `violations` too."""

    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(settings)
            self.bursts = sent
            self.violations = self.violations if violations is None else violations

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


def test_the_promises_hold_whatever_several_clients_do(settings: Settings) -> None:
    run(settings, examples=50 * thoroughness())


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_the_machine_finds_what_is_switched_off(
    control: Control, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that can't fail would prove nothing: without this protection it must find the violation."""
    asyncio.run(weaken(control, settings))
    switch_off(control, monkeypatch)
    found: list[str] = []
    with pytest.raises((AssertionError, HypothesisException)):
        # No shrinking: that it is found is enough, the shortest way there is not of interest.
        run(settings, examples=200, sent=control.bursts, violations=found, phases=(Phase.generate,), database=None)
    assert any(re.search(control.found, violation) for violation in found), found
