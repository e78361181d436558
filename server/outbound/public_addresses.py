"""Connections to addresses that people give: only to public ones, unless the operator allows others.

A host is resolved once, and the connection is made to an address of that answer, so that a name that resolves to
something else a moment later (DNS rebinding) reaches nothing. What is judged is the address that the socket connects
to: decimal, octal and hexadecimal forms of IPv4 and every name have become one by then.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

RESOLVE_S: Final = 5.0
MAX_TRIED: Final = 4
"""Of the addresses of one name."""

_NAT64: Final = IPv6Network("64:ff9b::/96")
_NEVER_PUBLIC: Final = tuple(map(IPv6Network, ("::/96", "64:ff9b:1::/48", "fec0::/10")))
"""IPv4-compatible, local NAT64 and site-local addresses, which Python does not all count as private."""

SocketAddress = tuple[Any, ...]
Resolve = Callable[[str, int], Awaitable[Sequence[SocketAddress]]]


class NotPublic(OSError):
    """The host has addresses, and none of them is public."""

    def __str__(self) -> str:
        return "The address is not a public one"


class Unresolved(OSError):
    """The host has no address, or the resolver does not answer in time."""

    def __str__(self) -> str:
        return "The host was not found"


def is_public(address: str) -> bool:
    """Whether packets to this IP address leave for the public internet. False for what is no IP address.

    IPv6 addresses that carry an IPv4 address (mapped, 6to4, Teredo, NAT64) are judged by that one.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _is_global(ip)
    if any(ip in network for network in _NEVER_PUBLIC):
        return False
    return _is_global(_carried(ip) or ip)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if ip in _NAT64:
        return IPv4Address(ip.packed[-4:])
    if ip.teredo is not None:
        return ip.teredo[1]
    return ip.ipv4_mapped or ip.sixtofour


def _is_global(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def resolve(host: str, port: int) -> Sequence[SocketAddress]:
    """Where a TCP connection to ``host`` could go, as socket addresses. Raises ``Unresolved``."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise Unresolved from None
    return [one[4] for one in found]


class PublicAddresses:
    """Resolves hosts and connects to what may be reached.

    ``allow_private``: every address may be reached, for tests and closed networks.
    """

    def __init__(self, *, allow_private: bool = False, resolve: Resolve = resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve

    async def of(self, host: str, port: int) -> list[SocketAddress]:
        """The addresses of a host that may be connected to, at least one and at most ``MAX_TRIED``.

        Raises ``NotPublic`` or ``Unresolved``.
        """
        found = await self._resolve(host, port)
        if not found:
            raise Unresolved
        reachable = [one for one in found if self._allow_private or is_public(str(one[0]))]
        if not reachable:
            raise NotPublic
        return reachable[:MAX_TRIED]

    def require(self, address: str) -> None:
        """Raises ``NotPublic`` for an IP address that may not be connected to."""
        if not (self._allow_private or is_public(address)):
            raise NotPublic

    async def connect(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        """A TCP connection, not blocking, to the first of the host's addresses that answers; the caller owns it.

        ``timeout_s`` is for each address. Raises ``NotPublic``, ``OSError`` (``Unresolved``) or ``TimeoutError``.
        """
        failure: OSError = Unresolved()
        for address in await self.of(host, port):
            try:
                async with asyncio.timeout(timeout_s):
                    return await _connected(address)
            except OSError as error:
                failure = error
        raise failure


async def _connected(address: SocketAddress) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
