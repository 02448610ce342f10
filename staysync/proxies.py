"""Knows who a client is behind proxies: those that are trusted by configuration are believed, and nobody else.

Each proxy appends the address that it was called from, so the list is read from its right end: the first entry that
isn't a trusted proxy's is the client. What stands to the left of it is the client's own word.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

type Address = IPv4Address | IPv6Address

_ELEMENT = re.compile(rb'\s*([a-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*', re.IGNORECASE)


class TrustedProxies:
    """The proxies in front of the service, by their networks, and the header in which they name the client."""

    def __init__(self, networks: str, header: str) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(part.strip()) for part in networks.split(",") if part.strip()
        )
        self._header = header.encode()
        self._forwarded = header == "forwarded"

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._networks)

    def client(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bool]:
        """The client's address, and whether it speaks HTTPS with the proxy, as far as a trusted one says so."""
        address = _address(peer.encode())
        if address is None or not self._trusts(address):
            return peer, False
        named: list[bytes] = []
        schemes: list[bytes] = []
        for name, value in headers:
            if name == self._header:
                named += value.split(b",")
            elif name == b"x-forwarded-proto" and not self._forwarded:
                schemes += value.split(b",")
        if self._forwarded:
            elements = [dict(_parameters(element)) for element in named]
            named = [element.get(b"for", b"") for element in elements]
            schemes = [element.get(b"proto", b"") for element in elements]
        client = address
        for entry in reversed(named):
            found = _address(entry)
            if found is None:  # an odd entry: whoever passed it on is the last one known
                break
            client = found
            if not self._trusts(found):
                break
        return str(client), bool(schemes) and schemes[-1].strip().lower() == b"https"

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parameters(element: bytes) -> Iterable[tuple[bytes, bytes]]:
    for part in element.split(b";"):
        match = _ELEMENT.fullmatch(part)
        if match:
            yield match[1].lower(), match[2].strip(b'"')


def _address(entry: bytes) -> Address | None:
    """An entry as an address, without port and brackets; None for anything else, such as `unknown`."""
    text = entry.strip().strip(b'"').decode("latin-1")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
