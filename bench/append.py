"""The complete append in this process: so many commands in flight, each sent when the last was answered."""

import asyncio
import random

from bench.bookings import Bookings
from bench.hotels import Market
from eventstore.appender import Appender, ReferenceTaken

IN_FLIGHT = 64


async def append_for(
    appender: Appender, market: Market, seconds: float, seed: int, *, in_flight: int = IN_FLIGHT
) -> float:
    """Book for some seconds. Bookings a second; a refusal ends the run, since the load is made to fit."""
    bookings = Bookings(market, random.Random(seed))  # noqa: S311 - chance, not secrets
    loop = asyncio.get_running_loop()
    begin = loop.time()
    end = begin + seconds

    async def client() -> int:
        done = 0
        while loop.time() < end:
            try:
                await appender.submit(bookings.next())
            except ReferenceTaken:
                continue  # the route takes another reference, and so do we; the lost time counts
            done += 1
        return done

    done = sum(await asyncio.gather(*(client() for _ in range(in_flight))))
    return done / (loop.time() - begin)
