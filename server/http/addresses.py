"""The address that a request comes from, as seen through trusted proxies, and the key under which it is limited.

Pure: REST and the sockets read addresses here. What a proxy says is read from the right, and only while the hop that
wrote it is trusted, so that a client can't choose its own address. A hop that can't be read ends the walk: the request
then counts as the nearest proxy's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: Final = "127.0.0.1"
MAX_HOPS: Final = 32

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_MAX_NODE_CHARS: Final = 128

# A node of RFC 7239 section 6, and what X-Forwarded-For has in its place: an IPv4 address, perhaps with a port, or an
# IPv6 address in brackets, perhaps with a port. A port may be obfuscated (6.3). A bare IPv6 address is tried first.
_NODE: Final = re.compile(r"(?:\[([^\[\]]+)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")
# A pair of RFC 7239 section 4; a backslash is of no use in an address, so a value that has one is not read.
_PAIR: Final = re.compile(r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"([^"\\]*)"|([^\s",;=\\]+))\s*""")


class ClientAddresses:
    """Finds the client's address behind the proxies in ``trusted`` (addresses or networks in CIDR form).

    Raises ValueError for a network that is none. ``X-Forwarded-For`` counts where there is one, else ``Forwarded``
    (RFC 7239): proxies that write the first pass on what clients send as the second.
    """

    def __init__(self, *, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(network_of(one) for one in trusted)

    def of(self, peer: str, *, forwarded_for: Sequence[str] = (), forwarded: Sequence[str] = ()) -> str:
        """``peer`` is the connection's other end; ``""``, a Unix socket, counts as loopback.

        The headers' field lines come in their order of arrival. The answer is an address without port and zone, IPv4
        where it is one mapped into IPv6; what is no address at all is answered as it came.
        """
        at = address_of(peer or LOOPBACK)
        if at is None:
            return peer
        if not self._trusts(at):
            return str(at)
        for count, hop in enumerate(_hops(forwarded_for, forwarded)):
            if hop is None or count == MAX_HOPS:
                break
            at = hop
            if not self._trusts(hop):
                break
        return str(at)

    def is_proxy(self, peer: str) -> bool:
        """Whether the peer is one of the trusted proxies, behind which there are many clients."""
        at = address_of(peer or LOOPBACK)
        return at is not None and self._trusts(at)

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def network_of(text: str) -> Network:
    """A network or an address in CIDR form; one of mapped IPv4 addresses as the IPv4 network. Raises ValueError."""
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
    return network


@lru_cache(maxsize=4096)
def address_of(text: str) -> Address | None:
    """The address without its zone; IPv4 where it is mapped into IPv6 (RFC 4291 section 2.5.5.2). None for no address.

    A zone (RFC 4007) names an interface of the host that wrote it, and means nothing on another host.
    """
    bare, percent, zone = text.partition("%")
    if percent and (not zone or ":" not in bare):
        return None
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_loopback(address: str) -> bool:
    parsed = address_of(address)
    return parsed is not None and parsed.is_loopback


def limiting_key(address: str) -> str:
    """What limits by address count: an IPv6 client owns its /64 (RFC 6177), so the network is what is limited."""
    parsed = address_of(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv6Address) and not parsed.is_loopback:
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _hops(forwarded_for: Sequence[str], forwarded: Sequence[str]) -> Iterator[Address | None]:
    """What the hops wrote, the nearest first; None for what can't be read."""
    if forwarded_for:
        return (_node(entry.strip()) for entry in _from_the_right(forwarded_for))
    return (_for_of(element) for element in _from_the_right(forwarded))


def _from_the_right(lines: Sequence[str]) -> Iterator[str]:
    """The list's members (RFC 9110 section 5.6.1), the last one first; empty ones are passed over.

    A comma within quotes splits its element too, and the pieces can't be read: so what a client leaves open can't
    swallow what a proxy puts behind it.
    """
    return (entry for line in reversed(lines) for entry in reversed(line.split(",")) if entry.strip())


def _for_of(element: str) -> Address | None:
    """The address of a ``forwarded-element``'s ``for``; None when it has none, two, or can't be read."""
    found: list[str] = []
    for pair in element.split(";"):
        matched = _PAIR.fullmatch(pair)
        if matched is None:
            return None
        if matched[1].lower() == "for":
            found.append(matched[2] if matched[2] is not None else matched[3])
    return _node(found[0]) if len(found) == 1 else None


def _node(text: str) -> Address | None:
    if len(text) > _MAX_NODE_CHARS:
        return None
    address = address_of(text)
    if address is not None:
        return address
    matched = _NODE.fullmatch(text)
    if matched is None:
        return None
    bracketed, dotted = matched[1], matched[2]
    return address_of(dotted) if bracketed is None else _bracketed(bracketed)


def _bracketed(text: str) -> Address | None:
    """In brackets stands an IPv6 address only (RFC 3986 section 3.2.2)."""
    return address_of(text) if ":" in text else None
