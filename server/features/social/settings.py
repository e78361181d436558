"""The settings of posts."""

from __future__ import annotations

from pydantic import Field

from server.outbound.settings import TargetSettings


class PostSettings(TargetSettings):
    max_posts_per_hour: int = Field(300, ge=1, le=100_000, description="posts that a person may publish in an hour")
    post_deletion_days: int = Field(30, ge=0, le=365, description="days after which a deleted post is wiped")
    post_schedule_days: int = Field(365, ge=1, le=3_650, description="how many days ahead a post may be scheduled")
