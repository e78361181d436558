"""What is found for a question: passages with their sources, at most so many characters of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

SourceKind = Literal["article", "post", "stream", "recording", "clip", "ticket", "order"]
MAX_PASSAGES: Final = 8
MAX_OF_ONE: Final = 1_200
MAX_IN_ALL: Final = 6_000
MAX_TITLE: Final = 120


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: a place of this server's page."""

    kind: SourceKind
    title: str
    url: str
    text: str


def bounded(found: Iterable[Passage]) -> Sequence[Passage]:
    """The first of them, cut to what a question carries."""
    kept: list[Passage] = []
    left = MAX_IN_ALL
    for one in found:
        text = one.text[: min(MAX_OF_ONE, left)]
        left -= len(text)
        kept.append(msgspec.structs.replace(one, text=text, title=one.title[:MAX_TITLE]))
        if left <= 0 or len(kept) == MAX_PASSAGES:
            break
    return kept
