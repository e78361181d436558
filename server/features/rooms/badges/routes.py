"""``/api/v1/me/badges``, those of others, and the pictures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from aiohttp import web

from server.features.people.pictures import PICTURE_HEADERS, picture_body, picture_in
from server.features.rooms.badges.badges import Badges
from server.features.rooms.badges.rules import KINDS, BadgeKind
from server.features.rooms.badges.shapes import BadgeShape, BadgesShape
from server.features.rooms.picture_folders import FILE, TAKEN, WEBP, PictureFolders
from server.http import content
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, MediaType, Operation, PathFormat

TAG: Final = "badges"
ADDRESS_RATE: Final = CallRate("badges", per_s=1.0, burst=60)
CHANGE_RATE: Final = CallRate("badge_changes", per_s=1.0, burst=60)
KIND: Final = PathFormat(pattern=f"^({'|'.join(KINDS)})$", description="Whose badge it is", example="vip")


class BadgeRoutes:
    def __init__(self, *, badges: Badges, folders: PictureFolders, max_bytes: int, rate: CallRate) -> None:
        self._badges = badges
        self._folders = folders
        self._max_bytes = max_bytes
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        body = {**picture_body(self._max_bytes), "idempotent_key": False}
        return [
            Operation(
                method="GET", path="/api/v1/me/badges", handler=self._list, name="listMyBadges",
                summary="The badges of your rooms", answers={200: BadgesShape}, **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/badges/{kind}", handler=self._put, name="putBadge", paths={"kind": KIND},
                summary="Set a badge of your rooms", description=TAKEN, answers={200: BadgeShape},
                problems=frozenset({404, 413, 415, 422, 503}), rate=ADDRESS_RATE, account_rate=self._rate,
                scope="stream", **body, **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/me/badges/{kind}", handler=self._remove, name="removeBadge",
                summary="Remove a badge; the server's own is shown again", scope="stream", paths={"kind": KIND},
                answers={204: None}, problems=frozenset({404}), account_rate=CHANGE_RATE, **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/admin/badges/{badge_id}", handler=self._remove_any,
                name="removeBadgeOfPerson", tag="admin", auth="required", roles=frozenset({"admin"}),
                summary="Remove a badge of any person's rooms", paths={"badge_id": UUID}, answers={204: None},
                problems=frozenset({404}), account_rate=CHANGE_RATE,
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/badges", handler=self._of, name="listBadgesOf", tag=TAG,
                summary="The badges of a person's rooms", paths={"username": USERNAME}, answers={200: BadgesShape},
            ),
            Operation(
                method="GET", path="/badges/{badge_id}/{file}", handler=self._get, name="getBadge", tag=TAG,
                summary="A badge", paths={"file": FILE}, answers={200: MediaType(media_type=WEBP)},
                problems=frozenset({404}),
                description="The address never changes, and what it leads to neither; it ends with the badge.",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._badges.listed(call.me.id)})

    async def _of(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._badges.of(call.path["username"])})

    async def _put(self, call: Call[bytes, None]) -> Answer:
        data = picture_in(call, max_bytes=self._max_bytes)
        return Answer(200, await self._badges.put(call.me.id, cast(BadgeKind, call.path["kind"]), data))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._badges.remove(call.me.id, cast(BadgeKind, call.path["kind"]))
        return Answer(204)

    async def _remove_any(self, call: Call[None, None]) -> Answer:
        await self._badges.remove_as_admin(call.path["badge_id"], by=call.me.id, address=call.address)
        return Answer(204)

    async def _get(self, call: Call[None, None]) -> web.StreamResponse:
        badge_id, file = call.path["badge_id"], call.path["file"]
        if not await self._badges.is_shown(badge_id):
            raise not_found("There is no such badge")
        body = await self._folders.read(badge_id, file)
        return content.held(call.request, body, etag=f'"{badge_id}-{file}"', headers=PICTURE_HEADERS)
