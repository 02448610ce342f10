"""The projectors as Celery runs them: nudged, swept, and killed."""

import asyncio
from datetime import timedelta

from command.side import CommandSide
from projections.drain import Projector
from projections.tasks import SWEEP
from staysync.celery_app import make_celery
from staysync.nudge import open_nudger
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import House, open_house
from tests.projections.words import differences, head
from tests.projections.workers import kill, until, worker


async def projected(projector: Projector, house: House) -> int:
    """How far a hotel is projected, 0 if it isn't at all."""
    seq: int | None = await projector.pool.fetchval(
        "select seq from read.checkpoint where hotel_id = $1", house.hotel_id
    )
    return seq or 0


async def test_a_worker_killed_in_the_middle_projects_nothing_twice_and_nothing_not(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 400, horizon_days=400)
    for number in range(0, 1200, 60):
        await asyncio.gather(*(house.book(day % 380, day % 380 + 3) for day in range(number, number + 60)))
    end = await head(projector, house.hotel_id)
    celery = make_celery(settings)
    kills = 0
    for part in (1, end // 2):
        with worker(settings) as process:
            await asyncio.to_thread(celery.send_task, SWEEP)

            async def under_way(least: int = part) -> bool:
                return await projected(projector, house) >= least

            await until(under_way)
            kill(process)
        kills += await projected(projector, house) < end
    assert kills, "the worker was too quick to be killed at work"
    with worker(settings):
        await asyncio.to_thread(celery.send_task, SWEEP)

        async def done() -> bool:
            return await projected(projector, house) == end

        await until(done)
    row = await projector.pool.fetchrow("select * from read.checkpoint where hotel_id = $1", house.hotel_id)
    assert row is not None
    assert (row["seq"], row["events_applied"]) == (end, end)
    assert await differences(settings) == {}


async def test_a_nudge_reaches_the_read_tables(settings: Settings, projector: Projector) -> None:
    assert settings.redis_url is not None
    celery = make_celery(settings)
    with worker(settings):
        async with (
            open_nudger(settings.redis_url, celery) as nudger,
            write_side(settings, announce=nudger.announce) as side,
        ):
            house = await open_house(side, 5)
            for _ in range(3):
                await house.book(1, 2)

                async def done() -> bool:
                    return await projected(projector, house) == await head(projector, house.hotel_id)

                await until(done)
    assert await differences(settings) == {}


async def test_scheduled_commands_run_in_a_worker_of_their_own(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 1)
    await house.book(1, 2, hold_for=timedelta(seconds=0.2))
    before = await head(projector, house.hotel_id)
    with worker(settings, "commands"):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(make_celery(settings).send_task, "command.expire_holds")

        async def expired() -> bool:
            return await head(projector, house.hotel_id) == before + 1

        await until(expired)
