"""Which moments stand out, by how many people wrote and what was clipped. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

STEP_MS: Final = 5_000
MOST: Final = 10
LEAST_PEOPLE: Final = 3
"""In one step: what fewer say is no crowd."""
LEAST_SCORE: Final = 3.0
"""Times the usual deviation above what is usual around it."""
CLIP_PEOPLE: Final = 2
"""People who write that one clip of a moment weighs as much as."""
AROUND: Final = 60
"""Steps on either side that tell what is usual."""
LEAD_MS, TRAIL_MS, LONGEST_MS = 15_000, 5_000, 60_000
"""People write some seconds after what they write about."""

Reason = Literal["chat", "clips"]


class Clipped(msgspec.Struct, frozen=True, kw_only=True):
    from_ms: int
    to_ms: int


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """On the media clock. ``score``: how far it stands out, 1 at the least; ``reasons``: by what."""

    from_ms: int
    to_ms: int
    score: float
    reasons: tuple[Reason, ...]


def highlights(people: Mapping[int, int], clips: Sequence[Clipped], *, length_ms: int) -> list[Highlight]:
    """The most outstanding moments, in order of time; no two overlap.

    ``people``: by the step of ``STEP_MS``, how many persons wrote in it. ``length_ms``: of the stream so far.
    """
    steps = max(length_ms // STEP_MS + 1, 1)
    clipped = _clips_by_step(clips, steps)
    weights = [people.get(step, 0) + CLIP_PEOPLE * clipped[step] for step in range(steps)]
    scored = [(_score(weights, step), step) for step in range(steps) if weights[step] >= LEAST_PEOPLE]
    chosen: list[Highlight] = []
    for score, step in sorted(scored, key=lambda each: (-each[0], each[1])):
        if score < LEAST_SCORE or len(chosen) == MOST:
            break
        found = _span(weights, step, score, _reasons(people.get(step, 0), clipped[step]), length_ms)
        if all(found.to_ms <= other.from_ms or found.from_ms >= other.to_ms for other in chosen):
            chosen.append(found)
    return sorted(chosen, key=lambda each: each.from_ms)


def _clips_by_step(clips: Sequence[Clipped], steps: int) -> list[int]:
    """A clip counts where it ends: it was made right after."""
    counts = [0] * steps
    for clip in clips:
        counts[min(max(clip.to_ms - 1, 0) // STEP_MS, steps - 1)] += 1
    return counts


def _score(weights: Sequence[int], step: int) -> float:
    """By median and median deviation, which a peak itself hardly moves."""
    around = weights[max(step - AROUND, 0) : step + AROUND + 1]
    usual = statistics.median(around)
    deviation = statistics.median(abs(each - usual) for each in around)
    return (weights[step] - usual) / max(deviation, 1.0)


def _span(weights: Sequence[int], step: int, score: float, reasons: tuple[Reason, ...], length_ms: int) -> Highlight:
    """From before the crowd rose until it has fallen to half of its peak."""
    half = weights[step] / 2
    first = last = step
    while first > 0 and weights[first - 1] > half:
        first -= 1
    while last + 1 < len(weights) and weights[last + 1] > half:
        last += 1
    from_ms = max(first * STEP_MS - LEAD_MS, 0)
    to_ms = min((last + 1) * STEP_MS + TRAIL_MS, from_ms + LONGEST_MS, max(length_ms, from_ms + 1))
    return Highlight(from_ms=from_ms, to_ms=to_ms, score=round(score / LEAST_SCORE, 2), reasons=reasons)


def _reasons(people: int, clips: int) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if people >= LEAST_PEOPLE:
        found.append("chat")
    if clips:
        found.append("clips")
    return tuple(found) or ("chat",)
