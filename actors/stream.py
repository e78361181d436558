"""A live stream's life: scheduled → live → interrupted → ended, who may publish it, and how far its media clock is.

The rules are the table ``MOVES``: what is not in it cannot happen. The actor is the only writer of the stream's row;
each publication (one publisher's run) gets a number that is never given again, durable before the grant is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from actors.chat_messages import KeepMediaTime
from actors.events import Broadcast, StreamChanged, StreamState, StreamView
from actors.runtime import Actor, ActorError, ActorId, Ask, DomainError, Fence, Later, Message, Unavailable, handles

GRACE_S = 30.0
PROGRESS_DUE_S = 5.0
SILENT_S = 8.0
START_DUE_S = 20.0
LEAST_GRACE_S = 5.0
SAVE_S = 5.0
FLUSH_S = 5.0
RETRY_S = 1.0
MAX_UNRECORDED = 20_000

Cause = Literal["published", "publisher_lost", "grace_over", "ended"]

MOVES: Mapping[tuple[StreamState, Cause], StreamState] = {
    ("scheduled", "published"): "live",
    ("interrupted", "published"): "live",
    ("live", "published"): "live",
    ("live", "publisher_lost"): "interrupted",
    ("interrupted", "grace_over"): "ended",
    ("scheduled", "ended"): "ended",
    ("live", "ended"): "ended",
    ("interrupted", "ended"): "ended",
}


# ------------------------------------------------------------------------------------------------- what is said to it


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to publish. ``epoch`` is the fencing token that every object key and row of the run carries."""

    stream_id: str
    epoch: int
    publication: int
    first_segment: int
    media_time_ms: int
    latency: str
    is_recorded: bool
    owner_id: str = ""
    label: str = ""


class ClaimPublish(Ask[Grant], frozen=True, kw_only=True):
    """``node`` is where the publisher's bytes arrive; ``is_lasting``: with the person's key, not the stream's own."""

    protocol: str
    remote: str
    node: str = ""
    is_lasting: bool = False


class PublisherStarted(Message, frozen=True, kw_only=True):
    """Media flows: ``tracks`` says which codecs, sizes and rates."""

    publication: int
    tracks: tuple[dict[str, Any], ...]


class PublisherLost(Message, frozen=True, kw_only=True):
    """``next_segment`` is beyond every segment of the run that anybody was shown, as far as the sender knows."""

    publication: int
    reason: str
    next_segment: int = 0


class MediaProgressed(Message, frozen=True, kw_only=True):
    """About once a second while media flows; ``health`` is what the owner is shown."""

    publication: int
    media_time_ms: int
    next_segment: int
    at: float
    health: dict[str, Any]


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finished segment of the recording, already in the object store."""

    rendition: str
    segment: int
    publication: int
    object_key: str
    init_key: str
    init_name: str
    media_time_ms: int
    duration_ms: float
    bytes: int
    started_at: datetime
    is_discontinuity: bool


class InitRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a player must know before the segments that name it; ``info`` is the packager's description."""

    rendition: str
    name: str
    object_key: str
    info: dict[str, Any]


class SegmentsRecorded(Message, frozen=True, kw_only=True):
    publication: int
    inits: tuple[InitRow, ...]
    segments: tuple[SegmentRow, ...]


class RecordingFlushed(Message, frozen=True, kw_only=True):
    """Everything of the publication is in the object store and was reported."""

    publication: int


class DescribeStream(Ask[StreamView], frozen=True, kw_only=True):
    is_repeatable = True


class ReadHealth(Ask[dict[str, Any]], frozen=True, kw_only=True):
    is_repeatable = True


class EditStream(Ask[StreamView], frozen=True, kw_only=True):
    """``changes``: title, description, category, tags, language, visibility, scheduled_at, latency, is_recorded."""

    changes: dict[str, Any]


class EndStream(Ask[StreamView], frozen=True, kw_only=True):
    reason: str = "ended by its owner"


class RotateStreamKey(Ask[str], frozen=True, kw_only=True):
    new_key: str


class StreamDeleted(Message, frozen=True, kw_only=True):
    """The row has gone: what is asked from now on finds nothing."""


class RenameOwner(Message, frozen=True, kw_only=True):
    """This person is called otherwise from now on; nodes show it by themselves."""

    user_id: str
    display_name: str


class StopPublisher(Ask[None], frozen=True, kw_only=True):
    """End the publisher's connection, not the stream: its key is not valid any more."""

    is_repeatable = True
    reason: str


class KeepViewers(Message, frozen=True, kw_only=True):
    viewers: int
    peak_viewers: int
    unique_viewers: int
    watched_ms: int


class _GraceOver(Message, frozen=True, kw_only=True):
    publication: int


class _StartDue(Message, frozen=True, kw_only=True):
    publication: int


class _SaveDue(Message, frozen=True, kw_only=True):
    pass


class _RecordDue(Message, frozen=True, kw_only=True):
    pass


class _SilenceDue(Message, frozen=True, kw_only=True):
    publication: int


class _ProgressDue(Message, frozen=True, kw_only=True):
    publication: int


class _FlushOver(Message, frozen=True, kw_only=True):
    publication: int


# --------------------------------------------------------------------------------------------------- what it leans on


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The row: what everyone may see, and what only the actor needs."""

    view: StreamView
    stream_key: str
    next_segment: int
    tracks: tuple[dict[str, Any], ...] = ()
    is_lasting: bool = False


class StreamStore(Protocol):
    """Durable side. Raises ``Unavailable`` while the database is away and ``Fenced`` for a stale epoch."""

    async def load(self, stream_id: str) -> StreamRecord | None: ...
    async def save(self, record: StreamRecord, *, fence: Fence) -> None: ...
    async def edit(self, stream_id: str, changes: dict[str, Any], *, fence: Fence) -> None: ...
    async def rotate_key(self, stream_id: str, new_key: str, *, fence: Fence) -> None: ...
    async def add_recorded(
        self, stream_id: str, *, inits: tuple[InitRow, ...], segments: tuple[SegmentRow, ...], fence: Fence
    ) -> None: ...


class MediaControl(Protocol):
    """The way to the process that holds the publisher. Synchronous: what comes of it arrives as messages."""

    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None: ...


# -------------------------------------------------------------------------------------------------------------- actor


class LiveStream(Actor):
    """The one decider of a stream. Its key is the stream's id."""

    def __init__(
        self,
        *,
        stream_id: str,
        store: StreamStore,
        media: MediaControl,
        broadcast: Broadcast,
        now: Callable[[], datetime],
        grace_s: float = GRACE_S,
    ) -> None:
        self._grace_s = grace_s
        self._stream_id = stream_id
        self._store = store
        self._media = media
        self._broadcast = broadcast
        self._now = now
        self._health: dict[str, Any] = {}
        self._is_claimed = False
        self._is_presumed = False
        self._is_started = False
        self._progressed_at = 0.0
        self._heard_at = 0.0
        self._is_save_due = False
        self._unrecorded: list[SegmentsRecorded] = []
        self._is_record_due = False
        self._enders: list[Later[StreamView]] = []
        self._ending = ""

    async def activate(self) -> None:
        record = await self._store.load(self._stream_id)
        if record is None:
            raise DomainError("not_found", "There is no such stream.")
        self._record = record
        if record.view.state == "live":
            # Its publisher may well be there still: it has a moment to show it. Meanwhile one that knocks may be that
            # very publisher, who has lost its server: it is let in.
            self._is_claimed = self._is_presumed = True
            self.context.timer(PROGRESS_DUE_S, _ProgressDue(publication=record.view.publication))
        elif record.view.state == "interrupted":
            self.context.timer(self._grace_s, _GraceOver(publication=record.view.publication))

    async def passivate(self) -> None:
        """What the media process has reported and was not written is written now, or not at all."""
        if self._unrecorded:
            await self._record_segments()
        elif self._is_save_due:
            await self._store.save(self._record, fence=self.context.fence)

    @property
    def _view(self) -> StreamView:
        return self._record.view

    # publishing

    @handles(ClaimPublish)
    async def claim(self, message: ClaimPublish) -> Grant:
        if self._view.state == "ended" or self._ending:
            raise DomainError("ended", "This stream has ended.")
        if self._is_claimed and not self._is_presumed:
            raise DomainError("busy", "Somebody is publishing this stream already.")
        before, publication = self._view.media_node, self._view.publication + 1
        view = msgspec.structs.replace(self._view, publication=publication, media_node=message.node)
        await self._save(view, is_lasting=message.is_lasting)
        if self._is_presumed:
            self._stop_media(before, publication - 1, "its publisher has come again")
        self._is_claimed, self._is_presumed, self._is_started = True, False, False
        self.context.timer(START_DUE_S, _StartDue(publication=publication))
        self.context.log.info("%s: publication %d granted to %s", view.label, publication, message.remote)
        return Grant(
            stream_id=self._stream_id,
            epoch=self.context.epoch,
            publication=publication,
            first_segment=self._record.next_segment,
            media_time_ms=self._view.media_time_ms,
            latency=self._view.latency,
            is_recorded=self._view.is_recorded,
            owner_id=self._view.owner.id,
            label=self._view.label,
        )

    @handles(PublisherStarted)
    async def publisher_started(self, message: PublisherStarted) -> None:
        if message.publication != self._view.publication or self._ending:
            return
        self._saw_publisher(self._now().timestamp())
        self._record = msgspec.structs.replace(self._record, tracks=message.tracks)
        if self._view.state != "live":
            await self._move("published", message)
        self._keep_chat_in_step()

    @handles(MediaProgressed)
    async def media_progressed(self, message: MediaProgressed) -> None:
        if message.publication != self._view.publication:
            return
        if self._view.state == "interrupted" and not self._is_claimed:
            # It was given up as silent, and is there all the same.
            self._is_claimed = True
            await self.publisher_started(PublisherStarted(publication=message.publication, tracks=self._record.tracks))
        self._saw_publisher(message.at)
        self._health = message.health
        self._go_on_from(message.next_segment, media_time_ms=message.media_time_ms)
        self._keep_chat_in_step()
        if not self._is_save_due:
            self._is_save_due = True
            self.context.timer(SAVE_S, _SaveDue())

    def _saw_publisher(self, at: float) -> None:
        self._is_presumed = False
        self._progressed_at = at
        self._heard_at = self.context.clock.monotonic()
        if not self._is_started:
            self._is_started = True
            self.context.timer(SILENT_S, _SilenceDue(publication=self._view.publication))

    @handles(_SilenceDue)
    async def silence_due(self, message: _SilenceDue) -> None:
        """The node that held the publisher may be gone without a word."""
        if message.publication != self._view.publication or not self._is_started:
            return
        left_s = self._heard_at + SILENT_S - self.context.clock.monotonic()
        if left_s > 0:
            self.context.timer(left_s, message)
        else:
            await self.publisher_lost(PublisherLost(publication=message.publication, reason="its node is silent"))

    @handles(_SaveDue)
    async def save_due(self, message: _SaveDue) -> None:
        """The media clock and the segment numbers go on from here if the node is lost."""
        self._is_save_due = False
        try:
            await self._store.save(self._record, fence=self.context.fence)
        except Unavailable as error:
            self.context.log.info("its progress was not written: %s", error)

    @handles(SegmentsRecorded)
    async def segments_recorded(self, message: SegmentsRecorded) -> None:
        self._unrecorded.append(message)
        if len(self._unrecorded) > MAX_UNRECORDED:
            self.context.log.error("a segment of the recording is not listed: the database is away for too long")
            del self._unrecorded[0]
        if not self._is_record_due:
            await self._record_segments()

    @handles(_RecordDue)
    async def record_due(self, message: _RecordDue) -> None:
        self._is_record_due = False
        await self._record_segments()

    async def _record_segments(self) -> None:
        """Write all that waits, at once; while the database is away one timer tries again."""
        segments = tuple(segment for message in self._unrecorded for segment in message.segments)
        inits = {(init.rendition, init.name): init for message in self._unrecorded for init in message.inits}
        following = max((segment.segment + 1 for segment in segments), default=0)
        recorded_ms = max((round(segment.media_time_ms + segment.duration_ms) for segment in segments), default=0)
        self._go_on_from(following, media_time_ms=recorded_ms)
        try:
            await self._store.add_recorded(
                self._stream_id,
                inits=tuple(inits.values()),
                segments=segments,
                fence=self.context.fence,
            )
            await self._store.save(self._record, fence=self.context.fence)
        except Unavailable:
            if self.context.is_open:
                self._is_record_due = True
                self.context.timer(RETRY_S, _RecordDue())
            return
        except DomainError as error:
            self.context.log.info("segments came too late: %s", error)
        self._unrecorded.clear()

    def _go_on_from(self, next_segment: int, *, media_time_ms: int = 0) -> None:
        view = msgspec.structs.replace(self._view, media_time_ms=max(self._view.media_time_ms, media_time_ms))
        following = max(self._record.next_segment, next_segment)
        self._record = msgspec.structs.replace(self._record, view=view, next_segment=following)

    @handles(PublisherLost)
    async def publisher_lost(self, message: PublisherLost) -> None:
        if message.publication != self._view.publication:
            return
        self._is_claimed = self._is_presumed = self._is_started = False
        self._health = {}
        self._go_on_from(message.next_segment)
        if self._ending:
            return
        if self._view.state == "interrupted":
            # One that came back and sent nothing: the others still have what is left of the grace.
            self.context.timer(self._grace_left_s(), _GraceOver(publication=message.publication))
        elif self._view.state == "live" and await self._move("publisher_lost", message):
            self.context.timer(self._grace_s, _GraceOver(publication=message.publication))
            self._keep_chat_in_step()

    def _grace_left_s(self) -> float:
        since = self._view.interrupted_at or self._now()
        left_s = self._grace_s - (self._now() - since).total_seconds()
        return max(left_s, min(LEAST_GRACE_S, self._grace_s))

    @handles(_ProgressDue)
    async def progress_due(self, message: _ProgressDue) -> None:
        if self._is_presumed:
            await self.publisher_lost(PublisherLost(publication=message.publication, reason="its node has gone"))

    @handles(_StartDue)
    async def start_due(self, message: _StartDue) -> None:
        """A grant that nobody took up, or whose answer was lost, must not keep the key for ever."""
        if message.publication == self._view.publication and self._is_claimed and not self._is_started:
            self._stop_media(self._view.media_node, message.publication, "nothing was sent")
            await self.publisher_lost(PublisherLost(publication=message.publication, reason="nothing was sent"))

    @handles(_GraceOver)
    async def grace_over(self, message: _GraceOver) -> None:
        if self._view.state == "interrupted" and self._view.publication == message.publication and not self._is_claimed:
            await self._move("grace_over", message)

    @handles(StreamDeleted)
    def deleted(self, message: StreamDeleted) -> None:
        self._unrecorded.clear()
        self._is_save_due = False
        self.context.stop()

    @handles(RenameOwner)
    def rename_owner(self, message: RenameOwner) -> None:
        if self._view.owner.id == message.user_id:
            owner = msgspec.structs.replace(self._view.owner, display_name=message.display_name)
            self._record = msgspec.structs.replace(self._record, view=msgspec.structs.replace(self._view, owner=owner))

    @handles(StopPublisher)
    def stop_publisher(self, message: StopPublisher) -> None:
        if self._is_claimed:
            self._stop_media(self._view.media_node, self._view.publication, message.reason)

    def _stop_media(self, node: str, publication: int, reason: str) -> None:
        self._media.stop(node, self._stream_id, publication=publication, reason=reason)

    # ending

    @handles(EndStream)
    def end(self, message: EndStream) -> StreamView | Later[StreamView]:
        if self._view.state == "ended":
            return self._view
        later: Later[StreamView] = self.context.later()
        self._enders.append(later)
        if self._ending:
            return later
        self._ending = message.reason
        publication = self._view.publication
        if self._is_claimed:
            # The last segments are on their way into the object store: the end waits for them, but not for ever.
            self._stop_media(self._view.media_node, publication, message.reason)
            self.context.timer(FLUSH_S, _FlushOver(publication=publication))
        else:
            self.context.ref(self.context.id).tell(_FlushOver(publication=publication))
        return later

    @handles(RecordingFlushed)
    async def recording_flushed(self, message: RecordingFlushed) -> None:
        await self._finish(message.publication, message)

    @handles(_FlushOver)
    async def flush_over(self, message: _FlushOver) -> None:
        await self._finish(message.publication, message)

    async def _finish(self, publication: int, message: Message) -> None:
        if not self._ending or publication != self._view.publication or self._view.state == "ended":
            return
        if not await self._move("ended", message):
            return
        self._ending = ""
        self._is_claimed = self._is_presumed = self._is_started = False
        self._keep_chat_in_step()
        enders, self._enders = self._enders, []
        for ender in enders:
            ender.resolve(self._view)

    # what is said about it

    @handles(DescribeStream)
    def describe(self, message: DescribeStream) -> StreamView:
        return self._view

    @handles(ReadHealth)
    def read_health(self, message: ReadHealth) -> dict[str, Any]:
        return self._health

    @handles(EditStream)
    async def edit(self, message: EditStream) -> StreamView:
        await self._store.edit(self._stream_id, message.changes, fence=self.context.fence)
        view = msgspec.structs.replace(self._view, **message.changes)
        self._record = msgspec.structs.replace(self._record, view=view)
        self._broadcast(StreamChanged(stream=self._view, previous=self._view.state, cause="edited"))
        return self._view

    @handles(RotateStreamKey)
    async def rotate_key(self, message: RotateStreamKey) -> str:
        await self._store.rotate_key(self._stream_id, message.new_key, fence=self.context.fence)
        self._record = msgspec.structs.replace(self._record, stream_key=message.new_key)
        self.stop_publisher(StopPublisher(reason="its key was rotated"))
        return message.new_key

    @handles(KeepViewers)
    def keep_viewers(self, message: KeepViewers) -> None:
        view = msgspec.structs.replace(
            self._view,
            viewers=message.viewers,
            peak_viewers=max(self._view.peak_viewers, message.peak_viewers),
            unique_viewers=max(self._view.unique_viewers, message.unique_viewers),
            watched_ms=max(self._view.watched_ms, message.watched_ms),
        )
        self._record = msgspec.structs.replace(self._record, view=view)

    # moving

    async def _move(self, cause: Cause, message: Message) -> bool:
        """Carry out a move of the table, durable first; when the database is away ``message`` comes again."""
        previous = self._view.state
        if (state := MOVES.get((previous, cause))) is None:
            return False
        try:
            await self._save(self._moved(state))
        except Unavailable:
            self.context.timer(RETRY_S, message)
            return False
        said = getattr(message, "reason", "") or self._ending or cause
        self.context.log.info("%s: %s -> %s: %s", self._view.label, previous, state, said)
        self._broadcast(StreamChanged(stream=self._view, previous=previous, cause=cause))
        return True

    def _moved(self, state: StreamState) -> StreamView:
        now = self._now()
        started_at = self._view.started_at or (now if state == "live" else None)
        return msgspec.structs.replace(
            self._view,
            state=state,
            started_at=started_at,
            interrupted_at=now if state == "interrupted" else None,
            ended_at=now if state == "ended" else None,
        )

    async def _save(self, view: StreamView, *, is_lasting: bool | None = None) -> None:
        kept = self._record.is_lasting if is_lasting is None else is_lasting
        record = msgspec.structs.replace(self._record, view=view, is_lasting=kept)
        await self._store.save(record, fence=self.context.fence)
        self._record = record

    def _keep_chat_in_step(self) -> None:
        clock = KeepMediaTime(
            media_time_ms=self._view.media_time_ms,
            at=self._progressed_at or self._now().timestamp(),
            is_running=self._view.state == "live",
        )
        try:
            self.context.ref(ActorId(kind="chat", key=self._view.room_id)).tell(clock)
        except ActorError:
            return  # The next one, a second from now, does.
