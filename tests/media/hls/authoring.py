"""Apple's authoring rules and RFC 8216bis for low-latency playlists, held against what a client is given in turn."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')


def attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def tag(text: str, name: str) -> str:
    """The line of a tag that comes once."""
    lines = [line for line in text.splitlines() if line == name or line.startswith(f"{name}:")]
    assert len(lines) == 1, (name, lines)
    return lines[0]


@dataclass
class Listed:
    """A segment: its lines without its parts, its length, its parts' lengths."""

    lines: tuple[str, ...]
    duration_s: float
    parts: list[float]


@dataclass
class Playlist:
    """A media playlist in pieces. ``skipped`` segments before the first are not listed."""

    text: str
    first: int = 0
    skipped: int = 0
    target_s: int = 0
    part_target_s: float = 0.0
    segments: list[Listed] = field(default_factory=list)
    open_parts: list[float] = field(default_factory=list)
    reports: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Playlist:
        found = cls(text)
        found.target_s = int(tag(text, "#EXT-X-TARGETDURATION").partition(":")[2])
        found.part_target_s = float(attributes(tag(text, "#EXT-X-PART-INF"))["PART-TARGET"])
        found.first = int(tag(text, "#EXT-X-MEDIA-SEQUENCE").partition(":")[2])
        if "#EXT-X-SKIP" in text:
            found.skipped = int(attributes(tag(text, "#EXT-X-SKIP"))["SKIPPED-SEGMENTS"])
        for line in text.splitlines():
            found._take(line)
        return found

    def __post_init__(self) -> None:
        self._lines: list[str] = []

    def _take(self, line: str) -> None:
        if line.startswith("#EXT-X-PART:"):
            self.open_parts.append(float(attributes(line)["DURATION"]))
        elif line.startswith("#EXT-X-RENDITION-REPORT:"):
            said = attributes(line)
            self.reports[said["URI"]] = (int(said["LAST-MSN"]), int(said.get("LAST-PART", -1)))
        elif line.startswith(("#EXTINF", "#EXT-X-GAP", "#EXT-X-DISCONTINUITY")) and "SEQUENCE" not in line:
            self._lines.append(line)
        elif line.endswith(".m4s") and not line.startswith("#"):
            length = next(float(each[8:-1]) for each in self._lines if each.startswith("#EXTINF"))
            self.segments.append(Listed((*self._lines, line), length, self.open_parts))
            self._lines, self.open_parts = [], []

    @property
    def numbers(self) -> range:
        begin = self.first + self.skipped
        return range(begin, begin + len(self.segments))


def check_playlist(playlist: Playlist, siblings: set[str]) -> None:
    """What must hold for one response. Lengths are printed with five digits."""
    control = attributes(tag(playlist.text, "#EXT-X-SERVER-CONTROL"))
    assert control["CAN-BLOCK-RELOAD"] == "YES"
    assert float(control["PART-HOLD-BACK"]) >= 3 * playlist.part_target_s - 0.001
    assert float(control["HOLD-BACK"]) >= 3 * playlist.target_s
    assert float(control["CAN-SKIP-UNTIL"]) >= 6 * playlist.target_s
    assert playlist.reports.keys() == siblings
    assert "#EXT-X-PRELOAD-HINT" in playlist.text
    for segment in playlist.segments:
        assert round(segment.duration_s) <= playlist.target_s
        if segment.parts:
            _check_parts(segment.parts, playlist.part_target_s, is_whole=True)
            assert abs(sum(segment.parts) - segment.duration_s) < 0.05
    _check_parts(playlist.open_parts, playlist.part_target_s, is_whole=False)
    listed_s = sum(segment.duration_s for segment in playlist.segments)
    assert playlist.skipped or listed_s >= 3 * playlist.target_s


def _check_parts(parts: list[float], target_s: float, *, is_whole: bool) -> None:
    """All but the last of a segment have 85% of the target at least (RFC 8216bis, 4.4.4.9)."""
    assert all(part <= target_s + 0.00001 for part in parts)
    assert all(part >= 0.85 * target_s for part in (parts[:-1] if is_whole else parts))


def check_succession(before: Playlist, after: Playlist) -> None:
    """A playlist changes only at its ends (RFC 8216bis, 6.2.1)."""
    assert (after.target_s, after.part_target_s) == (before.target_s, before.part_target_s)
    assert after.first >= before.first
    assert after.numbers.stop >= before.numbers.stop
    held = dict(zip(before.numbers, before.segments, strict=True))
    for number, segment in zip(after.numbers, after.segments, strict=True):
        assert number not in held or held[number].lines == segment.lines


def check_delta(whole: Playlist, delta: Playlist, before: Playlist) -> None:
    """With what its client holds, a delta is the whole (RFC 8216bis, 6.2.5.1)."""
    assert delta.first == whole.first
    assert delta.skipped
    known = {number: segment.lines for number, segment in zip(before.numbers, before.segments, strict=True)}
    given = {number: segment.lines for number, segment in zip(delta.numbers, delta.segments, strict=True)}
    assert [{**known, **given}[number] for number in whole.numbers] == [segment.lines for segment in whole.segments]


def check_dateranges(text: str) -> None:
    """RFC 8216bis, 4.4.5.1: dates need a date of the media, ids name one range each, attributes of ours begin with
    X-, and a range lasts no negative time."""
    lines = [line for line in text.splitlines() if line.startswith("#EXT-X-DATERANGE:")]
    ranges = [attributes(line) for line in lines]
    assert not ranges or "#EXT-X-PROGRAM-DATE-TIME:" in text
    assert len({each["ID"] for each in ranges}) == len(ranges)
    known = {"ID", "CLASS", "START-DATE", "DURATION"}
    for line, each in zip(lines, ranges, strict=True):
        assert {"ID", "START-DATE"} <= each.keys(), line
        assert all(name in known or name.startswith("X-") for name in each), line
        assert float(each.get("DURATION", "0")) >= 0, line
        assert line.count('"') % 2 == 0, line
