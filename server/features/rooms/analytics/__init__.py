"""What the owner of a stream learns of who watched it: when, for how long, by what, and how well."""

from __future__ import annotations

from server.feature import Feature, Platform
from server.features.rooms.analytics.analytics import Analytics
from server.features.rooms.analytics.curve import MAX_STEPS
from server.features.rooms.analytics.routes import AnalyticsRoutes

__all__ = ["build"]


def build(platform: Platform) -> Feature:
    """It has no tables of its own: it adds up the views, which the streams have."""
    analytics = Analytics(db=platform.db, now=platform.now)
    return Feature(
        name="analytics",
        operations=AnalyticsRoutes(analytics=analytics).operations(),
        limits={"analytics_steps": MAX_STEPS},
    )
