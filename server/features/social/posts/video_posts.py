"""The post of a video, whose replies are the video's comments; and what becomes of posts when a video is deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from server.features.social.posts import queries
from server.features.social.posts.media import carried
from server.features.social.posts.ports import VideoDoor
from server.features.social.posts.posts import Posts, add_media
from server.features.social.posts.publishing import NewPost, Publishing
from server.features.social.posts.shapes import AnyPostShape, MadePost, PostShape
from server.features.videos.library import VideoCard
from server.features.videos.library.facts import VideoDeleted, VideoReady
from server.http.errors import Problem, not_found
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.live.addresses import MediaAddresses
from storage.facts import Consumer
from storage.ids import Ids
from storage.postgres import Database, Transaction
from storage.relationships import require_unrestricted

_ADD: Final = """
insert into posts (id, author_id, video_id, text, has_media, visibility, state, published_at, created_at)
values ($1, $2, $3, $4, true, $5, 'published', $6, $6) on conflict (video_id) do nothing
"""
_OF_VIDEO: Final = """
select id from posts where (video_id = $1 or stream_id = $1) and state = 'published'
"""
_DROP: Final = "delete from post_media where id = $1 and kind = 'video' returning post_id"
_LEFT: Final = """
update posts p set has_media = exists (select from post_media m where m.post_id = p.id)
where p.id = any($1::uuid[]) returning p.id, p.author_id, p.text, p.has_media, p.quote_of, p.video_id,
    exists (select from post_polls q where q.post_id = p.id) as has_poll
"""


class VideoPosts:
    """One post a video. A recording's is that of its stream."""

    def __init__(
        self,
        *,
        db: Database,
        videos: VideoDoor,
        posts: Posts,
        addresses: MediaAddresses,
        publishing: Publishing,
        ids: Ids,
        now: Callable[[], datetime],
        rate: CallRate,
    ) -> None:
        self._db = db
        self._videos = videos
        self._posts = posts
        self._addresses = addresses
        self._publishing = publishing
        self._ids = ids
        self._now = now
        self._rate = rate
        self.consumers: Final = (Consumer(VideoReady, self._ready), Consumer(VideoDeleted, self._deleted))

    def operations(self) -> Sequence[Operation]:
        path = "/api/v1/videos/{video_id}/post"
        common: dict[str, Any] = {"tag": "posts", "paths": {"video_id": UUID}}
        return [
            Operation(
                method="GET", path=path, handler=self._get, name="getVideoPost", auth="optional",
                summary="The post of a video or recording: its replies are the comments", answers={200: AnyPostShape},
                problems=frozenset({404, 451}), **common,
            ),
            Operation(
                method="PUT", path=path, handler=self._put, name="postVideo", auth="required",
                summary="Have a video of yours be a post, if it is none yet", answers={200: MadePost},
                problems=frozenset({404, 409}), account_rate=self._rate, **common,
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        post_id = await self._db.fetchval(_OF_VIDEO, call.path["video_id"])
        if post_id is None:
            raise not_found("There is no post of this video")
        viewer = self._addresses.asker(call.person, address=call.address)
        return Answer(200, await self._posts.get(post_id, viewer.id, country=viewer.country))

    async def _put(self, call: Call[None, None]) -> Answer:
        video_id = call.path["video_id"].lower()
        async with self._db.transaction() as tx:
            await require_unrestricted(tx, call.me.id, self._now())
            post_id = await tx.fetchval(_OF_VIDEO, video_id)
            if post_id is None:
                post_id = await self._post(tx, await self._own(tx, call.me.id, video_id))
        if post_id is None:
            raise Problem(409, "The post of this video was deleted", slug="post-deleted")
        post = await self._posts.get(post_id, call.me.id)
        if not isinstance(post, PostShape):
            raise not_found("The post has been deleted meanwhile")
        return Answer(200, MadePost(post=post))

    async def _own(self, tx: Transaction, person_id: str, video_id: str) -> VideoCard:
        card = (await self._videos.carried(tx, person_id, [video_id])).get(video_id)
        if card is None:
            raise not_found("You have no such video that is ready")
        if card.visibility not in LISTED:
            raise Problem(409, "Only a video for all, or for followers, can be a post", slug="not-listed")
        return card

    async def _ready(self, tx: Transaction, fact: VideoReady) -> None:
        card = await self._videos.take_wish(tx, fact.video_id)
        if card is not None:
            await self._post(tx, card)

    async def _post(self, tx: Transaction, card: VideoCard) -> str | None:
        """None when there was one that was deleted."""
        now = self._now()
        post = NewPost(
            id=str(self._ids.uuid7(now.timestamp())),
            author_id=card.owner_id,
            text=card.title,
            visibility=card.visibility,
            community_id=None,
            published_at=now,
        )
        if not await tx.execute(_ADD, post.id, post.author_id, card.id, post.text, post.visibility, now):
            return None
        await add_media(tx, post.id, [carried(card)], [""])
        await self._publishing.publish(tx, post, None, None)
        return post.id

    async def _deleted(self, tx: Transaction, fact: VideoDeleted) -> None:
        """Its own post goes, and those that have nothing else to say."""
        dropped = [row["post_id"] for row in await tx.fetch(_DROP, fact.video_id)]
        for row in await tx.fetch(_LEFT, dropped):
            if row["video_id"] is not None or not _says(row):
                held = await tx.fetchrow(queries.OWN, row["id"], row["author_id"])
                if held is not None:
                    await self._posts.remove(tx, row["author_id"], held)


LISTED: Final = ("public", "followers")


def _says(row: Any) -> bool:
    return bool(row["text"] or row["has_media"] or row["has_poll"] or row["quote_of"])
