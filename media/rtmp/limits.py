"""The bounds, deadlines and counters of the RTMP server."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

import msgspec

from media.rtmp.chunk import ChunkLimits


class RtmpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Deadlines in seconds and bounds of a server.

    ``silence_s`` counts from a publisher's last byte, ``stall_s`` from its last whole media message.
    ``pending`` are connections that do not publish.
    """

    handshake_s: float = 5.0
    publish_s: float = 10.0
    authorize_s: float = 10.0
    silence_s: float = 5.0
    stall_s: float = 15.0
    linger_s: float = 2.0
    sweep_s: float = 0.5
    max_connections: int = 1_000
    max_pending_per_address: int = 64
    max_unsent_bytes: int = 256 * 1024
    chunks: ChunkLimits = ChunkLimits()


def counted_address(peer: str) -> str:
    """What bounds by address count: the /64 of IPv6, IPv4 where it is mapped into IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv4Address):
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(IPv6Network((int(address) >> 64 << 64, 64)))


class RtmpCounters(msgspec.Struct):
    """Totals since the server was made. Ended publications are added to the unit counts when they end."""

    accepted: int = 0
    turned_away: int = 0
    published: int = 0
    refused: int = 0
    protocol_errors: int = 0
    timeouts: int = 0
    received_bytes: int = 0
    units: int = 0
    units_without_header: int = 0
    units_malformed: int = 0
    units_of_other_tracks: int = 0
    data_malformed: int = 0
