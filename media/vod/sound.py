"""The sound of a file to segments of AAC, as loud as the rest. Imports the codecs.

The loudness of the whole is measured first (ITU-R BS.1770, EBU R 128), then one gain is given to all of it, so that
its dynamics stay; a limiter holds back what would be above −1 dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
from av.codec.context import Flags
from av.filter import Graph

from media.hls.codecs import codec_string
from media.hls.fmp4 import init_segment
from media.unit import Codec, Track
from media.vod.cutter import Cutter
from media.vod.messages import SOUND_RATE, EncodeSound, LaneMade, SegmentMade
from media.vod.source import begin_s, opened, sound_of

TARGET_LUFS: Final = -16.0
MAX_GAIN_DB: Final = 20.0
#: The meter's lowest value: there is nothing to be heard.
SILENT_LUFS: Final = -69.0
_FRAME: Final = 1_024
_BIT_RATE: Final = 128_000
_CHANNELS: Final = 2
_LIMIT: Final = "0.891"
_FORMAT: Final = ("aformat", f"sample_fmts=fltp:sample_rates={SOUND_RATE}:channel_layouts=stereo")

Made = LaneMade | SegmentMade


def encode_sound(order: EncodeSound) -> Iterator[Made]:
    """The initialisation, then the segments. Raises ``SourceRefusedError``, ``av.FFmpegError``."""
    gain_db = gain_of(loudness(order.path))
    encoder = _opened()
    track = _track(encoder)
    cutter = Cutter(lane=0, timescale=SOUND_RATE, have=order.have, usual=_FRAME)
    yield LaneMade(
        lane=0, init=init_segment(track), codec=codec_string(track), timescale=SOUND_RATE, channels=_CHANNELS
    )
    loud = [("volume", f"{gain_db:.2f}dB"), ("alimiter", f"limit={_LIMIT}:level=0")]
    for frame in _filtered(order.path, loud, whole_frames=True):
        yield from _cut(encoder.encode(frame), cutter)
    yield from _cut(encoder.encode(None), cutter)
    yield from cutter.finish()


def loudness(path: str) -> float:
    """LUFS of all of it."""
    level = SILENT_LUFS
    for frame in _filtered(path, [("ebur128", "metadata=1")]):
        level = float(frame.metadata.get("lavfi.r128.I", level))
    return level


def gain_of(lufs: float) -> float:
    """dB, to ``TARGET_LUFS``; 0 for silence."""
    return 0.0 if lufs <= SILENT_LUFS else min(MAX_GAIN_DB, TARGET_LUFS - lufs)


def _cut(packets: list[av.Packet[av.AudioStream]], cutter: Cutter) -> Iterator[SegmentMade]:
    """Without the packet before the beginning, with which the encoder starts up."""
    for packet in packets:
        if packet.pts is not None and packet.pts >= 0:
            yield from cutter.add(packet.pts, is_key=True, data=bytes(packet))


def _filtered(path: str, steps: list[tuple[str, str]], *, whole_frames: bool = False) -> Iterator[av.AudioFrame]:
    """The sound through these filters, from the file's beginning, with silence where there is none."""
    with opened(path) as container:
        stream = sound_of(container)
        if stream is None:
            return
        line = _Line(steps, begin_s(container), whole_frames=whole_frames)
        for packet in _packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                yield from line.feed(frame)
        yield from line.finish()


def _packets(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.Packet[av.AudioStream]]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


class _Line:
    """A graph of filters that is made anew when the sound's form changes."""

    def __init__(self, steps: list[tuple[str, str]], begin: float, *, whole_frames: bool) -> None:
        self._steps = steps
        self._begin = begin
        self._whole = whole_frames
        self._graph: Graph | None = None
        self._shape: tuple[str, str, int] | None = None

    def feed(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        if frame.pts is None or frame.time_base is None:
            return
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None:
            self._graph, self._shape = self._made(frame), shape
        if shape != self._shape:  # a form in the middle of a file that is not the beginning's
            return
        frame.pts = round((float(frame.pts * frame.time_base) - self._begin) * frame.sample_rate)
        frame.time_base = Fraction(1, frame.sample_rate)
        self._graph.push(frame)
        yield from self._drained()

    def finish(self) -> Iterator[av.AudioFrame]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._drained()

    def _drained(self) -> Iterator[av.AudioFrame]:
        assert self._graph is not None
        while True:
            try:
                made = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(made, av.AudioFrame)
            yield made

    def _made(self, frame: av.AudioFrame) -> Graph:
        graph = Graph()
        last = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        steps = [("aresample", f"{SOUND_RATE}:async=1:first_pts=0"), _FORMAT, *self._steps, _FORMAT]
        if self._whole:
            steps.append(("asetnsamples", f"n={_FRAME}:p=0"))
        for name, options in steps:
            following = graph.add(name, options)
            last.link_to(following)
            last = following
        last.link_to(graph.add("abuffersink"))
        graph.configure()
        return graph


def _opened() -> av.AudioCodecContext:
    encoder = av.AudioCodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.format, encoder.layout = SOUND_RATE, "fltp", "stereo"
    encoder.bit_rate, encoder.time_base = _BIT_RATE, Fraction(1, SOUND_RATE)
    encoder.flags |= Flags.global_header
    encoder.open()
    return encoder


def _track(encoder: av.AudioCodecContext) -> Track:
    return Track(
        kind="audio",
        codec=Codec.AAC,
        timescale=SOUND_RATE,
        config=bytes(encoder.extradata or b""),
        sample_rate=SOUND_RATE,
        channels=_CHANNELS,
    )
