"""The durable facts of cases."""

from __future__ import annotations

from datetime import datetime

from storage.facts import Fact


class ModerationDecided(Fact, frozen=True, tag="moderation.decided", kw_only=True):
    """A moderator's act concerns a person. ``strike_id``: that it gave; ``is_reverted``: it holds no more."""

    case_id: str
    person_id: str
    at: datetime
    kind: str
    subject_id: str
    action: str
    reason: str
    strike_id: str | None = None
    until: datetime | None = None
    is_reverted: bool = False
