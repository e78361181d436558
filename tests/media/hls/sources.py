"""Units to test with: made by hand, or encoded from a synthetic picture and a tone."""

from __future__ import annotations

import array
import io
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import av

from media.relay import Item, Tracks
from media.unit import Codec, Track, Unit

#: 1280x720 main profile, and 48 kHz stereo AAC-LC.
AVCC = bytes.fromhex("014d401fffe1001a674d401fe8802802dd80b5010101400000fa40003a9803c60c448001000468ebef20")
ASC = bytes.fromhex("1190")
VIDEO = Track(kind="video", codec=Codec.H264, timescale=90_000, config=AVCC, width=1280, height=720, fps=30.0)
AUDIO = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=ASC, sample_rate=48_000, channels=2)
START_AT = 1_700_000_000.0


def video(at_ms: float, *, key: bool = False, pts_ms: float | None = None, size: int = 100) -> Unit:
    dts, pts = round(at_ms * 90), round((at_ms if pts_ms is None else pts_ms) * 90)
    return Unit(kind="video", pts=pts, dts=dts, is_key=key, data=bytes(size), at=START_AT + at_ms / 1000)


def sound(frame: int, *, from_ms: float = 0) -> Unit:
    pts = round(from_ms * 48) + frame * 1024
    return Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=b"a" * 10, at=START_AT + pts / 48_000)


def pictures(seconds: float, *, fps: float = 30, gop: int = 60, from_ms: float = 0) -> list[Unit]:
    """A video of equal frames with a key frame every ``gop``."""
    return [video(from_ms + n * 1000 / fps, key=n % gop == 0) for n in range(round(seconds * fps))]


def sounds(seconds: float, *, from_ms: float = 0) -> list[Unit]:
    return [sound(n, from_ms=from_ms) for n in range(int(seconds * 48_000 / 1024))]


def mixed(*runs: Sequence[Unit]) -> list[Unit]:
    """Several tracks' units in the order in which they would arrive."""
    return sorted((unit for run in runs for unit in run), key=lambda unit: unit.at)


def live(*tracks: Track, units: Iterable[Unit]) -> list[Item]:
    return [Tracks(tracks), *units]


class Encoded:
    """Real units of a synthetic encode, at most one track of each kind, and what was encoded."""

    def __init__(self, tracks: tuple[Track, ...], units: list[Unit]) -> None:
        self.tracks = tracks
        self.units = units

    def of(self, kind: str) -> list[Unit]:
        return [unit for unit in self.units if unit.kind == kind]


_CODECS = {
    "libx264": Codec.H264,
    "libx265": Codec.HEVC,
    "libsvtav1": Codec.AV1,
    "libvpx-vp9": Codec.VP9,
    "aac": Codec.AAC,
    "libopus": Codec.OPUS,
}


def encode(
    *,
    video_codec: str | None = "libx264",
    audio_codec: str | None = "aac",
    seconds: float = 5,
    fps: int = 30,
    gop: int = 60,
    size: tuple[int, int] = (160, 96),
    options: dict[str, str] | None = None,
    from_ms: int = 0,
) -> Encoded:
    """Encode to a whole MP4 and take it apart again: length-prefixed units and configuration records."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"video_track_timescale": "90000"}) as out:
        streams = []
        if video_codec:
            streams.append(_video_stream(out, video_codec, fps, gop, size, options or {}))
        if audio_codec:
            streams.append(out.add_stream(audio_codec, rate=48_000, layout="stereo"))
        for stream in streams:
            frames = _frames(seconds, fps, size) if stream.type == "video" else _tone(seconds, stream)
            for frame in frames:
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    file.seek(0)
    return _taken_apart(file, [name for name in (video_codec, audio_codec) if name], fps, from_ms)


def _video_stream(out, codec, fps, gop, size, options):
    stream = out.add_stream(codec, rate=fps)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.gop_size = gop
    presets = {"libx264": {"preset": "ultrafast", "sc_threshold": "0"}, "libx265": {"preset": "ultrafast"}}
    stream.options = {**presets.get(codec, {}), **options}
    if codec == "libx265":
        stream.options["x265-params"] = f"keyint={gop}:min-keyint={gop}:scenecut=0:log-level=none"
        stream.codec_tag = "hvc1"
    return stream


def _frames(seconds, fps, size):
    width, height = size
    for n in range(round(seconds * fps)):
        frame = av.VideoFrame(width, height, "yuv420p")
        row = bytes((n * 5 + x) % 256 for x in range(frame.planes[0].line_size))
        frame.planes[0].update(row * height)
        for plane in frame.planes[1:]:
            plane.update(bytes((n % 256,)) * plane.buffer_size)
        frame.pts, frame.time_base = n, Fraction(1, fps)
        yield frame


def _tone(seconds, stream):
    is_opus = stream.codec_context.name == "libopus"
    step, form = (960, "flt") if is_opus else (1024, "fltp")
    for n in range(int(seconds * 48_000) // step):
        wave = array.array("f", (0.2 * math.sin(math.tau * 440 * (x + n * step) / 48_000) for x in range(step)))
        frame = av.AudioFrame(format=form, layout="stereo", samples=step)
        both = array.array("f", (value for value in wave for _ in range(2))) if is_opus else wave
        for plane in frame.planes:
            plane.update(both.tobytes()[: plane.buffer_size].ljust(plane.buffer_size, bytes(1)))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, n * step, Fraction(1, 48_000)
        yield frame


def _taken_apart(file, names, fps, from_ms):
    tracks, units = [], []
    with av.open(file) as source:
        for name, stream in zip(names, source.streams, strict=True):
            context, kind = stream.codec_context, stream.type
            tracks.append(
                Track(
                    kind=kind,
                    codec=_CODECS[name],
                    timescale=90_000 if kind == "video" else 48_000,
                    config=bytes(context.extradata or b""),
                    fps=float(fps) if kind == "video" else 0.0,
                )
            )
        for packet in source.demux():
            if packet.size:
                units.append(_unit(packet, from_ms))
    base = min((unit.dts * 8 if unit.kind == "video" else unit.dts * 15) for unit in units)
    shift = max(0, -base)
    for unit in units:
        ticks = -(-shift // (8 if unit.kind == "video" else 15))
        unit.pts += ticks
        unit.dts += ticks
    units.sort(key=lambda unit: unit.at)
    return Encoded(tuple(tracks), units)


def _unit(packet, from_ms):
    scale = 90_000 if packet.stream.type == "video" else 48_000
    ticks = packet.time_base * scale
    pts, dts = int(packet.pts * ticks) + from_ms * scale // 1000, int(packet.dts * ticks) + from_ms * scale // 1000
    return Unit(
        kind=packet.stream.type,
        pts=pts,
        dts=dts,
        is_key=packet.is_keyframe,
        data=bytes(packet),
        at=START_AT + dts / scale,
    )
