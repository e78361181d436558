"""The lines of media playlists (RFC 8216bis, 4.4.4) for one segment each. Sans-I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from media.hls.listing import PartInfo, SegmentInfo


def before_segment(info: SegmentInfo, init: str, *, is_first: bool) -> Iterator[str]:
    """The lines before a segment. ``init`` is the initialisation that is in force, which the first segment of a
    playlist repeats, also where it is a gap without one of its own."""
    named = info.init_uri or (init if is_first else "")
    if info.is_discontinuity:
        yield "#EXT-X-DISCONTINUITY"
    if named and (is_first or named != init or (info.init_uri and info.is_discontinuity)):
        yield f'#EXT-X-MAP:URI="{named}"'
    if info.program_date_time is not None and (is_first or info.is_discontinuity or info.number % 8 == 0):
        yield f"#EXT-X-PROGRAM-DATE-TIME:{date(info.program_date_time)}"


def part_lines(parts: Iterable[PartInfo]) -> Iterator[str]:
    for part in parts:
        independent = ",INDEPENDENT=YES" if part.is_independent else ""
        yield f'#EXT-X-PART:DURATION={part.duration_s:.5f},URI="{part.uri}"{independent}'


def whole_lines(info: SegmentInfo) -> Iterator[str]:
    if info.is_gap:
        yield "#EXT-X-GAP"
    yield f"#EXTINF:{info.duration_s:.5f},"
    yield info.uri


def key_lines(info: SegmentInfo, init: str, *, is_first: bool) -> Iterator[str]:
    """The segment in an I-frame playlist: the range of its first picture, which is shown until the next segment's. One
    that does not begin with a key frame is a gap, so that segments have their numbers there too."""
    yield from before_segment(info, init, is_first=is_first)
    if info.is_gap or not info.key_bytes:
        yield "#EXT-X-GAP"
    yield f"#EXTINF:{info.duration_s:.5f},"
    if info.key_bytes and not info.is_gap:
        yield f"#EXT-X-BYTERANGE:{info.key_bytes}@0"
    yield info.uri


def date(at: float) -> str:
    """Seconds since the epoch as RFC 3339, in UTC and milliseconds."""
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
