"""The HTTP state machine: several clients at random against a running service.

With STAYSYNC_TEST_URL it drives the service at that address, signed in as STAYSYNC_TEST_EMAIL with
STAYSYNC_TEST_PASSWORD, an administrator who may open hotels; each run opens hotels of its own and touches no others.
Without it the test starts a service of its own, with a projection worker.

After each burst: no night beyond its rooms at any point of the hotel's ledger (1), every booking answered with 201 is
there once and repeats get the same answer (2), seqs and versions without a gap (3), a query that sends back the last
position sees a calendar equal to the model's (4, 5), and every refusal names nights that were full at some instant of
its request.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from uuid_utils.compat import uuid7

from staysync.admin import add_administrator
from staysync.settings import Settings
from tests.machine.model import Model
from tests.service import serving

DAYS = 6
CLIENTS = 3
LIFE = ("confirm", "cancel", "check-in", "check-out", "no-show")


@dataclass(frozen=True, slots=True)
class Target:
    """A running service, and who may open hotels there."""

    url: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class FedEvent:
    """An event as the ledger's feed tells it."""

    seq: int
    stream_id: UUID
    version: int
    type: str
    recorded_at: datetime
    data: str


class HttpMachine(RuleBasedStateMachine):
    """Random bursts of requests over few rooms and nights of one new hotel."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target
        self._runner = asyncio.Runner()
        self._clients: list[httpx.AsyncClient] = []
        self._bookings: list[dict[str, Any]] = []
        self._keyed: list[tuple[dict[str, Any], str, bytes]] = []
        self._seen: list[FedEvent] = []
        self._today = datetime.now(UTC).date()

    @initialize(rooms=st.integers(1, 3))
    def open(self, rooms: int) -> None:
        """Sign in and open a hotel."""
        self._runner.run(self._open(rooms))

    async def _open(self, rooms: int) -> None:
        anonymous = httpx.AsyncClient(base_url=self._target.url, timeout=30)
        signed_in = await anonymous.post(
            "/v1/auth/login", json={"email": self._target.email, "password": self._target.password}
        )
        assert signed_in.status_code == 200, signed_in.text
        anonymous.cookies.clear()
        token = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        self._desk = httpx.AsyncClient(base_url=self._target.url, timeout=30, headers=token)
        self._clients = [anonymous, *(httpx.AsyncClient(base_url=self._target.url, timeout=30) for _ in range(CLIENTS))]
        opened = await self._desk.post(
            "/v1/hotels",
            json={
                "name": "Machine",
                "city": "Nowhere",
                "country": "PT",
                "timezone": "UTC",
                "currency": "EUR",
                "business_day_rolls_at": "00:00",
                "bookable_horizon_days": 30,
            },
        )
        assert opened.status_code == 201, opened.text
        self._path = f"/v1/hotels/{opened.json()['hotel_id']}"
        added = await self._desk.post(
            f"{self._path}/room-types",
            json={
                "code": "DBL",
                "name": "Double",
                "max_adults": 2,
                "max_children": 0,
                "base_price": "100.00",
                "rooms": [str(100 + number) for number in range(rooms)],
            },
        )
        assert added.status_code == 201, added.text
        self._model = Model(rooms)
        await self._read()

    bookings = st.tuples(
        st.just("book"),
        st.integers(0, DAYS - 1),
        st.integers(0, 3),
        st.integers(1, 2),
        st.sampled_from(["confirmed", "confirmed", "hold"]),
    )
    lives = st.tuples(st.sampled_from(LIFE), st.integers(0, 50))
    repeats = st.tuples(st.just("again"), st.integers(0, 50))

    @rule(commands=st.lists(st.one_of(bookings, bookings, lives, repeats), min_size=1, max_size=8))
    def burst(self, commands: list[tuple[Any, ...]]) -> None:
        """Several requests at once."""
        self._runner.run(self._burst(commands))

    async def _burst(self, commands: list[tuple[Any, ...]]) -> None:
        before = len(self._seen)
        answers = await asyncio.gather(*(self._send(number, command) for number, command in enumerate(commands)))
        await self._read()
        made = {event.stream_id for event in self._seen[before:] if event.type in ("BookingHeld", "BookingMade")}
        acknowledged = set()
        for command, answer in zip(commands, answers, strict=True):
            if answer is None or command[0] != "book":
                assert answer is None or answer.status_code in (200, 409, 422), answer.text
            elif answer.status_code == 201:
                acknowledged.add(UUID(answer.json()["booking_id"]))
                self._bookings.append(answer.json())
            else:
                assert (answer.status_code, answer.json()["code"]) == (409, "sold_out"), answer.text
                self._check_refusal(answer.json(), before)
        assert made == acknowledged

    async def _send(self, number: int, command: tuple[Any, ...]) -> httpx.Response | None:
        client = self._clients[number % len(self._clients)]
        match command:
            case ("book", first, length, rooms, state):
                body = {
                    "arrival": self._day(first),
                    "departure": self._day(first + length),
                    "rooms": [{"room_type": "DBL", "adults": 1}] * rooms,
                    "guest": {"full_name": "Machine Guest", "email": "guest@example.org"},
                    "channel": "machine",
                    "state": state,
                }
                key = str(uuid7())
                answer = await self._post(client, body, key)
                if answer.status_code == 201:
                    self._keyed.append((body, key, answer.content))
                return answer
            case ("again", index):
                if self._keyed:
                    body, key, content = self._keyed[index % len(self._keyed)]
                    again = await self._post(client, body, key)
                    assert (again.status_code, again.content) == (201, content)
                return None
            case (life, index):
                if not self._bookings:
                    return None
                booking = self._bookings[index % len(self._bookings)]
                return await self._desk.post(f"{self._path}/bookings/{booking['booking_id']}/{life}")
            case _:
                raise AssertionError(command)

    async def _post(self, client: httpx.AsyncClient, body: dict[str, Any], key: str) -> httpx.Response:
        return await client.post(f"{self._path}/bookings", json=body, headers={"Idempotency-Key": key})

    def _day(self, number: int) -> str:
        return (self._today + timedelta(days=number)).isoformat()

    def _check_refusal(self, problem: dict[str, Any], before: int) -> None:
        for night in problem["nights"]:
            assert any(
                self._model.full_after[event.seq][date.fromisoformat(night["date"])] + night["wanted"]
                > self._model.rooms
                for event in self._seen[before - 1 :]
            ), f"{night} was never full"

    async def _read(self) -> None:
        """Take in what the ledger's feed has that is new."""
        while True:
            after = self._seen[-1].seq if self._seen else 0
            page = await self._desk.get(f"{self._path}/ledger", params={"after": after, "limit": 200})
            assert page.status_code == 200, page.text
            for item in page.json()["items"]:
                event = FedEvent(
                    seq=item["seq"],
                    stream_id=UUID(item["stream_id"]),
                    version=item["version"],
                    type=item["type"],
                    recorded_at=datetime.fromisoformat(item["recorded_at"]),
                    data=orjson.dumps(item["data"]).decode(),
                )
                assert event.seq == (self._seen[-1].seq + 1 if self._seen else 1)
                self._model.apply(event)
                self._seen.append(event)
            if page.json()["next"] is None:
                return

    @precondition(lambda self: bool(self._seen))
    @rule()
    def the_calendar_says_what_the_ledger_says(self) -> None:
        """Read your writes: with the last position sent back, the calendar is the model's."""
        self._runner.run(self._check_calendar())

    async def _check_calendar(self) -> None:
        position = f"{self._path.rpartition('/')[2]}:{self._seen[-1].seq}"
        for _ in range(60):
            calendar = await self._clients[0].get(
                f"{self._path}/calendar",
                params={"from": self._day(0), "to": self._day(DAYS + 3)},
                headers={"StaySync-Min-Position": position},
            )
            if calendar.status_code != 503:
                break
        assert calendar.status_code == 200, calendar.text
        guard = self._model.guard()
        for night in calendar.json()["room_types"][0]["nights"]:
            rooms, sold, held = guard.get(date.fromisoformat(night["date"]), (self._model.rooms, 0, 0))
            assert (night["in_service"], night["free"]) == (rooms, rooms - sold - held)

    def teardown(self) -> None:
        """Check the calendar a last time, and hang up."""
        if self._seen:
            self.the_calendar_says_what_the_ledger_says()
        self._runner.run(self._hang_up())
        self._runner.close()

    async def _hang_up(self) -> None:
        for client in (*self._clients, self._desk):
            await client.aclose()


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The service that STAYSYNC_TEST_URL names, or one of the test's own."""
    url = os.environ.get("STAYSYNC_TEST_URL")
    email = os.environ.get("STAYSYNC_TEST_EMAIL", "machine@example.org")
    password = os.environ.get("STAYSYNC_TEST_PASSWORD", "a machine that never tires")
    if url:
        yield Target(url, email, password)
        return
    settings: Settings = request.getfixturevalue("settings")
    asyncio.run(add_administrator(settings, email=email, password=password, full_name="The Machine"))
    with serving(settings) as url:
        yield Target(url, email, password)


def test_the_promises_hold_for_clients_of_a_running_service(target: Target) -> None:
    class Machine(HttpMachine):
        def __init__(self) -> None:
            super().__init__(target)

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=15, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
