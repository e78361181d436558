"""The settings of money."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator


class MoneySettings(BaseModel):
    stripe_secret_key: str | None = Field(
        None,
        repr=False,
        min_length=8,
        max_length=255,
        description="secret key of the Stripe account that payments go to; without it and without test_money there are "
        "no payments",
    )
    stripe_webhook_secret: str | None = Field(
        None,
        repr=False,
        min_length=8,
        max_length=255,
        description="secret with which Stripe signs what it posts to /webhooks/stripe",
    )
    stripe_api_base: str = Field(
        "https://api.stripe.com", max_length=1_024, description="address of Stripe's API, or of a stand-in for tests"
    )
    test_money: bool = Field(
        False,
        description="payments are made at once, with money that there is not: for a laptop, demonstrations and tests. "
        "With stripe_secret_key it has no effect",
    )
    platform_percent: int = Field(10, ge=0, le=100, description="share of each payment that the server keeps")
    payout_hold_days: int = Field(
        7, ge=0, le=365, description="days after a payment until its receiver can have it paid out"
    )
    payout_minimum: int = Field(
        1, ge=0, le=10_000, description="the smallest payout, in dollars or about as much of another currency"
    )
    pool_percent: int = Field(
        0,
        ge=0,
        le=100,
        description="share of the server's own monthly income that goes to creators by the time they were watched",
    )
    pool_daily_hours: int = Field(
        8, ge=1, le=24, description="hours a day for which one viewer counts in what pool_percent shares"
    )
    max_payment: int = Field(
        1_000, ge=1, le=1_000_000, description="the largest payment, in dollars or about as much of another currency"
    )

    @field_validator("stripe_api_base")
    @classmethod
    def _is_origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("stripe_api_base must be an http:// or https:// address without a path")
        return url.rstrip("/")
