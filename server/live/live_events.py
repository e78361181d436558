"""Between the media process and the actors, and between the actors and the sockets: facts, passed on as they happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from actors.events import (
    NODE,
    ChatChanged,
    ChatPosted,
    CounterOpened,
    DeliverLiveEvent,
    LiveEvent,
    Reacted,
    RoomOpened,
    StreamChanged,
    StreamView,
    ViewersCounted,
)
from actors.runtime import ActorError, DomainError, Message, Node
from actors.stream_messages import MediaProgressed, PublisherLost, PublisherStarted, RecordingFlushed, SegmentsRecorded
from actors.stream_store import InitRow, SegmentRow
from media.control import (
    AuthorizePublish,
    ControlMessage,
    Flushed,
    Granted,
    MediaCounters,
    Packaged,
    Pictured,
    Progress,
    PublishEnded,
    PublishStarted,
    Refused,
    ViewerGone,
)
from media.hls.events import InitReady, SegmentStored
from server.live.hls import Playback
from server.live.ingest import Ingest
from server.live.media import MediaProcess
from server.live.room_mirror import RoomMirrors
from server.live.stream_directory import StreamDirectory
from server.live.viewings import WebrtcViewings
from storage.objects import ObjectStore

FORGET_S = 60.0
KEEP_PICTURE_S = 60.0

log = logging.getLogger("server.wire")


class WatchingSockets(Protocol):
    """The sockets of this node that watch."""

    def count_again(self, stream_id: str) -> None: ...


class RightsCheck(Protocol):
    """Who sees to it that nobody is shown a stream that they may not see."""

    def judge_now(self, view: StreamView) -> None: ...


class TraceFollower(Protocol):
    """Who follows messages on their last step."""

    def delivered(self, event: ChatPosted) -> None: ...


class LiveEventHandler:
    """What this node does about a fact, whoever tells it. Synchronous, on the loop, in the order of the facts."""

    def __init__(
        self,
        *,
        stream_directory: StreamDirectory,
        mirrors: RoomMirrors,
        cleanup: StreamCleanup,
        viewers: WatchingSockets,
        rights_check: RightsCheck,
        followed: TraceFollower | None = None,
    ) -> None:
        self._rights_check = rights_check
        self._followed = followed
        self._stream_directory = stream_directory
        self._mirrors = mirrors
        self._cleanup = cleanup
        self._viewers = viewers

    def handle(self, event: LiveEvent) -> None:
        if isinstance(event, ChatPosted | ChatChanged | RoomOpened):
            self._mirrors.handle(event)
            if isinstance(event, ChatPosted) and event.traces and self._followed is not None:
                self._followed.delivered(event)
        elif isinstance(event, ViewersCounted):
            self._stream_directory.viewers_counted(event)
        elif isinstance(event, CounterOpened):
            self._viewers.count_again(event.stream_id)
        elif isinstance(event, Reacted):
            self._stream_directory.reacted(event)
        else:
            if event.stream.visibility == "private":
                self._rights_check.judge_now(event.stream)
            self._cleanup.changed(event)
            self._stream_directory.changed(event)


class Broadcaster:
    """``actors.events.Broadcast``: facts go to this node's ears at once, to other nodes as a message each.

    Made before the ears, which join at wiring. A node that cannot be told finds out by itself: rooms and counters say
    where they stand when they open, and whoever hears of a room says regularly how far it has come.
    """

    def __init__(self, *, me: str, others: Callable[[], Iterable[str]]) -> None:
        self._me = me
        self._others = others
        self._node: Node | None = None
        self._live_events: LiveEventHandler | None = None

    def join(self, *, node: Node, live_events: LiveEventHandler) -> None:
        self._node = node
        self._live_events = live_events

    def __call__(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        names = set(self._others() if to is None else to)
        if self._live_events is not None and (to is None or self._me in names):
            self._live_events.handle(event)
        for name in names - {self._me}:
            self._tell(name, event)

    def _tell(self, name: str, event: LiveEvent) -> None:
        if self._node is None:
            return
        try:
            self._node.ref(NODE, name).tell(DeliverLiveEvent(event=event))
        except ActorError as error:
            log.debug("node %s did not hear %s: %s", name, type(event).__name__, error)


class StreamCleanup:
    """What an ended stream leaves behind: playlists that say so at once, live files for a minute, a last picture.

    A picture is kept once a minute as well: a stream that ends after its node has gone has one too.
    """

    def __init__(self, *, playback: Playback, media: MediaProcess, objects: ObjectStore) -> None:
        self._playback = playback
        self._media = media
        self._objects = objects
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept_at: dict[str, float] = {}
        playback.on_pictured(self._pictured)

    def _pictured(self, said: Pictured) -> None:
        if said.at - self._kept_at.get(said.stream_id, 0.0) >= KEEP_PICTURE_S:
            self._kept_at[said.stream_id] = said.at
            self._start(self._keep_picture(said.stream_id), f"picture {said.stream_id}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def changed(self, event: StreamChanged) -> None:
        if event.stream.state != "ended" or event.previous == "ended":
            return
        self._playback.ended(event.stream.id)
        self._start(self._leave(event.stream.id), f"after {event.stream.id}")

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _leave(self, stream_id: str) -> None:
        await self._keep_picture(stream_id)
        self._kept_at.pop(stream_id, None)
        await asyncio.sleep(FORGET_S)
        self._playback.forget(stream_id)
        self._media.forget(stream_id)

    async def _keep_picture(self, stream_id: str) -> None:
        picture = self._playback.picture(stream_id)
        if picture is None:
            return
        try:
            with open(picture.path, "rb") as file:  # noqa: ASYNC230 - a few KB from memory
                body = file.read()
            await self._objects.put(f"streams/{stream_id}/thumbnail.webp", body, content_type="image/webp")
        except (OSError, ActorError) as error:
            log.warning("stream %s: its last picture was not kept: %s", stream_id, error)


class MediaEvents:
    """``server.live.media.MediaEventHandler``: what the media process says becomes messages to the streams' actors."""

    def __init__(
        self,
        *,
        node: Node,
        ingest: Ingest,
        stream_directory: StreamDirectory,
        playback: Playback,
        viewings: WebrtcViewings,
    ) -> None:
        self._viewings = viewings
        self._node = node
        self._ingest = ingest
        self._stream_directory = stream_directory
        self._playback = playback
        self._publishing: dict[str, int] = {}
        self._inits: dict[tuple[str, str], InitReady] = {}
        self.counters: dict[str, float] = {}

    async def authorize(self, request: AuthorizePublish) -> Granted | Refused:
        try:
            answer = await self._ingest.authorize(request)
            if isinstance(answer, Granted):
                return await self.began(answer)
        except ActorError as error:
            log.warning("a publisher was put off: %s", error)
            return Refused(code="unavailable", message="The server is busy: try again in a moment.", status=503)
        return answer

    async def began(self, grant: Granted) -> Granted:
        """A publisher has leave: what it packages finds its index, what becomes of it finds its stream. The grant
        with what that index knows."""
        self._publishing[grant.stream_id] = grant.publication
        try:
            await self._playback.prepare(await self._stream_directory.fresh(grant.stream_id))
        except (ActorError, DomainError):
            self._lost(grant.stream_id, grant.publication, "it could not be prepared")
            raise
        return msgspec.structs.replace(grant, target_s=self._playback.target_s(grant.stream_id))

    def media_lost(self) -> None:
        """The process has gone, and with it every publisher."""
        self._inits.clear()
        self._viewings.all_gone()
        for stream_id, publication in list(self._publishing.items()):
            self._playback.interrupted(stream_id, publication)
            self._lost(stream_id, publication, "the media process has gone")

    def handle(self, said: ControlMessage) -> None:
        if isinstance(said, Packaged):
            self._playback.packaged(said)
            self._recorded(said)
        elif isinstance(said, Progress):
            self._tell(said.stream_id, _progressed(said))
        elif isinstance(said, PublishStarted):
            self._tell(said.stream_id, PublisherStarted(publication=said.publication, tracks=said.tracks))
        elif isinstance(said, PublishEnded):
            self._lost(said.stream_id, said.publication, said.reason)
        elif isinstance(said, Flushed):
            self._tell(said.stream_id, RecordingFlushed(publication=said.publication))
            self._forget_inits(said)
        elif isinstance(said, Pictured):
            self._playback.pictured(said)
        elif isinstance(said, ViewerGone):
            self._viewings.gone(said.resource_id)
        elif isinstance(said, MediaCounters):
            self.counters = said.values

    def _lost(self, stream_id: str, publication: int, reason: str) -> None:
        if self._publishing.get(stream_id) == publication:
            del self._publishing[stream_id]
        following = self._playback.next_segment(stream_id)
        self._tell(stream_id, PublisherLost(publication=publication, reason=reason, next_segment=following))

    def _recorded(self, said: Packaged) -> None:
        event = said.event
        if isinstance(event, InitReady):
            self._inits[said.stream_id, event.name] = event
        elif isinstance(event, SegmentStored):
            init = self._inits.get((said.stream_id, _init_name(event)))
            if init is not None:
                self._tell(said.stream_id, _stored(event, init))

    def _forget_inits(self, said: Flushed) -> None:
        for stream_id, name in list(self._inits):
            if stream_id == said.stream_id and name.split("/")[1] == str(said.publication):
                del self._inits[stream_id, name]

    def _tell(self, stream_id: str, message: Message) -> None:
        try:
            self._node.ref("stream", stream_id).tell(message)
        except ActorError as error:
            log.warning("stream %s did not hear %s: %s", stream_id, type(message).__name__, error)


def _progressed(said: Progress) -> MediaProgressed:
    return MediaProgressed(
        publication=said.publication,
        media_time_ms=said.media_time_ms,
        next_segment=said.next_segment,
        at=said.at,
        health=said.health,
    )


def _init_name(event: SegmentStored) -> str:
    return f"{event.rendition}/{event.publication}/{event.init_key.rpartition('/')[2]}"


def _stored(event: SegmentStored, init: InitReady) -> SegmentsRecorded:
    segment = SegmentRow(
        rendition=event.rendition,
        segment=event.segment,
        publication=event.publication,
        object_key=event.object_key,
        init_key=event.init_key,
        init_name=init.name,
        media_time_ms=event.media_time_ms,
        duration_ms=event.duration_s * 1000,
        bytes=event.size,
        started_at=datetime.fromtimestamp(event.program_date_time, UTC),
        is_discontinuity=event.is_discontinuity,
    )
    row = InitRow(rendition=event.rendition, name=init.name, object_key=event.init_key, info=msgspec.to_builtins(init))
    return SegmentsRecorded(publication=event.publication, inits=(row,), segments=(segment,))
