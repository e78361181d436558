"""The settings of screening."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field, field_validator

KINDS: Final = ("post", "person", "stream", "community", "video", "message")
LABELS: Final = ("toxicity", "spam", "word", "repeats")
OUTCOMES: Final = ("blur", "hold", "remove")
"""From the mildest to the hardest."""
DEFAULT: Final = "*.toxicity.blur=0.8, *.toxicity.hold=0.97, *.spam.hold=0.95, *.word.hold=1, *.repeats.blur=1"


class ScreeningSettings(BaseModel):
    screening_model: bool = Field(True, description="whether texts are judged by the text model besides the words")
    screening_conversations: bool = Field(
        False, description="whether messages of conversations between people are judged too, not only those of the "
        "rooms of streams and communities",
    )  # fmt: skip
    screening_words: str = Field(
        "", max_length=100_000, description="words, comma-separated, that no text of a person may have before a person "
        "of the moderators has looked at it",
    )  # fmt: skip
    screening_thresholds: str = Field(
        DEFAULT, max_length=4_000,
        description="from which score on, 0 to 1, a label has what outcome, comma-separated: kind.label.outcome=score; "
        "kind: post, person, stream, community, video, message or *; label: toxicity, spam, word, repeats; "
        "outcome: blur, hold, remove",
    )  # fmt: skip

    @field_validator("screening_thresholds")
    @classmethod
    def _is_read(cls, text: str) -> str:
        thresholds_of(text)
        return text


Thresholds = dict[tuple[str, str], dict[str, float]]
"""(Kind, label) → outcome → the least score."""


def thresholds_of(text: str) -> Thresholds:
    """A rule of a kind goes before one of ``*``. Raises a ``ValueError`` that names the rule."""
    found: Thresholds = {}
    for rule in filter(None, (one.strip() for one in text.split(","))):
        kind, label, outcome, score = _rule(rule)
        found.setdefault((kind, label), {})[outcome] = score
    return found


def _rule(rule: str) -> tuple[str, str, str, float]:
    names, _, number = rule.partition("=")
    parts = names.strip().split(".")
    try:
        score = float(number)
    except ValueError:
        score = -1.0
    is_known = len(parts) == 3 and parts[0] in (*KINDS, "*") and parts[1] in LABELS and parts[2] in OUTCOMES
    if not is_known or not 0 <= score <= 1:
        raise ValueError(f"{rule!r} is no threshold: kind.label.outcome=score, as post.toxicity.hold=0.9")
    return parts[0], parts[1], parts[2], score
