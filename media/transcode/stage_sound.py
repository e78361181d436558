"""Mixing the sound of a stage: everybody gets that of all others, and not their own. No codecs here.

Samples are float32 arrays of shape (n, 2) at 48 kHz; a block is 20 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

BLOCK: Final = 960
#: Held before a person is heard, so that packets which come unevenly leave no gaps.
AHEAD: Final = 3 * BLOCK
#: More than this is late: what is above ``AHEAD`` then is left out.
MOST: Final = 15 * BLOCK


class SoundBuffer:
    """One person's decoded sound that waits to be mixed."""

    def __init__(self) -> None:
        self._held: Samples = np.zeros((0, 2), np.float32)
        self._is_filling = True

    def put(self, samples: Samples) -> None:
        held = np.concatenate((self._held, samples))
        self._held = held[-AHEAD:] if len(held) > MOST else held

    def take(self) -> Samples | None:
        """A block; None while there is nothing, and until enough has come after that."""
        if self._is_filling and len(self._held) < AHEAD:
            return None
        self._is_filling = len(self._held) < BLOCK
        if self._is_filling:
            return None
        block, self._held = self._held[:BLOCK], self._held[BLOCK:]
        return block


def mix(heard: Mapping[str, Samples]) -> tuple[Samples, Mapping[str, Samples]]:
    """All together, and for each person the sound of the others. Within full scale."""
    everything = np.zeros((BLOCK, 2), np.float32)
    for block in heard.values():
        everything = everything + block
    return _limited(everything), {seat: _limited(everything - block) for seat, block in heard.items()}


def _limited(samples: Samples) -> Samples:
    """Softer as a whole where it would be cut off, so that loud voices together do not crackle."""
    peak = float(np.abs(samples).max(initial=0.0))
    return samples / np.float32(peak) if peak > 1.0 else samples
