"""The complete append in this process: so many commands in flight, each sent when the last was answered."""

import asyncio
import gc
import random
from collections import deque
from contextlib import AsyncExitStack

from bench import bare_insert
from bench.bookings import Bookings
from bench.hotels import Market, open_market
from bench.installation import administrator, settle
from bench.place import Place
from bench.plan import Figures, Measurement, Size
from eventstore.appender import Appender, ReferenceTaken
from eventstore.submission import Submission
from staysync.settings import Settings
from staysync.writing import write_side

IN_FLIGHT = 64
_PREPARED_A_SECOND = 12_000


class Load:
    """Bookings for one market, made before the clock starts: making them is not the appender's work."""

    def __init__(self, market: Market, seed: int) -> None:
        self._bookings = Bookings(market, random.Random(seed))  # noqa: S311 - chance, not secrets
        self._ready: deque[Submission] = deque()

    def prepare(self, count: int) -> None:
        """Have at least so many bookings ready."""
        while len(self._ready) < count:
            self._ready.append(self._bookings.next())

    def next(self) -> Submission:
        """The next booking; made now where more were taken than was thought."""
        return self._ready.popleft() if self._ready else self._bookings.next()


async def append_for(appender: Appender, load: Load, seconds: float, *, in_flight: int = IN_FLIGHT) -> float:
    """Book for some seconds. Bookings a second; a refusal ends the run, since the load is made to fit."""
    load.prepare(int(_PREPARED_A_SECOND * seconds))
    # What is ready is no garbage: looking through it again and again would be charged to the appender.
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    end = begin + seconds

    async def client() -> int:
        done = 0
        while loop.time() < end:
            try:
                await appender.submit(load.next())
            except ReferenceTaken:
                continue  # the route takes another reference, and so do we; the lost time counts
            done += 1
        return done

    done = sum(await asyncio.gather(*(client() for _ in range(in_flight))))
    took = loop.time() - begin
    gc.unfreeze()
    return done / took


async def ledger_measurements(
    place: Place, settings: Settings, size: Size, groups: set[str], stack: AsyncExitStack
) -> list[Measurement]:
    """The bare insert and the complete append, in one database."""
    side = await stack.enter_async_context(write_side(settings))
    horizon = size.horizon_days
    spread = await open_market(
        side,
        hotels=size.hotels,
        types=size.types,
        rooms=size.rooms,
        arrival_days=size.arrival_days,
        horizon_days=horizon,
    )
    await append_for(side.appender, Load(spread, 0), 0.05)
    admin = await stack.enter_async_context(administrator(settings))
    bare = await bare_insert.prepare(place, admin, "bench")
    markets = {"append, spread": spread}
    if "append" in groups:
        markets["append, one hotel"] = await open_market(
            side,
            hotels=1,
            types=size.types_of_one_hotel,
            rooms=size.rooms,
            arrival_days=size.arrival_days,
            horizon_days=horizon,
        )
        markets["append, hot"] = await open_market(
            side,
            hotels=1,
            types=1,
            rooms=size.hot_rooms,
            arrival_days=size.hot_arrival_days,
            horizon_days=horizon,
        )
    await settle(admin)

    async def insert(number: int) -> Figures:
        del number
        return {"bare insert": await bare.run(max(round(size.seconds), 1))}

    def appending(name: str, market: Market) -> Measurement:
        load = Load(market, seed=len(name))

        async def append(number: int) -> Figures:
            del number
            return {name: await append_for(side.appender, load, size.seconds)}

        return Measurement("append", append)

    appends = [appending(name, market) for name, market in markets.items()] if "append" in groups else []
    return [Measurement("insert", insert), *appends]
