"""The settings of notifications."""

from __future__ import annotations

from pydantic import Field

from server.outbound.settings import PushSettings


class NotificationSettings(PushSettings):
    max_notifications: int = Field(
        500, ge=1, le=10_000, description="notifications that are kept for a person, the newest"
    )
    notification_days: int = Field(90, ge=1, le=3_650, description="days for which a notification is kept")
    max_push_subscriptions: int = Field(
        20, ge=1, le=1_000, description="devices of a person that notifications are pushed to, the newest"
    )
    push_delay_s: float = Field(
        5.0, ge=0, le=3_600, description="seconds that a notification may be read for before it is pushed"
    )
    email_delay_s: float = Field(
        300.0, ge=0, le=43_200, description="seconds that a notification may be read for before it is mailed"
    )
    notification_mails_per_day: int = Field(
        50, ge=1, le=10_000, description="mails of notifications that a person is sent within 24 hours"
    )
    notification_log_days: int = Field(
        14, ge=1, le=3_650, description="days for which what was pushed and mailed is in the log of deliveries"
    )
