"""While the database is away a worker says so in a line, not in a traceback for each task, and goes on later."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command.side import CommandSide
from projections import drain as draining
from projections.drain import Projector, drain_shards, shard_of, sweep
from projections.tasks import SWEEP
from staysync import celery_app
from staysync.celery_app import make_celery
from staysync.embedded import free_port
from staysync.settings import Settings
from tests.eventstore.house import open_house, superuser
from tests.projections.words import differences
from tests.projections.workers import until
from tests.service import environment

END_PROJECTORS = """
    select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'staysync_projector' and datname = current_database()
"""


async def test_a_connection_that_ends_at_work_is_told_as_what_it_is(
    settings: Settings, side: CommandSide, projector: Projector, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    house = await open_house(side)
    fold = draining._fold

    async def fold_while_the_server_stops(*arguments: Any) -> Any:
        async with superuser(settings) as connection:
            await connection.execute(END_PROJECTORS)
        return await fold(*arguments)

    with monkeypatch.context() as stopping:
        stopping.setattr(draining, "_fold", fold_while_the_server_stops)
        with pytest.raises(celery_app._AWAY):
            await drain_shards(projector, [shard_of(house.hotel_id)])
    assert caplog.text == ""  # nothing is said of the hotel, which has nothing to do with it
    assert await sweep(projector)
    assert await differences(settings) == {}


async def test_a_worker_without_a_database_says_one_line_for_many_tasks(settings: Settings, tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    away = settings.model_copy(update={"database_url": nowhere})
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(  # noqa: ASYNC220 - it is started, and not waited for here
            [sys.executable, "-m", "staysync", "worker", "projections"],
            env=environment(away, 1),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        celery = make_celery(settings)
        for _ in range(5):
            await asyncio.to_thread(celery.send_task, SWEEP)

        async def all_are_done() -> bool:
            return "can't be reached" in log.read_text(encoding="utf-8") and not await asyncio.to_thread(
                _waiting, celery
            )

        await until(all_are_done)
    finally:
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)
    said = log.read_text(encoding="utf-8")
    assert said.count("the database can't be reached, the work waits") == 1
    assert "Traceback" not in said


def _waiting(celery: Any) -> int:
    """How many tasks nobody has taken yet."""
    with celery.connection_for_read() as connection:
        waiting: int = connection.default_channel.client.llen("projections")
        return waiting
