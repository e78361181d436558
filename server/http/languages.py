"""Which language a client would rather read (RFC 9110 section 12.5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_RANGES: Final = 16


def preferred(header: str, languages: Sequence[str]) -> str:
    """The first of ``languages`` unless an ``Accept-Language`` header ranks another one higher."""
    ranked = sorted((_range(text) for text in header.split(",")[:MAX_RANGES]), key=lambda one: -one[1])
    for tag, weight in ranked:
        if weight > 0 and tag in languages:
            return tag
    return languages[0]


def _range(text: str) -> tuple[str, float]:
    """The primary subtag and its weight, which is 0 for what cannot be read."""
    tag, _, parameter = text.partition(";")
    return tag.strip().partition("-")[0].lower(), _weight(parameter.strip())


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0
