"""How often an address may call, and which address a request really comes from."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` calls at once, refilled at ``per_s`` a second; ``name`` keeps one kind of call apart from another."""

    name: str
    per_s: float
    burst: int


class RateLimiter(Protocol):
    async def take(self, key: str, rate: Rate) -> float:
        """0 when the call may go on, else the seconds until it may."""
        ...


class TokenBuckets:
    """The rate limiter of one node. Holds at most ``max_keys`` buckets; the least recently used is forgotten first."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, max_keys: int = 100_000) -> None:
        self._monotonic = monotonic
        self._max_keys = max_keys
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, key: str, rate: Rate) -> float:
        now = self._monotonic()
        bucket = (rate.name, key)
        tokens, at = self._buckets.pop(bucket, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_s)
        is_allowed = tokens >= 1
        self._buckets[bucket] = (tokens - 1 if is_allowed else tokens, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - tokens) / rate.per_s


class ClientAddresses:
    """The client's address of a request, looking through the proxies in ``trusted`` (CIDR networks or addresses).

    ``X-Forwarded-For`` is read from the right, and only while the hop that wrote the entry is trusted, so that a client
    cannot choose its own address. A Unix socket counts as loopback.
    """

    def __init__(self, *, trusted: Sequence[str] = ()) -> None:
        self._trusted: list[Network] = [ip_network(one, strict=False) for one in trusted]

    def of(self, request: web.Request) -> str:
        peer = _parse(request.remote or "127.0.0.1")
        if peer is None or not self._is_trusted(peer):
            return str(peer or request.remote)
        for entry in reversed(_forwarded(request)):
            hop = _parse(entry)
            if hop is None:
                break
            peer = hop
            if not self._is_trusted(hop):
                break
        return str(peer)

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def is_loopback(address: str) -> bool:
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def limiting_key(address: str) -> str:
    """An IPv6 client owns its /64, so the network is what is limited."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address


def _forwarded(request: web.Request) -> list[str]:
    lines = request.headers.getall("X-Forwarded-For", [])
    return [entry.strip() for line in lines for entry in line.split(",") if entry.strip()]


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
