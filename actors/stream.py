"""The actor of a live stream: who may publish it, how far its media clock is, and when it ends.

The actor is the only writer of the stream's row; each publication (one publisher's run) gets a number that is never
given again, durable before the grant is answered. ``stream_life`` has the states.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from actors.chat_messages import KeepMediaTime
from actors.events import Broadcast, StreamChanged, StreamView
from actors.runtime import Actor, ActorError, ActorId, DomainError, Later, Message, Unavailable, handles
from actors.stream_health import HealthWatch
from actors.stream_life import (
    NO_SLATE,
    Cause,
    StreamPolicy,
    counted,
    gone_on,
    grace_left_s,
    grant_of,
    moved,
    owner_renamed,
    with_view,
)
from actors.stream_messages import (
    PULL,
    ClaimPublish,
    DescribeStream,
    EditStream,
    EndStream,
    Grant,
    KeepViewers,
    MediaProgressed,
    PublisherLost,
    PublisherStarted,
    ReadHealth,
    RecordingFlushed,
    RenameOwner,
    RestrictStream,
    RotateStreamKey,
    SegmentsRecorded,
    StopPublisher,
    StreamDeleted,
)
from actors.stream_publisher import (
    GraceOver,
    MediaControl,
    ProgressDue,
    Publisher,
    SilenceDue,
    SlateDue,
    StartDue,
)
from actors.stream_recording import ends_at_ms
from actors.stream_store import StreamStore
from actors.stream_writer import RETRY_S, ListDue, SaveDue, StreamWriter

GRACE_S = 30.0
PROGRESS_DUE_S = 5.0
SILENT_S = 8.0
STOOD_STILL_S = 1.0
START_DUE_S = 20.0
FLUSH_S = 5.0
#: A slate that was lost is shown again after twice as long, then four times; it ends by itself so long after the grace.
SLATE_AGAIN_S = 0.25
MAX_SLATES_LOST = 5
SLATE_OVER_S = 15.0


class _FlushOver(Message, frozen=True, kw_only=True):
    publication: int


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
        policy: StreamPolicy = NO_SLATE,
    ) -> None:
        self._policy = policy
        self._slates_lost = 0
        self._health = HealthWatch()
        self._grace_s = grace_s
        self._stream_id = stream_id
        self._store = store
        self._media = media
        self._broadcast = broadcast
        self._now = now
        self._publisher = Publisher()
        self._enders: list[Later[StreamView]] = []
        self._ending = ""

    async def activate(self) -> None:
        record = await self._store.load(self._stream_id)
        if record is None:
            raise DomainError("not_found", "There is no such stream.", field="stream_id")
        self._writer = StreamWriter(context=self.context, stream_id=self._stream_id, store=self._store, record=record)
        publication = record.view.publication
        if record.view.state == "live":
            self._publisher.presume()
            self.context.timer(PROGRESS_DUE_S, ProgressDue(publication=publication))
        elif record.view.state == "interrupted":
            self._publisher.awaited_after = publication
            self.context.timer(self._grace_s, GraceOver(publication=publication))

    async def passivate(self) -> None:
        await self._writer.flush()

    @property
    def _view(self) -> StreamView:
        return self._writer.view

    # publishing

    @handles(ClaimPublish)
    async def claim(self, message: ClaimPublish) -> Grant:
        if self._view.state == "ended" or self._ending:
            raise DomainError("ended", "This stream has ended.")
        is_pulled, is_busy = message.protocol == PULL, self._publisher.is_busy
        if message.is_backup and self._publisher.is_presumed:
            raise Unavailable(self.context.id, "its publisher is being looked for", retry_after_s=PROGRESS_DUE_S)
        is_at_hand = message.node == self._view.media_node
        if not is_pulled and is_at_hand and self._publisher.has_place_for(message.role):
            return self._join(message)
        gives_way = is_busy and self._publisher.gives_way_to(message.role) and not is_pulled
        takes_over = is_busy and not (gives_way or is_pulled or message.is_backup)
        takes_over = takes_over and self._policy.lets_take_over(self._view)
        if is_busy and not gives_way and not takes_over:
            raise DomainError("busy", "Somebody is publishing this stream already.")
        before, publication = self._view.media_node, self._view.publication + 1
        view = msgspec.structs.replace(self._view, publication=publication, media_node=message.node)
        await self._writer.save(view, is_lasting=message.is_lasting)
        has_moved = before != message.node and (takes_over or bool(self._publisher.slate))
        if self._publisher.is_presumed or gives_way or has_moved:
            why = "another publisher has come" if gives_way or takes_over else "its publisher has come again"
            self._stop_media(before, publication - 1, why)
        grant = msgspec.structs.replace(self._grant(), takes_over=takes_over, is_backup=message.is_backup)
        if has_moved:
            grant = gone_on(grant, since_s=self._now().timestamp() - self._publisher.progressed_at)
        self._publisher.grant(yields=is_pulled, role=message.role)
        self.context.timer(START_DUE_S, StartDue(publication=publication))
        self.context.log.info("%s: publication %d granted to %s", view.label, publication, message.remote)
        return grant

    def _join(self, message: ClaimPublish) -> Grant:
        """Leave to publish beside the one that is there: the publication is the same."""
        self._publisher.join(message.role)
        self.context.log.info("%s: %s comes as its %s", self._view.label, message.remote, message.role)
        return msgspec.structs.replace(self._grant(), joins=True, is_backup=message.is_backup)

    def _grant(self) -> Grant:
        return grant_of(self._writer.record, epoch=self.context.epoch, has_slate=self._policy.has_slate(self._view))

    @handles(PublisherStarted)
    async def publisher_started(self, message: PublisherStarted) -> None:
        if message.publication != self._view.publication or self._ending:
            return
        self._publisher_reported(self._now().timestamp())
        self._writer.record = msgspec.structs.replace(self._writer.record, tracks=message.tracks)
        if self._view.state != "live":
            await self._move("published", message)
        self._keep_chat_in_step()

    @handles(MediaProgressed)
    async def media_progressed(self, message: MediaProgressed) -> None:
        if message.publication != self._view.publication:
            return
        if message.is_slate:
            self._slate_progressed(message)
            return
        if self._view.state == "interrupted" and not self._publisher.is_claimed:
            # It was given up as silent, and is there all the same.
            self._publisher.is_claimed = True
            tracks = self._writer.record.tracks
            await self.publisher_started(PublisherStarted(publication=message.publication, tracks=tracks))
        self._publisher_reported(message.at)
        self._publisher.roles = frozenset(message.sources) or self._publisher.roles
        self._publisher.health = message.health
        await self._watch_health(message)
        self._show_renditions(message)
        self._publisher.reaches(message.media_time_ms)
        self._writer.progress(message.next_segment, media_time_ms=message.media_time_ms)
        self._writer.save_later()
        self._keep_chat_in_step()

    def _slate_progressed(self, message: MediaProgressed) -> None:
        """Viewers see the slate: the media clock goes on, and the next publisher goes on from there."""
        if self._view.state != "interrupted":
            return
        self._publisher.slate, self._publisher.progressed_at = message.publication, message.at
        self._writer.progress(message.next_segment, media_time_ms=message.media_time_ms)
        self._writer.save_later()
        self._keep_chat_in_step()

    async def _watch_health(self, message: MediaProgressed) -> None:
        """Keep the last minutes, and have the owner sent what is wrong."""
        now = self.context.clock.monotonic()
        self._health.add(message.health, at=message.at, now=now)
        faults = self._health.due(now)
        if faults is None:
            return
        try:
            await self._writer.tell_health(faults)
        except Unavailable:
            return  # The next report, a second from now, does.
        self._health.sent(faults, now)

    def _show_renditions(self, message: MediaProgressed) -> None:
        """What there is to play has changed: every node's clients are sent it."""
        if message.renditions == self._view.renditions:
            return
        self._writer.record = with_view(self._writer.record, renditions=message.renditions)
        if self._view.state == "live":
            self._broadcast(StreamChanged(stream=self._view, previous="live", cause="renditions"))

    def _publisher_reported(self, at: float) -> None:
        if self._publisher.report(progressed_at=at, now=self.context.clock.monotonic()):
            self.context.timer(SILENT_S, SilenceDue(publication=self._view.publication))

    @handles(SilenceDue)
    async def silence_due(self, message: SilenceDue) -> None:
        """The node that held the publisher may be gone without a word."""
        if message.publication != self._view.publication or not self._publisher.is_started:
            return
        now = self.context.clock.monotonic()
        left_s = SILENT_S - self._publisher.silent_s(now)
        if left_s < -STOOD_STILL_S:
            # The timer is late: this node stood still itself, and what was reported meanwhile is yet to be read.
            left_s = STOOD_STILL_S
            self._publisher.excuse(silent_s=SILENT_S - left_s, now=now)
        if left_s > 0:
            self.context.timer(left_s, message)
        else:
            await self._lost(PublisherLost(publication=message.publication, reason="its node is silent"))

    @handles(SaveDue)
    async def save_due(self, message: SaveDue) -> None:
        await self._writer.save_progress()

    @handles(SegmentsRecorded)
    async def segments_recorded(self, message: SegmentsRecorded) -> None:
        self._publisher.reaches(ends_at_ms(message.segments))
        await self._writer.add_segments(message)

    @handles(ListDue)
    async def list_due(self, message: ListDue) -> None:
        await self._writer.list_segments()

    @handles(PublisherLost)
    async def publisher_lost(self, message: PublisherLost) -> None:
        if message.publication == self._view.publication == self._publisher.slate:
            self._writer.progress(message.next_segment)
            self._slate_again(message.publication)
            return
        await self._lost(message, is_at_hand=True)

    async def _lost(self, message: PublisherLost, *, is_at_hand: bool = False) -> None:
        """``is_at_hand``: the node that has lost the publisher says so itself, and can show a slate."""
        if message.publication != self._view.publication:
            return
        self._publisher.go()
        self._writer.progress(message.next_segment)
        if self._ending:
            return
        if self._view.state == "interrupted":
            # One that came back and sent nothing: the others still have what is left of the grace.
            await self._wait(grace_left_s(self._view, self._grace_s, now=self._now()), has_slate=is_at_hand)
        elif self._view.state == "live" and await self._move("publisher_lost", message):
            await self._wait(self._grace_s, has_slate=is_at_hand)
            self._keep_chat_in_step()

    async def _wait(self, grace_s: float, *, has_slate: bool) -> None:
        """For a publisher to come."""
        self._publisher.awaited_after = self._view.publication
        self.context.timer(grace_s, GraceOver(publication=self._view.publication))
        self._slates_lost = 0
        if has_slate and self._policy.has_slate(self._view):
            await self._show_slate(grace_s)

    async def _show_slate(self, for_s: float) -> None:
        """A slate is a publication with a number of its own, so that its segments have names of their own."""
        view = msgspec.structs.replace(self._view, publication=self._view.publication + 1)
        try:
            await self._writer.save(view)
        except Unavailable as error:
            self.context.log.info("%s: no slate: %s", view.label, error)
            return
        self._publisher.slate = view.publication
        grant = self._grant()
        self._media.show_slate(view.media_node, grant, self._writer.record.tracks, for_s=for_s + SLATE_OVER_S)

    def _slate_again(self, publication: int) -> None:
        self._slates_lost += 1
        if self._slates_lost <= MAX_SLATES_LOST:
            self.context.timer(SLATE_AGAIN_S * 2**self._slates_lost, SlateDue(publication=publication))

    @handles(SlateDue)
    async def slate_due(self, message: SlateDue) -> None:
        """The media process has ended, for one: while its successor starts there is nothing, then a slate again."""
        if self._view.state != "interrupted" or message.publication != self._publisher.slate or self._ending:
            return
        await self._show_slate(grace_left_s(self._view, self._grace_s, now=self._now()))

    def _end_slate(self) -> None:
        slate, self._publisher.slate = self._publisher.slate, 0
        if slate:
            self._stop_media(self._view.media_node, slate, "the stream has ended")

    @handles(ProgressDue)
    async def progress_due(self, message: ProgressDue) -> None:
        if self._publisher.is_presumed:
            await self._lost(PublisherLost(publication=message.publication, reason="its node has gone"))

    @handles(StartDue)
    async def start_due(self, message: StartDue) -> None:
        """A grant that nobody took up, or whose answer was lost, must not keep the key for ever."""
        if message.publication == self._view.publication and self._publisher.is_awaited:
            self._stop_media(self._view.media_node, message.publication, "nothing was sent")
            lost = PublisherLost(publication=message.publication, reason="nothing was sent")
            await self._lost(lost, is_at_hand=True)

    @handles(GraceOver)
    async def grace_over(self, message: GraceOver) -> None:
        is_latest = self._publisher.awaited_after == message.publication
        is_over = self._view.state == "interrupted" and is_latest and not self._publisher.is_claimed
        if is_over and await self._move("grace_over", message):
            self._end_slate()

    @handles(StreamDeleted)
    def deleted(self, message: StreamDeleted) -> None:
        self._writer.discard()
        self.context.stop()

    @handles(RenameOwner)
    def rename_owner(self, message: RenameOwner) -> None:
        if self._view.owner.id == message.user_id:
            self._writer.record = owner_renamed(self._writer.record, message.display_name, message.avatar_url)

    @handles(StopPublisher)
    def stop_publisher(self, message: StopPublisher) -> None:
        if self._publisher.is_claimed:
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
        self._show_ending()
        publication = self._view.publication
        if self._publisher.is_claimed:
            # The last segments are on their way into the object store: the end waits for them, but not for ever.
            self._stop_media(self._view.media_node, publication, message.reason)
            self.context.timer(FLUSH_S, _FlushOver(publication=publication))
        else:
            self.context.ref(self.context.id).tell(_FlushOver(publication=publication))
        return later

    def _show_ending(self) -> None:
        self._writer.record = with_view(self._writer.record, is_ending=True)
        if self._view.state == "live":
            self._broadcast(StreamChanged(stream=self._view, previous="live", cause="ending"))

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
        self._end_slate()
        self._publisher.go()
        self._keep_chat_in_step()
        enders, self._enders = self._enders, []
        for ender in enders:
            ender.resolve(self._view)

    # describing and editing

    @handles(DescribeStream)
    def describe(self, message: DescribeStream) -> StreamView:
        return self._view

    @handles(ReadHealth)
    def read_health(self, message: ReadHealth) -> dict[str, Any]:
        if not message.has_history:
            return self._publisher.health
        return {**self._publisher.health, "history": list(self._health.history)}

    @handles(EditStream)
    async def edit(self, message: EditStream) -> StreamView:
        await self._writer.edit(message.changes)
        self._broadcast(StreamChanged(stream=self._view, previous=self._view.state, cause="edited"))
        return self._view

    @handles(RestrictStream)
    async def restrict(self, message: RestrictStream) -> StreamView:
        await self._writer.restrict(message.restrictions)
        self._broadcast(StreamChanged(stream=self._view, previous=self._view.state, cause="edited"))
        return self._view

    @handles(RotateStreamKey)
    async def rotate_key(self, message: RotateStreamKey) -> str:
        await self._writer.rotate_key(message.new_key)
        self.stop_publisher(StopPublisher(reason="its key was rotated"))
        return message.new_key

    @handles(KeepViewers)
    def keep_viewers(self, message: KeepViewers) -> None:
        self._writer.record = counted(self._writer.record, message)

    # moving

    async def _move(self, cause: Cause, message: Message) -> bool:
        """Carry out a move of the table, durable first; when the database is away ``message`` comes again."""
        previous = self._view.state
        if (view := moved(self._view, cause, now=self._now())) is None:
            return False
        if view.state == "ended" and self._publisher.media_until_ms:
            # What the slate at its end took is nowhere in the recording.
            view = msgspec.structs.replace(view, media_time_ms=min(view.media_time_ms, self._publisher.media_until_ms))
        try:
            await self._writer.save(view)
        except Unavailable:
            self.context.timer(RETRY_S, message)
            return False
        why = getattr(message, "reason", "") or self._ending or cause
        self.context.log.info("%s: %s -> %s: %s", self._view.label, previous, view.state, why)
        self._broadcast(StreamChanged(stream=self._view, previous=previous, cause=cause))
        return True

    def _keep_chat_in_step(self) -> None:
        clock = KeepMediaTime(
            media_time_ms=self._view.media_time_ms,
            at=self._publisher.progressed_at or self._now().timestamp(),
            is_running=self._view.state == "live" or bool(self._publisher.slate),
        )
        try:
            self.context.ref(ActorId(kind="chat", key=self._view.room_id)).tell(clock)
        except ActorError:
            return  # The next one, a second from now, does.
