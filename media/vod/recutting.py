"""Encodes the pictures of one segment anew, from the one that is shown at a time to the last before another.

Only a key frame can be decoded by itself, and what refers to later pictures cannot do without them: so where a cut
falls within a segment, its pictures are decoded and encoded with parameter sets of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.video.frame import PictureType

from media.hls.codecs import codec_string
from media.hls.fmp4 import init_segment
from media.unit import Codec, Track
from media.vod.cutter import Coded, segment_of
from media.vod.messages import EncodeSpan, LaneMade, SegmentMade
from media.vod.source import decoded, opened, pictures_of

_OPTIONS: Final = {
    "preset": "veryfast",
    "crf": "18",
    "forced-idr": "1",
}
_PARAMS: Final = "annexb=0:keyint=infinite:scenecut=0:b-adapt=0:b-pyramid=normal:sps-id="
"""No picture is one that refers to later ones: all but the first are told to be P."""
_PROFILES: Final = {66: "baseline", 77: "main"}
_COLOURS: Final = ("color_range", "color_primaries", "color_trc", "colorspace")


def encode_span(order: EncodeSpan) -> Iterator[LaneMade | SegmentMade]:
    """The initialisation and the segment; nothing where there is no picture in the time."""
    encoder: av.VideoCodecContext | None = None
    held: list[Coded] = []
    with opened(order.path) as container:
        stream = pictures_of(container)
        timed = _timed(stream, container, order.timescale)
        for place, (pts, frame) in enumerate(within(timed, start=order.start, stop=order.stop)):
            if encoder is None:
                encoder = _opened(order, stream)
            picture = frame.reformat(width=order.width, height=order.height, format="yuv420p")
            picture.pts, picture.time_base = pts, Fraction(1, order.timescale)
            picture.pict_type = PictureType.P if place else PictureType.I
            held += _coded(encoder.encode(picture))
    if encoder is not None:
        held += _coded(encoder.encode(None))
        yield _described(order, encoder)
        yield segment_of(held, order.stop, lane=0, number=order.number, delay=min(order.delay, held[0][0]))


def within(
    frames: Iterator[tuple[int, av.VideoFrame]], *, start: int, stop: int
) -> Iterator[tuple[int, av.VideoFrame]]:
    """From the picture that is shown at ``start``, which begins then, to the last that begins before ``stop``."""
    shown: av.VideoFrame | None = None
    for pts, frame in frames:
        if pts <= start:
            shown = frame
            continue
        if shown is not None:
            yield start, shown
            shown = None
        if pts >= stop:
            return
        yield pts, frame
    if shown is not None:
        yield start, shown


def _timed(stream: av.VideoStream, container: InputContainer, timescale: int) -> Iterator[tuple[int, av.VideoFrame]]:
    for frame in decoded(container, stream):
        if frame.pts is not None and frame.time_base is not None:
            yield round(frame.pts * frame.time_base * timescale), frame


def _coded(packets: list[av.Packet[av.VideoStream]]) -> list[Coded]:
    return [(packet.pts or 0, packet.is_keyframe, bytes(packet)) for packet in packets]


def _opened(order: EncodeSpan, stream: av.VideoStream) -> av.VideoCodecContext:
    encoder = av.VideoCodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = order.width, order.height, "yuv420p"
    encoder.time_base = Fraction(1, order.timescale)
    encoder.framerate = Fraction(order.fps or 30.0).limit_denominator(1001)
    encoder.flags |= Flags.global_header
    for name in _COLOURS:
        setattr(encoder, name, getattr(stream.codec_context, name))
    encoder.options = {
        **_OPTIONS,
        "bf": "3" if order.delay else "0",
        "profile": _PROFILES.get(order.profile, "high"),
        "level": f"{order.level / 10:.1f}",
        "x264-params": f"{_PARAMS}{order.set_id}",
    }
    encoder.open()
    return encoder


def _described(order: EncodeSpan, encoder: av.VideoCodecContext) -> LaneMade:
    track = Track(
        kind="video",
        codec=Codec.H264,
        timescale=order.timescale,
        config=bytes(encoder.extradata or b""),
        width=order.width,
        height=order.height,
        fps=order.fps,
    )
    return LaneMade(
        lane=0,
        init=init_segment(track),
        codec=codec_string(track),
        timescale=order.timescale,
        width=order.width,
        height=order.height,
        fps=order.fps,
    )
