"""Which stays a room type sells, and the cheapest rooms for a party: held against the rules of booking and by trial."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar import nights
from domain.offers import CLOSED_TO_ARRIVAL, CLOSED_TO_DEPARTURE, MINIMUM_STAY, STOP_SELL, Party, Room, TypeNights
from domain.offers import cheapest_rooms as cheapest
from domain.rejections import Rejected
from domain.selling import check_restrictions, take
from domain.stock import NightKey, NightStock

FIRST = date(2027, 5, 1)
NIGHTS = 6


def kind(code: str, adults: int, children: int = 0) -> TypeNights:
    return TypeNights(code, code, adults, children, [], [], [])


def room(price: int, code: str, free: int, adults: int, children: int = 0) -> Room:
    return Room(price, code, free, kind(code, adults, children))


def codes(rooms: list[Room] | None) -> list[str] | None:
    return None if rooms is None else [room.code for room in rooms]


def test_a_party_gets_the_cheapest_type_that_takes_it() -> None:
    rooms = [room(80, "SGL", 5, 1), room(100, "DBL", 5, 2), room(150, "FAM", 5, 3)]
    assert codes(cheapest([Party(2, 0)], rooms)) == ["DBL"]
    assert codes(cheapest([Party(3, 0), Party(1, 0)], rooms)) == ["FAM", "SGL"]
    assert cheapest([Party(4, 0)], rooms) is None


def test_whoever_fits_elsewhere_makes_room_for_whoever_does_not() -> None:
    rooms = [room(100, "BIG", 1, 4), room(120, "DBL", 1, 2)]
    assert codes(cheapest([Party(2, 0), Party(4, 0)], rooms)) == ["DBL", "BIG"]
    assert codes(cheapest([Party(4, 0), Party(2, 0)], rooms)) == ["BIG", "DBL"]


def test_no_more_rooms_of_a_type_are_given_than_are_free() -> None:
    rooms = [room(100, "DBL", 2, 2), room(150, "FAM", 1, 3)]
    assert sorted(codes(cheapest([Party(2, 0)] * 3, rooms)) or []) == ["DBL", "DBL", "FAM"]
    assert cheapest([Party(2, 0)] * 4, rooms) is None


parties = st.lists(st.builds(Party, st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=4)
choices = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)), min_size=0, max_size=4
)


@given(parties, choices)
@settings(max_examples=300)
def test_nothing_cheaper_takes_them_all(parties: list[Party], choices: list[tuple[int, int, int, int]]) -> None:
    rooms = sorted(
        room(price, f"T{number}", free, adults, children)
        for number, (price, free, adults, children) in enumerate(choices)
    )
    totals = [
        sum(one.price for one in seats)
        for seats in product(rooms, repeat=len(parties))
        if all(one.kind.takes(party) for one, party in zip(seats, parties, strict=True))
        and all(seats.count(one) <= one.free for one in seats)
    ]
    found = cheapest(parties, rooms)
    if found is None:
        assert totals == []
        return
    assert sum(one.price for one in found) == min(totals)
    assert all(one.kind.takes(party) for one, party in zip(found, parties, strict=True))
    assert all(found.count(one) <= one.free for one in found)


a_night = st.builds(
    NightStock,
    in_service=st.integers(0, 3),
    allowance=st.integers(0, 1),
    sold=st.integers(0, 2),
    held=st.integers(0, 1),
    price=st.just(Decimal("100.00")),
    stop_sell=st.sampled_from([False] * 5 + [True]),
    minimum_stay=st.sampled_from([1, 1, 1, 2, 3]),
    closed_to_arrival=st.sampled_from([False] * 3 + [True]),
    closed_to_departure=st.sampled_from([False] * 3 + [True]),
)


@given(st.lists(st.one_of(a_night, a_night, a_night, st.none()), min_size=NIGHTS + 1, max_size=NIGHTS + 1))
@settings(max_examples=200)
def test_a_type_sells_what_a_booking_of_it_is_not_refused(known: list[NightStock | None]) -> None:
    stock: dict[NightKey, NightStock] = {
        ("DBL", FIRST + timedelta(days=number)): night for number, night in enumerate(known) if night is not None
    }
    free = [-1 if night is None else night.free for night in known]
    rules = [0 if night is None else rules_of(night) for night in known]
    offered = TypeNights("DBL", "Double", 2, 0, free, [100_000] * len(known), rules)
    for first in range(NIGHTS):
        for length in range(1, NIGHTS - first + 1):
            arrival, departure = FIRST + timedelta(days=first), FIRST + timedelta(days=first + length)
            assert offered.sells(first, length) == most_sold(stock, arrival, departure)


def rules_of(night: NightStock) -> int:
    return (
        STOP_SELL * night.stop_sell
        + CLOSED_TO_ARRIVAL * night.closed_to_arrival
        + CLOSED_TO_DEPARTURE * night.closed_to_departure
        + MINIMUM_STAY * night.minimum_stay
    )


def most_sold(stock: dict[NightKey, NightStock], arrival: date, departure: date) -> int:
    """How many rooms a booking can have, by the rules that it is decided by."""
    count = 0
    try:
        check_restrictions(stock, "DBL", arrival, departure)
        while True:
            take({("DBL", night): count + 1 for night in nights(arrival, departure)}, stock)
            count += 1
    except Rejected:
        return count
