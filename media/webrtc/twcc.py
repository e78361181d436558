"""Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): when each packet came. Sans-I/O.

The sender numbers the packets of all its sources together in a header extension. From when they came it works out
what the way carries, so that a browser raises its bitrate as far as that and lowers it before packets are lost.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from media.webrtc import rtp

EXTENSION: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK: Final = "transport-cc"

#: How far apart numbers may be and still be told together; a jump beyond starts anew.
MAX_SPAN: Final = 1_024
_REMEMBERED: Final = 512
_HALF: Final = 1 << 15
_TICKS_A_SECOND: Final = 4_000
_REFERENCE_TICKS: Final = 256
_LOST, _SMALL, _LARGE = 0, 1, 2
_SYMBOLS: Final = 7
_HEAD: Final = struct.Struct("!LLHHL")


class Arrivals:
    """The packets of one publisher. ``add`` them, and send ``feedback`` every 50 to 250 ms."""

    def __init__(self) -> None:
        self._came_at: dict[int, int] = {}
        self._highest: int | None = None
        self._first_new: int | None = None
        self._untold = 0
        self._count = 0

    def add(self, sequence: int, now: float) -> None:
        """A packet with this number (16 bits) came; ``now`` is monotonic seconds. One that came twice counts once."""
        number = self._unwrapped(sequence)
        if self._highest is None or abs(number - self._untold) >= MAX_SPAN:
            self._came_at.clear()
            self._highest = self._untold = self._first_new = number
        if number in self._came_at:
            return
        self._came_at[number] = round(now * _TICKS_A_SECOND)
        self._highest = max(self._highest, number)
        self._first_new = number if self._first_new is None else min(self._first_new, number)

    def _unwrapped(self, sequence: int) -> int:
        if self._highest is None:
            return sequence
        return self._highest + (sequence - self._highest + _HALF) % (1 << 16) - _HALF

    def feedback(self, *, sender: int, media: int) -> list[bytes]:
        """RTCP packets that tell of what came, and of what did not, up to the last that did; none if nothing came.

        Where one came after later ones had been told of, it is told of with those once more.
        """
        if self._first_new is None or self._highest is None:
            return []
        first, last = min(self._first_new, self._untold), self._highest
        self._untold, self._first_new = last + 1, None
        packets: list[bytes] = []
        while first <= last:
            packet, first = self._encode(self._came_at, first, last, sender, media)
            packets.append(packet)
        self._came_at = {number: at for number, at in self._came_at.items() if number > last - _REMEMBERED}
        return packets

    def _encode(self, came_at: dict[int, int], first: int, last: int, sender: int, media: int) -> tuple[bytes, int]:
        """One packet, and from which number on the next one tells: where a time is too far from the one before."""
        told = next(number for number in range(first, last + 1) if number in came_at)
        reference = came_at[told] // _REFERENCE_TICKS
        before = reference * _REFERENCE_TICKS
        symbols: list[int] = []
        deltas = bytearray()
        number = first
        while number <= last:
            at = came_at.get(number)
            if at is None:
                symbols.append(_LOST)
            elif 0 <= at - before <= 0xFF:
                symbols.append(_SMALL)
                deltas.append(at - before)
            elif -_HALF <= at - before < _HALF:
                symbols.append(_LARGE)
                deltas += (at - before).to_bytes(2, "big", signed=True)
            else:
                break
            before = before if at is None else at
            number += 1
        head = _HEAD.pack(sender, media, first & 0xFFFF, len(symbols), (reference & 0xFFFFFF) << 8 | self._count & 0xFF)
        self._count += 1
        return rtp.transport_feedback(head + chunks(symbols) + deltas), number


def chunks(symbols: Sequence[int]) -> bytes:
    """Run lengths where one symbol goes on, else vectors of seven (sections 3.1.3 and 3.1.4)."""
    encoded = bytearray()
    position = 0
    while position < len(symbols):
        run = _run(symbols, position)
        if run >= _SYMBOLS or position + run == len(symbols):
            chunk = symbols[position] << 13 | run
        else:
            run = _SYMBOLS
            chunk = _vector(symbols[position : position + run])
        encoded += chunk.to_bytes(2, "big")
        position += run
    return bytes(encoded)


def _run(symbols: Sequence[int], start: int) -> int:
    """How often the symbol there comes in a row."""
    end = start
    while end < len(symbols) and symbols[end] == symbols[start]:
        end += 1
    return end - start


def _vector(symbols: Sequence[int]) -> int:
    bits = 0b11 << 14
    for place, symbol in enumerate(symbols):
        bits |= symbol << 12 - 2 * place
    return bits
