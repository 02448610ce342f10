"""A command sent again has one effect and the same answer."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from command.side import CommandSide
from domain.booking_commands import CancelLines
from domain.rejections import KeyReused, SoldOut, VersionMismatch
from eventstore.submission import IdempotencyKey
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import open_house, superuser


async def test_one_key_twenty_times_at_once_is_one_booking(side: CommandSide, settings: Settings) -> None:
    house = await open_house(side, rooms=20)
    async with write_side(settings) as other_side:
        other = house.at(other_side)
        answers = await asyncio.gather(*((house, other)[n % 2].book(1, 3, key="k") for n in range(20)))
    assert len({repr(answer) for answer in answers}) == 1
    async with superuser(settings) as connection:
        count = "select count(*) from ledger.event where hotel_id = $1 and type = 'BookingMade'"
        assert await connection.fetchval(count, house.hotel_id) == 1
        assert await connection.fetchval("select max(sold) from ledger.night where hotel_id = $1", house.hotel_id) == 1


async def test_the_answer_survives_the_process_that_gave_it(settings: Settings) -> None:
    """The crash between commit and answer: another process gives the same answer, and nothing happens twice."""
    async with write_side(settings) as first_side:
        house = await open_house(first_side)
        first = await house.book(1, 3, key="k")
    async with write_side(settings) as second_side:
        assert await house.at(second_side).book(1, 3, key="k") == first


async def test_the_same_key_with_another_request_is_refused(side: CommandSide) -> None:
    house = await open_house(side, rooms=2)
    await house.book(1, 3, key="k")
    with pytest.raises(KeyReused):
        await house.book(1, 4, key="k", fingerprint=bytes([1] * 32))


async def test_another_principals_key_is_another_key(side: CommandSide) -> None:
    house = await open_house(side, rooms=1)
    booking = await house.book(1, 3, key="k")
    key = IdempotencyKey("somebody else", "k", bytes(32))
    acknowledged = await house.submit(CancelLines(), _id(booking), key=key)
    assert not acknowledged.replayed


async def test_a_refusal_is_decided_afresh(side: CommandSide) -> None:
    house = await open_house(side, rooms=1)
    first = await house.book(1, 3)
    with pytest.raises(SoldOut):
        await house.book(1, 3, key="k")
    await house.live(CancelLines(), first)
    assert (await house.book(1, 3, key="k"))["state"] == "confirmed"


async def test_a_command_on_a_booking_is_repeated_with_the_same_answer(side: CommandSide) -> None:
    house = await open_house(side)
    booking = await house.book(1, 3, hold_for=timedelta(minutes=5))
    key = IdempotencyKey("tests", "cancel it", bytes(32))
    first = await house.submit(CancelLines(), _id(booking), key=key)
    again = await house.submit(CancelLines(), _id(booking), key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.answer == again.answer


async def test_a_version_that_is_not_the_one_decided_on_is_refused(side: CommandSide) -> None:
    house = await open_house(side)
    booking = await house.book(1, 3)
    with pytest.raises(VersionMismatch) as refusal:
        await house.submit(CancelLines(), _id(booking), version=2)
    assert (refusal.value.expected, refusal.value.actual) == (2, 1)
    await house.submit(CancelLines(), _id(booking), version=1)


def _id(booking: dict[str, object]) -> UUID:
    return UUID(str(booking["booking_id"]))
