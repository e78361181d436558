"""H.265's hvcC record and its sequence parameter set. Sans-I/O.

Sources: ISO/IEC 14496-15 8.3.3, H.265 7.3.2.2. What is malformed raises ProtocolError.
"""

from __future__ import annotations

from media.errors import ProtocolError
from media.rtmp.codecs.bits import Bits
from media.rtmp.codecs.nal_records import CROP, unescape, with_long_lengths
from media.rtmp.codecs.picture import PictureFormat, checked_picture


class HevcPicture(PictureFormat, frozen=True):
    """With chroma_format_idc and the bits a sample above 8."""

    chroma: int = 1
    depth_luma: int = 0
    depth_chroma: int = 0


def parse_hvcc(record: bytes) -> tuple[HevcPicture, bytes]:
    """The picture by the first SPS, and the record with the head that this SPS gives and lengths of 4 bytes."""
    if len(record) < 23 or record[0] != 1:
        raise ProtocolError("the hvcC record is malformed")
    at = 23
    for _ in range(record[22]):
        kind, count = record[at : at + 1], int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            nal = record[at + 2 : at + 2 + size]
            at += 2 + size
            if not kind or len(nal) < size:
                raise ProtocolError("the hvcC record is cut off")
            if kind[0] & 0x3F == 33:
                told = unescape(nal[2:])[1:13]
                return parse_hevc_sps(nal), with_long_lengths(record[:1] + told + record[13:], 21)
    raise ProtocolError("the hvcC record has no sequence parameter set")


def parse_hevc_sps(sps: bytes) -> HevcPicture:
    """Size after the conformance window, and sample format, of an H.265 sequence parameter set NAL."""
    bits = Bits(unescape(sps[2:]))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_profile(bits, layers)
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma > 3:
        raise ProtocolError(f"chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    width, height = bits.unsigned(), bits.unsigned()
    if bits.flag():
        unit_x, unit_y = CROP[0 if separate else chroma]
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    depth_luma, depth_chroma = bits.unsigned(), bits.unsigned()
    if max(depth_luma, depth_chroma) > 8:
        raise ProtocolError(f"samples of {8 + max(depth_luma, depth_chroma)} bits")
    checked_picture(width, height, 0.0)
    return HevcPicture(
        width=width, height=height, chroma=chroma, depth_luma=min(depth_luma, 7), depth_chroma=min(depth_chroma, 7)
    )


def _skip_profile(bits: Bits, layers: int) -> None:
    bits.take(96)
    shown = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in shown:
        bits.take(88 * has_profile + 8 * has_level)
