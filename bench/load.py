"""The load: bookings over HTTP from a process of its own, `python -m bench.load < specification.json`.

It is as cheap as Python allows, since it shares the machine with what it measures: requests are made in advance except
for their idempotency key, and of an answer only status and length are looked at. Without a rate each connection sends
its next request when it has its answer. With a rate requests have times at which they are to start, kept by a clock of
their own; one that finds no free connection waits, and its wait counts, so a stall of the server isn't left out of the
latencies just because nobody was asking meanwhile.
"""

import asyncio
import json
import random
import secrets
import sys
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import uvloop

from bench.figures import percentile

NIGHTS = 3
_SAMPLES = 4000
_LAST_ANSWERS_S = 5.0
_STATUS = slice(9, 12)
_CREATED = b"201"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What to send where. Without a `rate` (requests a second) each connection keeps one request in flight."""

    port: int
    connections: int
    seconds: float
    rate: float | None
    hotels: list[tuple[str, list[str]]]
    first_arrival: str
    arrival_days: int
    positions: bool = False
    """Whether the result holds the position of each answer and when it came."""

    def text(self) -> bytes:
        """What the load process reads."""
        return json.dumps(asdict(self)).encode()


@dataclass(slots=True)
class Result:
    """What came back. Latencies in milliseconds; with a rate they begin at the intended start."""

    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    answers: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    example: str = ""
    positions: list[tuple[str, int, float]] = field(default_factory=list)
    """Hotel, seq, and the instant of the answer in seconds of the machine's monotonic clock."""

    @classmethod
    def read(cls, text: str) -> "Result":
        """A result as the load process printed it; raises if anything but 201 was answered."""
        result = cls(**json.loads(text))
        if result.refused:
            raise RuntimeError(f"not all were booked: {result.refused}, for instance {result.example}")
        return result


def main() -> None:
    """Run one specification and print its result."""
    specification = Specification(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_Load(specification).run())
    json.dump(asdict(result), sys.stdout)


class _Load:
    """One run: its requests, its connections, and what was answered."""

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.requests = _requests(specification)
        self.key = secrets.token_hex(8)
        self.sent = 0
        self.begin = self.end = 0.0
        self.latencies: list[float] = []
        self.in_time = 0
        self.refused: dict[str, int] = {}
        self.example = ""
        self.positions: list[tuple[str, int, float]] = []
        # The one that has rested longest goes next: all stay in use, so none is closed by the server for being idle.
        self.idle: deque[_Connection] = deque()
        self.waiting: deque[float] = deque()
        self.in_flight = 0
        self.all_answered = asyncio.Event()

    async def run(self) -> Result:
        specification, loop = self.specification, asyncio.get_running_loop()
        for _ in range(specification.connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", specification.port)
            self.idle.append(connection)
        self.begin = time.monotonic()
        self.end = self.begin + specification.seconds
        if specification.rate is None:
            while self.idle:
                self.idle.popleft().send(time.monotonic())
            await asyncio.sleep(specification.seconds)
        else:
            await asyncio.to_thread(_keep_time, self, specification.rate, loop)
        async with asyncio.timeout(_LAST_ANSWERS_S):
            while self.in_flight or self.waiting:
                self.all_answered.clear()
                await self.all_answered.wait()
        if not self.latencies:
            return Result(refused=self.refused, example=self.example)
        return Result(
            self.in_time / specification.seconds,
            percentile(self.latencies, 0.5) * 1000,
            percentile(self.latencies, 0.99) * 1000,
            len(self.latencies),
            self.refused,
            self.example,
            self.positions,
        )

    def start(self, intended: float) -> None:
        """Send a request whose time has come, or let it wait for a connection."""
        if self.idle:
            self.idle.popleft().send(intended)
        else:
            self.waiting.append(intended)

    def next_request(self) -> bytes:
        self.sent += 1
        before, after = self.requests[self.sent % len(self.requests)]
        return b"%b%b%08x%b" % (before, self.key.encode(), self.sent, after)

    def answered(self, connection: "_Connection", status: bytes, answer: bytes) -> None:
        now = time.monotonic()
        self.in_flight -= 1
        if status == _CREATED:
            self.latencies.append(now - connection.intended)
            self.in_time += now <= self.end
            if self.specification.positions:
                hotel_id, _, seq = _header(answer, b"\r\nstaysync-position: ").partition(":")
                self.positions.append((hotel_id, int(seq), now))
        else:
            self.refused[status.decode()] = self.refused.get(status.decode(), 0) + 1
            self.example = self.example or answer.decode(errors="replace")[-500:]
        if self.waiting:
            connection.send(self.waiting.popleft())
        elif self.specification.rate is None and now < self.end:
            connection.send(now)
        else:
            self.idle.append(connection)
            self.all_answered.set()


class _Connection(asyncio.Protocol):
    """A connection with one request in flight at most."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._received = b""
        self.intended = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send(self, intended: float) -> None:
        """Send the next request, for one that was to start at an instant of the monotonic clock."""
        self.intended = intended
        self._load.in_flight += 1
        self._transport.write(self._load.next_request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = int(_header(self._received, b"\r\ncontent-length: "))
        if len(self._received) < head + 4 + length:
            return
        answer, self._received = self._received, b""
        self._load.answered(self, answer[_STATUS], answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._load.in_flight:
            self._load.refused["connection lost"] = self._load.refused.get("connection lost", 0) + 1
            self._load.example = self._load.example or repr(exc)


def _header(answer: bytes, name: bytes) -> str:
    begin = answer.index(name) + len(name)
    return answer[begin : answer.index(b"\r", begin)].decode()


def _keep_time(load: _Load, rate: float, loop: asyncio.AbstractEventLoop) -> None:
    """Start requests at their times, from a thread: the event loop's timers are only good to a millisecond."""
    pause = threading.Event()
    for number in range(round(load.specification.seconds * rate)):
        intended = load.begin + number / rate
        ahead = intended - time.monotonic()
        if ahead > 0:
            pause.wait(ahead)
        loop.call_soon_threadsafe(load.start, intended)


def _requests(specification: Specification) -> list[tuple[bytes, bytes]]:
    """Requests as the bytes before and after their idempotency key."""
    chance = random.Random(secrets.randbits(32))  # noqa: S311 - chance, not secrets
    room_types = [(hotel_id, code) for hotel_id, codes in specification.hotels for code in codes]
    return [_request(specification, *chance.choice(room_types), chance) for _ in range(_SAMPLES)]


def _request(specification: Specification, hotel_id: str, code: str, chance: random.Random) -> tuple[bytes, bytes]:
    arrival = date.fromisoformat(specification.first_arrival) + timedelta(
        days=int(chance.random() * specification.arrival_days)
    )
    body = json.dumps(_body(code, arrival)).encode()
    before = (
        f"POST /v1/hotels/{hotel_id}/bookings HTTP/1.1\r\nhost: 127.0.0.1:{specification.port}\r\n"
        "accept: application/json\r\ncontent-type: application/json\r\nidempotency-key: "
    )
    return before.encode(), b"\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _body(code: str, arrival: date) -> dict[str, Any]:
    return {
        "arrival": arrival.isoformat(),
        "departure": (arrival + timedelta(days=NIGHTS)).isoformat(),
        "rooms": [{"room_type": code, "adults": 2, "children": 0}],
        "guest": {
            "full_name": "Maria Antunes Ferreira",
            "email": "maria.ferreira@example.org",
            "phone": "+351 21 555 0143",
        },
        "channel": "web",
        "market_segment": "leisure",
        "country": "PRT",
        "state": "confirmed",
    }


if __name__ == "__main__":
    main()
