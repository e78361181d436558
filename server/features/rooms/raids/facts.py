"""The durable facts of raids."""

from __future__ import annotations

from storage.facts import Fact


class RaidArrived(Fact, frozen=True, kw_only=True, tag="raid"):
    """The viewers of ``source_id`` have moved to ``target_id``."""

    raid_id: str
    source_id: str
    target_id: str
    viewers: int
