"""Which time a clip covers. Pure."""

from __future__ import annotations

from typing import Final

from media.hls.reel import Reel
from server.http.errors import Problem, invalid_field

MAX_SECONDS: Final = 60
MAX_BYTES: Final = 256 * 1024 * 1024
AHEAD_S: Final = 5.0
"""A player's clock may be this far ahead of what is packaged: the end of what there is is meant."""
SHORT_S: Final = 0.5
"""The begin of a stream need not be there to the frame."""


def nothing_to_clip() -> Problem:
    return Problem(409, "The stream has nothing that could be clipped", slug="nothing-to-clip")


def span_of(
    reel: Reel, *, seconds: float, end_s: float | None, is_on_air: bool, shown_s: float = 0.0
) -> tuple[float, float]:
    """From when to when, in seconds of the media clock. Raises a 422 for a time that is not there, and a 409 where
    nothing was published in it. ``shown_s``: when what is left of a recording begins."""
    stop = reel.end_s if end_s is None else end_s
    if stop > reel.end_s + (AHEAD_S if is_on_air else SHORT_S):
        raise invalid_field("end_ms", f"lies in the future: the stream is at {(reel.end_s - shown_s) * 1000:.0f} ms")
    start = stop - seconds
    if start < reel.begin_s - SHORT_S:
        there = max(0.0, min(stop, reel.end_s) - reel.begin_s)
        field = "seconds" if stop > reel.begin_s else "end_ms"
        raise invalid_field(field, f"is more than there is: {there:.1f} s of the stream lie before this end")
    if sum(one.size for one in reel.stretches) > MAX_BYTES:
        raise invalid_field("seconds", f"is too much: a clip has at most {MAX_BYTES // 2**20} MiB")
    start, stop = max(start, reel.begin_s), min(stop, reel.end_s)
    if stop - start < SHORT_S or not any(_overlaps(one.start_s, one.duration_s, start, stop) for one in reel.stretches):
        raise nothing_to_clip()
    return start, stop


def _overlaps(start_s: float, duration_s: float, start: float, stop: float) -> bool:
    return start_s < stop and start_s + duration_s > start
