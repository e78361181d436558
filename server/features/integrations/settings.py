"""The settings of what other programs are given."""

from __future__ import annotations

from pydantic import Field

from server.outbound.settings import TargetSettings


class WebhookSettings(TargetSettings):
    max_webhooks_per_person: int = Field(20, ge=0, le=1_000, description="webhooks of one account")
    max_webhook_deliveries: int = Field(
        1_000, ge=10, le=100_000, description="deliveries that are kept for a webhook, beside those that wait"
    )
    webhook_delivery_days: int = Field(7, ge=1, le=90, description="days for which a delivery is kept")
