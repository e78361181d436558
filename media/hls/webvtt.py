"""WebVTT for HLS (RFC 8216bis, 3.1.4): cues of the media clock, cut like the segments of the pictures. Sans-I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import msgspec


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of the media clock, and plain text of one or more lines."""

    from_ms: int
    to_ms: int
    text: str


def whole_file(cues: Iterable[Cue]) -> str:
    """All cues, in their order."""
    return "WEBVTT\n\n" + "\n".join(_cue(cue) for cue in cues)


def segment_file(cues: Sequence[Cue], *, from_ms: int, to_ms: int) -> str:
    """The cues that are shown within a segment; one that spans several stands in each. MPEG-TS time 0 is media time 0,
    as it is in the segments of the pictures."""
    shown = "\n".join(_cue(cue) for cue in cues if cue.from_ms < to_ms and cue.to_ms > from_ms)
    return f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n{shown}"


def _cue(cue: Cue) -> str:
    lines = [escape(line, quote=False) for line in cue.text.splitlines() if line.strip()]
    return f"{_time(cue.from_ms)} --> {_time(cue.to_ms)}\n" + "\n".join(lines) + "\n"


def _time(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
