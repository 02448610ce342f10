"""Hotels, their room types and the prices of their nights, decision by decision."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain import hotels, inventory
from domain.calendar import business_date
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
from domain.inventory import PricesSet, SetPrices
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    PriceNotRepresentable,
    RoomExists,
    RoomTypeExists,
    StayNegative,
    TimeZoneFixed,
    UnknownRoomType,
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


def prices(first: int = 0, until: int = 7, price: str = "120", code: str = "DBL") -> SetPrices:
    return SetPrices(
        room_type=code,
        first=TODAY + timedelta(days=first),
        until=TODAY + timedelta(days=until),
        weekdays=(5, 6),
        price=Decimal(price),
    )


def test_prices_are_set_for_the_weekdays_given() -> None:
    [event] = inventory.decide(prices(), AURORA, NOW)
    assert event == PricesSet(
        room_type="DBL", first=TODAY, until=TODAY + timedelta(days=7), weekdays=(5, 6), price=Decimal("120.00")
    )
    assert list(inventory.affected_nights(event)) == [date(2026, 12, 4), date(2026, 12, 5)]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (prices(first=-1), ArrivalInPast),
        (prices(until=731), BeyondHorizon),
        (prices(first=3, until=2), StayNegative),
        (prices(code="XXL"), UnknownRoomType),
        (prices(price="1.005"), PriceNotRepresentable),
    ],
)
def test_prices_that_cannot_be_are_refused(command: SetPrices, reason: type[Exception]) -> None:
    with pytest.raises(reason):
        inventory.decide(command, AURORA, NOW)


def test_an_empty_range_of_prices_changes_nothing() -> None:
    assert inventory.decide(prices(until=0), AURORA, NOW) == []


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        ("Pacific/Kiritimati", datetime(2026, 1, 1, 13, 59, tzinfo=UTC), date(2026, 1, 1)),
        ("Pacific/Kiritimati", datetime(2026, 1, 1, 14, 0, tzinfo=UTC), date(2026, 1, 2)),
        ("Pacific/Pago_Pago", datetime(2026, 1, 1, 14, 59, tzinfo=UTC), date(2025, 12, 31)),
        ("Pacific/Pago_Pago", datetime(2026, 1, 1, 15, 0, tzinfo=UTC), date(2026, 1, 1)),
        # Clocks go forward at 02:00 and back at 03:00 in Berlin: 04:00 on the wall is what counts.
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 0, tzinfo=UTC), date(2026, 3, 29)),
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 59, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Berlin", datetime(2026, 10, 25, 3, 0, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_the_business_date_rolls_at_four_on_the_hotels_wall_clock(zone: str, instant: datetime, expected: date) -> None:
    assert business_date(instant, zone, time(4)) == expected


def test_the_room_type_id_is_its_own() -> None:
    assert AURORA.room_type("DBL").room_type_id == DOUBLE.room_type_id != UUID(int=0)
