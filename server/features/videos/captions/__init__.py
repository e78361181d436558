"""Captions: cues that the owner of a stream adds by language, live or afterwards; players get them as WebVTT."""

from __future__ import annotations

from server.feature import Feature, Platform
from server.features.videos.captions.captions import MAX_CUES, MAX_LANGUAGES, Captions
from server.features.videos.captions.routes import MAX_AT_ONCE, MAX_TEXT, CaptionRoutes
from server.live.addresses import MediaAddresses

__all__ = ["Captions", "build"]


def build(platform: Platform, *, addresses: MediaAddresses) -> Feature:
    routes = CaptionRoutes(captions=Captions(db=platform.db), addresses=addresses)
    return Feature(
        name="captions",
        operations=routes.operations(),
        limits={
            "caption_languages": MAX_LANGUAGES,
            "caption_cues": MAX_CUES,
            "caption_cues_at_once": MAX_AT_ONCE,
            "caption_text": MAX_TEXT,
        },
    )
