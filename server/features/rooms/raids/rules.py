"""The rules of raids. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from actors.runtime import DomainError
from storage.seen_streams import SeenStream

Allowed = Literal["everyone", "followed", "nobody"]
"""Whose raids the owner of a stream takes: anybody's, those of people they follow, or none."""

WITHIN: Final = timedelta(seconds=10)
"""From the announcement until the viewers move: so long it may be cancelled."""
EARLY: Final = timedelta(seconds=3)
COUNTED: Final = timedelta(seconds=30)
"""Who begins to watch the target from so long before the others move until so long after it came with the raid."""
TOLD_AFTER: Final = timedelta(seconds=40)
"""Until then the views of all who came are written."""
REMEMBERED: Final = timedelta(minutes=5)
"""So long after a raid its viewers may not be sent back to where they came from."""


def judge(source: SeenStream, target: SeenStream, *, targets: Mapping[str, str]) -> None:
    """Raise the ``DomainError`` that says why the viewers may not be sent on. ``targets``: where the viewers of other
    streams are sent, or were sent lately.
    """
    if source.state != "live":
        raise DomainError("not_live", "Only a live stream sends its viewers on.", field="stream_id")
    if target.state != "live":
        raise DomainError("not_live", "The other stream is not live.", field="target")
    if target.visibility == "private":
        raise DomainError("target_private", "A private stream takes no raids.", field="target")
    if leads_back(source.id, target.id, targets):
        raise DomainError("raid_circle", "The viewers would come back to where they are.", field="target")


def leads_back(source_id: str, target_id: str, targets: Mapping[str, str]) -> bool:
    """Whether viewers who are sent from ``source_id`` to ``target_id`` would be sent on to ``source_id``."""
    seen: set[str] = set()
    at: str | None = target_id
    while at is not None and at not in seen:
        if at == source_id:
            return True
        seen.add(at)
        at = targets.get(at)
    return False


def require_allowed(allowed: Allowed, *, is_followed: bool) -> None:
    if allowed == "nobody" or (allowed == "followed" and not is_followed):
        raise DomainError("raids_refused", "The other stream takes no raids from you.", field="target")
