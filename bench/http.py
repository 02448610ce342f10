"""The booking route over HTTP, beside the same route without its database and beside bare Starlette."""

import sys
from contextlib import AsyncExitStack

from bench.append import IN_FLIGHT
from bench.hotels import Market, open_market
from bench.installation import administrator, settle
from bench.load import Result, Specification
from bench.place import Place, output_of, served
from bench.plan import Figures, Measurement, Size
from staysync.settings import Settings
from staysync.writing import write_side

_FIRST_RATE = 100.0
"""For the round that doesn't count, which may come before the full rate is known."""

API = ("-m", "staysync", "serve")


async def http_measurements(place: Place, settings: Settings, size: Size, stack: AsyncExitStack) -> list[Measurement]:
    """The booking route: as it is, without its database, and what remains where only Starlette answers."""
    async with write_side(settings) as side:
        spread = await open_market(
            side,
            hotels=size.hotels,
            types=size.types,
            rooms=size.rooms,
            arrival_days=size.arrival_days,
            horizon_days=size.horizon_days,
        )
        hot = await open_market(
            side,
            hotels=1,
            types=1,
            rooms=size.hot_rooms,
            arrival_days=size.hot_arrival_days,
            horizon_days=size.horizon_days,
        )
    async with administrator(settings) as admin:
        await settle(admin)
    real = await stack.enter_async_context(served(place, "api", API, settings))
    without = await stack.enter_async_context(
        served(place, "without-database", ["-m", "bench.serve", "without-database"], settings)
    )
    bare = await stack.enter_async_context(served(place, "bare", ["-m", "bench.serve", "bare"], settings))
    peak = 0.0

    async def at_full_rate(name: str, port: int, market: Market) -> Figures:
        return {name: (await load(port, market, size.seconds)).rate}

    async def booking(number: int) -> Figures:
        nonlocal peak
        del number
        figures = await at_full_rate("HTTP", real, spread)
        peak = figures["HTTP"]
        return figures

    async def at_half_rate(number: int) -> Figures:
        del number
        result = await load(real, spread, size.seconds, rate=peak / 2 or _FIRST_RATE)
        return {"HTTP at half rate, p50": result.p50_ms, "HTTP at half rate, p99": result.p99_ms}

    return [
        Measurement("http", booking),
        Measurement("http", lambda _: at_full_rate("HTTP, no database", without, spread)),
        Measurement("http", lambda _: at_full_rate("bare Starlette", bare, spread)),
        Measurement("http", lambda _: at_full_rate("HTTP, hot", real, hot)),
        Measurement("http", at_half_rate),
    ]


async def load(
    port: int, market: Market, seconds: float, *, rate: float | None = None, positions: bool = False
) -> Result:
    """Send bookings from the load process, 64 in flight at most."""
    specification = Specification(
        port=port,
        connections=IN_FLIGHT,
        seconds=seconds,
        rate=rate,
        hotels=[(str(hotel_id), list(codes)) for hotel_id, codes in market.hotels],
        first_arrival=market.first_arrival.isoformat(),
        arrival_days=market.arrival_days,
        positions=positions,
    )
    command = [sys.executable, "-m", "bench.load"]
    return Result.read(await output_of(command, given=specification.text(), limit_s=seconds + 20))
