"""AV1's av1C record, and the OBUs of its frames. Sans-I/O.

Source: the AV1 bitstream specification, 5.3, 5.5 and 5.9. What is malformed raises ProtocolError.
"""

from __future__ import annotations

from media.errors import ProtocolError
from media.rtmp.codecs.bits import Bits
from media.rtmp.codecs.picture import PictureFormat, checked_picture


def parse_av1c(record: bytes) -> PictureFormat:
    """The picture by the sequence header, if the record holds one."""
    if len(record) < 4 or record[0] != 0x81:
        raise ProtocolError("the av1C record is malformed")
    for kind, obu in obus(record[4:]):
        if kind == 1:
            return _sequence(Bits(obu))
    return PictureFormat()


def _sequence(bits: Bits) -> PictureFormat:
    bits.take(4)
    if bits.flag():
        bits.take(5)
        fps = 0.0
    else:
        fps = _operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return checked_picture(bits.take(width_bits) + 1, bits.take(height_bits) + 1, fps)


def _operating_points(bits: Bits) -> float:
    fps, delay_bits = 0.0, 0
    if bits.flag():
        ticks, scale = bits.take(32), bits.take(32)
        if bits.flag() and ticks:
            fps = scale / (ticks * (bits.unsigned() + 1))
        if bits.flag():
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_display_delay = bits.flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.flag():
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.take(4)
    return fps


def obus(data: bytes) -> list[tuple[int, bytes]]:
    """Type and payload of each OBU of a low-overhead stream (AV1 5.3)."""
    return [(data[start] >> 3 & 15, data[body:end]) for start, body, end in _obu_spans(data)]


def _obu_spans(data: bytes) -> list[tuple[int, int, int]]:
    spans = []
    at = 0
    while at < len(data):
        body = at + 1 + (data[at] >> 2 & 1)
        size, shift, more = 0, 0, bool(data[at] & 2)
        if not more:
            size = len(data) - body
        while more:
            if body >= len(data) or shift > 28:
                raise ProtocolError("an OBU is malformed")
            size |= (data[body] & 0x7F) << shift
            more, shift, body = bool(data[body] & 0x80), shift + 7, body + 1
        if body + size > len(data):
            raise ProtocolError("an OBU is cut off")
        spans.append((at, body, body + size))
        at = body + size
    return spans


def is_av1_key(data: bytes) -> bool:
    """Whether the first frame of a temporal unit is a key frame that is shown (AV1 5.9.2)."""
    for start, body, end in _obu_spans(data):
        if data[start] >> 3 & 15 in (3, 6) and body < end:
            return data[body] >> 4 == 0b0001
    return False


def without_temporal_delimiters(data: bytes) -> bytes:
    """A temporal unit as :mod:`media.unit` wants it."""
    spans = _obu_spans(data)
    if all(data[start] >> 3 & 15 != 2 for start, _, _ in spans):
        return data
    return b"".join(data[start:end] for start, _, end in spans if data[start] >> 3 & 15 != 2)
