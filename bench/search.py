"""The city search over HTTP at twenty requests at once, without kept answers, beside bare Starlette at as many."""

import random
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from bench.asking import Asked, Told
from bench.http import API
from bench.installation import administrator
from bench.place import Place, output_of, served
from bench.plan import Figures, Measurement, Size
from bench.shops import Shops, fill

AT_ONCE = 20
NIGHTS = 3
_PATHS = 2000
_FURTHEST_ARRIVAL = 300


async def search_measurements(place: Place, size: Size, stack: AsyncExitStack) -> list[Measurement]:
    """Searches among some hundred hotels and among ten times as many, of which a city has as many as before."""
    few = Shops(size.shops, size.shop_nights, size.shop_bookings)
    many = Shops(10 * size.shops, size.shop_nights, size.shop_bookings)
    ports = []
    for number, shops in enumerate((few, many)):
        settings = await place.make_database(f"bench_search_{shops.hotels}", 3 + number)
        async with administrator(settings) as admin:
            await fill(admin, shops)
        ports.append(await stack.enter_async_context(served(place, f"search-{shops.hotels}", API, settings)))
    bare = await stack.enter_async_context(served(place, "bare-search", ["-m", "bench.serve", "bare"], settings))

    def searching(name: str, port: int, shops: Shops, *extra: str) -> Measurement:
        async def search(number: int) -> Figures:
            told = await ask(
                Asked(port=port, connections=AT_ONCE, seconds=size.seconds, paths=_paths(shops, number, *extra))
            )
            return {f"{name}, p50": told.p50_ms, f"{name}, p99": told.p99_ms}

        return Measurement("search", search)

    async def answering(number: int) -> Figures:
        del number
        posted = Asked(
            port=bare, connections=AT_ONCE, seconds=size.seconds, paths=["/v1/hotels/x/bookings"], body=" " * 300
        )
        return {"bare Starlette at 20, p50": (await ask(posted)).p50_ms}

    return [
        Measurement("search", answering),
        searching("search", ports[0], few),
        searching("search, ten times the hotels", ports[1], many),
        searching("search by price", ports[0], few, "sort=price"),
    ]


def _paths(shops: Shops, seed: int, *extra: str) -> list[str]:
    """Searches for three nights in any of the cities on any day within reach."""
    chance = random.Random(seed)  # noqa: S311 - chance, not secrets
    today, furthest = datetime.now(UTC).date(), min(_FURTHEST_ARRIVAL, shops.nights - NIGHTS - 4)

    def path() -> str:
        arrival = today + timedelta(days=2 + chance.randrange(furthest))
        stay = f"arrival={arrival}&departure={arrival + timedelta(days=NIGHTS)}&adults=2"
        return "&".join((f"/v1/availability?{stay}", f"city={chance.choice(shops.cities).replace(' ', '+')}", *extra))

    return [path() for _ in range(_PATHS)]


async def ask(asked: Asked) -> Told:
    """Send requests from the load process."""
    return Told.read(
        await output_of([sys.executable, "-m", "bench.asking"], given=asked.text(), limit_s=asked.seconds + 20)
    )
