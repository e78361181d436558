"""The durable facts of matches."""

from __future__ import annotations

from storage.facts import Fact


class MatchCredited(Fact, frozen=True, kw_only=True, tag="match.credited"):
    """More than ``rules.CREDITED_MS`` of a work whose policy is credit were found in a video or a stream, whose revenue
    its owner and the publisher share from now on. Published once a match; ``media_kind`` is ``video`` or ``stream``.
    """

    match_id: str
    work_id: str
    holder_id: str
    publisher_id: str
    media_id: str
    media_kind: str
    from_ms: int
    to_ms: int


class MatchDecided(Fact, frozen=True, kw_only=True, tag="match.decided"):
    """``state``: ``disputed`` holds what the match would share; ``upheld`` shares it, ``withdrawn`` does not."""

    match_id: str
    work_id: str
    holder_id: str
    publisher_id: str
    media_id: str
    state: str
