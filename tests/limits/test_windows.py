"""The sliding window: how many it lets through, when it lets more through, and who counts it while Redis is away."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from identity.limits import REDIS_PATIENCE_S, REDIS_PAUSE_S, Limits, Rate, TooManyRequests, _Here, rate_of
from tests.limits.conftest import Clock, limits

ONE = {"address": "192.0.2.1"}


class _Forgetful(_Here):
    """What a process knows that has just begun: nothing. So Redis alone decides."""

    def take(self, claims: Sequence[Any], now_ms: int) -> list[tuple[int, int]]:
        del now_ms
        return [(0, 0) for _ in claims]


def counted(by: str, clock: Clock, redis: Redis, **rates: tuple[int, int]) -> Limits:
    """Limits that are counted by Redis alone, or by the process alone."""
    made = limits(clock, redis if by == "redis" else None, **rates)
    if by == "redis":
        made._here = _Forgetful()
    return made


async def taken(limits: Limits, times: int, subjects: dict[str, str] = ONE) -> int:
    """How many of so many tries were let through."""
    count = 0
    for _ in range(times):
        try:
            await limits.take("sign_ins", subjects)
        except TooManyRequests:
            continue
        count += 1
    return count


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/m", Rate(60, 60_000)),
        ("20/15m", Rate(20, 900_000)),
        ("5/h", Rate(5, 3_600_000)),
        ("1/2d", Rate(1, 172_800_000)),
        ("7/s", Rate(7, 1000)),
        ("0", None),
    ],
)
def test_a_setting_is_read_as_a_rate(text: str, rate: Rate | None) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("counted_by", ["redis", "process"])
async def test_so_many_are_let_through_and_then_none(counted_by: str, clock: Clock, redis: Redis) -> None:
    made = counted(counted_by, clock, redis, sign_ins_per_address=(5, 60))
    assert await taken(made, 8) == 5
    assert await taken(made, 3, {"address": "192.0.2.2"}) == 3  # another address has its own window


@pytest.mark.parametrize("counted_by", ["redis", "process"])
async def test_the_window_slides(counted_by: str, clock: Clock, redis: Redis) -> None:
    made = counted(counted_by, clock, redis, sign_ins_per_address=(10, 60))
    clock.now += 59
    assert await taken(made, 20) == 10
    clock.now += 2  # the next fixed window: one that doesn't slide would let ten more through
    assert await taken(made, 20) == 0
    clock.now += 29  # half of the ones before have left
    assert await taken(made, 20) == 5
    clock.now += 120
    assert await taken(made, 20) == 10


@pytest.mark.parametrize("counted_by", ["redis", "process"])
async def test_retry_after_is_the_first_second_at_which_one_more_is_let_through(
    counted_by: str, clock: Clock, redis: Redis
) -> None:
    made = counted(counted_by, clock, redis, sign_ins_per_address=(3, 60))
    chance = random.Random(4)  # noqa: S311 - chance, not secrets
    for _ in range(40):
        clock.now += chance.choice((0, 1, 5, 17, 40))
        try:
            await made.take("sign_ins", ONE)
        except TooManyRequests as refused:
            clock.now += refused.retry_after_s - 1
            assert await taken(made, 1) == 0
            clock.now += 1
            assert await taken(made, 1) == 1


async def test_over_any_span_it_is_never_more_than_the_limit_and_a_part_of_one_window(
    clock: Clock, redis: Redis
) -> None:
    made = limits(clock, redis, sign_ins_per_address=(10, 60))
    chance = random.Random(7)  # noqa: S311 - chance, not secrets
    times: deque[float] = deque()
    for _ in range(400):
        clock.now += chance.random() * 6
        if await taken(made, 1):
            times.append(clock.now)
        while times and times[0] <= clock.now - 60:
            times.popleft()
        assert len(times) < 20, "a fixed window would let twice the limit through"


async def test_all_subjects_are_counted_or_none(clock: Clock, redis: Redis) -> None:
    made = limits(clock, redis, sign_ins_per_address=(4, 60), sign_ins_per_account=(2, 60))
    assert await taken(made, 5, {**ONE, "account": "ada@example.org"}) == 2
    # The three that the account's limit refused left two of the address's four.
    assert await taken(made, 5, {**ONE, "account": "bob@example.org"}) == 2


async def test_an_account_is_limited_from_all_addresses_together(clock: Clock, redis: Redis) -> None:
    made = limits(clock, redis, sign_ins_per_address=(4, 60), sign_ins_per_account=(3, 60))
    found = [
        await taken(made, 1, {"address": f"192.0.2.{number}", "account": "ada@example.org"}) for number in range(6)
    ]
    assert found == [1, 1, 1, 0, 0, 0]


async def test_processes_share_the_window_through_redis(clock: Clock, redis: Redis) -> None:
    one, other = (limits(clock, redis, sign_ins_per_address=(6, 60)) for _ in range(2))
    assert await taken(one, 4) == 4
    assert await taken(other, 4) == 2
    assert await taken(one, 1) == 0


async def test_many_at_once_are_not_let_through_together(clock: Clock, redis: Redis) -> None:
    several = [limits(clock, redis, sign_ins_per_address=(10, 60)) for _ in range(3)]
    assert sum(await asyncio.gather(*(taken(made, 20) for made in several))) == 10


async def test_what_is_given_back_can_be_taken_again(clock: Clock, redis: Redis) -> None:
    one, other = (limits(clock, redis, sign_ins_per_address=(2, 60)) for _ in range(2))
    assert await taken(one, 2) == 2
    await one.give_back("sign_ins", ONE)
    assert await taken(one, 2) == 1
    assert await taken(other, 2) == 0
    for _ in range(5):
        await other.give_back("sign_ins", ONE)
    assert await taken(other, 9) == 2  # more than was taken can't be given back


async def test_a_clock_ahead_in_another_process_opens_no_window(clock: Clock, redis: Redis) -> None:
    ahead = Clock(clock.now + 70)
    assert await taken(limits(ahead, redis, sign_ins_per_address=(3, 60)), 3) == 3
    assert await taken(limits(clock, redis, sign_ins_per_address=(3, 60)), 3) == 0


async def test_a_limit_that_is_off_counts_nothing(clock: Clock, redis: Redis) -> None:
    made = Limits({"sign_ins_per_address": None}, key=b"k", redis=redis, clock=clock)
    assert await made.take("sign_ins", ONE) == []
    assert await redis.keys() == []


async def test_nothing_in_redis_says_who_it_was_and_all_of_it_ends(clock: Clock, redis: Redis) -> None:
    made = limits(clock, redis, sign_ins_per_address=(5, 60), sign_ins_per_account=(5, 60))
    await made.take("sign_ins", {**ONE, "account": "ada@example.org"})
    keys = await redis.keys()
    assert len(keys) == 2
    for key in keys:
        said = f"{key!r} {await redis.hgetall(key)}"
        assert "192.0.2" not in said
        assert "ada" not in said
        assert 60_000 < await redis.pttl(key) <= 120_000
    with_another_key = Limits({"sign_ins_per_address": Rate(5, 60_000)}, key=b"other", redis=redis, clock=clock)
    await with_another_key.take("sign_ins", ONE)
    assert len(await redis.keys()) == 3  # so the names can't be made without the installation's key


async def test_while_redis_is_away_the_process_counts_and_says_so_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    made = limits(clock, nowhere, sign_ins_per_address=(3, 60))
    with caplog.at_level(logging.WARNING, "identity.limits"):
        assert await taken(made, 6) == 3
    assert len(caplog.records) == 1
    assert "192.0.2" not in caplog.text
    await nowhere.aclose()


async def test_a_redis_that_does_not_answer_is_waited_for_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.limits.REDIS_PATIENCE_S", REDIS_PATIENCE_S)
    asked = 0

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stalled = Redis.from_url(f"redis://127.0.0.1:{port}/0")
    made = limits(clock, stalled, sign_ins_per_address=(3, 60))
    loop = asyncio.get_running_loop()
    try:
        # Without the bound the first of them would wait for ever, without the pause all of them would.
        began = loop.time()
        assert await taken(made, 1) == 1
        if loop.time() - began < REDIS_PAUSE_S:  # else this machine stood still, and nothing can be said
            assert await taken(made, 2) == 2
            assert asked == 1 or loop.time() - began >= REDIS_PAUSE_S
    finally:
        await stalled.aclose()
        server.close()


async def test_what_was_counted_before_redis_went_away_still_counts(clock: Clock, redis: Redis) -> None:
    made = limits(clock, redis, sign_ins_per_address=(5, 60))
    assert await taken(made, 3) == 3
    made._redis_rests_until = float("inf")  # as if it had just gone away
    assert await taken(made, 5) == 2


async def test_what_is_counted_here_asks_no_redis(clock: Clock, redis: Redis) -> None:
    made = limits(clock, redis, bookings_per_address=(2, 60))
    assert made.take_here("bookings", ONE)[0].remaining == 1
    made.take_here("bookings", ONE)
    with pytest.raises(TooManyRequests):
        made.take_here("bookings", ONE)
    assert await redis.keys() == []


async def test_windows_that_nobody_needs_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.limits._MOST_WINDOWS", 100)
    made = limits(clock, None, sign_ins_per_address=(5, 60))
    for number in range(1000):
        await made.take("sign_ins", {"address": str(number)})
    assert len(made._here._windows) <= 100
