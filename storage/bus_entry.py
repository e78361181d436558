"""What travels on the bus between nodes, and what one node counts of it."""

from __future__ import annotations

from typing import Final

import msgspec

VERSION: Final = 1
"""Of entries: the newest that this program writes and reads. It reads the one before as well, and writes to each node
the newest that both know. Raised only when an entry changes so that an older reader would misread it.
"""

FRAMES, SIGNAL, PING = 0, 1, 2


class BusEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one node has for another. Later versions may append fields, which this one does not see."""

    version: int
    sender: str
    incarnation: str
    sequence: int
    kind: int
    items: list[bytes]


class BusCounters:
    """Since the start. ``lost``: frames taken and never written. ``gaps``: entries that were written and never came."""

    __slots__ = ("duplicates", "entries_in", "entries_out", "frames_in", "frames_out", "gaps", "lost", "unreadable")

    def __init__(self) -> None:
        self.entries_in = self.entries_out = self.frames_in = self.frames_out = 0
        self.duplicates = self.gaps = self.lost = self.unreadable = 0
