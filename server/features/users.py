"""Profiles and what people are to one another: who follows, blocks and mutes whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from pydantic import Field

from server.features.auth.confusables import USERNAME_SKELETON, skeleton
from server.features.auth.rules import Bio, DisplayName, is_reserved, username_key
from server.features.facts import FollowChanged
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import FieldError, Problem, not_found
from server.http.feature import USERNAME, Answer, Call, Operation
from server.http.identity import Caller
from server.http.limits import AccountRates, CallRate
from server.http.shapes import Body, Page, PageQuery, Shape, Text
from storage.facts import publish
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

TAG: Final = "people"


class Counts(Shape):
    followers: int
    following: int
    streams: int


class ViewerRelationship(Shape):
    """What the caller is to this person."""

    following: bool
    blocked: bool
    muted: bool


class Profile(Shape):
    id: UUID
    username: str
    display_name: str
    bio: str
    avatar_url: str | None
    created_at: datetime
    counts: Counts
    viewer: Annotated[ViewerRelationship | None, Field(description="null without a token")]


class Me(Shape):
    id: UUID
    username: str
    display_name: str
    bio: str
    avatar_url: str | None
    created_at: datetime
    counts: Counts
    email: str
    email_verified: bool
    roles: list[str]


class PersonShape(Shape):
    """A person in a list."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None


class ProfileChange(Body):
    """Only what is given changes."""

    display_name: Annotated[DisplayName, Field(default_factory=str, description="Empty: the username is shown")]
    bio: Annotated[Bio, Field(default_factory=str)]


class DeleteAccount(Body):
    password: Annotated[Text, Field(min_length=1, max_length=256)]


_PROFILE = """
select u.id, u.username, u.display_name, u.bio, u.avatar_url, u.created_at, u.roles, u.email,
       u.email_verified_at is not null as email_verified,
       (select count(*) from follows where followee_id = u.id) as followers,
       (select count(*) from follows where follower_id = u.id) as followed,
       (select count(*) from streams where owner_id = u.id and visibility = 'public') as streams,
       exists (select from follows where follower_id = $2 and followee_id = u.id) as is_followed,
       exists (select from blocks where user_id = $2 and blocked_id = u.id) as is_blocked,
       exists (select from mutes where user_id = $2 and muted_id = u.id) as is_muted,
       exists (select from blocks where user_id = u.id and blocked_id = $2) as is_hidden
from users u
where {where} and u.deleted_at is null
"""
_BY_ID = _PROFILE.format(where="u.id = $1")
_BY_USERNAME = _PROFILE.format(where="u.username_key = $1")

_CHANGE = """
update users set
    display_name = case $2::text when '' then username else coalesce($2, display_name) end,
    bio = coalesce($3, bio), updated_at = now()
where id = $1 and deleted_at is null
"""

_OWN_NAMES = "select username, display_name from users where id = $1 and deleted_at is null"
_NAMESAKE = f"select exists (select from users where {USERNAME_SKELETON} = $1 and id <> $2 and deleted_at is null)"

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

_LIST = """
select f.created_at as followed_at, u.id, u.username, u.display_name, u.avatar_url
from follows f join users u on u.id = f.{other}
where f.{one} = $1 and u.deleted_at is null
  and ($2::timestamptz is null or (f.created_at, f.{other}) < ($2, $3::uuid))
  and not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $4)
order by f.created_at desc, f.{other} desc limit $5
"""
_FOLLOWERS = _LIST.format(one="followee_id", other="follower_id")
_FOLLOWING = _LIST.format(one="follower_id", other="followee_id")


class Profiles:
    """People as they are shown."""

    def __init__(self, *, database: Database) -> None:
        self._db = database

    async def me(self, user_id: str) -> Me:
        """Raises a 404 when the account is no more."""
        row = await self._db.fetchrow(_BY_ID, user_id, user_id)
        if row is None:
            raise not_found("The account is no more")
        return Me(**_shown(row), email=row["email"], email_verified=row["email_verified"], roles=row["roles"])

    async def of(self, username: str, *, viewer: Caller | None) -> Profile:
        """Raises a 404 for nobody, and for somebody who has blocked the viewer."""
        row = await self._db.fetchrow(_BY_USERNAME, username_key(username), viewer.id if viewer else None)
        if row is None or row["is_hidden"]:
            raise _nobody()
        return Profile(**_shown(row), viewer=_viewer(row) if viewer else None)

    async def change(self, user_id: str, *, display_name: str | None, bio: str | None) -> None:
        """None leaves a field as it is; an empty display name becomes the username.

        Raises a 409 for a display name that reads as another's username or as a reserved one.
        """
        if display_name:
            await self._require_own(user_id, display_name)
        async with self._db.transaction() as tx:
            await tx.execute(_CHANGE, user_id, display_name, bio)
            if display_name is not None:
                await note_change(tx, "name", user_id)

    async def _require_own(self, user_id: str, display_name: str) -> None:
        """One's own username, and the name that one has already, may stay."""
        own = await self._db.fetchrow(_OWN_NAMES, user_id)
        alike = skeleton(display_name.removeprefix("@"))
        if own is None or display_name == own["display_name"] or alike == skeleton(own["username"]):
            return
        if is_reserved(display_name) or await self._db.fetchval(_NAMESAKE, alike, user_id):
            message = "reads as the name of somebody else"
            raise Problem(409, f"display_name {message}", slug="taken", errors=[FieldError("display_name", message)])


class Relationships:
    """Follows, blocks and mutes. Every call may be repeated without another effect."""

    def __init__(self, *, database: Database, when_changed: Callable[[], Awaitable[None]]) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._when_changed = when_changed

    async def follow(self, me: str, username: str) -> None:
        """Raises a 404 for nobody and for who has blocked me, a 409 for whom I block and for myself."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(_LOCK_PAIR, me, other)
            target = await tx.fetchrow(_TARGET, username_key(username), me)
            if target is None or target["is_hidden"]:
                raise _nobody()
            if target["is_blocked"]:
                raise Problem(409, "You have blocked this person", slug="blocked")
            if await tx.execute(_FOLLOW, me, other):
                await publish(tx, FollowChanged(follower_id=me, followee_id=other, is_following=True))

    async def block(self, me: str, username: str) -> None:
        """Nobody follows the other any more, and the other cannot see me."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(_LOCK_PAIR, me, other)
            await tx.execute(_BLOCK, me, other)
            await publish(tx, *map(_unfollowed, await tx.fetch(_UNFOLLOW_BOTH, me, other)))
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def mute(self, me: str, username: str) -> None:
        await self._db.execute(_MUTE, me, await self._target(me, username))

    async def unfollow(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, _UNFOLLOW, me, username)
            if removed:
                await publish(tx, FollowChanged(follower_id=me, followee_id=other, is_following=False))

    async def unblock(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, _ = await self._remove(tx, _UNBLOCK, me, username)
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def unmute(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            await self._remove(tx, _UNMUTE, me, username)

    async def list(
        self, sql: str, username: str, *, viewer: Caller | None, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Row]:
        """Latest first; without those who have blocked the viewer."""
        viewer_id = viewer.id if viewer else None
        target = await self._db.fetchrow(_TARGET, username_key(username), viewer_id)
        if target is None or target["is_hidden"]:
            raise _nobody()
        at, user_id = after or (None, None)
        return await self._db.fetch(sql, target["id"], at, user_id, viewer_id, limit)

    async def _target(self, me: str, username: str) -> str:
        target = await self._db.fetchrow(_TARGET, username_key(username), me)
        if target is None or target["is_hidden"]:
            raise _nobody()
        if target["id"] == me:
            raise Problem(409, "That is yourself", slug="yourself")
        return str(target["id"])

    async def _remove(self, tx: Transaction, sql: str, me: str, username: str) -> tuple[str, int]:
        """The other's id, and how many rows were removed. Who has blocked me is not there for me, unless I had a tie to
        them that I take back.
        """
        target = await tx.fetchrow(_TARGET, username_key(username), me)
        if target is None:
            raise _nobody()
        removed = await tx.execute(sql, me, target["id"])
        if target["is_hidden"] and not removed:
            raise _nobody()
        return str(target["id"]), removed


def _unfollowed(row: Row) -> FollowChanged:
    return FollowChanged(follower_id=row["follower_id"], followee_id=row["followee_id"], is_following=False)


class AccountDeletion(Protocol):
    """What profiles need of accounts."""

    async def delete(self, *, person: Caller, password: str) -> None: ...


Verb = Callable[[str, str], Awaitable[None]]


class Users:
    """``/api/v1/me`` and ``/api/v1/users``."""

    name = "users"

    def __init__(
        self,
        *,
        profiles: Profiles,
        relationships: Relationships,
        accounts: AccountDeletion,
        when_changed: Callable[[], Awaitable[None]],
        rates: AccountRates | None = None,
    ) -> None:
        """``when_changed``: somebody may have another name now, and this node need not wait to find out."""
        self._rates = rates or AccountRates()
        self._when_changed = when_changed
        self._profiles = profiles
        self._relationships = relationships
        self._accounts = accounts

    def operations(self) -> Sequence[Operation]:
        relationships, rate = self._relationships, self._rates.ties
        return [
            *self._mine(),
            Operation(
                method="GET", path="/api/v1/users/{username}", handler=self._get, name="getUser", tag=TAG,
                summary="A person's profile", paths=_NAMED, answers={200: Profile}, auth="optional",
            ),
            *_verbs("follow", ("Follow a person", "Stop following a person"), relationships.follow,
                    relationships.unfollow, rate),
            *_verbs("block", ("Block a person: neither follows nor sees the other", "Unblock a person"),
                    relationships.block, relationships.unblock, rate),
            *_verbs("mute", ("Mute a person", "Unmute a person"), relationships.mute, relationships.unmute, rate),
            self._listing("followers", "Who follows a person", _FOLLOWERS),
            self._listing("following", "Whom a person follows", _FOLLOWING),
        ]  # fmt: skip

    def _mine(self) -> list[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/me", handler=self._me, name="getMe", tag=TAG,
                summary="My own profile", answers={200: Me}, problems=frozenset({404}), auth="required",
            ),
            Operation(
                method="PATCH", path="/api/v1/me", handler=self._change, name="changeMe", tag=TAG,
                summary="Change my profile", body=ProfileChange, answers={200: Me}, problems=frozenset({404, 409}),
                auth="required", account_rate=self._rates.profile,
            ),
            Operation(
                method="DELETE", path="/api/v1/me", handler=self._delete, name="deleteMe", tag=TAG,
                summary="Delete my account",
                description="Hidden at once and wiped after the days of grace; until then signing in takes it back.",
                body=DeleteAccount, max_body=16 * 1024, answers={204: None},
                problems=frozenset({403, 429}), auth="required",
            ),
        ]  # fmt: skip

    def _listing(self, what: str, summary: str, sql: str) -> Operation:
        async def handler(call: Call[None, PageQuery]) -> Answer:
            return await self._list(call, sql)

        return Operation(
            method="GET", path=f"/api/v1/users/{{username}}/{what}", handler=handler, name=f"list{what.capitalize()}",
            tag=TAG, summary=summary, paths=_NAMED, query=PageQuery, answers={200: Page[PersonShape]}, auth="optional",
        )  # fmt: skip

    async def _me(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._profiles.me(call.me.id))

    async def _change(self, call: Call[ProfileChange, None]) -> Answer:
        given = call.body.model_dump(exclude_unset=True)
        await self._profiles.change(call.me.id, display_name=given.get("display_name"), bio=given.get("bio"))
        await self._when_changed()
        return Answer(200, await self._profiles.me(call.me.id))

    async def _delete(self, call: Call[DeleteAccount, None]) -> Answer:
        await self._accounts.delete(person=call.me, password=call.body.password)
        return Answer(204)

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._profiles.of(call.path["username"], viewer=call.person))

    async def _list(self, call: Call[None, PageQuery], sql: str) -> Answer:
        limit = call.query.limit
        rows = await self._relationships.list(
            sql, call.path["username"], viewer=call.person, after=_after(call.query.cursor), limit=limit + 1
        )
        items = [_person(row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = encode_cursor((last["followed_at"], last["id"])) if last else None
        return Answer(200, Page[PersonShape](items=items, next=cursor))


_NAMED: Final = {"username": USERNAME}


def _verbs(what: str, said: tuple[str, str], add: Verb, remove: Verb, rate: CallRate) -> list[Operation]:
    """The idempotent pair of one tie; ``said`` sums up its PUT and its DELETE."""
    path = f"/api/v1/users/{{username}}/{what}"
    return [
        Operation(
            method="PUT", path=path, handler=_relationship(add), name=what, tag=TAG, summary=said[0], paths=_NAMED,
            answers={204: None}, problems=frozenset({409}), auth="required", account_rate=rate,
        ),
        Operation(
            method="DELETE", path=path, handler=_relationship(remove), name=f"un{what}", tag=TAG, summary=said[1],
            paths=_NAMED, answers={204: None}, auth="required", account_rate=rate,
        ),
    ]  # fmt: skip


def _relationship(verb: Verb) -> Callable[[Call[None, None]], Awaitable[Answer]]:
    async def handler(call: Call[None, None]) -> Answer:
        await verb(call.me.id, call.path["username"])
        return Answer(204)

    return handler


def _nobody() -> Problem:
    return not_found("There is nobody of this name")


def _shown(row: Row) -> dict[str, Any]:
    names = ("id", "username", "display_name", "bio", "avatar_url", "created_at")
    counts = Counts(followers=row["followers"], following=row["followed"], streams=row["streams"])
    return {**{name: row[name] for name in names}, "counts": counts}


def _viewer(row: Row) -> ViewerRelationship:
    return ViewerRelationship(following=row["is_followed"], blocked=row["is_blocked"], muted=row["is_muted"])


def _person(row: Row) -> PersonShape:
    return PersonShape(
        id=row["id"], username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, user_id = decode_cursor(cursor, tuple[datetime, UUID])
    return at, str(user_id)
