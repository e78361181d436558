"""``/api/v1/users/{username}/follow``, ``block``, ``mute`` and lists, ``/api/v1/me/follow-requests`` and lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from server.features.people.relations import queries
from server.features.people.relations.requests import FollowRequests
from server.features.people.relations.shapes import (
    NAMED,
    TAG,
    MuteBody,
    MutedShape,
    PersonShape,
    muted,
    person,
    require_expiry,
)
from server.features.people.relations.ties import Relationships
from server.http.cursors import after_time, page_of
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery
from storage.postgres import Row

Verb = Callable[[str, str], Awaitable[None]]


class RelationshipRoutes:
    def __init__(
        self,
        *,
        relationships: Relationships,
        requests: FollowRequests,
        rate: CallRate,
        now: Callable[[], datetime],
    ) -> None:
        self._now = now
        self._relationships = relationships
        self._requests = requests
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        relationships, rate = self._relationships, self._rate
        return [
            Operation(
                method="PUT", path="/api/v1/users/{username}/follow", handler=self._follow, name="follow", tag=TAG,
                summary="Follow a person; 202: the account is private, and the request waits for its owner",
                paths=NAMED, answers={204: None, 202: None}, problems=frozenset({409}), auth="required",
                account_rate=rate,
            ),
            _remove("follow", "Stop following a person, or take the request back", relationships.unfollow, rate),
            _add("block", "Block a person: neither follows nor sees the other", relationships.block, rate),
            _remove("block", "Unblock a person", relationships.unblock, rate),
            Operation(
                method="PUT", path="/api/v1/users/{username}/mute", handler=self._mute, name="mute", tag=TAG,
                summary="Mute a person, for good or until a time; again sets another end", paths=NAMED, body=MuteBody,
                body_required=False, answers={204: None}, problems=frozenset({409}), auth="required",
                account_rate=rate,
            ),
            _remove("mute", "Unmute a person", relationships.unmute, rate),
            self._listing("followers", "Who follows a person", queries.FOLLOWERS),
            self._listing("following", "Whom a person follows", queries.FOLLOWING),
            *self._answers(),
            self._own("follow-requests", "listFollowRequests", "Who asks to follow me, latest first", queries.REQUESTS),
            self._own("blocks", "listBlocks", "Whom I block, latest first", queries.BLOCKS),
            self._mutes(),
        ]  # fmt: skip

    def _answers(self) -> list[Operation]:
        path = "/api/v1/me/follow-requests/{username}"
        return [
            Operation(
                method="PUT", path=path, handler=_relationship(self._requests.approve), name="approveFollowRequest",
                tag=TAG, summary="Let a person follow me who has asked to", paths=NAMED, answers={204: None},
                auth="required", account_rate=self._rate,
            ),
            Operation(
                method="DELETE", path=path, handler=_relationship(self._requests.refuse), name="refuseFollowRequest",
                tag=TAG, summary="Refuse a request, or take an approval back: the person follows me no longer",
                paths=NAMED, answers={204: None}, auth="required", account_rate=self._rate,
            ),
        ]  # fmt: skip

    async def _mute(self, call: Call[MuteBody | None, None]) -> Answer:
        until = call.body.expires_at if call.body is not None else None
        require_expiry(until, now=self._now(), field="expires_at")
        await self._relationships.mute(call.me.id, call.path["username"], until)
        return Answer(204)

    async def _follow(self, call: Call[None, None]) -> Answer:
        is_following = await self._relationships.follow(call.me.id, call.path["username"])
        return Answer(204 if is_following else 202)

    def _listing(self, what: str, summary: str, sql: str) -> Operation:
        async def handler(call: Call[None, PageQuery]) -> Answer:
            after, limit = after_time(call.query.cursor), call.query.limit
            name, viewer = call.path["username"], call.person
            return _page(await self._relationships.list(sql, name, viewer=viewer, after=after, limit=limit + 1), limit)

        return Operation(
            method="GET", path=f"/api/v1/users/{{username}}/{what}", handler=handler, name=f"list{what.capitalize()}",
            tag=TAG, summary=summary, paths=NAMED, query=PageQuery, answers={200: Page[PersonShape]},
            problems=frozenset({403}), auth="optional",
        )  # fmt: skip

    def _own(self, what: str, name: str, summary: str, sql: str) -> Operation:
        async def handler(call: Call[None, PageQuery]) -> Answer:
            after, limit = after_time(call.query.cursor), call.query.limit
            return _page(await self._relationships.mine(sql, call.me.id, after=after, limit=limit + 1), limit)

        return Operation(
            method="GET", path=f"/api/v1/me/{what}", handler=handler, name=name, tag=TAG, summary=summary,
            query=PageQuery, answers={200: Page[PersonShape]}, auth="required",
        )  # fmt: skip

    def _mutes(self) -> Operation:
        async def handler(call: Call[None, PageQuery]) -> Answer:
            after, limit = after_time(call.query.cursor), call.query.limit
            rows = await self._relationships.mine(queries.MUTES, call.me.id, after=after, limit=limit + 1)
            shown, following = page_of(rows, limit, _position)
            return Answer(200, Page[MutedShape](items=[muted(row) for row in shown], next=following))

        return Operation(
            method="GET", path="/api/v1/me/mutes", handler=handler, name="listMutes", tag=TAG,
            summary="Whom I mute, latest first", query=PageQuery, answers={200: Page[MutedShape]}, auth="required",
        )  # fmt: skip


def _position(row: Row) -> tuple[datetime, str]:
    return row["since"], row["id"]


def _page(rows: Sequence[Row], limit: int) -> Answer:
    shown, following = page_of(rows, limit, _position)
    return Answer(200, Page[PersonShape](items=[person(row) for row in shown], next=following))


def _add(what: str, summary: str, verb: Verb, rate: CallRate) -> Operation:
    return Operation(
        method="PUT", path=f"/api/v1/users/{{username}}/{what}", handler=_relationship(verb), name=what, tag=TAG,
        summary=summary, paths=NAMED, answers={204: None}, problems=frozenset({409}), auth="required",
        account_rate=rate,
    )  # fmt: skip


def _remove(what: str, summary: str, verb: Verb, rate: CallRate) -> Operation:
    return Operation(
        method="DELETE", path=f"/api/v1/users/{{username}}/{what}", handler=_relationship(verb), name=f"un{what}",
        tag=TAG, summary=summary, paths=NAMED, answers={204: None}, auth="required", account_rate=rate,
    )  # fmt: skip


def _relationship(verb: Verb) -> Callable[[Call[None, None]], Awaitable[Answer]]:
    async def handler(call: Call[None, None]) -> Answer:
        await verb(call.me.id, call.path["username"])
        return Answer(204)

    return handler
