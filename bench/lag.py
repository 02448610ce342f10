"""How long after its answer a booking shows in the read tables, while bookings arrive at a steady rate over HTTP."""

import asyncio
import bisect
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from statistics import median

import asyncpg

from bench.figures import percentile
from bench.hotels import open_market
from bench.http import API, load
from bench.installation import administrator, settle
from bench.place import Place, background, environment, served
from bench.plan import Figures, Measurement, Size
from staysync.settings import Settings
from staysync.writing import write_side

BOOKINGS_A_SECOND = 300
_LOOK_EVERY_S = 0.001
_CATCH_UP_S = 60.0

type Answered = tuple[str, int, float]
"""A booking's hotel and seq, and when its answer came."""
type Sighting = tuple[float, int]
"""When somebody looked, and the seq that a hotel's projection had reached."""


async def lag_measurements(place: Place, settings: Settings, size: Size, stack: AsyncExitStack) -> list[Measurement]:
    """One API, one projection worker and beat, each the process that it is in production."""
    async with write_side(settings) as side:
        market = await open_market(
            side,
            hotels=size.hotels_projected,
            types=size.types,
            rooms=size.rooms,
            arrival_days=size.arrival_days,
            horizon_days=size.horizon_days,
        )
    admin = await stack.enter_async_context(administrator(settings))
    port = await stack.enter_async_context(served(place, "lag-api", API, settings))
    variables = environment(settings)
    worker = ("-m", "staysync", "worker", "projections")
    await stack.enter_async_context(background(place, "lag-worker", worker, variables))
    await stack.enter_async_context(background(place, "lag-beat", ("-m", "staysync", "beat"), variables))
    await _caught_up(admin)
    await settle(admin)

    async def run(number: int) -> Figures:
        del number
        watcher = asyncio.create_task(_watch(admin))
        try:
            result = await load(port, market, size.seconds_of_lag, rate=BOOKINGS_A_SECOND, positions=True)
            await asyncio.sleep(0.1)
        finally:
            watcher.cancel()
            sightings = await watcher
        await _caught_up(admin)
        # Whatever the watcher hadn't seen by its end became visible before now.
        now = time.monotonic()
        for hotel_id, _, _ in result.positions:
            sightings[hotel_id].append((now, 2**62))
        lags = [lag * 1000 for lag in lags_of(result.positions, sightings)]
        return {
            "lag, response p50": result.p50_ms,
            "lag, p50": median(lags),
            "lag, p99": percentile(lags, 0.99),
        }

    return [Measurement("lag", run)]


def lags_of(answers: Iterable[Answered], sightings: Mapping[str, Sequence[Sighting]]) -> list[float]:
    """Seconds from each answer to the first look that saw the booking; 0 where it showed before its answer came.

    The sightings of a hotel are in order of time, and so of seq.
    """
    lags = []
    for hotel_id, seq, answered_at in answers:
        seen = sightings[hotel_id]
        first = bisect.bisect_left(seen, seq, key=lambda sighting: sighting[1])
        lags.append(max(seen[first][0] - answered_at, 0.0))
    return lags


async def _watch(admin: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[Sighting]]:
    """Look at the checkpoints every millisecond until cancelled, noting each that has moved."""
    sightings: dict[str, list[Sighting]] = defaultdict(list)
    statement = await admin.prepare("select hotel_id, seq from read.checkpoint")
    try:
        while True:
            rows = await statement.fetch()
            now = time.monotonic()
            for hotel_id, seq in rows:
                seen = sightings[str(hotel_id)]
                if not seen or seen[-1][1] < seq:
                    seen.append((now, seq))
            await asyncio.sleep(_LOOK_EVERY_S)
    except asyncio.CancelledError:
        return sightings


async def _caught_up(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until everything is projected."""
    behind = (
        "select exists (select from ledger.head h left join read.checkpoint c using (hotel_id)"
        " where h.seq > coalesce(c.seq, 0))"
    )
    async with asyncio.timeout(_CATCH_UP_S):
        while await admin.fetchval(behind):  # noqa: ASYNC110 - the database has no event to wait for
            await asyncio.sleep(0.05)
