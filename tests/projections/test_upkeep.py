"""The commands of upkeep, as a person types them: what they say, and their exit codes."""

import asyncio
import os
import sys
from uuid import uuid4

from command.side import CommandSide
from projections.drain import Projector, sweep
from staysync.settings import Settings
from tests.eventstore.house import open_house
from tests.projections.test_drain import break_next_event, put_back
from tests.projections.words import differences, live_a_little


async def staysync(settings: Settings, *arguments: object) -> tuple[int, str]:
    """Run a command; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "staysync", *map(str, arguments)),
        env=os.environ | settings.environment() | {"COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_parked_hotels_are_listed_and_tried_again(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    assert await staysync(settings, "parked") == (0, "0 hotels are parked or have raised an alarm.\n")
    broken = [await open_house(side, 4) for _ in range(2)]
    rows = []
    for house in broken:
        seq, row = await break_next_event(house, projector)
        rows.append(row)
        await sweep(projector)
    code, said = await staysync(settings, "parked")
    assert code == 1
    places = [said.index(f"hotel {house.hotel_id}: parked before event {seq}") for house in broken]
    assert places == sorted(places)  # the longest parked first

    code, said = await staysync(settings, "retry", broken[0].hotel_id)
    assert code == 1
    assert said.endswith(f"The projection of hotel {broken[0].hotel_id}: parked.\n")
    await put_back(projector, rows[1])
    code, said = await staysync(settings, "retry", "--all")
    assert code == 1
    assert f"{broken[1].hotel_id}: caught up." in said
    await put_back(projector, rows[0])
    assert (await staysync(settings, "retry", "--all"))[0] == 0
    assert await differences(settings) == {}


async def test_a_retry_says_of_what(settings: Settings, side: CommandSide) -> None:
    house = await open_house(side)
    assert (await staysync(settings, "retry"))[0] == 2
    assert (await staysync(settings, "retry", house.hotel_id, "--all"))[0] == 2
    assert (await staysync(settings, "retry", uuid4()))[0] == 2


async def test_everything_is_rebuilt_undone_and_kept(
    settings: Settings, side: CommandSide, projector: Projector
) -> None:
    house = await open_house(side, 8)
    await live_a_little(house)
    await sweep(projector)
    code, said = await staysync(settings, "rebuild", "--undo")
    assert (code, "nothing was rebuilt" in said) == (1, True)
    code, said = await staysync(settings, "rebuild")
    assert code == 0
    assert "folded anew (1 hotels" in said
    await projector.pool.execute("update read.night set sold = sold + 1 where sold > 0")
    code, said = await staysync(settings, "rebuild")
    assert code == 1
    assert f"hotel {house.hotel_id}: night:" in said
    code, said = await staysync(settings, "rebuild", "--undo")
    assert (code, "are live again" in said) == (0, True)
    assert await differences(settings) == {}
    assert (await staysync(settings, "rebuild", "--keep"))[1] == "The tables from before are dropped.\n"
    assert (await staysync(settings, "rebuild", house.hotel_id))[0] == 0
    assert (await staysync(settings, "rebuild", house.hotel_id, "--undo"))[0] == 2
