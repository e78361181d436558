"""The hashes of media segments, inside a worker. Importing this imports the codecs and numpy.

Sound is decoded whole. Of a work's pictures four a second are described, of a query's one a second; those of a large
query are its key frames, which are decoded alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from media.fingerprints.audio import OF_QUERY, OF_WORK, RATE, audio_hashes
from media.fingerprints.frames import SIDE, query_hashes, work_hashes
from media.fingerprints.messages import Fingerprint, Hash, Made, Refused, Result

EVERY_S: Final = {"work": 0.25, "query": 1.0}
SMALL_PIXELS: Final = 640 * 360
MAX_SAMPLES: Final = 3_600 * RATE


def fingerprint(order: Fingerprint) -> Result:
    """The hashes in order of time, or why there are none."""
    try:
        with av.open(BytesIO(order.data), "r", format="mp4") as container:
            return Made(_sound(container, order) if order.kind == "audio" else _pictures(container, order))
    except MemoryError:
        return Refused("the media takes too much memory")
    except (av.FFmpegError, ValueError, IndexError) as error:
        return Refused(f"{type(error).__name__}: the media cannot be decoded")


def _sound(container: av.container.InputContainer, order: Fingerprint) -> list[Hash]:
    density = OF_WORK if order.side == "work" else OF_QUERY
    return [each._replace(ms=each.ms + order.start_ms) for each in audio_hashes(_samples(container), density)]


def _samples(container: av.container.InputContainer) -> NDArray[np.float32]:
    """One channel at ``RATE``."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    parts: list[NDArray[np.float32]] = []
    count = 0
    for frame in container.decode(audio=0):
        for made in resampler.resample(frame):
            parts.append(np.frombuffer(bytes(made.planes[0]), np.float32, made.samples))
            count += made.samples
        if count > MAX_SAMPLES:
            break
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _pictures(container: av.container.InputContainer, order: Fingerprint) -> list[Hash]:
    describe = work_hashes if order.side == "work" else query_hashes
    return [each for ms, frame in _frames(container, order) for each in describe(frame, ms)]


def _frames(container: av.container.InputContainer, order: Fingerprint) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    stream = container.streams.video[0]
    context = stream.codec_context
    context.thread_count = 1
    if order.side == "query" and context.width * context.height > SMALL_PIXELS:
        context.skip_frame = "NONKEY"
    first: float | None = None
    due = -1.0
    for frame in container.decode(stream):
        at = float(frame.time or 0.0)
        first = at if first is None else first
        if at >= due:
            due = at + EVERY_S[order.side] * 0.99
            yield order.start_ms + round((at - first) * 1000), _grey(frame)


def _grey(frame: av.VideoFrame) -> NDArray[np.uint8]:
    small = frame.reformat(width=SIDE, height=SIDE, format="gray", interpolation="AREA")
    plane = small.planes[0]
    points: NDArray[np.uint8] = np.frombuffer(bytes(plane), np.uint8).reshape(SIDE, plane.line_size)[:, :SIDE]
    return points
