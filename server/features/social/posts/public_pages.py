"""What programs that are not signed in read of posts: previews of links to them, and a feed a person (RSS 2.0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from html import escape
from typing import Final

from aiohttp import web

from server.features.people.relations import NAMED
from server.features.social.posts.lists import PostLists
from server.features.social.posts.reading import PostReader
from server.features.social.posts.shapes import PostShape, QuotingPost
from server.http.limits import CallRate
from server.http.operation import Call, MediaType, Operation
from server.http.own_address import OwnAddresses
from server.http.previews import Preview
from server.live.addresses import MediaAddresses
from storage.ids import is_uuid
from storage.postgres import Database

RATE: Final = CallRate("rss", per_s=2.0, burst=60)
"""Of an address."""
ITEMS: Final = 50
TITLE: Final = 80
RSS: Final = "application/rss+xml"


class PublicPages:
    """Only what a guest may read; of what has a warning, the warning alone."""

    def __init__(
        self,
        *,
        db: Database,
        reader: PostReader,
        lists: PostLists,
        addresses: OwnAddresses,
        askers: MediaAddresses,
    ) -> None:
        """``askers``: where requests come from."""
        self._askers = askers

        self._db = db
        self._reader = reader
        self._lists = lists
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/users/{username}/feed.xml", handler=self._feed, name="getFeedOfUser",
                tag="posts", summary="A person's public posts as RSS 2.0", paths=NAMED,
                answers={200: MediaType(media_type=RSS, description="The newest posts")}, problems=frozenset({404}),
                rate=RATE,
            ),
        ]  # fmt: skip

    async def preview(self, path: Mapping[str, str]) -> Preview | None:
        post_id = path["id"]
        found = await self._reader.shown(self._db, [post_id] if is_uuid(post_id) else [], None)
        post = found.get(post_id)
        shown = (post.reposted or post) if post is not None else None
        if shown is None or _is_for_some(shown):
            return None
        pictures = [one.preview_url or one.url for one in shown.media if one.kind == "image"]
        return Preview(
            title=_name(shown),
            path=f"/posts/{post_id}",
            author=_name(shown),
            author_path=f"/@{shown.author.username}",
            description=_text(shown),
            image=pictures[0] if pictures and not shown.content_warning else None,
        )

    async def _feed(self, call: Call[None, None]) -> web.StreamResponse:
        posts, _ = await self._lists.of_author(
            call.path["username"], "posts", self._askers.asker(None, address=call.address), None, ITEMS
        )
        origin = self._addresses.of(call.request).origin
        body = rss(posts, origin=origin, username=call.path["username"])
        caching = "private" if self._askers.knows_countries else "public"
        headers = {"Cache-Control": f"{caching}, max-age=60", "Content-Type": f"{RSS}; charset=utf-8"}
        return web.Response(body=body.encode(), headers=headers)


def rss(posts: Sequence[PostShape], *, origin: str, username: str) -> str:
    """RSS 2.0 (rssboard.org): every value escaped."""
    page = escape(f"{origin}/@{username}")
    items = "".join(_item(post, origin) for post in posts)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>@{escape(username)}</title><link>{page}</link><description>@{escape(username)}</description>"
        f"{items}</channel></rss>\n"
    )


def _item(post: PostShape, origin: str) -> str:
    shown = post.reposted or post
    address, text = escape(f"{origin}/posts/{shown.id}"), _text(shown)
    title = text if len(text) <= TITLE else text[: TITLE - 1].rstrip() + "…"
    return (
        f"<item><title>{escape(' '.join(title.split()) or _name(shown))}</title><link>{address}</link>"
        f"<guid>{address}</guid><description>{escape(text)}</description>"
        f"<pubDate>{format_datetime(post.created_at)}</pubDate></item>"
    )


def _is_for_some(post: QuotingPost) -> bool:
    """The country and age of a preview's reader are unknown to the program that asks for it."""
    return post.restrictions is not None and (
        post.restrictions.countries is not None or post.restrictions.min_age is not None
    )


def _text(post: QuotingPost) -> str:
    return post.content_warning or post.text or (post.stream.title if post.stream is not None else "")


def _name(post: QuotingPost) -> str:
    return post.author.display_name or post.author.username
