"""The mails of bookings as they wait to be sent, and what each says: the booking from its events, people from today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from domain.bookings import Booking, BookingEvent, Line, LineState, evolve
from eventstore.reading import read_streams
from projections.mail.entry import Entry
from projections.mail.letters import Draft, NotWanted, Sender, compose
from projections.mail.occasions import Kind, still_wanted
from projections.mail.post import Claimed, Outcome
from projections.mail.relay import Letter
from projections.mail.sql import statement
from projections.mail.wording import Wording, wording_for

_GONE = (LineState.CANCELLED, LineState.EXPIRED)


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    city: str
    timezone: str
    room_types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BookingMails:
    """The mails of bookings. `pool` has connections of the mail role."""

    pool: "asyncpg.Pool[Any]"
    sender: Sender

    async def claim(self, lease: timedelta) -> Claimed | None:
        """The mail that has been due longest, of any hotel."""
        row = await self.pool.fetchrow(statement("claim_message"), lease)
        return None if row is None else _BookingMail(self, row)


@dataclass(frozen=True, slots=True)
class _BookingMail:
    mails: BookingMails
    row: asyncpg.Record

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        attempts: int = self.row["attempts"]
        return attempts

    @property
    def label(self) -> str:
        """Its kind and id."""
        return f"the mail {self.row['kind']} {self.row['message_id']}"

    async def note(self, outcome: Outcome) -> None:
        """Write down what became of the attempt."""
        await self.mails.pool.execute(
            statement("note_message"),
            self.row["message_id"],
            self.attempt,
            outcome.state,
            outcome.reason,
            outcome.again_in,
        )

    async def postpone(self, until: datetime) -> None:
        """Put it off, as if it hadn't been tried."""
        await self.mails.pool.execute(statement("postpone_message"), self.row["message_id"], self.attempt, until)

    async def compose(self, at: datetime) -> Letter | datetime:
        """The mail as it goes, or on which instant it is wanted instead. Raises NotWanted, BadAddress."""
        kind, hotel_id = Kind(self.row["kind"]), self.row["hotel_id"]
        async with self.mails.pool.acquire() as connection:
            then, booking, changed_at = await self._booking(connection)
            found = await connection.fetchrow(statement("place"), hotel_id)
            if found is None:
                raise NotWanted("no_hotel")
            place = _Place(found["name"], found["city"], found["timezone"], orjson.loads(found["room_types"]))
            wanted = still_wanted(kind, booking, now=at, timezone=place.timezone)
            if isinstance(wanted, datetime):
                return wanted
            if not wanted:
                raise NotWanted("outdated")
            person = booking.guest if kind.is_for_the_guest or booking.booker is None else booking.booker
            addressee = await connection.fetchrow(statement("addressee"), hotel_id, person.guest_id)
        if addressee is None:
            raise NotWanted("erased")
        if not addressee["email"]:
            raise NotWanted("no_address")
        draft = self._draft(booking if kind.is_reminder else then, place, addressee, changed_at)
        return compose(draft, self.mails.sender, at)

    async def _booking(self, connection: Any) -> tuple[Booking, Booking, datetime]:
        """The booking after the mail's event, the booking now, and when that event was."""
        then = now = None
        changed_at = datetime.now(UTC)
        for fact in await read_streams(connection, [(self.row["hotel_id"], self.row["booking_id"])]):
            event = fact.event()
            if not isinstance(event, BookingEvent):
                raise TypeError(f"{fact.type} in the stream of a booking")
            now = evolve(now, event)
            if fact.version == self.row["version"]:
                then, changed_at = now, fact.recorded_at
        if then is None or now is None:
            raise NotWanted("no_booking")
        return then, now, changed_at

    def _draft(self, booking: Booking, place: _Place, addressee: asyncpg.Record, changed_at: datetime) -> Draft:
        kind, wording = Kind(self.row["kind"]), wording_for(addressee["language"])
        return Draft(
            mail_id=self.row["message_id"],
            template=kind.value,
            wording=wording,
            name=addressee["full_name"] or "",
            email=addressee["email"],
            signed_by=place.name,
            facts={
                "hotel": place.name,
                "city": place.city,
                "stay": _stay(kind, booking, place, wording),
                "hold_until": booking.hold_until and wording.instant(booking.hold_until, place.timezone),
            },
            entry=None if kind.is_reminder else self._entry(booking, place, changed_at),
        )

    def _entry(self, booking: Booking, place: _Place, changed_at: datetime) -> Entry:
        lines = _alive(booking) or booking.lines
        return Entry(
            booking_id=self.row["booking_id"],
            version=self.row["version"],
            changed_at=changed_at,
            arrival=min(line.arrival for line in lines),
            departure=max(line.departure for line in lines),
            title=place.name,
            place=f"{place.name}, {place.city}",
            description=booking.reference,
            organiser=self.mails.sender.address,
            is_cancelled=not _alive(booking),
        )


def _alive(booking: Booking) -> tuple[Line, ...]:
    return tuple(line for line in booking.lines if line.state not in _GONE)


def _stay(kind: Kind, booking: Booking, place: _Place, wording: Wording) -> dict[str, Any]:
    """What the mail's frame shows: the lines that are left, and of a cancellation those that went."""
    alive = _alive(booking)
    shown = booking.lines if kind is Kind.CANCELLATION else alive or booking.lines
    dated = alive or booking.lines
    return {
        "reference": booking.reference,
        "arrival": wording.day(min(line.arrival for line in dated)),
        "departure": wording.day(max(line.departure for line in dated)),
        "rooms": [_room(line, booking.currency, place, wording) for line in shown],
        "total": wording.money(booking.total, booking.currency) if alive else None,
    }


def _room(line: Line, currency: str, place: _Place, wording: Wording) -> dict[str, Any]:
    party = [wording.counted("adults", line.adults)]
    if line.child_ages:
        party.append(wording.counted("children", len(line.child_ages)))
    return {
        "name": place.room_types.get(line.room_type, line.room_type),
        "party": ", ".join(party),
        "nights": wording.counted("nights", (line.departure - line.arrival).days),
        "total": wording.money(line.total, currency),
        "cancelled": line.state in _GONE,
    }
