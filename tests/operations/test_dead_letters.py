"""Tasks that failed for good are kept, listed, queued again, thrown away; those that come again anyway aren't kept."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from eventstore.causes import Cause, following
from projections.tasks import RETRY, SWEEP
from staysync.celery_app import make_celery
from staysync.operations.dead_letters import forget, keep
from staysync.operations.desk import Desk
from staysync.operations.runs import take_cause_along
from staysync.settings import Settings
from tests.clients import running
from tests.eventstore.house import superuser
from tests.operations.processes import started
from tests.projections.workers import until

_ROOT = Path(__file__).parents[2]


async def _letters(administrator: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await administrator.get("/v1/ops/dead-letters")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_task_that_fails_for_good_is_kept_and_can_be_retried(house: Settings, tmp_path: Path) -> None:
    take_cause_along()
    celery = make_celery(house)
    with started(house, tmp_path / "worker.log", "worker", "projections"):
        async with running(house) as service, service.administrator() as administrator:
            with following(Cause("request-of-ada", "journey-of-ada")):
                await asyncio.to_thread(celery.send_task, RETRY, ["no-uuid"])

            async def kept() -> bool:
                return len(await _letters(administrator)) == 1

            await until(kept)
            (letter,) = await _letters(administrator)
            assert letter["task"] == RETRY
            assert letter["arguments"] == {"args": ["no-uuid"], "kwargs": {}}
            assert (letter["request_id"], letter["correlation_id"]) == ("request-of-ada", "journey-of-ada")
            assert letter["error"].startswith("ValueError in __init__ (uuid.py")

            path = f"/v1/ops/dead-letters/{letter['dead_letter_id']}"
            answers = await asyncio.gather(*(administrator.post(f"{path}/retry") for _ in range(3)))
            assert sorted(answer.status_code for answer in answers) == [202, 404, 404]

            async def failed_again() -> bool:
                letters = await _letters(administrator)
                return len(letters) == 1 and letters[0]["dead_letter_id"] != letter["dead_letter_id"]

            await until(failed_again)
            (again,) = await _letters(administrator)
            assert again["correlation_id"] == "journey-of-ada"
            thrown = await administrator.delete(f"/v1/ops/dead-letters/{again['dead_letter_id']}")
            assert thrown.status_code == 204
            assert await _letters(administrator) == []
            gone = await administrator.delete(f"/v1/ops/dead-letters/{again['dead_letter_id']}")
            assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


async def test_a_sweep_that_fails_isnt_kept_since_the_next_makes_up_for_it(house: Settings, tmp_path: Path) -> None:
    celery = make_celery(house)
    async with superuser(house) as connection:
        await connection.execute("alter table read.checkpoint rename to checkpoint_gone")
    log = tmp_path / "worker.log"
    with started(house, log, "worker", "projections"):
        await asyncio.to_thread(celery.send_task, SWEEP)

        async def failed() -> bool:
            return f"task {SWEEP}: failed" in log.read_text()

        await until(failed)
    async with superuser(house) as connection:
        assert await connection.fetchval("select count(*) from ops.dead_letter") == 0


async def _some(desk: Desk, count: int) -> None:
    for number in range(count):
        await keep(desk, RETRY, [f"{number}"], {}, "why", None)


async def test_they_are_listed_by_pages_the_newest_first(settings: Settings, desk: Desk) -> None:
    await _some(desk, 5)
    async with running(settings) as service, service.administrator() as administrator:
        seen: list[str] = []
        query: dict[str, str] = {"limit": "2"}
        while True:
            page = (await administrator.get("/v1/ops/dead-letters", params=query)).json()
            seen += [item["arguments"]["args"][0] for item in page["items"]]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        assert seen == ["4", "3", "2", "1", "0"]
        for bad in ({"limit": "0"}, {"after": "x"}, {"after": "WzEsMl0"}, {"unknown": "1"}):
            answer = await administrator.get("/v1/ops/dead-letters", params=bad)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text


async def test_without_a_broker_nothing_is_retried_and_nothing_is_lost(settings: Settings, desk: Desk) -> None:
    await _some(desk, 1)
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with running(nowhere) as service, service.administrator() as administrator:
        (letter,) = await _letters(administrator)
        answer = await administrator.post(f"/v1/ops/dead-letters/{letter['dead_letter_id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
        assert await _letters(administrator) == [letter]


async def test_without_a_database_the_answer_says_to_come_again(settings: Settings) -> None:
    async with (
        asyncpg.create_pool("postgresql://nobody@127.0.0.1:1/nothing", min_size=0) as nowhere,
        running(settings) as service,
        service.administrator() as administrator,
    ):
        service.app.state.desk = Desk(nowhere, None)
        answer = await administrator.get("/v1/ops/dead-letters")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "2")


async def test_old_ones_are_forgotten(desk: Desk) -> None:
    await _some(desk, 2)
    async with desk.pool.acquire() as connection:
        await connection.execute(
            "update ops.dead_letter set failed_at = now() - interval '91 days' where arguments->'args'->>0 = '0'"
        )
    assert await forget(desk) == 1
    assert await desk.pool.fetchval("select count(*) from ops.dead_letter") == 1


async def test_the_command_line_lists_retries_and_throws_away(settings: Settings, desk: Desk) -> None:
    async def staysync(*arguments: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STAYSYNC_")}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "staysync", *arguments],
            env=environment | settings.environment() | {"STAYSYNC_REDIS_URL": settings.redis_url or ""},
            cwd=_ROOT,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    assert await staysync("dead-letters", "list") == (0, "Nothing has failed for good.\n")
    await _some(desk, 2)
    ids = [row["dead_letter_id"] for row in await desk.pool.fetch("select dead_letter_id from ops.dead_letter")]
    code, said = await staysync("dead-letters", "list")
    assert (code, all(str(letter) in said for letter in ids)) == (1, True), said
    code, said = await staysync("dead-letters", "retry", str(ids[0]))
    assert (code, said) == (0, f"{ids[0]}: queued again as {RETRY}\n")
    assert (await staysync("dead-letters", "discard", str(ids[1])))[0] == 0
    assert (await staysync("dead-letters", "retry", str(uuid4())))[0] == 1
    assert (await staysync("dead-letters", "retry"))[0] == 2
    code, said = await staysync("schedules")
    assert (code, said) == (0, "No beat has run yet: it notes the schedules when it starts.\n")
    assert isinstance(ids[0], UUID)
