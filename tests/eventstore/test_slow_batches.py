"""A batch that takes longer than a transaction may is split, until the command that is to blame is alone."""

import asyncio
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from command.side import CommandSide
from eventstore.appender import CommandTooSlow
from staysync.settings import Settings
from tests.eventstore.house import House, open_house, superuser

DAWDLE = """
    create function ledger.dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep({seconds}); return new; end $$;
    grant execute on function ledger.dawdle to staysync_command;
    create trigger dawdle before insert on ledger.event for each row when ({when}) execute function ledger.dawdle();
"""


async def slow_down(settings: Settings, hotel_ids: list[UUID], seconds: float) -> None:
    """Let the database take so long for each event of these hotels."""
    listed = ", ".join(f"'{hotel_id}'" for hotel_id in hotel_ids)
    async with superuser(settings) as connection:
        await connection.execute(DAWDLE.format(seconds=seconds, when=f"new.hotel_id in ({listed})"))


async def together(houses: list[House]) -> list[object]:
    """One booking at each of the hotels; all wait for one append, so that they make one batch."""
    return list(await asyncio.gather(*(house.book(1, 2) for house in houses), return_exceptions=True))


async def test_commands_that_are_too_slow_only_together_all_succeed(settings: Settings, side: CommandSide) -> None:
    houses = [await open_house(side) for _ in range(6)]
    await slow_down(settings, [house.hotel_id for house in houses], 0.45)  # 2.7 s together, 1.35 s by halves
    assert [type(answer) for answer in await together(houses)] == [dict] * 6


async def test_a_command_that_is_too_slow_alone_fails_alone_and_clearly(
    settings: Settings, side: CommandSide, caplog: pytest.LogCaptureFixture
) -> None:
    houses = [await open_house(side) for _ in range(4)]
    slow = houses[2]
    await slow_down(settings, [slow.hotel_id], 3)
    answers = await together(houses)
    assert [type(answer) for answer in answers] == [dict, dict, CommandTooSlow, dict]
    assert "a command takes longer than a transaction may: Book" in caplog.text
    async with superuser(settings) as connection:
        seq = await connection.fetchval("select seq from ledger.head where hotel_id = $1", slow.hotel_id)
        assert seq == 2  # nothing of it was written
        await connection.execute("drop trigger dawdle on ledger.event")
    await slow.book(1, 2)  # the only room is still free


async def test_within_a_hotel_the_slow_command_alone_fails(settings: Settings, side: CommandSide) -> None:
    house = await open_house(side, rooms=8)
    slow = uuid7()
    async with superuser(settings) as connection:
        await connection.execute(DAWDLE.format(seconds=3, when=f"new.stream_id = '{slow}'"))
    answers = await asyncio.gather(
        house.book(1, 2), house.book(1, 2), house.book(1, 2, booking_id=slow), house.book(1, 2), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [dict, dict, CommandTooSlow, dict]
