"""The durable facts of communities."""

from __future__ import annotations

from typing import Literal

from storage.facts import Fact


class CommunityChanged(Fact, frozen=True, kw_only=True, tag="community.changed"):
    """A community was made, changed or removed."""

    community_id: str


class CommunityMembership(Fact, frozen=True, kw_only=True, tag="community.membership"):
    """``person_id`` is in the community as ``state`` says now. ``by_id`` did it: the person, or a moderator."""

    community_id: str
    person_id: str
    by_id: str
    state: Literal["member", "asked", "invited", "banned", "out"]


class CommunityEventSoon(Fact, frozen=True, kw_only=True, tag="community.event_soon"):
    """An event begins soon. ``people``, at most 500, go to it or may go. ``by_id`` announced it, or
    owns the community.
    """

    community_id: str
    event_id: str
    by_id: str
    people: list[str]
