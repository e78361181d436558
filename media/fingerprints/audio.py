"""Hashes of sound: triplets of peaks of a spectrogram. Pure numpy.

A hash holds only what a change of speed, of pitch or of tempo leaves: the intervals between three peaks on a
logarithmic scale of frequency, and the ratio of their distances in time. Where the first peak lies and how far the last
one is away are in it too, but so coarsely that a few percent change neither, or only across an edge, which the look-up
probes. The idea is that of Six and Leman, "Panako: a scalable acoustic fingerprinting system" (ISMIR 2014).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.fingerprints.messages import Hash

RATE: Final = 8_000
"""Samples a second, one channel."""
WINDOW: Final = 2_048
HOP: Final = 256
HOP_MS: Final = HOP * 1000 / RATE
PER_OCTAVE: Final = 36
LOWEST_HZ: Final = 220.0
BANDS: Final = 144
"""Four octaves."""

QUIET: Final = 1e-4
"""No peak is sought below this magnitude, which is about -80 dB of full scale."""
MIN_FRAMES: Final = 8
MAX_FRAMES: Final = 78
"""Of the distance of the first and the last peak: 0.25 to 2.5 s."""
MAX_INTERVAL: Final = 54
"""One and a half octaves."""
EDGE: Final = 0.3
"""The look-up probes the neighbour too when a value lies so near to it."""
ONE_IN: Final = 9
"""Of all triplets, those are kept whose hash is divisible so: the same ones on both sides."""

Floats = NDArray[np.float32]


class Density(NamedTuple):
    """A peak is the highest of ``frames`` and ``bands`` on each side, and among the strongest of its second. It stands
    in triplets with pairs of the ``following`` ones."""

    frames: int
    bands: int
    a_second: int
    following: int
    probes: bool


OF_WORK: Final = Density(frames=8, bands=5, a_second=14, following=5, probes=False)
OF_QUERY: Final = Density(frames=6, bands=4, a_second=18, following=8, probes=True)
"""More peaks than are kept of a work, since another sound in front of it adds some; with more than these the following
ones of each are nearer than those of the work, so that less is found by more look-ups."""


def audio_hashes(samples: Floats, density: Density) -> list[Hash]:
    """Of ``RATE`` samples a second in -1..1, in order of time; for a look-up, with the neighbours."""
    times, pitches = peaks(samples, density)
    return _triplets(times, pitches, density)


def _filters() -> Floats:
    """From bins of the Fourier transform to bands: triangles in the logarithm of the frequency."""
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    at = np.full_like(hz, -10.0)
    at[1:] = np.log2(hz[1:] / LOWEST_HZ) * PER_OCTAVE
    width = np.maximum(1.0, np.log2(1 + (RATE / WINDOW) / np.maximum(hz, 1.0)) * PER_OCTAVE)
    near = 1 - np.abs(at[:, None] - np.arange(BANDS)[None, :]) / width[:, None]
    filters: Floats = np.maximum(near, 0).astype(np.float32)
    return filters


_FILTERS: Final = _filters()
_HANN: Final = np.hanning(WINDOW).astype(np.float32)


def spectrogram(samples: Floats) -> Floats:
    """Frames by bands; the natural logarithm of the magnitude."""
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    parts = [_bands(frames[at : at + 1_024]) for at in range(0, len(frames), 1_024)]
    return np.concatenate(parts)


def _bands(frames: Floats) -> Floats:
    magnitude = np.abs(np.fft.rfft(frames * _HANN, axis=1)).astype(np.float32) * (4 / WINDOW)
    return np.log(magnitude @ _FILTERS + QUIET * 0.01).astype(np.float32)


def peaks(samples: Floats, density: Density) -> tuple[Floats, Floats]:
    """Frames and bands of the peaks, between the grid's points, in order of time."""
    grid = spectrogram(samples)
    if len(grid) < 3:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    highest = _highest_around(_highest_around(grid, density.frames, 0), density.bands, 1)
    is_peak = (grid == highest) & (grid > np.log(QUIET))
    is_peak[0] = is_peak[-1] = False
    is_peak[:, 0] = is_peak[:, -1] = False
    rows, columns = np.nonzero(is_peak)
    rows, columns = _strongest(grid, rows, columns, density.a_second)
    times = rows + _vertex(grid[rows - 1, columns], grid[rows, columns], grid[rows + 1, columns])
    pitches = columns + _vertex(grid[rows, columns - 1], grid[rows, columns], grid[rows, columns + 1])
    return times.astype(np.float32), pitches.astype(np.float32)


def _highest_around(grid: Floats, reach: int, axis: int) -> Floats:
    """The highest of ``reach`` values on each side, along an axis; in logarithmically many steps."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach, reach)
    padded = np.pad(grid, pad, constant_values=-np.inf)
    size, span = 2 * reach + 1, 1
    while span * 2 <= size:
        padded = np.maximum(*_shifted(padded, span, axis))
        span *= 2
    return np.maximum(*_shifted(padded, size - span, axis)) if size > span else padded


def _shifted(grid: Floats, by: int, axis: int) -> tuple[Floats, Floats]:
    count = grid.shape[axis] - by
    return grid.take(range(count), axis), grid.take(range(by, by + count), axis)


def _strongest(
    grid: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], a_second: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """At most so many of each second."""
    second = (rows * HOP_MS / 1000).astype(np.int64)
    order = np.lexsort((-grid[rows, columns], second))
    _, first = np.unique(second[order], return_index=True)
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept = np.sort(order[rank < a_second])
    return rows[kept], columns[kept]


def _vertex(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Where between the points the parabola through three of them is highest, -0.5 to 0.5."""
    bend = left - 2 * middle + right
    safe = np.where(np.abs(bend) < 1e-6, -1.0, bend)
    return np.clip(0.5 * (left - right) / safe, -0.5, 0.5).astype(np.float32)


def _triplets(times: Floats, pitches: Floats, density: Density) -> list[Hash]:
    found: dict[tuple[int, int], Hash] = {}
    t, p = times.tolist(), pitches.tolist()
    for first in range(len(t)):
        after = _following(t, p, first, density.following)
        for at, second in enumerate(after):
            for third in after[at + 1 :]:
                for value in _values(t, p, (first, second, third), density.probes):
                    ms = round(t[first] * HOP_MS)
                    found.setdefault((ms, value), Hash(value, ms, round(p[first] * 4)))
    return sorted(found.values(), key=lambda each: each.ms)


def _following(t: list[float], p: list[float], first: int, most: int) -> list[int]:
    """The next peaks that may stand in a triplet with this one."""
    found: list[int] = []
    for other in range(first + 1, len(t)):
        distance = t[other] - t[first]
        if distance > MAX_FRAMES or len(found) == most:
            break
        if distance >= 2 and abs(p[other] - p[first]) <= MAX_INTERVAL:
            found.append(other)
    return found


def _values(t: list[float], p: list[float], triplet: tuple[int, int, int], probes: bool) -> list[int]:
    """The hash of a triplet, and those of its neighbours; none of one that is too short, or left out."""
    first, second, third = triplet
    whole = t[third] - t[first]
    if whole < MIN_FRAMES:
        return []
    axes = [
        _near(p[first] / 12, probes, 0.16),
        _near(p[second] - p[first], probes, EDGE),
        _near(p[third] - p[first], probes, EDGE),
        _near((t[second] - t[first]) / whole * 16, probes, EDGE),
        _near(np.log2(whole / MIN_FRAMES) * 3, probes, 0.16),
    ]
    return [value for value in _combined(axes) if value % ONE_IN == 0]


def _near(value: float, probes: bool, edge: float) -> list[int]:
    """The whole number next to a value; when probing, also the other one that it nearly is."""
    nearest = round(value)
    over = value - nearest
    if not probes or abs(over) < 0.5 - edge:
        return [nearest]
    return [nearest, nearest + (1 if over > 0 else -1)]


def _combined(axes: list[list[int]]) -> list[int]:
    values = [0]
    for axis, size in zip(axes, (16, 128, 128, 17, 16), strict=True):
        values = [value * size + (each + size // 2) % size for value in values for each in axis]
    return [_mixed(value) for value in values]


def _mixed(value: int) -> int:
    """Spread over 31 bits (an odd factor permutes them), so that keeping one in three keeps no pattern."""
    return value * 0x9E3779B1 % 2**31
