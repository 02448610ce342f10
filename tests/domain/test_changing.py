"""Changing a booking: what is kept, what is added, what is refused."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import given as forall
from hypothesis import strategies as st

from domain import booking_decisions
from domain.booking_commands import MAX_LINES, MAX_STAY_NIGHTS, ChangeBooking, WantedLine
from domain.bookings import (
    AllowanceUse,
    BookingChanged,
    ChangedLine,
    GuestsCheckedIn,
    LinesCancelled,
    LineState,
    evolve,
)
from domain.calendar import nights
from domain.premises import Premises
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    ClosedToArrival,
    ClosedToDeparture,
    DepartureInPast,
    HoldExpired,
    InHouse,
    MinimumStay,
    PartyTooLarge,
    PriceChanged,
    Rejected,
    SoldOut,
    StayNegative,
    StayTooLong,
    StopSell,
    TooManyLines,
    UnknownLine,
    UnknownRoomType,
    WrongLineState,
)
from domain.rooms import RoomStay
from domain.stock import NightKey, difference, merged
from tests.domain.house import (
    AURORA,
    NOW,
    TODAY,
    assigned,
    booked_line,
    day,
    given,
    held,
    made,
    someone,
    stock_of,
)

DBL_PRICE, STE_PRICE = Decimal("100.00"), Decimal("250.00")
DEARER = {"price": Decimal("130.00")}


def to(arrival: int | None = None, departure: int | None = None, **others: Any) -> ChangeBooking:
    """New dates, counted from today."""
    return ChangeBooking(
        arrival=None if arrival is None else day(arrival),
        departure=None if departure is None else day(departure),
        **others,
    )


def line_now(
    number: int = 1,
    arrival: int = 0,
    departure: int = 2,
    *,
    prices: tuple[Decimal, ...] | None = None,
    room_type: str = "DBL",
    stock: tuple[str, ...] | None = None,
    rooms: tuple[RoomStay, ...] = (),
) -> ChangedLine:
    """A line as an event has it after a change."""
    length = departure - arrival
    price = {"DBL": DBL_PRICE, "STE": STE_PRICE}[room_type]
    return ChangedLine(
        line=number,
        room_type=room_type,
        adults=2,
        child_ages=(),
        guest=None,
        arrival=day(arrival),
        departure=day(departure),
        prices=prices or (price,) * length,
        stock=stock or (room_type,) * length,
        rooms=rooms,
    )


def changed(*lines: ChangedLine, cancelled: tuple[int, ...] = ()) -> BookingChanged:
    return BookingChanged(lines=lines, cancelled=cancelled, allowance_used=())


def stay(room: str, first: int, until: int) -> RoomStay:
    return RoomStay(room=room, first=day(first), until=day(until))


class TestDates:
    def test_added_nights_cost_what_they_cost_today_and_kept_ones_what_they_cost(self) -> None:
        prices = (DBL_PRICE, DBL_PRICE, Decimal("130.00"))
        special = {("DBL", day(n)): DEARER for n in (0, 1, 2)}
        given(made()).when(to(departure=3), nights=special).then(changed(line_now(departure=3, prices=prices)))

    def test_nights_that_are_not_stayed_any_more_are_free(self) -> None:
        given(made(booked_line(departure=4))).when(to(arrival=1, departure=3)).then(changed(line_now(1, 1, 3)))

    def test_another_week_is_all_new(self) -> None:
        special = {("DBL", day(n)): DEARER for n in range(7, 9)}
        prices = (Decimal("130.00"),) * 2
        given(made()).when(to(7, 9), nights=special).then(changed(line_now(1, 7, 9, prices=prices)))

    def test_the_same_dates_change_nothing(self) -> None:
        given(made()).when(to(0, 2)).then()

    def test_a_night_without_a_free_room_refuses_unless_it_is_the_bookings_own(self) -> None:
        given(made()).when(to(departure=2), DBL=0).then()
        given(made(booked_line(departure=3))).when(to(departure=2), DBL=0).then(changed(line_now(departure=2)))
        refusal = given(made()).when(to(departure=3), DBL=0).refused(SoldOut)
        assert [(night.date, night.wanted) for night in refusal.nights] == [(day(2), 1)]

    def test_a_held_booking_stays_held(self) -> None:
        change = changed(line_now(departure=3))
        given(held()).when(to(departure=3)).then(change)
        assert given(held(), change).booking.lines[0].state is LineState.HELD
        assert given(held(), change).booking.hold_until == given(held()).booking.hold_until

    def test_an_override_prices_the_added_nights(self) -> None:
        prices = (DBL_PRICE, DBL_PRICE, Decimal("10.00"))
        command = to(departure=3, price_override=Decimal(10))
        given(made()).when(command).then(changed(line_now(departure=3, prices=prices)))

    def test_an_expected_total_that_is_another_refuses(self) -> None:
        given(made()).when(to(departure=3, expected_total=Decimal(300))).then(changed(line_now(departure=3)))
        given(made()).when(to(departure=3, expected_total=Decimal(200))).refused(PriceChanged, total=Decimal("300.00"))

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (to(3, 2), StayNegative),
            (to(0, MAX_STAY_NIGHTS + 1), StayTooLong),
            (to(-1, 2), ArrivalInPast),
            (to(729, 731), BeyondHorizon),
        ],
    )
    def test_dates_that_cannot_be_are_refused(self, command: ChangeBooking, reason: type[Rejected]) -> None:
        given(made()).when(command).refused(reason)

    def test_a_guest_who_is_late_keeps_the_arrival(self) -> None:
        tomorrow = NOW + timedelta(days=1)
        given(made()).when(to(departure=3), now=tomorrow).then(changed(line_now(departure=3)))
        given(made()).when(to(departure=0), now=tomorrow).refused(DepartureInPast)

    def test_a_hold_past_its_deadline_is_over(self) -> None:
        given(held()).when(to(departure=3), now=NOW + timedelta(minutes=15)).refused(HoldExpired)

    def test_what_has_ended_is_not_changed(self) -> None:
        over = LinesCancelled(lines=(1,), reason=None, note=None)
        given(made(), over).when(to(departure=3)).refused(WrongLineState, lines=((1, "cancelled"),))

    def test_a_night_on_the_allowance_is_said_to_be(self) -> None:
        special = {("DBL", day(2)): {"sold": 2, "allowance": 1}}
        used = (AllowanceUse(room_type="DBL", date=day(2)),)
        given(made()).when(to(departure=3), nights=special).then(
            replace(changed(line_now(departure=3)), allowance_used=used)
        )


class TestRooms:
    def test_a_line_can_be_added_and_is_as_held_or_sold_as_the_booking(self) -> None:
        more = ChangeBooking(rooms=(WantedLine(line=1), WantedLine(room_type="STE", adults=2, child_ages=())))
        change = changed(line_now(2, room_type="STE"))
        for booked, state in ((made(), LineState.CONFIRMED), (held(), LineState.HELD)):
            given(booked).when(more).then(change)
            assert given(booked, change).booking.lines[1].state is state

    def test_a_line_that_is_left_out_is_cancelled(self) -> None:
        two = made(booked_line(1), booked_line(2))
        fewer = changed(cancelled=(1,))
        given(two).when(ChangeBooking(rooms=(WantedLine(line=2),))).then(fewer)
        assert [line.state.value for line in given(two, fewer).booking.lines] == ["cancelled", "confirmed"]

    def test_numbers_are_never_used_again(self) -> None:
        only_new = ChangeBooking(rooms=(WantedLine(room_type="STE", adults=1, child_ages=()),))
        change = changed(replace(line_now(2, room_type="STE"), adults=1), cancelled=(1,))
        given(held()).when(only_new).then(change)
        booking = given(held(), change).booking
        assert [line.state for line in booking.lines] == [LineState.CANCELLED, LineState.HELD]
        assert booking.hold_until is not None

    def test_another_type_is_bought_anew(self) -> None:
        suite = ChangeBooking(rooms=(WantedLine(line=1, room_type="STE"),))
        given(made(), assigned((1, "101", 0, 2))).when(suite).then(changed(line_now(room_type="STE")))

    def test_two_lines_swap_types_without_a_free_room(self) -> None:
        swapped = ChangeBooking(rooms=(WantedLine(line=1, room_type="STE"), WantedLine(line=2, room_type="DBL")))
        both = given(made(booked_line(1), booked_line(2, "STE")))
        both.when(swapped, DBL=0, STE=0).then(changed(line_now(1, room_type="STE"), line_now(2)))

    def test_each_line_can_have_dates_of_its_own(self) -> None:
        one_stays = ChangeBooking(rooms=(WantedLine(line=1, departure=day(3)), WantedLine(line=2)))
        given(made(booked_line(1), booked_line(2))).when(one_stays).then(changed(line_now(1, departure=3)))

    @pytest.mark.parametrize(
        ("wanted", "reason"),
        [
            (WantedLine(line=3), UnknownLine),
            (WantedLine(line=1, room_type="XXL"), UnknownRoomType),
            (WantedLine(line=1, adults=3), PartyTooLarge),
            (WantedLine(room_type="DBL", adults=3, child_ages=()), PartyTooLarge),
        ],
    )
    def test_rooms_that_cannot_be_are_refused(self, wanted: WantedLine, reason: type[Rejected]) -> None:
        given(made(booked_line(1), booked_line(2))).when(ChangeBooking(rooms=(wanted,))).refused(reason)

    def test_a_booking_has_so_many_lines_at_most(self) -> None:
        new = (WantedLine(room_type="DBL", adults=1, child_ages=()),) * MAX_LINES
        given(made()).when(ChangeBooking(rooms=new)).refused(TooManyLines, maximum=MAX_LINES)


class TestRoomsOfChangedLines:
    def test_a_room_that_is_free_goes_along(self) -> None:
        roomed = given(made(), assigned((1, "101", 0, 2)))
        roomed.when(to(departure=4)).then(changed(line_now(departure=4, rooms=(stay("101", 0, 4),))))

    def test_a_room_that_is_taken_is_kept_for_the_kept_nights_only(self) -> None:
        roomed = given(made(), assigned((1, "101", 0, 2)))
        taken = {"101": [someone(3, 5)]}
        roomed.when(to(departure=4), occupied=taken).then(changed(line_now(departure=4, rooms=(stay("101", 0, 2),))))

    def test_a_shorter_stay_gives_the_rest_of_its_room_back(self) -> None:
        roomed = given(made(booked_line(departure=4)), assigned((1, "101", 0, 4)))
        roomed.when(to(1, 3)).then(changed(line_now(1, 1, 3, rooms=(stay("101", 1, 3),))))

    def test_an_upgraded_room_goes_along_on_its_own_types_stock(self) -> None:
        upgraded = given(made(), assigned((1, "201", 0, 2)))
        upgraded.when(to(departure=3), DBL=0).then(
            changed(line_now(departure=3, stock=("STE", "STE", "STE"), rooms=(stay("201", 0, 3),)))
        )

    def test_without_a_free_suite_the_added_night_is_one_of_the_type_booked(self) -> None:
        upgraded = given(made(), assigned((1, "201", 0, 2)))
        sold = {("STE", day(2)): {"sold": 1}}
        upgraded.when(to(departure=3), nights=sold).then(
            changed(line_now(departure=3, stock=("STE", "STE", "DBL"), rooms=(stay("201", 0, 2),)))
        )

    def test_two_lines_of_one_booking_never_get_the_same_room(self) -> None:
        two = made(booked_line(1, departure=1), booked_line(2, arrival=3, departure=4))
        roomed = given(two, assigned((1, "101", 0, 1), (2, "101", 3, 4)))
        both = ChangeBooking(rooms=(WantedLine(line=1, departure=day(3)), WantedLine(line=2, arrival=day(1))))
        roomed.when(both).then(
            changed(line_now(1, 0, 3, rooms=(stay("101", 0, 3),)), line_now(2, 1, 4, rooms=(stay("101", 3, 4),)))
        )


class TestInHouse:
    ARRIVED = (made(booked_line(departure=3)), assigned((1, "101", 0, 3)), GuestsCheckedIn(lines=(1,)))

    def test_the_stay_gets_longer(self) -> None:
        given(*self.ARRIVED).when(to(departure=4)).then(changed(line_now(departure=4, rooms=(stay("101", 0, 4),))))

    def test_the_stay_gets_shorter_whatever_is_closed(self) -> None:
        closed: dict[NightKey, dict[str, Any]] = {
            ("DBL", day(1)): {"closed_to_departure": True},
            ("DBL", day(0)): {"minimum_stay": 3},
        }
        given(*self.ARRIVED).when(to(departure=1), nights=closed).then(
            changed(line_now(departure=1, rooms=(stay("101", 0, 1),)))
        )

    def test_nobody_leaves_yesterday(self) -> None:
        given(*self.ARRIVED).when(to(departure=0), now=NOW + timedelta(days=1)).refused(DepartureInPast)

    @pytest.mark.parametrize(
        ("command", "field"),
        [
            (to(arrival=1), "arrival"),
            (ChangeBooking(rooms=(WantedLine(line=1, room_type="STE"),)), "room_type"),
            (ChangeBooking(rooms=(WantedLine(line=1, adults=1),)), "adults"),
            (ChangeBooking(rooms=(WantedLine(line=1, child_ages=(3,)),)), "child_ages"),
        ],
    )
    def test_nothing_else_changes(self, command: ChangeBooking, field: str) -> None:
        given(*self.ARRIVED).when(command).refused(InHouse, line=1, field=field)

    def test_a_line_in_house_is_not_left_out(self) -> None:
        other = ChangeBooking(rooms=(WantedLine(room_type="DBL", adults=1, child_ages=()),))
        given(*self.ARRIVED).when(other).refused(WrongLineState, lines=((1, "checked_in"),))


class TestRestrictions:
    def test_bind_what_is_added(self) -> None:
        given(made()).when(to(departure=3), nights={("DBL", day(2)): {"stop_sell": True}}).refused(
            StopSell, nights=(day(2),)
        )
        given(made()).when(to(1, 3), nights={("DBL", day(1)): {"closed_to_arrival": True}}).refused(ClosedToArrival)
        given(made()).when(to(departure=3), nights={("DBL", day(3)): {"closed_to_departure": True}}).refused(
            ClosedToDeparture
        )
        given(made()).when(to(departure=1), nights={("DBL", day(0)): {"minimum_stay": 2}}).refused(
            MinimumStay, minimum=2
        )

    def test_leave_what_was_sold_before_alone(self) -> None:
        closed = {("DBL", day(n)): {"stop_sell": True, "closed_to_arrival": True, "minimum_stay": 9} for n in (0, 1)}
        given(made()).when(to(departure=3), nights=closed).then(changed(line_now(departure=3)))

    def test_bind_what_was_day_use_as_any_new_stay(self) -> None:
        day_use = given(made(booked_line(arrival=1, departure=1)))
        closed = {("DBL", day(1)): {"closed_to_departure": True}}
        day_use.when(to(0, 1), nights=closed).refused(ClosedToDeparture)

    def test_bind_a_new_type_as_any_new_stay(self) -> None:
        suite = ChangeBooking(rooms=(WantedLine(line=1, room_type="STE"),))
        given(made()).when(suite, nights={("STE", day(0)): {"minimum_stay": 3}}).refused(MinimumStay)


dates = st.tuples(st.integers(0, 6), st.integers(0, 6))


@forall(
    booked=st.lists(dates, min_size=1, max_size=3),
    confirmed=st.booleans(),
    moves=st.lists(st.tuples(st.integers(1, 3), dates, st.sampled_from(["DBL", "STE"])), min_size=1, max_size=4),
)
def test_kept_nights_keep_their_price_and_claims_follow(
    booked: list[tuple[int, int]], confirmed: bool, moves: list[tuple[int, tuple[int, int], str]]
) -> None:
    lines = [booked_line(n, "DBL", first, first + length) for n, (first, length) in enumerate(booked, 1)]
    booking = evolve(None, made(*lines) if confirmed else held(*lines))
    stock = booking.claims()
    for step, (number, (arrival, length), room_type) in enumerate(moves):
        if number > len(booking.lines):
            continue
        others = [WantedLine(line=line.line) for line in booking.lines if line.line != number]
        wanted = WantedLine(line=number, arrival=day(arrival), departure=day(arrival + length), room_type=room_type)
        nightly = stock_of(AURORA)
        for stocked in nightly.values():
            stocked.price += step + 1  # prices move on between one change and the next
        premises = Premises(hotel=AURORA, stock=nightly)
        before = booking
        try:
            events = booking_decisions.decide(ChangeBooking(rooms=(wanted, *others)), booking, premises, NOW)
        except Rejected:
            continue
        for event in events:
            booking = evolve(booking, event)
        stock = merged([stock, difference(before.claims(), booking.claims())])
        for old, new in zip(before.lines, booking.lines, strict=True):
            was = dict(zip(nights(old.arrival, old.departure), old.prices, strict=True))
            for night, price in zip(nights(new.arrival, new.departure), new.prices, strict=True):
                if old.room_type == new.room_type and night in was:
                    assert price == was[night]
                else:
                    assert price == nightly[new.room_type, night].price
            assert new.total == sum(new.prices, Decimal(0))
            assert len(new.stock) == len(new.prices)
        assert booking.total == sum((line.total for line in booking.lines), Decimal(0))
    assert {key: claim for key, claim in stock.items() if claim != (0, 0)} == booking.claims()


@forall(arrival=st.dates(TODAY, date(2027, 6, 1)), length=st.integers(0, 40))
def test_moving_there_and_back_costs_what_the_days_cost(arrival: date, length: int) -> None:
    assume(arrival + timedelta(days=length) <= AURORA.bookable_until)
    booking = given(made()).booking
    stock = stock_of(AURORA)
    for night in nights(arrival, arrival + timedelta(days=length)):
        stock.setdefault(("DBL", night), replace(stock["DBL", TODAY]))
    premises = Premises(hotel=AURORA, stock=stock)
    there = ChangeBooking(arrival=arrival, departure=arrival + timedelta(days=length))
    for command in (there, to(0, 2)):
        for event in booking_decisions.decide(command, booking, premises, NOW):
            booking = evolve(booking, event)
    assert (booking.lines[0].arrival, booking.lines[0].departure) == (day(0), day(2))
    assert booking.total == Decimal("200.00")
