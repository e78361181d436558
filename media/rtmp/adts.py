"""AAC in ADTS frames, as some encoders put it into RTMP, each with a header that states the format. Sans-I/O.

Source: ISO/IEC 14496-3, 1.A.2.2. A raw access unit never begins like an ADTS frame: its first three bits would be
those of an end without anything before it.
"""

from __future__ import annotations

from media.errors import ProtocolError

_HEADER_BYTES, _CHECK_BYTES = 7, 2


def is_adts(data: bytes) -> bool:
    """Whether it begins with a header: 12 bits of sync word, two of layer."""
    return len(data) >= _HEADER_BYTES and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def config_of(data: bytes) -> bytes:
    """The AudioSpecificConfig that an ADTS header stands for."""
    object_type, rate = (data[2] >> 6) + 1, data[2] >> 2 & 15
    channels = (data[2] & 1) << 2 | data[3] >> 6
    return (object_type << 11 | rate << 7 | channels << 3).to_bytes(2, "big")


def access_units(data: bytes) -> list[bytes]:
    """The raw access units of whole ADTS frames. Raises ProtocolError for a frame that is cut off."""
    units: list[bytes] = []
    at = 0
    while at < len(data):
        frame = data[at : at + _frame_bytes(data[at:])]
        head = _HEADER_BYTES if frame[1] & 1 else _HEADER_BYTES + _CHECK_BYTES
        if frame[6] & 3:
            raise ProtocolError("an ADTS frame of several data blocks")
        units.append(frame[head:])
        at += len(frame)
    return [unit for unit in units if unit]


def _frame_bytes(data: bytes) -> int:
    if not is_adts(data):
        raise ProtocolError("an ADTS frame has no sync word")
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if not _HEADER_BYTES <= size <= len(data):
        raise ProtocolError("an ADTS frame is cut off")
    return size
