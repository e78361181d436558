"""WebVTT in fragmented MP4 (ISO/IEC 14496-30, 7), as DASH players take captions of live streams. Sans-I/O.

One track of text whose samples lie end to end: each holds the cues that are shown during all of it, or says that there
are none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from media.hls.fmp4 import SEGMENT_TYPE, Sample, box, chunk, full_box, movie_box, track_box
from media.hls.webvtt import Cue

TIMESCALE: Final = 1000
CODEC: Final = "wvtt"
_NO_CUES: Final = box(b"vtte")


def init_file() -> bytes:
    """The initialisation of any such track."""
    entry = box(b"wvtt", struct.pack(">6xH", 1), box(b"vttC", b"WEBVTT"))
    header = full_box(b"nmhd", 0, 0)
    return movie_box(track_box(TIMESCALE, (b"text", b"text\0"), header, entry))


def segment_file(cues: Sequence[Cue], *, number: int, from_ms: int, to_ms: int) -> bytes:
    """What is shown from ``from_ms`` to ``to_ms`` of the media clock, a time that is not empty."""
    shown = [cue for cue in cues if cue.from_ms < to_ms and cue.to_ms > from_ms]
    return SEGMENT_TYPE + chunk(number, [*_samples(shown, from_ms, to_ms)])


def _samples(cues: Sequence[Cue], from_ms: int, to_ms: int) -> Iterator[Sample]:
    inner = {at for cue in cues for at in (cue.from_ms, cue.to_ms) if from_ms < at < to_ms}
    edges = sorted({from_ms, to_ms, *inner})
    for begin, end in pairwise(edges):
        boxes = [_cue_box(cue) for cue in cues if cue.from_ms < end and cue.to_ms > begin]
        data = b"".join(boxes) or _NO_CUES
        yield Sample(begin, begin, end - begin, True, data)


def _cue_box(cue: Cue) -> bytes:
    lines = [escape(line, quote=False) for line in cue.text.splitlines() if line.strip()]
    return box(b"vttc", box(b"payl", "\n".join(lines).encode()))
