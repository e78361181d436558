"""Markers as WebVTT chapters (W3C WebVTT 1, 1.5). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from server.features.videos.markers.markers import Marker


def chapters(markers: Sequence[Marker], *, end_ms: int) -> str:
    """Each chapter lasts to the next one, the last to the end. Markers come in order of time; of several at one
    moment the last counts."""
    lines = ["WEBVTT", ""]
    for index, marker in enumerate(markers):
        until_ms = markers[index + 1].at_ms if index + 1 < len(markers) else end_ms
        if until_ms > marker.at_ms:
            lines += [f"{_time(marker.at_ms)} --> {_time(until_ms)}", _escaped(marker.label), ""]
    return "\n".join(lines)


def _time(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"


def _escaped(text: str) -> str:
    """Cue text has markup, and no arrow."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
