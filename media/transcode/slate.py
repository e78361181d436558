"""A still picture as a short group of H.264 pictures, inside a worker: what viewers see while nobody publishes.

Importing this imports the codecs. The group begins with an IDR picture and has no B-frames, so it can be shown again
and again.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags

from media.transcode.messages import SlateShape
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

FPS = 12
"""Parts of 0.25 s, of a third and of a whole second are whole numbers of pictures."""
GROUP_S = 2
MAX_PIXELS = 3840 * 2160
FRAME_TICKS = VIDEO_TIMESCALE // FPS
#: Levels of luma, BT.709 in video range: the ground, and the two bars that stand for a pause.
_GROUND, _BARS, _NO_COLOUR = 0x2C, 0x70, 0x80
_OPTIONS = {
    "preset": "veryfast",
    "tune": "stillimage",
    "crf": "23",
    "x264-params": f"annexb=0:bframes=0:ref=1:scenecut=0:rc-lookahead=0:keyint={FPS * GROUP_S}",
}


def make(shape: SlateShape, picture: bytes = b"") -> tuple[Track, list[Unit]] | None:
    """The group, and the track that it is of; ``picture`` is a WebP, or empty for ours. None where there is no such
    picture or size."""
    if shape.width * shape.height > MAX_PIXELS or min(shape.width, shape.height) < 2:
        return None
    try:
        return _encode(shape, _within(shape, _decode(picture)) if picture else _drawn(shape))
    except (av.FFmpegError, ValueError):
        return None


def _encode(shape: SlateShape, frame: av.VideoFrame) -> tuple[Track, list[Unit]]:
    encoder = av.VideoCodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.thread_count = 1
    encoder.flags |= Flags.global_header
    encoder.options = {**_OPTIONS, "profile": shape.profile}
    encoder.open()
    packets: list[av.Packet[Any]] = []
    for number in range(FPS * GROUP_S):
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    track = Track(
        kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, config=bytes(encoder.extradata or b""),
        width=frame.width, height=frame.height, fps=float(FPS),
    )  # fmt: skip
    return track, [_unit(number, packet) for number, packet in enumerate(packets)]


def _unit(number: int, packet: av.Packet[Any]) -> Unit:
    at = number * FRAME_TICKS
    return Unit(kind="video", pts=at, dts=at, is_key=packet.is_keyframe, data=bytes(packet), at=0.0)


def _drawn(shape: SlateShape) -> av.VideoFrame:
    """Two bars on a dark ground: no words, so that it is in no language."""
    frame, (width, height) = _blank(shape)
    tall, thick = height // 5, max(2, height // 18)
    left = width // 2 - thick * 3 // 2
    bars = bytes([_BARS]) * thick
    ground = bytes([_GROUND])
    barred = ground * left + bars + ground * thick + bars
    barred += ground * (width - len(barred))
    first = (height - tall) // 2
    _fill(frame, 0, lambda row: barred if first <= row < first + tall else ground * width)
    return frame


def _within(shape: SlateShape, picture: av.VideoFrame) -> av.VideoFrame:
    """As large as fits, in the middle of a dark ground."""
    frame, (width, height) = _blank(shape)
    scale = min(Fraction(width, picture.width), Fraction(height, picture.height))
    size = [max(2, min(most, round(side * scale / 2) * 2)) for side, most in
            ((picture.width, width), (picture.height, height))]  # fmt: skip
    fitted = picture.reformat(width=size[0], height=size[1], format="yuv420p")
    for plane in range(3):
        _place(frame, fitted, plane)
    return frame


def _place(frame: av.VideoFrame, picture: av.VideoFrame, plane: int) -> None:
    into, of = frame.planes[plane], picture.planes[plane]
    pixels, ground = bytes(of), bytes([_NO_COLOUR if plane else _GROUND])
    # Both halves are whole numbers of pixels of the planes of colour, too.
    left, first = (frame.width - picture.width) // 4, (frame.height - picture.height) // 4
    left, first = (left, first) if plane else (2 * left, 2 * first)

    def line(row: int) -> bytes:
        if not first <= row < first + of.height:
            return ground * into.width
        start = (row - first) * of.line_size
        return ground * left + pixels[start : start + of.width] + ground * (into.width - left - of.width)

    _fill(frame, plane, line)


def _blank(shape: SlateShape) -> tuple[av.VideoFrame, tuple[int, int]]:
    width, height = shape.width // 2 * 2, shape.height // 2 * 2
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in range(3):
        each = bytes([_NO_COLOUR if plane else _GROUND])
        _fill(frame, plane, lambda row, each=each, plane=plane: each * frame.planes[plane].width)  # type: ignore[misc]
    return frame, (width, height)


def _fill(frame: av.VideoFrame, plane: int, line: Callable[[int], bytes]) -> None:
    into = frame.planes[plane]
    into.update(b"".join(line(row).ljust(into.line_size, b"\0") for row in range(into.height)))


def _decode(picture: bytes) -> av.VideoFrame:
    decoder = av.VideoCodecContext.create("webp", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = [*decoder.decode(av.Packet(picture)), *decoder.decode(None)]
    if not frames:
        raise ValueError("there is no picture in it")
    return frames[0]
