"""H.264's avcC record and its sequence parameter set. Sans-I/O.

Sources: ISO/IEC 14496-15 5.3.3, H.264 7.3.2.1 and E.1. What is malformed raises ProtocolError.
"""

from __future__ import annotations

from media.errors import ProtocolError
from media.rtmp.codecs.bits import Bits
from media.rtmp.codecs.nal_records import CROP, unescape, with_long_lengths
from media.rtmp.codecs.picture import PictureFormat, checked_picture

_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


def parse_avcc(record: bytes) -> tuple[PictureFormat, bytes]:
    """The picture by the first SPS, and the record with the head that this SPS gives and lengths of 4 bytes."""
    if len(record) < 7 or record[0] != 1:
        raise ProtocolError("the avcC record is malformed")
    if not record[5] & 0x1F:
        raise ProtocolError("the avcC record has no sequence parameter set")
    size = int.from_bytes(record[6:8], "big")
    sps = record[8 : 8 + size]
    if len(sps) < size or size < 4:
        raise ProtocolError("the avcC record is cut off")
    return parse_avc_sps(sps), with_long_lengths(record[:1] + sps[1:4] + record[4:], 4)


def parse_avc_sps(sps: bytes) -> PictureFormat:
    """Size after cropping, and the frame rate if the VUI has one, of an H.264 sequence parameter set NAL."""
    bits = Bits(unescape(sps[1:]))
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = _chroma(bits) if profile in _HIGH_PROFILES else 1
    bits.unsigned()
    _skip_order(bits)
    bits.unsigned()
    bits.take(1)
    width, height = (bits.unsigned() + 1) * 16, (bits.unsigned() + 1) * 16
    is_frames_only = bits.flag()
    if not is_frames_only:
        height *= 2
        bits.take(1)
    bits.take(1)
    if bits.flag():
        unit_x, unit_y = CROP[chroma]
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y * (1 if is_frames_only else 2)
    fps = _timing(bits) if bits.flag() else 0.0
    return checked_picture(width, height, fps)


def _chroma(bits: Bits) -> int:
    chroma = bits.unsigned()
    if chroma > 3:
        raise ProtocolError(f"chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    bits.skip_unsigned(2)
    bits.take(1)
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling(bits, 16 if index < 6 else 64)
    return 0 if separate else chroma


def _skip_scaling(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.take(1)
        bits.skip_unsigned(2)
        bits.skip_unsigned(min(bits.unsigned(), 256))


def _timing(bits: Bits) -> float:
    if bits.flag() and bits.take(8) == 255:
        bits.take(32)
    if bits.flag():
        bits.take(1)
    if bits.flag():
        bits.take(4)
        if bits.flag():
            bits.take(24)
    if bits.flag():
        bits.skip_unsigned(2)
    if not bits.flag():
        return 0.0
    ticks, scale = bits.take(32), bits.take(32)
    return scale / (2 * ticks) if ticks else 0.0
