"""The settings of feeds."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FeedSettings(BaseModel):
    feed_push_limit: int = Field(
        5_000,
        ge=0,
        le=1_000_000,
        description="followers up to whom a post is put into each one's timeline; those of larger accounts are looked "
        "up when a feed is read",
    )
    feed_timeline_posts: int = Field(
        400, ge=20, le=10_000, description="posts that a timeline in Redis keeps; older ones are read from Postgres"
    )
    feed_ranking_ms: int = Field(
        100, ge=1, le=10_000, description="milliseconds that ranking has before a feed is chronological"
    )
    max_followed_hashtags: int = Field(100, ge=0, le=1_000, description="hashtags that a person follows")
