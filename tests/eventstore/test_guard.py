"""The guard: no night is sold beyond its rooms, whatever arrives together; and one stuck hotel stops no other."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from command import answers
from command.side import CommandSide
from domain.booking_commands import AssignRooms, CancelLines, CheckIn, CheckOut
from domain.rejections import SoldOut
from domain.stock import Claim
from eventstore.appender import HotelBusy, OutcomeUnknown
from eventstore.sql import statement
from eventstore.submission import Answer, Outcome, Submission
from eventstore.write_set import WriteSet
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import METADATA, House, night_rows, open_house, superuser

SOLD_MEANWHILE = """
with moved as (
    update ledger.night set sold = sold + 1 where hotel_id = $1 and night = $2 returning 1
)
select count(*) from moved
"""


async def test_a_room_sold_while_a_booking_waits_for_the_lock_is_not_sold_again(
    side: CommandSide, settings: Settings
) -> None:
    """What the decision reads is younger than the lock: the statement that waits for the head reads nothing else."""
    house = await open_house(side, rooms=1)
    async with superuser(settings) as rival:
        transaction = rival.transaction()
        await transaction.start()
        await rival.execute("select from ledger.head where hotel_id = $1 for update", house.hotel_id)
        waiting = asyncio.create_task(house.book(1, 2))
        await _until_somebody_waits_for_a_lock(settings)
        await rival.fetchval(SOLD_MEANWHILE, house.hotel_id, house.day(1))
        await transaction.commit()
    with pytest.raises(SoldOut) as refusal:
        await waiting
    assert [(night.date, night.free) for night in refusal.value.nights] == [(house.day(1), 0)]


async def test_a_guard_that_locks_and_counts_in_one_statement_would_sell_twice(
    side: CommandSide, settings: Settings
) -> None:
    """The negative control of the test before: why the lock has a statement of its own."""
    house = await open_house(side, rooms=1)
    one_statement = """
    with locked as materialized (select hotel_id from ledger.head where hotel_id = $1 for update)
    select n.in_service - n.sold as free
      from locked join ledger.night n on n.hotel_id = locked.hotel_id and n.night = $2
    """
    async with superuser(settings) as rival, superuser(settings) as naive:
        transaction = rival.transaction()
        await transaction.start()
        await rival.execute("select from ledger.head where hotel_id = $1 for update", house.hotel_id)
        counted = asyncio.create_task(naive.fetchval(one_statement, house.hotel_id, house.day(1)))
        await _until_somebody_waits_for_a_lock(settings)
        await rival.fetchval(SOLD_MEANWHILE, house.hotel_id, house.day(1))
        await transaction.commit()
        assert await counted == 1, "PostgreSQL counted with a fresh snapshot: the design's reason is gone"


async def _until_somebody_waits_for_a_lock(settings: Settings) -> None:
    async with superuser(settings) as observer:
        # PostgreSQL tells nobody that a lock is waited for: it has to be asked.
        while not await observer.fetchval(  # noqa: ASYNC110 - see above
            "select exists (select from pg_locks l join pg_stat_activity a using (pid)"
            " where not l.granted and a.datname = current_database())"
        ):
            await asyncio.sleep(0.01)


async def test_a_night_is_released_and_claimed_in_one_transaction(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    first = await house.book(1, 3)
    second: dict[str, Any]
    # Together in the inbox before the appender looks: one batch.
    _, second = await asyncio.gather(house.live(CancelLines(), first), house.book(1, 3))
    async with superuser(settings) as connection:
        assert await night_rows(connection, house.hotel_id) == {house.day(1): (1, 1, 0), house.day(2): (1, 1, 0)}
        xids = await connection.fetch(
            "select distinct xmin::text from ledger.event where hotel_id = $1 and seq > 3", house.hotel_id
        )
    assert len(xids) == 1
    assert second["state"] == "confirmed"


async def test_a_chain_of_tight_bookings_fits_in_one_batch(side: CommandSide, settings: Settings) -> None:
    """Departure and arrival on one day don't collide, and nobody who fits is refused."""
    house = await open_house(side, rooms=1)
    stays = [(0, 2), (2, 4), (4, 6), (6, 7), (1, 3), (5, 7)]
    results = await asyncio.gather(*(house.book(*stay) for stay in stays), return_exceptions=True)
    assert [isinstance(result, dict) for result in results] == [True, True, True, True, False, False]
    assert all(isinstance(result, SoldOut) for result in results[4:])
    async with superuser(settings) as connection:
        nights = await night_rows(connection, house.hotel_id)
    assert nights == {house.day(number): (1, 1, 0) for number in range(7)}


async def test_fifty_clients_for_the_last_five_rooms(side: CommandSide, settings: Settings) -> None:
    """The same stay: exactly five succeed. Two write sides stand for two API processes."""
    house = await open_house(side, rooms=5)
    async with write_side(settings) as other_side:
        other = house.at(other_side)
        results = await asyncio.gather(
            *((house, other)[number % 2].book(1, 4) for number in range(50)), return_exceptions=True
        )
    assert Counter(type(result) for result in results) == {dict: 5, SoldOut: 45}
    async with superuser(settings) as connection:
        assert set((await night_rows(connection, house.hotel_id)).values()) == {(5, 5, 0)}


async def test_fifty_clients_with_stays_that_overlap_in_part(side: CommandSide, settings: Settings) -> None:
    """No night above five, and every refusal names a night that was full: sold rooms here are never given back."""
    house = await open_house(side, rooms=5)
    stays = [(number % 7, number % 7 + 1 + number % 4) for number in range(50)]
    async with write_side(settings) as other_side:
        other = house.at(other_side)
        results = await asyncio.gather(
            *((house, other)[number % 2].book(*stay) for number, stay in enumerate(stays)), return_exceptions=True
        )
    async with superuser(settings) as connection:
        nights = await night_rows(connection, house.hotel_id)
    assert max(sold for _, sold, _ in nights.values()) == 5
    sold: Counter[Any] = Counter()
    for result, (first, until) in zip(results, stays, strict=True):
        if isinstance(result, dict):
            sold.update(house.day(day) for day in range(first, until))
        else:
            assert isinstance(result, SoldOut)
            assert all(nights[night.date][1] == 5 for night in result.nights)
    assert sold == {night: claimed for night, (_, claimed, _) in nights.items()}


async def test_an_expired_hold_never_blocks_a_sale(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    hold = await house.book(1, 4, hold_for=timedelta(microseconds=1))
    sold = await house.book(3, 5)
    assert sold["state"] == "confirmed"
    async with superuser(settings) as connection:
        assert await connection.fetchval("select count(*) from ledger.hold where hotel_id = $1", house.hotel_id) == 0
        types = await connection.fetch(
            "select type, metadata ->> 'actor' as actor from ledger.event where hotel_id = $1 and seq > 2 order by seq",
            house.hotel_id,
        )
        assert [tuple(row) for row in types] == [
            ("BookingHeld", "tests"),
            ("BookingExpired", "system"),
            ("BookingMade", "tests"),
        ]
        assert await night_rows(connection, house.hotel_id) == {house.day(3): (1, 1, 0), house.day(4): (1, 1, 0)}
    assert hold["state"] == "held"


async def test_a_live_hold_blocks_a_sale_and_a_due_one_elsewhere_stays(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    await house.book(1, 2, hold_for=timedelta(minutes=5))
    await house.book(7, 8, hold_for=timedelta(microseconds=1))
    with pytest.raises(SoldOut):
        await house.book(1, 2)
    async with superuser(settings) as connection:
        assert await connection.fetchval("select count(*) from ledger.hold where hotel_id = $1", house.hotel_id) == 2


async def test_an_early_departure_frees_its_nights_at_once(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    stay = await house.book(0, 3)
    await house.live(AssignRooms(), stay)
    await house.live(CheckIn(), stay)
    await house.live(CheckOut(), stay)
    assert (await house.book(0, 3))["state"] == "confirmed"
    async with superuser(settings) as connection:
        assert set((await night_rows(connection, house.hotel_id)).values()) == {(1, 1, 0)}


async def test_a_held_head_stops_its_own_hotel_only(side: CommandSide, settings: Settings) -> None:
    """Somebody holds one hotel's head for five seconds; three hundred bookings elsewhere don't notice."""
    stuck, free = await open_house(side, rooms=1), await open_house(side, rooms=300)
    async with superuser(settings) as rival:
        transaction = rival.transaction()
        await transaction.start()
        await rival.execute("select from ledger.head where hotel_id = $1 for update", stuck.hotel_id)
        held_until = asyncio.get_running_loop().time() + 5
        waiting = [asyncio.create_task(stuck.book(1, 2)) for _ in range(20)]
        booked = await asyncio.gather(*(free.book(1, 2) for _ in range(300)))
        assert {booking["state"] for booking in booked} == {"confirmed"}
        assert not any(task.done() and not task.exception() for task in waiting)
        await asyncio.sleep(max(0.0, held_until - asyncio.get_running_loop().time()))
        await transaction.rollback()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, HotelBusy | SoldOut | dict) for outcome in outcomes)
    if not any(isinstance(outcome, dict) for outcome in outcomes):
        assert (await stuck.book(1, 2))["state"] == "confirmed"


async def test_a_claim_that_does_not_fit_is_refused_by_the_statement_itself(side: CommandSide) -> None:
    """Were a decision ever wrong, the write would count too few claimed nights and raise."""
    house = await open_house(side, rooms=1)
    write = WriteSet()
    write.claim(house.hotel_id, {("DBL", house.day(1)): Claim(2, 0)})
    async with side.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError, match="the guard counted 0 of 1 nights"):
            await connection.execute(statement("append"), *write.parameters())


async def test_a_head_that_moved_meanwhile_refuses_the_write(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=1)
    async with superuser(settings) as connection:
        head = await connection.fetchrow("select * from ledger.head where hotel_id = $1", house.hotel_id)
    assert head is not None
    write = WriteSet()
    stale = head["seq"] - 1
    write.heads.append((house.hotel_id, stale, stale + 1, bytes(32), head["occurred_at"], head["recorded_at"], 2))
    async with side.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError, match="the guard counted 0 of 1 heads"):
            await connection.execute(statement("append"), *write.parameters())


async def test_the_constraint_is_the_last_wall(settings: Settings, side: CommandSide) -> None:
    house = await open_house(side, rooms=1)
    async with superuser(settings) as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="night_not_oversold"):
            await connection.execute("update ledger.night set sold = 2 where hotel_id = $1", house.hotel_id)


async def test_bookings_of_many_hotels_go_together(side: CommandSide) -> None:
    houses: list[House] = [await open_house(side, rooms=2) for _ in range(5)]
    results = await asyncio.gather(*(house.book(1, 2) for house in houses for _ in range(3)), return_exceptions=True)
    assert Counter(type(result) for result in results) == {dict: 10, SoldOut: 5}


async def test_a_batch_that_the_database_ends_for_its_length_is_done_again(
    side: CommandSide, settings: Settings
) -> None:
    """The process stalls under the lock for longer than a transaction may take; nothing of the first try stays."""
    house = await open_house(side)
    stalls = iter([True])

    def render(outcome: Outcome) -> Answer:
        if next(stalls, False):
            time.sleep(2.5)
        return answers.booking_changed(outcome)

    booking = await house.book(1, 3)
    acknowledged = await side.appender.submit(
        Submission(
            hotel_id=house.hotel_id,
            stream_id=UUID(booking["booking_id"]),
            command=CancelLines(),
            metadata=METADATA,
            render=render,
        )
    )
    assert b'"cancelled"' in acknowledged.answer.body
    async with superuser(settings) as connection:
        assert await connection.fetchval("select seq from ledger.head where hotel_id = $1", house.hotel_id) == 4


async def test_appends_go_on_after_their_connections_were_ended(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=200)
    booking = asyncio.gather(*(house.book(1, 2) for _ in range(100)), return_exceptions=True)
    async with superuser(settings) as connection:
        for _ in range(5):
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'staysync_command'"
                " and datname = current_database()"
            )
            await asyncio.sleep(0.01)
        results = await booking
        sold = await connection.fetchval("select max(sold) from ledger.night where hotel_id = $1", house.hotel_id)
    done = sum(isinstance(result, dict) for result in results)
    unknown = sum(isinstance(result, OutcomeUnknown) for result in results)
    assert done + unknown == 100, results
    assert done <= sold <= done + unknown
    assert (await house.book(1, 2))["state"] == "confirmed"


async def test_a_hotels_commands_keep_their_order_through_its_lane(side: CommandSide, settings: Settings) -> None:
    """Some wait in the lane, some arrive while the first batch finds the head taken: they go in order of arrival."""
    house = await open_house(side, rooms=90)
    async with superuser(settings) as rival:
        transaction = rival.transaction()
        await transaction.start()
        await rival.execute("select from ledger.head where hotel_id = $1 for update", house.hotel_id)
        waves = []
        for _ in range(3):
            waves.append(asyncio.gather(*(house.book(1, 2) for _ in range(30))))
            await asyncio.sleep(0)
        await _until_somebody_waits_for_a_lock(settings)
        await transaction.rollback()
    answers = [answer for wave in waves for answer in await wave]
    positions = [int(answer["position"].rpartition(":")[2]) for answer in answers]
    assert positions == sorted(positions)
