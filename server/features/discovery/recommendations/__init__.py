"""Recommendations, and what trends: streams, videos, people and posts, from what people do with them.

Nothing is shown but through the rooms that the things are of, which judge what a viewer may see. Models hold factors of
things alone (``als``); a person's are made of their acts when they ask. Without a model that can be had, or with too
few acts, it is what trends, what is new, and what the person follows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from actors.stream_messages import DescribeStream
from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform
from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.acts import Acts
from server.features.discovery.recommendations.feedback import Feedback
from server.features.discovery.recommendations.pools import Pools
from server.features.discovery.recommendations.ports import Assigns, Kind, KnownModel, Shows
from server.features.discovery.recommendations.recommending import Recommending
from server.features.discovery.recommendations.routes import RecommendationRoutes
from server.features.discovery.recommendations.taste import CurrentTaste
from server.features.discovery.recommendations.training import CREATORS, VIDEOS, Training
from server.features.discovery.recommendations.trending import Trending
from server.features.discovery.search import FoundPosts, FoundStreams, People
from server.features.social.posts import Posts
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.postgres import Transaction
from storage.stream_pages import StreamPages

__all__ = ["FALLBACK", "MODELS", "Acts", "build"]

CREATORS_MODEL: Final = "taste_creators"
VIDEOS_MODEL: Final = "taste_videos"
FALLBACK: Final = "recommendations are what trends, what is new, and what is followed"
MODELS: Final = {
    CREATORS_MODEL: "Whose things are liked by the same people",
    VIDEOS_MODEL: "Which videos are watched by the same people",
}
"""Name → what the model tells."""
SWEEP_S: Final = 15.0
TREND_S: Final = 15.0
TRAIN_S: Final = 6 * 3_600.0
PRUNE_S: Final = 3_600.0
SECTIONS: Final = (
    ExportSection(
        name="recommendation_acts",
        sql="select kind, item_id, owner_id, weight, at from recommendation_acts"
        " where person_id = $1 and (kind, item_id) > ($2, $3::uuid) order by kind, item_id limit $4",
        key=("kind", "item_id"),
        start=("", NO_UUID),
    ),
    ExportSection(
        name="recommendation_feedback",
        sql="select item_id, kind, owner_id, verdict, at from recommendation_feedback"
        " where person_id = $1 and item_id > $2::uuid order by item_id limit $3",
        key=("item_id",),
        start=(NO_UUID,),
    ),
)


def build(
    platform: Platform,
    *,
    addresses: MediaAddresses,
    posts: Posts,
    videos: Shows,
    models: Mapping[str, KnownModel],
    experiments: Assigns,
) -> Feature:
    """``videos``: those of the library that a viewer may find. ``models``: those of ``MODELS``."""
    db = platform.db
    acts = Acts(db=db, now=platform.now)
    trending = Trending(db=db, now=platform.now)
    pools = Pools(db=db, trending=trending, monotonic=time.monotonic)
    pages = StreamPages(db=db)
    streams = FoundStreams(
        pages=pages, addresses=addresses, describe=lambda one: platform.node.ref("stream", one).ask(DescribeStream())
    )
    shows: dict[Kind, Shows] = {
        "streams": streams.streams,
        "videos": partial(_as_videos, videos),
        "people": People(db=db).shown,
        "posts": FoundPosts(db=db, posts=posts).shown,
    }
    tastes = {name: CurrentTaste(model=model, monotonic=time.monotonic) for name, model in models.items()}
    training = Training(db=db, now=platform.now)

    async def train() -> None:
        await training.run(CREATORS, models[CREATORS_MODEL])
        await training.run(VIDEOS, models[VIDEOS_MODEL])

    routes = RecommendationRoutes(
        recommending=Recommending(
            db=db,
            pools=pools,
            shows=shows,
            creators=tastes[CREATORS_MODEL],
            videos=tastes[VIDEOS_MODEL],
            experiments=experiments,
            now=platform.now,
        ),
        trending=trending,
        feedback=Feedback(db=db, shows=shows, now=platform.now),
        shows=shows,
        addresses=addresses,
        db=db,
        audit=platform.audit,
    )
    return Feature(
        name="recommendations",
        operations=routes.operations(),
        consumers=acts.consumers(),
        close=pools.close,
        schedules=[
            repeated("recommendations.sweep", acts.sweep, every_s=SWEEP_S),
            repeated("recommendations.trends", trending.compute, every_s=TREND_S),
            repeated("recommendations.train", train, every_s=TRAIN_S, timeout_s=1_800.0),
            repeated("recommendations.prune", acts.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(
            tables=frozenset({"recommendation_acts", "recommendation_feedback"}), sections=SECTIONS, erase=_erase
        ),
    )


async def _as_videos(videos: Shows, ids: Any, viewer: Viewer) -> Mapping[str, dict[str, Any]]:
    return {one: {"kind": "video", **item} for one, item in (await videos(ids, viewer)).items()}


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
