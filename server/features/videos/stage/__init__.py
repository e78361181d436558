"""The stage: up to six people in one picture, from their browsers, invited by links that are good once.

The rows say who there is and how they stand; one node mixes them (``media/stage``) and publishes what is mixed with
the stream's key, as any encoder does.
"""

from __future__ import annotations

from typing import Final

from media.stage.plan import MAX_PEOPLE
from server.feature import Feature, Platform
from server.features.videos.stage.routes import StageRoutes
from server.features.videos.stage.signalling import StageSignalling
from server.features.videos.stage.stages import MAX_UNUSED, Stages
from server.jobs import repeated
from server.live.ice_servers import IceServers
from server.outbound.settings import Site
from storage.facts import Consumer
from storage.stream_facts import StreamEnded

__all__ = ["build"]

PRUNE_EVERY_S: Final = 3_600.0


def build(platform: Platform, *, site: Site, ice: IceServers) -> Feature:
    stages = Stages(db=platform.db, node=platform.node, ids=platform.ids, now=platform.now)
    return Feature(
        name="stage",
        operations=[
            *StageRoutes(stages=stages, site=site).operations(),
            *StageSignalling(stages=stages, ice=ice).operations(),
        ],
        consumers=[Consumer(StreamEnded, stages.stream_ended)],
        schedules=[repeated("stage.prune", stages.prune, every_s=PRUNE_EVERY_S)],
        limits={"stage_people": MAX_PEOPLE, "stage_unused_invitations": MAX_UNUSED},
    )
