"""What moderators of a community do with its posts: pin them, announce them, take them down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from server.features.social.communities.acts import Acts
from server.features.social.communities.communities import Communities
from server.features.social.communities.news import News
from server.features.social.communities.rules import Role, outranks
from server.http.errors import Problem, not_found
from storage.postgres import Database, Transaction

MAX_PINS: Final = 5

_STANDING: Final = """
select m.role from posts p left join community_members m
    on m.community_id = p.community_id and m.person_id = p.author_id and m.state = 'member'
where p.id = $2 and p.community_id = $1 and p.state = 'published'
"""
_PINS: Final = """
select count(*) filter (where x.post_id <> $2) from community_pins x join posts p on p.id = x.post_id
where x.community_id = $1 and p.state = 'published'
"""
_PIN: Final = """
insert into community_pins (community_id, post_id, pinned_at) values ($1, $2, $3) on conflict do nothing
"""
_UNPIN: Final = "delete from community_pins where community_id = $1 and post_id = $2"


class TakesDown(Protocol):
    async def take_down(self, tx: Transaction, community_id: str, post_id: str) -> str: ...


class Moderation:
    """Each act is one transaction and in the log. All raise a 404, and a 403 for who is no moderator."""

    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        communities: Communities,
        posts: TakesDown,
        acts: Acts,
        news: News,
    ) -> None:
        self._db = db
        self._now = now
        self._communities = communities
        self._posts = posts
        self._acts = acts
        self._news = news

    async def pin(self, me: str, name: str, post_id: str, *, is_announced: bool) -> None:
        """Raises a 409 when there are too many pins. A post that is pinned already is not announced again."""
        async with self._db.transaction() as tx:
            community = await self._communities.moderated(tx, me, name)
            await self._author_role(tx, community["id"], post_id)
            if await tx.fetchval(_PINS, community["id"], post_id) >= MAX_PINS:
                raise Problem(409, f"A community has at most {MAX_PINS} pinned posts", slug="too-many-pins")
            if not await tx.execute(_PIN, community["id"], post_id, self._now()):
                return
            await self._acts.note(tx, "post_pinned", community["id"], by=me, subject=post_id)
            if is_announced:
                await self._news.tell_members(tx, community["id"], "announcement", post_id, by_id=me)

    async def unpin(self, me: str, name: str, post_id: str) -> None:
        async with self._db.transaction() as tx:
            community = await self._communities.moderated(tx, me, name)
            if await tx.execute(_UNPIN, community["id"], post_id):
                await self._acts.note(tx, "post_unpinned", community["id"], by=me, subject=post_id)

    async def take_down(self, me: str, name: str, post_id: str, reason: str) -> None:
        """Raises a 403 for a post whose author ranks above the moderator."""
        async with self._db.transaction() as tx:
            community = await self._communities.moderated(tx, me, name)
            if outranks(await self._author_role(tx, community["id"], post_id), community["role"]):
                raise Problem(403, "You may not take down what somebody of a higher rank has posted")
            await tx.execute(_UNPIN, community["id"], post_id)
            author_id = await self._posts.take_down(tx, community["id"], post_id)
            await self._acts.note(
                tx, "post_removed", community["id"], by=me, subject=author_id, why=reason, post_id=post_id
            )

    async def _author_role(self, tx: Transaction, community_id: str, post_id: str) -> Role | None:
        row = await tx.fetchrow(_STANDING, community_id, post_id)
        if row is None:
            raise not_found("There is no such post in this community")
        role: Role | None = row["role"]
        return role
