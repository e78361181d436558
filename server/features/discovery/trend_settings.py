"""The settings of trends."""

from __future__ import annotations

from pydantic import BaseModel, Field


class TrendSettings(BaseModel):
    trend_min_people: int = Field(
        2, ge=1, le=1_000, description="people who have used a hashtag within a day before it is a trend"
    )
    trends_need_review: bool = Field(False, description="whether a hashtag is a trend only once an admin allows it")
