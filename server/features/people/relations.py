"""What people are to one another: who follows, blocks and mutes whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.people.facts import BlockChanged, FollowChanged, MuteChanged
from server.features.people.rules import username_key
from server.features.people.settings import PeopleSettings
from server.http.cursors import after_time, page_of
from server.http.errors import Problem, not_found
from server.http.identity import Caller
from server.http.limits import CallRate, hourly
from server.http.operation import USERNAME, Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape
from storage.facts import publish
from storage.pictures import AVATAR_URL
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

TAG: Final = "people"
Tie = Literal["follow", "block", "mute"]
NAMED: Final = {"username": USERNAME}


class PersonShape(Shape):
    """A person in a list."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None


_TARGET = """
select u.id, exists (select from blocks where user_id = u.id and blocked_id = $2) as is_hidden,
       exists (select from blocks where user_id = $2 and blocked_id = u.id) as is_blocked
from users u where u.username_key = $1 and u.deleted_at is null
"""

# Following and blocking exclude one another, so both take the pair's lock before they look.
_LOCK_PAIR = (
    "select pg_advisory_xact_lock(hashtextextended(least($1::text, $2::text) || greatest($1::text, $2::text), 7))"
)
_FOLLOW = "insert into follows (follower_id, followee_id) values ($1, $2) on conflict do nothing"
_UNFOLLOW = "delete from follows where follower_id = $1 and followee_id = $2"
_UNFOLLOW_BOTH = (
    "delete from follows where (follower_id = $1 and followee_id = $2) or (follower_id = $2 and followee_id = $1) "
    "returning follower_id, followee_id"
)
_BLOCK = "insert into blocks (user_id, blocked_id) values ($1, $2) on conflict do nothing"
_UNBLOCK = "delete from blocks where user_id = $1 and blocked_id = $2"
_MUTE = "insert into mutes (user_id, muted_id) values ($1, $2) on conflict do nothing"
_UNMUTE = "delete from mutes where user_id = $1 and muted_id = $2"

# A tie that is there already may be made again, however many there are.
_HAS_ROOM = "select count(*) < $3 or coalesce(bool_or({theirs} = $2), false) from {table} where {mine} = $1"
_ROOM_TO: Final = {
    "follow": _HAS_ROOM.format(table="follows", mine="follower_id", theirs="followee_id"),
    "block": _HAS_ROOM.format(table="blocks", mine="user_id", theirs="blocked_id"),
    "mute": _HAS_ROOM.format(table="mutes", mine="user_id", theirs="muted_id"),
}

_LIST = f"""
select f.created_at as followed_at, u.id, u.username, u.display_name, {AVATAR_URL}
from follows f join users u on u.id = f.{{other}}
where f.{{one}} = $1 and u.deleted_at is null
  and ($2::timestamptz is null or (f.created_at, f.{{other}}) < ($2, $3::uuid))
  and not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $4)
order by f.created_at desc, f.{{other}} desc limit $5
"""
_FOLLOWERS = _LIST.format(one="followee_id", other="follower_id")
_FOLLOWING = _LIST.format(one="follower_id", other="followee_id")


class Relationships:
    """Follows, blocks and mutes. Every call may be repeated without another effect. One that would make more than
    ``max_ties`` of its kind for an account is a 409 (some more at once may pass)."""

    def __init__(self, *, database: Database, when_changed: Callable[[], Awaitable[None]], max_ties: int) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._max_ties = max_ties
        self._when_changed = when_changed

    async def follow(self, me: str, username: str) -> None:
        """Raises a 404 for nobody and for who has blocked me, a 409 for whom I block and for myself."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(_LOCK_PAIR, me, other)
            target = await tx.fetchrow(_TARGET, username_key(username), me)
            if target is None or target["is_hidden"]:
                raise nobody()
            if target["is_blocked"]:
                raise Problem(409, "You have blocked this person", slug="blocked")
            await self._require_room(tx, "follow", me, other)
            if await tx.execute(_FOLLOW, me, other):
                await publish(tx, FollowChanged(follower_id=me, followee_id=other, is_following=True))

    async def block(self, me: str, username: str) -> None:
        """Nobody follows the other any more, and the other cannot see me."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(_LOCK_PAIR, me, other)
            await self._require_room(tx, "block", me, other)
            if await tx.execute(_BLOCK, me, other):
                await publish(tx, BlockChanged(person_id=me, other_id=other, is_blocking=True))
            await publish(tx, *map(_unfollowed, await tx.fetch(_UNFOLLOW_BOTH, me, other)))
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def mute(self, me: str, username: str) -> None:
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await self._require_room(tx, "mute", me, other)
            if await tx.execute(_MUTE, me, other):
                await publish(tx, MuteChanged(person_id=me, other_id=other, is_muting=True))

    async def unfollow(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, _UNFOLLOW, me, username)
            if removed:
                await publish(tx, FollowChanged(follower_id=me, followee_id=other, is_following=False))

    async def unblock(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, _UNBLOCK, me, username)
            if removed:
                await publish(tx, BlockChanged(person_id=me, other_id=other, is_blocking=False))
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def unmute(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, _UNMUTE, me, username)
            if removed:
                await publish(tx, MuteChanged(person_id=me, other_id=other, is_muting=False))

    async def list(
        self, sql: str, username: str, *, viewer: Caller | None, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Row]:
        """Latest first; without those who have blocked the viewer."""
        viewer_id = viewer.id if viewer else None
        target = await self._db.fetchrow(_TARGET, username_key(username), viewer_id)
        if target is None or target["is_hidden"]:
            raise nobody()
        at, user_id = after or (None, None)
        return await self._db.fetch(sql, target["id"], at, user_id, viewer_id, limit)

    async def _require_room(self, tx: Transaction, tie: Tie, me: str, other: str) -> None:
        if not await tx.fetchval(_ROOM_TO[tie], me, other, self._max_ties):
            raise Problem(409, f"An account can {tie} at most {self._max_ties} people", slug=f"too-many-{tie}s")

    async def _target(self, me: str, username: str) -> str:
        target = await self._db.fetchrow(_TARGET, username_key(username), me)
        if target is None or target["is_hidden"]:
            raise nobody()
        if target["id"] == me:
            raise Problem(409, "That is yourself", slug="yourself")
        return str(target["id"])

    async def _remove(self, tx: Transaction, sql: str, me: str, username: str) -> tuple[str, int]:
        """The other's id, and how many rows were removed. Who has blocked me is not there for me, unless I had a tie to
        them that I take back.
        """
        target = await tx.fetchrow(_TARGET, username_key(username), me)
        if target is None:
            raise nobody()
        removed = await tx.execute(sql, me, target["id"])
        if target["is_hidden"] and not removed:
            raise nobody()
        return str(target["id"]), removed


def _unfollowed(row: Row) -> FollowChanged:
    return FollowChanged(follower_id=row["follower_id"], followee_id=row["followee_id"], is_following=False)


Verb = Callable[[str, str], Awaitable[None]]


class RelationshipRoutes:
    """``/api/v1/users/{username}/follow``, ``block``, ``mute``, ``followers`` and ``following``."""

    def __init__(self, *, relationships: Relationships, rate: CallRate) -> None:
        self._relationships = relationships
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        relationships, rate = self._relationships, self._rate
        return [
            *_verbs("follow", ("Follow a person", "Stop following a person"), relationships.follow,
                    relationships.unfollow, rate),
            *_verbs("block", ("Block a person: neither follows nor sees the other", "Unblock a person"),
                    relationships.block, relationships.unblock, rate),
            *_verbs("mute", ("Mute a person", "Unmute a person"), relationships.mute, relationships.unmute, rate),
            self._listing("followers", "Who follows a person", _FOLLOWERS),
            self._listing("following", "Whom a person follows", _FOLLOWING),
        ]  # fmt: skip

    def _listing(self, what: str, summary: str, sql: str) -> Operation:
        async def handler(call: Call[None, PageQuery]) -> Answer:
            return await self._list(call, sql)

        return Operation(
            method="GET", path=f"/api/v1/users/{{username}}/{what}", handler=handler, name=f"list{what.capitalize()}",
            tag=TAG, summary=summary, paths=NAMED, query=PageQuery, answers={200: Page[PersonShape]}, auth="optional",
        )  # fmt: skip

    async def _list(self, call: Call[None, PageQuery], sql: str) -> Answer:
        limit = call.query.limit
        rows = await self._relationships.list(
            sql, call.path["username"], viewer=call.person, after=after_time(call.query.cursor), limit=limit + 1
        )
        shown, following = page_of(rows, limit, lambda row: (row["followed_at"], row["id"]))
        return Answer(200, Page[PersonShape](items=[_person(row) for row in shown], next=following))


def _verbs(what: str, summaries: tuple[str, str], add: Verb, remove: Verb, rate: CallRate) -> list[Operation]:
    """The idempotent pair of one tie; ``summaries`` of its PUT and its DELETE."""
    path = f"/api/v1/users/{{username}}/{what}"
    return [
        Operation(
            method="PUT", path=path, handler=_relationship(add), name=what, tag=TAG, summary=summaries[0], paths=NAMED,
            answers={204: None}, problems=frozenset({409}), auth="required", account_rate=rate,
        ),
        Operation(
            method="DELETE", path=path, handler=_relationship(remove), name=f"un{what}", tag=TAG, summary=summaries[1],
            paths=NAMED, answers={204: None}, auth="required", account_rate=rate,
        ),
    ]  # fmt: skip


def _relationship(verb: Verb) -> Callable[[Call[None, None]], Awaitable[Answer]]:
    async def handler(call: Call[None, None]) -> Answer:
        await verb(call.me.id, call.path["username"])
        return Answer(204)

    return handler


def nobody() -> Problem:
    return not_found("There is nobody of this name")


def _person(row: Row) -> PersonShape:
    return PersonShape(
        id=row["id"], username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )


def build(platform: Platform, *, settings: PeopleSettings, when_changed: Callable[[], Awaitable[None]]) -> Feature:
    routes = RelationshipRoutes(
        relationships=Relationships(database=platform.db, when_changed=when_changed, max_ties=settings.max_ties),
        rate=hourly("ties", settings.max_ties_per_hour),
    )
    return Feature(
        name="relations",
        operations=routes.operations(),
        limits={
            "ties_per_hour": settings.max_ties_per_hour,
            "follows": settings.max_ties,
            "blocks": settings.max_ties,
            "mutes": settings.max_ties,
        },
        personal_data=PersonalData(tables=frozenset({"follows", "blocks", "mutes"}), sections=SECTIONS, erase=_erase),
    )


def _people(name: str, table: str, mine: str, theirs: str) -> ExportSection:
    columns = f"u.username, t.{theirs}, t.created_at"
    source = f"{table} t join users u on u.id = t.{theirs} where t.{mine} = $1"
    return rows_by_id(name, columns, source, f"t.{theirs}")


SECTIONS: Final = (
    _people("following", "follows", "follower_id", "followee_id"),
    _people("followers", "follows", "followee_id", "follower_id"),
    _people("blocks", "blocks", "user_id", "blocked_id"),
    _people("mutes", "mutes", "user_id", "muted_id"),
)
ERASE: Final = (
    "delete from follows where follower_id = $1 or followee_id = $1",
    "delete from blocks where user_id = $1 or blocked_id = $1",
    "delete from mutes where user_id = $1 or muted_id = $1",
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in ERASE:
        await tx.execute(sql, person_id)
