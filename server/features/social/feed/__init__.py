"""Feeds: what is new from whom a person follows, what is on the air, what all read, and the posts of a hashtag.

Home is a hybrid: posts of most authors are pushed into timelines in Redis, those of authors with many followers are
looked up when it is read. Redis may lose all of it.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from actors.events import StreamView
from actors.runtime import Node
from actors.stream_messages import DescribeStream
from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.people.audience import Audience
from server.features.social.feed import queries
from server.features.social.feed.acts import Acts
from server.features.social.feed.feeds import Feeds, ReadPosts
from server.features.social.feed.hashtags import FollowedHashtags, tag_named
from server.features.social.feed.home import HomeFeed
from server.features.social.feed.live import LiveStreams
from server.features.social.feed.push import NEW, Push, Word
from server.features.social.feed.ranked import MAX_DEPTH, RankedFeed
from server.features.social.feed.ranking import WeightedRanker
from server.features.social.feed.routes import FeedRoutes
from server.features.social.feed.shapes import HASHTAG
from server.features.social.feed_settings import FeedSettings
from server.features.social.posts.facts import PostPublished
from server.http.limits import hourly
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from storage.facts import Consumer
from storage.postgres import Transaction
from storage.stream_pages import StreamPages
from storage.timelines import RankedPages, Timelines

__all__ = ["HASHTAG", "build", "tag_named"]

KEPT_S: Final = 14 * 86_400
SESSION_S: Final = 1_800
PRUNE_S: Final = 3_600.0
FOLLOWS_PER_HOUR: Final = 600


def build(platform: Platform, *, settings: FeedSettings, posts: ReadPosts, addresses: MediaAddresses) -> Feature:
    timelines = Timelines(redis=platform.redis, most=settings.feed_timeline_posts, kept_s=KEPT_S)
    word = Word(publish=platform.publish, clock=platform.node.clock)
    push = Push(
        db=platform.db,
        timelines=timelines,
        followers=Audience(),
        jobs=platform.jobs,
        word=word,
        most=settings.feed_push_limit,
    )
    acts = Acts(db=platform.db, now=platform.now)
    feeds = Feeds(
        db=platform.db,
        posts=posts,
        home=HomeFeed(db=platform.db, timelines=timelines, now=platform.now),
        ranked=RankedFeed(
            db=platform.db,
            pages=RankedPages(redis=platform.redis, kept_s=SESSION_S),
            ranker=WeightedRanker(),
            ids=platform.ids,
            now=platform.now,
            deadline_s=settings.feed_ranking_ms / 1000,
        ),
        live=LiveStreams(
            pages=StreamPages(db=platform.db),
            addresses=addresses,
            describe=partial(_described, platform.node),
            clock=platform.node.clock,
        ),
    )
    hashtags = FollowedHashtags(db=platform.db, most=settings.max_followed_hashtags)
    routes = FeedRoutes(feeds=feeds, hashtags=hashtags, addresses=addresses, rate=hourly("hashtags", FOLLOWS_PER_HOUR))
    return Feature(
        name="feed",
        operations=routes.operations(),
        sent=(NEW,),
        consumers=(Consumer(PostPublished, push.begin), *acts.consumers()),
        jobs=[push.job],
        schedules=[repeated("feed.prune", acts.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(
            tables=frozenset({"feed_pulled", "feed_hashtags", "feed_affinity"}),
            sections=SECTIONS,
            erase=_erase,
            erase_large=timelines.forget,
        ),
        limits={
            "feed_push_followers": settings.feed_push_limit,
            "feed_ranked_items": MAX_DEPTH,
            "followed_hashtags": settings.max_followed_hashtags,
        },
    )


SECTIONS: Final = (
    ExportSection(
        name="followed_hashtags",
        sql="select tag, created_at from feed_hashtags where person_id = $1 and tag > $2 order by tag limit $3",
        key=("tag",),
        start=("",),
    ),
)


async def _described(node: Node, stream_id: str) -> StreamView:
    view: StreamView = await node.ref("stream", stream_id).ask(DescribeStream())
    return view


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
