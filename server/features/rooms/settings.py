"""The settings of what people do together in a room."""

from __future__ import annotations

from pydantic import BaseModel, Field


class RoomSettings(BaseModel):
    points_per_minute: int = Field(10, ge=0, le=10_000, description="channel points that a minute of watching earns")
