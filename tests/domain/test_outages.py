"""Rooms out of order and back, and what rooms offer."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain import hotels
from domain.hotels import (
    HotelCommand,
    HotelEvent,
    Outage,
    ReturnToService,
    RoomFeaturesSet,
    RoomReturnedToService,
    SetRoomFeatures,
    TakeOutOfOrder,
)
from domain.rejections import (
    AllowanceTooHigh,
    BelowSold,
    BeyondHorizon,
    RangeEmpty,
    RangeInPast,
    Rejected,
    RoomOutOfOrder,
    RoomTaken,
    TakenBy,
    UnknownRoom,
)
from domain.rooms import Occupied
from domain.stock import NightKey, NightStock
from tests.domain.house import (
    ANOTHER,
    AURORA,
    DOUBLE,
    GUEST,
    NOW,
    OPENED,
    SUITE,
    day,
    hotel_of,
    out_of_order,
    someone,
    stock_of,
)


def decide(
    command: HotelCommand,
    *history: HotelEvent,
    stock: dict[NightKey, NightStock] | None = None,
    occupied: dict[str, Sequence[Occupied]] | None = None,
) -> list[HotelEvent]:
    hotel = hotel_of(OPENED, DOUBLE, SUITE, *history)
    return hotels.decide(command, hotel, NOW, stock=stock or stock_of(AURORA), occupied=occupied)


def broken(room: str = "101", first: int = 1, until: int = 3, **others: bool) -> TakeOutOfOrder:
    return TakeOutOfOrder(room=room, first=day(first), until=day(until), reason=GUEST, **others)


class TestOutOfOrder:
    def test_takes_a_free_room_from_service(self) -> None:
        assert decide(broken()) == [out_of_order("101", 1, 3)]

    def test_begins_today_unless_said(self) -> None:
        command = TakeOutOfOrder(room="101", until=day(3), reason=GUEST)
        assert decide(command) == [out_of_order("101", 0, 3)]

    def test_is_refused_below_what_is_sold(self) -> None:
        stock = stock_of(AURORA)
        stock["DBL", day(2)].sold = 2
        with pytest.raises(BelowSold) as refused:
            decide(broken(), stock=stock)
        assert [(night.room_type, night.date, night.free) for night in refused.value.nights] == [("DBL", day(2), 0)]

    def test_raises_the_allowance_where_a_manager_says_so(self) -> None:
        stock = stock_of(AURORA)
        stock["DBL", day(2)].sold = 2
        assert decide(broken(raise_allowance=True), stock=stock) == [out_of_order("101", 1, 3, raised=(2,))]
        stock["DBL", day(2)] = replace(stock["DBL", day(2)], allowance=1, sold=3)
        with pytest.raises(AllowanceTooHigh):
            decide(broken(raise_allowance=True), stock=stock)

    def test_is_refused_while_somebody_has_the_room(self) -> None:
        with pytest.raises(RoomTaken) as refused:
            decide(broken(), occupied={"101": [someone(2, 5), someone(7, 9)]})
        assert refused.value.stays == (TakenBy(booking_id=ANOTHER, line=1, first=day(2), until=day(5)),)

    def test_is_refused_while_the_room_is_out_already(self) -> None:
        with pytest.raises(RoomOutOfOrder):
            decide(broken(), out_of_order("101", 2, 4))
        assert decide(broken(), out_of_order("101", 3, 4)) == [out_of_order("101", 1, 3)]

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (broken("999"), UnknownRoom),
            (broken(first=-1), RangeInPast),
            (broken(first=3), RangeEmpty),
            (broken(until=731), BeyondHorizon),
        ],
    )
    def test_that_cannot_be_is_refused(self, command: TakeOutOfOrder, reason: type[Rejected]) -> None:
        with pytest.raises(reason):
            decide(command)


class TestBackInService:
    def test_from_today_on(self) -> None:
        returned = RoomReturnedToService(
            room="101", room_type="DBL", first=day(0), nights=(day(1), day(2)), allowance_lowered_on=()
        )
        assert decide(ReturnToService(room="101"), out_of_order("101", 1, 3)) == [returned]
        hotel = hotel_of(OPENED, DOUBLE, SUITE, out_of_order("101", 1, 3), returned)
        assert hotel.outages["101"] == ()

    def test_from_a_later_day_on_leaves_the_days_before(self) -> None:
        [event] = decide(ReturnToService(room="101", first=day(2)), out_of_order("101", 1, 4))
        hotel = hotel_of(OPENED, DOUBLE, SUITE, out_of_order("101", 1, 4), event)
        assert hotel.outages["101"] == (Outage(first=day(1), until=day(2), allowance_raised_on=()),)

    def test_lowers_the_allowance_that_was_raised_for_it(self) -> None:
        stock = stock_of(AURORA)
        for night in (day(1), day(2)):
            stock["DBL", night].in_service = 1
        stock["DBL", day(2)].sold, stock["DBL", day(2)].allowance = 2, 1
        [event] = decide(ReturnToService(room="101"), out_of_order("101", 1, 3, raised=(1, 2)), stock=stock)
        assert isinstance(event, RoomReturnedToService)
        assert event.allowance_lowered_on == (day(2),)  # somebody has lowered that of the first night since

    def test_a_room_that_is_in_service_changes_nothing(self) -> None:
        assert decide(ReturnToService(room="101")) == []
        assert decide(ReturnToService(room="101", first=day(5)), out_of_order("101", 1, 3)) == []

    def test_not_for_the_past_and_not_for_rooms_that_are_not_there(self) -> None:
        with pytest.raises(RangeInPast):
            decide(ReturnToService(room="101", first=day(-1)))
        with pytest.raises(UnknownRoom):
            decide(ReturnToService(room="999"))


class TestFeatures:
    def test_are_what_was_said_last(self) -> None:
        event = RoomFeaturesSet(room="101", features=("quiet", "sea_view"))
        assert decide(SetRoomFeatures(room="101", features=frozenset({"sea_view", "quiet"}))) == [event]
        assert decide(SetRoomFeatures(room="101", features=frozenset({"sea_view", "quiet"})), event) == []
        assert hotel_of(OPENED, DOUBLE, event).features == {"101": frozenset({"sea_view", "quiet"})}
        with pytest.raises(UnknownRoom):
            decide(SetRoomFeatures(room="999", features=frozenset()))
