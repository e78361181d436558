"""Restreams: a live stream is pushed on to other RTMP servers, each with a state of its own.

The rows are here; the node that a stream is published on reads them (``server/live/restreams.py``), and its media
process pushes (``media/restream``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform
from server.features.videos.restreams.restreams import Restreams, erase
from server.features.videos.restreams.routes import RestreamRoutes
from server.features.videos.restreams.rules import MAX_URL, BadTarget, target_of
from server.features.videos.settings import RestreamSettings
from server.http.encryption import Encryption
from server.live.restreams import TargetsOf
from server.outbound.public_addresses import PublicAddresses

__all__ = ["MAX_URL", "BadTarget", "RestreamsRoom", "build", "target_of"]


@dataclass(frozen=True, kw_only=True)
class RestreamsRoom:
    """``targets_of``: what the nodes push streams on to."""

    feature: Feature
    targets_of: TargetsOf


def build(platform: Platform, *, settings: RestreamSettings, encryption: Encryption) -> RestreamsRoom:
    restreams = Restreams(
        db=platform.db,
        node=platform.node,
        encryption=encryption,
        addresses=PublicAddresses(allow_private=settings.allow_private_targets),
        per_stream=settings.max_restreams_per_stream,
        per_person=settings.max_restreams_per_person,
    )
    feature = Feature(
        name="restreams",
        operations=RestreamRoutes(restreams=restreams).operations(),
        personal_data=PersonalData(tables=frozenset({"restreams"}), sections=SECTIONS, erase=erase),
        limits={
            "restreams_per_stream": settings.max_restreams_per_stream,
            "restreams_per_person": settings.max_restreams_per_person,
        },
    )
    return RestreamsRoom(feature=feature, targets_of=restreams.targets_of)


SECTIONS: Final = (
    ExportSection(
        name="restreams",
        sql="select scope_id, stream_id, name, address, created_at from restreams "
        "where owner_id = $1 and (scope_id, name) > ($2::uuid, $3) order by scope_id, name limit $4",
        key=("scope_id", "name"),
        start=(NO_UUID, ""),
    ),
)
