"""Pictures to H.264 that every browser can show, inside a worker. Importing this imports the codecs.

Constrained baseline without reordering: pts and dts are the same, a picture leaves as soon as it is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import cast

import av
from av.codec.context import Flags, ThreadType
from av.video.frame import PictureType

from media.transcode.messages import CodecLane
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

KEY_INTERVAL = 2 * VIDEO_TIMESCALE
#: Larger pictures are not decoded: what a frame claims to be costs memory before it shows anything.
MAX_PIXELS = 8_192 * 4_352
#: A picture that was received longer ago is not encoded any more, so that a slow machine shows fewer, not older ones.
LATE_S = 1.0
_DECODERS = {
    Codec.H264: "h264",
    Codec.HEVC: "hevc",
    Codec.AV1: "libdav1d",
    Codec.VP8: "vp8",
    Codec.VP9: "vp9",
}
_THREADS = 2
_MAX_ORIGINS = 64
_TICK = Fraction(1, VIDEO_TIMESCALE)


def open_decoder(track: Track, *, threads: int = 1) -> av.VideoCodecContext:
    """A decoder that gives pictures in the order in which they are shown."""
    decoder = av.VideoCodecContext.create(_DECODERS[track.codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = track.config or None
    decoder.thread_count = threads
    # Not a thread for each picture: one may be at work still when the decoder goes, which then waits for ever.
    decoder.thread_type = ThreadType.SLICE
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    return decoder


def packet_of(unit: Unit) -> av.Packet[av.VideoStream]:
    """The unit as the decoder takes it."""
    packet = cast("av.Packet[av.VideoStream]", av.Packet(unit.data))
    packet.pts, packet.dts, packet.time_base = unit.pts, unit.dts, _TICK
    return packet


class VideoLane:
    """Units of one track in, units of H.264 out. Raises ``av.FFmpegError`` for a unit that cannot be decoded.

    ``track`` is what comes out, None before the first picture; it changes when the size of the pictures does.
    ``now`` is the wall clock that ``Unit.at`` is of.
    """

    def __init__(self, lane: CodecLane, *, now: Callable[[], float]) -> None:
        self.track: Track | None = None
        self._lane = lane
        self._now = now
        self._decoder: av.VideoCodecContext | None = None
        self._encoder: av.VideoCodecContext | None = None
        self._shape = (0, 0)
        self._origins: dict[int, float] = {}
        self._next_pts = 0
        self._key_at: int | None = None
        self._min_step = round(VIDEO_TIMESCALE / lane.max_fps * 0.9) if lane.max_fps else 1

    def feed(self, unit: Unit) -> list[Unit]:
        """What is ready after this unit. Before the first key frame nothing is."""
        if self._decoder is None:
            if not unit.is_key:
                return []
            self._decoder = open_decoder(self._lane.source, threads=_THREADS)
        self._origins[unit.pts] = unit.at
        if len(self._origins) > _MAX_ORIGINS:
            del self._origins[next(iter(self._origins))]
        return self._encode(self._decoder.decode(packet_of(unit)))

    def finish(self) -> list[Unit]:
        """The pictures that waited for their turn. The next unit has to be a key frame."""
        decoder, self._decoder = self._decoder, None
        return [] if decoder is None else self._encode(decoder.decode(None))

    def _encode(self, frames: list[av.VideoFrame]) -> list[Unit]:
        return [unit for frame in frames if self._is_wanted(frame) for unit in self._convert(frame)]

    def _is_wanted(self, frame: av.VideoFrame) -> bool:
        """In order, not too many a second, and not too late."""
        if frame.pts is None or frame.pts < self._next_pts:
            return False
        return self._now() - self._origins.get(frame.pts, 0.0) <= LATE_S or self._encoder is None

    def _convert(self, frame: av.VideoFrame) -> Iterator[Unit]:
        pts = frame.pts
        assert pts is not None
        encoder = self._encoder_for(frame)
        width, height = encoder.width, encoder.height
        picture = frame.reformat(width=width, height=height, format="yuv420p")
        picture.pts, picture.time_base = pts, _TICK
        is_key = self._key_at is None or pts - self._key_at >= KEY_INTERVAL
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._key_at = pts
        self._next_pts = pts + self._min_step
        at = self._origins.get(pts, self._now())
        for packet in encoder.encode(picture):
            yield Unit(kind="video", pts=pts, dts=pts, is_key=packet.is_keyframe, data=bytes(packet), at=at)

    def _encoder_for(self, frame: av.VideoFrame) -> av.VideoCodecContext:
        shape = (frame.width, frame.height)
        if self._encoder is None or shape != self._shape:
            width, height = size(*shape, max_height=self._lane.max_height)
            self._encoder = _open_encoder(self._lane, width, height)
            self._shape, self._key_at = shape, None
            self.track = Track(
                kind="video",
                codec=Codec.H264,
                timescale=VIDEO_TIMESCALE,
                config=bytes(self._encoder.extradata or b""),
                width=width,
                height=height,
                fps=min(self._lane.source.fps, self._lane.max_fps or self._lane.source.fps),
            )
        return self._encoder


def size(width: int, height: int, *, max_height: int) -> tuple[int, int]:
    """Even numbers; the shorter side is ``max_height`` at most, so that an upright picture is not made tiny."""
    scale = min(Fraction(1), Fraction(max_height, min(width, height))) if max_height else Fraction(1)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _open_encoder(lane: CodecLane, width: int, height: int) -> av.VideoCodecContext:
    encoder = av.VideoCodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = _TICK, Fraction(lane.max_fps or 30)
    encoder.bit_rate = lane.bit_rate
    encoder.thread_count = _THREADS
    encoder.flags |= Flags.global_header
    encoder.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "maxrate": str(lane.bit_rate),
        "bufsize": str(lane.bit_rate // 2),
        "x264-params": "annexb=0:keyint=infinite:scenecut=0",
    }
    encoder.open()
    return encoder
