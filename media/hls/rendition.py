"""One rendition of a stream as its index holds it, and the bandwidths that are measured of it. Sans-I/O."""

from __future__ import annotations

from media.hls.bandwidth import Bandwidth, rounded
from media.hls.events import SOURCE, InitReady, PlannedRendition
from media.hls.listing import RenditionInfo
from media.hls.playlist import MediaPlaylist

#: How much more than its bitrate a planned rendition may take: the encoder's buffer, and what packaging adds.
PEAK = 1.5
#: A guess spreads the first key frame over so much time.
KEY_S = 2.0


class Rendition:
    """``is_silent``: nothing comes of it at the moment, and gaps take its place."""

    def __init__(self, init: InitReady, playlist: MediaPlaylist) -> None:
        self.init = init
        self.playlist = playlist
        self.is_silent = False
        self.alone_until: int | None = None
        self.key_bandwidth = Bandwidth()
        """That of its key frames alone, each shown for its segment."""
        self._bandwidth = Bandwidth()
        self._so_far = [0, 0.0]
        self._first_key_bytes = 0

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

    def count_segment(self, size: int, seconds: float, *, key_bytes: int = 0) -> None:
        self._bandwidth.count(size, seconds)
        self._first_key_bytes = self._first_key_bytes or key_bytes
        if key_bytes:
            self.key_bandwidth.count(key_bytes, seconds)

    @property
    def is_measured(self) -> bool:
        """Whether it has had a second of whole segments."""
        return self._bandwidth.is_measured

    def bandwidths(self, *, whole: bool = False) -> tuple[int, int]:
        """Peak and average bits/s, lately or since the start; of less than a second a guess from its beginning."""
        size, seconds = self._so_far
        if self.is_measured or not seconds:
            return self._bandwidth.whole if whole else self._bandwidth.recent
        key = min(self._first_key_bytes, size) if seconds < KEY_S else 0
        guess = rounded(key * 8 / KEY_S + (size - key) * 8 / max(seconds, 0.2))
        return guess, guess

    def described(self, uri: str, *, whole: bool = False) -> RenditionInfo:
        """``whole``: for playlists of everything since the start."""
        return self._described(uri, self.bandwidths(whole=whole))

    def described_keys(self, uri: str) -> RenditionInfo:
        """Its I-frame playlist since the start."""
        return self._described(uri, self.key_bandwidth.whole)

    def _described(self, uri: str, bandwidths: tuple[int, int]) -> RenditionInfo:
        peak, average = bandwidths
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
            captions=self.init.captions,
        )


def described_plan(planned: PlannedRendition, uri: str) -> RenditionInfo:
    """A rendition that has not been made yet, as a playlist lists it."""
    return RenditionInfo(
        name=planned.name,
        uri=uri,
        kind="video",
        codec=planned.codec,
        bandwidth=rounded(planned.bitrate * PEAK),
        average_bandwidth=rounded(planned.bitrate),
        width=planned.width,
        height=planned.height,
        frame_rate=planned.fps,
    )
