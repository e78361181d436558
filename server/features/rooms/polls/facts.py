"""The durable facts of polls."""

from __future__ import annotations

from storage.facts import Fact


class PollClosed(Fact, frozen=True, kw_only=True, tag="poll.closed"):
    """By hand or by time, once. Its votes do not change any more."""

    poll_id: str
    room_id: str
