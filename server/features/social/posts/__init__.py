"""Posts: texts, galleries, polls, threads, quotes and reposts, with who may read them.

Rooms above consume their ``facts`` and read them by ``Posts.shown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import Feature, PersonalData, Platform
from server.features.people.pictures import Reencode
from server.features.social.posts.act_routes import ActRoutes
from server.features.social.posts.acts import MAX_EMOJI, Acts
from server.features.social.posts.bodies import MAX_MEDIA, MAX_OPTIONS, MAX_POLL_S
from server.features.social.posts.bookmarks import MAX_FOLDERS, Bookmarks
from server.features.social.posts.counters import Changes, Counters
from server.features.social.posts.draft_queries import MAX_DRAFTS
from server.features.social.posts.drafts import DraftRoutes
from server.features.social.posts.editing import MAX_EDITS, Editing
from server.features.social.posts.events import CHANGED, PostEvents, Topics
from server.features.social.posts.held import SECTIONS, TABLES
from server.features.social.posts.list_routes import ListRoutes
from server.features.social.posts.lists import PostLists, filled
from server.features.social.posts.media import PostMedia
from server.features.social.posts.ports import CommunityDoor, Place, VideoDoor
from server.features.social.posts.posts import Posts
from server.features.social.posts.preview_pictures import PreviewPictures
from server.features.social.posts.previews import LinkPreviews
from server.features.social.posts.public_pages import PublicPages
from server.features.social.posts.publishing import Publishing
from server.features.social.posts.reading import MAX_IDS, PlainPost, PostReader, StreamCards
from server.features.social.posts.restricting import PostRestrictions
from server.features.social.posts.routes import PostRoutes
from server.features.social.posts.scheduling import Scheduling
from server.features.social.posts.shapes import DeletedPostShape, PostShape, PostsShape
from server.features.social.posts.stream_posts import StreamPosts
from server.features.social.posts.targets import Targets
from server.features.social.posts.texts import (
    MAX_CODE_POINTS,
    MAX_GRAPHEMES,
    MAX_MENTIONS,
    MAX_TAG,
    MAX_TAGS,
    fold_tag,
)
from server.features.social.posts.video_posts import VideoPosts
from server.features.social.posts.wiping import Wiping, erase
from server.features.social.settings import PostSettings
from server.features.videos.uploads import Uploads
from server.http.limits import hourly
from server.http.own_address import OwnAddresses
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from server.outbound.settings import Site

__all__ = [
    "MAX_IDS",
    "CommunityDoor",
    "DeletedPostShape",
    "Place",
    "PlainPost",
    "PostShape",
    "Posts",
    "PostsRoom",
    "PostsShape",
    "Topics",
    "build",
    "filled",
    "fold_tag",
]


PURGE_S: Final = 3_600.0


@dataclass(frozen=True, kw_only=True)
class PostsRoom:
    feature: Feature
    posts: Posts


def build(
    platform: Platform,
    *,
    settings: PostSettings,
    topics: Topics,
    streams: StreamCards,
    site: Site,
    uploads: Uploads,
    communities: CommunityDoor,
    addresses: MediaAddresses,
    videos: VideoDoor,
    reencode: Reencode,
) -> PostsRoom:
    """``topics``: what sockets of this node subscribe to. ``communities``: who may post and read in them.
    ``addresses``: where viewers ask from. ``reencode``: pictures of previews.
    """
    media = PostMedia(uploads=uploads, videos=videos)
    reader = PostReader(communities=communities, streams=streams, videos=videos, now=platform.now)
    targets = Targets(communities=communities)
    changes = Changes(publish=platform.publish)
    counters = Counters(changes=changes)
    pages = PublicHttp(addresses=PublicAddresses(allow_private=settings.allow_private_targets))
    pictures = PreviewPictures(
        db=platform.db, objects=platform.objects, ids=platform.ids, files=pages, reencode=reencode, now=platform.now
    )
    previews = LinkPreviews(
        db=platform.db, jobs=platform.jobs, pages=pages, pictures=pictures, changes=changes, now=platform.now
    )
    publishing = Publishing(counters=counters, previews=previews)
    scheduling = Scheduling(
        db=platform.db,
        jobs=platform.jobs,
        media=media,
        targets=targets,
        communities=communities,
        publishing=publishing,
        ids=platform.ids,
        now=platform.now,
    )
    editing = Editing(
        db=platform.db,
        scheduling=scheduling,
        changes=changes,
        previews=previews,
        now=platform.now,
        schedule_days=settings.post_schedule_days,
    )
    wiping = Wiping(db=platform.db, media=media, now=platform.now, days=settings.post_deletion_days)
    posts = Posts(
        db=platform.db,
        reader=reader,
        media=media,
        communities=communities,
        targets=targets,
        counters=counters,
        changes=changes,
        publishing=publishing,
        scheduling=scheduling,
        ids=platform.ids,
        now=platform.now,
        schedule_days=settings.post_schedule_days,
    )
    acts = Acts(db=platform.db, targets=targets, counters=counters, ids=platform.ids, now=platform.now)
    bookmarks = Bookmarks(db=platform.db, targets=targets, ids=platform.ids, now=platform.now)
    rate = hourly("posts", settings.max_posts_per_hour)
    routes = PostRoutes(posts=posts, editing=editing, addresses=addresses, rate=rate)
    of_videos = VideoPosts(
        db=platform.db,
        videos=videos,
        posts=posts,
        addresses=addresses,
        publishing=publishing,
        ids=platform.ids,
        now=platform.now,
        rate=rate,
    )
    drafts = DraftRoutes(db=platform.db, reader=reader, scheduling=scheduling, ids=platform.ids, now=platform.now)
    lists = PostLists(db=platform.db, reader=reader)
    public = PublicPages(
        db=platform.db, reader=reader, lists=lists, addresses=OwnAddresses(origin=site.origin), askers=addresses
    )
    restricting = PostRestrictions(
        db=platform.db, posts=posts, changes=changes, audit=platform.audit, addresses=addresses
    )
    feature = Feature(
        name="posts",
        operations=[
            *routes.operations(),
            *restricting.operations(),
            *ActRoutes(acts=acts, bookmarks=bookmarks, posts=posts, addresses=addresses).operations(),
            *ListRoutes(lists=lists, addresses=addresses).operations(),
            *public.operations(),
            *drafts.operations(),
            *of_videos.operations(),
            *pictures.operations(),
        ],
        events=PostEvents(db=platform.db, reader=reader, topics=topics).events(),
        sent=(CHANGED,),
        consumers=[StreamPosts(ids=platform.ids).consumer, *of_videos.consumers],
        jobs=[scheduling.job, previews.job],
        schedules=[
            repeated("posts.purge", wiping.purge, every_s=PURGE_S),
            repeated("posts.forget_previews", previews.forget_failures, every_s=PURGE_S),
        ],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=erase, erase_large=wiping.erase_large),
        close=pages.close,
        previews={"/posts/{id}": public.preview},
        limits={
            "posts_per_hour": settings.max_posts_per_hour,
            "post_characters": MAX_GRAPHEMES,
            "post_code_points": MAX_CODE_POINTS,
            "post_media": MAX_MEDIA,
            "post_poll_options": MAX_OPTIONS,
            "post_poll_seconds": MAX_POLL_S,
            "post_mentions": MAX_MENTIONS,
            "post_hashtags": MAX_TAGS,
            "post_reactions": MAX_EMOJI,
            "post_edits": MAX_EDITS,
            "post_drafts": MAX_DRAFTS,
            "bookmark_folders": MAX_FOLDERS,
            "hashtag_characters": MAX_TAG,
            "post_deletion_days": settings.post_deletion_days,
            "post_schedule_days": settings.post_schedule_days,
        },
    )
    return PostsRoom(feature=feature, posts=posts)
