"""From hits of single hashes to the time that two works have in common. Pure; no numpy, so that servers may import it.

Hits that belong together lie on one line: the time in the work grows with the time in the query, at a speed near 1, and
the pitch differs by the same interval throughout. Hits by chance lie anywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

SPEEDS: Final = tuple(1 + step / 200 for step in range(-9, 10))
"""Time in the work that passes in a second of the query: 0.955 to 1.045."""
BIN_MS: Final = 120
PITCH_BIN: Final = 4
"""A band, which is a 36th of an octave."""
LEAST_SOUNDS: Final = 6
LEAST_PICTURES: Final = 3
"""Moments of a line below which it may be chance."""
MAX_DIFFERENT: Final = 8
"""Signs of the detail of a picture's hash, of 22, that may differ in pictures that are the same."""
MAX_GAP_MS: Final = 6_000
"""A longer time without a hit ends the match."""


class Hit(NamedTuple):
    """One hash that both have: where in the query, where in the work. ``turn``: by how much the pitch differs; of
    pictures, which way the frame was turned and cut."""

    ms: int
    work_ms: int
    turn: int


class Alignment(NamedTuple):
    """``score``: how many moments of the query were found."""

    from_ms: int
    to_ms: int
    work_from_ms: int
    speed: float
    score: int


def align(hits: Sequence[Hit], *, least: int, speeds: Iterable[float] = SPEEDS) -> list[Alignment]:
    """The lines with at least ``least`` moments, the strongest first; each hit counts for one of them."""
    left, found = list(hits), []
    while len(left) >= least:
        line = _line(left, speeds)
        moments = {hit.ms for hit in line}
        if len(moments) < least:
            break
        found += [_alignment(part) for part in _parts(line) if len({hit.ms for hit in part}) >= least]
        taken = set(line)
        left = [hit for hit in left if hit not in taken]
    return found


def _line(hits: Sequence[Hit], speeds: Iterable[float]) -> list[Hit]:
    """The hits of the line that most moments lie on."""
    best: tuple[int, float, tuple[int, int]] = (0, 1.0, (0, 0))
    for speed in speeds:
        cells = Counter({cell: len(moments) for cell, moments in _cells(hits, speed).items()})
        for cell, _ in cells.most_common(3):
            best = max(best, (_around(cells, cell) + cells[cell], speed, cell))
    _, speed, (at, turn) = best
    return [hit for hit in hits if _is_near(_cell(hit, speed), (at, turn))]


def _cells(hits: Sequence[Hit], speed: float) -> dict[tuple[int, int], set[int]]:
    cells: dict[tuple[int, int], set[int]] = defaultdict(set)
    for hit in hits:
        cells[_cell(hit, speed)].add(hit.ms)
    return cells


def _cell(hit: Hit, speed: float) -> tuple[int, int]:
    return round((hit.work_ms - hit.ms * speed) / BIN_MS), round(hit.turn / PITCH_BIN)


def _around(cells: Counter[tuple[int, int]], cell: tuple[int, int]) -> int:
    return sum(cells[cell[0] + at, cell[1] + turn] for at in (-1, 0, 1) for turn in (-1, 0, 1))


def _is_near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] - other[0]) <= 1 and abs(one[1] - other[1]) <= 1


def _parts(line: Sequence[Hit]) -> list[list[Hit]]:
    """Runs without a long gap."""
    parts: list[list[Hit]] = []
    for hit in sorted(line):
        if not parts or hit.ms - parts[-1][-1].ms > MAX_GAP_MS:
            parts.append([])
        parts[-1].append(hit)
    return parts


def _alignment(part: Sequence[Hit]) -> Alignment:
    """The straight line through the hits, by least squares."""
    first, last, count = part[0].ms, part[-1].ms, len(part)
    middle, work_middle = sum(hit.ms for hit in part) / count, sum(hit.work_ms for hit in part) / count
    spread = sum((hit.ms - middle) ** 2 for hit in part)
    together = sum((hit.ms - middle) * (hit.work_ms - work_middle) for hit in part)
    speed = min(max(together / spread if spread else 1.0, SPEEDS[0]), SPEEDS[-1])
    work_from = max(0, round(work_middle + (first - middle) * speed))
    return Alignment(first, last, work_from, speed, len({hit.ms for hit in part}))
