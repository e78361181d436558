"""Row ids: UUIDv7 (RFC 9562, section 5.7) as lower-case text."""

from __future__ import annotations

import os
import re
from struct import Struct

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = Struct("128Q")


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID of any version in the usual 36-character form."""
    return _UUID.fullmatch(text) is not None


def uuid_text(value: bytes) -> str:
    """The usual form of a UUID's 16 bytes."""
    h = value.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def made_at(row_id: str) -> float:
    """When a UUIDv7 was made: wall-clock seconds, to the millisecond."""
    return int(row_id[:8] + row_id[9:13], 16) / 1000


def least_id(at: float) -> str:
    """A UUIDv7 of that time (wall-clock seconds), above those of before and not above those of then."""
    h = f"{int(at * 1000):012x}"
    return f"{h[:8]}-{h[8:]}-7000-8000-000000000000"


class Ids:
    """A source of ids that grow strictly, also when the clock stands still or goes back. For one thread.

    The 12 bits after the version hold the fraction of the millisecond (RFC 9562, section 6.2, method 3); an id that
    would not be greater than the one before takes the next tick instead.
    """

    def __init__(self) -> None:
        self._last_tick = 0
        self._random: list[int] = []  # asked for by the hundred: the system call costs as much as the rest of an id

    def uuid7(self, now: float) -> str:
        """The next id; ``now`` is wall-clock seconds since 1970."""
        self._last_tick = tick = max(int(now * 1000 * 4096), self._last_tick + 1)
        value = (tick >> 12 & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64
        if not self._random:
            self._random.extend(_RANDOM.unpack(os.urandom(_RANDOM.size)))
        value |= 0b10 << 62 | self._random.pop() >> 2
        h = f"{value:032x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
