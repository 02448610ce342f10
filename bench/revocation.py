"""`python -m bench.revocation`: how soon every process refuses a session that has ended and a role that was taken.

Two API processes on one database. A session is ended, or a role taken, through the first; the second is then asked
until it refuses, by reads that ask no database; writes are tried once, at once.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from uuid import UUID, uuid4

import httpx
import uvloop

from bench.place import Place, open_place, served
from staysync.admin import add_administrator, add_staff
from staysync.settings import Settings

_PASSWORD = "a long pass phrase"  # noqa: S105 - of accounts that live as long as this run
_ADMINISTRATOR = "admin@example.org"
_SESSIONS, _ROLES = 25, 25  # no more sign-ins in a minute than the limit by address takes
_SPREAD_S = 20.0  # longer than the pause between two looks, so that endings meet them at every moment
_LOOK_S = 0.05
_PROMISED_S = 60.0


async def _sign_in(client: httpx.AsyncClient, email: str) -> dict[str, str]:
    answer = await client.post("/v1/auth/login", json={"email": email, "password": _PASSWORD}, timeout=60)
    client.cookies.clear()  # or the next sign-in would end this session
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


async def _refused_after(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> float:
    begun = time.perf_counter()
    while (await client.get(path, headers=headers)).status_code != 401:
        assert time.perf_counter() - begun < _PROMISED_S, "the promise is broken"
        await asyncio.sleep(_LOOK_S)
    return time.perf_counter() - begun


@asynccontextmanager
async def _two_processes(
    place: Place, settings: Settings
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("first", "second"):
            port = await stack.enter_async_context(served(place, name, ["-m", "staysync", "serve"], settings))
            clients.append(
                await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
            )
        yield clients[0], clients[1]


def _member(hotel_id: UUID, number: int) -> str:
    return f"member{number}.{hotel_id.hex[:8]}@example.org"


async def _sessions(first: httpx.AsyncClient, second: httpx.AsyncClient) -> list[float]:
    """Seconds until the second process refuses to read for a session that was ended through the first."""
    tokens = [await _sign_in(first, _ADMINISTRATOR) for _ in range(_SESSIONS)]
    chance = Random(4)  # noqa: S311 - moments of a measurement

    async def end(token: dict[str, str]) -> float:
        await asyncio.sleep(chance.uniform(0, _SPREAD_S))
        assert (await second.get("/v1/access-log?limit=1", headers=token)).status_code == 200
        assert (await first.post("/v1/auth/logout", headers=token)).status_code == 204
        return await _refused_after(second, "/v1/access-log?limit=1", token)

    return list(await asyncio.gather(*map(end, tokens)))


async def _roles(first: httpx.AsyncClient, second: httpx.AsyncClient, hotel_id: UUID) -> tuple[int, list[float]]:
    """How many writes the second process let through after a role was taken, and after how long it refused reads."""
    administrator = await _sign_in(first, _ADMINISTRATOR)
    tokens = {number: await _sign_in(second, _member(hotel_id, number)) for number in range(_ROLES)}
    members = f"/v1/hotels/{hotel_id}/members"
    chance = Random(4)  # noqa: S311 - moments of a measurement

    async def take(number: int) -> tuple[bool, float]:
        await asyncio.sleep(chance.uniform(0, _SPREAD_S))
        token, path = tokens[number], f"{members}/{_member(hotel_id, number)}"
        assert (await second.get(members, headers=token)).status_code == 200
        assert (await first.delete(path, headers=administrator)).status_code == 204
        wrote = await second.put(f"{members}/{_ADMINISTRATOR}", json={"role": "auditor"}, headers=token)
        return wrote.is_success, await _refused_after(second, members, token)

    found = await asyncio.gather(*map(take, tokens))
    return sum(wrote for wrote, _ in found), [seconds for _, seconds in found]


async def measure() -> None:
    """Measure, and print what was found."""
    async with open_place() as place:
        settings = await place.make_database("revocation")
        hotel_id = uuid4()
        await add_administrator(settings, email=_ADMINISTRATOR, password=_PASSWORD, full_name="The Administrator")
        for number in range(_ROLES):
            await add_staff(
                settings,
                email=_member(hotel_id, number),
                password=_PASSWORD,
                full_name="Member",
                hotel_id=hotel_id,
                role="manager",
            )
        async with _two_processes(place, settings) as (first, second):
            ended = await _sessions(first, second)
            written, outdated = await _roles(first, second, hotel_id)
    _print("a session ended in another process, until a read is refused", ended)
    _print("a role taken in another process, until a read is refused", outdated)
    print(f"writes after a role was taken in another process: {written} of {_ROLES} let through")


def _print(what: str, seconds: list[float]) -> None:
    print(f"{what:62} {statistics.median(seconds):6.1f} s (median), {max(seconds):6.1f} s (longest of {len(seconds)})")


if __name__ == "__main__":
    uvloop.run(measure())
