"""The settings of communities."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CommunitySettings(BaseModel):
    max_communities: int = Field(50, ge=1, le=10_000, description="communities that an account owns at most")
    max_community_memberships: int = Field(
        1_000, ge=1, le=100_000, description="communities that an account is in at most"
    )
    max_community_members: int = Field(20_000, ge=1, le=1_000_000, description="members of a community at most")
    max_new_communities_per_hour: int = Field(
        60, ge=1, le=10_000, description="communities that an account may found in an hour"
    )
