"""Nights of a room type: prices, restrictions and allowance, set by ranges, and what they do to a sale."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain import inventory
from domain.bookings import AllowanceUse
from domain.hotels import max_allowance
from domain.inventory import AllowanceSet, PricesSet, RestrictionsSet, SetAllowance, SetPrices, SetRestrictions
from domain.rejections import (
    AllowanceTooHigh,
    BelowSold,
    BeyondHorizon,
    ClosedToArrival,
    ClosedToDeparture,
    MinimumStay,
    PriceNotRepresentable,
    RangeEmpty,
    RangeInPast,
    Rejected,
    SoldOut,
    StopSell,
    UnknownRoomType,
)
from domain.stock import NightKey
from tests.domain.house import AURORA, GUEST, NOW, TODAY, book_command, booked_line, day, given, made, stock_of


def prices(first: int = 0, until: int = 7, price: str = "120", code: str = "DBL") -> SetPrices:
    return SetPrices(room_type=code, first=day(first), until=day(until), weekdays=(5, 6), price=Decimal(price))


class TestPrices:
    def test_are_set_for_the_weekdays_given(self) -> None:
        [event] = inventory.decide(prices(), AURORA, {}, NOW)
        assert event == PricesSet(room_type="DBL", first=TODAY, until=day(7), weekdays=(5, 6), price=Decimal("120.00"))
        assert list(inventory.affected_nights(event)) == [date(2026, 12, 4), date(2026, 12, 5)]

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (prices(first=-1), RangeInPast),
            (prices(until=731), BeyondHorizon),
            (prices(first=3, until=2), RangeEmpty),
            (prices(until=0), RangeEmpty),
            (prices(code="XXL"), UnknownRoomType),
            (prices(price="1.005"), PriceNotRepresentable),
        ],
    )
    def test_that_cannot_be_are_refused(self, command: SetPrices, reason: type[Rejected]) -> None:
        with pytest.raises(reason):
            inventory.decide(command, AURORA, {}, NOW)


class TestRestrictions:
    def test_are_set_one_by_one(self) -> None:
        command = SetRestrictions(room_type="DBL", first=day(0), until=day(2), stop_sell=False, minimum_stay=2)
        assert inventory.decide(command, AURORA, {}, NOW) == [
            RestrictionsSet(
                room_type="DBL",
                first=day(0),
                until=day(2),
                weekdays=inventory.EVERY_DAY,
                stop_sell=False,
                minimum_stay=2,
                closed_to_arrival=None,
                closed_to_departure=None,
            )
        ]

    def test_none_given_change_nothing(self) -> None:
        assert inventory.decide(SetRestrictions(room_type="DBL", first=day(0), until=day(2)), AURORA, {}, NOW) == []

    @pytest.mark.parametrize(
        ("night", "special", "reason", "facts"),
        [
            (1, {"stop_sell": True}, StopSell, {"nights": (day(1),)}),
            (0, {"closed_to_arrival": True}, ClosedToArrival, {"arrival": day(0)}),
            (2, {"closed_to_departure": True}, ClosedToDeparture, {"departure": day(2)}),
            (0, {"minimum_stay": 3}, MinimumStay, {"minimum": 3, "nights": 2}),
        ],
    )
    def test_refuse_a_stay(
        self, night: int, special: dict[str, Any], reason: type[Rejected], facts: dict[str, object]
    ) -> None:
        nights = {("DBL", day(night)): special}
        given().when(book_command("DBL"), nights=nights).refused(reason, room_type="DBL", **facts)
        given().when(book_command("STE"), nights=nights).then(made(booked_line(1, "STE")))

    @pytest.mark.parametrize(
        ("night", "special"),
        [
            (2, {"stop_sell": True}),  # the day of departure isn't stayed
            (1, {"closed_to_arrival": True}),
            (1, {"closed_to_departure": True}),
            (0, {"closed_to_departure": True}),
            (1, {"minimum_stay": 3}),
            (0, {"minimum_stay": 2}),
        ],
    )
    def test_bind_no_other_day(self, night: int, special: dict[str, Any]) -> None:
        given().when(book_command("DBL"), nights={("DBL", day(night)): special}).then(made(booked_line()))

    def test_do_not_bind_day_use(self) -> None:
        closed = {("DBL", day(0)): {"stop_sell": True, "closed_to_arrival": True, "closed_to_departure": True}}
        given().when(book_command("DBL", departure=0), nights=closed).then(made(booked_line(departure=0)))


def allowance(rooms: int, first: int = 0, until: int = 2, code: str = "DBL") -> SetAllowance:
    return SetAllowance(room_type=code, first=day(first), until=day(until), allowance=rooms, reason=GUEST)


class TestAllowance:
    def test_is_set_for_a_reason(self) -> None:
        assert inventory.decide(allowance(1), AURORA, stock_of(AURORA), NOW) == [
            AllowanceSet(
                room_type="DBL",
                first=day(0),
                until=day(2),
                weekdays=inventory.EVERY_DAY,
                allowance=1,
                reason=GUEST,
            )
        ]

    def test_is_half_of_the_types_rooms_at_most(self) -> None:
        assert [max_allowance(rooms) for rooms in range(1, 6)] == [1, 1, 2, 2, 3]
        with pytest.raises(AllowanceTooHigh) as refused:
            inventory.decide(allowance(2), AURORA, stock_of(AURORA), NOW)
        assert (refused.value.allowance, refused.value.maximum) == (2, 1)

    def test_is_not_lowered_below_what_is_sold(self) -> None:
        stock = stock_of(AURORA)
        stock["DBL", day(1)].allowance, stock["DBL", day(1)].sold = 1, 3
        with pytest.raises(BelowSold) as refused:
            inventory.decide(allowance(0), AURORA, stock, NOW)
        assert [(night.date, night.wanted) for night in refused.value.nights] == [(day(1), 1)]
        stock["DBL", day(1)].sold = 2
        assert inventory.decide(allowance(0), AURORA, stock, NOW) != []

    def test_lets_a_booking_go_beyond_the_rooms_and_say_so(self) -> None:
        over: dict[NightKey, dict[str, Any]] = {
            ("DBL", day(0)): {"sold": 2, "allowance": 1},
            ("DBL", day(1)): {"sold": 1, "allowance": 1},
        }
        [event] = given().when(book_command("DBL"), nights=over).events or []
        assert getattr(event, "allowance_used", None) == (AllowanceUse(room_type="DBL", date=day(0)),)

    def test_ends_where_it_ends(self) -> None:
        over: dict[NightKey, dict[str, Any]] = {("DBL", day(0)): {"sold": 2, "allowance": 1}}
        given().when(book_command("DBL", "DBL"), nights=over).refused(SoldOut)

    def test_counts_holds_as_rooms(self) -> None:
        over: dict[NightKey, dict[str, Any]] = {("DBL", day(0)): {"sold": 1, "held": 1, "allowance": 1}}
        held = given().when(book_command("DBL", departure=1, hold_for=timedelta(minutes=5)), nights=over).events or []
        assert getattr(held[0], "allowance_used", None) == (AllowanceUse(room_type="DBL", date=day(0)),)
