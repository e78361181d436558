"""The settings of notifications."""

from __future__ import annotations

from pydantic import BaseModel, Field


class NotificationSettings(BaseModel):
    max_notifications: int = Field(
        500, ge=1, le=10_000, description="notifications that are kept for a person, the newest"
    )
    notification_days: int = Field(90, ge=1, le=3_650, description="days for which a notification is kept")
