"""The plain model that both state machines compare with: what the ledger's events say, night by night, in plain words.

It shares no code with the rules. After each event it checks what must never be: a night of a type claimed beyond its
rooms in service and its allowance, a room that two lines have in one night, a room that somebody has while it is out of
order, a sale that a restriction forbade, a night on the allowance that no event owns up to, a version left out, a kept
night at another price.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import orjson

type TypeNight = tuple[str, date]
"""A room type's code and a night."""
type RoomNight = tuple[str, date]
"""A room and a night."""


class Happened(Protocol):
    """What the model reads of an event."""

    @property
    def seq(self) -> int: ...
    @property
    def stream_id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def data(self) -> str: ...


@dataclass
class Line:
    """One room of a booking: what it claims of each night (`stock`), what that costs, and which room it has."""

    room_type: str
    arrival: date
    departure: date
    state: str
    price: dict[date, Decimal]
    stock: dict[date, str]
    room: dict[date, str] = field(default_factory=dict)

    def claimed(self) -> Iterator[TypeNight]:
        """The nights that the line takes from the stock of which type."""
        if self.state in ("held", "confirmed", "checked_in", "checked_out"):
            yield from ((room_type, night) for night, room_type in self.stock.items())
        elif self.state == "no_show" and self.stock:
            first = min(self.stock)
            yield self.stock[first], first


@dataclass
class Stay:
    """A booking as the model knows it."""

    lines: dict[int, Line]
    due: bool
    version: int = 1
    erased: set[str] = field(default_factory=set)

    @property
    def held(self) -> bool:
        return any(line.state == "held" for line in self.lines.values())

    def of(self, data: dict[str, Any]) -> Iterator[Line]:
        """The lines that an event names."""
        return (self.lines[number] for number in data["lines"])


@dataclass
class Restrictions:
    """What restricts the sale of a night."""

    stop_sell: bool = False
    minimum_stay: int = 1
    closed_to_arrival: bool = False
    closed_to_departure: bool = False


@dataclass
class Full:
    """How full each type and night was after an event."""

    claimed: Counter[TypeNight]
    """Holds past their deadline don't count: a sale would take them."""
    limit: Counter[TypeNight]
    """Rooms in service and allowance."""


@dataclass
class Model:
    """A hotel with some rooms of some types, and all that has happened there."""

    rooms: dict[str, list[str]] = field(default_factory=dict)
    horizon: tuple[date, date] = (date.min, date.min)
    stays: dict[UUID, Stay] = field(default_factory=dict)
    out_of_order: set[RoomNight] = field(default_factory=set)
    allowance: Counter[TypeNight] = field(default_factory=Counter)
    restrictions: dict[TypeNight, Restrictions] = field(default_factory=dict)
    prices: dict[TypeNight, Decimal] = field(default_factory=dict)
    after: dict[int, Full] = field(default_factory=dict)
    claimed_before: Counter[TypeNight] = field(default_factory=Counter)
    half_swapped: tuple[UUID, set[TypeNight]] | None = None
    """Who the next event must be about, and what the first of the two said of the allowance."""

    def apply(self, event: Happened) -> None:
        """Take in one event, and check what must never be."""
        data = orjson.loads(event.data)
        if event.type in ("BookingHeld", "BookingMade"):
            self._book(event, data)
        elif event.stream_id in self.stays:
            stay = self.stays[event.stream_id]
            stay.version += 1
            assert event.version == stay.version, f"version {event.version} comes after {stay.version - 1}"
            self._live(event.type, stay, data)
        else:
            self._hotel(event.type, data)
        self._check(event, data)
        limit = self._capacity()
        limit.update(self.allowance)
        self.after[event.seq] = Full(self._claims(with_due=False), limit)

    # ------------------------------------------------------------ bookings

    def _book(self, event: Happened, data: dict[str, Any]) -> None:
        assert event.stream_id not in self.stays
        held = event.type == "BookingHeld"
        lines = {}
        for booked in data["lines"]:
            nights = list(days(booked["arrival"], booked["departure"]))
            lines[booked["line"]] = Line(
                room_type=booked["room_type"],
                arrival=date.fromisoformat(booked["arrival"]),
                departure=date.fromisoformat(booked["departure"]),
                state="held" if held else "confirmed",
                price=dict(zip(nights, map(Decimal, booked["prices"]), strict=True)),
                stock=dict.fromkeys(nights, booked["room_type"]),
            )
        for line in lines.values():
            for night in line.stock:
                assert not self._restricted(line.room_type, night).stop_sell, f"{night} isn't for sale"
            if line.stock:  # day use has no night to restrict
                self._check_arrival(line)
                self._check_departure(line)
            assert all(price == self.prices[line.room_type, night] for night, price in line.price.items())
        due = held and data["hold_until"] <= event.recorded_at.isoformat().replace("+00:00", "Z")
        self.stays[event.stream_id] = Stay(lines, due)

    def _live(self, kind: str, stay: Stay, data: dict[str, Any]) -> None:
        match kind:
            case "BookingConfirmed":
                assert not stay.due
                self._move(stay, data, "confirmed", "held")
            case "LinesCancelled":
                self._end(stay, data, "cancelled", "held", "confirmed")
            case "GuestsWalked":
                self._end(stay, data, "cancelled", "confirmed")
            case "BookingExpired":
                self._end(stay, data, "expired", "held")
            case "GuestsCheckedIn":
                self._move(stay, data, "checked_in", "confirmed")
                assert all(not line.stock or line.room for line in stay.of(data)), "checked in without a room"
            case "GuestsCheckedOut":
                self._move(stay, data, "checked_out", "checked_in")
                left = date.fromisoformat(data["departed_on"])
                for line in stay.of(data):
                    line.price = {night: price for night, price in line.price.items() if night < left}
                    line.stock = {night: stock for night, stock in line.stock.items() if night < left}
                    line.room = {night: room for night, room in line.room.items() if night < left}
                    line.departure = min(line.departure, max(left, line.arrival))
            case "NoShowRecorded":
                self._end(stay, data, "no_show", "confirmed")
            case "BookingChanged":
                self._change(stay, data)
            case "RoomsAssigned":
                self._assign(stay, data)
            case "RoomsReleased":
                for release in data["releases"]:
                    line, first = stay.lines[release["line"]], date.fromisoformat(release["first"])
                    assert line.state == "confirmed"
                    line.room = {night: room for night, room in line.room.items() if night < first}
                    line.stock |= {night: line.room_type for night in line.stock if night >= first}
            case "GuestsDescribed":
                people = [data["guest"], data["booker"], *(line["guest"] for line in data["lines"])]
                named = {person["details"]["guest_id"] for person in people if person is not None}
                assert not named & stay.erased, "who was erased is described"
            case "GuestsErased":
                assert not any(line.state in ("held", "confirmed", "checked_in") for line in stay.lines.values())
                assert not stay.erased.intersection(data["guests"]), "a guest was erased twice"
                stay.erased.update(data["guests"])
            case other:
                raise AssertionError(other)

    def _move(self, stay: Stay, data: dict[str, Any], state: str, *before: str) -> None:
        for line in stay.of(data):
            assert line.state in before, f"{line.state} became {state}"
            line.state = state

    def _end(self, stay: Stay, data: dict[str, Any], state: str, *before: str) -> None:
        self._move(stay, data, state, *before)
        for line in stay.of(data):
            line.room = {}

    def _change(self, stay: Stay, data: dict[str, Any]) -> None:
        assert not (stay.held and stay.due), "a hold past its deadline was changed"
        new_state = "held" if stay.held else "confirmed"
        for number in data["cancelled"]:
            assert stay.lines[number].state in ("held", "confirmed")
            stay.lines[number].state, stay.lines[number].room = "cancelled", {}
        for changed in data["lines"]:
            old = stay.lines.get(changed["line"])
            nights = list(days(changed["arrival"], changed["departure"]))
            line = Line(
                room_type=changed["room_type"],
                arrival=date.fromisoformat(changed["arrival"]),
                departure=date.fromisoformat(changed["departure"]),
                state=new_state if old is None else old.state,
                price=dict(zip(nights, map(Decimal, changed["prices"]), strict=True)),
                stock=dict(zip(nights, changed["stock"], strict=True)),
                room={night: room["room"] for room in changed["rooms"] for night in days(room["first"], room["until"])},
            )
            self._check_change(old, line)
            stay.lines[changed["line"]] = line
        assert sorted(stay.lines) == list(range(1, len(stay.lines) + 1)), "lines are numbered without a gap"

    def _check_change(self, old: Line | None, line: Line) -> None:
        kept = old.price if old is not None and old.room_type == line.room_type else {}
        for night, price in line.price.items():
            expected = kept[night] if night in kept else self.prices[line.room_type, night]
            assert price == expected, f"{night} costs {price}, not {expected}"
        for night in line.stock:
            assert night in kept or not self._restricted(line.room_type, night).stop_sell, f"{night} isn't for sale"
        if old is not None and old.state == "checked_in":
            assert (line.arrival, line.room_type) == (old.arrival, old.room_type), "somebody in house was moved"
        elif line.stock:
            if old is None or not kept or line.arrival != old.arrival or len(line.stock) < len(old.stock):
                self._check_arrival(line)
            if old is None or not kept or line.departure != old.departure:
                self._check_departure(line)

    def _assign(self, stay: Stay, data: dict[str, Any]) -> None:
        for assignment in data["assignments"]:
            line, room = stay.lines[assignment["line"]], assignment["room"]
            assert line.state in ("confirmed", "checked_in")
            assert not (data["automatic"] and line.state == "checked_in"), "the rule moved somebody in house"
            assert room in self.rooms[assignment["room_type"]]
            for night in days(assignment["first"], assignment["until"]):
                line.room[night], line.stock[night] = room, assignment["room_type"]

    def _check_arrival(self, line: Line) -> None:
        first = self._restricted(line.room_type, line.arrival)
        assert not first.closed_to_arrival, f"{line.arrival} is closed to arrival"
        assert len(line.stock) >= first.minimum_stay, f"{line.arrival} wants {first.minimum_stay} nights"

    def _check_departure(self, line: Line) -> None:
        closed = self._restricted(line.room_type, line.departure).closed_to_departure
        assert not closed, f"{line.departure} is closed to departure"

    def _restricted(self, room_type: str, night: date) -> Restrictions:
        return self.restrictions.setdefault((room_type, night), Restrictions())

    # ------------------------------------------------------------ the hotel

    def _hotel(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "HotelOpened" | "HotelDetailsChanged" | "HorizonExtended" | "RoomFeaturesSet":
                pass
            case "RoomTypeAdded":
                self.rooms[data["code"]] = list(data["rooms"])
                first, until = date.fromisoformat(data["on_sale_from"]), date.fromisoformat(data["bookable_until"])
                self.horizon = (first, until)
                for night in days(data["on_sale_from"], data["bookable_until"]):
                    self.prices[data["code"], night] = Decimal(data["base_price"])
            case "RoomsAdded":
                self.rooms[data["room_type"]] += data["rooms"]
                assert date.fromisoformat(data["in_service_from"]) == self.horizon[0], (
                    "from today on, as all others here"
                )
            case "PricesSet":
                for key in self._range(data):
                    self.prices[key] = Decimal(data["price"])
            case "RestrictionsSet":
                for key in self._range(data):
                    for name in ("stop_sell", "minimum_stay", "closed_to_arrival", "closed_to_departure"):
                        if data[name] is not None:
                            setattr(self._restricted(*key), name, data[name])
            case "AllowanceSet":
                for key in self._range(data):
                    self.allowance[key] = data["allowance"]
            case "RoomTakenOutOfOrder":
                for night in days(data["first"], data["until"]):
                    assert (data["room"], night) not in self.out_of_order
                    self.out_of_order.add((data["room"], night))
                for night in data["allowance_raised_on"]:
                    self.allowance[data["room_type"], date.fromisoformat(night)] += 1
            case "RoomReturnedToService":
                self.out_of_order -= {(data["room"], date.fromisoformat(night)) for night in data["nights"]}
                for night in data["allowance_lowered_on"]:
                    self.allowance[data["room_type"], date.fromisoformat(night)] -= 1
            case other:
                raise AssertionError(other)

    def _range(self, data: dict[str, Any]) -> Iterator[TypeNight]:
        for night in days(data["first"], data["until"]):
            if night.isoweekday() in data["weekdays"]:
                yield data["room_type"], night

    # ------------------------------------------------------------ what must never be

    def _check(self, event: Happened, data: dict[str, Any]) -> None:
        said = {(used["room_type"], date.fromisoformat(used["date"])) for used in data.get("allowance_used", ())}
        if self.half_swapped is not None:
            partner, said_before = self.half_swapped
            assert event.stream_id == partner, "a swap's two events belong together"
            said, self.half_swapped = said | said_before, None
        elif data.get("swapped_with") is not None:
            self.half_swapped = (UUID(data["swapped_with"]), said)
            return  # only after the second of the two have the rooms changed hands
        claimed, capacity = self._claims(with_due=True), self._capacity()
        for key, rooms in claimed.items():
            assert rooms <= capacity[key] + self.allowance[key], f"oversold after seq {event.seq}: {key}"
        if "allowance_used" in data:
            more = {key for key in claimed if claimed[key] > self.claimed_before[key]}
            assert said == {key for key in more if claimed[key] > capacity[key]}, f"seq {event.seq}: the allowance"
        self.claimed_before = claimed
        self._check_rooms()

    def _claims(self, *, with_due: bool) -> Counter[TypeNight]:
        return Counter(
            key
            for stay in self.stays.values()
            for line in stay.lines.values()
            if with_due or not (line.state == "held" and stay.due)
            for key in line.claimed()
        )

    def _capacity(self) -> Counter[TypeNight]:
        """Rooms in service, without the allowance."""
        type_of = {room: code for code, rooms in self.rooms.items() for room in rooms}
        capacity = Counter({key: len(self.rooms[key[0]]) for key in self.prices})
        capacity.subtract(Counter((type_of[room], night) for room, night in self.out_of_order))
        return capacity

    def _check_rooms(self) -> None:
        taken: set[RoomNight] = set()
        for room, night, _, _ in self._rooms():
            assert (room, night) not in taken, f"room {room} has two stays on {night}"
            assert (room, night) not in self.out_of_order, f"room {room} is out of order on {night}"
            taken.add((room, night))

    def _rooms(self) -> Iterator[tuple[str, date, UUID, int]]:
        for booking_id, stay in self.stays.items():
            for number, line in stay.lines.items():
                for night, room in line.room.items():
                    yield room, night, booking_id, number

    # ------------------------------------------------------------ what the tables should say

    def nights(self) -> dict[TypeNight, tuple[int, int, int, int, Decimal, bool, int, bool, bool]]:
        """In service, allowance, sold, held, price, and the restrictions, of every night on sale."""
        sold: Counter[TypeNight] = Counter()
        held: Counter[TypeNight] = Counter()
        for stay in self.stays.values():
            for line in stay.lines.values():
                (held if line.state == "held" else sold).update(line.claimed())
        capacity = self._capacity()
        rows = {}
        for key, price in self.prices.items():
            bound = self._restricted(*key)
            rows[key] = (
                capacity[key],
                self.allowance[key],
                sold[key],
                held[key],
                price,
                bound.stop_sell,
                bound.minimum_stay,
                bound.closed_to_arrival,
                bound.closed_to_departure,
            )
        return rows

    def holds(self) -> set[tuple[UUID, int]]:
        """The lines that are held."""
        return {
            (booking_id, number)
            for booking_id, stay in self.stays.items()
            for number, line in stay.lines.items()
            if line.state == "held"
        }

    def room_nights(self) -> set[tuple[str, date, UUID, int]]:
        """Who has which room in which night."""
        return set(self._rooms())

    def was_full(self, key: TypeNight, wanted: int, seqs: Iterable[int]) -> bool:
        """Whether so many rooms were too many for a night after one of these events."""
        return any(self.after[seq].claimed[key] + wanted > self.after[seq].limit[key] for seq in seqs)


def days(first: str, until: str) -> Iterator[date]:
    """The dates of a half-open range."""
    day, end = date.fromisoformat(first), date.fromisoformat(until)
    while day < end:
        yield day
        day += timedelta(days=1)
