"""Whose server it is that is to be loaded."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

import ifaddr

from server.http.addresses import is_loopback

LOOK_UP_S: Final = 10.0


class NotOurs(Exception):
    """The server is neither on this machine nor named as one's own."""


async def check_target(url: str, *, allow: Collection[str], public_url: str | None) -> None:
    """Raises ``NotOurs`` unless all addresses of the host are this machine's, or the host is named."""
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise NotOurs(f"{url} is no address as https://live.example")
    if host in allow or host == urlsplit(public_url or "").hostname:
        return
    others = sorted(one for one in await _addresses(host) if not is_loopback(one) and one not in own_addresses())
    if others:
        raise NotOurs(
            f"{host} ({', '.join(others)}) is not this machine. If the server is yours, say so with --allow {host}"
        )


def own_addresses() -> frozenset[str]:
    """Of this machine's interfaces, without scopes."""
    return frozenset(_texts(ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips))


def _texts(addresses: Iterable[str | tuple[str, int, int]]) -> Iterable[str]:
    return (one if isinstance(one, str) else one[0] for one in addresses)


async def _addresses(host: str) -> set[str]:
    try:
        async with asyncio.timeout(LOOK_UP_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise NotOurs(f"{host}: {error or 'its address was not found in time'}") from error
    return {str(address[0]).partition("%")[0] for *_, address in found}
