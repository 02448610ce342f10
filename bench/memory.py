"""The appender's work without its database: what the HTTP side could do if storing took no time at all."""

from datetime import UTC, datetime
from uuid import UUID

from domain.booking_commands import Book
from domain.calendar import nights
from domain.hotels import Hotel, HotelEvent, evolve
from domain.stock import NightKey, NightStock
from eventstore.chain import GENESIS
from eventstore.decisions import Head, HotelSituation
from eventstore.reading import Pool, recorded
from eventstore.sql import statement
from eventstore.submission import Acknowledged, Submission
from eventstore.write_set import WriteSet


class _Remembered:
    """A hotel as it was read once, and what was sold of it since."""

    def __init__(self, hotel: Hotel) -> None:
        self.hotel = hotel
        start = datetime.now(UTC)
        self.head = Head(seq=0, hash=GENESIS, occurred_at=start, recorded_at=start, settings_version=1)
        self.nights: dict[NightKey, NightStock] = {}

    def put_on_sale(self, command: Book) -> None:
        """Make sure of the nights that a booking wants. The ledger would have read them."""
        for line in command.lines:
            kind = self.hotel.room_types[line.room_type]
            for night in nights(command.arrival, command.departure):
                if (line.room_type, night) not in self.nights:
                    self.nights[line.room_type, night] = NightStock(
                        in_service=len(kind.rooms), allowance=0, sold=0, held=0, price=kind.base_price
                    )


class MemoryAppender:
    """Decides bookings as the appender does: the same rules, event, hash and answer; the rows go nowhere."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._hotels: dict[UUID, _Remembered] = {}

    async def submit(self, submission: Submission) -> Acknowledged:
        """Decide a booking. Only the first of each hotel asks the database, for the hotel's room types."""
        if not isinstance(submission.command, Book):
            raise TypeError("without a database there are only new bookings")
        known = self._hotels.get(submission.hotel_id) or await self._read(submission.hotel_id)
        known.put_on_sale(submission.command)
        situation = HotelSituation(
            hotel_id=submission.hotel_id,
            head=known.head,
            now=datetime.now(UTC),
            hotel=known.hotel,
            write=WriteSet(),
            nights=known.nights,
        )
        acknowledged = situation.decide(submission)
        situation.close()
        return acknowledged

    async def _read(self, hotel_id: UUID) -> _Remembered:
        hotel: Hotel | None = None
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(statement("read_settings"), [hotel_id], [0])
        for row in rows:
            event = recorded(row).event()
            if isinstance(event, HotelEvent):
                hotel = evolve(hotel, event)
        if hotel is None:
            raise LookupError(f"no hotel {hotel_id}")
        self._hotels[hotel_id] = known = _Remembered(hotel)
        return known
