"""Streams over REST: prepare, read, change, end, delete."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from actors.events import StreamView
from actors.runtime import Node
from actors.stream_messages import EditStream, EndStream, ReadHealth
from server.http.errors import Problem, invalid_field
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.live.departure import Departure
from server.live.durable import view_of
from server.live.ingest import Ingest
from server.live.rights import Rights
from server.live.stream_access import StreamAccess
from server.live.stream_directory import StreamDirectory
from server.live.stream_keys import IngestAddresses
from server.live.stream_passwords import StreamPassword
from server.live.stream_shapes import (
    PASSED,
    TAG,
    Created,
    HealthQuery,
    HealthShape,
    NewStreamBody,
    StreamChange,
    StreamShape,
    has_passed,
)
from storage.errors import StorageError
from storage.objects import ObjectStore
from storage.stream import Streams as StreamRows


class StreamRoutes:
    """``/api/v1/streams``."""

    name = "streams"

    def __init__(
        self,
        *,
        rows: StreamRows,
        ingest: Ingest,
        stream_directory: StreamDirectory,
        access: StreamAccess,
        addresses: IngestAddresses,
        objects: ObjectStore,
        node: Node,
        departure: Departure,
        rights: Rights,
        passwords: StreamPassword,
        has_file: Callable[[str], Awaitable[bool]],
        needs_verified_email: bool,
        new_streams: CallRate,
    ) -> None:
        """``has_file``: whether the recording of a stream was made into one file."""
        self._has_file = has_file
        self._new_streams = new_streams
        self._rows = rows
        self._ingest = ingest
        self._stream_directory = stream_directory
        self._access = access
        self._addresses = addresses
        self._objects = objects
        self._node = node
        self._departure = departure
        self._rights = rights
        self._passwords = passwords
        self._needs_verified_email = needs_verified_email

    def operations(self) -> Sequence[Operation]:
        one = "/api/v1/streams/{stream_id}"
        owners = frozenset({403, 404, 409})
        return [
            Operation(
                method="POST", path="/api/v1/streams", handler=self._create, name="createStream", tag=TAG,
                summary="Prepare or schedule a stream", body=NewStreamBody, answers={201: Created},
                problems=frozenset({403}), auth="required", idempotent_key=True, account_rate=self._new_streams,
            ),
            Operation(
                method="GET", path=one, handler=self._get, name="getStream", tag=TAG, summary="A stream",
                answers={200: StreamShape}, problems=frozenset({404}), auth="optional",
            ),
            Operation(
                method="PATCH", path=one, handler=self._change, name="changeStream", tag=TAG,
                summary="Change what is said of a stream", body=StreamChange, answers={200: StreamShape},
                problems=owners, auth="required",
            ),
            Operation(
                method="DELETE", path=one, handler=self._delete, name="deleteStream", tag=TAG,
                summary="End a stream and remove it with its recording and chat", answers={204: None}, problems=owners,
                auth="required",
            ),
            Operation(
                method="POST", path=f"{one}/end", handler=self._end, name="endStream", tag=TAG,
                summary="End the broadcast and finish the recording", answers={200: StreamShape}, problems=owners,
                auth="required",
            ),
            Operation(
                method="GET", path=f"{one}/health", handler=self._health, name="getStreamHealth", tag=TAG,
                summary="What arrives from the publisher", answers={200: HealthShape}, problems=owners, auth="required",
                query=HealthQuery,
            ),
        ]  # fmt: skip

    # making and changing

    async def _create(self, call: Call[NewStreamBody, None]) -> Answer:
        await self._require_allowed(call.me.id)
        body = call.body
        if (body.visibility == "password") != bool(body.password):
            raise _password_wanted(body.visibility)
        new = self._ingest.new_stream(owner_id=call.me.id, title=body.title)
        row = await self._rows.create(
            msgspec.structs.replace(
                new,
                description=body.description,
                category=body.category,
                tags=tuple(body.tags),
                language=body.language,
                visibility=body.visibility,
                latency=body.latency,
                is_recorded=body.record,
                transcode=body.transcode,
                slate=body.slate,
                takeover=body.takeover,
                scheduled_at=body.scheduled_at,
            )
        )
        if body.password:
            await self._passwords.set(row.id, body.password)
        ingest = self._addresses.of(call, row.id, row.stream_key)
        stream = {**self._shown(call, view_of(row)), "ingest": ingest}
        return Answer(201, {"stream": stream, "ingest": ingest}, {"Location": f"/api/v1/streams/{row.id}"})

    async def _require_allowed(self, user_id: str) -> None:
        if self._needs_verified_email and not await self._rows.has_verified_address(user_id):
            raise Problem(403, "Verify your e-mail address first", slug="email-not-verified")
        await self._ingest.require_unrestricted(user_id)

    async def _change(self, call: Call[StreamChange, None]) -> Answer:
        view = await self._access.owned(call)
        given = call.body.model_dump(exclude_unset=True)
        if given.get("title", "") is None:
            raise invalid_field("title", "must be a text")
        if given.get("scheduled_at") not in (None, view.scheduled_at) and has_passed(given["scheduled_at"]):
            raise invalid_field("scheduled_at", PASSED)
        if "record" in given:
            given["is_recorded"] = given.pop("record")
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        password = given.pop("password", None)
        await self._set_password(view, given.get("visibility", view.visibility), password)
        if given:
            view = await self._node.ref("stream", view.id).ask(EditStream(changes=given))
        if "visibility" in given or password:
            await self._rights.heed()
        return Answer(200, self._shown(call, self._stream_directory.counted(view)))

    async def _set_password(self, view: StreamView, visibility: str, password: str | None) -> None:
        """Before the stream becomes one with a password. Raises a 422 where there is none, or it is of no use."""
        has_any = password or (visibility == "password" and await self._passwords.is_set(view.id))
        if (visibility == "password") != bool(has_any):
            raise _password_wanted(visibility)
        if password:
            await self._passwords.set(view.id, password)

    async def _end(self, call: Call[None, None]) -> Answer:
        view = await self._access.owned(call)
        ended = await self._node.ref("stream", view.id).ask(EndStream(), timeout_s=10.0)
        return Answer(200, self._shown(call, self._stream_directory.counted(ended)))

    async def _delete(self, call: Call[None, None]) -> Answer:
        view = await self._access.owned(call)
        await self._departure.remove(view.id, reason="deleted by its owner")
        self._stream_directory.forget(view.id)
        await self._rights.heed()
        # What fails here is done by the sweep: a row lists the objects that are left.
        with contextlib.suppress(StorageError):
            await self._objects.delete_prefix(f"streams/{view.id}/")
        return Answer(204)

    # reading

    async def _get(self, call: Call[None, None]) -> Answer:
        view = await self._access.latest(call)
        body = self._shown(call, view)
        if view.state == "ended" and await self._has_file(view.id):
            hls: str = body["playback"]["hls"] or ""
            body["playback"]["mp4"] = hls.replace("/index.m3u8", "/recording.mp4") or None
        if call.person is not None and call.person.id == view.owner.id and view.state != "ended":
            row = await self._rows.load(view.id)
            body["ingest"] = self._addresses.of(call, view.id, row.stream_key) if row is not None else None
        return Answer(200, body)

    async def _health(self, call: Call[None, HealthQuery]) -> Answer:
        view = await self._access.owned(call)
        health = await self._node.ref("stream", view.id).ask(ReadHealth(has_history=call.query.history))
        view = self._stream_directory.known(view.id) or view  # it may have begun or ended since
        nothing: dict[str, Any] = {
            "codec": None, "width": 0, "height": 0, "fps": 0.0, "bitrate": 0, "keyframe_interval": 0.0, "audio": None,
            "dropped_frames": 0, "jitter_ms": 0.0, "warnings": [], "warning_names": [], "faults": [],
            "loudness": None, "history": [], "sources": [],
        }  # fmt: skip
        return Answer(200, {"state": view.state, **nothing, **health})

    def _shown(self, call: Call[Any, Any], view: StreamView) -> dict[str, Any]:
        return self._stream_directory.shown_to(view, self._access.asker(call))


def _password_wanted(visibility: str) -> Problem:
    if visibility == "password":
        return invalid_field("password", "is needed by a stream with this visibility")
    return invalid_field("password", "is of use only with the visibility password")
