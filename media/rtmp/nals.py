"""NAL units as encoders frame them, and the parameter sets that come between them. Sans-I/O.

Sources: ISO/IEC 14496-15 (lengths, hvcC 8.3.3.1), H.264 annex B, H.265 7.3.2.2. What is malformed raises ProtocolError.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from media.errors import ProtocolError
from media.rtmp.codecs.bits import Bits
from media.rtmp.codecs.hevc import HevcPicture, parse_hevc_sps
from media.rtmp.codecs.nal_records import unescape
from media.unit import Codec
from media.webrtc import h264

_START_CODES = (b"\0\0\1", b"\0\0\0\1")
_VPS, _SPS, _PPS = 32, 33, 34
_MAX_SETS = 16
_MAX_SET_BYTES = 4_096

Span = tuple[int, int]


def is_annexb(data: bytes) -> bool:
    """Whether it begins with a start code. Lengths of 4 bytes can look the same: try those first."""
    return data.startswith(_START_CODES)


def split_annexb(data: bytes) -> list[bytes]:
    """The NAL units between start codes (H.264 annex B.1)."""
    return [nal for part in data.split(b"\0\0\1") if (nal := part.rstrip(b"\0"))]


class ParameterSets(Protocol):
    """What a decoder must know before the first picture: kept as it comes, record by record or in band."""

    def add(self, nal: bytes) -> None:
        """Take a parameter set; other NAL units and broken sets are ignored."""

    def record(self) -> bytes | None:
        """The avcC or hvcC record, its head made from the SPS; None before there is a set of each kind."""


class AvcSets:
    """H.264's sequence and picture parameter sets."""

    def __init__(self) -> None:
        self._collector = h264.Collector()

    def add(self, nal: bytes) -> None:
        self._collector.add(nal)

    def record(self) -> bytes | None:
        sets = self._collector.sets
        return sets.encode() if sets.is_complete else None


class HevcSets:
    """H.265's video, sequence and picture parameter sets. A new VPS or SPS takes the place of the one before."""

    def __init__(self) -> None:
        self._vps = self._sps = b""
        self._pps: dict[int, bytes] = {}

    def add(self, nal: bytes) -> None:
        if not 4 <= len(nal) <= _MAX_SET_BYTES:
            return
        kind = nal[0] >> 1 & 0x3F
        try:
            if kind == _VPS:
                self._vps = nal
            elif kind == _SPS:
                parse_hevc_sps(nal)
                self._sps = nal
            elif kind == _PPS and len(self._pps) < _MAX_SETS:
                self._pps[Bits(unescape(nal[2:])).unsigned()] = nal
        except ProtocolError:
            return

    def record(self) -> bytes | None:
        if not (self._vps and self._sps and self._pps):
            return None
        arrays = ((_VPS, [self._vps]), (_SPS, [self._sps]), (_PPS, [nal for _, nal in sorted(self._pps.items())]))
        return _hvcc_head(self._sps) + bytes((len(arrays),)) + b"".join(_array(kind, nals) for kind, nals in arrays)


def _array(kind: int, nals: list[bytes]) -> bytes:
    units = b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    return bytes((0x80 | kind,)) + len(nals).to_bytes(2, "big") + units


def _hvcc_head(sps: bytes) -> bytes:
    """The 22 bytes before the arrays. Segmentation and frame rate stay open, NAL lengths are of 4 bytes."""
    clean = unescape(sps[2:])
    picture: HevcPicture = parse_hevc_sps(sps)
    layers, is_nested = (clean[0] >> 1 & 7) + 1, clean[0] & 1
    open_ended = bytes((0xF0, 0, 0xFC, 0xFC | picture.chroma, 0xF8 | picture.depth_luma, 0xF8 | picture.depth_chroma))
    return b"\1" + clean[1:13] + open_ended + bytes((0, 0, layers << 3 | is_nested << 2 | 3))


def sets_of(codec: Codec) -> ParameterSets:
    """An empty collection for H.264 or HEVC."""
    return AvcSets() if codec is Codec.H264 else HevcSets()


def record_of(codec: Codec, nals: Iterable[bytes]) -> bytes | None:
    """The record that these NAL units give, None when a set is missing."""
    sets = sets_of(codec)
    for nal in nals:
        sets.add(nal)
    return sets.record()


class NalReader:
    """Reads one track's frames: lengths of any width or start codes in, lengths of 4 bytes out.

    Access unit delimiters are taken out. ``record`` is the avcC or hvcC that the track has now; it changes with the
    first picture that parameter sets in band belong to.
    """

    def __init__(self, *, codec: Codec, record: bytes, length_bytes: int) -> None:
        self.record = record
        self._width = length_bytes
        self._is_avc = codec is Codec.H264
        self._delimiter = 9 if self._is_avc else 35
        self._set_kinds = frozenset((h264.SPS, h264.PPS) if self._is_avc else (_VPS, _SPS, _PPS))
        self._sets = sets_of(codec)
        for nal in record_nals(codec, record):
            self._sets.add(nal)
        self._known = self._sets.record()

    def read(self, data: bytes) -> tuple[bytes, bool]:
        """The frame, and whether it has a picture that decoding can start from (IDR; for HEVC any IRAP)."""
        data, spans, is_plain = self._framed(data)
        kinds = [self._kind(data[start]) for start, _ in spans]
        for kind, (start, end) in zip(kinds, spans, strict=True):
            if kind in self._set_kinds:
                self._sets.add(data[start:end])
        is_start = any(kind == h264.IDR if self._is_avc else 16 <= kind <= 21 for kind in kinds)
        if is_start:
            self._follow_sets()
        return (data if is_plain else _joined(data, spans)), is_start

    def _kind(self, first: int) -> int:
        return first & 0x1F if self._is_avc else first >> 1 & 0x3F

    def _follow_sets(self) -> None:
        now = self._sets.record()
        if now is not None and now != self._known:
            self.record = self._known = now

    def _framed(self, data: bytes) -> tuple[bytes, list[Span], bool]:
        """The data in lengths, where its NAL units are, and whether it may go on as it is."""
        if not is_annexb(data):
            return data, *self._spans(data, self._width)
        try:
            return data, *self._spans(data, self._width)
        except ProtocolError:
            data = h264.join_avcc(split_annexb(data))
            return data, *self._spans(data, 4)

    def _spans(self, data: bytes, width: int) -> tuple[list[Span], bool]:
        spans: list[Span] = []
        at, end, is_plain = 0, len(data), width == 4
        while at < end:
            body = at + width
            at = body + int.from_bytes(data[at:body], "big")
            if at > end or body > end:
                raise ProtocolError("a NAL unit is cut off")
            if at == body or self._kind(data[body]) == self._delimiter:
                is_plain = False
                continue
            spans.append((body, at))
        return spans, is_plain


def _joined(data: bytes, spans: list[Span]) -> bytes:
    return b"".join((stop - start).to_bytes(4, "big") + data[start:stop] for start, stop in spans)


def record_nals(codec: Codec, record: bytes) -> list[bytes]:
    """The parameter sets inside an avcC or hvcC; none of one that cannot be read."""
    if codec is Codec.HEVC:
        return _hvcc_nals(record)
    try:
        sets = h264.H264ParameterSets.decode(record)
    except ValueError:
        return []
    return [*sets.sps, *sets.pps]


def _hvcc_nals(record: bytes) -> list[bytes]:
    nals: list[bytes] = []
    at = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(min(count, _MAX_SETS)):
            size = int.from_bytes(record[at : at + 2], "big")
            nals.append(record[at + 2 : at + 2 + size])
            at += 2 + size
    return nals
