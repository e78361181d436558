"""Finds captions that an encoder sends inside of the pictures: CEA-608 and CEA-708 (ANSI/SCTE 128-1, 8.1). Sans-I/O.

They travel as user data in front of a picture's slices and stay where they are; playlists only announce them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MARK: Final = b"\xb5\x00\x31GA94\x03"
"""ITU-T T.35: the United States, ATSC; its identifier; the type of caption data."""
_LOOKED_AT_BYTES: Final = 4_096
"""Of an access unit: user data comes before the slices."""
_PARITY: Final = 0x7F
_VALID: Final = 0x04


def channels_in(unit: bytes) -> Iterator[str]:
    """What a unit of H.264 or HEVC carries captions of, by the names of playlists (RFC 8216bis, 4.4.6.1): ``CC1`` for
    the first field of CEA-608, ``CC3`` for the second, ``SERVICE1`` for CEA-708. Padding counts for nothing."""
    at = unit.find(_MARK, 0, _LOOKED_AT_BYTES)
    if at < 0:
        return
    data = unit[at + len(_MARK) :]
    count = data[0] & 0x1F if data else 0
    for begin in range(2, min(2 + 3 * count, len(data) - 2), 3):
        name = _channel(data[begin], data[begin + 1], data[begin + 2])
        if name:
            yield name


def _channel(head: int, first: int, second: int) -> str:
    """Of one triple: a marker, whether it is valid, and its kind; then two bytes."""
    kind = head & 0x03
    is_padding = not (first & _PARITY or second & _PARITY) if kind < 2 else not (first or second)
    if not head & _VALID or is_padding:
        return ""
    return ("CC1", "CC3", "SERVICE1", "SERVICE1")[kind]
