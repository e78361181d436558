"""What people do with posts becomes notices: of mentions, replies, quotes, reposts and reactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.features.delivery.notifications.kinds import (
    MENTION,
    QUOTE,
    REACTION,
    REPLY,
    REPOST,
    Notice,
    NotificationKind,
    Subject,
)
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.subjects import POST, Posts
from server.features.social.posts.facts import PostEdited, PostPublished, PostReacted, PostRemoved
from storage.facts import Consumer
from storage.postgres import Transaction


class PostConsumers:
    """Nobody is notified of a post that is not for them, or that has words which they hide."""

    def __init__(self, *, notifications: Notifications, posts: Posts) -> None:
        self._notifications = notifications
        self._posts = posts

    def all(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(PostPublished, self._published),
            Consumer(PostEdited, self._edited),
            Consumer(PostReacted, self._reacted),
            Consumer(PostRemoved, self._removed),
        )

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        """One notice a person: an answer to them, else a quote of theirs, else a mention."""
        if fact.repost_of is not None:
            await self._about_theirs(tx, REPOST, fact.author_id, fact.repost_of, fact.reposted_author)
            return
        notified = set[str]()
        for kind, theirs, person_id in (
            (REPLY, fact.reply_to, fact.reply_to_author),
            (QUOTE, fact.quote_of, fact.quoted_author),
        ):
            if theirs is None or person_id is None or person_id in notified:
                continue
            notified.add(person_id)
            if await self._is_for(tx, fact.post_id, person_id):
                notice = Notice(
                    kind=kind, actor_id=fact.author_id, subject=Subject(POST, theirs), happened_at=fact.published_at
                )
                await self._notifications.notify(tx, notice, [person_id])
        await self._mention(tx, fact, [one for one in fact.mentioned if one not in notified])

    async def _edited(self, tx: Transaction, fact: PostEdited) -> None:
        await self._mention(tx, fact, fact.mentioned)

    async def _mention(self, tx: Transaction, fact: PostPublished | PostEdited, ids: Sequence[str]) -> None:
        readers = [one for one in ids if await self._is_for(tx, fact.post_id, one)]
        notice = Notice(kind=MENTION, actor_id=fact.author_id, subject=Subject(POST, fact.post_id))
        await self._notifications.notify(tx, notice, readers)

    async def _reacted(self, tx: Transaction, fact: PostReacted) -> None:
        await self._about_theirs(tx, REACTION, fact.person_id, fact.post_id, fact.author_id)

    async def _removed(self, tx: Transaction, fact: PostRemoved) -> None:
        """What it caused for the authors of what it answered, quoted or reposted is withdrawn."""
        for kind, theirs in ((REPOST, fact.repost_of), (REPLY, fact.reply_to), (QUOTE, fact.quote_of)):
            if theirs is not None:
                await self._notifications.withdraw_of(tx, kind, actor_id=fact.author_id, subject_id=theirs)
        await self._notifications.forget_post(tx, fact.post_id)

    async def _about_theirs(
        self, tx: Transaction, kind: NotificationKind, actor_id: str, post_id: str, author_id: str | None
    ) -> None:
        if author_id is not None:
            notice = Notice(kind=kind, actor_id=actor_id, subject=Subject(POST, post_id))
            await self._notifications.notify(tx, notice, [author_id])

    async def _is_for(self, tx: Transaction, post_id: str, person_id: str) -> bool:
        return post_id in await self._posts.shown(tx, [post_id], person_id)
