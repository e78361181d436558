"""The settings of clips."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ClipSettings(BaseModel):
    max_clips_per_hour: int = Field(120, ge=1, le=10_000, description="clips that a person may make in an hour")
