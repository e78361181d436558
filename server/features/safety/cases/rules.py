"""How grave a case is, what may be done about what, and by when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final, Literal, get_args

import msgspec

Kind = Literal["person", "stream", "message", "post", "video", "community"]
Reason = Literal[
    "spam", "harassment", "hate", "violence", "self_harm", "sexual", "minors", "illegal", "impersonation", "copyright",
    "misinformation", "other",
]  # fmt: skip
Severity = Literal["low", "medium", "high", "critical"]
Action = Literal["dismiss", "warn", "mute", "blur", "hide", "remove", "end", "restrict", "suspend", "escalate"]
State = Literal["open", "escalated", "closed"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
RANKS: Final[Mapping[Severity, int]] = {severity: rank for rank, severity in enumerate(SEVERITIES)}

_POINTS: Final[Mapping[Reason, float]] = {
    "spam": 1, "misinformation": 1, "other": 1, "copyright": 2, "impersonation": 2, "sexual": 3, "harassment": 3,
    "hate": 4, "violence": 5, "illegal": 5, "self_harm": 6, "minors": 9,
}  # fmt: skip
_THRESHOLDS: Final[tuple[tuple[float, Severity], ...]] = ((8, "critical"), (5, "high"), (3, "medium"))
_DUE: Final[Mapping[Severity, timedelta]] = {
    "critical": timedelta(hours=1),
    "high": timedelta(hours=6),
    "medium": timedelta(days=1),
    "low": timedelta(days=3),
}
CREDIBLE_AT_MOST: Final = 3.0
"""What many reporters of one thing add at most: a ring of a thousand weighs no more than a handful of people."""
ON_AIR: Final = 2.0
"""What it adds that a stream runs: each minute shows it to more people."""

STRIKE_LASTS: Final = timedelta(days=90)
CLAIM_LASTS: Final = timedelta(minutes=15)
APPEAL_DUE: Final = timedelta(days=7)

_OF_CONTENT: Final[frozenset[Action]] = frozenset({"hide", "remove"})
_ON_SOME: Final[Mapping[Action, frozenset[Kind]]] = {
    "blur": frozenset({"post", "stream", "video"}),
    "mute": frozenset({"stream"}),
    "end": frozenset({"stream"}),
}
"""``blur``: a warning stands before it. ``mute``: it goes on without its sound, also in what is recorded from then on.
``end``: the broadcast, for good; what was recorded stays."""
OF_PEOPLE: Final[frozenset[Action]] = frozenset({"warn", "restrict", "suspend"})
NEEDS_UNTIL: Final[frozenset[Action]] = frozenset({"restrict", "suspend"})
STRIKES: Final[frozenset[Action]] = _OF_CONTENT | OF_PEOPLE
"""Acts that give a strike to whom they concern."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a person's former reports."""

    acted: int = 0
    dismissed: int = 0

    @property
    def credibility(self) -> float:
        """0 to 1, 0.5 for who has not reported yet: the mean of a beta distribution that began at 1, 1."""
        return (self.acted + 1) / (self.acted + self.dismissed + 2)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason
    record: Record


def severity_of(reports: Collection[Report], *, is_on_air: bool = False) -> Severity:
    """By the gravest reason, by how many report who are worth believing, and by whether it is on the air."""
    gravest = max((_POINTS[one.reason] * (0.5 + one.record.credibility) for one in reports), default=0.0)
    crowd = min(CREDIBLE_AT_MOST, sum(one.record.credibility for one in reports) / 2)
    points = gravest + crowd + (ON_AIR if is_on_air else 0.0)
    return next((severity for least, severity in _THRESHOLDS if points >= least), "low")


def due_in(severity: Severity) -> timedelta:
    return _DUE[severity]


def actions_on(kind: Kind, *, has_owner: bool) -> frozenset[Action]:
    """What moderators may do about a thing of this kind."""
    always: frozenset[Action] = frozenset({"dismiss", "escalate"})
    content = _OF_CONTENT if kind != "person" else frozenset()
    some = frozenset(action for action, kinds in _ON_SOME.items() if kind in kinds)
    return always | content | some | (OF_PEOPLE if has_owner else frozenset())


def gravest(reasons: Collection[Reason]) -> Reason:
    return max(reasons, key=lambda reason: _POINTS[reason])
