"""One MP4 file (ISO/IEC 14496-12) over CMAF segments that are left as they are. Sans-I/O.

The file is ``ftyp``, ``moov`` and one ``mdat`` whose content is segments, verbatim and in any order. ``moov`` lists
where their samples lie, so that players read a progressive MP4, while each segment is still a range of the file that
HLS can name. Nothing is re-encoded: what is decoded before the first picture to be shown is hidden by an edit list.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from media.hls.cmaf import BadSegment, Fragment, TrackHead
from media.hls.fmp4 import box, full_box

MOVIE_TIMESCALE: Final = 1_000
_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_FTYP: Final = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isom", b"iso2", b"avc1", b"mp41")


class _Runs:
    """Values as pairs of how often and what: ``stts`` and ``ctts``."""

    def __init__(self) -> None:
        self.counts = array("I")
        self.values = array("q")

    def add(self, value: int) -> None:
        if self.values and self.values[-1] == value:
            self.counts[-1] += 1
        else:
            self.counts.append(1)
            self.values.append(value)

    def lengthen_last(self, ticks: int) -> int:
        """Change the last value, to no less than 0; by how much."""
        value = self.values[-1]
        changed = max(0, value + ticks)
        if self.counts[-1] == 1:
            self.counts.pop()
            self.values.pop()
        else:
            self.counts[-1] -= 1
        self.add(changed)
        return changed - value

    def packed(self, sign: str) -> bytes:
        pairs = [number for pair in zip(self.counts, self.values, strict=True) for number in pair]
        return struct.pack(">I" + f"I{sign}" * len(self.counts), len(self.counts), *pairs)


class MovieTrack:
    """One track: its segments' fragments, in order of time."""

    def __init__(self, head: TrackHead) -> None:
        self.head = head
        self._entries = [head.entry]
        self._entry = 1
        self._durations = _Runs()
        self._offsets = _Runs()
        self._sizes = array("I")
        self._keys = array("I")
        self._chunks: list[tuple[int, int, int]] = []  # offset in mdat, samples, sample entry
        self._begin: int | None = None
        self._clock = 0
        self._first_shown = 0
        self._end_shown = 0

    @property
    def is_empty(self) -> bool:
        return self._begin is None

    @property
    def begin(self) -> Fraction:
        """When its first sample is shown, in seconds of the media clock."""
        return Fraction(self._first_shown, self.head.timescale)

    @property
    def end(self) -> Fraction:
        return Fraction(self._end_shown, self.head.timescale)

    def use(self, head: TrackHead) -> None:
        """What follows has another initialisation. Raises ``BadSegment`` for one of another kind."""
        if (head.handler, head.timescale, head.entry[4:8]) != (
            self.head.handler,
            self.head.timescale,
            self.head.entry[4:8],
        ):
            raise BadSegment("the track changed its codec or clock")
        if head.entry not in self._entries:
            self._entries.append(head.entry)
        self._entry = self._entries.index(head.entry) + 1

    def add(self, fragment: Fragment, at: int) -> None:
        """``at``: where in the content of ``mdat`` the first sample of the fragment lies."""
        shown = [fragment.decode_time + fragment.offsets[0]]
        if self._begin is None:
            self._begin = self._clock = fragment.decode_time
            self._first_shown = shown[0]
        elif fragment.decode_time != self._clock:
            self._clock += self._durations.lengthen_last(fragment.decode_time - self._clock)
        for number, is_key in enumerate(fragment.keys, start=len(self._sizes) + 1):
            if is_key:
                self._keys.append(number)
        for duration, offset in zip(fragment.durations, fragment.offsets, strict=True):
            self._durations.add(duration)
            self._offsets.add(offset)
            self._end_shown = max(self._end_shown, self._clock + offset + duration)
            self._clock += duration
        self._sizes.extend(fragment.sizes)
        self._chunks.append((at, len(fragment.sizes), self._entry))

    def boxes(self, number: int, span: tuple[Fraction, Fraction], base: int, *, is_large: bool) -> bytes:
        """``trak``; ``base`` is where the content of ``mdat`` begins."""
        edits, length_ms = self._edits(span)
        is_video = self.head.handler == b"vide"
        volume = 0 if is_video else 0x0100
        tkhd = full_box(
            b"tkhd", 0, 7, struct.pack(">IIIII8xHHHH", 0, 0, number, 0, length_ms, 0, 0, volume, 0), _MATRIX,
            self.head.size,
        )  # fmt: skip
        length = self._clock - (self._begin or 0)
        mdhd = full_box(b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, self.head.timescale, length, 0x55C4, 0))
        hdlr = full_box(
            b"hdlr", 0, 0, struct.pack(">I4s12x", 0, self.head.handler), b"video\0" if is_video else b"sound\0"
        )
        header = full_box(b"vmhd", 0, 1, bytes(8)) if is_video else full_box(b"smhd", 0, 0, bytes(4))
        dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
        table = self._table(base, is_video=is_video, is_large=is_large)
        return box(b"trak", tkhd, edits, box(b"mdia", mdhd, hdlr, box(b"minf", header, dinf, table)))

    def _edits(self, span: tuple[Fraction, Fraction]) -> tuple[bytes, int]:
        """``edts``, and how long the track is shown in ms. A track that begins later than the span waits first."""
        start, stop = span
        wait_ms = max(0, round((self.begin - start) * MOVIE_TIMESCALE))
        length_ms = max(0, round((min(stop, self.end) - max(start, self.begin)) * MOVIE_TIMESCALE))
        media_time = max(self._first_shown, round(start * self.head.timescale)) - (self._begin or 0)
        entries = [struct.pack(">QqI", wait_ms, -1, 0x10000)] if wait_ms else []
        entries.append(struct.pack(">QqI", length_ms, media_time, 0x10000))
        elst = full_box(b"elst", 1, 0, struct.pack(">I", len(entries)), *entries)
        return box(b"edts", elst), wait_ms + length_ms

    def _table(self, base: int, *, is_video: bool, is_large: bool) -> bytes:
        parts = [
            full_box(b"stsd", 0, 0, struct.pack(">I", len(self._entries)), *self._entries),
            full_box(b"stts", 0, 0, self._durations.packed("I")),
        ]
        if is_video:
            parts.append(full_box(b"stss", 0, 0, struct.pack(">I", len(self._keys)), _big_endian(self._keys)))
        if any(self._offsets.values):
            is_signed = min(self._offsets.values) < 0
            parts.append(full_box(b"ctts", int(is_signed), 0, self._offsets.packed("i" if is_signed else "I")))
        parts += [
            full_box(b"stsc", 0, 0, self._chunk_runs()),
            full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(self._sizes)), _big_endian(self._sizes)),
            self._chunk_offsets(base, is_large=is_large),
        ]
        return box(b"stbl", *parts)

    def _chunk_runs(self) -> bytes:
        runs: list[tuple[int, int, int]] = []
        for number, (_, count, entry) in enumerate(self._chunks, start=1):
            if not runs or runs[-1][1:] != (count, entry):
                runs.append((number, count, entry))
        return struct.pack(">I", len(runs)) + b"".join(struct.pack(">III", *run) for run in runs)

    def _chunk_offsets(self, base: int, *, is_large: bool) -> bytes:
        offsets = [base + at for at, _, _ in self._chunks]
        sign = "Q" if is_large else "I"
        packed = struct.pack(f">{len(offsets)}{sign}", *offsets)
        return full_box(b"co64" if is_large else b"stco", 0, 0, struct.pack(">I", len(offsets)), packed)


def _big_endian(numbers: array[int]) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def movie_head(
    tracks: Sequence[MovieTrack], *, content_bytes: int, span: tuple[Fraction, Fraction] | None = None
) -> bytes:
    """All that stands before the content of ``mdat``, which is ``content_bytes`` long.

    ``span``: from when to when (seconds of the media clock) the tracks are shown; None: all of them.
    Tracks without samples are left out. Raises ``BadSegment`` when none is left.
    """
    held = [track for track in tracks if not track.is_empty]
    if not held:
        raise BadSegment("no samples")
    shown = span or (min(track.begin for track in held), max(track.end for track in held))
    is_large = content_bytes > 0xF0000000
    mdat = struct.pack(">I4sQ", 1, b"mdat", 16 + content_bytes) if is_large else struct.pack(
        ">I4s", 8 + content_bytes, b"mdat"
    )  # fmt: skip
    # Where the content begins does not change how long what stands before it is.
    size = len(_FTYP) + len(_moov(held, shown, 0, is_large=is_large)) + len(mdat)
    return _FTYP + _moov(held, shown, size, is_large=is_large) + mdat


def _moov(tracks: Sequence[MovieTrack], span: tuple[Fraction, Fraction], base: int, *, is_large: bool) -> bytes:
    length_ms = round((span[1] - span[0]) * MOVIE_TIMESCALE)
    fields = struct.pack(">QQIQIHHII", 0, 0, MOVIE_TIMESCALE, length_ms, 0x10000, 0x0100, 0, 0, 0)
    mvhd = full_box(b"mvhd", 1, 0, fields, _MATRIX, bytes(24), struct.pack(">I", len(tracks) + 1))
    traks = [track.boxes(number, span, base, is_large=is_large) for number, track in enumerate(tracks, start=1)]
    return box(b"moov", mvhd, *traks)
