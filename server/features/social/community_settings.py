"""The settings of communities."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CommunitySettings(BaseModel):
    max_communities: int = Field(50, ge=1, le=10_000, description="communities that an account owns at most")
    max_community_memberships: int = Field(
        1_000, ge=1, le=100_000, description="communities that an account is in at most"
    )
    max_community_members: int = Field(20_000, ge=1, le=1_000_000, description="members of a community at most")
    max_community_events: int = Field(500, ge=1, le=10_000, description="events that a community has before it at most")
    community_reminder_s: float = Field(
        3_600, ge=60, le=604_800, description="how long before its start who goes to an event is reminded"
    )
    max_new_communities_per_hour: int = Field(
        60, ge=1, le=10_000, description="communities that an account may found in an hour"
    )
