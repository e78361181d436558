"""Posts as one person may see them: visibility, blocks, mutes, deletion are judged here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from actors.restrictions import Restrictions
from actors.runtime import DomainError
from server.features.people.hidden_words import Hides, hides, nothing_hidden
from server.features.social.posts.polls import poll_of
from server.features.social.posts.ports import CommunityDoor, Place, VideoDoor
from server.features.social.posts.read_queries import READ
from server.features.social.posts.shapes import (
    DeletedPostShape,
    PostShape,
)
from server.features.videos.library import VideoCard
from server.live.stream_directory import shown_restrictions
from storage.postgres import Reads, Row
from storage.stream_titles import StreamCard

MAX_IDS: Final = 100
PlainPost = dict[str, Any]
"""The fields of a ``PostShape`` as they were read. As JSON it is what the shape is, at a tenth of the cost."""


class StreamCards(Protocol):
    async def cards(self, where: Reads, viewer_id: str | None, ids: Collection[str]) -> Mapping[str, StreamCard]: ...


class PostReader:
    """Reads up to ``MAX_IDS`` posts with at most four statements."""

    def __init__(
        self, *, communities: CommunityDoor, streams: StreamCards, videos: VideoDoor, now: Callable[[], datetime]
    ) -> None:
        self._communities = communities
        self._videos = videos
        self._streams = streams
        self._now = now

    async def shown(
        self,
        reads: Reads,
        ids: Collection[str],
        viewer_id: str | None,
        *,
        country: str | None = None,
        past_mutes: bool = False,
    ) -> dict[str, PostShape]:
        """Those of ``ids`` that are for the viewer (None: a guest), by id.

        Left out are posts of who is muted or with words that the viewer hides, unless ``past_mutes``, reposts of what
        the viewer may not see, and what is not for their age or ``country`` (None: unknown).
        """
        found = await self.plain(reads, ids, viewer_id, country=country, past_mutes=past_mutes)
        return {post_id: PostShape.model_validate(post) for post_id, post in found.items()}

    async def plain(
        self,
        reads: Reads,
        ids: Collection[str],
        viewer_id: str | None,
        *,
        country: str | None = None,
        past_mutes: bool = False,
    ) -> dict[str, PlainPost]:
        """As ``shown``, for what only passes them on."""
        view = await self._view(reads, ids, viewer_id, country=country, past_mutes=past_mutes)
        return {post_id: post for post_id in ids if (post := view.plain(post_id)) is not None}

    async def read(
        self,
        reads: Reads,
        ids: Collection[str],
        viewer_id: str | None,
        *,
        country: str | None = None,
        past_mutes: bool = False,
    ) -> dict[str, PostShape | DeletedPostShape]:
        """As ``shown``, with what stands in the place of deleted posts that have replies."""
        view = await self._view(reads, ids, viewer_id, country=country, past_mutes=past_mutes)
        return {post_id: post for post_id in ids if (post := view.post(post_id)) is not None}

    async def one(
        self, reads: Reads, post_id: str, viewer_id: str | None, *, country: str | None = None
    ) -> PostShape | DeletedPostShape | None:
        """As ``read``, past mutes. Raises a ``DomainError`` for what is not for the viewer's age or country."""
        view = await self._view(reads, [post_id], viewer_id, country=country, past_mutes=True)
        post = view.post(post_id)
        if post is None and (refusal := view.refusal(post_id)) is not None:
            raise refusal
        return post

    async def _view(
        self, reads: Reads, ids: Collection[str], viewer_id: str | None, *, country: str | None, past_mutes: bool
    ) -> _View:
        if len(ids) > MAX_IDS:
            raise ValueError(f"{len(ids)} posts: read them in several calls")
        now = self._now()
        rows = await reads.fetch(READ, viewer_id, list(ids), now) if ids else []
        community_ids = {row["community_id"] for row in rows if row["community_id"] is not None}
        stream_ids = {row["stream_id"] for row in rows if row["stream_id"] is not None}
        video_ids = {video for row in rows for video in _videos_of(row)}
        return _View(
            rows={row["id"]: row for row in rows},
            communities=await self._communities.readable(reads, viewer_id, community_ids) if community_ids else {},
            streams=await self._streams.cards(reads, viewer_id, stream_ids) if stream_ids else {},
            videos=await self._videos.cards(reads, viewer_id, video_ids) if video_ids else {},
            base=self._videos.base,
            hides=nothing_hidden if past_mutes or not rows else hides(rows[0]["hidden_words"] or ()),
            viewer_id=viewer_id,
            country=country,
            past_mutes=past_mutes,
            now=now,
        )


class _View:
    """What was read for one viewer."""

    def __init__(
        self,
        *,
        rows: Mapping[str, Row],
        communities: Mapping[str, Place],
        streams: Mapping[str, StreamCard],
        videos: Mapping[str, VideoCard],
        base: Callable[[VideoCard], str],
        hides: Hides,
        viewer_id: str | None,
        country: str | None,
        past_mutes: bool,
        now: datetime,
    ) -> None:
        self._rows = rows
        self._communities = communities
        self._streams = streams
        self._videos = videos
        self._base = base
        self._hides = hides
        self._viewer_id = viewer_id
        self._country = country
        self._past_mutes = past_mutes
        self._now = now

    def post(self, post_id: str) -> PostShape | DeletedPostShape | None:
        row = self._rows.get(post_id)
        if row is not None and row["state"] == "deleted":
            return DeletedPostShape(id=row["id"])
        plain = self.plain(post_id)
        return None if plain is None else PostShape.model_validate(plain)

    def plain(self, post_id: str) -> PlainPost | None:
        """None also for a deleted one."""
        row = self._rows.get(post_id)
        if row is None or row["state"] == "deleted" or not self._is_shown(row):
            return None
        if row["repost_of"] is None:
            return {**self._quoting(row), "reposted": None}
        original = self._readable(row["repost_of"])
        return None if original is None else {**self._quoting(row), "reposted": self._quoting(original)}

    def refusal(self, post_id: str) -> DomainError | None:
        """Why a post, or what it repeats, is not shown, where that is the viewer's age or country alone."""
        row = self._rows.get(post_id)
        if row is None or not self._is_known(row):
            return None
        original = self._rows.get(row["repost_of"] or "")
        return self._refused(row) or (self._refused(original) if original and self._is_known(original) else None)

    def _refused(self, row: Row) -> DomainError | None:
        if row["restrictions"] is None or row["author_id"] == self._viewer_id:
            return None
        restrictions = msgspec.convert(row["restrictions"], Restrictions)
        return restrictions.refusal(country=self._country, birth_date=row["birth_date"], today=self._now.date())

    def _quoting(self, row: Row) -> PlainPost:
        quoted = self._readable(row["quote_of"])
        return {**self._single(row), "quoted": self._single(quoted) if quoted is not None else None}

    def _readable(self, post_id: str | None) -> Row | None:
        row = self._rows.get(post_id) if post_id is not None else None
        return row if row is not None and row["state"] == "published" and self._is_shown(row) else None

    def _is_shown(self, row: Row) -> bool:
        return self._is_known(row) and self._refused(row) is None

    def _is_known(self, row: Row) -> bool:
        """Whether the viewer may know of it."""
        stream = row["stream_id"]
        has_stream = stream is None or self._may_list(row, self._streams.get(stream))
        return self._is_placed(row) and has_stream and self._has_videos(row) and not self._is_unwanted(row)

    def _is_placed(self, row: Row) -> bool:
        """One's own posts are there for oneself wherever they stand."""
        if row["community_id"] is None or row["author_id"] == self._viewer_id:
            return True
        place = self._communities.get(row["community_id"])
        return place is not None and place.shows(row["visibility"])

    def _may_list(self, row: Row, card: StreamCard | None) -> bool:
        """A stream that is hidden by now is told of to its owner alone."""
        return card is not None and (card.visibility in ("public", "followers") or row["author_id"] == self._viewer_id)

    def _has_videos(self, row: Row) -> bool:
        """A post is for those who may see the videos that it carries. That of a video which is in no list any more is
        for its owner alone."""
        if not all(video in self._videos for video in _videos_of(row)):
            return False
        card = self._videos.get(row["video_id"] or "")
        return card is None or card.is_listed or row["author_id"] == self._viewer_id

    def _is_unwanted(self, row: Row) -> bool:
        """One's own posts are never hidden from oneself."""
        if self._past_mutes or row["author_id"] == self._viewer_id:
            return False
        return row["is_muted"] or self._hides(row["text"]) or self._hides(row["content_warning"] or "")

    def _single(self, row: Row) -> PlainPost:
        return {
            "id": row["id"],
            "author": _author(row),
            "text": row["text"],
            "media": [self._media(one) for one in row["media"] or ()],
            "poll": poll_of(row, self._viewer_id, self._now),
            "reply_to": row["reply_to"],
            "root": row["root_id"],
            "quote_of": row["quote_of"],
            "repost_of": row["repost_of"],
            "community": self._community(row["community_id"]),
            "stream": self._stream(row["stream_id"]),
            "visibility": row["visibility"],
            "content_warning": row["content_warning"],
            "restrictions": _restrictions(row),
            "language": row["language"],
            "mentions": row["mentions"] or (),
            "preview": _preview(row) if row["link"] is not None else None,
            "state": row["state"],
            "publish_at": row["publish_at"] if row["state"] == "scheduled" else None,
            "created_at": row["published_at"] or row["created_at"],
            "edited_at": row["edited_at"],
            "counts": _counts(row),
            "viewer": _of_viewer(row) if self._viewer_id is not None else None,
        }

    def _media(self, one: dict[str, Any]) -> dict[str, Any]:
        """Of a video the addresses that are played now: they may be a CDN's, and expire."""
        card = self._videos.get(one["id"]) if one["kind"] == "video" else None
        if card is None:
            return one
        base = self._base(card)
        return {**one, "url": f"{base}/index.m3u8", "preview_url": f"{base}/thumbnail.webp"}

    def _community(self, community_id: str | None) -> str | None:
        place = self._communities.get(community_id) if community_id is not None else None
        return place.name if place is not None else None

    def _stream(self, stream_id: str | None) -> dict[str, str] | None:
        card = self._streams.get(stream_id or "")
        if card is None:
            return None
        thumbnail = f"/hls/{card.id}/thumbnail.webp"
        return {"id": card.id, "title": card.title, "state": card.state, "thumbnail": thumbnail}


def _videos_of(row: Row) -> list[str]:
    return [one["id"] for one in row["media"] or () if one["kind"] == "video"]


def _author(row: Row) -> dict[str, Any]:
    return {
        "id": row["author_id"],
        "username": row["username"],
        "display_name": row["display_name"],
        "avatar_url": row["avatar_url"],
    }


def _counts(row: Row) -> dict[str, Any]:
    return {
        "replies": row["replies"],
        "reposts": row["reposts"],
        "quotes": row["quotes"],
        "reactions": row["reactions"],
    }


def _of_viewer(row: Row) -> dict[str, Any]:
    return {
        "reactions": row["my_reactions"],
        "reposted": row["is_reposted"],
        "bookmarked": row["is_bookmarked"],
        "voted": row["my_votes"] or (),
    }


def _preview(row: Row) -> dict[str, Any]:
    return {
        "url": row["link"],
        "title": row["title"],
        "description": row["description"],
        "site_name": row["site_name"],
        "image_url": row["image_url"],
    }


def _restrictions(row: Row) -> dict[str, Any] | None:
    if row["restrictions"] is None and row["content_warning"] is None:
        return None
    stored = msgspec.convert(row["restrictions"] or {}, Restrictions)
    return shown_restrictions(msgspec.structs.replace(stored, content_warning=row["content_warning"] or ""))
