"""How viewers and publishers over WebRTC fare, as reports and requests tell. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nlargest
from typing import Final, TypeVar

import msgspec

from media.webrtc import rtp

S = TypeVar("S")

_TICKS_A_SECOND: Final = 65_536
#: What takes longer is a report of nonsense.
MAX_ROUND_TRIP_S: Final = 30.0


class ViewerStatistics(msgspec.Struct, kw_only=True):
    """One viewer's. ``rtt_s`` and ``estimate`` (bit/s) are None until they have told; ``lost_share`` is of the last
    report of pictures, ``asked`` and ``repeated`` count packets since they came, ``stuck`` how often pictures could not
    go on without a key frame."""

    rtt_s: float | None = None
    lost_share: float = 0.0
    lost: int = 0
    jitter_s: float = 0.0
    estimate: int | None = None
    bitrate: int = 0
    asked: int = 0
    repeated: int = 0
    stuck: int = 0


class PublisherStatistics(msgspec.Struct, kw_only=True):
    """One publisher's. ``rtt_s`` is None until they have told; ``lost_share`` is of the last second, the worst of all
    sources, ``lost`` of all time and sources; ``asked`` counts packets that were asked for again, ``stuck`` how often a
    key frame had to be asked for because pictures could not go on. ``latency_s``: from the camera to the server."""

    rtt_s: float | None = None
    lost_share: float = 0.0
    lost: int = 0
    jitter_s: float = 0.0
    bitrate: int = 0
    asked: int = 0
    stuck: int = 0
    latency_s: float | None = None


class PublishersSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of all publishers of a process at this moment, as :class:`ViewersSummary` has it."""

    rtt_ms: float
    slow_rtt_ms: float
    bitrate: int
    lossy: int
    stuck: int


class ViewersSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of all viewers of a process at this moment. ``rtt_ms`` and ``slow_rtt_ms`` are the median and what one in twenty
    exceeds, 0 while none has told; ``lossy`` lose more than one packet in twenty; ``stuck`` is the sum."""

    rtt_ms: float
    slow_rtt_ms: float
    bitrate: int
    lossy: int
    stuck: int


LOSSY_SHARE: Final = 0.05


def round_trip_s(last: int, since: int, at: float) -> float | None:
    """From when we told the time to ``at`` (wall clock), less what the peer kept it (RFC 3550, section 6.4.1; RFC 3611,
    section 4.5). ``last``: the middle of the time we told, 0 where the peer has had none; ``since`` in 1/65,536 s. None
    for nonsense."""
    if not last:
        return None
    now = rtp.ntp_time(at) >> 16 & 0xFFFFFFFF
    ticks = (now - last - since) & 0xFFFFFFFF
    trip_s = ticks / _TICKS_A_SECOND
    return trip_s if trip_s <= MAX_ROUND_TRIP_S else None


P = TypeVar("P", ViewerStatistics, PublisherStatistics)


def worst(peers: Sequence[tuple[str, P]], limit: int) -> list[tuple[str, P]]:
    """Those that lose most, and of equals those furthest away, each with its name."""
    return nlargest(limit, peers, key=lambda peer: (peer[1].lost_share, peer[1].rtt_s or 0.0))


def summary(viewers: Sequence[ViewerStatistics]) -> ViewersSummary:
    return _summed(viewers, ViewersSummary)


def publishers_summary(publishers: Sequence[PublisherStatistics]) -> PublishersSummary:
    return _summed(publishers, PublishersSummary)


def _summed(peers: Sequence[ViewerStatistics | PublisherStatistics], make: Callable[..., S]) -> S:
    trips = sorted(peer.rtt_s for peer in peers if peer.rtt_s is not None)
    return make(
        rtt_ms=_part(trips, 0.5) * 1_000,
        slow_rtt_ms=_part(trips, 0.95) * 1_000,
        bitrate=sum(peer.bitrate for peer in peers),
        lossy=sum(peer.lost_share > LOSSY_SHARE for peer in peers),
        stuck=sum(peer.stuck for peer in peers),
    )


def _part(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
