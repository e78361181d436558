"""Hashes of pictures: signs of low frequencies of the middle of a frame. Pure numpy.

A work's frame is described by the discrete cosine transform of its middle. A query's frame is described by windows of
several sizes and places: one of them shows about the middle of the work's, if up to a fifth of the picture was cut
away. Points count the less the nearer they are to the window's edge, where all waves are at their highest: a logo that
reaches into a corner of it, or a window that shows a bit more or less, would turn many signs. A mirrored picture has
the signs of its odd columns turned, and the size of the picture does not matter. A hash is looked up with the weakest
of its signs turned too.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.fingerprints.messages import Hash

SIDE: Final = 64
"""Frames are looked at as so many grey points in a row and in a column, whatever their shape is."""
MIDDLE: Final = 0.7
CUTS: Final = (1.0, 0.93, 0.865, 0.8)
"""What may be left of a work's width and height, which may differ by one step."""
WAVES: Final = 7
KEY_WAVES: Final = 6
"""The key has the signs of waves whose numbers add up to no more than this, the detail those of all others."""
WEAK: Final = 2
MIRRORED: Final = 100
"""The ``turn`` of a mirrored frame: far from that of others."""
FLAT: Final = 1.5
"""A frame whose middle varies by less (grey levels) shows nothing."""

Floats = NDArray[np.float32]


def work_hashes(frame: NDArray[np.uint8], ms: int) -> list[Hash]:
    """The one hash of a work's frame of ``SIDE`` by ``SIDE`` points; none of a flat one."""
    waves = _MIDDLE_BASE @ frame.astype(np.float32) @ _MIDDLE_BASE.T
    return [] if _is_flat(waves) else [Hash(_packed(waves[_KEY] > 0), ms, 0, _packed(waves[_DETAIL] > 0))]


def query_hashes(frame: NDArray[np.uint8], ms: int) -> list[Hash]:
    """The hashes that the frame of a work would have which this one may be made of."""
    everything = _ROWS @ frame.astype(np.float32) @ _ROWS.T
    found: dict[int, Hash] = {}
    for rows, columns in _WINDOWS:
        waves = everything[rows * WAVES : (rows + 1) * WAVES, columns * WAVES : (columns + 1) * WAVES]
        if _is_flat(waves):
            continue
        for is_mirrored in (False, True):
            seen = waves * _MIRROR if is_mirrored else waves
            detail = _packed(seen[_DETAIL] > 0)
            for key in _keys(seen[_KEY]):
                found.setdefault(key, Hash(key, ms, int(is_mirrored) * MIRRORED, detail))
    return list(found.values())


def _cosines(start: float, size: float) -> Floats:
    """Waves by points: the transform of a window, of which each point is as much as lies in it, and less towards the
    edges: a half wave of a sine.

    All but the first have no mean, so that light shows in no other wave.
    """
    edges = np.arange(SIDE + 1) / SIDE
    left, right = np.clip(edges[:-1], start, start + size), np.clip(edges[1:], start, start + size)
    at = ((left + right) / 2 - start) / size
    weight = (right - left) * np.sin(np.pi * np.clip(at, 0, 1))
    weight /= weight.sum()
    waves = np.cos(np.pi * np.arange(WAVES)[:, None] * at) * weight
    waves[1:] -= weight * (waves[1:].sum(1, keepdims=True))
    return waves.astype(np.float32)


def _starts() -> list[tuple[int, float, float]]:
    """Cut, begin and size of each window along one axis."""
    found = []
    for number, left in enumerate(CUTS):
        size, room = MIDDLE / left, (1 - left) / left
        for share in (0.0, -0.5, 0.5) if room > 0 else (0.0,):
            found.append((number, (1 - size) / 2 + share * room, size))
    return found


def _packed(signs: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(signs).tobytes(), "big") >> (-len(signs) % 8)


def _is_flat(waves: Floats) -> bool:
    return bool(np.sqrt(np.sum(waves.ravel()[1:] ** 2)) < FLAT)


def _keys(waves: Floats) -> list[int]:
    """The key, and those with some of the weakest signs turned."""
    key = _packed(waves > 0)
    weakest = np.argsort(np.abs(waves) * _LOUD)[:WEAK]
    bits = [1 << (len(waves) - 1 - int(place)) for place in weakest]
    return [
        key ^ sum(bit for bit, is_turned in zip(bits, turned, strict=True) if is_turned)
        for turned in product((False, True), repeat=WEAK)
    ]


_SUMS: Final = np.add.outer(np.arange(WAVES), np.arange(WAVES))
_KEY: Final = (_SUMS > 0) & (_SUMS <= KEY_WAVES)
_DETAIL: Final = (_SUMS > KEY_WAVES) | (_SUMS == 0)
_LOUD: Final = _SUMS[_KEY].astype(np.float32)
_MIRROR: Final = np.where(np.arange(WAVES) % 2 == 1, -1.0, 1.0).astype(np.float32)[None, :]
_MIDDLE_BASE: Final = _cosines((1 - MIDDLE) / 2, MIDDLE)
_STARTS: Final = _starts()
_ROWS: Final = np.concatenate([_cosines(start, size) for _, start, size in _STARTS])
_WINDOWS: Final = [
    (row, column)
    for row, (one, _, _) in enumerate(_STARTS)
    for column, (other, _, _) in enumerate(_STARTS)
    if abs(one - other) <= 1
]
