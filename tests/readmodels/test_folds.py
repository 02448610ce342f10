"""What each event does to the read tables' rows."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pytest

from domain.bookings import (
    BookingConfirmed,
    BookingExpired,
    GuestsCheckedIn,
    GuestsCheckedOut,
    LinesCancelled,
    NoShowRecorded,
)
from domain.hotels import HorizonExtended, HotelDetailsChanged, RoomsAdded
from domain.inventory import PricesSet
from domain.values import Sealed
from readmodels.folds import reach_of
from readmodels.rows import BOOKING, BOOKING_NIGHT, GUEST, HOTEL, LINE, NIGHT, ROOM, ROOM_TYPE, TIMELINE
from readmodels.working_set import UndeclaredRow, WorkingSet
from tests.domain.house import DOUBLE, OPENED, SUITE, TODAY, booked_line, held, made
from tests.domain.house import GUEST as SEALED
from tests.readmodels.words import BEGAN, BOOKING_ID, Ledger, folded, given

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


# ---------------------------------------------------------------- reach and errors


def test_a_batch_reaches_what_it_reads_and_no_more() -> None:
    ledger = Ledger().add(*HOUSE, made(), BookingConfirmed(lines=(1,)))
    other = UUID(int=77)
    ledger.add(GuestsCheckedIn(lines=(1,)), booking_id=other)
    reach = reach_of([(recorded, recorded.event()) for recorded in ledger.events[3:]])
    assert (reach.bookings, reach.settings, reach.guests) == ({other}, False, {SEALED.guest_id})
    assert reach.nights == {(day(0), "DBL"), (day(1), "DBL")}


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
