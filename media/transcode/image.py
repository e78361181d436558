"""A key frame as a small picture, inside a worker. Importing this imports the codecs."""

from __future__ import annotations

from fractions import Fraction

import av

from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

MAX_WIDTH = 480
QUALITY = 70
#: Larger pictures are not decoded: what a frame claims to be costs memory before it shows anything.
MAX_PIXELS = 8_192 * 4_352
_DECODERS = {
    Codec.H264: "h264",
    Codec.HEVC: "hevc",
    Codec.AV1: "libdav1d",
    Codec.VP8: "vp8",
    Codec.VP9: "vp9",
}


def take(track: Track, unit: Unit) -> bytes | None:
    """A WebP at most 480 wide, in the proportions in which it is shown; None for a unit that shows nothing."""
    try:
        frame = _decode(track, unit)
        return None if frame is None else _encode(frame)
    except (av.FFmpegError, ValueError):
        return None


def size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Even numbers, as wide as ``MAX_WIDTH`` at most, with square pixels."""
    shown = width * aspect
    scale = min(Fraction(1), Fraction(MAX_WIDTH) / shown)
    return max(2, round(shown * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _decode(track: Track, unit: Unit) -> av.VideoFrame | None:
    decoder = av.VideoCodecContext.create(_DECODERS[track.codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = track.config or None
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    packet = av.Packet(unit.data)
    packet.pts = packet.dts = unit.pts
    packet.time_base = Fraction(1, VIDEO_TIMESCALE)
    frames = [*decoder.decode(packet), *decoder.decode(None)]
    if not frames or frames[0].is_corrupt:
        return None
    frame = frames[0]
    aspect = decoder.sample_aspect_ratio
    width, height = size(frame.width, frame.height, aspect if aspect and 0 < aspect < 16 else Fraction(1))
    return frame.reformat(width=width, height=height, format="yuv420p")


def _encode(frame: av.VideoFrame) -> bytes:
    encoder = av.VideoCodecContext.create("libwebp", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"quality": str(QUALITY), "compression_level": "3"}
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
