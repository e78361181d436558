"""Reads CMAF (ISO/IEC 23000-19) as ``fmp4`` writes it: what a track is, where a segment's samples lie. Sans-I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from media.errors import MediaError
from media.hls.codecs import BadConfig, audio_shape
from media.unit import Codec, Track, Unit

_NON_SYNC: Final = 0x00010000
_DURATION, _SIZE, _FLAGS, _OFFSET = 0x000100, 0x000200, 0x000400, 0x000800
_BASE_IS_MOOF: Final = 0x020000


class BadSegment(MediaError):
    """Bytes that are no segment, or no initialisation, as this server writes them."""


class TrackHead(msgspec.Struct, frozen=True, kw_only=True):
    """What an initialisation says of its one track. ``entry`` is the whole box of its sample entry; ``size`` are width
    and height as ``tkhd`` has them (16.16), zeros for sound."""

    timescale: int
    handler: bytes
    size: bytes
    entry: bytes


class Fragment(msgspec.Struct, frozen=True, kw_only=True):
    """A ``moof`` and its ``mdat``. ``begin``, ``end`` and ``data_at`` (of the first sample) are offsets in the segment;
    ``begin`` of the first fragment is 0, its ``styp`` included. Times are ticks. ``offsets``: composition offsets."""

    begin: int
    end: int
    data_at: int
    decode_time: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    keys: tuple[bool, ...]
    offsets: tuple[int, ...]


def boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box. Raises ``BadSegment`` for one that does not fit."""
    at = begin
    while at < end:
        if at + 8 > end:
            raise BadSegment("a box breaks off")
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            raise BadSegment(f"a box of {size} bytes")
        yield kind, at + 8, at + size
        at += size


def _inside(data: bytes, span: tuple[int, int], *path: bytes) -> tuple[int, int]:
    """The content of the first box of this path."""
    for wanted in path:
        span = next(((b, e) for kind, b, e in boxes(data, *span) if kind == wanted), (-1, -1))
        if span[0] < 0:
            raise BadSegment(f"no {wanted.decode()}")
    return span


def read_init(data: bytes) -> TrackHead:
    """Raises ``BadSegment``."""
    try:
        return _read_init(data)
    except struct.error as error:
        raise BadSegment(str(error)) from None


def _read_init(data: bytes) -> TrackHead:
    track = _inside(data, (0, len(data)), b"moov", b"trak")
    media = _inside(data, track, b"mdia")
    header = _inside(data, media, b"mdhd")[0]
    (timescale,) = struct.unpack_from(">I", data, header + (20 if data[header] else 12))
    if not timescale:
        raise BadSegment("no timescale")
    handler = _inside(data, media, b"hdlr")[0] + 8
    tkhd = _inside(data, track, b"tkhd")
    entry = _inside(data, media, b"minf", b"stbl", b"stsd")
    kind, begin, end = next(boxes(data, entry[0] + 8, entry[1]), (b"", 0, 0))
    if not kind:
        raise BadSegment("no sample entry")
    return TrackHead(
        timescale=timescale,
        handler=data[handler : handler + 4],
        size=data[tkhd[1] - 8 : tkhd[1]],
        entry=data[begin - 8 : end],
    )


_PICTURES: Final = {
    b"avc1": (Codec.H264, b"avcC"),
    b"hvc1": (Codec.HEVC, b"hvcC"),
    b"av01": (Codec.AV1, b"av1C"),
    b"vp09": (Codec.VP9, b"vpcC"),
}
_VISUAL_ENTRY_BYTES: Final = 86
"""A box's head and the fields of a ``VisualSampleEntry``, before its boxes (ISO/IEC 14496-12, 12.1.3)."""
_AUDIO_ENTRY_BYTES: Final = 36
_KEY_CODECS: Final = frozenset((Codec.H264, Codec.HEVC, Codec.AV1))


def track_of(head: TrackHead) -> Track:
    """The track that ``fmp4.init_segment`` was given. Raises ``BadSegment``."""
    kind = head.entry[4:8]
    if kind in _PICTURES:
        codec, box = _PICTURES[kind]
        begin, end = _inside(head.entry, (_VISUAL_ENTRY_BYTES, len(head.entry)), box)
        width, height = (int.from_bytes(head.size[at : at + 2], "big") for at in (0, 4))
        config = head.entry[begin:end]
        return Track(kind="video", codec=codec, timescale=head.timescale, config=config, width=width, height=height)
    return _sound_of(head, kind)


def _sound_of(head: TrackHead, kind: bytes) -> Track:
    boxes_at = (_AUDIO_ENTRY_BYTES, len(head.entry))
    if kind == b"mp4a":
        codec, config = Codec.AAC, _decoder_config(head.entry, *_inside(head.entry, boxes_at, b"esds"))
    elif kind == b"Opus":
        codec, config = Codec.OPUS, _opus_head(head.entry, *_inside(head.entry, boxes_at, b"dOps"))
    else:
        raise BadSegment(f"a sample entry {kind!r}")
    track = Track(kind="audio", codec=codec, timescale=head.timescale, config=config)
    try:
        rate, channels = audio_shape(track)
    except BadConfig as error:
        raise BadSegment(str(error)) from None
    return Track(
        kind="audio", codec=codec, timescale=head.timescale, config=config, sample_rate=rate, channels=channels
    )


def _decoder_config(data: bytes, begin: int, end: int) -> bytes:
    """The DecoderSpecificInfo in an ``esds`` (ISO/IEC 14496-1, 7.2.6)."""
    at = begin + 4
    while at + 2 <= end:
        tag, size = data[at], 0
        at += 1
        while at < end:
            byte, at = data[at], at + 1
            size = size << 7 | byte & 127
            if byte < 128:
                break
        if tag == 5 and at + size <= end:
            return data[at : at + size]
        at += {3: 3, 4: 13}.get(tag, size)
    raise BadSegment("an esds without a configuration")


def _opus_head(data: bytes, begin: int, end: int) -> bytes:
    """An ``OpusSpecificBox`` (big-endian) as an OpusHead (RFC 7845, section 5.1; little-endian)."""
    if end - begin < 11:
        raise BadSegment("a dOps that breaks off")
    _, count, skip, rate, gain, family = struct.unpack_from(">BBHIhB", data, begin)
    return b"OpusHead\x01" + struct.pack("<BHIhB", count, skip, rate, gain, family) + data[begin + 11 : end]


def key_frame(init: bytes, segment: bytes) -> tuple[Track, Unit]:
    """The first picture of a segment, as a decoder takes it. Raises ``BadSegment`` where that is no key frame of H.264,
    HEVC or AV1."""
    track, fragments = track_of(read_init(init)), read_fragments(segment)
    if track.codec not in _KEY_CODECS or not fragments or not fragments[0].keys[0]:
        raise BadSegment("no key frame to decode")
    first = fragments[0]
    data = segment[first.data_at : first.data_at + first.sizes[0]]
    pts = first.decode_time + first.offsets[0]
    return track, Unit(kind="video", pts=pts, dts=first.decode_time, is_key=True, data=data, at=0.0)


def read_fragments(segment: bytes) -> list[Fragment]:
    """The fragments of a segment, in order. Raises ``BadSegment``."""
    found: list[Fragment] = []
    begin, moof = 0, (-1, -1)
    for kind, at, end in boxes(segment, 0, len(segment)):
        if kind == b"moof":
            moof = (at, end)
        elif kind == b"mdat":
            try:
                found.append(_fragment(segment, begin, moof, end))
            except struct.error as error:
                raise BadSegment(str(error)) from None
            begin = end
    return found


def _fragment(data: bytes, begin: int, moof: tuple[int, int], end: int) -> Fragment:
    traf = _inside(data, moof, b"traf")
    tfhd = _inside(data, traf, b"tfhd")[0]
    if _flags(data, tfhd) != _BASE_IS_MOOF:
        raise BadSegment("samples with defaults")
    tfdt = _inside(data, traf, b"tfdt")[0]
    (decode_time,) = struct.unpack_from(">Q" if data[tfdt] else ">I", data, tfdt + 4)
    trun = _inside(data, traf, b"trun")[0]
    flags = _flags(data, trun)
    count, data_offset = struct.unpack_from(">Ii", data, trun + 4)
    if flags & ~_OFFSET != 0x000001 | _DURATION | _SIZE | _FLAGS or not count:
        raise BadSegment("a run of another form")
    width = 4 if flags & _OFFSET else 3
    fields = struct.unpack_from(f">{count * width}I", data, trun + 12)
    data_at, sizes = moof[0] - 8 + data_offset, fields[1::width]
    if data_at + sum(sizes) > end:
        raise BadSegment("samples beyond their box")
    return Fragment(
        begin=begin,
        end=end,
        data_at=data_at,
        decode_time=decode_time,
        durations=fields[0::width],
        sizes=sizes,
        keys=tuple(not flag & _NON_SYNC for flag in fields[2::width]),
        offsets=tuple(_signed(value) for value in fields[3::width]) if width == 4 else (0,) * count,
    )


def _flags(data: bytes, at: int) -> int:
    (word,) = struct.unpack_from(">I", data, at)
    return int(word & 0xFFFFFF)


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
