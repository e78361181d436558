"""Highlights: the moments of a stream that its viewers answered more than others, as suggestions for clips."""

from __future__ import annotations

from server.feature import Feature, Platform
from server.features.videos.highlights.highlights import Highlights
from server.features.videos.highlights.routes import HighlightRoutes
from server.features.videos.highlights.rules import MOST
from server.live.addresses import MediaAddresses

__all__ = ["build"]


def build(platform: Platform, *, addresses: MediaAddresses) -> Feature:
    routes = HighlightRoutes(highlights=Highlights(db=platform.db), addresses=addresses)
    return Feature(name="highlights", operations=routes.operations(), limits={"highlights": MOST})
