"""What avcC and hvcC records have in common: lengths of NAL units, their payload, cropping. Sans-I/O.

Source: ISO/IEC 14496-15.
"""

from __future__ import annotations

from media.errors import ProtocolError
from media.unit import Codec

CROP = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""By chroma_format_idc: luma samples across and down in a unit of cropping (H.264 table 6-1)."""


def nal_length_bytes(codec: Codec, record: bytes) -> int:
    """How many bytes each NAL length has in the frames that follow this avcC or hvcC."""
    at = 4 if codec is Codec.H264 else 21
    if len(record) <= at:
        raise ProtocolError("a codec record is cut off")
    return (record[at] & 3) + 1


def with_long_lengths(record: bytes, at: int) -> bytes:
    """The record with a promise of lengths of 4 bytes, in its byte ``at``."""
    return record if record[at] & 3 == 3 else record[:at] + bytes((record[at] | 3,)) + record[at + 1 :]


def unescape(nal: bytes) -> bytes:
    """The payload of a NAL unit without emulation prevention (H.264 7.4.1)."""
    parts = nal.split(b"\0\0\3")
    return b"\0\0".join(parts)
