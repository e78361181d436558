"""Moments of a stream that playlists and manifests tell players of: EXT-X-DATERANGE (RFC 8216bis, 4.4.5.1) and the
events of a DASH EventStream (ISO/IEC 23009-1, 5.10.2). Sans-I/O.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Final, Protocol
from xml.sax.saxutils import escape

import msgspec

from media.hls.lines import date
from media.hls.listing import SegmentInfo

SCHEME: Final = "urn:socialflow:mark:2026"
TIMESCALE: Final = 1000


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """``at_ms``: on the media clock. ``kind``: what it is, a lower-case word. ``value``: for the client, as JSON."""

    id: str
    at_ms: int
    kind: str
    value: str

    @property
    def number(self) -> int:
        """Of 32 bits, by which players tell whether they had it."""
        return int(self.id.replace("-", "")[-8:], 16)


def said_of(mark: Mark) -> bytes:
    """What clients are told, as JSON."""
    return msgspec.json.encode({"id": mark.id, "kind": mark.kind, "value": msgspec.Raw(mark.value.encode())})


class MarkList(msgspec.Struct, frozen=True, eq=False):
    """In order of time. One that holds the same is the same object, so that what was rendered for it is kept."""

    items: tuple[Mark, ...] = ()


NO_MARKS: Final = MarkList()


class Dated(Protocol):
    """What a playlist lists, and what lies behind it. An entry of a playlist."""

    @property
    def info(self) -> SegmentInfo: ...


def daterange_lines(marks: Sequence[Mark], entries: Sequence[Dated]) -> Iterator[str]:
    """Those at or behind the beginning of the first segment. ``entries`` have dates, in order of time.

    A quoted string can hold no quotation mark and no line break: what is not plain in ``value`` is percent-encoded.
    """
    if not entries:
        return
    first_ms = _begin_ms(entries[0])
    for mark in marks:
        if mark.at_ms < first_ms:
            continue
        segment = entries[bisect.bisect_right(entries, mark.at_ms, key=_begin_ms) - 1].info
        if segment.program_date_time is None:
            continue
        at = segment.program_date_time + mark.at_ms / 1000 - segment.media_time / segment.timescale
        yield (
            f'#EXT-X-DATERANGE:ID="{mark.id}",CLASS="{SCHEME}:{mark.kind}",START-DATE="{date(at)}",DURATION=0.0,'
            f'X-VALUE="{_quotable(mark.value)}"'
        )


def event_stream(marks: Sequence[Mark], *, media_s: float, end_s: float) -> Iterator[str]:
    """The events of a period that shows the media clock from ``media_s`` to ``end_s``; nothing where it has none."""
    shown = [mark for mark in marks if media_s <= mark.at_ms / 1000 < end_s]
    if not shown:
        return
    offset = round(media_s * TIMESCALE)
    yield (
        f'    <EventStream schemeIdUri="{SCHEME}" value="1" timescale="{TIMESCALE}" presentationTimeOffset="{offset}">'
    )
    for mark in shown:
        said = escape(said_of(mark).decode())
        yield f'      <Event presentationTime="{mark.at_ms}" id="{mark.number}">{said}</Event>'
    yield "    </EventStream>"


def _begin_ms(entry: Dated) -> int:
    return entry.info.media_time * 1000 // entry.info.timescale


def _quotable(text: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in '%"' or c < " " else c for c in text)
