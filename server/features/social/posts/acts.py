"""What people do with posts: react, repost, withdraw a quote, vote. Each act may be repeated without another effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from actors.emoji import SHOWN_AS_EMOJI, is_emoji
from server.features.social.posts import act_queries as queries
from server.features.social.posts.counters import Counters
from server.features.social.posts.facts import PostPublished, PostReacted, PostRemoved
from server.features.social.posts.polls import state_of
from server.features.social.posts.rules import quotable
from server.features.social.posts.targets import Targets, no_post
from server.http.errors import Problem, invalid_field
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_EMOJI: Final = 100
"""Kinds of reactions on one post."""
MAX_OWN: Final = 20
"""Of one person on one post."""


class Acts:
    def __init__(
        self, *, db: Database, targets: Targets, counters: Counters, ids: Ids, now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._targets = targets
        self._counters = counters
        self._ids = ids
        self._now = now

    async def react(self, person_id: str, post_id: str, emoji: str) -> None:
        """Raises a 404, a 422 for what is no emoji, and a 409 when there are too many."""
        if not is_emoji(emoji):
            raise invalid_field("emoji", "must be one emoji")
        async with self._db.transaction(planned_once=True) as tx:
            post = await self._targets.one(tx, person_id, post_id)
            own = await tx.fetchval(queries.MY_REACTIONS, post["id"], person_id)
            emoji = _as_known(emoji, (*own, *post["reactions"]))
            if emoji in own:
                return
            if len(own) >= MAX_OWN or (len(post["reactions"]) >= MAX_EMOJI and emoji not in post["reactions"]):
                raise Problem(409, "There are too many kinds of reactions on this post", slug="too-many-reactions")
            await tx.execute(queries.REACT, post["id"], person_id, emoji, self._now())
            await self._counters.reaction(tx, post["id"], 1, emoji)
            if not own:
                fact = PostReacted(post_id=post["id"], author_id=post["author_id"], person_id=person_id, emoji=emoji)
                await publish(tx, fact)

    async def unreact(self, person_id: str, post_id: str, emoji: str) -> None:
        """Also from a post that the person may not read any more."""
        async with self._db.transaction(planned_once=True) as tx:
            original = await self._original(tx, post_id)
            for row in await tx.fetch(queries.UNREACT, original, person_id, emoji.replace(SHOWN_AS_EMOJI, "")):
                await self._counters.reaction(tx, original, -1, row["emoji"])

    async def repost(self, person_id: str, post_id: str) -> None:
        """Raises a 404, and a 403 for what is not for all."""
        now = self._now()
        async with self._db.transaction(planned_once=True) as tx:
            post = await self._targets.one(tx, person_id, post_id)
            if not quotable(post, person_id):
                raise Problem(403, "Only public posts may be reposted", slug="not-public")
            repost_id = self._ids.uuid7(now.timestamp())
            if not await tx.execute(
                queries.REPOST, repost_id, person_id, post["id"], post["visibility"], post["community_id"], now
            ):
                return
            await self._counters.repost(tx, post["id"], 1)
            await publish(
                tx,
                PostPublished(
                    post_id=repost_id,
                    author_id=person_id,
                    visibility=post["visibility"],
                    community_id=post["community_id"],
                    repost_of=post["id"],
                    reposted_author=post["author_id"],
                    mentioned=[],
                    tags=[],
                    published_at=now,
                ),
            )

    async def unrepost(self, person_id: str, post_id: str) -> None:
        async with self._db.transaction(planned_once=True) as tx:
            original = await self._original(tx, post_id)
            repost_id = await tx.fetchval(queries.UNREPOST, original, person_id)
            if repost_id is not None:
                await self._counters.repost(tx, original, -1)
                await publish(tx, PostRemoved(post_id=repost_id, author_id=person_id, repost_of=original))

    async def withdraw_quote(self, person_id: str, post_id: str) -> None:
        """The author of what ``post_id`` quotes does not want to be quoted there. Raises a 404."""
        async with self._db.transaction(planned_once=True) as tx:
            quoted = await tx.fetchval(queries.WITHDRAW_QUOTE, post_id, person_id)
            if quoted is None:
                raise no_post()
            await self._counters.quote(tx, quoted, -1)

    async def pin(self, person_id: str, post_id: str) -> None:
        """In place of another that was. Raises a 404 for what is no post of the person's."""
        if not await self._db.execute(queries.PIN, person_id, post_id):
            raise no_post()

    async def unpin(self, person_id: str, post_id: str) -> None:
        await self._db.execute(queries.UNPIN, person_id, post_id)

    async def vote(self, person_id: str, post_id: str, options: Sequence[int]) -> None:
        """One account votes once: the same again is no other vote. Raises a 404, a 409, or a 422."""
        chosen = sorted(set(options))
        async with self._db.transaction(planned_once=True) as tx:
            post = await self._targets.one(tx, person_id, post_id)
            poll = await tx.fetchrow(queries.POLL, post["id"], person_id)
            if poll is None:
                raise no_post()
            if chosen[-1] >= len(poll["options"]):
                raise invalid_field("options", "has no such option")
            if poll["my_votes"] is not None:
                _require_same(poll["my_votes"], chosen)
                return
            self._require_choice(poll, chosen)
            await tx.execute(queries.VOTE, post["id"], person_id, chosen, self._now())
            await tx.execute(queries.COUNT_VOTE, post["id"], chosen)
            self._counters.voted(tx, post["id"], post["author_id"], poll["voters"] + 1)

    def _require_choice(self, poll: Row, chosen: Sequence[int]) -> None:
        if state_of(poll["ends_at"], self._now()) != "open":
            raise Problem(409, "The poll has ended", slug="poll-closed")
        if len(chosen) > 1 and not poll["is_multiple"]:
            raise invalid_field("options", "must be one option")

    async def _original(self, tx: Transaction, post_id: str) -> str:
        """What a repost repeats, or the post itself. Raises a 404."""
        original: str | None = await tx.fetchval(queries.ORIGINAL, post_id)
        if original is None:
            raise no_post()
        return original


def _as_known(emoji: str, known: Iterable[str]) -> str:
    """As it stands in ``known``, with or without the variation selectors that keyboards send or leave out."""
    bare = emoji.replace(SHOWN_AS_EMOJI, "")
    return next((one for one in known if one.replace(SHOWN_AS_EMOJI, "") == bare), emoji)


def _require_same(voted: Sequence[int], chosen: Sequence[int]) -> None:
    if list(voted) != list(chosen):
        raise Problem(409, "You have voted already", slug="voted-already")
