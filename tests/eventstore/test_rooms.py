"""Rooms in the ledger: no room has two stays in a night, whoever asks together, and stock follows the rooms."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from command.side import CommandSide
from domain.booking_commands import (
    AssignRoom,
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ReleaseRooms,
    SwapRooms,
    Walk,
)
from domain.hotels import ReturnToService, TakeOutOfOrder
from domain.inventory import SetAllowance, SetRestrictions
from domain.rejections import BelowSold, NoRoomFits, RoomTaken, SoldOut, StopSell, UnknownBooking
from domain.values import Sealed
from eventstore.codec import decode
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import House, add_room_type, open_house, superuser

REASON = Sealed(guest_id=UUID(int=1), ciphertext="c2VhbGVk")


async def stays(settings: Settings, house: House) -> set[tuple[str, int, int, str]]:
    """Room, first night and until, counted from today, and the booking."""
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select room, lower(stay) as first, upper(stay) as until, booking_id from ledger.room_stay"
            " where hotel_id = $1",
            house.hotel_id,
        )
    return {
        (r["room"], (r["first"] - house.today).days, (r["until"] - house.today).days, str(r["booking_id"]))
        for r in rows
    }


async def sold(settings: Settings, house: House) -> dict[tuple[str, int], int]:
    """How many rooms of each type and night, counted from today, are sold."""
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select room_type, night, sold from ledger.night where hotel_id = $1 and sold > 0", house.hotel_id
        )
    return {(row["room_type"], (row["night"] - house.today).days): row["sold"] for row in rows}


def id_of(booking: dict[str, Any]) -> str:
    """The booking's id as it stands in its answer."""
    return str(booking["booking_id"])


async def test_a_room_asked_for_by_many_at_once_goes_to_one(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=20)
    async with write_side(settings) as another_process:
        elsewhere = house.at(another_process)
        bookings = [await house.book(0, 3) for _ in range(20)]
        asked = [
            (house if number % 2 else elsewhere).live(AssignRoom(line=1, room="100"), booking)
            for number, booking in enumerate(bookings)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert sum(isinstance(answer, RoomTaken) for answer in answers) == 19
    assert len(await stays(settings, house)) == 1


async def test_bookings_roomed_by_rule_at_once_never_share_a_room(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=12)
    async with write_side(settings) as another_process:
        elsewhere = house.at(another_process)
        bookings = [await house.book(number % 3, number % 3 + 3) for number in range(12)]
        asked = [
            (house if number % 2 else elsewhere).live(AssignRooms(), booking) for number, booking in enumerate(bookings)
        ]
        await asyncio.gather(*asked)
    assert len(await stays(settings, house)) == 12


@asynccontextmanager
async def one_batch(settings: Settings, house: House) -> AsyncIterator[None]:
    """What is sent meanwhile goes into one batch: the head is held, and a command that will be refused waits for it."""
    async with superuser(settings) as rival:
        transaction = rival.transaction()
        await transaction.start()
        await rival.execute("select 1 from ledger.head where hotel_id = $1 for update", house.hotel_id)
        before = asyncio.create_task(house.live(CancelLines(), {"booking_id": str(uuid7())}))
        await asyncio.sleep(0.2)
        yield
        await asyncio.sleep(0.2)
        await transaction.rollback()
    with pytest.raises(UnknownBooking):
        await before


async def transactions(settings: Settings, house: House, events: int) -> int:
    """In how many transactions the last events of the hotel were written."""
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select xmin::text from ledger.event where hotel_id = $1 order by seq desc limit $2", house.hotel_id, events
        )
    return len({row["xmin"] for row in rows})


async def test_a_room_given_back_is_anothers_in_the_same_transaction(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=2)
    first, second = await house.book(0, 2), await house.book(0, 2)
    await house.live(AssignRoom(line=1, room="100"), first)
    async with one_batch(settings, house):
        sent = []
        for command, booking in (
            (ReleaseRooms(), first),
            (AssignRoom(line=1, room="100"), second),
            (AssignRoom(line=1, room="101"), first),
        ):
            sent.append(asyncio.create_task(house.live(command, booking)))
            await asyncio.sleep(0.01)
    await asyncio.gather(*sent)
    assert await transactions(settings, house, events=3) == 1
    assert await stays(settings, house) == {("100", 0, 2, id_of(second)), ("101", 0, 2, id_of(first))}


async def test_a_booking_can_be_made_roomed_and_checked_in_in_one_batch(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    booking_id = uuid7()
    async with one_batch(settings, house):
        sent = [asyncio.create_task(house.book(0, 2, booking_id=booking_id))]
        for command in (AssignRooms(), CheckIn()):
            await asyncio.sleep(0.01)
            sent.append(asyncio.create_task(house.live(command, {"booking_id": str(booking_id)})))
    await asyncio.gather(*sent)
    assert await transactions(settings, house, events=3) == 1
    assert await stays(settings, house) == {("100", 0, 2, str(booking_id))}


async def test_an_upgrade_moves_the_nights_to_the_other_types_stock_and_back(
    side: CommandSide, settings: Settings
) -> None:
    house = await open_house(side, rooms=1)
    await add_room_type(house, "STE", "200")
    booking = await house.book(0, 2)
    await house.live(AssignRoom(line=1, room="200"), booking)
    assert await sold(settings, house) == {("STE", 0): 1, ("STE", 1): 1}
    assert (await house.book(0, 2))["state"] == "confirmed"  # the double is free again
    with pytest.raises(SoldOut):
        await house.live(ReleaseRooms(), booking)
    with pytest.raises(SoldOut):
        await house.book(0, 1, types=("STE",))


async def test_two_bookings_swap_their_rooms_in_a_full_house(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    await add_room_type(house, "STE", "200")
    double, suite = await house.book(0, 2), await house.book(0, 3, types=("STE",))
    await house.live(AssignRooms(), double)
    await house.live(AssignRooms(), suite)
    swapped = await house.live(SwapRooms(line=1, other_line=1, other_booking=UUID(id_of(suite))), double)
    assert swapped["lines"][0]["room_type"] == "DBL"
    assert await stays(settings, house) == {("200", 0, 2, id_of(double)), ("100", 0, 3, id_of(suite))}
    assert await sold(settings, house) == {("STE", 0): 1, ("STE", 1): 1, ("DBL", 0): 1, ("DBL", 1): 1, ("DBL", 2): 1}


async def test_an_early_departure_frees_the_room_at_once(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    first = await house.book(0, 3)
    for command in (AssignRooms(), CheckIn(), CheckOut()):
        await house.live(command, first)
    second = await house.book(0, 3)
    await house.live(AssignRooms(), second)
    assert await stays(settings, house) == {("100", 0, 3, id_of(second))}


async def test_a_walked_guest_leaves_night_and_room(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    booking = await house.book(0, 2)
    await house.live(AssignRooms(), booking)
    walked = await house.live(Walk(cost=Decimal("80.00")), booking)
    assert walked["state"] == "cancelled"
    assert await stays(settings, house) == set()
    assert await sold(settings, house) == {}


async def test_a_held_line_that_moves_is_held_where_it_went(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    held = await house.book(0, 2, hold_for=timedelta(hours=1))
    await house.live(ChangeBooking(arrival=house.day(4), departure=house.day(5)), held)
    assert (await house.book(0, 2))["state"] == "confirmed"
    with pytest.raises(SoldOut):
        await house.book(4, 5)
    async with superuser(settings) as connection:
        rows = await connection.fetch(
            "select lower(stay) as first, upper(stay) as until from ledger.hold where hotel_id = $1", house.hotel_id
        )
    assert [tuple(row) for row in rows] == [(house.day(4), house.day(5))]


async def test_a_hold_that_moves_and_ends_in_one_batch_is_gone(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    held = await house.book(0, 2, hold_for=timedelta(hours=1))
    async with one_batch(settings, house):
        sent = []
        for command in (ChangeBooking(arrival=house.day(4), departure=house.day(5)), CancelLines()):
            sent.append(asyncio.create_task(house.live(command, held)))
            await asyncio.sleep(0.01)
    await asyncio.gather(*sent)
    assert await transactions(settings, house, events=2) == 1
    async with superuser(settings) as connection:
        assert await connection.fetchval("select count(*) from ledger.hold where hotel_id = $1", house.hotel_id) == 0


async def test_the_last_wall_refuses_a_room_twice_whatever_was_decided(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=2)
    booking = await house.book(0, 3)
    await house.live(AssignRoom(line=1, room="100"), booking)
    async with superuser(settings) as connection:
        with pytest.raises(asyncpg.ExclusionViolationError, match="room_stay_no_overlap"):
            await connection.execute(
                "insert into ledger.room_stay (hotel_id, room, stay, booking_id, line)"
                " values ($1, '100', daterange($2, $3), $4, 1)",
                house.hotel_id,
                house.day(2),
                house.day(4),
                uuid7(),
            )


# ---------------------------------------------------------------- outages, restrictions, allowance


def broken(house: House, first: int, until: int, *, raise_allowance: bool = False) -> TakeOutOfOrder:
    """Room 100 out of order, days counted from today."""
    return TakeOutOfOrder(
        room="100", first=house.day(first), until=house.day(until), reason=REASON, raise_allowance=raise_allowance
    )


async def night(settings: Settings, house: House, day: date) -> asyncpg.Record:
    """A night of the doubles as the guard has it."""
    async with superuser(settings) as connection:
        row: asyncpg.Record | None = await connection.fetchrow(
            "select * from ledger.night where hotel_id = $1 and room_type = 'DBL' and night = $2", house.hotel_id, day
        )
    assert row is not None
    return row


async def test_an_outage_takes_a_room_of_each_night_and_gives_it_back(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    await house.submit(
        TakeOutOfOrder(room="100", first=house.day(1), until=house.day(3), reason=REASON), house.hotel_id
    )
    with pytest.raises(SoldOut):
        await house.book(0, 2)
    assert [(await night(settings, house, house.day(n)))["in_service"] for n in range(4)] == [1, 0, 0, 1]
    booking = await house.book(0, 1)
    await house.live(AssignRooms(), booking)
    await house.submit(ReturnToService(room="100", first=house.day(2)), house.hotel_id)
    assert [(await night(settings, house, house.day(n)))["in_service"] for n in range(4)] == [1, 0, 1, 1]
    assert (await house.book(2, 4))["state"] == "confirmed"


async def test_an_outage_below_what_is_sold_needs_the_allowance(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=2)
    await house.book(1, 2, rooms=2)
    with pytest.raises(BelowSold) as refused:
        await house.submit(broken(house, 0, 3), house.hotel_id)
    assert [short.date for short in refused.value.nights] == [house.day(1)]
    assert (await night(settings, house, house.day(0)))["in_service"] == 2
    await house.submit(broken(house, 0, 3, raise_allowance=True), house.hotel_id)
    row = await night(settings, house, house.day(1))
    assert (row["in_service"], row["allowance"], row["sold"]) == (1, 1, 2)
    assert (await night(settings, house, house.day(0)))["allowance"] == 0
    await house.submit(ReturnToService(room="100"), house.hotel_id)
    row = await night(settings, house, house.day(1))
    assert (row["in_service"], row["allowance"], row["sold"]) == (2, 0, 2)


async def test_an_outage_does_not_wait_for_holds_that_are_over(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    await house.book(0, 2, hold_for=timedelta(0))
    await house.submit(
        TakeOutOfOrder(room="100", first=house.day(0), until=house.day(2), reason=REASON), house.hotel_id
    )
    row = await night(settings, house, house.day(0))
    assert (row["in_service"], row["held"]) == (0, 0)


async def test_an_allowance_sells_beyond_the_rooms_up_to_itself(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    over = SetAllowance(room_type="DBL", first=house.day(0), until=house.day(2), allowance=1, reason=REASON)
    await house.submit(over, house.hotel_id)
    bookings = [await house.book(0, 2) for _ in range(2)]
    with pytest.raises(SoldOut):
        await house.book(0, 1)
    await house.live(AssignRooms(), bookings[0])
    with pytest.raises(NoRoomFits):  # the second is for a walk, or for a cancellation
        await house.live(AssignRooms(), bookings[1])
    async with superuser(settings) as connection:
        used = await connection.fetch(
            "select data ->> 'allowance_used' as used from ledger.event"
            " where hotel_id = $1 and type = 'BookingMade' order by seq",
            house.hotel_id,
        )
    assert [row["used"] == "[]" for row in used] == [True, False]
    lower = SetAllowance(room_type="DBL", first=house.day(0), until=house.day(2), allowance=0, reason=REASON)
    with pytest.raises(BelowSold):
        await house.submit(lower, house.hotel_id)


async def test_restrictions_bind_the_next_booking_and_leave_what_they_do_not_name(
    side: CommandSide, settings: Settings
) -> None:
    house = await open_house(side, rooms=3)
    await house.book(0, 2)
    closed = SetRestrictions(
        room_type="DBL",
        first=house.day(0),
        until=house.day(7),
        weekdays=(house.day(1).isoweekday(),),
        stop_sell=True,
        minimum_stay=2,
    )
    await house.submit(closed, house.hotel_id)
    with pytest.raises(StopSell) as refused:
        await house.book(0, 2)
    assert refused.value.nights == (house.day(1),)
    opened = SetRestrictions(room_type="DBL", first=house.day(0), until=house.day(7), stop_sell=False)
    await house.submit(opened, house.hotel_id)
    row = await night(settings, house, house.day(1))
    assert (row["stop_sell"], row["minimum_stay"]) == (False, 2)
    assert (await house.book(0, 2))["state"] == "confirmed"


def test_a_booking_written_before_there_was_an_allowance_reads_as_one_that_used_none() -> None:
    data = (
        '{"reference":"AUR-2B3C4D5E","currency":"EUR","rate_plan":"BAR","guest":{"guest_id":'
        '"00000000-0000-0000-0000-000000000001","ciphertext":""},"booker":null,"lines":[],"statistics":{},"flags":[]}'
    )
    assert getattr(decode("BookingMade", 1, data), "allowance_used", None) == ()
