"""How viewers over WebRTC fare, as their receiver reports and requests tell. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from media.webrtc import rtp

_TICKS_A_SECOND: Final = 65_536
#: What takes longer is a report of nonsense.
MAX_ROUND_TRIP_S: Final = 30.0


class ViewerStatistics(msgspec.Struct, kw_only=True):
    """One viewer's. ``rtt_s`` and ``estimate`` (bit/s) are None until they have told; ``lost_share`` is of the last
    report of pictures, ``asked`` and ``repeated`` count packets since they came."""

    rtt_s: float | None = None
    lost_share: float = 0.0
    lost: int = 0
    jitter_s: float = 0.0
    estimate: int | None = None
    bitrate: int = 0
    asked: int = 0
    repeated: int = 0


class ViewersSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of all viewers of a process at this moment. ``rtt_ms`` and ``slow_rtt_ms`` are the median and what one in twenty
    exceeds, 0 while none has told; ``lossy`` lose more than one packet in twenty."""

    rtt_ms: float
    slow_rtt_ms: float
    bitrate: int
    lossy: int


LOSSY_SHARE: Final = 0.05


def round_trip_s(block: rtp.ReportBlock, at: float) -> float | None:
    """From a sender report of ours to ``at`` (wall clock), less what the viewer kept it (RFC 3550, section 6.4.1); None
    where the viewer has had none, or tells nonsense."""
    if not block.last_sr:
        return None
    now = rtp.ntp_time(at) >> 16 & 0xFFFFFFFF
    ticks = (now - block.last_sr - block.since_sr) & 0xFFFFFFFF
    trip_s = ticks / _TICKS_A_SECOND
    return trip_s if trip_s <= MAX_ROUND_TRIP_S else None


def summary(viewers: Sequence[ViewerStatistics]) -> ViewersSummary:
    trips = sorted(viewer.rtt_s for viewer in viewers if viewer.rtt_s is not None)
    return ViewersSummary(
        rtt_ms=_part(trips, 0.5) * 1_000,
        slow_rtt_ms=_part(trips, 0.95) * 1_000,
        bitrate=sum(viewer.bitrate for viewer in viewers),
        lossy=sum(viewer.lost_share > LOSSY_SHARE for viewer in viewers),
    )


def _part(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
