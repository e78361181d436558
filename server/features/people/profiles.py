"""Profiles: people as they show themselves, and as others see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from server.feature import Feature, Platform
from server.features.people.confusables import USERNAME_SKELETON, skeleton
from server.features.people.facts import BirthDateChanged, ProfileChanged
from server.features.people.relations import NAMED, nobody, set_privacy
from server.features.people.rules import (
    MAX_LINKS,
    Bio,
    BirthDate,
    DisplayName,
    Link,
    Pronouns,
    is_reserved,
    username_key,
)
from server.features.people.settings import PeopleSettings
from server.http.errors import FieldError, Problem, not_found
from server.http.identity import Caller
from server.http.limits import CallRate, hourly
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape
from storage.facts import publish
from storage.pictures import AVATAR_URL, BANNER_URL
from storage.postgres import Database, Row
from storage.rights import note_change
from storage.seen_streams import MUTE_HOLDS

TAG: Final = "people"


class Unchanged(Enum):
    """In place of a value that is not given, where None is one."""

    UNCHANGED = 0


UNCHANGED: Final = Unchanged.UNCHANGED

AVATAR: Final = Field(description="Square, WebP, root-relative; null: none. As 64, 128, 256 and 512 wide beside it")
BANNER: Final = Field(description="3:1, WebP, root-relative; null: none. As 600 and 1500 wide beside it")
LINKS: Final = Field(description="Web addresses, in their order")
BIRTH_DATE: Final = Field(
    description="Given once, shown to nobody else; for what has a least age. null: not given. An admin corrects it"
)
PRONOUNS: Final = Field(description="How the person wants to be spoken of; empty: not given")
PRIVATE: Final = Field(description="Who wants to follow waits until the person approves")


class Counts(Shape):
    followers: int
    following: int
    streams: int


class ViewerRelationship(Shape):
    """What the caller is to this person."""

    following: bool
    requested: Annotated[bool, Field(description="The request to follow waits for the person's answer")]
    blocked: bool
    muted: bool


class Profile(Shape):
    id: UUID
    username: str
    display_name: str
    bio: str
    pronouns: Annotated[str, PRONOUNS]
    avatar_url: Annotated[str | None, AVATAR]
    banner_url: Annotated[str | None, BANNER]
    links: Annotated[list[str], LINKS]
    created_at: datetime
    private: Annotated[bool, PRIVATE]
    counts: Counts
    viewer: Annotated[ViewerRelationship | None, Field(description="null without a token")]


class Me(Shape):
    id: UUID
    username: str
    display_name: str
    bio: str
    pronouns: Annotated[str, PRONOUNS]
    avatar_url: Annotated[str | None, AVATAR]
    banner_url: Annotated[str | None, BANNER]
    links: Annotated[list[str], LINKS]
    created_at: datetime
    private: Annotated[bool, PRIVATE]
    counts: Counts
    birth_date: Annotated[date | None, BIRTH_DATE]
    email: str
    email_verified: bool
    roles: list[str]
    has_password: Annotated[bool, Field(description="False for an account that a provider has made")]
    must_change_password: Annotated[
        bool,
        Field(
            description="It is a one-time password, made up by the server: until it is changed all calls but this one, "
            "`POST /auth/password/change` and `POST /auth/logout` are answered 403 `…/password-change-required`"
        ),
    ]


class ProfileChange(Body):
    """Only what is given changes."""

    display_name: Annotated[DisplayName, Field(default_factory=str, description="Empty: the username is shown")]
    bio: Annotated[Bio, Field(default_factory=str)]
    pronouns: Annotated[Pronouns, Field(default_factory=str)]
    links: Annotated[list[Link], Field(default_factory=list, max_length=MAX_LINKS, description="All of them")]
    private: Annotated[bool, Field(default_factory=bool, description="False approves all who wait")]
    birth_date: BirthDate | None = Field(None, description="Given once. An admin corrects it")


_SHOWN = f"""
select u.id, u.username, u.display_name, u.bio, u.pronouns, {AVATAR_URL}, {BANNER_URL}, u.links, u.created_at,
       u.is_private as private,
       (select count(*) from follows where followee_id = u.id) as followers,
       (select count(*) from follows where follower_id = u.id) as followed,
       (select count(*) from streams where owner_id = u.id and visibility = 'public') as streams,
"""
_ME = f"""
{_SHOWN} u.roles, u.email, u.birth_date, u.must_change_password, u.password_hash <> '' as has_password,
       u.email_verified_at is not null as email_verified
from users u where u.id = $1 and u.deleted_at is null
"""
_BY_USERNAME = f"""
{_SHOWN}
       exists (select from follows where follower_id = $2 and followee_id = u.id) as is_followed,
       exists (select from follow_requests where follower_id = $2 and followee_id = u.id) as is_requested,
       exists (select from blocks where user_id = $2 and blocked_id = u.id) as is_blocked,
       exists (select from mutes m where m.user_id = $2 and m.muted_id = u.id and {MUTE_HOLDS.format("m")}) as is_muted,
       exists (select from blocks where user_id = u.id and blocked_id = $2)
           or coalesce(u.suspended_until > now(), false) as is_hidden
from users u where u.username_key = $1 and u.deleted_at is null
"""

_CHANGE = """
update users set
    display_name = case $2::text when '' then username else coalesce($2, display_name) end,
    bio = coalesce($3, bio), links = coalesce($4::jsonb, links), pronouns = coalesce($5, pronouns), updated_at = now()
where id = $1 and deleted_at is null
"""

_GIVE_BIRTH_DATE = """
update users set birth_date = $2 where id = $1 and (birth_date is null or birth_date is not distinct from $2)
returning id
"""

_OWN_NAMES = "select username, display_name from users where id = $1 and deleted_at is null"
_NAMESAKE = f"select exists (select from users where {USERNAME_SKELETON} = $1 and id <> $2 and deleted_at is null)"


_OWN: Final = ("birth_date", "email", "email_verified", "roles", "has_password", "must_change_password")


class Profiles:
    """People as they are shown."""

    def __init__(self, *, database: Database) -> None:
        self._db = database

    async def me(self, user_id: str) -> Me:
        """Raises a 404 when the account is no more."""
        row = await self._db.fetchrow(_ME, user_id)
        if row is None:
            raise not_found("The account is no more")
        own = {name: row[name] for name in _OWN}
        return Me(**_shown(row), **own)

    async def of(self, username: str, *, viewer: Caller | None) -> Profile:
        """Raises a 404 for nobody, for who is suspended, and for who has blocked the viewer."""
        row = await self._db.fetchrow(_BY_USERNAME, username_key(username), viewer.id if viewer else None)
        if row is None or row["is_hidden"]:
            raise nobody()
        return Profile(**_shown(row), viewer=_viewer(row) if viewer else None)

    async def change(
        self,
        user_id: str,
        *,
        display_name: str | None,
        bio: str | None,
        pronouns: str | None = None,
        links: Sequence[str] | None,
        is_private: bool | None,
        birth_date: date | Unchanged | None = UNCHANGED,
    ) -> None:
        """None, but for a birth date, leaves a field as it is; an empty display name becomes the username.

        Raises a 409 for a display name that reads as another's username or as a reserved one, and for another birth
        date than the one that was given before.
        """
        if display_name:
            await self._require_own(user_id, display_name)
        kept = None if links is None else list(dict.fromkeys(links))
        async with self._db.transaction() as tx:
            if birth_date is not UNCHANGED:
                if await tx.fetchval(_GIVE_BIRTH_DATE, user_id, birth_date) is None:
                    raise _given_before()
                await note_change(tx, "account", user_id)
                await publish(tx, BirthDateChanged(person_id=user_id))
            await tx.execute(_CHANGE, user_id, display_name, bio, kept, pronouns)
            if is_private is not None:
                await set_privacy(tx, user_id, is_private)
            if display_name is not None:
                await note_change(tx, "name", user_id)
            if display_name is not None or bio is not None:
                await publish(tx, ProfileChanged(person_id=user_id))

    async def _require_own(self, user_id: str, display_name: str) -> None:
        """One's own username, and the name that one has already, may stay."""
        own = await self._db.fetchrow(_OWN_NAMES, user_id)
        alike = skeleton(display_name.removeprefix("@"))
        if own is None or display_name == own["display_name"] or alike == skeleton(own["username"]):
            return
        if is_reserved(display_name) or await self._db.fetchval(_NAMESAKE, alike, user_id):
            message = "reads as the name of somebody else"
            raise Problem(409, f"display_name {message}", slug="taken", errors=[FieldError("display_name", message)])


def _given_before() -> Problem:
    message = "is given once: ask support to correct it"
    return Problem(
        409, f"birth_date {message}", slug="birth-date-given", errors=[FieldError("birth_date", message)]
    )  # fmt: skip


class ProfileRoutes:
    """``/api/v1/me`` and ``/api/v1/users/{username}``."""

    def __init__(self, *, profiles: Profiles, when_changed: Callable[[], Awaitable[None]], rate: CallRate) -> None:
        """``when_changed`` is called after a change of a name: this node need not wait to find out. ``rate`` bounds
        the changes of one account.
        """
        self._profiles = profiles
        self._when_changed = when_changed
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/users/{username}", handler=self._get, name="getUser", tag=TAG,
                summary="A person's profile", paths=NAMED, answers={200: Profile}, auth="optional",
            ),
            Operation(
                method="GET", path="/api/v1/me", handler=self._me, name="getMe", tag=TAG,
                summary="My own profile", answers={200: Me}, problems=frozenset({404}), auth="required",
                takes_one_time_password=True,
            ),
            Operation(
                method="PATCH", path="/api/v1/me", handler=self._change, name="changeMe", tag=TAG,
                summary="Change my profile", body=ProfileChange, answers={200: Me}, problems=frozenset({404, 409}),
                auth="required", account_rate=self._rate,
            ),
        ]  # fmt: skip

    async def _me(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._profiles.me(call.me.id))

    async def _change(self, call: Call[ProfileChange, None]) -> Answer:
        given = call.body.model_dump(exclude_unset=True)
        await self._profiles.change(
            call.me.id,
            display_name=given.get("display_name"),
            bio=given.get("bio"),
            pronouns=given.get("pronouns"),
            links=given.get("links"),
            is_private=given.get("private"),
            birth_date=given.get("birth_date", UNCHANGED),
        )
        await self._when_changed()
        return Answer(200, await self._profiles.me(call.me.id))

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._profiles.of(call.path["username"], viewer=call.person))


def _shown(row: Row) -> dict[str, Any]:
    names = (
        "id",
        "username",
        "display_name",
        "bio",
        "pronouns",
        "avatar_url",
        "banner_url",
        "links",
        "created_at",
        "private",
    )
    counts = Counts(followers=row["followers"], following=row["followed"], streams=row["streams"])
    return {**{name: row[name] for name in names}, "private": row["private"], "counts": counts}


def _viewer(row: Row) -> ViewerRelationship:
    return ViewerRelationship(
        following=row["is_followed"], requested=row["is_requested"], blocked=row["is_blocked"], muted=row["is_muted"]
    )


def build(platform: Platform, *, settings: PeopleSettings, when_changed: Callable[[], Awaitable[None]]) -> Feature:
    routes = ProfileRoutes(
        profiles=Profiles(database=platform.db),
        when_changed=when_changed,
        rate=hourly("profile", settings.max_profile_changes_per_hour),
    )
    return Feature(
        name="profiles",
        operations=routes.operations(),
        limits={"profile_changes_per_hour": settings.max_profile_changes_per_hour, "profile_links": MAX_LINKS},
    )
