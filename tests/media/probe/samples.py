"""Small files of pictures and sound, made once."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import av


@cache
def sample(
    container: str = "mp4",
    *,
    video: str | None = "mpeg4",
    audio: str | None = "aac",
    size: tuple[int, int] = (160, 90),
    frames: int = 12,
    options: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Grey pictures, 25 in a second, and as much silence."""
    with NamedTemporaryFile() as made:
        _write(made.name, container, video, audio, size, frames, options)
        return Path(made.name).read_bytes()


def _write(
    path: str,
    container: str,
    video: str | None,
    audio: str | None,
    size: tuple[int, int],
    frames: int,
    options: tuple[tuple[str, str], ...],
) -> None:
    with av.open(path, "w", format=container, options=dict(options)) as out:
        pictures: Any = out.add_stream(video, rate=25) if video else None
        sound: Any = out.add_stream(audio, rate=48_000, layout="stereo") if audio else None
        if pictures is not None:
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
            pictures.gop_size = 100
            for number in range(frames):
                frame = av.VideoFrame(*size, pictures.pix_fmt)
                for plane in frame.planes:
                    plane.update(bytes([128]) * plane.buffer_size)
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(pictures.encode(frame))
            out.mux(pictures.encode(None))
        if sound is not None:
            for number in range(frames * 48_000 // 25 // 1_024):
                silence = av.AudioFrame("fltp" if audio != "pcm_s16le" else "s16", "stereo", 1_024)
                for plane in silence.planes:
                    plane.update(bytes(plane.buffer_size))
                silence.rate, silence.pts, silence.time_base = 48_000, number * 1_024, Fraction(1, 48_000)
                out.mux(sound.encode(silence))
            out.mux(sound.encode(None))
