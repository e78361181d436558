"""Posts that may be shown, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from storage.timelines import Position

Reason = Literal["live", "following", "own", "community", "hashtag", "affinity", "popular", "new"]
"""Why an item is in a feed. ``community``: the reader is a member of the one where it is. ``affinity``: they often
answer or react to its author.
"""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A post that may be shown. ``tag``: the followed hashtag that brings it."""

    at: datetime
    id: str
    reason: Reason
    tag: str | None = None
    stream_id: str | None = None

    @property
    def position(self) -> Position:
        return self.at, self.id


def without_streams(candidates: Sequence[Candidate], stream_ids: Iterable[str]) -> list[Candidate]:
    """Those that are not the post of a stream which the page shows itself."""
    shown = set(stream_ids)
    return [one for one in candidates if one.stream_id is None or one.stream_id not in shown]
