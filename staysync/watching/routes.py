"""The metrics over HTTP, for Prometheus in a network of one's own."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from identity.errors import NotPermitted
from identity.permissions import needs
from staysync.watching.metrics import Metrics
from staysync.watching.pools import Pools
from staysync.watching.standing import Asking

router = APIRouter(tags=["health"])

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a scrape works with. `proxied`: the client's address is a trusted proxy's word."""

    metrics: Metrics
    pools: Pools
    asking: Asking
    networks: tuple[IPv4Network | IPv6Network, ...]
    proxied: bool


def networks_of(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a setting."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


@router.get(
    "/metrics",
    summary="The metrics of all processes, for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
    **needs("service.read"),
)
async def metrics(request: Request) -> Response:
    """Answers clients in the networks of STAYSYNC_METRICS_NETWORKS only.

    A request that a proxy passed on, whose word isn't trusted, has an address that says nothing: it is refused.
    """
    shown: Shown = request.app.state.shown
    _require_known(request, shown)
    shown.pools.note()
    standing = await shown.asking.standing()
    return Response(shown.metrics.text(standing), media_type=CONTENT_TYPE_LATEST)


def _require_known(request: Request, shown: Shown) -> None:
    passed_on = not shown.proxied and any(name in request.headers for name in _PASSED_ON)
    try:
        address = None if request.client is None or passed_on else ip_address(request.client.host)
    except ValueError:
        address = None
    if address is None or not any(address in network for network in shown.networks):
        raise NotPermitted("Metrics are for the networks of STAYSYNC_METRICS_NETWORKS.")
