"""Pictures of one source to several H.264 renditions inside a worker: one decoder, an encoder for each.

Importing this imports the codecs. A rendition has a key frame exactly where the source has one, and no B-frames: pts
and dts are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from media.hls.lane import LEAST_PERCENT
from media.transcode.ladder import Tier
from media.transcode.video import open_decoder, packet_of
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

#: A picture that was received longer ago is left out, but for key frames: a slow machine shows fewer, not older ones.
#: What was received before the lane began may be older, until the lane has caught up.
LATE_S = 3.0
#: A lane that begins catches up until a picture is so old when it is decoded, or for so long.
CAUGHT_UP_S = 0.4
CATCH_UP_S = 3.0
#: Until then pictures may lie so far apart: encoding is most of the work, and a client waits for the newest ones.
SPARSE_S = 0.25
#: Times that go back by more than this begin anew.
_BACK_TICKS = VIDEO_TIMESCALE // 2
_MAX_REMEMBERED = 256
_TICK = Fraction(1, VIDEO_TIMESCALE)
_OPTIONS = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile": "main",
    "forced-idr": "1",
    "x264-params": "annexb=0:keyint=infinite:scenecut=0",
}


class LadderLane:
    """Units of one track in, units of all tiers out. Raises ``av.FFmpegError`` for a unit that cannot be decoded.

    ``tracks`` is what comes out, by the tier's index, of those that have had a picture. Pictures up to the pts
    ``after`` are decoded and not encoded: another worker has made them. ``now`` is the wall clock that ``Unit.at`` is
    of. ``part_ms``: the part target of what is made, which pictures fill also while the lane catches up; 0: all
    pictures are made then.
    """

    def __init__(
        self,
        source: Track,
        tiers: tuple[Tier, ...],
        *,
        now: Callable[[], float],
        after: int = -1,
        part_ms: int = 0,
        threads: int = 2,
    ) -> None:
        self.tracks: dict[int, Track] = {}
        self._source = source
        self._now = now
        self._after = after
        self._threads = threads
        self._decoder: av.VideoCodecContext | None = None
        self._tiers = [
            _Encoder(tier, has_all=not source.fps or tier.fps > source.fps * 0.95, part_ms=part_ms) for tier in tiers
        ]
        self._origins: dict[int, tuple[float, bool]] = {}
        self._last = -1
        self._grace_s: float | None = None
        self._catches_up_until: float | None = None
        self.is_catching_up = True
        """Whether it is behind its source since it has just begun."""

    def feed(self, unit: Unit) -> list[tuple[int, Unit]]:
        """What is ready after this unit: tier and unit. Before the first key frame nothing is."""
        if self._decoder is None:
            if not unit.is_key:
                return []
            self._decoder = open_decoder(self._source, threads=self._threads)
        self._origins[unit.pts] = unit.at, unit.is_key
        if len(self._origins) > _MAX_REMEMBERED:
            del self._origins[next(iter(self._origins))]
        return self._encoded(self._decoder.decode(packet_of(unit)))

    def finish(self) -> list[tuple[int, Unit]]:
        """The pictures that waited for their turn. The next unit has to be a key frame."""
        decoder, self._decoder = self._decoder, None
        return [] if decoder is None else self._encoded(decoder.decode(None))

    def _encoded(self, frames: list[av.VideoFrame]) -> list[tuple[int, Unit]]:
        return [made for frame in frames if self._is_new(frame) for made in self._to_all(frame)]

    def _is_new(self, frame: av.VideoFrame) -> bool:
        if frame.pts is None:
            return False
        if frame.pts < self._last - _BACK_TICKS:
            self._last = self._after = -1
        if frame.pts <= max(self._last, self._after):
            return False
        self._last = frame.pts
        return True

    def _to_all(self, frame: av.VideoFrame) -> Iterator[tuple[int, Unit]]:
        """Each tier's picture is made of the next larger one's, which is less work than of the source's."""
        pts = frame.pts
        assert pts is not None
        at, is_key = self._origins.pop(pts, (self._now(), False))
        age_s = self._now() - at
        is_late = self._is_late(age_s)
        self._note_catching_up(age_s)
        picture = frame
        for index, encoder in enumerate(self._tiers):
            if encoder.wants(pts, is_key=is_key, is_late=is_late):
                picture = encoder.scaled(picture)
                data, has_key = encoder.encode(picture, pts, is_key=is_key, is_sparse=self.is_catching_up)
                self.tracks[index] = encoder.track
                yield index, Unit(kind="video", pts=pts, dts=pts, is_key=has_key, data=data, at=at)

    def _note_catching_up(self, age_s: float) -> None:
        now = self._now()
        if self._catches_up_until is None:
            self._catches_up_until = now + CATCH_UP_S
        if age_s <= CAUGHT_UP_S or now >= self._catches_up_until:
            self.is_catching_up = False

    def _is_late(self, age_s: float) -> bool:
        if self._grace_s is None:
            self._grace_s = max(0.0, age_s)
        if age_s <= LATE_S:
            self._grace_s = 0.0
        return age_s > LATE_S + self._grace_s


def sparse(fps: float, part_ms: int) -> int:
    """Of how many pictures one is made while a lane catches up: as few as ``SPARSE_S`` allows with which parts are as
    long as they must be."""
    whole = part_ms * fps / 1000
    fitting = (
        step for step in range(int(min(SPARSE_S * fps, whole)), 1, -1)
        if int(whole) // step * step * 100 >= LEAST_PERCENT * whole
    )  # fmt: skip
    return next(fitting, 1)


class _Encoder:
    """One tier. It has all pictures of the source, or an even share of them with every key frame; fewer while the lane
    catches up."""

    def __init__(self, tier: Tier, *, has_all: bool, part_ms: int) -> None:
        self._tier = tier
        self._scaler = VideoReformatter()
        self._encoder: av.VideoCodecContext | None = None
        self._due = -1
        picture = VIDEO_TIMESCALE / tier.fps
        self._step = 1 if has_all else round(picture * 0.9)
        self._sparse_step = max(self._step, round((sparse(tier.fps, part_ms) - 0.5) * picture))
        self.track: Track

    def wants(self, pts: int, *, is_key: bool, is_late: bool) -> bool:
        if is_key or self._encoder is None or pts < self._due - VIDEO_TIMESCALE:
            return True
        return pts >= self._due and not is_late

    def scaled(self, picture: av.VideoFrame) -> av.VideoFrame:
        return self._scaler.reformat(picture, width=self._tier.width, height=self._tier.height, format="yuv420p")

    def encode(self, picture: av.VideoFrame, pts: int, *, is_key: bool, is_sparse: bool) -> tuple[bytes, bool]:
        """The bytes of one picture, and whether it is a key frame."""
        if self._encoder is None:
            self._encoder = self._opened(picture)
            is_key = True
        self._due = pts + (self._sparse_step if is_sparse else self._step)
        picture.pts, picture.time_base = pts, _TICK
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        packets = self._encoder.encode(picture)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)

    def _opened(self, picture: av.VideoFrame) -> av.VideoCodecContext:
        tier = self._tier
        encoder = av.VideoCodecContext.create("libx264", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = tier.width, tier.height, "yuv420p"
        encoder.time_base, encoder.framerate = _TICK, Fraction(tier.fps).limit_denominator(1001)
        encoder.bit_rate, encoder.thread_count = tier.bit_rate, 1
        encoder.flags |= Flags.global_header
        rate = {"maxrate": str(tier.bit_rate * 5 // 4), "bufsize": str(tier.bit_rate)}
        encoder.options = {**_OPTIONS, **rate, "level": f"{tier.level / 10:.1f}"}
        encoder.open()
        self.track = Track(
            kind="video",
            codec=Codec.H264,
            timescale=VIDEO_TIMESCALE,
            config=bytes(encoder.extradata or b""),
            width=tier.width,
            height=tier.height,
            fps=tier.fps,
        )
        return encoder
