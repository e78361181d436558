"""Writes fragmented MP4 (ISO/IEC 14496-12) as CMAF wants it (ISO/IEC 23000-19): one track a file. Sans-I/O.

A track's file is an initialisation (``ftyp`` and ``moov``) and any number of chunks (``moof`` and ``mdat``). Each
chunk says its own decode time, so chunks written by different runs of the server lie on one clock.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

from media.errors import MediaError
from media.hls.codecs import audio_shape, picture_size, vpcc_record
from media.unit import Codec, Track

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY_FLAGS = 0x02000000
_DELTA_FLAGS = 0x01010000
_TRACK_ID = 1

#: What a segment begins with: it is a CMAF segment and may be read by itself once the initialisation is known.
SEGMENT_TYPE = struct.pack(">I4s4sI4s4s4s", 28, b"styp", b"msdh", 0, b"msdh", b"msix", b"cmfs")


class UnsupportedCodec(MediaError):
    """A codec that has no place in an MP4 that browsers play."""


class Sample(msgspec.Struct, gc=False):
    """One coded access unit as MP4 sees it; times are ticks of the track."""

    dts: int
    pts: int
    duration: int
    is_key: bool
    data: bytes


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def init_segment(track: Track) -> bytes:
    """``ftyp`` and ``moov`` of one track. Raises ``UnsupportedCodec`` or ``BadConfig``."""
    return movie_box(_trak(track))


def movie_box(track: bytes) -> bytes:
    """``ftyp`` and ``moov`` around a ``trak``, to be followed by fragments."""
    brand = b"cmfc"
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6", brand, b"mp41")
    mvhd = full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">IIIIIHHII", 0, 0, 1000, 0, 0x10000, 0x0100, 0, 0, 0),
        _MATRIX,
        bytes(24),
        b"\0\0\0\2",
    )
    trex = full_box(b"trex", 0, 0, struct.pack(">IIIII", _TRACK_ID, 1, 0, 0, 0))
    return ftyp + box(b"moov", mvhd, track, box(b"mvex", trex))


def _trak(track: Track) -> bytes:
    if track.kind != "video":
        header = full_box(b"smhd", 0, 0, bytes(4))
        return track_box(track.timescale, (b"soun", b"audio\0"), header, _audio_entry(track), volume=0x0100)
    width, height = picture_size(track)
    header, entry = full_box(b"vmhd", 0, 1, bytes(8)), _visual_entry(track, width, height)
    return track_box(track.timescale, (b"vide", b"video\0"), header, entry, width=width, height=height)


def track_box(
    timescale: int,
    handler: tuple[bytes, bytes],
    header: bytes,
    entry: bytes,
    *,
    width: int = 0,
    height: int = 0,
    volume: int = 0,
) -> bytes:
    """A ``trak`` without samples. ``handler``: its type and name; ``header``: the media's; ``entry``: the sample's."""
    tkhd = full_box(
        b"tkhd",
        0,
        7,
        struct.pack(">IIIII8xHHHH", 0, 0, _TRACK_ID, 0, 0, 0, 0, volume, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, 0x55C4, 0))
    hdlr = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler[0]), handler[1])
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    stbl = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", header, dinf, stbl)))


def _visual_entry(track: Track, width: int, height: int) -> bytes:
    kind, config = _visual_config(track)
    fields = struct.pack(">6xH16xHHIII H32sHh", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 24, -1)
    return box(kind, fields, config)


def _visual_config(track: Track) -> tuple[bytes, bytes]:
    if track.codec is Codec.H264:
        return b"avc1", box(b"avcC", track.config)
    if track.codec is Codec.HEVC:
        return b"hvc1", box(b"hvcC", track.config)
    if track.codec is Codec.AV1:
        return b"av01", box(b"av1C", track.config)
    if track.codec is Codec.VP9:
        return b"vp09", full_box(b"vpcC", 1, 0, vpcc_record(track.config))
    raise UnsupportedCodec(f"{track.codec} is not packaged")


def _audio_entry(track: Track) -> bytes:
    rate, channels = audio_shape(track)
    fields = struct.pack(">6xH8xHHHHI", 1, channels, 16, 0, 0, (rate if rate < 65_536 else 0) << 16)
    if track.codec is Codec.AAC:
        return box(b"mp4a", fields, _esds(track.config))
    if track.codec is Codec.OPUS:
        return box(b"Opus", fields, box(b"dOps", _dops(track.config, channels)))
    raise UnsupportedCodec(f"{track.codec} is not packaged")


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    return bytes((tag, 0x80 | size >> 21, 0x80 | size >> 14 & 127, 0x80 | size >> 7 & 127, size & 127)) + body


def _esds(config: bytes) -> bytes:
    decoder = _descriptor(4, struct.pack(">BB3xII", 0x40, 0x15, 0, 0), _descriptor(5, config))
    return full_box(b"esds", 0, 0, _descriptor(3, struct.pack(">HB", 1, 0), decoder, _descriptor(6, b"\2")))


def _dops(config: bytes, channels: int) -> bytes:
    """OpusHead (little-endian) as an ``OpusSpecificBox`` (big-endian)."""
    if len(config) < 19:
        return struct.pack(">BBHIhB", 0, channels, 312, 48_000, 0, 0)
    count, skip, rate, gain, family = struct.unpack_from("<BHIhB", config, 9)
    return struct.pack(">BBHIhB", 0, count, skip, rate, gain, family) + (config[19:] if family else b"")


def chunk(sequence: int, samples: Sequence[Sample]) -> bytes:
    """``moof`` and ``mdat`` of at least one sample, in decode order.

    ``sequence`` grows by one a chunk. The first sample's decode time becomes ``tfdt`` and must not be negative.
    """
    size = sum(len(sample.data) for sample in samples)
    run_flags, run = _run(samples)
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF))
    tfhd = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK_ID))
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", samples[0].dts))
    # moof and traf headers, the boxes before trun, trun's own header and its two fixed fields, mdat's header.
    offset = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 20 + len(run) + 8
    trun = full_box(b"trun", 1, 0x000001 | run_flags, struct.pack(">Ii", len(samples), offset), run)
    moof = box(b"moof", mfhd, box(b"traf", tfhd, tfdt, trun))
    return b"".join([moof, struct.pack(">I4s", 8 + size, b"mdat"), *[sample.data for sample in samples]])


def _run(samples: Sequence[Sample]) -> tuple[int, bytes]:
    """The samples' fields in a ``trun`` and the flags that name them; composition offsets only where there are any."""
    fields: list[int] = []
    if all(sample.pts == sample.dts for sample in samples):
        for sample in samples:
            fields += (sample.duration, len(sample.data), _KEY_FLAGS if sample.is_key else _DELTA_FLAGS)
        return 0x000700, struct.pack(f">{len(fields)}I", *fields)
    for sample in samples:
        flags = _KEY_FLAGS if sample.is_key else _DELTA_FLAGS
        fields += (sample.duration, len(sample.data), flags, (sample.pts - sample.dts) & 0xFFFFFFFF)
    return 0x000F00, struct.pack(f">{len(fields)}I", *fields)
