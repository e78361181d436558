"""Cuts a clip out of segments: one MP4 file that is also what HLS plays, by ranges. Sans-I/O, nothing is re-encoded.

A clip begins with the segments that hold its first moment, since only segments begin with a key frame, and ends with
the fragment that holds its last. What lies before the first moment is hidden by the MP4's edit list; HLS players are
told where to begin (EXT-X-START).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from media.hls.cmaf import BadSegment, Fragment, read_fragments, read_init
from media.hls.movie import MovieTrack, movie_head

VERSION_LINES: Final = ("#EXTM3U", "#EXT-X-VERSION:7")


class Piece(msgspec.Struct, frozen=True):
    """A segment, and its initialisation."""

    init: bytes
    data: bytes


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """``size`` bytes at ``at`` of the file: a segment's. ``init_at`` and ``init_size``: its initialisation. ``start_s``
    is on the media clock. ``breaks``: it does not go on where the last one ended."""

    at: int
    size: int
    init_at: int
    init_size: int
    start_s: float
    duration_s: float
    breaks: bool = False


class Film(msgspec.Struct, frozen=True):
    """A whole file, in pieces, and for each rendition which of its ranges are segments."""

    parts: list[bytes]
    extents: dict[str, list[Extent]]

    @property
    def size(self) -> int:
        return sum(len(part) for part in self.parts)


class _Kept(msgspec.Struct):
    """What is taken of one segment."""

    rendition: str
    piece: Piece
    fragments: list[Fragment]
    start: Fraction
    duration: Fraction
    at: int = 0
    init_at: int = 0


def cut(renditions: Mapping[str, Sequence[Piece]], *, start: Fraction, stop: Fraction) -> Film:
    """The film from ``start`` to ``stop``, seconds of the media clock. Segments of a rendition come in order.

    Raises ``BadSegment`` for what cannot be read, and when nothing lies in that time.
    """
    tracks: dict[str, MovieTrack] = {}
    kept: list[_Kept] = []
    for name, pieces in renditions.items():
        if pieces:
            tracks[name] = MovieTrack(read_init(pieces[0].init))
            kept += _within(name, pieces, start, stop)
    kept.sort(key=lambda one: (one.start, one.rendition))
    content = _laid_out(kept)
    for one in kept:
        track = tracks[one.rendition]
        track.use(read_init(one.piece.init))
        for fragment in one.fragments:
            track.add(fragment, one.at + fragment.data_at)
    head = movie_head(list(tracks.values()), content_bytes=sum(map(len, content)), span=(start, stop))
    return Film([head, *content], _extents(kept, len(head)))


def _within(name: str, pieces: Sequence[Piece], start: Fraction, stop: Fraction) -> list[_Kept]:
    """From the segment on that can be decoded by itself."""
    found = []
    for piece in pieces:
        rate = read_init(piece.init).timescale
        fragments = [each for each in read_fragments(piece.data) if Fraction(each.decode_time, rate) < stop]
        if not fragments:
            continue
        begin, last = fragments[0].decode_time, fragments[-1]
        end = last.decode_time + sum(last.durations)
        found.append(_Kept(name, piece, fragments, Fraction(begin, rate), Fraction(end - begin, rate)))
    first = next((at for at, one in enumerate(found) if one.start + one.duration > start), len(found))
    while 0 < first < len(found) and not found[first].fragments[0].keys[0]:
        first -= 1
    return found[first:]


def _laid_out(kept: Sequence[_Kept]) -> list[bytes]:
    """The content of ``mdat``: each initialisation once, before the first segment that needs it."""
    content: list[bytes] = []
    inits: dict[bytes, int] = {}
    at = 0
    for one in kept:
        if one.piece.init not in inits:
            inits[one.piece.init] = at
            content.append(one.piece.init)
            at += len(one.piece.init)
        one.init_at, one.at = inits[one.piece.init], at
        data = one.piece.data[: one.fragments[-1].end]
        content.append(data)
        at += len(data)
    return content


def _extents(kept: Sequence[_Kept], base: int) -> dict[str, list[Extent]]:
    found: dict[str, list[Extent]] = {}
    ends: dict[str, tuple[Fraction, bytes]] = {}
    for one in kept:
        expected = ends.get(one.rendition, (one.start, one.piece.init))
        is_break = abs(one.start - expected[0]) > Fraction(1, 10) or one.piece.init != expected[1]
        ends[one.rendition] = (one.start + one.duration, one.piece.init)
        found.setdefault(one.rendition, []).append(
            Extent(
                base + one.at, one.fragments[-1].end, base + one.init_at, len(one.piece.init),
                float(one.start), float(one.duration), is_break,
            )
        )  # fmt: skip
    return found


def render_extents(extents: Sequence[Extent], *, uri: str, start_s: float) -> str:
    """The media playlist of a rendition: byte ranges of the file at ``uri``. ``start_s``: where players begin, on the
    media clock. Raises ``BadSegment`` for no extents."""
    if not extents:
        raise BadSegment("no segments")
    target = max(1, round(max(extent.duration_s for extent in extents)))
    offset = max(0.0, start_s - extents[0].start_s)
    lines = [
        *VERSION_LINES,
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *([f"#EXT-X-START:TIME-OFFSET={offset:.3f},PRECISE=YES"] if offset else []),
    ]
    init = -1
    for extent in extents:
        if extent.breaks:
            lines.append("#EXT-X-DISCONTINUITY")
        if extent.init_at != init or extent.breaks:
            init = extent.init_at
            lines.append(f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{extent.init_size}@{extent.init_at}"')
        lines += [f"#EXTINF:{extent.duration_s:.5f},", f"#EXT-X-BYTERANGE:{extent.size}@{extent.at}", uri]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
