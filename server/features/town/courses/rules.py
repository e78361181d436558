"""Lessons, their order and quizzes. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

FULL: Final = 100


def needs_itself(requires: Mapping[str, Sequence[str]], lesson_id: str) -> bool:
    """Whether a lesson could only be begun after itself. ``requires``: lesson → those that come before it."""
    seen: set[str] = set()
    ahead = list(requires.get(lesson_id, ()))
    while ahead:
        one = ahead.pop()
        if one == lesson_id:
            return True
        if one not in seen:
            seen.add(one)
            ahead += requires.get(one, ())
    return False


def is_done(kind: str, percent: int, pass_percent: int) -> bool:
    return percent >= (pass_percent if kind == "quiz" else FULL)


def score(questions: Sequence[Mapping[str, Any]], answers: Sequence[int]) -> int:
    """The share of right answers, in percent, rounded down."""
    right: int = sum(question["answer"] == answer for question, answer in zip(questions, answers, strict=True))
    return right * FULL // len(questions)


def folded(text: str) -> str:
    """The text as it is searched."""
    return unicodedata.normalize("NFKC", text).casefold()
