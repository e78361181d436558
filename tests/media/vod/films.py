"""Small files as people send them, made by the codecs themselves."""

from __future__ import annotations

import io
import math
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

RATE = 48_000


def film(
    *,
    seconds: float = 2,
    size: tuple[int, int] = (160, 90),
    fps: int | Fraction = 15,
    container: str = "mp4",
    sounds: int = 1,
    videos: int = 1,
    volume: float = 0.1,
    options: dict[str, str] | None = None,
) -> bytes:
    """H.264 and AAC: a grey that grows lighter, and a tone."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as out:
        pictures = [_pictures(out, size, fps) for _ in range(videos)]
        tones = [out.add_stream("aac", rate=RATE, layout="mono") for _ in range(sounds)]
        for stream in pictures:
            for number in range(round(seconds * fps)):
                out.mux(stream.encode(_grey(number, size)))
            out.mux(stream.encode(None))
        for stream in tones:
            for frame in _tone(seconds, volume):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return file.getvalue()


def _pictures(out: Any, size: tuple[int, int], fps: int | Fraction) -> Any:
    stream = out.add_stream("libx264", rate=fps)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.options = {"preset": "ultrafast"}
    return stream


def _grey(number: int, size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([(64 + number * 2) % 256]) * plane.buffer_size)
    frame.pts = number
    return frame


def _tone(seconds: float, volume: float) -> Any:
    """Of 937.5 Hz, so that all frames are the same."""
    samples = array("f", (volume * math.sin(2 * math.pi * 20 * n / 1024) for n in range(1024))).tobytes()
    for start in range(0, round(seconds * RATE), 1024):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def written(folder: Path, data: bytes) -> str:
    path = folder / "original"
    path.write_bytes(data)
    return str(path)
