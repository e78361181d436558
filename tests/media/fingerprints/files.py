"""Made sound and pictures as fragmented MP4, as segments are."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

from media.fingerprints.audio import RATE, Floats

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def sound_file(samples: Floats) -> bytes:
    """AAC of ``RATE`` samples a second."""
    held = BytesIO()
    with av.open(held, "w", format="mp4", options=FRAGMENTED) as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE, frame_size=1_024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return held.getvalue()


def film_file(frames: NDArray[np.uint8]) -> bytes:
    """H.264 of eight grey frames a second, a key frame each second."""
    held = BytesIO()
    with av.open(held, "w", format="mp4", options=FRAGMENTED) as out:
        stream = out.add_stream("libx264", rate=8, options={"preset": "ultrafast", "g": "8"})
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for grey in frames:
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return held.getvalue()


def split(file: bytes) -> tuple[bytes, bytes]:
    """The initialisation segment, and the rest as one media segment."""
    at = file.index(b"moof") - 4
    return file[:at], file[at:]
