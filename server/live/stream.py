"""Streams over REST."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from pydantic import AfterValidator, AwareDatetime, Field, field_validator

from actors.events import StreamView
from actors.runtime import DomainError, Node
from actors.stream_messages import EditStream, EndStream, ReadHealth, RotateStreamKey, StopPublisher
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import Problem, invalid_field, not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Cursor, Limit, Page, Query, Shape, Text, one_line, several_lines
from server.live.addresses import viewer_of
from server.live.departure import Departure
from server.live.durable import view_of
from server.live.ingest import Ingest
from server.live.rights import Rights
from server.live.stream_directory import StreamDirectory, shown
from storage.chat import PostgresChatLog
from storage.errors import StorageError
from storage.objects import ObjectStore
from storage.postgres import Database
from storage.rooms import Rooms
from storage.stream import Streams as StreamRows
from storage.stream import new_stream_key

TAG: Final = "streams"
MAX_LIVE: Final = 500


def _tag(text: str) -> str:
    """A tag is for finding: what can't be seen in it is refused instead of taken out."""
    tag = one_line(text, at_least=1, at_most=30)
    if tag != " ".join(unicodedata.normalize("NFC", text).split()):
        raise ValueError("must not have characters that cannot be seen")
    return tag


Title = Annotated[Text, Field(min_length=1, max_length=140), AfterValidator(partial(one_line, at_least=1, at_most=140))]
Description = Annotated[Text, Field(max_length=5_000), AfterValidator(partial(several_lines, at_most=5_000))]
Category = Annotated[Text, Field(max_length=50), AfterValidator(partial(one_line, at_most=50))]
Tag = Annotated[Text, Field(min_length=1, max_length=30), AfterValidator(_tag)]
Visibility = Literal["public", "unlisted", "private"]
Latency = Literal["realtime", "low", "normal"]
State = Literal["scheduled", "live", "interrupted", "ended"]


# ------------------------------------------------------------------------------------------------------------- shapes


class _Details(Body):
    description: Description = ""
    category: Category = ""
    tags: Annotated[list[Tag], Field(max_length=10, default_factory=list)]
    language: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9-]*$", description="BCP 47, as en or pt-BR")] = (
        ""
    )
    visibility: Visibility = "public"
    latency: Latency = "low"
    record: bool = True
    scheduled_at: Annotated[AwareDatetime | None, Field(strict=False)] = None

    @field_validator("scheduled_at", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a date and time as RFC 3339 writes it")
        return value

    @field_validator("tags")
    @classmethod
    def _each_once(cls, tags: list[str]) -> list[str]:
        return list(dict.fromkeys(tags))


class NewStreamBody(_Details):
    title: Title


class StreamChange(_Details):
    """Only what is given changes; ``scheduled_at`` null takes the date away."""

    title: Title | None = None


class OwnerShape(Shape):
    id: UUID
    username: str
    display_name: str
    avatar_url: str | None


class PlaybackShape(Shape):
    """Paths on this server; null while there is nothing behind them."""

    hls: str | None
    whep: str | None
    dash: str | None
    thumbnail: str | None
    storyboard: str | None


class ChatOf(Shape):
    room_id: UUID


class IngestShape(Shape):
    """What an encoder is set up with. The key is a secret."""

    rtmp_url: str
    stream_key: str
    whip_url: str


class StreamShape(Shape):
    id: UUID
    title: str
    description: str
    category: str
    tags: list[str]
    language: str
    visibility: Visibility
    latency: Latency
    record: bool
    owner: OwnerShape
    state: State
    viewers: int
    peak_viewers: int
    unique_viewers: int
    watch_seconds: int
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    media_time_ms: int
    playback: PlaybackShape
    chat: ChatOf
    ingest: Annotated[
        IngestShape | None, Field(description="For the owner of a stream that has not ended; else null")
    ] = None


class Created(Shape):
    stream: StreamShape
    ingest: IngestShape


class HealthShape(Shape):
    """What arrives from the publisher; empty values while nobody publishes."""

    state: State
    codec: str | None
    width: int
    height: int
    fps: float
    bitrate: Annotated[int, Field(description="bits/s, video and audio")]
    keyframe_interval: Annotated[float, Field(description="seconds")]
    audio: dict[str, Any] | None
    dropped_frames: int
    jitter_ms: float
    warnings: Annotated[list[str], Field(description="What is odd about it, in sentences for the owner")]
    warning_names: Annotated[list[str], Field(description="The same, by the names in docs/clients.md")]


class StreamQuery(Query):
    state: Literal["live", "scheduled", "ended"] | None = None
    category: Category | None = None
    q: Annotated[Text, Field(max_length=200)] | None = None
    owner: Annotated[str, Field(max_length=30, pattern=r"^[A-Za-z0-9_]*$", description="A username")] | None = None
    limit: Limit = 20
    cursor: Cursor | None = None


class ReplayQuery(Query):
    since_offset: Annotated[int, Field(ge=0, le=2**53, description="Messages after this offset")] | None = None
    media_time: (
        Annotated[
            float, Field(ge=0, le=1e9, allow_inf_nan=False, description="Messages from this second of the broadcast on")
        ]
        | None
    ) = None
    limit: Limit = 100
    cursor: Cursor | None = None


class ReplayShape(Shape):
    room_id: UUID
    epoch: str
    items: list[dict[str, Any]]
    next: str | None


# --------------------------------------------------------------------------------------------------------------- REST


class StreamRoutes:
    """``/api/v1/streams`` and ``/api/v1/me/ingest``."""

    name = "streams"

    def __init__(
        self,
        *,
        rows: StreamRows,
        ingest: Ingest,
        stream_directory: StreamDirectory,
        log: PostgresChatLog,
        rooms: Rooms,
        objects: ObjectStore,
        node: Node,
        db: Database,
        departure: Departure,
        rights: Rights,
        rtmp_address: Callable[[str], str],
        public_url: str | None,
        needs_verified_email: bool,
        new_streams: CallRate,
    ) -> None:
        self._new_streams = new_streams
        self._rows = rows
        self._ingest = ingest
        self._stream_directory = stream_directory
        self._log = log
        self._rooms = rooms
        self._objects = objects
        self._node = node
        self._db = db
        self._departure = departure
        self._rights = rights
        self._rtmp_address = rtmp_address
        self._public_url = public_url
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
                method="GET", path="/api/v1/streams", handler=self._list, name="listStreams", tag=TAG,
                summary="Public streams: the most watched first when live, else the newest", query=StreamQuery,
                answers={200: Page[StreamShape]}, auth="optional",
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
                method="POST", path=f"{one}/key/rotate", handler=self._rotate, name="rotateStreamKey", tag=TAG,
                summary="A new key for this stream; the old one stops at once", answers={200: IngestShape},
                problems=owners, auth="required",
            ),
            Operation(
                method="GET", path=f"{one}/health", handler=self._health, name="getStreamHealth", tag=TAG,
                summary="What arrives from the publisher", answers={200: HealthShape}, problems=owners, auth="required",
            ),
            Operation(
                method="GET", path=f"{one}/chat", handler=self._replay, name="replayChat", tag=TAG,
                summary="The stream's chat, in order", query=ReplayQuery, answers={200: ReplayShape},
                problems=frozenset({404}), auth="optional",
            ),
            Operation(
                method="GET", path="/api/v1/me/ingest", handler=self._my_ingest, name="getMyIngest", tag=TAG,
                summary="My lasting key: set up an encoder once", answers={200: IngestShape}, problems=frozenset({404}),
                auth="required",
            ),
            Operation(
                method="POST", path="/api/v1/me/ingest/rotate", handler=self._rotate_mine, name="rotateMyIngest",
                tag=TAG, summary="A new lasting key; the old one stops at once", answers={200: IngestShape},
                auth="required",
            ),
        ]  # fmt: skip

    # making and changing

    async def _create(self, call: Call[NewStreamBody, None]) -> Answer:
        await self._require_verified(call.me.id)
        body = call.body
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
                scheduled_at=body.scheduled_at,
            )
        )
        ingest = self._ingest_of(call, row.id, row.stream_key)
        stream = {**self._shown(call, view_of(row)), "ingest": ingest}
        return Answer(201, {"stream": stream, "ingest": ingest}, {"Location": f"/api/v1/streams/{row.id}"})

    async def _require_verified(self, user_id: str) -> None:
        if not self._needs_verified_email:
            return
        if await self._db.fetchval("select email_verified_at is null from users where id = $1", user_id):
            raise Problem(403, "Verify your e-mail address first", slug="email-not-verified")

    async def _change(self, call: Call[StreamChange, None]) -> Answer:
        view = await self._owned(call)
        given = call.body.model_dump(exclude_unset=True)
        if given.get("title", "") is None:
            raise invalid_field("title", "must be a text")
        if "record" in given:
            given["is_recorded"] = given.pop("record")
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        if given:
            view = await self._node.ref("stream", view.id).ask(EditStream(changes=given))
        if "visibility" in given:
            await self._rights.heed()
        return Answer(200, self._shown(call, self._stream_directory.counted(view)))

    async def _end(self, call: Call[None, None]) -> Answer:
        view = await self._owned(call)
        ended = await self._node.ref("stream", view.id).ask(EndStream(), timeout_s=10.0)
        return Answer(200, self._shown(call, self._stream_directory.counted(ended)))

    async def _delete(self, call: Call[None, None]) -> Answer:
        view = await self._owned(call)
        await self._departure.remove(view.id, reason="deleted by its owner")
        self._stream_directory.forget(view.id)
        await self._rights.heed()
        # What fails here is done by the sweep: a row says which objects are left.
        with contextlib.suppress(StorageError):
            await self._objects.delete_prefix(f"streams/{view.id}/")
        return Answer(204)

    async def _rotate(self, call: Call[None, None]) -> Answer:
        view = await self._owned(call)
        key = await self._node.ref("stream", view.id).ask(RotateStreamKey(new_key=new_stream_key()))
        return Answer(200, self._ingest_of(call, view.id, key))

    # reading

    async def _get(self, call: Call[None, None]) -> Answer:
        view = await self._shown_to(call)
        body = self._shown(call, view)
        if call.person is not None and call.person.id == view.owner.id and view.state != "ended":
            row = await self._rows.load(view.id)
            body["ingest"] = self._ingest_of(call, view.id, row.stream_key) if row is not None else None
        return Answer(200, body)

    async def _list(self, call: Call[None, StreamQuery]) -> Answer:
        query = call.query
        owner_id = await self._owner_id(query.owner)
        if query.owner is not None and owner_id is None:
            return Answer(200, {"items": [], "next": None})
        if query.state == "live":
            return await self._most_watched(query, owner_id, _id_of(call))
        states: Sequence[State] = (query.state,) if query.state else ("live", "interrupted", "scheduled", "ended")
        after = decode_cursor(query.cursor, tuple[datetime, UUID]) if query.cursor is not None else None
        page = await self._rows.page(
            states=states,
            category=query.category,
            q=query.q,
            owner_id=owner_id,
            viewer_id=_id_of(call),
            limit=query.limit,
            after=(after[0], str(after[1])) if after is not None else None,
        )
        items = [shown(self._stream_directory.counted(view_of(row))) for row in page.items]
        return Answer(200, {"items": items, "next": encode_cursor(page.next) if page.next is not None else None})

    async def _most_watched(self, query: StreamQuery, owner_id: str | None, viewer_id: str | None) -> Answer:
        """The live ones by viewers. A cursor is the last one shown, by count and id: rows added do not move it."""
        views: list[StreamView] = []
        after = None
        while len(views) < MAX_LIVE:
            page = await self._rows.page(
                states=("live", "interrupted"),
                category=query.category,
                q=query.q,
                owner_id=owner_id,
                viewer_id=viewer_id,
                limit=100,
                after=after,
            )
            views += [self._stream_directory.counted(view_of(row)) for row in page.items]
            if (after := page.next) is None:
                break
        views.sort(key=_rank)
        if query.cursor is not None:
            rank, last_id = decode_cursor(query.cursor, tuple[int, UUID])
            views = [view for view in views if _rank(view) > (rank, str(last_id))]
        items = views[: query.limit]
        following = encode_cursor(_rank(items[-1])) if len(views) > len(items) else None
        return Answer(200, {"items": [shown(view) for view in items], "next": following})

    async def _owner_id(self, username: str | None) -> str | None:
        if username is None:
            return None
        sql = "select id from users where username_key = $1 and deleted_at is null"
        owner_id: str | None = await self._db.fetchval(sql, username.casefold())
        return owner_id

    async def _health(self, call: Call[None, None]) -> Answer:
        view = await self._owned(call)
        health = await self._node.ref("stream", view.id).ask(ReadHealth())
        nothing: dict[str, Any] = {
            "codec": None, "width": 0, "height": 0, "fps": 0.0, "bitrate": 0, "keyframe_interval": 0.0, "audio": None,
            "dropped_frames": 0, "jitter_ms": 0.0, "warnings": [], "warning_names": [],
        }  # fmt: skip
        return Answer(200, {"state": view.state, **nothing, **health})

    async def _replay(self, call: Call[None, ReplayQuery]) -> Answer:
        view = await self._visible(call)
        room = await self._rooms.load(view.room_id)
        if room is None:
            raise not_found()
        query = call.query
        after = decode_cursor(query.cursor, tuple[int, UUID])[0] if query.cursor is not None else query.since_offset
        if after is None and query.media_time is not None:
            from_ms = round(query.media_time * 1000)
            messages = await self._log.between(view.room_id, from_ms=from_ms, to_ms=2**53, limit=query.limit)
        else:
            messages = await self._log.since(view.room_id, after or 0, limit=query.limit)
        items = [msgspec.to_builtins(message) for message in messages]
        following = encode_cursor((items[-1]["offset"], view.room_id)) if len(items) == query.limit else None
        return Answer(200, {"room_id": view.room_id, "epoch": room.log_epoch, "items": items, "next": following})

    async def _visible(self, call: Call[Any, Any]) -> StreamView:
        try:
            return await self._stream_directory.view(call.path["stream_id"].lower(), viewer_id=_id_of(call))
        except DomainError as error:
            if error.code == "not_found":
                raise not_found("There is no such stream") from None
            raise

    def _shown(self, call: Call[Any, Any], view: StreamView) -> dict[str, Any]:
        return self._stream_directory.shown_to(view, viewer_of(call.person))

    async def _shown_to(self, call: Call[Any, Any]) -> StreamView:
        """As the stream is now, which is judged too: what this node remembered may be older than its end of rights."""
        if not _is_admin(call):
            await self._visible(call)
            await self._fresh(call)
            return await self._visible(call)
        return self._stream_directory.counted(await self._fresh(call))

    async def _fresh(self, call: Call[Any, Any]) -> StreamView:
        try:
            return await self._stream_directory.fresh(call.path["stream_id"].lower())
        except DomainError as error:
            if error.code == "not_found":
                raise not_found("There is no such stream") from None
            raise

    async def _owned(self, call: Call[Any, Any]) -> StreamView:
        """The stream of its owner. Admins act on any, those that are hidden from them otherwise too."""
        view = await (self._fresh(call) if _is_admin(call) else self._visible(call))
        if view.owner.id != call.me.id and "admin" not in call.me.roles:
            raise Problem(403, "This stream is not yours")
        return view

    # keys

    async def _my_ingest(self, call: Call[None, None]) -> Answer:
        key = await self._db.fetchval("select stream_key from users where id = $1 and deleted_at is null", call.me.id)
        if key is None:
            raise not_found("The account is no more")
        return Answer(200, self._ingest_of(call, None, key))

    async def _rotate_mine(self, call: Call[None, None]) -> Answer:
        key = await self._ingest.rotate_lasting_key(call.me.id)
        for published in await self._ingest.published_by(call.me.id):
            await self._node.ref("stream", published).ask(StopPublisher(reason="its key was rotated"))
        return Answer(200, self._ingest_of(call, None, key))

    def _ingest_of(self, call: Call[Any, Any], stream_id: str | None, key: str) -> dict[str, str]:
        origin = self._public_url or f"{call.request.scheme}://{call.request.host}"
        whip = f"{origin.rstrip('/')}/whip"
        return {
            "rtmp_url": self._rtmp_address(urlsplit(origin).hostname or "127.0.0.1"),
            "stream_key": key,
            "whip_url": f"{whip}/{stream_id}" if stream_id is not None else whip,
        }


def _id_of(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None


def _is_admin(call: Call[Any, Any]) -> bool:
    return call.person is not None and "admin" in call.person.roles


def _rank(view: StreamView) -> tuple[int, str]:
    return (-view.viewers, view.id)
