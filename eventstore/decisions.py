"""A batch in memory: every command of a hotel decided in turn, each seeing the effects of those before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import get_args
from uuid import UUID

import orjson

from domain import booking_decisions, bookings, hotels, inventory
from domain.booking_commands import Book, ExpireBooking, LifeCommand, SwapRooms
from domain.bookings import Booking, BookingEvent, GuestsErased, Line, LineState
from domain.events import Event
from domain.hotels import Hotel, HotelCommand, OpenHotel
from domain.inventory import InventoryCommand
from domain.premises import Premises
from domain.rejections import KeyReused, TimeRunsBackwards, UnknownBooking, UnknownHotel, VersionMismatch
from domain.rooming import Named, swap_rooms_between
from domain.rooms import Occupied, Period
from domain.selling import book
from domain.stock import Claims, NightKey, NightStock, difference
from eventstore import codec
from eventstore.chain import event_hash, microseconds
from eventstore.submission import Acknowledged, Answer, Outcome, Submission
from eventstore.write_set import Hold, WriteSet

SYSTEM_METADATA = '{"actor":"system","role":"system"}'


_EXCLUSIVE = frozenset(get_args(HotelCommand | InventoryCommand))


def is_exclusive(submission: Submission) -> bool:
    """Whether a command has a transaction for itself within its hotel, because it writes nights by ranges."""
    return type(submission.command) in _EXCLUSIVE


@dataclass(slots=True, kw_only=True)
class Head:
    """A hotel's head as it was locked, moving as the batch appends."""

    seq: int
    hash: bytes
    occurred_at: datetime
    recorded_at: datetime
    settings_version: int


@dataclass(slots=True)
class HotelSituation:
    """What was read of one hotel under its lock, and what the batch has made of it since.

    While a hotel is being opened this is the new one, though the lock and the answers are the reserved hotel's.
    """

    hotel_id: UUID
    head: Head
    now: datetime
    hotel: Hotel | None
    write: WriteSet
    was_booked: bool = False
    wrote_ranges: bool = False
    inventory_version: int = 0
    nights: dict[NightKey, NightStock] = field(default_factory=dict)
    streams: dict[UUID, tuple[int, Booking]] = field(default_factory=dict)
    occupied: dict[str, set[Occupied]] = field(default_factory=dict)
    """Who has a room, for the rooms and nights in `rooms_known`."""
    rooms_known: dict[str, Period] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[bytes, Answer]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    due_holds: dict[NightKey, set[UUID]] | None = None
    seq_before: int = field(init=False)
    """What the head is at in the database; it moves when a part of the batch is written."""

    def __post_init__(self) -> None:
        self.seq_before = self.head.seq
        # Never back within a hotel, whatever the clock of the machine does.
        self.now = max(self.now, self.head.recorded_at)

    def decide(self, submission: Submission) -> Acknowledged:
        """Decide one command and note its effects. Raises Rejected, and then nothing has changed."""
        key = submission.idempotency
        if key is not None and (known := self.answers.get((key.principal, key.key))):
            fingerprint, answer = known
            if fingerprint != key.fingerprint:
                raise KeyReused
            return Acknowledged(answer, replayed=True)
        command = submission.command
        if isinstance(command, Book):
            answer = self._book(submission, command)
        elif isinstance(command, HotelCommand):
            answer = self._change_hotel(submission, command)
        elif isinstance(command, InventoryCommand):
            answer = self._change_inventory(submission, command)
        elif isinstance(command, SwapRooms) and command.other_booking is not None:
            answer = self._swap_between(submission, command, command.other_booking)
        else:
            answer = self._live(submission, command)
        if key is not None:
            self.answers[key.principal, key.key] = (key.fingerprint, answer)
            self.write.answer(submission.hotel_id, key, answer, self.now)
        return Acknowledged(answer, replayed=False)

    def due_in_batch(self, nights: set[NightKey]) -> set[UUID]:
        """Bookings known to this batch, also made by it, whose hold on one of these nights is past its deadline."""
        return {
            booking_id
            for booking_id, (_, booking) in self.streams.items()
            if booking.hold_until is not None
            and booking.hold_until <= self.now
            and any(claim.held and key in nights for key, claim in booking.claims().items())
        }

    def expire(self, booking_id: UUID, cause: str) -> bool:
        """Let a hold that is past its deadline expire, as an event of its own by the system. Whether it did.

        `cause` is the metadata of the command that wants its room.
        """
        version, before = self.streams[booking_id]
        occurred_at = self._occurred_at(None)
        premises = Premises(hotel=self._known_hotel(), stock=self.nights)
        events = booking_decisions.decide(ExpireBooking(), before, premises, occurred_at)
        if events:
            after = _evolved(before, events)
            self._note(booking_id, version, before, after, events, occurred_at, _caused_by(cause))
        return bool(events)

    def close(self) -> None:
        """Note where the head has moved, to be written."""
        head = self.head
        if head.seq == self.seq_before:
            return
        self.write.heads.append(
            (
                self.hotel_id,
                self.seq_before,
                head.seq,
                head.hash,
                head.occurred_at,
                head.recorded_at,
                head.settings_version,
            )
        )
        self.seq_before = head.seq

    def bookings_of(self, submission: Submission) -> list[Booking]:
        """The bookings that a command is about, as far as they are known."""
        ids = [submission.stream_id]
        if isinstance(submission.command, SwapRooms) and submission.command.other_booking is not None:
            ids.append(submission.command.other_booking)
        return [self.streams[booking_id][1] for booking_id in ids if booking_id in self.streams]

    def _book(self, submission: Submission, command: Book) -> Answer:
        hotel = self._known_hotel()
        _check_version(submission, 0)
        occurred_at = self._occurred_at(submission.occurred_at)
        event = book(command, hotel, self.nights, occurred_at)
        booking = bookings.evolve(None, event)
        answer = self._rendered(submission, 1, (event,), booking)
        self._note(submission.stream_id, 0, None, booking, [event], occurred_at, submission.metadata)
        self.write.reference(event.reference, self.hotel_id, submission.stream_id)
        self._keep_keys(submission, [event])
        return answer

    def _live(self, submission: Submission, command: LifeCommand) -> Answer:
        booking_id = submission.stream_id
        version, before = self._known_booking(booking_id)
        _check_version(submission, version)
        occurred_at = self._occurred_at(submission.occurred_at)
        events = booking_decisions.decide(command, before, self._premises(booking_id), occurred_at)
        after = _evolved(before, events)
        answer = self._rendered(submission, version + len(events), tuple(events), after)
        self._note(booking_id, version, before, after, events, occurred_at, submission.metadata)
        self._keep_keys(submission, events)
        return answer

    def _swap_between(self, submission: Submission, command: SwapRooms, other_id: UUID) -> Answer:
        """Decide a swap of rooms between two bookings, which changes both."""
        booking_id = submission.stream_id
        version, before = self._known_booking(booking_id)
        other_version, other_before = self._known_booking(other_id)
        _check_version(submission, version)
        occurred_at = self._occurred_at(submission.occurred_at)
        premises = self._premises(booking_id, other_id)
        swap = swap_rooms_between(
            command, Named(booking_id, before), Named(other_id, other_before), premises, occurred_at
        )
        there, back = ((), ()) if swap is None else ((swap[0],), (swap[1],))
        after, other_after = _evolved(before, there), _evolved(other_before, back)
        answer = self._rendered(submission, version + len(there), (*there, *back), after)
        metadata = submission.metadata
        self._note(booking_id, version, before, after, there, occurred_at, metadata)
        self._note(other_id, other_version, other_before, other_after, back, occurred_at, metadata)
        return answer

    def _premises(self, *booking_ids: UUID) -> Premises:
        """What decisions on these bookings rest on; what they have themselves isn't among what others occupy."""
        own = {
            stay.room
            for booking_id in booking_ids
            for line in self.streams[booking_id][1].lines
            for stay in line.rooms
            if stay.room in self.occupied
        }
        others = {room: [stay for stay in self.occupied[room] if stay.booking_id not in booking_ids] for room in own}
        return Premises(
            hotel=self._known_hotel(),
            stock=self.nights,
            occupied={**self.occupied, **others} if others else self.occupied,
        )

    def _known_booking(self, booking_id: UUID) -> tuple[int, Booking]:
        self._known_hotel()
        known = self.streams.get(booking_id)
        if known is None:
            raise UnknownBooking(booking_id=booking_id)
        return known

    def _change_hotel(self, submission: Submission, command: HotelCommand) -> Answer:
        if not isinstance(command, OpenHotel):
            self._known_hotel()
        _check_version(submission, self.head.settings_version)
        occurred_at = self._occurred_at(submission.occurred_at)
        events = hotels.decide(
            command,
            self.hotel,
            occurred_at,
            has_bookings=self.was_booked,
            stock=self.nights,
            occupied=self.occupied,
        )
        for event in events:
            self.head.settings_version += 1
            self._append(submission.stream_id, self.head.settings_version, event, occurred_at, submission.metadata)
            self.hotel = hotels.evolve(self.hotel, event)
        self._keep_keys(submission, events)
        return self._rendered(submission, self.head.settings_version, tuple(events), None, appended=True)

    def _change_inventory(self, submission: Submission, command: InventoryCommand) -> Answer:
        hotel = self._known_hotel()
        room_type = hotel.room_type(command.room_type)
        _check_version(submission, self.inventory_version)
        occurred_at = self._occurred_at(submission.occurred_at)
        events = inventory.decide(command, hotel, self.nights, occurred_at)
        for event in events:
            self.inventory_version += 1
            self._append(room_type.room_type_id, self.inventory_version, event, occurred_at, submission.metadata)
        self._keep_keys(submission, events)
        return self._rendered(submission, self.inventory_version, tuple(events), None, appended=True)

    def _keep_keys(self, submission: Submission, events: Sequence[Event]) -> None:
        """Note the keys of what was sealed for these events; where nothing happened, nothing needs them."""
        if events:
            for key in submission.guest_keys:
                self.write.guest_key(self.hotel_id, key)

    def _known_hotel(self) -> Hotel:
        if self.hotel is None:
            raise UnknownHotel(hotel_id=self.hotel_id)
        return self.hotel

    def _occurred_at(self, given: datetime | None) -> datetime:
        if given is None:
            return max(self.now, self.head.occurred_at)
        if given < self.head.occurred_at:
            raise TimeRunsBackwards(occurred_at=given, ledger_at=self.head.occurred_at)
        return given

    def _rendered(
        self,
        submission: Submission,
        version: int,
        events: tuple[Event, ...],
        booking: Booking | None,
        *,
        appended: bool = False,
    ) -> Answer:
        return submission.render(
            Outcome(
                hotel_id=self.hotel_id,
                stream_id=submission.stream_id,
                seq=self.head.seq if appended else self.head.seq + len(events),
                version=version,
                events=events,
                hotel=self._known_hotel(),
                booking=booking,
            )
        )

    def _note(
        self,
        booking_id: UUID,
        version: int,
        before: Booking | None,
        after: Booking,
        events: Sequence[BookingEvent],
        occurred_at: datetime,
        metadata: str,
    ) -> None:
        """Note a decision on a booking: its events, what it claims of the nights, its holds, its new state."""
        for number, event in enumerate(events, start=version + 1):
            self._append(booking_id, number, event, occurred_at, metadata)
        changes: Claims = difference({} if before is None else before.claims(), after.claims())
        for key, claim in changes.items():
            night = self.nights.get(key)
            if night is not None:
                night.sold += claim.sold
                night.held += claim.held
        self.write.claim(self.hotel_id, changes)
        self._note_erased(events)
        self._note_holds(booking_id, before, after)
        self._note_rooms(booking_id, () if before is None else before.lines, after.lines)
        self.streams[booking_id] = (version + len(events), after)

    def _note_erased(self, events: Sequence[BookingEvent]) -> None:
        for event in events:
            if isinstance(event, GuestsErased):
                for guest_id in event.guests:
                    self.write.erase(self.hotel_id, guest_id)

    def _note_holds(self, booking_id: UUID, before: Booking | None, after: Booking) -> None:
        if after.hold_until is None and (before is None or before.hold_until is None):
            return
        held_before = {} if before is None else _held(before)
        held_after = _held(after)
        for number in held_before.keys() - held_after.keys():
            self.write.end_hold((self.hotel_id, booking_id, number))
        for number, hold in held_after.items():
            if held_before.get(number) != hold:
                self.write.hold((self.hotel_id, booking_id, number), hold, opens=number not in held_before)

    def _note_rooms(self, booking_id: UUID, before: tuple[Line, ...], after: tuple[Line, ...]) -> None:
        had, has = room_stays(before), room_stays(after)
        if had == has:
            return
        for line, room, first, until in had - has:
            self.write.end_room_stay((self.hotel_id, booking_id, line, room, first))
            self.occupied.get(room, set()).discard(Occupied(first, until, booking_id, line))
        for line, room, first, until in has - had:
            self.write.room_stay((self.hotel_id, booking_id, line, room, first), until)
            self.occupied.setdefault(room, set()).add(Occupied(first, until, booking_id, line))

    def _append(self, stream_id: UUID, version: int, event: Event, occurred_at: datetime, metadata: str) -> None:
        event_type, schema_version, data = codec.encode(event)
        head = self.head
        head.seq += 1
        # Live, what is learnt happens now: one instant for both, also where the clock has gone back.
        recorded_at = max(self.now, occurred_at)
        head.hash = event_hash(
            head.hash,
            hotel_id=self.hotel_id,
            seq=head.seq,
            stream_id=stream_id,
            version=version,
            schema_version=schema_version,
            occurred_us=microseconds(occurred_at),
            recorded_us=microseconds(recorded_at),
            event_type=event_type,
            data=data,
            metadata=metadata,
        )
        head.occurred_at, head.recorded_at = occurred_at, recorded_at
        self.events.append(event)
        self.write.events.append(
            (
                self.hotel_id,
                head.seq,
                stream_id,
                version,
                schema_version,
                event_type,
                occurred_at,
                recorded_at,
                head.hash,
                data,
                metadata,
            )
        )


def _caused_by(metadata: str) -> str:
    """What the system notes about an event that a command made necessary: which request it was for."""
    cause = orjson.loads(metadata)
    request_id = cause.get("request_id")
    if request_id is None:
        return SYSTEM_METADATA
    caused = {
        "actor": "system",
        "role": "system",
        "correlation_id": cause.get("correlation_id", request_id),
        "causation_id": request_id,
    }
    return orjson.dumps(caused).decode()


def _evolved(booking: Booking, events: Sequence[BookingEvent]) -> Booking:
    for event in events:
        booking = bookings.evolve(booking, event)
    return booking


def _held(booking: Booking) -> dict[int, Hold]:
    """The row of each held line, by its number."""
    if booking.hold_until is None:
        return {}
    return {
        line.line: (line.room_type, line.arrival, line.departure, booking.hold_until)
        for line in booking.lines
        if line.state is LineState.HELD
    }


def room_stays(lines: tuple[Line, ...]) -> set[tuple[int, str, date, date]]:
    """Line, room, first night and until of every night that a room is guarded for."""
    return {
        (line.line, stay.room, stay.first, stay.until)
        for line in lines
        if line.rooms
        for stay in line.rooms
        if stay.first < stay.until
    }


def _check_version(submission: Submission, version: int) -> None:
    if submission.expected_version is not None and submission.expected_version != version:
        raise VersionMismatch(expected=submission.expected_version, actual=version)
