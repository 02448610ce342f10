"""Who the client is: a trusted proxy is believed, and what a client says about itself never is."""

from collections.abc import AsyncIterator

import httpx
import pytest

from staysync.proxies import TrustedProxies
from staysync.settings import Settings
from tests.clients import ORIGIN, running
from tests.limits.conftest import Clock, limits

NETWORKS = "10.0.0.0/8, 2001:db8:1::/48"
PROXY = "10.0.0.7"


def client_of(peer: str, *values: str, header: str = "x-forwarded-for", networks: str = NETWORKS) -> str:
    """The client's address as a request says it."""
    headers = [(header.encode(), value.encode()) for value in values]
    return TrustedProxies(networks, header).client(peer, headers)[0]


@pytest.mark.parametrize(
    ("peer", "values", "client"),
    [
        (PROXY, ["192.0.2.1"], "192.0.2.1"),
        (PROXY, [], PROXY),
        (PROXY, ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),  # the client wrote the first one itself
        (PROXY, ["10.0.0.1, 192.0.2.1"], "192.0.2.1"),  # a client that calls itself a proxy
        (PROXY, ["192.0.2.1, 10.0.0.3"], "192.0.2.1"),  # two proxies in a row
        (PROXY, ["198.51.100.9", "192.0.2.1"], "192.0.2.1"),  # two header lines are one list
        (PROXY, ["10.0.0.4"], "10.0.0.4"),
        (PROXY, ["192.0.2.1:4711"], "192.0.2.1"),
        (PROXY, ["[2001:db8::5]:4711"], "2001:db8::5"),
        (PROXY, ["2001:db8::5"], "2001:db8::5"),
        (PROXY, ["::ffff:192.0.2.1"], "192.0.2.1"),
        (PROXY, ["192.0.2.1, unknown"], PROXY),
        (PROXY, ["192.0.2.1, "], PROXY),
        (PROXY, ["192.0.2.1, '; drop table"], PROXY),
        (PROXY, ["\xff\xfe"], PROXY),
        ("2001:db8:1::1", ["192.0.2.1"], "192.0.2.1"),
        ("::ffff:10.0.0.7", ["192.0.2.1"], "192.0.2.1"),
        ("192.0.2.66", ["198.51.100.9"], "192.0.2.66"),  # no proxy of ours: its word is worth nothing
        ("2001:db8:2::1", ["198.51.100.9"], "2001:db8:2::1"),
        ("a socket", ["198.51.100.9"], "a socket"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_is_the_client(peer: str, values: list[str], client: str) -> None:
    assert client_of(peer, *values) == client


@pytest.mark.parametrize(
    ("values", "client"),
    [
        (["for=192.0.2.1"], "192.0.2.1"),
        (['for=198.51.100.9, For="192.0.2.1:80";proto=https;by=10.0.0.1'], "192.0.2.1"),
        (['for="[2001:db8::5]:4711"'], "2001:db8::5"),
        (["for=_hidden"], PROXY),
        (["by=192.0.2.1"], PROXY),
        (["192.0.2.1"], PROXY),
    ],
)
def test_forwarded_is_read_the_same_way(values: list[str], client: str) -> None:
    assert client_of(PROXY, *values, header="forwarded") == client


def test_only_the_configured_header_is_read() -> None:
    """A proxy that sets one of them passes the other on as the client sent it."""
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"forwarded", b"for=198.51.100.9;proto=https")]
    assert TrustedProxies(NETWORKS, "x-forwarded-for").client(PROXY, headers) == ("192.0.2.1", False)
    assert TrustedProxies(NETWORKS, "forwarded").client(PROXY, headers) == ("198.51.100.9", True)


def test_without_configuration_nobody_is_trusted() -> None:
    assert not TrustedProxies("", "x-forwarded-for")
    assert client_of("127.0.0.1", "192.0.2.1", networks="") == "127.0.0.1"


def test_networks_that_are_none_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8 is no network"):
        Settings(trusted_proxies="127.0.0.1, 10.0.0.1/8")


@pytest.fixture
async def behind_a_proxy(settings: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """A client by way of a trusted proxy, and one that comes directly; two lookups a minute."""
    async with running(settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})) as service:
        service.app.state.limits = limits(Clock(), None, lookups_per_address=(2, 60))
        by_proxy = httpx.ASGITransport(service.app, client=(PROXY, 1))
        directly = httpx.ASGITransport(service.app, client=("192.0.2.66", 1))
        async with (
            httpx.AsyncClient(transport=by_proxy, base_url=ORIGIN) as one,
            httpx.AsyncClient(transport=directly, base_url=ORIGIN) as other,
        ):
            yield one, other


async def _look_up(client: httpx.AsyncClient, forwarded_for: str) -> int:
    body = {"reference": "GRAN-2345ABCD", "email": "ada@example.org"}
    answer = await client.post("/v1/bookings/lookup", json=body, headers={"X-Forwarded-For": forwarded_for})
    return answer.status_code


async def test_nobody_gets_around_a_limit_by_naming_other_addresses(
    behind_a_proxy: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    by_proxy, directly = behind_a_proxy
    assert [await _look_up(directly, f"198.51.100.{number}") for number in range(4)] == [404, 404, 429, 429]
    assert [await _look_up(by_proxy, f"198.51.100.{number}, 192.0.2.1") for number in range(4)] == [404, 404, 429, 429]
    assert await _look_up(by_proxy, "192.0.2.2") == 404  # one client behind the proxy doesn't use up the others' limit


async def test_a_proxy_may_say_that_the_client_speaks_https(
    behind_a_proxy: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    by_proxy, directly = behind_a_proxy
    spoken = {"X-Forwarded-Proto": "https"}
    assert "strict-transport-security" in (await by_proxy.get("/health/live", headers=spoken)).headers
    assert "strict-transport-security" not in (await by_proxy.get("/health/live")).headers
    assert "strict-transport-security" not in (await directly.get("/health/live", headers=spoken)).headers
