"""What is measured, against what it is held, and the order: every measurement once in each round, to and fro."""

import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from bench import bare_insert
from bench.append import IN_FLIGHT, append_for
from bench.figures import Target
from bench.hotels import Market, open_market
from bench.load import Result, Specification
from bench.place import Place, output_of, served
from command.side import CommandSide, open_command_side
from staysync.bootstrap import connect
from staysync.secrets import load_secrets
from staysync.settings import Settings

type Figures = Mapping[str, float]
"""By the name of a metric."""
type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that the suite reports."""

    unit: str
    what: str


METRICS: dict[str, Metric] = {
    "bare insert": Metric("rows/s", "pgbench, 16 clients, one row a transaction, columns and keys of ledger.event"),
    "append, spread": Metric("bookings/s", "64 in flight over 100 hotels of 10 room types"),
    "append, one hotel": Metric("bookings/s", "64 in flight over 1,000 room types of one hotel"),
    "append, hot": Metric("bookings/s", "64 in flight on one room type of one hotel"),
    "HTTP": Metric("bookings/s", "64 in flight, keep-alive, one API process, over 100 hotels of 10 room types"),
    "HTTP, hot": Metric("bookings/s", "the same on one room type of one hotel"),
    "HTTP, no database": Metric("bookings/s", "the same route, decided against stock in memory"),
    "bare Starlette": Metric("answers/s", "reads the body, answers a constant of the same size"),
    "HTTP at half rate, p50": Metric("ms", "response time at half of the rate above, from the intended start"),
    "HTTP at half rate, p99": Metric("ms", "the same"),
}

TARGETS: tuple[Target, ...] = (
    Target(
        name="append spread / bare insert", above="append, spread", below="bare insert", sense="at least", bound=0.5
    ),
    Target(
        name="append one hotel / bare insert",
        above="append, one hotel",
        below="bare insert",
        sense="at least",
        bound=0.5,
    ),
    Target(name="append hot / spread", above="append, hot", below="append, spread", sense="at least", bound=1.0),
    Target(name="HTTP / no database", above="HTTP", below="HTTP, no database", sense="at least", bound=0.7),
    Target(
        name="no database / bare Starlette",
        above="HTTP, no database",
        below="bare Starlette",
        sense="at least",
        bound=0.4,
        orientation=True,
    ),
    Target(
        name="HTTP at half rate, p99 / p50",
        above="HTTP at half rate, p99",
        below="HTTP at half rate, p50",
        sense="at most",
        bound=5,
        orientation=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything."""

    seconds: float
    hotels: int = 100
    types: int = 10
    types_of_one_hotel: int = 1000
    rooms: int = 60
    hot_rooms: int = 100_000
    arrival_days: int = 300
    hot_arrival_days: int = 14

    @property
    def horizon_days(self) -> int:
        """So far that every stay ends within it."""
        return self.arrival_days + 10


FULL = Size(seconds=4)
QUICK = Size(seconds=1.5, types_of_one_hotel=200, arrival_days=60, rooms=200)
SMALLEST = Size(seconds=1, hotels=2, types=2, types_of_one_hotel=3, rooms=2000, hot_rooms=20_000, arrival_days=20)
"""Only to see that the suite runs."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something to run once a round."""

    group: str
    run: Callable[[int], Awaitable[Figures]]
    """Takes the number of the round."""


GROUPS = ("insert", "append", "http")
NEEDS = {"append": {"insert"}}
"""Groups without which another one's ratios would be missing."""


def wanted(only: Iterable[str]) -> set[str]:
    """The groups to run: those asked for and what their ratios need; all where none is asked for."""
    groups = set(only) or set(GROUPS)
    return groups.union(*(NEEDS.get(group, set()) for group in groups))


async def measure(
    place: Place, size: Size, rounds: int, groups: set[str], skipped: dict[str, str], say: Say
) -> dict[str, list[float]]:
    """Prepare, run a round that doesn't count, then the rounds. What can't be measured is noted in `skipped`."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        say("making the databases and opening the hotels")
        measurements = await _prepared(place, size, groups, skipped, stack)
        for number in range(rounds + 1):
            order = measurements if number % 2 else measurements[::-1]
            for measurement in order:
                begun = time.perf_counter()
                figures = await measurement.run(number)
                label = f"round {number} of {rounds}" if number else "warming up"
                say(f"{label}: {_line(figures)} ({time.perf_counter() - begun:.1f} s)")
                if number:
                    for name, figure in figures.items():
                        found.setdefault(name, []).append(figure)
    return found


def _line(figures: Figures) -> str:
    return ", ".join(f"{name} {figure:,.4g} {METRICS[name].unit}" for name, figure in figures.items())


async def _prepared(
    place: Place, size: Size, groups: set[str], skipped: dict[str, str], stack: AsyncExitStack
) -> list[Measurement]:
    del skipped
    measurements: list[Measurement] = []
    if groups & {"insert", "append"}:
        settings = await place.make_database("bench")
        measurements += await _ledger_measurements(place, settings, size, groups, stack)
    if "http" in groups:
        settings = await place.make_database("bench_http", 1)
        measurements += await _http_measurements(place, settings, size, stack)
    return measurements


async def _ledger_measurements(
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
    await append_for(side.appender, spread, 0.05, 0)
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
        async def append(number: int) -> Figures:
            return {name: await append_for(side.appender, market, size.seconds, random.getrandbits(32) + number)}

        return Measurement("append", append)

    appends = [appending(name, market) for name, market in markets.items()] if "append" in groups else []
    return [Measurement("insert", insert), *appends]


async def _http_measurements(place: Place, settings: Settings, size: Size, stack: AsyncExitStack) -> list[Measurement]:
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
    real = await stack.enter_async_context(served(place, "api", ["-m", "staysync", "serve"], settings))
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
        result = await load(real, spread, size.seconds, rate=peak / 2 or 100.0)
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


@asynccontextmanager
async def write_side(settings: Settings) -> AsyncIterator[CommandSide]:
    """The write side in this process, as the API opens it."""
    secrets = load_secrets(settings.secrets_dir)
    async with open_command_side(
        database_url=settings.role_url("command"),
        pool_size=settings.command_pool_size,
        master_key=secrets.master_key(),
        fingerprint_key=secrets.fingerprint_key(),
        bookable_horizon_days=settings.bookable_horizon_days,
        business_day_rolls_at=settings.business_day_rolls_at,
    ) as side:
        yield side


@asynccontextmanager
async def administrator(settings: Settings) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the superuser to the installation's database."""
    connection = await connect(settings, (settings.database_url or "").rpartition("/")[2])
    try:
        yield connection
    finally:
        await connection.close()


async def settle(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Statistics, visibility and a checkpoint after the preparation, so that the first round doesn't pay for it."""
    await admin.execute("vacuum (analyze)")
    await admin.execute("checkpoint")
