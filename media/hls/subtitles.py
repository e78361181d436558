"""Reads captions files: SubRip, and WebVTT (W3C) without its styles, regions and positions. Sans-I/O."""

from __future__ import annotations

import re
from typing import Final

from media.errors import MediaError
from media.hls.webvtt import Cue

MAX_TEXT: Final = 500
_TIME: Final = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_TIMES: Final = re.compile(rf"\s*{_TIME}\s+-->\s+{_TIME}(?:\s.*)?")
_TAG: Final = re.compile(r"</?[A-Za-z0-9.]*(?:\s[^<>]*)?>|\{\\[^{}]*\}")
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "", "&amp;": "&"}


class BadSubtitles(MediaError):
    """A file that is neither; says in which line."""


def parse(text: str, *, max_cues: int) -> list[Cue]:
    """The cues in order of time, their text plain. Raises ``BadSubtitles``."""
    found: list[Cue] = []
    lines = [*text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]
    at = 0
    while at < len(lines):
        times = _TIMES.fullmatch(lines[at])
        if times is None:
            if "-->" in lines[at]:
                raise BadSubtitles(f"line {at + 1} has no times that can be read")
            at += 1
            continue
        end = next(place for place in range(at + 1, len(lines) + 1) if place == len(lines) or not lines[place].strip())
        found += _cues(times.groups(), lines[at + 1 : end], at + 1)
        if len(found) > max_cues:
            raise BadSubtitles(f"there are more than {max_cues} cues")
        at = end
    if not found:
        raise BadSubtitles("there is no cue")
    return sorted(found, key=lambda cue: (cue.from_ms, cue.to_ms))


def _cues(times: tuple[str | None, ...], lines: list[str], number: int) -> list[Cue]:
    from_ms, to_ms = _ms(times[:4]), _ms(times[4:])
    if to_ms <= from_ms:
        raise BadSubtitles(f"line {number}: the cue ends before it begins")
    text = _plain("\n".join(lines)).strip()
    if len(text) > MAX_TEXT:
        raise BadSubtitles(f"line {number}: a cue has at most {MAX_TEXT} characters")
    return [Cue(from_ms=from_ms, to_ms=to_ms, text=text)] if text else []


def _ms(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def _plain(text: str) -> str:
    text = _TAG.sub("", text)
    for entity, char in _ENTITIES.items():
        text = text.replace(entity, char)
    return "".join(char for char in text if char == "\n" or char.isprintable())
