"""The settings of advertising."""

from __future__ import annotations

from pydantic import BaseModel, Field


class AdSettings(BaseModel):
    ad_share_percent: int = Field(
        55, ge=0, le=100, description="share of what an advertisement brings that goes to the creator it is shown with"
    )
    ad_minimum_bid: int = Field(
        10, ge=1, le=100_000, description="the lowest bid, in hundredths of a dollar for a thousand impressions"
    )
    ads_per_day: int = Field(100, ge=1, le=10_000, description="advertisements that a viewer is shown a day at most")
    ad_gap_s: int = Field(60, ge=0, le=86_400, description="seconds between two advertisements of a viewer at least")
    max_campaigns: int = Field(200, ge=1, le=10_000, description="campaigns of an account at most")
