"""Hotels, their room types and the prices of their nights, decision by decision."""

from datetime import time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain import hotels
from domain.hotels import (
    AddRooms,
    AddRoomType,
    ChangeHotelDetails,
    ExtendHorizon,
    HorizonExtended,
    HotelDetailsChanged,
    OpenHotel,
    RoomsAdded,
)
from domain.rejections import (
    RoomExists,
    RoomTypeExists,
    TimeZoneFixed,
)
from tests.domain.house import AURORA, DOUBLE, NOW, OPENED, SUITE, TODAY, hotel_of

ADD_SUITE = AddRoomType(
    room_type_id=SUITE.room_type_id,
    code="STE",
    name="STE",
    max_adults=2,
    max_children=1,
    base_price=Decimal(250),
    rooms=("201",),
)


def test_a_hotel_opens_with_its_horizon_from_today() -> None:
    command = OpenHotel(
        name="Aurora",
        city="Lisbon",
        country="PT",
        timezone="Europe/Lisbon",
        currency="EUR",
        reference_prefix="AUR",
        business_day_rolls_at=time(4),
        bookable_horizon_days=730,
    )
    assert hotels.decide(command, None, NOW, has_bookings=False) == [OPENED]


def test_a_room_type_is_added_with_its_price_to_the_cent() -> None:
    assert hotels.decide(ADD_SUITE, hotel_of(OPENED, DOUBLE), NOW, has_bookings=False) == [SUITE]


def test_a_code_or_a_room_exists_once() -> None:
    with pytest.raises(RoomTypeExists):
        hotels.decide(ADD_SUITE, AURORA, NOW, has_bookings=False)
    with pytest.raises(RoomExists):
        hotels.decide(AddRooms(room_type="STE", rooms=("101",)), AURORA, NOW, has_bookings=False)
    with pytest.raises(RoomExists):
        hotels.decide(AddRooms(room_type="STE", rooms=("301", "301")), AURORA, NOW, has_bookings=False)


def test_rooms_are_added_from_the_business_date_on() -> None:
    assert hotels.decide(AddRooms(room_type="STE", rooms=("202",)), AURORA, NOW, has_bookings=True) == [
        RoomsAdded(room_type="STE", rooms=("202",), in_service_from=TODAY, bookable_until=OPENED.bookable_until)
    ]


def test_the_horizon_moves_with_the_days_and_never_back() -> None:
    later = NOW + timedelta(days=31)
    assert hotels.decide(ExtendHorizon(), AURORA, NOW, has_bookings=True) == []
    assert hotels.decide(ExtendHorizon(), AURORA, later, has_bookings=True) == [
        HorizonExtended(bookable_from=OPENED.bookable_until, bookable_until=OPENED.bookable_until + timedelta(days=31))
    ]


def test_details_that_stay_the_same_change_nothing() -> None:
    assert hotels.decide(ChangeHotelDetails(name="Aurora"), AURORA, NOW, has_bookings=True) == []
    assert hotels.decide(ChangeHotelDetails(name="Borealis"), AURORA, NOW, has_bookings=True) == [
        HotelDetailsChanged(name="Borealis")
    ]


def test_the_time_zone_is_fixed_by_the_first_booking() -> None:
    change = ChangeHotelDetails(timezone="Europe/Madrid")
    assert hotels.decide(change, AURORA, NOW, has_bookings=False) == [HotelDetailsChanged(timezone="Europe/Madrid")]
    with pytest.raises(TimeZoneFixed):
        hotels.decide(change, AURORA, NOW, has_bookings=True)


def test_the_room_type_id_is_its_own() -> None:
    assert AURORA.room_type("DBL").room_type_id == DOUBLE.room_type_id != UUID(int=0)
