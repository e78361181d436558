"""``/api/v1/streams/{stream_id}/clips``, ``/api/v1/clips/{clip_id}`` and what a person says of clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from server.features.people.rules import username_key
from server.features.videos.clips.clips import ClipRow, Clips, Wanted
from server.features.videos.clips.shapes import (
    ClipBody,
    ClipSettingsShape,
    ClipShape,
    ClipsShape,
    MadeClip,
)
from server.http.cursors import after_id, page_of
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.audit import AuditLog
from storage.chat_rows import badges_of
from storage.postgres import Database, Row

TAG: Final = "clips"


class ClipRoutes:
    def __init__(
        self,
        *,
        clips: Clips,
        addresses: MediaAddresses,
        db: Database,
        audit: AuditLog,
        now: Callable[[], datetime],
        rate: CallRate,
    ) -> None:
        self._clips = clips
        self._addresses = addresses
        self._db = db
        self._audit = audit
        self._now = now
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        of_stream, one = "/api/v1/streams/{stream_id}/clips", "/api/v1/clips/{clip_id}"
        stream, clip = {"stream_id": UUID}, {"clip_id": UUID}
        return [
            Operation(
                method="POST", path=of_stream, handler=self._make, name="makeClip", tag=TAG, paths=stream,
                summary="Keep the 1–60 seconds before a moment of a stream", body=ClipBody, answers={201: MadeClip},
                problems=frozenset({403, 404, 409, 422, 503}), auth="required", scope="stream", idempotent_key=True,
                account_rate=self._rate,
            ),
            Operation(
                method="GET", path=of_stream, handler=self._of_stream, name="listClips", tag=TAG, paths=stream,
                summary="The clips of a stream, the newest first", query=PageQuery, answers={200: ClipsShape},
                auth="optional",
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/clips", handler=self._of_person, name="listClipsOfPerson",
                tag=TAG, paths={"username": USERNAME}, summary="The clips of a person's streams, the newest first",
                query=PageQuery, answers={200: ClipsShape}, auth="optional",
            ),
            Operation(
                method="GET", path=one, handler=self._get, name="getClip", tag=TAG, paths=clip,
                summary="A clip with its chat", answers={200: ClipShape}, problems=frozenset({404}), auth="optional",
            ),
            Operation(
                method="DELETE", path=one, handler=self._delete, name="deleteClip", tag=TAG, paths=clip,
                summary="Delete a clip: its maker, the owner of the stream, or an admin", answers={204: None},
                problems=frozenset({403, 404}), auth="required", scope="stream", account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="GET", path="/api/v1/me/clip-settings", handler=self._settings, name="getClipSettings", tag=TAG,
                summary="Whether others may clip your streams", answers={200: ClipSettingsShape}, auth="required",
            ),
            Operation(
                method="PUT", path="/api/v1/me/clip-settings", handler=self._change, name="setClipSettings", tag=TAG,
                summary="Say whether others may clip your streams", body=ClipSettingsShape,
                answers={200: ClipSettingsShape}, auth="required", scope="stream", account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def listed(self, ids: Sequence[str], viewer: Viewer) -> dict[str, dict[str, Any]]:
        """Id → clip, of those that lists show this viewer."""
        return {clip.id: self._shown(clip, viewer, None) for clip in await self._clips.listed(ids, viewer)}

    def _asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)

    async def _make(self, call: Call[ClipBody, None]) -> Answer:
        viewer, body = self._asker(call), call.body
        end_s = None if body.end_ms is None else body.end_ms / 1000
        wanted = Wanted(seconds=body.seconds, end_s=end_s, title=body.title, at=self._now().timestamp())
        clip = await self._clips.make(call.path["stream_id"], viewer, wanted)
        shown = await self._whole(clip, viewer)
        return Answer(201, {"clip": shown}, {"Location": f"/api/v1/clips/{clip.id}"})

    async def _get(self, call: Call[None, None]) -> Answer:
        viewer = self._asker(call)
        return Answer(200, await self._whole(await self._clips.one(call.path["clip_id"], viewer), viewer))

    async def _of_stream(self, call: Call[None, PageQuery]) -> Answer:
        viewer, before = self._asker(call), after_id(call.query.cursor)
        rows = await self._clips.of_stream(call.path["stream_id"], viewer, before=before, limit=call.query.limit + 1)
        return self._page(rows, call.query.limit, viewer)

    async def _of_person(self, call: Call[None, PageQuery]) -> Answer:
        viewer, before = self._asker(call), after_id(call.query.cursor)
        rows = await self._clips.of_person(
            username_key(call.path["username"]), viewer, before=before, limit=call.query.limit + 1
        )
        return self._page(rows, call.query.limit, viewer)

    def _page(self, rows: Sequence[ClipRow], limit: int, viewer: Viewer) -> Answer:
        shown, following = page_of(rows, limit, lambda row: (0, row.id))
        return Answer(200, {"items": [self._shown(row, viewer, None) for row in shown], "next": following})

    async def _whole(self, clip: ClipRow, viewer: Viewer) -> dict[str, Any]:
        return self._shown(clip, viewer, [_message(row) for row in await self._clips.messages(clip)])

    def _shown(self, clip: ClipRow, viewer: Viewer, messages: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
        base = self._addresses.base("/clips", clip.id, viewer, is_open=clip.is_open)
        return {
            "id": clip.id,
            "stream_id": clip.stream_id,
            "owner": _person(clip.row, "owner"),
            "creator": _person(clip.row, "creator"),
            "title": clip.title,
            "from_ms": clip.from_ms,
            "to_ms": clip.to_ms,
            "created_at": clip.row["created_at"],
            "playback": {"hls": f"{base}/index.m3u8", "mp4": f"{base}/clip.mp4"},
            "thumbnail": f"{base}/{clip.picture}" if clip.picture else None,
            "chat": {"room_id": clip.room_id, "messages": messages},
        }

    async def _delete(self, call: Call[None, None]) -> Answer:
        me = call.me
        gone = await self._clips.delete(call.path["clip_id"], self._asker(call), is_admin="admin" in me.roles)
        if me.id not in (gone["owner_id"], gone["creator_id"]):
            async with self._db.transaction() as tx:
                await self._audit.add(tx, "clip.deleted", actor_id=me.id, subject=call.path["clip_id"])
        return Answer(204)

    async def _settings(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"others_may_clip": await self._clips.others_may_clip(call.me.id)})

    async def _change(self, call: Call[ClipSettingsShape, None]) -> Answer:
        await self._clips.allow(call.me.id, call.body.others_may_clip)
        return Answer(200, call.body)


def _person(row: Row, role: str) -> dict[str, Any]:
    fields = ("username", "display_name", "avatar_url")
    return {"id": row[f"{role}_id"], **{name: row[f"{role}_{name}"] for name in fields}}


def _message(row: Row) -> dict[str, Any]:
    user = {"id": row["user_id"], "username": row["username"], "display_name": row["display_name"]}
    user["badges"] = badges_of(row)
    fields = ("id", "offset", "text", "sent_at", "media_time_ms", "reply_to")
    return {**{name: row[name] for name in fields}, "user": user}
