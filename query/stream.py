"""A hotel's changes as they come, for any number of clients: one reader for each hotel and process, many listeners.

The reader is woken by the push (query/reached.py), reads what the read tables have reached in short transactions, and
keeps the last events as the bytes that are sent. A client holds no connection to the database; one that resumes from
before what is kept is caught up by pages, a few clients at a time. What a client is told of is in the read tables.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from domain.rejections import UnknownHotel
from query.errors import ReadSideUnavailable, TooManyStreams
from query.history import without_ciphertext
from query.side import QuerySide

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
KEPT_EVENTS = 1000
_PAGE = 200
_CATCHING_UP_AT_ONCE = 2
_LOOK_EVERY_S = 5.0
_LOOK_WITHOUT_PUSH_S = 1.0
_RETRY_S = 1.0
_SILENCE_S = 30.0

_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"

_WHERE = text("""
    select h.seq as ledger_seq, coalesce(c.seq, 0) as reached
      from ledger.head h left join read.checkpoint c on c.hotel_id = h.hotel_id
     where h.hotel_id = :hotel_id and h.seq > 0
""")
_EVENTS = text("""
    select e.seq, e.stream_id, e.version, e.type, e.occurred_at, e.recorded_at, e.data::text as data,
           e.metadata::text as metadata
      from read.checkpoint c
      join ledger.event e on e.hotel_id = c.hotel_id and e.seq <= c.seq
     where c.hotel_id = :hotel_id and e.seq > :after
     order by e.seq
     limit :limit
""")

type Sent = tuple[int, bytes]
"""An event's seq, and the bytes that tell of it."""
type Check = Callable[[], Awaitable[bool]]
"""Says whether the client may still listen."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a client begins: after `at`. `reset`: what it said it knows can't be, so it has to load everything anew."""

    hotel_id: UUID
    reached: int
    at: int
    reset: bool


@dataclass(slots=True, eq=False)
class Seat:
    """One client of a stream."""

    hotel_id: UUID
    account: str
    at: int
    """The last seq that the client knows."""
    news: asyncio.Event = field(default_factory=asyncio.Event)


class _Feed:
    """One hotel's events as this process reads them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.kept: deque[Sent] = deque(maxlen=KEPT_EVENTS)
        self.seats: set[Seat] = set()
        self.reader: asyncio.Task[None] | None = None

    def after(self, seq: int) -> list[Sent] | None:
        """What is kept after a seq; None where something before it is no longer."""
        if seq >= self.at:
            return []
        if not self.kept or self.kept[0][0] > seq + 1:
            return None
        found = []
        for event in reversed(self.kept):
            if event[0] <= seq:
                break
            found.append(event)
        return found[::-1]

    def take(self, events: Sequence[Sent]) -> None:
        """Keep what was read, and wake the clients."""
        self.kept.extend(events)
        self.at = events[-1][0]
        for seat in self.seats:
            seat.news.set()


class Streams:
    """The streams of a process."""

    def __init__(self, side: QuerySide, *, most: int, most_per_account: int) -> None:
        self._side = side
        self._most = most
        self._most_per_account = most_per_account
        self._feeds: dict[UUID, _Feed] = {}
        self._accounts: Counter[str] = Counter()
        self._catching_up = asyncio.Semaphore(_CATCHING_UP_AT_ONCE)
        self._ended = False
        self._quiet_until = 0.0

    def open(self) -> int:
        """How many streams are open."""
        return self._accounts.total()

    async def begin(self, hotel_id: UUID, after: int | None) -> Beginning:
        """Where a client begins. Raises UnknownHotel, ReadSideUnavailable."""
        async with self._side.session() as session:
            row = (await session.execute(_WHERE, {"hotel_id": hotel_id})).first()
        if row is None:
            raise UnknownHotel(hotel_id=hotel_id)
        impossible = after is not None and after > row.ledger_seq
        at = row.reached if after is None or impossible else after
        return Beginning(hotel_id, row.reached, at, impossible)

    def sit(self, beginning: Beginning, account: str) -> Seat:
        """Let a client in. Raises TooManyStreams. Whoever sits down must leave."""
        if self.open() >= self._most:
            raise TooManyStreams(self._most, "in this process")
        if self._accounts[account] >= self._most_per_account:
            raise TooManyStreams(self._most_per_account, "for this account")
        hotel_id = beginning.hotel_id
        seat = Seat(hotel_id, account, beginning.at)
        self._accounts[account] += 1
        feed = self._feeds.get(hotel_id)
        if feed is None:
            feed = self._feeds[hotel_id] = _Feed(beginning.reached)
            feed.reader = asyncio.create_task(self._read(hotel_id, feed), name="stream reader")
        feed.seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """A client has gone; with a hotel's last one its reader ends."""
        feed = self._feeds[seat.hotel_id]
        feed.seats.discard(seat)
        self._accounts[seat.account] -= 1
        if not self._accounts[seat.account]:
            del self._accounts[seat.account]
        if not feed.seats:
            del self._feeds[seat.hotel_id]
            if feed.reader is not None:
                feed.reader.cancel()

    def end(self) -> None:
        """End all streams: the process is about to."""
        self._ended = True
        for feed in self._feeds.values():
            for seat in feed.seats:
                seat.news.set()

    async def close(self) -> None:
        """End all streams, and their readers."""
        self.end()
        readers = [feed.reader for feed in self._feeds.values() if feed.reader is not None]
        for reader in readers:
            reader.cancel()
        for reader in readers:
            with suppress(asyncio.CancelledError):
                await reader

    async def listen(self, seat: Seat, *, lasts_s: float, reset: bool, may_listen: Check) -> AsyncIterator[bytes]:
        """What is sent to a client, until its time is over, it may not listen any more, or the process ends."""
        loop = asyncio.get_running_loop()
        over, check_at = loop.time() + lasts_s, loop.time() + HEARTBEAT_S
        feed = self._feeds[seat.hotel_id]
        yield _BEGIN + (_reset(seat.at) if reset else b"")
        while not self._ended:
            seat.news.clear()
            now = loop.time()
            if now >= check_at:
                check_at = now + HEARTBEAT_S
                if not await may_listen():
                    yield b'event: end\ndata: {"reason":"not_permitted"}\n\n'
                    return
                yield _HEARTBEAT
            if events := await self._after(feed, seat, at_once=lasts_s == 0):
                seat.at = events[-1][0]
                yield b"".join(sent for _, sent in events)
            elif now >= over:
                return
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(seat.news.wait(), max(0.0, min(check_at, over) - loop.time()))

    async def _after(self, feed: _Feed, seat: Seat, *, at_once: bool) -> Sequence[Sent]:
        """The next events for a client: out of what is kept, or else out of the ledger; none while that is away."""
        kept = feed.after(seat.at)
        if kept is not None and not (at_once and not kept):
            return kept
        async with self._catching_up:
            with suppress(ReadSideUnavailable):  # the reader says so; the client waits
                return await self._page(seat.hotel_id, seat.at)
        return []

    async def _page(self, hotel_id: UUID, after: int) -> list[Sent]:
        async with self._side.session() as session:
            rows = (await session.execute(_EVENTS, {"hotel_id": hotel_id, "after": after, "limit": _PAGE})).all()
        return [(row.seq, _sent(row)) for row in rows]

    async def _read(self, hotel_id: UUID, feed: _Feed) -> None:
        """Read a hotel's events for all its clients, until cancelled."""
        with self._side.reached.ear({hotel_id: 0}) as ear:
            while True:
                try:
                    events = await self._page(hotel_id, feed.at)
                except ReadSideUnavailable:
                    self._complain()
                    await asyncio.sleep(_RETRY_S)
                    continue
                if events:
                    feed.take(events)
                else:
                    await ear.sleep(_LOOK_EVERY_S if self._side.reached.listening else _LOOK_WITHOUT_PUSH_S)

    def _complain(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _SILENCE_S
            log.warning("streams wait: the read tables can't be reached")


def _sent(row: Row[Any]) -> bytes:
    """An event as it goes over the wire, without personal data: that is sealed in the ledger, and left out here."""
    metadata = orjson.loads(row.metadata)
    told = {
        "seq": row.seq,
        "stream_id": row.stream_id,
        "version": row.version,
        "type": row.type,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "actor": metadata.get("actor"),
        "role": metadata.get("role"),
        "data": without_ciphertext(orjson.loads(row.data)),
    }
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        row.seq,
        row.type.encode(),
        orjson.dumps(told, default=str, option=orjson.OPT_UTC_Z),
    )


def _reset(at: int) -> bytes:
    """Tells a client that knows of events which aren't there to load everything anew."""
    return b'id: %d\nevent: reset\ndata: {"seq":%d}\n\n' % (at, at)
