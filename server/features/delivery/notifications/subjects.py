"""What notifications are about, as far as a person may know of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Protocol
from uuid import UUID

from actors.text import clean_line
from server.features.delivery.notifications.kinds import Subject
from server.features.delivery.notifications.shapes import SubjectShape
from server.features.social.communities import CommunityShape, EventTitle
from server.features.social.posts import PostShape
from storage.postgres import Reads

STREAM: Final = "stream"
POST: Final = "post"
CONVERSATION: Final = "conversation"
WEBHOOK: Final = "webhook"
CASE: Final = "case"
SUBSCRIPTION: Final = "subscription"
PAGES: Final = {
    CONVERSATION: "/messages/{}", WEBHOOK: "/settings/webhooks", CASE: "/settings/strikes",
    SUBSCRIPTION: "/settings/money",
}  # fmt: skip
"""Of subjects without a title, which rows name to the persons whose they are alone."""
MAX_TITLE: Final = 140


COMMUNITY: Final = "community_"
"""What the types of subjects begin with that are a community, with what concerns the person in it."""
REQUEST: Final = "community_request"
EVENTS: Final = ("community_event", "community_event_soon")
"""Types of subjects that are events of communities."""
MATCH: Final = "match_"
"""What the types of subjects begin with that are a match of a work, with what has become of it."""
ORDER: Final = "order_"
"""What the types of subjects begin with that are an order, with what has become of it."""


class Streams(Protocol):
    """What this room asks of streams."""

    async def titles(self, where: Reads, viewer_id: str, ids: Collection[str]) -> dict[str, str]: ...
    async def admitted(self, where: Reads, stream_id: str, ids: Collection[str]) -> list[str]: ...


class Posts(Protocol):
    """What this room asks of posts."""

    async def shown(self, reads: Reads, ids: Collection[str], viewer_id: str | None) -> Mapping[str, PostShape]: ...


class Communities(Protocol):
    """What this room asks of communities."""

    async def shown(self, reads: Reads, ids: Collection[str], viewer_id: str) -> Mapping[str, CommunityShape]: ...
    async def events(self, reads: Reads, ids: Collection[str], viewer_id: str) -> Mapping[str, EventTitle]: ...
    async def moderators(self, reads: Reads, community_id: str) -> list[str]: ...


class Named(Protocol):
    """What this room asks of orders, and of matches."""

    async def titles(self, reads: Reads, ids: Collection[str], viewer_id: str) -> Mapping[str, str]: ...


class Subjects:
    def __init__(
        self, *, streams: Streams, posts: Posts, communities: Communities, orders: Named, matches: Named
    ) -> None:
        self._orders = orders
        self._matches = matches
        self._communities = communities
        self._streams = streams
        self._posts = posts

    async def shown(
        self, where: Reads, viewer_id: str, subjects: Collection[Subject]
    ) -> Mapping[Subject, SubjectShape]:
        """Those that the viewer may know of, of at most 100. Conversations are named to their members alone, by rows
        that go when they leave, and webhooks to their owners.
        """
        streams = {one.id for one in subjects if one.type == STREAM}
        posts = {one.id for one in subjects if one.type == POST}
        titles = await self._streams.titles(where, viewer_id, streams)
        shapes = await self._posts.shown(where, posts, viewer_id) if posts else {}
        untitled = [one for one in subjects if one.type in PAGES]
        return {
            **{Subject(STREAM, key): _shape(STREAM, key, title, f"/watch/{key}") for key, title in titles.items()},
            **{Subject(POST, key): _shape(POST, key, _said(post), f"/posts/{key}") for key, post in shapes.items()},
            **{one: _shape(one.type, one.id, "", PAGES[one.type].format(one.id)) for one in untitled},
            **await self._in_communities(where, viewer_id, [one for one in subjects if one.type.startswith(COMMUNITY)]),
            **await _named(self._orders, where, viewer_id, _of(subjects, ORDER, "/market/orders/{}")),
            **await _named(self._matches, where, viewer_id, _of(subjects, MATCH, "/settings/works")),
        }

    async def _in_communities(
        self, where: Reads, viewer_id: str, subjects: Collection[Subject]
    ) -> Mapping[Subject, SubjectShape]:
        events = await self._communities.events(where, {one.id for one in subjects if one.type in EVENTS}, viewer_id)
        others = {one.id for one in subjects if one.type not in EVENTS}
        communities = await self._communities.shown(where, others, viewer_id)
        shown: dict[Subject, SubjectShape] = {}
        for one in subjects:
            if one.id in events:
                event = events[one.id]
                shown[one] = _shape(one.type, one.id, event.title, f"/c/{event.community}/events/{one.id}")
            elif one.id in communities:
                page = "/members" if one.type == REQUEST else ""
                shown[one] = _shape(one.type, one.id, communities[one.id].title, f"/c/{communities[one.id].name}{page}")
        return shown

    async def shown_to_each(
        self, where: Reads, subject: Subject, viewer_ids: Collection[str]
    ) -> Mapping[str, SubjectShape]:
        """By the viewers who may know of it."""
        if subject.type == STREAM:
            admitted = await self._streams.admitted(where, subject.id, viewer_ids)
            shape = (await self.shown(where, admitted[0], [subject])).get(subject) if admitted else None
            return dict.fromkeys(admitted, shape) if shape is not None else {}
        each = {viewer_id: await self.shown(where, viewer_id, [subject]) for viewer_id in viewer_ids}
        return {viewer_id: shown[subject] for viewer_id, shown in each.items() if subject in shown}


def _of(subjects: Collection[Subject], prefix: str, path: str) -> Mapping[Subject, str]:
    """Those whose type begins so, and their pages."""
    return {one: path.format(one.id) for one in subjects if one.type.startswith(prefix)}


async def _named(
    things: Named, where: Reads, viewer_id: str, paths: Mapping[Subject, str]
) -> Mapping[Subject, SubjectShape]:
    """Those of which the viewer is a side."""
    titles = await things.titles(where, {one.id for one in paths}, viewer_id)
    return {one: _shape(one.type, one.id, titles[one.id], path) for one, path in paths.items() if one.id in titles}


def _shape(kind: str, subject_id: str, title: str, path: str) -> SubjectShape:
    return SubjectShape(type=kind, id=UUID(subject_id), title=title, path=path)


def _said(post: PostShape) -> str:
    """The beginning of a post on one line, or what it warns of; empty for one without words."""
    return clean_line(post.content_warning or post.text)[:MAX_TITLE].strip()
