"""All read tables folded anew beside the live ones: compared, put in place without an error for anyone, and undone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from command.side import CommandSide
from domain.booking_commands import CancelLines, EraseGuests
from projections import rebuilding, swap
from projections.audit import audit
from projections.blueprint import differences as built_otherwise
from projections.drain import CannotRebuild, Projector, sweep
from projections.rebuilding import Outcome, Rebuilder, drop, rebuild_all, rebuilder
from projections.schemas import BEFORE, LIVE, NEXT
from staysync.settings import Settings
from tests.clients import running
from tests.eventstore.house import House, open_house, superuser
from tests.migrations.test_schema import GOLDEN, _dump
from tests.projections.test_drain import break_next_event, insert_event
from tests.projections.words import checkpoint, differences, head, live_a_little, live_in_rooms, read_tables
from tests.projections.workers import until

OIDS = "select relname, oid from pg_class where relnamespace = 'read'::regnamespace and relkind = 'r'"


@pytest.fixture
async def houses(side: CommandSide, projector: Projector) -> list[House]:
    """Hotels with some history, projected."""
    houses = [await open_house(side, 12) for _ in range(3)]
    await live_in_rooms(houses[0])
    await live_a_little(houses[1])
    await sweep(projector)
    return houses


@asynccontextmanager
async def at_work(settings: Settings, projector: Projector, schema: str = NEXT) -> AsyncIterator[Rebuilder]:
    """A rebuilder of the test's installation."""
    urls = settings.role_url("owner"), settings.role_url("projector")
    async with rebuilder(*urls, projector.master_key, schema) as work:
        yield work


async def rebuilt(settings: Settings, projector: Projector, schema: str = NEXT, **options: Any) -> Outcome:
    """Rebuild everything."""
    async with at_work(settings, projector, schema) as work:
        return await rebuild_all(work, **options)


async def test_who_is_erased_after_a_rebuild_is_gone_from_the_tables_of_before_it_too(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    house = houses[0]
    booked = UUID((await house.book(1, 2))["booking_id"])
    kept = UUID((await house.book(1, 2))["booking_id"])
    await house.submit(CancelLines(), booked)
    await sweep(projector)
    await rebuilt(settings, projector)
    known = "select g.full_name from read_before.guest g join read_before.booking b using (hotel_id, guest_id)"
    known += " where b.booking_id = $1"
    assert await projector.pool.fetchval(known, booked) == await projector.pool.fetchval(known, kept) is not None
    await house.submit(EraseGuests(), booked)
    await sweep(projector)
    assert await projector.pool.fetchval(known, booked) is None
    assert await projector.pool.fetchval(known, kept) is not None
    await rebuilt(settings, projector, BEFORE, even_if_different=True)  # back to them
    assert await differences(settings) == {}


async def schemas(settings: Settings) -> set[str]:
    """The schemas of read tables that there are."""
    async with superuser(settings) as connection:
        return {row[0] for row in await connection.fetch("select nspname from pg_namespace where nspname like 'read%'")}


async def test_the_new_tables_are_equal_in_rows_grants_indexes_and_all(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    before = [await read_tables(projector, house.hotel_id) for house in houses]
    applied = [await checkpoint(projector, house.hotel_id) for house in houses]
    oids = dict(await projector.pool.fetch(OIDS))
    told: list[tuple[str, int, int]] = []
    outcome = await rebuilt(settings, projector, progress=lambda *progress: told.append(progress))
    assert (outcome.hotels, outcome.differences, outcome.swapped) == (3, [], True)
    assert outcome.events == sum([await head(projector, house.hotel_id) for house in houses])
    assert ("fold", outcome.events, outcome.events) in told
    assert told[-1] == ("compare", 3, 3)
    assert set(oids.values()).isdisjoint(dict(await projector.pool.fetch(OIDS)).values())  # they are other tables
    assert [await read_tables(projector, house.hotel_id) for house in houses] == before
    for old, house in zip(applied, houses, strict=True):
        new = await checkpoint(projector, house.hotel_id)
        assert (new["seq"], new["events_applied"], new["checksum"]) == (
            old["seq"],
            old["events_applied"],
            old["checksum"],
        )
    # In whichever order the grants were made: that is all that may differ.
    assert sorted(_dump(settings).splitlines()) == sorted(GOLDEN.read_text(encoding="utf-8").splitlines())
    assert await schemas(settings) == {LIVE, BEFORE}
    assert await differences(settings) == {}


async def test_what_comes_while_it_is_folded_is_in_it(
    settings: Settings, projector: Projector, houses: list[House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bookings are made and projected after each step, also between the comparison and the swap."""
    compare = rebuilding._compare

    async def compare_while_somebody_books(work: Rebuilder, hotel_id: Any) -> Any:
        await houses[1].book(1, 2)
        await sweep(projector)
        found = await compare(work, hotel_id)
        await houses[1].book(1, 2)
        await sweep(projector)
        return found

    monkeypatch.setattr(rebuilding, "_compare", compare_while_somebody_books)
    assert (await rebuilt(settings, projector)).swapped
    assert (await checkpoint(projector, houses[1].hotel_id))["seq"] == await head(projector, houses[1].hotel_id)
    await houses[1].book(1, 2)
    assert await sweep(projector)
    assert await audit(projector.pool) == 0
    assert await differences(settings) == {}


async def test_a_difference_that_nothing_explains_is_told_and_nothing_is_swapped(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    await projector.pool.execute(
        "update read.night set sold = sold + 1 where hotel_id = $1 and sold > 0", houses[1].hotel_id
    )
    await projector.pool.execute("delete from read.timeline where hotel_id = $1", houses[1].hotel_id)
    outcome = await rebuilt(settings, projector)
    assert not outcome.swapped
    found = {unlike.table: unlike for unlike in outcome.differences}
    assert set(found) == {"night", "timeline"}
    assert found["night"].missing == found["night"].unaccounted > 0
    assert (found["timeline"].missing > 0, found["timeline"].unaccounted, found["timeline"].explained) == (
        True,
        0,
        False,
    )
    assert {"read.night", "read.timeline"} <= set(await differences(settings))

    outcome = await rebuilt(settings, projector, even_if_different=True)
    assert outcome.swapped
    assert await differences(settings) == {}


async def test_a_parked_hotel_explains_its_differences_and_comes_out_right(
    settings: Settings, side: CommandSide, projector: Projector, houses: list[House]
) -> None:
    house = await open_house(side, 4)
    await break_next_event(house, projector)
    await sweep(projector)
    assert (await checkpoint(projector, house.hotel_id))["parked_seq"] is not None
    outcome = await rebuilt(settings, projector)
    assert outcome.swapped
    assert all(unlike.explained for unlike in outcome.differences)
    assert await differences(settings) == {}
    assert len(houses) == 3


async def test_an_event_that_only_the_new_fold_cannot_apply_stops_it(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    await insert_event(settings, houses[2], "BookingGilded", "{}")
    await projector.pool.execute(
        "update read.checkpoint set seq = seq + 1, events_applied = events_applied + 1 where hotel_id = $1",
        houses[2].hotel_id,
    )
    oids = dict(await projector.pool.fetch(OIDS))
    with pytest.raises(CannotRebuild, match="BookingGilded"):
        await rebuilt(settings, projector)
    assert dict(await projector.pool.fetch(OIDS)) == oids


async def test_a_hotel_parked_by_an_event_of_a_newer_build_stays_parked_there(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    await insert_event(settings, houses[2], "BookingGilded", "{}")
    await sweep(projector)
    assert (await rebuilt(settings, projector)).swapped
    at = await checkpoint(projector, houses[2].hotel_id)
    assert (at["seq"], at["parked_seq"]) == (2, 3)


async def test_the_way_back_is_caught_up_first(settings: Settings, projector: Projector, houses: list[House]) -> None:
    oids = dict(await projector.pool.fetch(OIDS))
    await rebuilt(settings, projector)
    await houses[1].book(1, 3)
    await sweep(projector)
    outcome = await rebuilt(settings, projector, BEFORE, even_if_different=True)
    assert (outcome.differences, outcome.swapped) == ([], True)
    assert dict(await projector.pool.fetch(OIDS)) == oids
    assert await differences(settings) == {}
    assert await schemas(settings) == {LIVE, BEFORE}  # there and back again
    assert await drop(settings.role_url("owner"), BEFORE)
    assert await schemas(settings) == {LIVE}
    with pytest.raises(CannotRebuild, match="there is no schema read_before"):
        await rebuilt(settings, projector, BEFORE)


async def test_tables_from_before_that_were_built_otherwise_are_no_way_back(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    await rebuilt(settings, projector)
    async with superuser(settings) as connection:
        await connection.execute("create index night_price on read.night (price)")
        assert len(await built_otherwise(connection, LIVE, BEFORE)) == 2
    with pytest.raises(CannotRebuild, match="isn't built as the live tables"):
        await rebuilt(settings, projector, BEFORE)
    assert (await rebuilt(settings, projector)).swapped  # a rebuild has the new index, too
    async with superuser(settings) as connection:
        assert await connection.fetchval("select to_regclass('read.night_price') is not null")
    assert len(houses) == 3


async def test_what_it_cannot_build_is_said_before_anything_is_done(
    settings: Settings, projector: Projector, houses: list[House]
) -> None:
    async with superuser(settings) as connection:
        await connection.execute("create view read.prices as select price from read.night")
    with pytest.raises(CannotRebuild, match="can't make"):
        await rebuilt(settings, projector)
    assert await schemas(settings) == {LIVE}
    assert len(houses) == 3


async def test_two_rebuilds_at_once_are_refused(settings: Settings, projector: Projector, houses: list[House]) -> None:
    async with at_work(settings, projector):
        with pytest.raises(CannotRebuild, match="somebody else"):
            await rebuilt(settings, projector)
        with pytest.raises(CannotRebuild, match="somebody else"):
            await drop(settings.role_url("owner"), NEXT)
    assert len(houses) == 3


@pytest.mark.parametrize("at", ["_fold_hotel", "_compare", "_vacuum"])
async def test_one_that_was_killed_has_done_nothing_and_the_next_begins_anew(
    settings: Settings, projector: Projector, houses: list[House], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    async def die(*_: object) -> None:
        raise ConnectionResetError

    oids = dict(await projector.pool.fetch(OIDS))
    with monkeypatch.context() as dying:
        dying.setattr(rebuilding, at, die)
        with pytest.raises(ConnectionResetError):
            await rebuilt(settings, projector)
    assert await schemas(settings) == {LIVE, NEXT}
    assert dict(await projector.pool.fetch(OIDS)) == oids
    await houses[0].book(10, 12)
    await sweep(projector)
    assert await differences(settings) == {}
    assert (await rebuilt(settings, projector)).swapped
    assert await schemas(settings) == {LIVE, BEFORE}


async def test_the_swap_waits_for_a_query_that_began_before(
    settings: Settings, projector: Projector, houses: list[House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a query reads is all of one moment, also if the schemas change their names in the middle of it."""
    house = houses[1]
    rename, readers = swap._rename, swap._readers
    renamed: list[bool] = []
    looks: list[int] = []

    async def noted_rename(*arguments: Any) -> None:
        await rename(*arguments)
        renamed.append(True)

    async def noted_look(owner: Any) -> Any:
        looks.append(1)
        return await readers(owner)

    monkeypatch.setattr(swap, "_rename", noted_rename)
    monkeypatch.setattr(swap, "_readers", noted_look)

    async def it_waits_or_has_not_waited() -> bool:
        return len(looks) > 5 or bool(renamed)

    reader = await asyncpg.connect(settings.role_url("query"))
    async with at_work(settings, projector) as work:
        async with reader.transaction(isolation="repeatable_read"):
            before = await reader.fetchval("select count(*) from read.booking where hotel_id = $1", house.hotel_id)
            await house.book(1, 2)
            await sweep(projector)
            swapping = asyncio.create_task(rebuild_all(work))
            await until(it_waits_or_has_not_waited)
            assert not renamed
            assert await reader.fetchval("select count(*) from read.timeline t where hotel_id = $1 and not exists"
                                         " (select from read.booking b where b.booking_id = t.booking_id)",
                                         house.hotel_id) == 0  # fmt: skip
        assert (await swapping).swapped
    assert await reader.fetchval("select count(*) from read.booking where hotel_id = $1", house.hotel_id) == before + 1
    await reader.close()


type Some = Callable[[], Awaitable[None]]
"""Waits until clients have had some more answers."""


async def under_load(
    settings: Settings, projector: Projector, houses: list[House], work: Callable[[Some], Awaitable[None]]
) -> None:
    """Do something while clients book, read back and ask, and projectors run; every answer is to be right."""
    answers, working = 0, True
    async with running(settings.model_copy(update={"position_wait_s": 20.0})) as service:

        async def ask(house: House, number: int) -> None:
            nonlocal answers
            async with service.staff(house.hotel_id) as desk:
                while working:
                    booked = await house.book(number % 50, number % 50 + 2)
                    path = f"/v1/hotels/{house.hotel_id}/bookings/{booked['booking_id']}"
                    read = await desk.get(path, headers={"StaySync-Min-Position": booked["position"]})
                    assert read.status_code == 200, read.text
                    assert (read.json()["reference"], len(read.json()["lines"])) == (booked["reference"], 1)
                    for other in ("calendar", "bookings", "room-types", "position"):
                        answer = await desk.get(f"/v1/hotels/{house.hotel_id}/{other}")
                        assert answer.status_code == 200, answer.text
                    answers += 1
                    number += 1

        async def drain_all() -> None:
            while not all(task.done() for task in tasks):
                await sweep(projector)
                await asyncio.sleep(0.01)

        async def some() -> None:
            before = answers

            async def have_come() -> bool:
                return answers >= before + 5 or any(task.done() for task in tasks)

            await until(have_come)

        tasks = [asyncio.create_task(ask(house, number)) for number, house in enumerate(houses)]
        projecting = [asyncio.create_task(drain_all()) for _ in range(2)]
        try:
            await work(some)
        finally:
            working = False
            await asyncio.gather(*tasks, *projecting)
    assert await sweep(projector)
    assert await audit(projector.pool) == 0
    assert await differences(settings) == {}


async def test_clients_and_projectors_notice_nothing_of_a_swap(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    houses = [await open_house(side, 400) for _ in range(2)]
    await sweep(projector)

    async def there_and_back(some: Some) -> None:
        await some()
        assert (await rebuilt(settings, projector)).swapped
        await some()
        assert (await rebuilt(settings, projector, BEFORE)).swapped
        await some()
        await projector.pool.execute("update read.night set minimum_stay = 2 where hotel_id = $1", houses[1].hotel_id)
        assert (await rebuilt(settings, projector, even_if_different=True)).swapped
        await some()

    await under_load(settings, projector, houses, there_and_back)
