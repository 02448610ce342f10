"""Limits on a clock that stands still until a test moves it, counted in the Valkey of the test's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from identity.limits import Limits, Rate
from staysync.settings import Settings
from tests.clients import Running, running

KEY = b"k" * 32
BEGIN = 1_800_000_000.0  # the beginning of a minute and of an hour


@dataclass
class Clock:
    """Seconds since 1970, as the test says."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy, Redis may take longer than a service would wait; that is another test's matter."""
    monkeypatch.setattr("identity.limits.REDIS_PATIENCE_S", 20.0)


@pytest.fixture
def clock() -> Clock:
    """A clock at the beginning of a window."""
    return Clock()


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """A client of the test's Valkey."""
    assert settings.redis_url is not None
    redis = Redis.from_url(settings.redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service on a database of the test's own."""
    async with running(settings) as service:
        yield service


def limits(clock: Clock, redis: Redis | None, **rates: tuple[int, int]) -> Limits:
    """Limits as one process has them. Rates are how many in how many seconds."""
    made = {policy: Rate(most, seconds * 1000) for policy, (most, seconds) in rates.items()}
    return Limits(made, key=KEY, redis=redis, clock=clock)
