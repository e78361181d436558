"""Who looks at a post is sent how it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from actors.rate_limits import Rate
from actors.runtime import DomainError
from server.features.social.posts.counters import topic_of
from server.features.social.posts.reading import PostReader
from server.live.bodies import EventShape, Id
from server.live.events import Body, Done
from server.socket_events import ClientEvent, ServerEvent
from storage.postgres import Database

MAX_WATCHED: Final = 50
"""Posts that one socket looks at."""


class Topics(Protocol):
    """The node's fan-out."""

    def subscribe(self, topic: str, socket: Any) -> None: ...
    def unsubscribe(self, topic: str, socket: Any) -> None: ...


class OfPost(EventShape, frozen=True, kw_only=True):
    post_id: Id


class PostCounts(Body, frozen=True, kw_only=True):
    replies: int
    reposts: int
    quotes: int
    reactions: dict[str, int]


class PostChanged(Body, frozen=True, kw_only=True):
    """What is null has not changed. ``voters``: how many have voted. ``edited`` and ``removed``: read it again."""

    post_id: str
    counts: PostCounts | None
    voters: int | None
    edited: bool
    removed: bool


CHANGED: Final = ServerEvent(
    name="post:changed",
    summary="A post that one looks at, or wrote, has changed; of several counts within a moment the last",
    body=PostChanged,
    to="the sockets of its author, and those that have sent post:watch",
)


class PostEvents:
    def __init__(self, *, db: Database, reader: PostReader, topics: Topics) -> None:
        self._db = db
        self._reader = reader
        self._topics = topics

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="post:watch", shape=OfPost, ack=Done, handler=self._watch, sender="anyone",
                summary="Be sent the changes of a post that you may read", rate=Rate(per_s=5, burst=100),
            ),
            ClientEvent(
                name="post:unwatch", shape=OfPost, ack=Done, handler=self._unwatch, sender="anyone",
                summary="Be sent the changes of a post no more", rate=Rate(per_s=5, burst=100),
            ),
        ]  # fmt: skip

    async def _watch(self, socket: Any, session: Any, body: OfPost) -> dict[str, Any]:
        topic = topic_of(body.post_id)
        watched = [one for one in socket.topics if one.startswith(topic_of(""))]
        if topic not in watched and len(watched) >= MAX_WATCHED:
            raise DomainError("too_many", f"A socket looks at {MAX_WATCHED} posts at most")
        person_id = session.person.id if session.person is not None else None
        found = await self._reader.shown(self._db, [body.post_id], person_id, country=session.country, past_mutes=True)
        if not found:
            raise DomainError("not_found", "There is no such post")
        if str(found[body.post_id].author.id) == person_id:
            return {"ok": True}  # who wrote it is told anyway
        self._topics.subscribe(topic, socket)
        return {"ok": True}

    async def _unwatch(self, socket: Any, session: Any, body: OfPost) -> dict[str, Any]:
        self._topics.unsubscribe(topic_of(body.post_id), socket)
        return {"ok": True}
