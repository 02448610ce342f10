"""What each event does to the read tables' rows."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest

from domain.bookings import (
    AllowanceUse,
    BookingConfirmed,
    BookingExpired,
    BookingHeld,
    BookingMade,
    DescribedLineGuest,
    DescribedPerson,
    GuestsCheckedIn,
    GuestsCheckedOut,
    GuestsDescribed,
    GuestsWalked,
    LinesCancelled,
    NoShowRecorded,
    RoomRelease,
    RoomsReleased,
)
from domain.hotels import HorizonExtended, HotelDetailsChanged, RoomFeaturesSet, RoomReturnedToService, RoomsAdded
from domain.inventory import EVERY_DAY, AllowanceSet, PricesSet, RestrictionsSet
from domain.values import Sealed
from readmodels.folds import Fold, reach_of
from readmodels.rows import (
    BOOKING,
    BOOKING_NIGHT,
    GUEST,
    HOTEL,
    LINE,
    NIGHT,
    ROOM,
    ROOM_OUTAGE,
    ROOM_STAY,
    ROOM_TYPE,
    TIMELINE,
)
from readmodels.working_set import UndeclaredRow, WorkingSet
from tests.domain.house import DOUBLE, OPENED, SUITE, TODAY, assigned, booked_line, held, made, out_of_order
from tests.domain.house import GUEST as SEALED
from tests.readmodels.words import BEGAN, BOOKING_ID, Ledger, changed, changed_line, folded, given

HOUSE = (OPENED, DOUBLE, SUITE)
ANA = {"full_name": "Ana Guest", "email": "Ana@Example.org", "phone": "+351 1", "language": "pt"}


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def stock(rows: WorkingSet, number: int, code: str = "DBL") -> tuple[int, int, int]:
    """In service, sold and held."""
    row = rows.get(NIGHT, (day(number), code))
    assert row is not None
    return row.in_service, row.sold, row.held


def claims(rows: WorkingSet, line: int = 1) -> list[tuple[int, str | None]]:
    """The nights of a line and what they claim."""
    of_line = [row for row in rows.rows(BOOKING_NIGHT) if row.line == line]
    return sorted(((row.night - TODAY).days, row.claim) for row in of_line)


def types(rows: WorkingSet, line: int = 1) -> list[tuple[int, str]]:
    """The nights of a line and the types whose stock they are of."""
    of_line = [row for row in rows.rows(BOOKING_NIGHT) if row.line == line]
    return sorted(((row.night - TODAY).days, row.room_type) for row in of_line)


def room_stays(rows: WorkingSet) -> list[tuple[int, str, int, int]]:
    """Lines and their rooms, from which day until which."""
    found = [(row.line, row.room, (row.first - TODAY).days, (row.until - TODAY).days) for row in rows.rows(ROOM_STAY)]
    return sorted(found, key=lambda stay: (stay[0], stay[2]))


def rooms_of_lines(rows: WorkingSet) -> dict[int, str | None]:
    return {row.line: row.room for row in rows.rows(LINE)}


def last_facts(rows: WorkingSet) -> dict[str, Any]:
    """What the timeline says of the last event."""
    entry = max(rows.rows(TIMELINE), key=lambda entry: entry.seq)
    facts: dict[str, Any] = orjson.loads(entry.facts)
    return facts


def state(rows: WorkingSet) -> str:
    row = rows.get(BOOKING, (BOOKING_ID,))
    assert row is not None
    return row.state


# ---------------------------------------------------------------- hotels


def test_a_hotel_opens_with_its_settings() -> None:
    hotel = given(OPENED).get(HOTEL, ())
    assert hotel is not None
    assert (hotel.name, hotel.city, hotel.version, hotel.opened_at) == ("Aurora", "Lisbon", 1, BEGAN)
    assert hotel.bookable_until == OPENED.bookable_until


def test_changed_details_leave_the_others_as_they_were() -> None:
    hotel = given(OPENED, HotelDetailsChanged(city="Porto")).get(HOTEL, ())
    assert hotel is not None
    assert (hotel.name, hotel.city, hotel.version) == ("Aurora", "Porto", 2)


def test_a_room_type_has_its_rooms_and_a_night_for_each_day_of_the_horizon() -> None:
    rows = given(OPENED, DOUBLE)
    kind = rows.get(ROOM_TYPE, ("DBL",))
    assert kind is not None
    assert (kind.room_count, kind.base_price, kind.inventory_version) == (2, Decimal("100.00"), 0)
    assert {row.room for row in rows.rows(ROOM)} == {"101", "102"}
    assert rows.count(NIGHT) == OPENED.bookable_horizon_days
    assert stock(rows, 0) == (2, 0, 0)
    assert rows.get(NIGHT, (OPENED.bookable_until, "DBL")) is None


def test_further_rooms_are_in_service_from_their_day_on() -> None:
    added = RoomsAdded(room_type="DBL", rooms=("103",), in_service_from=day(3), bookable_until=OPENED.bookable_until)
    rows = given(OPENED, DOUBLE, added)
    assert [stock(rows, number)[0] for number in (2, 3, 4)] == [2, 3, 3]
    kind = rows.get(ROOM_TYPE, ("DBL",))
    assert kind is not None
    assert kind.room_count == 3


def test_new_nights_of_the_horizon_have_all_rooms_at_the_base_price() -> None:
    before, after = OPENED.bookable_until, OPENED.bookable_until + timedelta(days=2)
    rows = given(*HOUSE, HorizonExtended(bookable_from=before, bookable_until=after))
    night = rows.get(NIGHT, (before, "STE"))
    assert night is not None
    assert (night.in_service, night.price) == (1, Decimal("250.00"))
    hotel = rows.get(HOTEL, ())
    assert hotel is not None
    assert hotel.bookable_until == after


def test_prices_are_set_on_the_weekdays_of_a_range_alone() -> None:
    weekdays = (day(1).isoweekday(), day(2).isoweekday())
    prices = PricesSet(room_type="DBL", first=day(0), until=day(2), weekdays=weekdays, price=Decimal("80.00"))
    rows = given(OPENED, DOUBLE, prices)
    found = [rows.get(NIGHT, (day(number), "DBL")) for number in range(4)]
    assert [night.price for night in found if night] == [
        Decimal("100.00"), Decimal("80.00"), Decimal("100.00"), Decimal("100.00"),
    ]  # fmt: skip
    kind = rows.get(ROOM_TYPE, ("DBL",))
    assert kind is not None
    assert kind.inventory_version == 1


def test_restrictions_change_where_they_are_said_and_nowhere_else() -> None:
    first = RestrictionsSet(
        room_type="DBL", first=day(0), until=day(3), weekdays=EVERY_DAY, stop_sell=True, minimum_stay=2,
        closed_to_arrival=None, closed_to_departure=True,
    )  # fmt: skip
    second = replace(first, first=day(1), until=day(2), stop_sell=False, minimum_stay=None, closed_to_arrival=True)
    rows = given(OPENED, DOUBLE, first, second)
    found = [rows.get(NIGHT, (day(number), "DBL")) for number in range(4)]
    assert [tuple(night[-4:]) for night in found if night] == [
        (True, 2, False, True), (False, 2, True, True), (True, 2, False, True), (False, 1, False, False),
    ]  # fmt: skip
    kind = rows.get(ROOM_TYPE, ("DBL",))
    assert kind is not None
    assert kind.inventory_version == 2


def test_an_allowance_is_that_of_its_nights() -> None:
    weekdays = (day(1).isoweekday(),)
    event = AllowanceSet(
        room_type="DBL", first=day(0), until=day(3), weekdays=weekdays, allowance=1, reason=SEALED
    )  # fmt: skip
    rows = given(OPENED, DOUBLE, event)
    assert allowance(rows, 4) == [0, 1, 0, 0]
    assert rows.count(GUEST) == 0


def allowance(rows: WorkingSet, until: int) -> list[int]:
    found = (rows.get(NIGHT, (day(number), "DBL")) for number in range(until))
    return [night.allowance for night in found if night is not None]


# ---------------------------------------------------------------- rooms


def test_what_a_room_offers_is_what_was_said_last() -> None:
    rows = given(
        *HOUSE,
        RoomFeaturesSet(room="101", features=("quiet", "sea_view")),
        RoomFeaturesSet(room="101", features=("quiet",)),
    )
    assert {row.room: row.features for row in rows.rows(ROOM)} == {"101": ("quiet",), "102": (), "201": ()}
    hotel = rows.get(HOTEL, ())
    assert hotel is not None
    assert hotel.version == 5


def test_a_room_out_of_order_is_one_less_in_service_and_may_raise_the_allowance() -> None:
    details = {SEALED.guest_id: {"text": "a leak"}}
    rows = given(*HOUSE, out_of_order("101", 1, 4, raised=(2,)), details=details)
    assert [stock(rows, number)[0] for number in range(5)] == [2, 1, 1, 1, 2]
    assert allowance(rows, 5) == [0, 0, 1, 0, 0]
    assert stock(rows, 2, "STE") == (1, 0, 0)
    assert list(rows.rows(ROOM_OUTAGE)) == [("101", day(1), day(4), SEALED.guest_id, "a leak")]


def test_a_reason_whose_key_is_gone_is_absent() -> None:
    (outage,) = given(*HOUSE, out_of_order("101", 1, 4)).rows(ROOM_OUTAGE)
    assert (outage.reason_id, outage.reason) == (SEALED.guest_id, None)


def test_a_room_back_in_service_ends_what_is_left_of_its_outages() -> None:
    back = RoomReturnedToService(
        room="101", room_type="DBL", first=day(2), nights=(day(2), day(3), day(6), day(7)),
        allowance_lowered_on=(day(3),),
    )  # fmt: skip
    over, other = out_of_order("101", 0, 1), out_of_order("102", 0, 1)
    gone = (over, other, out_of_order("101", 1, 4, raised=(3,)), out_of_order("101", 6, 8))
    rows = given(*HOUSE, *gone, back)
    assert [stock(rows, number)[0] for number in range(9)] == [0, 1, 2, 2, 2, 2, 2, 2, 2]
    assert allowance(rows, 5) == [0, 0, 0, 0, 0]
    outages = sorted((row.room, row.first, row.until) for row in rows.rows(ROOM_OUTAGE))
    assert outages == [("101", day(0), day(1)), ("101", day(1), day(2)), ("102", day(0), day(1))]


# ---------------------------------------------------------------- bookings


def test_a_booking_sells_its_nights() -> None:
    rows = given(*HOUSE, made(booked_line(departure=3)))
    assert [stock(rows, number) for number in range(4)] == [(2, 1, 0), (2, 1, 0), (2, 1, 0), (2, 0, 0)]
    assert claims(rows) == [(0, "sold"), (1, "sold"), (2, "sold")]
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.state, booking.version, booking.seq) == ("confirmed", 1, 4)
    assert (booking.arrival, booking.departure, booking.total) == (day(0), day(3), Decimal("300.00"))
    assert (booking.channel, booking.hold_until, booking.guest_id) == ("web", None, SEALED.guest_id)


def test_two_lines_of_a_type_claim_two_rooms_and_span_the_booking() -> None:
    rows = given(*HOUSE, made(booked_line(1, departure=2), booked_line(2, arrival=1, departure=4)))
    assert [stock(rows, number)[1] for number in range(5)] == [1, 2, 1, 1, 0]
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.arrival, booking.departure) == (day(0), day(4))


def test_a_hold_holds_and_says_until_when() -> None:
    event = held()
    rows = given(*HOUSE, event)
    assert (stock(rows, 0), claims(rows)) == ((2, 0, 1), [(0, "held"), (1, "held")])
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.state, booking.hold_until) == ("held", event.hold_until)


def test_a_confirmed_hold_is_sold_and_has_no_deadline() -> None:
    rows = given(*HOUSE, held(), BookingConfirmed(lines=(1,)))
    assert (stock(rows, 0), claims(rows)) == ((2, 1, 0), [(0, "sold"), (1, "sold")])
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.state, booking.hold_until, booking.version) == ("confirmed", None, 2)
    assert (booking.booked_at, booking.changed_at) == (BEGAN + timedelta(minutes=3), BEGAN + timedelta(minutes=4))


def test_an_expired_hold_frees_its_nights() -> None:
    rows = given(*HOUSE, held(), BookingExpired(lines=(1,)))
    assert (stock(rows, 0), claims(rows), state(rows)) == ((2, 0, 0), [(0, None), (1, None)], "expired")


def test_a_cancelled_hold_has_no_deadline_left() -> None:
    rows = given(*HOUSE, held(), LinesCancelled(lines=(1,), reason=None, note=None))
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert booking.hold_until is None


def test_a_cancelled_line_frees_its_nights_and_leaves_the_other() -> None:
    both = made(booked_line(1), booked_line(2))
    rows = given(*HOUSE, both, LinesCancelled(lines=(1,), reason="plans", note=None))
    assert (stock(rows, 0), claims(rows, 1), claims(rows, 2)) == (
        (2, 1, 0), [(0, None), (1, None)], [(0, "sold"), (1, "sold")],
    )  # fmt: skip
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.state, booking.total) == ("confirmed", Decimal("200.00"))


def test_an_early_departure_frees_the_rest_and_forgets_its_nights() -> None:
    rows = given(
        *HOUSE,
        made(booked_line(departure=4)),
        GuestsCheckedIn(lines=(1,)),
        GuestsCheckedOut(lines=(1,), departed_on=day(1)),
    )
    assert claims(rows) == [(0, "sold")]
    assert [stock(rows, number)[1] for number in range(4)] == [1, 0, 0, 0]
    line = rows.get(LINE, (BOOKING_ID, 1))
    assert line is not None
    assert (line.departure, line.total, line.state) == (day(1), Decimal("100.00"), "checked_out")


def test_a_no_show_keeps_the_first_night_only() -> None:
    rows = given(*HOUSE, made(booked_line(departure=3)), NoShowRecorded(lines=(1,)))
    assert claims(rows) == [(0, "sold"), (1, None), (2, None)]
    assert [stock(rows, number)[1] for number in range(3)] == [1, 0, 0]


def test_day_use_claims_no_night() -> None:
    rows = given(*HOUSE, made(booked_line(departure=0)))
    assert (claims(rows), stock(rows, 0), rows.count(LINE)) == ([], (2, 0, 0), 1)


# ---------------------------------------------------------------- changes


def test_a_change_moves_nights_wherever_they_go() -> None:
    rows = given(*HOUSE, made(booked_line(departure=3)), changed(changed_line(1, 2, 5)))
    assert claims(rows) == [(2, "sold"), (3, "sold"), (4, "sold")]
    assert [stock(rows, number)[1] for number in range(6)] == [0, 0, 1, 1, 1, 0]
    booking = rows.get(BOOKING, (BOOKING_ID,))
    assert booking is not None
    assert (booking.arrival, booking.departure, booking.total) == (day(2), day(5), Decimal("270.00"))


def test_a_changed_type_moves_stock_even_on_the_same_dates() -> None:
    rows = given(*HOUSE, made(), changed(changed_line(1, 0, 2, "STE")))
    assert (stock(rows, 0), stock(rows, 0, "STE"), types(rows)) == ((2, 0, 0), (1, 1, 0), [(0, "STE"), (1, "STE")])


def test_lines_are_added_and_cancelled_by_a_change() -> None:
    event = changed(changed_line(2, 0, 1), changed_line(3, 1, 2, "STE"), cancelled=(1,))
    rows = given(*HOUSE, made(), event)
    lines = {row.line: (row.state, row.room_type) for row in rows.rows(LINE)}
    assert lines == {1: ("cancelled", "DBL"), 2: ("confirmed", "DBL"), 3: ("confirmed", "STE")}
    assert (claims(rows, 1), claims(rows, 2), claims(rows, 3)) == ([(0, None), (1, None)], [(0, "sold")], [(1, "sold")])


def test_a_line_added_to_a_hold_is_held() -> None:
    rows = given(*HOUSE, held(), changed(changed_line(2, 0, 1)))
    assert (stock(rows, 0), claims(rows, 2)) == ((2, 0, 2), [(0, "held")])


def test_a_change_to_day_use_leaves_no_night() -> None:
    rows = given(*HOUSE, made(), assigned((1, "101", 0, 2)), changed(changed_line(1, 1, 1, "DBL", ("101", 1, 1))))
    assert (claims(rows), stock(rows, 0), room_stays(rows)) == ([], (2, 0, 0), [(1, "101", 1, 1)])


def test_walked_guests_leave_their_nights_and_rooms() -> None:
    walked = GuestsWalked(lines=(1,), cost=Decimal("80.00"), sent_to=SEALED)
    rows = given(*HOUSE, made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2), (2, "102", 0, 2)), walked)
    assert (claims(rows, 1), stock(rows, 0), room_stays(rows)) == (
        [(0, None), (1, None)], (2, 1, 0), [(2, "102", 0, 2)],
    )  # fmt: skip


# ---------------------------------------------------------------- rooms of lines


def test_an_assigned_room_is_the_lines_and_its_nights() -> None:
    rows = given(*HOUSE, made(booked_line(departure=3)), assigned((1, "102", 0, 3)))
    assert (room_stays(rows), rooms_of_lines(rows)) == ([(1, "102", 0, 3)], {1: "102"})


def test_a_room_of_another_type_moves_the_stock_of_its_nights() -> None:
    rows = given(*HOUSE, made(booked_line(departure=3)), assigned((1, "201", 1, 3)))
    assert types(rows) == [(0, "DBL"), (1, "STE"), (2, "STE")]
    assert [stock(rows, number)[1] for number in range(3)] == [1, 0, 0]
    assert [stock(rows, number, "STE")[1] for number in range(3)] == [0, 1, 1]
    line = rows.get(LINE, (BOOKING_ID, 1))
    assert line is not None
    assert (line.room_type, line.total) == ("DBL", Decimal("300.00"))


def test_a_move_in_house_leaves_the_nights_before_in_their_room() -> None:
    rows = given(*HOUSE, made(booked_line(departure=4)), assigned((1, "101", 0, 4)), assigned((1, "102", 1, 3)))
    assert room_stays(rows) == [(1, "101", 0, 1), (1, "102", 1, 3), (1, "101", 3, 4)]
    assert rooms_of_lines(rows) == {1: "101"}


def test_a_swap_gives_each_line_the_others_room() -> None:
    both = made(booked_line(1), booked_line(2, "STE"))
    rows = given(
        *HOUSE, both, assigned((1, "101", 0, 2), (2, "201", 0, 2)), assigned((1, "201", 0, 2), (2, "101", 0, 2))
    )
    assert room_stays(rows) == [(1, "201", 0, 2), (2, "101", 0, 2)]
    assert (types(rows, 1), types(rows, 2)) == ([(0, "STE"), (1, "STE")], [(0, "DBL"), (1, "DBL")])
    assert (stock(rows, 0), stock(rows, 0, "STE")) == ((2, 1, 0), (1, 1, 0))


def test_released_rooms_give_the_stock_of_the_type_booked_back() -> None:
    released = RoomsReleased(releases=(RoomRelease(line=1, first=day(1)),), allowance_used=())
    rows = given(*HOUSE, made(booked_line(departure=3)), assigned((1, "201", 0, 3)), released)
    assert (room_stays(rows), types(rows)) == ([(1, "201", 0, 1)], [(0, "STE"), (1, "DBL"), (2, "DBL")])
    assert [stock(rows, number, "STE")[1] for number in range(3)] == [1, 0, 0]


def test_an_early_departure_ends_the_stay_in_the_room() -> None:
    rows = given(
        *HOUSE,
        made(booked_line(departure=4)),
        assigned((1, "101", 0, 4)),
        assigned((1, "102", 2, 4)),
        GuestsCheckedIn(lines=(1,)),
        GuestsCheckedOut(lines=(1,), departed_on=day(1)),
    )
    assert room_stays(rows) == [(1, "101", 0, 1)]


@pytest.mark.parametrize("end", [LinesCancelled(lines=(1,), reason=None, note=None), NoShowRecorded(lines=(1,))])
def test_a_line_that_is_not_stayed_has_no_room(end: LinesCancelled | NoShowRecorded) -> None:
    rows = given(*HOUSE, made(), assigned((1, "101", 0, 2)), end)
    assert (room_stays(rows), rooms_of_lines(rows)) == ([], {1: None})


# ---------------------------------------------------------------- guests and timeline


def test_a_guest_is_in_the_clear_while_the_key_is_there() -> None:
    rows = given(*HOUSE, made(), details={SEALED.guest_id: ANA})
    guest = rows.get(GUEST, (SEALED.guest_id,))
    assert guest is not None
    assert (guest.full_name, guest.email, guest.erased) == ("Ana Guest", "Ana@Example.org", False)


def test_an_erased_guest_leaves_a_row_that_says_so_and_nothing_else() -> None:
    guest = given(*HOUSE, made()).get(GUEST, (SEALED.guest_id,))
    assert guest == (SEALED.guest_id, None, None, None, None, True)


def test_booker_and_guests_of_lines_have_rows_of_their_own() -> None:
    booker, child = Sealed(guest_id=UUID(int=8), ciphertext=""), Sealed(guest_id=UUID(int=9), ciphertext="")
    rows = given(*HOUSE, replace(made(replace(booked_line(), guest=child)), booker=booker))
    assert {guest.guest_id for guest in rows.rows(GUEST)} == {SEALED.guest_id, booker.guest_id, child.guest_id}


def test_the_timeline_says_who_did_what_and_nothing_personal() -> None:
    note = Sealed(guest_id=SEALED.guest_id, ciphertext="c2VjcmV0")
    rows = given(*HOUSE, made(), LinesCancelled(lines=(1,), reason="plans", note=note), details={SEALED.guest_id: ANA})
    booked, cancelled = sorted(rows.rows(TIMELINE), key=lambda entry: entry.seq)
    assert (booked.type, booked.actor, booked.role) == ("BookingMade", "clerk", "staff")
    assert orjson.loads(booked.facts)["total"] == "200.00"
    assert orjson.loads(cancelled.facts) == {"lines": [1], "reason": "plans", "has_note": True}
    for text in (booked.facts, cancelled.facts):
        assert not any(secret in text for secret in ("Ana", "Example", "351", "c2V"))


def person(number: int, *changed: str) -> DescribedPerson:
    return DescribedPerson(details=Sealed(guest_id=UUID(int=number), ciphertext="c2VjcmV0"), changed=changed)


def test_guests_described_anew_are_those_of_booking_and_lines() -> None:
    details = {UUID(int=number): {"full_name": f"Guest {number}"} for number in (7, 8, 9)}
    described = GuestsDescribed(
        guest=None, booker=person(8, "full_name"), lines=(DescribedLineGuest(line=1, guest=person(9, "full_name")),)
    )
    rows = given(*HOUSE, made(), described, details=details)
    booking, line = rows.get(BOOKING, (BOOKING_ID,)), rows.get(LINE, (BOOKING_ID, 1))
    assert booking is not None
    assert line is not None
    assert (booking.guest_id, booking.booker_id, line.guest_id) == (UUID(int=7), UUID(int=8), UUID(int=9))
    assert {row.guest_id: row.full_name for row in rows.rows(GUEST)} == {
        UUID(int=number): f"Guest {number}" for number in (7, 8, 9)
    }


def test_what_is_known_of_a_guest_is_what_was_said_last() -> None:
    """Also where a change repeats a line whose guest was described under another name of the booking since."""
    said = {"old": "Anna", "new": "Ana"}
    old, new = (Sealed(guest_id=SEALED.guest_id, ciphertext=text) for text in said)
    ledger = Ledger().add(
        *HOUSE,
        replace(made(replace(booked_line(), guest=old)), guest=old),
        GuestsDescribed(guest=DescribedPerson(details=new, changed=("full_name",)), booker=None, lines=()),
        changed(changed_line(1, 0, 3, guest=old)),
    )
    fold = Fold(WorkingSet(from_nothing=True), lambda sealed: {"full_name": said[sealed.ciphertext]})
    for recorded in ledger.events:
        fold.apply(recorded, recorded.event())
    guest = fold.rows.get(GUEST, (SEALED.guest_id,))
    assert guest is not None
    assert guest.full_name == "Ana"


def test_the_guest_of_an_added_line_is_known() -> None:
    details = {UUID(int=8): {"full_name": "Guest 8"}}
    rows = given(*HOUSE, made(), changed(changed_line(2, guest=person(8).details)), details=details)
    guest = rows.get(GUEST, (UUID(int=8),))
    assert guest is not None
    assert guest.full_name == "Guest 8"


def test_the_timeline_tells_of_changes_and_rooms() -> None:
    rows = given(*HOUSE, made(), changed(changed_line(2, 1, 3), cancelled=(1,), used=2))
    line = {"line": 2, "room_type": "DBL", "adults": 1, "children": 0, "arrival": f"{day(1)}", "departure": f"{day(3)}"}
    assert last_facts(rows) == {
        "lines": [line], "cancelled": [1], "total": "180.00", "currency": "EUR",
        "allowance_used": [{"room_type": "DBL", "date": f"{day(2)}"}],
    }  # fmt: skip
    rows = given(*HOUSE, made(), assigned((1, "201", 0, 2), automatic=True, used=1))
    assert last_facts(rows) == {
        "assignments": [
            {"line": 1, "room": "201", "room_type": "STE", "from": f"{day(0)}", "to": f"{day(2)}"}
        ],
        "automatic": True,
        "allowance_used": [{"room_type": "STE", "date": f"{day(1)}"}],
    }  # fmt: skip
    use = AllowanceUse(room_type="DBL", date=day(1))
    released = RoomsReleased(releases=(RoomRelease(line=1, first=day(0)),), allowance_used=(use,))
    assert last_facts(given(*HOUSE, made(), assigned((1, "201", 0, 2)), released)) == {
        "releases": [{"line": 1, "from": f"{day(0)}"}], "allowance_used": [{"room_type": "DBL", "date": f"{day(1)}"}],
    }  # fmt: skip


@pytest.mark.parametrize("booked", [made(), held()])
def test_the_timeline_tells_what_a_booking_took_of_the_allowance(booked: BookingMade | BookingHeld) -> None:
    use = (AllowanceUse(room_type="DBL", date=day(1)),)
    assert "allowance_used" not in last_facts(given(*HOUSE, booked))
    shown = last_facts(given(*HOUSE, replace(booked, allowance_used=use)))["allowance_used"]
    assert shown == [{"room_type": "DBL", "date": f"{day(1)}"}]


def test_the_timeline_names_people_by_their_ids_and_places_not_at_all() -> None:
    details = {UUID(int=8): ANA, SEALED.guest_id: {"text": "Hotel Elsewhere"}}
    described = GuestsDescribed(
        guest=person(8, "email", "phone"), booker=None, lines=(DescribedLineGuest(line=1, guest=person(8, "email")),)
    )
    walked = GuestsWalked(lines=(1,), cost=Decimal("80.50"), sent_to=SEALED)
    rows = given(*HOUSE, made(), described, details=details)
    someone = f"{UUID(int=8)}"
    assert last_facts(rows) == {
        "guest": {"guest_id": someone, "changed": ["email", "phone"]},
        "lines": [{"line": 1, "guest_id": someone, "changed": ["email"]}],
    }
    rows = given(*HOUSE, made(), described, walked, details=details)
    assert last_facts(rows) == {"lines": [1], "cost": "80.50", "currency": "EUR"}
    for entry in rows.rows(TIMELINE):
        assert not any(secret in entry.facts for secret in ("Ana", "Example", "351", "c2V", "Elsewhere"))


# ---------------------------------------------------------------- reach and errors


def test_a_batch_reaches_what_it_reads_and_no_more() -> None:
    ledger = Ledger().add(*HOUSE, made(), BookingConfirmed(lines=(1,)))
    other = UUID(int=77)
    ledger.add(GuestsCheckedIn(lines=(1,)), booking_id=other)
    reach = reach_of([(recorded, recorded.event()) for recorded in ledger.events[3:]])
    assert (reach.bookings, reach.settings, reach.guests) == ({other}, False, {SEALED.guest_id})
    assert reach.nights == {(day(0), "DBL"), (day(1), "DBL")}


def test_a_batch_of_rooms_reaches_rooms_reasons_and_the_stock_of_both_types() -> None:
    ledger = Ledger().add(
        *HOUSE, RoomFeaturesSet(room="102", features=("quiet",)), out_of_order("101", 1, 2),
        changed(changed_line(1, 0, 2, "DBL", stock=("DBL", "STE"))), assigned((1, "201", 0, 1)),
    )  # fmt: skip
    reach = reach_of([(recorded, recorded.event()) for recorded in ledger.events[3:]])
    assert (reach.settings, reach.rooms, reach.guests) == (True, {"101", "102"}, {SEALED.guest_id})
    assert reach.nights == {(day(0), "DBL"), (day(1), "DBL"), (day(1), "STE"), (day(0), "STE")}
    assert reach.bookings == {BOOKING_ID}


def test_a_row_that_nobody_looked_for_is_refused_not_taken_for_absent() -> None:
    with pytest.raises(UndeclaredRow):
        WorkingSet().get(NIGHT, (day(0), "DBL"))


def test_what_comes_back_to_what_it_was_is_not_written() -> None:
    before = folded(Ledger().add(*HOUSE, made()).events)
    rows = WorkingSet()
    rows.load(NIGHT, before.rows(NIGHT))
    row = rows.get(NIGHT, (day(0), "DBL"))
    assert row is not None
    rows.put(NIGHT, row._replace(sold=2))
    rows.put(NIGHT, row)
    assert not rows.changes(NIGHT)
