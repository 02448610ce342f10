"""A booking's life, decision by decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain import booking_decisions, bookings
from domain.booking_commands import (
    MAX_STAY_NIGHTS,
    CancelLines,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExpireBooking,
    LifeCommand,
    MarkNoShow,
    RequestedLine,
)
from domain.bookings import (
    Booking,
    BookingConfirmed,
    BookingExpired,
    BookingHeld,
    BookingMade,
    GuestsCheckedIn,
    GuestsCheckedOut,
    LinesCancelled,
    LineState,
    NoShowRecorded,
)
from domain.premises import Premises
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    HoldExpired,
    PartyTooLarge,
    PriceChanged,
    PriceNotRepresentable,
    Rejected,
    RoomNeeded,
    ShortNight,
    SoldOut,
    StayNegative,
    StayOver,
    StayTooLong,
    TooEarly,
    UnknownLine,
    UnknownRatePlan,
    UnknownRoomType,
    WrongCurrency,
    WrongLineState,
)
from domain.stock import Claim, difference, merged
from tests.domain.house import AURORA, NOW, TODAY, assigned, book_command, booked_line, given, held, made

TOMORROW = NOW + timedelta(days=1)


def cancelled(*lines: int) -> LinesCancelled:
    return LinesCancelled(lines=lines, reason=None, note=None)


class TestBooking:
    def test_confirmed_at_once_is_made_with_the_price_of_each_night(self) -> None:
        given().when(book_command("DBL")).then(made(booked_line()))

    def test_held_for_a_quarter_of_an_hour_says_until_when(self) -> None:
        given().when(book_command("DBL", hold_for=timedelta(minutes=15))).then(held(booked_line()))

    def test_several_rooms_are_numbered_lines(self) -> None:
        given().when(book_command("DBL", "STE")).then(made(booked_line(1), booked_line(2, "STE")))

    def test_the_last_room_can_be_booked(self) -> None:
        given().when(book_command("DBL"), DBL=1).then(made(booked_line()))

    def test_a_night_without_a_free_room_refuses_and_is_named(self) -> None:
        refusal = given().when(book_command("DBL"), DBL=0).refused(SoldOut)
        assert refusal.nights == tuple(
            ShortNight(room_type="DBL", date=TODAY + timedelta(days=day), free=0, wanted=1) for day in (0, 1)
        )

    def test_lines_of_one_type_are_counted_together(self) -> None:
        refusal = given().when(book_command("DBL", "DBL", "DBL")).refused(SoldOut)
        assert {(night.free, night.wanted) for night in refusal.nights} == {(2, 3)}

    def test_a_night_before_the_type_was_on_sale_is_sold_out(self) -> None:
        early = datetime(2026, 11, 20, 12, tzinfo=UTC)
        given().when(book_command("DBL", arrival=-10, departure=-9), now=early).refused(SoldOut)

    def test_day_use_claims_no_night_and_costs_none(self) -> None:
        given().when(book_command("DBL", departure=0), DBL=0).then(made(booked_line(departure=0)))
        assert given(made(booked_line(departure=0))).booking.claims() == {}

    def test_a_departure_before_the_arrival_is_refused(self) -> None:
        given().when(book_command(arrival=2, departure=1)).refused(StayNegative)

    def test_the_longest_stay_can_be_booked_and_a_longer_one_not(self) -> None:
        given().when(book_command(departure=MAX_STAY_NIGHTS + 1)).refused(StayTooLong, maximum=MAX_STAY_NIGHTS)
        given().when(book_command(departure=MAX_STAY_NIGHTS)).refused(SoldOut)  # the specs' house has a month of nights

    def test_yesterday_is_refused(self) -> None:
        given().when(book_command(arrival=-1)).refused(ArrivalInPast, business_date=TODAY)

    def test_before_the_day_rolls_yesterday_is_still_today(self) -> None:
        at_three_in_lisbon = datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
        given().when(book_command(arrival=0), now=at_three_in_lisbon).then(made(booked_line()))
        given().when(book_command(arrival=0), now=at_three_in_lisbon + timedelta(hours=1)).refused(ArrivalInPast)

    def test_the_last_bookable_departure_is_the_horizon(self) -> None:
        given().when(book_command(arrival=730, departure=731)).refused(
            BeyondHorizon, bookable_until=TODAY + timedelta(days=730)
        )
        given().when(book_command(arrival=729, departure=730)).refused(SoldOut)

    def test_an_unknown_room_type_is_named_with_its_place(self) -> None:
        given().when(book_command("DBL", "XXL")).refused(UnknownRoomType, room_type="XXL", index=1)

    @pytest.mark.parametrize(("adults", "children"), [(3, 0), (2, 2), (0, 2)])
    def test_more_guests_than_the_type_takes_are_refused(self, adults: int, children: int) -> None:
        line = RequestedLine(room_type="DBL", adults=adults, child_ages=(5,) * children)
        given().when(book_command(lines=(line,))).refused(PartyTooLarge, index=0, max_adults=2, max_children=1)

    def test_another_rate_plan_is_refused(self) -> None:
        given().when(book_command(rate_plan="CORP")).refused(UnknownRatePlan)

    def test_the_expected_total_is_compared(self) -> None:
        given().when(book_command(expected_total=Decimal(200))).then(made(booked_line()))
        refusal = given().when(book_command(expected_total=Decimal(199))).refused(PriceChanged)
        assert refusal.total == Decimal("200.00")

    def test_a_total_in_another_currency_is_refused(self) -> None:
        given().when(book_command(expected_total=Decimal(200), expected_currency="USD")).refused(WrongCurrency)

    def test_a_price_override_is_the_price_of_every_night(self) -> None:
        then = given().when(book_command(price_override=Decimal("75.5")))
        assert then.events is not None
        booked = then.events[0]
        assert isinstance(booked, BookingMade)
        assert booked.lines[0].prices == (Decimal("75.50"), Decimal("75.50"))
        assert str(booked.lines[0].prices[0]) == "75.50"

    def test_a_price_with_a_fraction_of_a_cent_is_refused(self) -> None:
        given().when(book_command(price_override=Decimal("75.505"))).refused(PriceNotRepresentable)


class TestConfirming:
    def test_turns_the_held_lines_into_sold_ones(self) -> None:
        given(held(booked_line(1), booked_line(2))).when(ConfirmBooking()).then(BookingConfirmed(lines=(1, 2)))

    def test_leaves_cancelled_lines_alone(self) -> None:
        given(held(booked_line(1), booked_line(2)), cancelled(1)).when(ConfirmBooking()).then(
            BookingConfirmed(lines=(2,))
        )

    def test_is_refused_at_the_deadline(self) -> None:
        given(held(until=NOW)).when(ConfirmBooking()).refused(HoldExpired, expired_at=NOW)

    def test_works_just_before_the_deadline(self) -> None:
        given(held(until=NOW + timedelta(microseconds=1))).when(ConfirmBooking()).then(BookingConfirmed(lines=(1,)))

    def test_is_refused_twice(self) -> None:
        given(held(), BookingConfirmed(lines=(1,))).when(ConfirmBooking()).refused(
            WrongLineState, lines=((1, "confirmed"),)
        )


class TestExpiring:
    def test_frees_what_is_held_at_the_deadline(self) -> None:
        given(held(until=NOW)).when(ExpireBooking()).then(BookingExpired(lines=(1,)))

    def test_changes_nothing_before(self) -> None:
        given(held()).when(ExpireBooking()).then()

    def test_changes_nothing_once_confirmed(self) -> None:
        given(held(until=NOW), BookingConfirmed(lines=(1,))).when(ExpireBooking()).then()


class TestCancelling:
    def test_takes_all_that_can_be_by_default(self) -> None:
        given(made(booked_line(1), booked_line(2)), GuestsCheckedIn(lines=(1,))).when(CancelLines()).then(cancelled(2))

    def test_takes_the_lines_that_are_named(self) -> None:
        given(made(booked_line(1), booked_line(2))).when(CancelLines(lines=(2,))).then(cancelled(2))

    def test_is_all_or_nothing(self) -> None:
        given(made(booked_line(1), booked_line(2)), GuestsCheckedIn(lines=(1,))).when(
            CancelLines(lines=(1, 2))
        ).refused(WrongLineState, lines=((1, "checked_in"),))

    def test_names_an_unknown_line(self) -> None:
        given(made()).when(CancelLines(lines=(9,))).refused(UnknownLine, line=9)

    def test_a_line_named_twice_is_cancelled_once(self) -> None:
        given(made()).when(CancelLines(lines=(1, 1))).then(cancelled(1))

    def test_is_refused_when_nothing_is_left(self) -> None:
        given(made(), cancelled(1)).when(CancelLines()).refused(WrongLineState)

    def test_a_held_booking_can_be_cancelled(self) -> None:
        given(held()).when(CancelLines()).then(cancelled(1))

    def test_the_deadline_goes_with_the_last_held_line(self) -> None:
        two = held(booked_line(1), booked_line(2))
        assert given(two, cancelled(1)).booking.hold_until == two.hold_until
        assert given(two, cancelled(1, 2)).booking.hold_until is None


class TestCheckingIn:
    def test_works_on_the_day_of_arrival(self) -> None:
        given(made(), assigned((1, "101", 0, 2))).when(CheckIn()).then(GuestsCheckedIn(lines=(1,)))

    def test_works_a_day_late(self) -> None:
        given(made(), assigned((1, "101", 0, 2))).when(CheckIn(), now=TOMORROW).then(GuestsCheckedIn(lines=(1,)))

    def test_is_too_early_the_day_before(self) -> None:
        given(made()).when(CheckIn(), now=NOW - timedelta(days=1)).refused(TooEarly, arrival=TODAY)

    def test_is_too_late_on_the_day_of_departure(self) -> None:
        given(made()).when(CheckIn(), now=NOW + timedelta(days=2)).refused(StayOver)

    def test_needs_a_room_for_tonight(self) -> None:
        given(made()).when(CheckIn()).refused(RoomNeeded, lines=(1,))
        given(made(), assigned((1, "101", 1, 2))).when(CheckIn()).refused(RoomNeeded, lines=(1,))
        late = given(made(), assigned((1, "101", 1, 2))).when(CheckIn(), now=TOMORROW)
        late.then(GuestsCheckedIn(lines=(1,)))

    def test_all_lines_or_none_need_a_room(self) -> None:
        group = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2)))
        group.when(CheckIn()).refused(RoomNeeded, lines=(2,))
        group.when(CheckIn(lines=(1,))).then(GuestsCheckedIn(lines=(1,)))

    def test_day_use_can_check_in_on_its_day(self) -> None:
        given(made(booked_line(departure=0))).when(CheckIn()).then(GuestsCheckedIn(lines=(1,)))
        given(made(booked_line(departure=0))).when(CheckIn(), now=TOMORROW).refused(StayOver)

    def test_needs_a_confirmed_line(self) -> None:
        given(held()).when(CheckIn()).refused(WrongLineState, lines=((1, "held"),))


class TestCheckingOut:
    def test_on_the_day_of_departure_keeps_all_nights(self) -> None:
        departed_on = TODAY + timedelta(days=2)
        history = given(made(), GuestsCheckedIn(lines=(1,)))
        history.when(CheckOut(), now=NOW + timedelta(days=2)).then(
            GuestsCheckedOut(lines=(1,), departed_on=departed_on)
        )

    def test_a_day_early_frees_the_last_night(self) -> None:
        out = GuestsCheckedOut(lines=(1,), departed_on=TODAY + timedelta(days=1))
        booking = given(made(), GuestsCheckedIn(lines=(1,)), out).booking
        assert booking.claims() == {("DBL", TODAY): Claim(1, 0)}
        assert booking.total == Decimal("100.00")

    def test_on_the_day_of_arrival_frees_everything(self) -> None:
        out = GuestsCheckedOut(lines=(1,), departed_on=TODAY)
        booking = given(made(), GuestsCheckedIn(lines=(1,)), out).booking
        assert booking.claims() == {}
        assert booking.lines[0].departure == booking.lines[0].arrival

    def test_overstaying_claims_no_more_than_was_booked(self) -> None:
        out = GuestsCheckedOut(lines=(1,), departed_on=TODAY + timedelta(days=5))
        assert given(made(), GuestsCheckedIn(lines=(1,)), out).booking.lines[0].departure == TODAY + timedelta(days=2)

    def test_needs_guests_who_are_there(self) -> None:
        given(made()).when(CheckOut()).refused(WrongLineState)


class TestNoShow:
    def test_frees_every_night_after_the_first(self) -> None:
        given(made()).when(MarkNoShow()).then(NoShowRecorded(lines=(1,)))
        booking = given(made(), NoShowRecorded(lines=(1,))).booking
        assert booking.claims() == {("DBL", TODAY): Claim(1, 0)}

    def test_cannot_be_known_before_the_day_of_arrival(self) -> None:
        given(made()).when(MarkNoShow(), now=NOW - timedelta(days=1)).refused(TooEarly)

    def test_is_not_for_guests_who_are_there(self) -> None:
        given(made(), GuestsCheckedIn(lines=(1,))).when(MarkNoShow()).refused(WrongLineState)


@pytest.mark.parametrize(
    ("states", "liveliest"),
    [
        (("cancelled", "expired"), "cancelled"),
        (("no_show", "cancelled"), "no_show"),
        (("checked_out", "no_show"), "checked_out"),
        (("held", "checked_out"), "held"),
        (("confirmed", "held"), "confirmed"),
        (("checked_in", "confirmed"), "checked_in"),
    ],
)
def test_a_bookings_state_is_that_of_its_liveliest_line(states: tuple[str, str], liveliest: str) -> None:
    booking = given(made(booked_line(1), booked_line(2))).booking
    lines = tuple(replace(line, state=LineState(state)) for line, state in zip(booking.lines, states, strict=True))
    assert replace(booking, lines=lines).state == liveliest


commands = st.one_of(
    st.builds(ConfirmBooking),
    st.builds(ExpireBooking),
    *(
        st.builds(kind, lines=st.none() | st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple))
        for kind in (CancelLines, CheckIn, CheckOut, MarkNoShow)
    ),
)


@forall(
    first=st.sampled_from([made, held]),
    nights=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=3),
    life=st.lists(st.tuples(commands, st.integers(0, 40)), max_size=8),
)
def test_whatever_happens_claims_follow_the_lines_and_add_up_to_the_cent(
    first: type, nights: list[tuple[int, int]], life: list[tuple[LifeCommand, int]]
) -> None:
    event: BookingHeld | BookingMade = first(
        *(booked_line(n, "DBL", start, start + length) for n, (start, length) in enumerate(nights, 1))
    )
    booking: Booking = bookings.evolve(None, event)
    stock = booking.claims()
    now = NOW
    for command, hours in life:
        now += timedelta(hours=hours)
        try:
            premises = Premises(hotel=AURORA, stock={})
            events = booking_decisions.decide(command, booking, premises, now)
        except Rejected:
            continue
        for happened in events:
            after = bookings.evolve(booking, happened)
            stock = merged([stock, difference(booking.claims(), after.claims())])
            booking = after
        for line in booking.lines:
            assert len(line.prices) == (line.departure - line.arrival).days
            assert line.total == sum(line.prices, Decimal(0))
    assert {key: claim for key, claim in stock.items() if claim != (0, 0)} == booking.claims()
    if booking.state in (LineState.CANCELLED, LineState.EXPIRED):
        assert booking.claims() == {}
    assert all(claim.sold >= 0 <= claim.held for claim in stock.values())
