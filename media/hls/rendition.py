"""One rendition of a stream as its index holds it, and the bandwidths that are measured of it. Sans-I/O."""

from __future__ import annotations

from media.hls.events import SOURCE, InitReady, PlannedRendition
from media.hls.listing import RenditionInfo
from media.hls.playlist import MediaPlaylist

#: How much more than its bitrate a planned rendition may take: the encoder's buffer, and what packaging adds.
PEAK = 1.5


class Rendition:
    """``is_silent``: nothing comes of it at the moment, and gaps take its place."""

    def __init__(self, init: InitReady, playlist: MediaPlaylist) -> None:
        self.init = init
        self.playlist = playlist
        self.is_silent = False
        self.alone_until: int | None = None
        self._bytes = 0
        self._seconds = 0.0
        self._peak = 0.0
        self._so_far = [0, 0.0]

    @property
    def is_made(self) -> bool:
        """Whether it is made of the source, on demand; it is in no recording."""
        return self.init.muxer != SOURCE

    @property
    def begins_anew(self) -> bool:
        """Whether its last whole segment is a gap, or there is none."""
        return not self.playlist.count or self.playlist.numbered(self.playlist.numbers[-1]).is_gap

    @property
    def uri(self) -> str:
        return f"{self.init.rendition}.m3u8"

    def count_part(self, size: int, seconds: float) -> None:
        self._so_far[0] += size
        self._so_far[1] += seconds

    def count_segment(self, size: int, seconds: float) -> None:
        self._so_far = [0, 0.0]
        self._bytes += size
        self._seconds += seconds
        if seconds >= 0.5:
            self._peak = max(self._peak, size * 8 / seconds)

    @property
    def is_measured(self) -> bool:
        """Whether it has had a whole segment."""
        return self._seconds > 0

    @property
    def bandwidths(self) -> tuple[int, int]:
        """Peak and average bits/s, rounded up; before the first whole segment a guess from its beginning."""
        size, seconds = self._so_far
        average = self._bytes * 8 / self._seconds if self._seconds else size * 8 / max(seconds, 0.2)
        return _rounded(max(self._peak, average)), _rounded(average)

    def described(self, uri: str) -> RenditionInfo:
        peak, average = self.bandwidths
        return RenditionInfo(
            name=self.init.rendition,
            uri=uri,
            kind=self.init.kind,
            codec=self.init.codec,
            bandwidth=peak,
            average_bandwidth=average,
            width=self.init.width,
            height=self.init.height,
            frame_rate=self.init.frame_rate,
            channels=self.init.channels,
        )


def described_plan(planned: PlannedRendition, uri: str) -> RenditionInfo:
    """A rendition that has not been made yet, as a playlist lists it."""
    return RenditionInfo(
        name=planned.name,
        uri=uri,
        kind="video",
        codec=planned.codec,
        bandwidth=_rounded(planned.bitrate * PEAK),
        average_bandwidth=_rounded(planned.bitrate),
        width=planned.width,
        height=planned.height,
        frame_rate=planned.fps,
    )


def _rounded(bandwidth: float) -> int:
    """Up to two figures, so that a playlist does not change with every segment."""
    step: int = 10 ** max(len(str(int(bandwidth))) - 2, 2)
    return (int(bandwidth) // step + 1) * step
