"""A key frame as a small picture, inside a worker. Importing this imports the codecs."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.reformatter import Interpolation

from media.transcode.video import open_decoder, packet_of
from media.unit import Track, Unit

MAX_WIDTH = 480
QUALITY = 70
EFFORT = 2
"""Of 0 to 6. One more takes two and a half times as long, for 8% fewer bytes."""


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
    decoder = open_decoder(track)
    frames = [*decoder.decode(packet_of(unit)), *decoder.decode(None)]
    if not frames or frames[0].is_corrupt:
        return None
    frame = frames[0]
    aspect = decoder.sample_aspect_ratio
    width, height = size(frame.width, frame.height, aspect if aspect and 0 < aspect < 16 else Fraction(1))
    return frame.reformat(width=width, height=height, format="yuv420p", interpolation=Interpolation.AREA)


def _encode(frame: av.VideoFrame) -> bytes:
    encoder = av.VideoCodecContext.create("libwebp", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"quality": str(QUALITY), "compression_level": str(EFFORT)}
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
