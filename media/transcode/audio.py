"""Sound from one codec to another, inside a worker. Importing this imports the codecs.

The pts of what comes out are counted in samples from the pts of what went in, so that nothing drifts: a source whose
clock is a little off is stretched by up to 0.2% until the two agree again, a packet that is missing becomes silence, a
longer gap stays a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import av
from av.filter import Graph

from media.transcode.messages import CodecLane
from media.unit import Codec, Track, Unit

MAX_GAP_S = Fraction(50, 1000)
#: Above 2 ms stretch by 100 samples a second; above 18 ms (a lost packet) fill with silence at once.
_RESAMPLE = "async=100:min_comp=0.002:comp_duration=1:min_hard_comp=0.018"
_DECODERS = {Codec.AAC: "aac", Codec.OPUS: "libopus"}
_ENCODERS = {Codec.AAC: ("aac", "fltp", 1024), Codec.OPUS: ("libopus", "flt", 960)}
_MAX_ORIGINS = 512


class AudioLane:
    """Units of one track in, units of another out. Raises ``av.FFmpegError`` for a unit that cannot be decoded.

    ``track`` is what comes out.
    """

    def __init__(self, lane: CodecLane) -> None:
        self.track = lane.target
        self._source = lane.source
        self._lane = lane
        self._decoder = open_audio_decoder(lane.source)
        self._line: _Line | None = None
        self._next: Fraction | None = None
        self._sent_until: int | None = None
        self._origins: deque[tuple[Fraction, float]] = deque(maxlen=_MAX_ORIGINS)

    def feed(self, unit: Unit) -> list[Unit]:
        """What is ready after this unit."""
        packet = av.Packet(unit.data)
        packet.pts = packet.dts = unit.pts
        packet.time_base = Fraction(1, self._source.timescale)
        made: list[Unit] = []
        start = Fraction(unit.pts, self._source.timescale)
        for frame in self._decoder.decode(packet):
            made += self._convert(frame, start, unit.at)
            start += Fraction(frame.samples, frame.sample_rate)
        return made

    def finish(self) -> list[Unit]:
        """What is still held. The next unit begins a new line."""
        line, self._line, self._next = self._line, None, None
        return [] if line is None else self._units(line.finish())

    def _convert(self, frame: av.AudioFrame, start: Fraction, at: float) -> list[Unit]:
        made: list[Unit] = []
        line = self._line
        if line is None or not line.takes(frame) or self._next is None or abs(start - self._next) > MAX_GAP_S:
            made = self.finish()
            line = _Line(self._lane, frame, start)
        self._line = None  # Unless what follows succeeds: a line that failed is not gone on with.
        self._next = start + Fraction(frame.samples, frame.sample_rate)
        self._origins.append((start, at))
        made += self._units(line.feed(frame, start))
        self._line = line
        return made

    def _units(self, packets: Iterator[tuple[int, int, bytes]]) -> list[Unit]:
        """Never back in time, never before zero: a packet there holds nothing but the encoder's run-up."""
        units: list[Unit] = []
        for pts, samples, data in packets:
            if pts < 0 or (self._sent_until is not None and pts < self._sent_until):
                continue
            self._sent_until = pts + samples
            units.append(Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=data, at=self._origin(pts)))
        return units

    def _origin(self, pts: int) -> float:
        """The ``at`` of the unit that holds the packet's first sample."""
        start = Fraction(pts, self.track.timescale)
        while len(self._origins) > 1 and self._origins[1][0] <= start:
            self._origins.popleft()
        return self._origins[0][1]


class _Line:
    """Decoded sound without a gap: resampler and encoder from one starting point on."""

    def __init__(self, lane: CodecLane, first: av.AudioFrame, start: Fraction) -> None:
        target = lane.target
        name, sample_format, self._samples = _ENCODERS[target.codec]
        layout = "mono" if target.channels == 1 else "stereo"
        self._encoder = _open_encoder(name, sample_format, layout, target.timescale, lane.bit_rate)
        self._shape = _shape(first)
        self._rate = target.timescale
        self._graph = _graph(first, sample_format, layout, target.timescale, self._samples)
        self._start = round(start * target.timescale)
        #: AAC's run-up is a packet of its own and silent; Opus' run-up is a part of the first packet.
        self._skip_before = self._start if target.codec is Codec.AAC else self._start - self._samples
        self._count = 0

    def takes(self, frame: av.AudioFrame) -> bool:
        """Whether this sound has the same shape as what went before."""
        return _shape(frame) == self._shape

    def feed(self, frame: av.AudioFrame, start: Fraction) -> Iterator[tuple[int, int, bytes]]:
        """Packets that are ready: pts, samples, data."""
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(start * frame.sample_rate)
        self._graph.push(frame)
        yield from self._drain()

    def finish(self) -> Iterator[tuple[int, int, bytes]]:
        """The rest."""
        self._graph.push(None)
        yield from self._drain()
        yield from self._packets(None)

    def _drain(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            frame.pts = self._start + self._count
            frame.time_base = Fraction(1, self._rate)
            self._count += frame.samples
            yield from self._packets(frame)

    def _packets(self, frame: av.AudioFrame | None) -> Iterator[tuple[int, int, bytes]]:
        for packet in self._encoder.encode(frame):
            if packet.pts is not None and packet.pts >= self._skip_before:
                yield packet.pts, self._samples, bytes(packet)


def _shape(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def open_audio_decoder(track: Track) -> av.AudioCodecContext:
    decoder = av.AudioCodecContext.create(_DECODERS[track.codec], "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = _without_pre_skip(track) or None
    decoder.sample_rate = track.sample_rate or track.timescale
    if track.channels in {1, 2}:
        decoder.layout = "mono" if track.channels == 1 else "stereo"
    decoder.thread_count = 1
    return decoder


def _without_pre_skip(track: Track) -> bytes:
    """The decoder would cut the run-up from the first packet without moving its pts: every packet is to be whole."""
    config = track.config
    is_head = track.codec is Codec.OPUS and len(config) >= 19
    return config[:10] + bytes(2) + config[12:] if is_head else config


def _open_encoder(name: str, sample_format: str, layout: str, rate: int, bit_rate: int) -> av.AudioCodecContext:
    encoder = av.AudioCodecContext.create(name, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = rate
    encoder.layout = layout
    encoder.format = sample_format
    encoder.bit_rate = bit_rate
    encoder.time_base = Fraction(1, rate)
    encoder.open()
    return encoder


def _graph(first: av.AudioFrame, sample_format: str, layout: str, rate: int, samples: int) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_abuffer(
            sample_rate=first.sample_rate,
            format=first.format.name,
            layout=first.layout.name,
            time_base=Fraction(1, first.sample_rate),
        ),
        graph.add("aresample", f"{rate}:{_RESAMPLE}"),
        graph.add("aformat", f"sample_fmts={sample_format}:sample_rates={rate}:channel_layouts={layout}"),
        graph.add("asetnsamples", f"n={samples}:p=0"),
        graph.add("abuffersink"),
    ]
    for node, following in pairwise(nodes):
        node.link_to(following)
    graph.configure()
    return graph
