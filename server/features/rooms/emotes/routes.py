"""``/api/v1/me/emotes``, those of others, and the pictures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.people.pictures import PICTURE_HEADERS, picture_body, picture_in
from server.features.rooms.emotes.emotes import Emotes
from server.features.rooms.emotes.shapes import EmoteShape, EmotesShape, NameQuery
from server.features.rooms.picture_folders import FILE, TAKEN, WEBP, PictureFolders
from server.http import content
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, MediaType, Operation

TAG: Final = "emotes"
ADDRESS_RATE: Final = CallRate("emotes", per_s=1.0, burst=60)
CHANGE_RATE: Final = CallRate("emote_changes", per_s=1.0, burst=60)


class EmoteRoutes:
    def __init__(self, *, emotes: Emotes, folders: PictureFolders, max_bytes: int, rate: CallRate) -> None:
        self._emotes = emotes
        self._folders = folders
        self._max_bytes = max_bytes
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        one: dict[str, Any] = {
            "paths": {"emote_id": UUID}, "answers": {204: None}, "problems": frozenset({404}),
            "account_rate": CHANGE_RATE,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path="/api/v1/me/emotes", handler=self._list, name="listMyEmotes",
                summary="Your emotes", answers={200: EmotesShape}, **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/emotes", handler=self._add, name="addEmote", summary="Add an emote",
                description=TAKEN, query=NameQuery, answers={201: EmoteShape},
                problems=frozenset({404, 409, 413, 415, 422, 503}), rate=ADDRESS_RATE,
                account_rate=self._rate, scope="stream", **picture_body(self._max_bytes), **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/me/emotes/{emote_id}", handler=self._remove, name="removeEmote",
                summary="Remove an emote; messages keep its name", scope="stream", **one, **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/admin/emotes/{emote_id}", handler=self._remove_any,
                name="removeEmoteOfPerson", tag="admin", auth="required", roles=frozenset({"admin"}),
                summary="Remove an emote of any person", **one,
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/emotes", handler=self._of, name="listEmotesOf", tag=TAG,
                summary="What may be written in the rooms of a person", paths={"username": USERNAME},
                answers={200: EmotesShape},
            ),
            Operation(
                method="GET", path="/emotes/{emote_id}/{file}", handler=self._get, name="getEmote", tag=TAG,
                summary="An emote", paths={"file": FILE}, answers={200: MediaType(media_type=WEBP)},
                problems=frozenset({404}),
                description="The address never changes, and what it leads to neither; it ends with the emote.",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._emotes.listed(call.me.id)})

    async def _of(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._emotes.of(call.path["username"])})

    async def _add(self, call: Call[bytes, NameQuery]) -> Answer:
        data = picture_in(call, max_bytes=self._max_bytes)
        return Answer(201, await self._emotes.add(call.me.id, call.query.name, data))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._emotes.remove(call.me.id, call.path["emote_id"])
        return Answer(204)

    async def _remove_any(self, call: Call[None, None]) -> Answer:
        await self._emotes.remove_as_admin(call.path["emote_id"], by=call.me.id, address=call.address)
        return Answer(204)

    async def _get(self, call: Call[None, None]) -> web.StreamResponse:
        emote_id, file = call.path["emote_id"], call.path["file"]
        if not await self._emotes.is_shown(emote_id):
            raise not_found("There is no such emote")
        body = await self._folders.read(emote_id, file)
        return content.held(call.request, body, etag=f'"{emote_id}-{file}"', headers=PICTURE_HEADERS)
