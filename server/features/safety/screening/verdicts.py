"""What becomes of a text by its labels. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from actors.screening import BannedWord, ChatFilter, Screen
from server.features.safety.screening.heads import Scores
from server.features.safety.screening_settings import OUTCOMES, Thresholds

Kind = Literal["post", "person", "stream", "community", "video", "message"]
Outcome = Literal["allow", "blur", "hold", "remove"]
MAX_PIECE: Final = 240
MAX_PIECES: Final = 8
"""What of a long text the model reads: so many pieces of so many characters, from its beginning."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """``label``: that led to the outcome. ``labels``: all that were found, with their scores from 0 to 1."""

    outcome: Outcome
    label: str = ""
    labels: Mapping[str, float] = {}


class Judge:
    """The thresholds of the operator, and their words."""

    def __init__(self, *, thresholds: Thresholds, words: Sequence[str]) -> None:
        self._thresholds = thresholds
        self._screen = Screen(
            ChatFilter(words=tuple(BannedWord(text=word, action="hold") for word in words), repeats="hold")
        )

    def policy(self, text: str) -> dict[str, float]:
        """Label → 1 of what the rules of chat find in a text."""
        verdict = self._screen.judge(text)
        return {} if verdict.reason is None else {verdict.reason: 1.0}

    def verdict(self, kind: Kind, labels: Mapping[str, float]) -> Verdict:
        """The hardest outcome of all labels counts; of equal ones that of the higher score."""
        best = Verdict(outcome="allow", labels=labels)
        reached = (-1, 0.0)
        for label, score in labels.items():
            rank = self._rank(kind, label, score)
            if rank >= 0 and (rank, score) > reached:
                reached = (rank, score)
                best = Verdict(outcome=OUTCOMES[rank], label=label, labels=labels)
        return best

    def _rank(self, kind: Kind, label: str, score: float) -> int:
        """Of the hardest outcome that a score reaches; -1: none."""
        rules = {**self._thresholds.get(("*", label), {}), **self._thresholds.get((kind, label), {})}
        return max((OUTCOMES.index(outcome) for outcome, least in rules.items() if score >= least), default=-1)


def labels_of(scores: Sequence[Scores]) -> dict[str, float]:
    """Of a text, by its pieces: what is worst in any of them."""
    return {
        "toxicity": round(max(one.toxicity for one in scores), 3),
        "spam": round(max(one.spam for one in scores), 3),
    }


def pieces_of(text: str) -> list[str]:
    """Lines and parts of them, short enough for the model, which reads one meaning out of each."""
    pieces: list[str] = []
    for line in text.splitlines():
        rest = " ".join(line.split())
        while rest and len(pieces) < MAX_PIECES:
            piece, rest = _cut(rest)
            pieces.append(piece)
    return pieces[:MAX_PIECES]


def _cut(line: str) -> tuple[str, str]:
    if len(line) <= MAX_PIECE:
        return line, ""
    at = line.rfind(" ", 1, MAX_PIECE)
    at = at if at > 0 else MAX_PIECE
    return line[:at], line[at:].strip()
