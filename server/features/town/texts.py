"""Texts of the town as a search for their parts compares them. Pure."""

from __future__ import annotations

from collections.abc import Callable

Fold = Callable[[str], str]
"""Gives texts that read alike one spelling."""


def pattern_of(folded: str) -> str:
    """For ``like``: anything that has the text somewhere in it."""
    return "%" + folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
