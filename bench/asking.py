"""The load of questions: requests over HTTP from a process of its own, `python -m bench.asking < specification.json`.

So many connections, each with one request in flight. An answer is looked at for status and length only.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

import uvloop

from bench.figures import percentile

_STATUS = slice(9, 12)
_GOOD = (b"200", b"201")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to send where: whole paths, with a body where they are posted."""

    port: int
    connections: int
    seconds: float
    paths: list[str]
    body: str | None = None

    def text(self) -> bytes:
        """What the load process reads."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came back, in milliseconds, and how long the answers were on average, in bytes."""

    answers: int
    p50_ms: float
    p99_ms: float
    mean_bytes: float

    @classmethod
    def read(cls, text: str) -> "Told":
        """What the load process printed."""
        return cls(**json.loads(text))


class _Connection(asyncio.Protocol):
    """A connection that sends its next request when it has its answer, until the time is over."""

    def __init__(self, requests: list[bytes], first: int, end: float) -> None:
        self._requests, self._number, self._end = requests, first, end
        self._received = bytearray()
        self.latencies: list[float] = []
        self.bytes = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._begun = time.monotonic()
        self._number += 1
        self._transport.write(self._requests[self._number % len(self._requests)])

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._received.index(b"content-length: ") + 16
        length = int(self._received[at : self._received.index(b"\r", at)])
        if len(self._received) < head + 4 + length:
            return
        now = time.monotonic()
        if bytes(self._received[_STATUS]) not in _GOOD:
            self.ended.set_exception(RuntimeError(self._received.decode(errors="replace")[-500:]))
            return
        self.latencies.append(now - self._begun)
        self.bytes += length
        self._received.clear()
        if now < self._end:
            self._send()
        else:
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server closed the connection"))


async def ask(asked: Asked) -> Told:
    """Send the requests in turn, from all connections at once."""
    loop = asyncio.get_running_loop()
    requests = [_request(asked, path) for path in asked.paths]
    end = time.monotonic() + asked.seconds
    connections = []
    for number in range(asked.connections):
        first = number * len(requests) // asked.connections
        make = partial(_Connection, requests, first, end)
        _, connection = await loop.create_connection(make, "127.0.0.1", asked.port)
        connections.append(connection)
    await asyncio.gather(*(connection.ended for connection in connections))
    latencies = [latency for connection in connections for latency in connection.latencies]
    return Told(
        answers=len(latencies),
        p50_ms=percentile(latencies, 0.5) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
        mean_bytes=sum(connection.bytes for connection in connections) / len(latencies),
    )


def _request(asked: Asked, path: str) -> bytes:
    head = f"host: 127.0.0.1:{asked.port}\r\naccept: application/json\r\n"
    if asked.body is None:
        return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
    body = asked.body.encode()
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def main() -> None:
    """Run one specification and print what came back."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(ask(Asked(**json.load(sys.stdin))))
    json.dump(asdict(told), sys.stdout)


if __name__ == "__main__":
    main()
