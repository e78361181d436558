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


class CommunityRole(Fact, frozen=True, kw_only=True, tag="community.role"):
    """``by_id`` gave a member of the community a role."""

    community_id: str
    person_id: str
    by_id: str
    role: Literal["owner", "moderator", "member"]


About = Literal["event", "event_soon", "announcement"]


class CommunityNews(Fact, frozen=True, kw_only=True, tag="community.news"):
    """News for ``people``, at most 500 members: an event was announced or begins soon (``subject_id``: the event), or a
    post is an announcement (``subject_id``: the post). ``by_id`` caused it, or owns the community.
    """

    community_id: str
    about: About
    subject_id: str
    by_id: str
    people: list[str]
