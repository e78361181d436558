"""Sound and pictures with known content, encoded by the real codecs, and what becomes of them when decoded."""

from __future__ import annotations

import array
import asyncio
import io
import itertools
import math
import time
from collections.abc import Callable
from fractions import Fraction

import av

from media.relay import End, Item, Relay
from media.transcode.tracks import OPUS_PRE_SKIP
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

Wave = Callable[[float], float]
_ENCODERS = {Codec.AAC: ("aac", "fltp"), Codec.OPUS: ("libopus", "flt")}
#: The layouts of more than two channels are those of ffmpeg's encoder that have no common channel configuration.
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1(side)", 8: "7.1"}
_DECODERS = {Codec.AAC: "aac", Codec.OPUS: "libopus"}


def tone(frequency: float) -> Wave:
    return lambda t: 0.3 * math.sin(2 * math.pi * frequency * t)


def burst(at: float, length: float = 0.01) -> Wave:
    """Silence but for 10 ms of 1 kHz."""
    return lambda t: 0.8 * math.sin(2 * math.pi * 1_000 * (t - at)) if at <= t < at + length else 0.0


def sound(
    codec: Codec, wave: Wave, *, seconds: float, rate: int = 48_000, channels: int = 2, start: float = 0.0
) -> tuple[Track, list[Unit]]:
    """The wave from ``start`` on; each unit's pts says exactly where its decoded samples belong."""
    name, sample_format = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    layout = _LAYOUTS[channels]
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, layout, sample_format, 128_000
    encoder.time_base = Fraction(1, rate)
    encoder.open()
    size = encoder.frame_size
    packets = []
    first = round(start * rate)
    for offset in range(0, round(seconds * rate), size):
        packets += encoder.encode(_frame(wave, first + offset, size, rate, channels, sample_format))
    packets += encoder.encode(None)
    track = Track(
        kind="audio",
        codec=codec,
        timescale=rate,
        config=bytes(encoder.extradata),
        sample_rate=rate,
        channels=channels,
    )
    units = [
        Unit(kind="audio", pts=p.pts, dts=p.pts, is_key=True, data=bytes(p), at=100.0 + p.pts / rate)
        for p in packets
        if p.pts >= 0
    ]
    return track, units


def _frame(wave: Wave, first: int, size: int, rate: int, channels: int, sample_format: str) -> av.AudioFrame:
    frame = av.AudioFrame(format=sample_format, layout=_LAYOUTS[min(channels, 2)], samples=size)
    values = [wave((first + index) / rate) for index in range(size)]
    if not frame.format.is_planar:
        values = [value for value in values for _ in range(channels)]
    for plane in frame.planes:
        raw = array.array("f", values).tobytes()
        plane.update(raw + bytes(plane.buffer_size - len(raw)))
    frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
    if channels > 2:
        (frame,) = av.AudioResampler(format=sample_format, layout=_LAYOUTS[channels], rate=rate).resample(frame)
    return frame


class Heard:
    """Decoded sound: the left channel, and when each sample is heard."""

    def __init__(self, track: Track, units: list[Unit]) -> None:
        decoder = av.CodecContext.create(_DECODERS[track.codec], "r")
        config = track.config
        if track.codec is Codec.OPUS:
            assert int.from_bytes(config[10:12], "little") in {0, OPUS_PRE_SKIP}
            config = config[:10] + bytes(2) + config[12:]
        decoder.extradata = config
        decoder.sample_rate, decoder.layout = track.sample_rate, "mono" if track.channels == 1 else "stereo"
        self.rate = track.timescale
        self.samples: list[float] = []
        self.times: list[float] = []
        self.channels = set()
        for unit in units:
            for frame in decoder.decode(av.Packet(unit.data)):
                self._receive(frame, unit.pts)

    def _receive(self, frame: av.AudioFrame, pts: int) -> None:
        assert frame.sample_rate == self.rate
        self.channels.add(frame.layout.nb_channels)
        step = 1 if frame.format.is_planar else frame.layout.nb_channels
        kind, scale = ("f", 1.0) if frame.format.name.startswith("flt") else ("h", 32_768.0)
        values = array.array(kind)
        values.frombytes(bytes(frame.planes[0])[: frame.samples * step * values.itemsize])
        self.samples += [value / scale for value in values[::step]]
        self.times += [(pts + index) / self.rate for index in range(frame.samples)]

    def frequency(self, since: float, until: float) -> float:
        """By counting zero crossings."""
        part = [(t, s) for t, s in zip(self.times, self.samples, strict=True) if since <= t < until]
        rises = [t for (t, s), (_, following) in itertools.pairwise(part) if s < 0 <= following]
        return (len(rises) - 1) / (rises[-1] - rises[0])

    def onset(self, level: float = 0.2) -> float:
        """When it is loud for the first time."""
        return next(t for t, s in zip(self.times, self.samples, strict=True) if abs(s) > level)

    def loudness(self, since: float, until: float) -> float:
        part = [s * s for t, s in zip(self.times, self.samples, strict=True) if since <= t < until]
        return math.sqrt(sum(part) / len(part)) if part else 0.0


class Ear:
    """A reader of a relay that collects everything."""

    def __init__(self, relay: Relay) -> None:
        self.items: list[Item] = []
        self._woken = asyncio.Event()
        self._reader = relay.subscribe(self._woken.set, max_units=100_000)

    async def until(self, enough: Callable[[Ear], bool]) -> Ear:
        async with asyncio.timeout(30):
            while True:
                self.items += self._reader.take()
                if enough(self):
                    return self
                self._woken.clear()
                await self._woken.wait()

    async def until_end(self) -> Ear:
        return await self.until(lambda ear: bool(ear.items) and isinstance(ear.items[-1], End))

    def units(self, kind: str) -> list[Unit]:
        return [item for item in self.items if isinstance(item, Unit) and item.kind == kind]


_VIDEO = {
    Codec.H264: ("libx264", "mp4", {"preset": "ultrafast"}),
    Codec.HEVC: ("libx265", "mp4", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    Codec.VP8: ("libvpx", "webm", {"deadline": "realtime", "cpu-used": "8"}),
}


def video(
    codec: Codec, *, width: int, height: int, frames: int = 1, aspect: str = "1:1", fps: int = 30, reorder: int = 0
) -> tuple[Track, list[Unit]]:
    """A picture that is red on the left and blue on the right, a key frame a second; ``reorder`` B-frames in a row."""
    name, container, options = _VIDEO[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        encoder = output.add_stream(name, rate=fps)
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.codec_context.gop_size = fps
        encoder.codec_context.sample_aspect_ratio = Fraction(aspect.replace(":", "/"))
        if codec is not Codec.VP8:
            encoder.codec_context.max_b_frames = reorder
        encoder.options = options
        for index in range(frames):
            output.mux(encoder.encode(_picture(width, height, index, fps)))
        output.mux(encoder.encode(None))
    file.seek(0)
    with av.open(file) as made:
        stream = made.streams.video[0]
        config = bytes(stream.codec_context.extradata or b"")
        track = Track(kind="video", codec=codec, timescale=VIDEO_TIMESCALE, config=config, width=width, height=height)
        return track, [_video_unit(packet) for packet in made.demux(stream) if packet.size]


def _video_unit(packet: av.Packet) -> Unit:
    pts, dts = (round(ticks * packet.time_base * VIDEO_TIMESCALE) for ticks in (packet.pts, packet.dts))
    return Unit(kind="video", pts=pts, dts=dts, is_key=packet.is_keyframe, data=bytes(packet), at=time.time())


def _picture(width: int, height: int, index: int, fps: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "rgb24")
    plane = frame.planes[0]
    line = bytes((200, 20, 20)) * (width // 2) + bytes((20, 20, 200)) * (width - width // 2)
    plane.update((line + bytes(plane.line_size - len(line))) * height)
    frame = frame.reformat(format="yuv420p")
    frame.pts, frame.time_base = index, Fraction(1, fps)
    return frame
