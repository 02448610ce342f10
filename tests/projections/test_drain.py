"""Each event once and in order: draining, parking, trying again, rebuilding, and two projectors at once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from command.side import CommandSide
from domain.booking_commands import CancelLines, ConfirmBooking
from eventstore.reading import Connection
from projections import drain as draining
from projections.drain import (
    SHARDS,
    CannotRebuild,
    Drained,
    Projector,
    drain_shards,
    rebuild_hotel,
    retry,
    shard_of,
    sweep,
)
from readmodels.applied import Applied
from staysync.settings import Settings
from tests.eventstore.house import House, open_house, superuser
from tests.projections.words import checkpoint, differences, drain, head, live_a_little, live_in_rooms, read_tables


async def test_the_read_tables_say_what_the_ledger_says(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 12)
    await live_in_rooms(house)
    await live_a_little(house)
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP
    at = await checkpoint(projector, house.hotel_id)
    assert at["seq"] == at["events_applied"] == await head(projector, house.hotel_id)
    assert await differences(settings) == {}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_batches_of_any_size_lead_to_the_same_rows(side: CommandSide, projector: Projector, size: int) -> None:
    house = await open_house(side, 12)
    await live_in_rooms(house)
    await live_a_little(house)
    in_small = Projector(projector.pool, projector.master_key, batch_size=size)
    assert await drain(in_small, house.hotel_id, batches=100) is Drained.CAUGHT_UP
    small = await read_tables(projector, house.hotel_id)
    await rebuild_hotel(projector, house.hotel_id)
    assert await read_tables(projector, house.hotel_id) == small


async def test_a_second_drain_finds_nothing_to_do(side: CommandSide, projector: Projector) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    await drain(projector, house.hotel_id)
    before = await checkpoint(projector, house.hotel_id), await read_tables(projector, house.hotel_id)
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP
    assert (await checkpoint(projector, house.hotel_id), await read_tables(projector, house.hotel_id)) == before


async def test_a_drain_is_bounded_and_says_that_there_is_more(side: CommandSide, projector: Projector) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    in_small = Projector(projector.pool, projector.master_key, batch_size=2)
    assert await drain(in_small, house.hotel_id, batches=3) is Drained.MORE
    assert (await checkpoint(projector, house.hotel_id))["seq"] == 6


async def test_projectors_at_once_on_one_hotel_apply_each_event_once(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 40)
    writing = True

    async def write() -> None:
        nonlocal writing
        for _ in range(15):
            await asyncio.gather(*(house.book(number % 20, number % 20 + 2) for number in range(8)))
        writing = False

    async def project() -> set[Drained]:
        small = Projector(projector.pool, projector.master_key, batch_size=5)
        ends = set()
        while writing:
            ends.add(await drain(small, house.hotel_id, batches=2))
        return ends

    _, *ends = await asyncio.gather(write(), project(), project(), project())
    assert Drained.BUSY in set.union(*ends)  # they did meet
    await drain(projector, house.hotel_id)
    at = await checkpoint(projector, house.hotel_id)
    assert at["seq"] == at["events_applied"] == await head(projector, house.hotel_id) == 122
    assert await differences(settings) == {}


async def test_a_taken_hotel_is_left_to_who_has_it(side: CommandSide, projector: Projector) -> None:
    house = await open_house(side)
    await drain(projector, house.hotel_id)
    await house.book(1, 2)
    async with projector.pool.acquire() as other, other.transaction():
        await other.execute("select from read.checkpoint where hotel_id = $1 for update", house.hotel_id)
        assert await drain(projector, house.hotel_id) is Drained.BUSY
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP


async def test_what_is_committed_during_the_last_read_is_found_by_the_second_look(
    side: CommandSide, projector: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house(side, 2)
    commits = [1]
    fold = draining._fold

    async def fold_while_somebody_books(*arguments: object) -> Applied:
        if commits:
            commits.pop()
            await house.book(1, 2)  # after the batch was read, before the hotel is let go: its nudge finds it taken
        return await fold(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(draining, "_fold", fold_while_somebody_books)
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP
    assert (await checkpoint(projector, house.hotel_id))["seq"] == await head(projector, house.hotel_id) == 3


async def test_a_projector_that_dies_after_writing_and_before_its_checkpoint_moves_has_done_nothing(
    settings: Settings, side: CommandSide, projector: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)

    async def die(connection: Connection, *_: object) -> None:
        connection.terminate()
        raise ConnectionResetError

    with monkeypatch.context() as dying:
        dying.setattr(draining, "_move", die)
        with pytest.raises((ConnectionResetError, asyncpg.InterfaceError)):
            await drain(projector, house.hotel_id)
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP
    assert await differences(settings) == {}


# ---------------------------------------------------------------- parking


async def break_next_event(house: House, projector: Projector) -> tuple[int, dict[str, object]]:
    """Take away a row that the event after the next one needs; that event's seq, and the row."""
    booking = await house.book(1, 3)
    await drain(projector, house.hotel_id)
    await house.book(4, 5)
    await house.live(CancelLines(), booking)
    await house.book(6, 7)
    row = await projector.pool.fetchrow(
        "delete from read.booking where booking_id = $1 returning *", UUID(booking["booking_id"])
    )
    assert row is not None
    return await head(projector, house.hotel_id) - 1, dict(row)


async def put_back(projector: Projector, row: dict[str, object]) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await projector.pool.execute(f"insert into read.booking values ({places})", *row.values())  # noqa: S608


async def test_an_event_that_cannot_be_applied_parks_its_hotel_there_and_no_other(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house, other = await open_house(side, 4), await open_house(side, 4)
    seq, row = await break_next_event(house, projector)
    await other.book(1, 2)
    assert await sweep(projector)
    at = await checkpoint(projector, house.hotel_id)
    assert (at["seq"], at["events_applied"], at["parked_seq"]) == (seq - 1, seq - 1, seq)
    assert at["parked_error"].startswith("LookupError in booking_of")
    assert (await checkpoint(projector, other.hotel_id))["seq"] == await head(projector, other.hotel_id)
    assert await drain(projector, house.hotel_id) is Drained.PARKED
    assert (await checkpoint(projector, house.hotel_id))["seq"] == seq - 1  # skipped is never
    assert "parked" in await differences(settings, house.hotel_id)

    await put_back(projector, row)
    assert await retry(projector, house.hotel_id) is Drained.CAUGHT_UP
    assert await differences(settings) == {}


async def test_trying_again_in_vain_parks_again_at_the_same_event(side: CommandSide, projector: Projector) -> None:
    house = await open_house(side, 4)
    seq, _ = await break_next_event(house, projector)
    await drain(projector, house.hotel_id)
    assert await retry(projector, house.hotel_id) is Drained.PARKED
    at = await checkpoint(projector, house.hotel_id)
    assert (at["seq"], at["parked_seq"]) == (seq - 1, seq)


async def test_an_event_of_a_newer_build_parks(settings: Settings, side: CommandSide, projector: Projector) -> None:
    house = await open_house(side)
    await insert_event(settings, house, "BookingGilded", "{}")
    assert await drain(projector, house.hotel_id) is Drained.PARKED
    assert "BookingGilded" in (await checkpoint(projector, house.hotel_id))["parked_error"]


async def test_the_kept_error_quotes_nothing_personal(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side)
    await insert_event(settings, house, "BookingMade", '{"guest": "Ana Guest, ana@example.org"}')
    assert await drain(projector, house.hotel_id) is Drained.PARKED
    error = (await checkpoint(projector, house.hotel_id))["parked_error"]
    assert "ValidationError" in error
    assert "ana" not in error.lower()


async def insert_event(settings: Settings, house: House, event_type: str, data: str) -> None:
    """Put an event into the ledger that the appender wouldn't make."""
    async with superuser(settings) as connection:
        await connection.execute(
            """
            with moved as (update ledger.head set seq = seq + 1 where hotel_id = $1 returning *)
            insert into ledger.event select $1, seq, gen_random_uuid(), 1, 1, $2, occurred_at, recorded_at, hash,
                                            $3::text::json, '{}' from moved
            """,
            house.hotel_id,
            event_type,
            data,
        )


async def test_a_gap_in_the_ledger_is_never_stepped_over(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 4)
    await drain(projector, house.hotel_id)
    await house.book(1, 2)
    await house.book(1, 2)
    async with superuser(settings) as connection:
        await connection.execute("alter table ledger.event disable trigger all")
        await connection.execute("delete from ledger.event where hotel_id = $1 and seq = 3", house.hotel_id)
    assert await drain(projector, house.hotel_id) is Drained.PARKED
    at = await checkpoint(projector, house.hotel_id)
    assert (at["seq"], at["parked_seq"], at["parked_error"]) == (2, 3, "the ledger has no event 3")


async def test_trouble_of_the_database_parks_nothing(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side)
    async with superuser(settings) as connection:
        await connection.execute("revoke insert on read.night from staysync_projector")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await drain(projector, house.hotel_id)
        await sweep(projector)  # goes on to the other hotels, of which there might be some
        await connection.execute("grant insert on read.night to staysync_projector")
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP


# ---------------------------------------------------------------- rebuilding


async def test_a_rebuilt_hotel_is_equal_row_for_row(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    await drain(projector, house.hotel_id)
    before = await read_tables(projector, house.hotel_id)
    await projector.pool.execute("update read.night set sold = sold + 1")
    await projector.pool.execute("delete from read.timeline")
    assert await rebuild_hotel(projector, house.hotel_id) == await head(projector, house.hotel_id)
    assert await read_tables(projector, house.hotel_id) == before
    assert await differences(settings) == {}


async def test_queries_see_the_old_rows_until_a_rebuild_is_done(
    side: CommandSide, projector: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    await drain(projector, house.hotel_id)
    before = await read_tables(projector, house.hotel_id)
    seen = []
    fold = draining._fold

    async def fold_while_somebody_asks(*arguments: object) -> Applied:
        seen.append(await read_tables(projector, house.hotel_id))  # the rebuild has deleted the rows by now
        return await fold(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(draining, "_fold", fold_while_somebody_asks)
    await rebuild_hotel(projector, house.hotel_id)
    assert seen == [before]


async def test_a_rebuild_that_fails_leaves_everything_as_it_was(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    await drain(projector, house.hotel_id)
    before = await read_tables(projector, house.hotel_id), await checkpoint(projector, house.hotel_id)
    await insert_event(settings, house, "BookingGilded", "{}")
    with pytest.raises(CannotRebuild, match="BookingGilded"):
        await rebuild_hotel(projector, house.hotel_id)
    assert (await read_tables(projector, house.hotel_id), await checkpoint(projector, house.hotel_id)) == before


async def test_a_rebuild_ends_a_parking_whose_cause_was_in_the_read_tables(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 4)
    await break_next_event(house, projector)
    await drain(projector, house.hotel_id)
    await rebuild_hotel(projector, house.hotel_id)
    assert await differences(settings) == {}


# ---------------------------------------------------------------- shards and sweep


async def test_a_shard_is_drained_without_the_others(side: CommandSide, projector: Projector) -> None:
    houses = [await open_house(side) for _ in range(6)]
    shard = shard_of(houses[0].hotel_id)
    await drain_shards(projector, [shard])
    for house in houses:
        seq = await projector.pool.fetchval("select seq from read.checkpoint where hotel_id = $1", house.hotel_id)
        assert seq == (2 if shard_of(house.hotel_id) == shard else None)


async def test_the_sweep_finds_every_hotel_that_is_behind(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    houses = [await open_house(side, 4) for _ in range(SHARDS)]
    assert await sweep(projector)
    held = [await house.book(1, 2, hold_for=timedelta(minutes=5)) for house in houses]
    await houses[3].live(ConfirmBooking(), held[3])
    assert await sweep(projector)
    assert await differences(settings) == {}
    for house in houses:
        assert (await checkpoint(projector, house.hotel_id))["seq"] == await head(projector, house.hotel_id)
