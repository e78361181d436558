"""When runs of hits are one match, what a match leads to, and how a dispute goes. Pure.

A match is ``open`` until its publisher disputes it. The owner of the work then upholds or withdraws it; when nobody
has answered by the end of its time it is withdrawn. Both ends are final.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from media.fingerprints.alignment import Alignment
from media.fingerprints.messages import Hash, Kind
from server.http.errors import Problem

State = Literal["open", "disputed", "upheld", "withdrawn"]
Act = Literal["dispute", "uphold", "withdraw", "expire"]
Party = Literal["holder", "publisher", "server"]
Policy = Literal["credit", "mute", "block"]

MOVES: Final[Mapping[tuple[str, Act], State]] = {
    ("open", "dispute"): "disputed",
    ("open", "withdraw"): "withdrawn",
    ("disputed", "uphold"): "upheld",
    ("disputed", "withdraw"): "withdrawn",
    ("disputed", "expire"): "withdrawn",
}
MAY: Final[Mapping[Act, Party]] = {
    "dispute": "publisher",
    "uphold": "holder",
    "withdraw": "holder",
    "expire": "server",
}
CREDITED_MS: Final = 7_000
"""More than this is credited."""
MAX_LIVE_MUTE_MS: Final = 600_000
"""So long a stream on the air is mute at most after what was found of a work; it is looked at again meanwhile."""
WINDOW_MS: Final = 20_000
HOP_MS: Final = 10_000
"""Look-ups are of windows that overlap, so that each run of ten seconds lies in one."""
JOINED_MS: Final = 10_000
"""A shorter time between two runs on one line is part of the match."""
DRIFT_MS: Final = 1_500
A_SECOND: Final[Mapping[Kind, float]] = {"audio": 4.0, "video": 1.0}
"""Moments that are found of an unchanged work, about."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A time that a medium has in common with a work. ``score``: 0 to 1."""

    work: int
    from_ms: int
    to_ms: int
    work_from_ms: int
    score: float
    speed: float = 1.0

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms


def run_of(work: int, kind: Kind, found: Alignment) -> Run:
    seconds = max(1.0, (found.to_ms - found.from_ms) / 1000)
    return Run(
        work=work,
        from_ms=found.from_ms,
        to_ms=found.to_ms,
        work_from_ms=found.work_from_ms,
        score=round(min(1.0, found.score / seconds / A_SECOND[kind]), 3),
        speed=found.speed,
    )


def joined(runs: Iterable[Run]) -> list[Run]:
    """Runs of one work on one line, with no long time between them, are one run; in order of time."""
    made: list[Run] = []
    for run in sorted(runs, key=lambda one: (one.work, one.from_ms, one.to_ms)):
        place = next((at for at in reversed(range(len(made))) if is_continued(made[at], run)), None)
        if place is None:
            made.append(run)
        else:
            made[place] = join(made[place], run)
    return sorted(made, key=lambda one: (one.from_ms, one.work))


def is_continued(former: Run, run: Run) -> bool:
    """Whether ``run`` goes on where ``former`` would have come to, or repeats it. The order is that of their begins."""
    if run.work != former.work or run.from_ms > former.to_ms + JOINED_MS or former.from_ms > run.to_ms + JOINED_MS:
        return False
    expected = former.work_from_ms + (run.from_ms - former.from_ms) * former.speed
    return abs(run.work_from_ms - expected) <= DRIFT_MS + 0.02 * abs(run.from_ms - former.from_ms)


def join(one: Run, other: Run) -> Run:
    first = min(one, other, key=lambda run: run.from_ms)
    return msgspec.structs.replace(first, to_ms=max(one.to_ms, other.to_ms), score=max(one.score, other.score))


def windows(hashes: Sequence[Hash]) -> Iterator[Sequence[Hash]]:
    """Hashes in order of time, in windows that overlap; the last one may be short."""
    if not hashes:
        return
    start, end = hashes[0].ms, hashes[-1].ms
    while True:
        yield [each for each in hashes if start <= each.ms < start + WINDOW_MS]
        if start + WINDOW_MS > end:
            return
        start += HOP_MS


def is_credited(policy: str, length_ms: int) -> bool:
    return policy == "credit" and length_ms > CREDITED_MS


def muted_until(run: Run, *, work_ms: int | None, end_ms: int) -> int | None:
    """Until when on its media clock a stream on the air is mute, which was looked at as far as ``end_ms``: as long as
    the rest of the work would last (None: nobody knows how long it is). None where the work has stopped before, or
    too little of it was found."""
    if run.length_ms <= CREDITED_MS or run.to_ms < end_ms - JOINED_MS:
        return None
    at_ms = run.work_from_ms + round(run.length_ms * run.speed)
    rest_ms = MAX_LIVE_MUTE_MS if work_ms is None else min(MAX_LIVE_MUTE_MS, work_ms - at_ms)
    return run.to_ms + rest_ms if rest_ms > 0 else None


def moved(state: str, act: Act, party: Party) -> State:
    """The state after an act. Raises a 403 for the wrong party, and a 409 where it does not follow."""
    if MAY[act] != party:
        whose = "the publisher disputes" if MAY[act] == "publisher" else "the owner of the work decides"
        raise Problem(403, f"Of a match, {whose}", slug="not-your-side")
    following = MOVES.get((state, act))
    if following is None:
        raise Problem(409, f"The match is {state}", slug="match-state")
    return following
