"""How often something may be done, by one address and by one account: a sliding window, counted for all processes.

The windows are counted in Redis by one script, and in this process besides. When Redis is away or slow, which is waited
for 50 ms and then not again for a second, the process's own windows decide: limits become those of each process, and
nobody is locked out. What must never wait for Redis, as a booking, is counted in the process alone (`limit_here`).

A sliding window is approximated by two fixed ones: of the one before, that part counts which the sliding one covers.
"""

import asyncio
import hmac
import logging
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Literal

from redis.exceptions import RedisError
from starlette.requests import Request

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

type Limited = Literal[
    "sign_ins", "registrations", "resets", "lookups", "holds", "bookings", "requests", "unknown_keys"
]
"""What is limited. Each has a rate per address, per account, or per key, or several of these."""

REDIS_PATIENCE_S = 0.05
REDIS_PAUSE_S = 1.0

_MOST_WINDOWS = 100_000
_SILENCE_S = 30.0
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_IPV6_SITE_BITS = 64  # one site has that many addresses of its own, so they count as one


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in any so many milliseconds."""

    most: int
    window_ms: int


def rate_of(text: str) -> Rate | None:
    """The rate that a setting such as `20/15m` says; None for `0`, which is no limit."""
    if text == "0":
        return None
    most, _, window = text.partition("/")
    return Rate(int(most), int(window[:-1] or "1") * _UNITS_S[window[-1]] * 1000)


@dataclass(frozen=True, slots=True)
class Quota:
    """What one policy leaves: how many, and in how many seconds it will be more."""

    policy: str
    rate: Rate
    remaining: int
    reset_s: int


class TooManyRequests(Exception):
    """A limit is reached. `retry_after_s` says in how many seconds one more is admitted."""

    def __init__(self, what: str, quotas: Sequence[Quota], retry_after_s: int) -> None:
        super().__init__(f"Too many {what.replace('_', '-')} for now; try again in {retry_after_s} s.")
        self.quotas = tuple(quotas)
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Window:
    """The counts of the fixed window that an instant lies in, and of the one before it."""

    index: int
    count: int = 0
    before: int = 0

    def move_to(self, index: int) -> None:
        if index > self.index:  # a clock that was set back doesn't open a window twice
            self.before = self.count if index == self.index + 1 else 0
            self.index, self.count = index, 0


@dataclass(frozen=True, slots=True)
class _Claim:
    """One more under a policy, for a subject: an address, an e-mail, the id of a key."""

    policy: str
    rate: Rate
    subject: str


def _wait_ms(rate: Rate, count: int, before: int, now_ms: int) -> int:
    """How long until one more fits; 0 where it fits now."""
    passed = now_ms % rate.window_ms
    if before * (rate.window_ms - passed) + (count + 1) * rate.window_ms <= rate.most * rate.window_ms:
        return 0
    if count < rate.most:  # the part of the window before shrinks until one more fits beside it
        return rate.window_ms - (rate.most - count - 1) * rate.window_ms // before - passed
    return 2 * rate.window_ms - passed - (rate.most - 1) * rate.window_ms // count


def _quota(claim: _Claim, count: int, before: int, now_ms: int) -> Quota:
    """What is left, after the claim was counted or refused."""
    rate = claim.rate
    passed = now_ms % rate.window_ms
    used = count + -(-before * (rate.window_ms - passed) // rate.window_ms)
    reset_ms = _wait_ms(rate, count, before, now_ms) or rate.window_ms - passed
    return Quota(claim.policy, rate, max(0, rate.most - used), max(1, -(-reset_ms // 1000)))


class _Here:
    """The windows of this process."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, claims: Sequence[_Claim], now_ms: int) -> list[tuple[int, int]]:
        """Count all claims if all fit. The counts before: (of this window, of the one before)."""
        windows = [self._window(claim, now_ms) for claim in claims]
        counts = [(window.count, window.before) for window in windows]
        if all(
            not _wait_ms(claim.rate, count, before, now_ms)
            for claim, (count, before) in zip(claims, counts, strict=True)
        ):
            for window in windows:
                window.count += 1
        return counts

    def give_back(self, claims: Sequence[_Claim], now_ms: int) -> None:
        for claim in claims:
            window = self._window(claim, now_ms)
            window.count = max(0, window.count - 1)

    def _window(self, claim: _Claim, now_ms: int) -> _Window:
        key, index = (claim.policy, claim.subject), now_ms // claim.rate.window_ms
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _MOST_WINDOWS:
                self._forget_oldest()
            window = self._windows[key] = _Window(index)
        window.move_to(index)
        return window

    def _forget_oldest(self) -> None:
        for key in list(self._windows)[: _MOST_WINDOWS // 10]:
            del self._windows[key]


class Limits:
    """The limits of an installation. `clock` tells seconds since 1970, the same for all processes."""

    def __init__(
        self,
        rates: Mapping[str, Rate | None],
        *,
        key: bytes,
        redis: "Redis | None",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rates = rates
        self._key = key
        self._clock = clock
        self._here = _Here()
        self._redis = redis
        self._redis_rests_until = self._quiet_until = 0.0
        scripts = files("identity") / "lua"
        self._take: Any = redis and redis.register_script((scripts / "take.lua").read_text(encoding="utf-8"))
        self._give: Any = redis and redis.register_script((scripts / "give_back.lua").read_text(encoding="utf-8"))

    async def take(self, what: Limited, subjects: Mapping[str, str]) -> list[Quota]:
        """One more of this for each subject (`address`, `account`): all are counted or none. Raises TooManyRequests."""
        claims, now_ms = self._claims(what, subjects), int(self._clock() * 1000)
        if not claims:
            return []
        quotas = self._judge(what, claims, self._here.take(claims, now_ms), now_ms)
        arguments = [now_ms, *(number for claim in claims for number in (claim.rate.most, claim.rate.window_ms))]
        found = await self._ask(self._take, claims, arguments)
        if found is None:
            return quotas
        try:
            return self._judge(what, claims, list(zip(found[0::2], found[1::2], strict=True)), now_ms)
        except TooManyRequests:
            self._here.give_back(claims, now_ms)
            raise

    def take_here(self, what: Limited, subjects: Mapping[str, str]) -> list[Quota]:
        """The same, counted in this process alone, without a wait."""
        claims, now_ms = self._claims(what, subjects), int(self._clock() * 1000)
        return self._judge(what, claims, self._here.take(claims, now_ms), now_ms) if claims else []

    async def give_back(self, what: Limited, subjects: Mapping[str, str]) -> None:
        """Uncount one that was taken: it turned out to be nothing to be limited."""
        claims, now_ms = self._claims(what, subjects), int(self._clock() * 1000)
        if claims:
            self._here.give_back(claims, now_ms)
            await self._ask(self._give, claims, [now_ms, *(claim.rate.window_ms for claim in claims)])

    def _claims(self, what: Limited, subjects: Mapping[str, str]) -> list[_Claim]:
        claims = []
        for kind, subject in subjects.items():
            policy = f"{what}_per_{kind}"
            rate = self._rates.get(policy)
            if rate is not None:
                claims.append(_Claim(policy, rate, subject))
        return claims

    def _judge(
        self, what: str, claims: Sequence[_Claim], counts: Sequence[tuple[int, int]], now_ms: int
    ) -> list[Quota]:
        waits = [
            _wait_ms(claim.rate, count, before, now_ms) for claim, (count, before) in zip(claims, counts, strict=True)
        ]
        taken = 0 if any(waits) else 1
        quotas = [
            _quota(claim, count + taken, before, now_ms) for claim, (count, before) in zip(claims, counts, strict=True)
        ]
        if not taken:
            raise TooManyRequests(what, quotas, max(1, -(-max(waits) // 1000)))
        return quotas

    async def _ask(self, script: Any, claims: Sequence[_Claim], arguments: Sequence[int]) -> list[int] | None:
        """Run a script on the claims' keys; None if Redis isn't there, or doesn't answer soon."""
        loop = asyncio.get_running_loop()
        if script is None or loop.time() < self._redis_rests_until:
            return None
        try:
            async with asyncio.timeout(REDIS_PATIENCE_S):
                found: list[int] = await script(keys=[self._name(claim) for claim in claims], args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_rests_until = loop.time() + REDIS_PAUSE_S
            if loop.time() >= self._quiet_until:
                self._quiet_until = loop.time() + _SILENCE_S
                log.warning("limits are counted by each process alone: Redis: %s", type(error).__name__)
            return None
        return found

    def _name(self, claim: _Claim) -> str:
        """A key that names nobody: the HMAC of the subject."""
        digest = hmac.digest(self._key, f"{claim.policy}\0{claim.subject}".encode("utf-8", "replace"), "sha256")
        return f"staysync:limit:{claim.policy}:{urlsafe_b64encode(digest[:18]).decode()}"


async def limit(request: Request, what: Limited, account: str | None = None) -> None:
    """Count this request against its address and, where one is named, its account or e-mail. Raises TooManyRequests."""
    _tell(request, await _limits_of(request).take(what, _subjects(request, account)))


async def forgive(request: Request, what: Limited, account: str) -> None:
    """Uncount this request for its account: the password was right, so this was nobody's guess."""
    await _limits_of(request).give_back(what, {"account": account.strip().lower()})


def limit_here(request: Request, what: Limited) -> None:
    """Count this request against its address in this process alone: no wait. Raises TooManyRequests."""
    _tell(request, _limits_of(request).take_here(what, {"address": _site(request)}))


def limit_key(request: Request, key_id: str) -> None:
    """Count this request against the API key that it came with, in this process alone. Raises TooManyRequests."""
    _tell(request, _limits_of(request).take_here("requests", {"key": key_id}))


def _tell(request: Request, quotas: list[Quota]) -> None:
    if quotas:
        request.state.quotas = quotas  # for the answer's RateLimit headers


def _limits_of(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


def _subjects(request: Request, account: str | None) -> dict[str, str]:
    subjects = {"address": _site(request)}
    if account is not None:
        subjects["account"] = account.strip().lower()
    return subjects


def _site(request: Request) -> str:
    """The client's address; of IPv6 its site."""
    host = request.client.host if request.client is not None else "unknown"
    if ":" not in host:
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address.packed, _IPV6_SITE_BITS), strict=False).network_address)


def headers_of(quotas: Sequence[Quota]) -> list[tuple[bytes, bytes]]:
    """RateLimit-Policy and RateLimit, as draft-ietf-httpapi-ratelimit-headers-10 has them."""
    policies = ", ".join(f'"{quota.policy}";q={quota.rate.most};w={quota.rate.window_ms // 1000}' for quota in quotas)
    left = ", ".join(f'"{quota.policy}";r={quota.remaining};t={quota.reset_s}' for quota in quotas)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]
