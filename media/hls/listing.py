"""What playlists and manifests list: segments, parts, renditions. Sans-I/O."""

from __future__ import annotations

import msgspec


class SegmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a playlist lists it. Times are ticks of ``timescale`` on the media clock."""

    number: int
    uri: str
    init_uri: str
    media_time: int
    duration: int
    timescale: int
    program_date_time: float | None = None
    is_discontinuity: bool = False
    is_gap: bool = False
    is_independent: bool = True
    size: int = 0
    key_bytes: int = 0
    """Of its beginning, which hold its first picture; 0 where that is no key frame."""
    run: int = 0
    """Discontinuities since the stream began, its own included; filled in by the playlist."""

    @property
    def duration_s(self) -> float:
        return self.duration / self.timescale


class PartInfo(msgspec.Struct, frozen=True, kw_only=True):
    uri: str
    duration_s: float
    is_independent: bool


class RenditionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A rendition as a multivariant playlist lists it. Bandwidths are bits/s with all overhead; sizes 0 if unknown."""

    name: str
    uri: str
    kind: str
    codec: str
    bandwidth: int
    average_bandwidth: int
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    channels: int = 0
    video_range: str = ""
    captions: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """Where another rendition's playlist ends."""

    uri: str
    segment: int
    part: int
