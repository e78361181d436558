"""What the media process tells of those who publish and watch over WebRTC."""

from __future__ import annotations

from media.control import PeerFigures, PeersRead
from media.webrtc.quality import ViewerPictures
from media.webrtc.resources import shown
from media.webrtc.statistics import PublisherStatistics, ViewerStatistics
from media.webrtc.whep import WhepEndpoint
from media.webrtc.whip import WhipEndpoint


def peers_read(*, whip: WhipEndpoint, whep: WhepEndpoint, limit: int) -> PeersRead:
    """Those that fare worst, so many of each."""
    return PeersRead(
        publishers=tuple(_publisher(*peer) for peer in whip.worst(limit)),
        viewers=tuple(_viewer(*peer) for peer in whep.worst(limit)),
    )


def _publisher(resource_id: str, stream: str, told: PublisherStatistics) -> PeerFigures:
    return PeerFigures(
        session=shown(resource_id),
        stream=stream,
        rtt_ms=_ms(told.rtt_s),
        lost_share=told.lost_share,
        lost=told.lost,
        jitter_ms=told.jitter_s * 1_000,
        bitrate=told.bitrate,
        asked=told.asked,
        stuck=told.stuck,
        latency_ms=_ms(told.latency_s),
    )


def _viewer(resource_id: str, stream: str, told: ViewerStatistics, pictures: ViewerPictures | None) -> PeerFigures:
    return PeerFigures(
        session=shown(resource_id),
        stream=stream,
        rtt_ms=_ms(told.rtt_s),
        lost_share=told.lost_share,
        lost=told.lost,
        jitter_ms=told.jitter_s * 1_000,
        bitrate=told.bitrate,
        asked=told.asked,
        stuck=told.stuck,
        estimate=told.estimate,
        rendition=pictures.shown if pictures is not None else "",
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1_000
