"""The settings of works and their matches."""

from __future__ import annotations

from pydantic import BaseModel, Field


class WorkSettings(BaseModel):
    max_works_per_person: int = Field(500, ge=0, le=100_000, description="works that one account has registered")
    max_works_per_hour: int = Field(30, ge=1, le=10_000, description="works that one account registers in an hour")
    match_dispute_days: int = Field(
        14, ge=1, le=365, description="days in which the owner of a work answers a dispute, or the match is withdrawn"
    )
    match_older_videos: int = Field(
        100, ge=0, le=10_000, description="videos and recordings, the newest first, that a new work is sought in"
    )
