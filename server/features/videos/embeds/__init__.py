"""Streams and clips on other people's pages: previews of links, oEmbed, and what the player in a frame needs."""

from __future__ import annotations

from collections.abc import Mapping

from server.feature import Feature, Platform
from server.features.videos.embeds.routes import EmbedRoutes
from server.features.videos.embeds.streams import StreamPreviews
from server.http.own_address import OwnAddresses
from server.http.previews import Preview, PreviewOf
from server.outbound.settings import Site

__all__ = ["build"]


def build(platform: Platform, *, site: Site, clips: PreviewOf) -> Feature:
    """``clips``: the preview of a clip by its id."""
    streams = StreamPreviews(db=platform.db)

    async def of_either(path: Mapping[str, str]) -> Preview | None:
        return await streams.of(path) or await clips(path)

    previews: dict[str, PreviewOf] = {"/watch/{id}": streams.of, "/clips/{id}": clips, "/embed/{id}": of_either}
    routes = EmbedRoutes(previews=previews, addresses=OwnAddresses(origin=site.origin), site_name=site.name)
    return Feature(name="embeds", operations=routes.operations(), previews=previews)
