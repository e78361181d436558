"""Sources: a stream is fetched from another server, or plays recordings and clips as a channel.

One node at a time fetches it, by a lease in its row (``server/live/sources.py``); its media process plays and publishes
(``media/pull``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.videos.settings import SourceSettings
from server.features.videos.sources.channel_routes import ChannelRoutes
from server.features.videos.sources.playouts import Channels
from server.features.videos.sources.routes import SourceRoutes
from server.features.videos.sources.sources import StreamSources, erase
from server.http.encryption import Encryption
from server.live.sources import SourceLeases
from server.outbound.public_addresses import PublicAddresses

__all__ = ["SourcesRoom", "build"]


@dataclass(frozen=True, kw_only=True)
class SourcesRoom:
    """``leases``: what this node is to fetch."""

    feature: Feature
    leases: SourceLeases


def build(platform: Platform, *, settings: SourceSettings, encryption: Encryption) -> SourcesRoom:
    sources = StreamSources(
        db=platform.db,
        node=platform.node,
        encryption=encryption,
        addresses=PublicAddresses(allow_private=settings.allow_private_targets),
        at_once=settings.max_sources,
        per_person=settings.max_sources_per_person,
    )
    feature = Feature(
        name="sources",
        operations=[
            *SourceRoutes(sources=sources).operations(),
            *ChannelRoutes(channels=Channels(db=platform.db, sources=sources), now=platform.now).operations(),
        ],
        personal_data=PersonalData(tables=frozenset({"stream_sources"}), sections=SECTIONS, erase=erase),
        limits={"sources": settings.max_sources, "sources_per_person": settings.max_sources_per_person},
    )
    return SourcesRoom(feature=feature, leases=sources)


SECTIONS: Final = (
    rows_by_id("sources", "stream_id, address, playout, created_at", "stream_sources where owner_id = $1", "stream_id"),
)
