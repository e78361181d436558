"""The durable facts of matches."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

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


class MatchClaimed(Fact, frozen=True, kw_only=True, tag="match.claimed"):
    """More than ``rules.CREDITED_MS`` of a work are in a video or stream: its policy holds. Published once a match."""

    match_id: str
    holder_id: str
    publisher_id: str
    policy: Literal["credit", "mute", "block"]
    at: datetime


class MatchDecided(Fact, frozen=True, kw_only=True, tag="match.decided"):
    """``state``: ``disputed`` holds what the match would share; ``upheld`` shares it, ``withdrawn`` does not.
    ``by_id``: who did it; None is the server, since a dispute has had no answer. ``at`` None: before it was noted."""

    match_id: str
    work_id: str
    holder_id: str
    publisher_id: str
    media_id: str
    state: str
    by_id: str | None = None
    at: datetime | None = None
