"""The one writer of a stream's row and of the list of its recorded segments.

``record`` is what the actor goes by. A state, a publication or an edit is durable before it is in the record; progress
(media clock, segment numbers) is in the record first and written every ``SAVE_S``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.events import StreamView
from actors.restrictions import Restrictions
from actors.runtime import Context, DomainError, Message, Unavailable
from actors.stream_life import progressed, with_view
from actors.stream_messages import SegmentsRecorded
from actors.stream_recording import UnlistedSegments
from actors.stream_store import StreamRecord, StreamStore

SAVE_S = 5.0
RETRY_S = 1.0


class SaveDue(Message, frozen=True, kw_only=True):
    """``save_progress`` is due."""


class ListDue(Message, frozen=True, kw_only=True):
    """``list_segments`` is due again."""


class StreamWriter:
    """Fenced by the actor's token. What raises, raises what the store raises."""

    def __init__(self, *, context: Context, stream_id: str, store: StreamStore, record: StreamRecord) -> None:
        self._context = context
        self._fence = context.fence
        self._stream_id = stream_id
        self._store = store
        self.record = record
        self._unlisted = UnlistedSegments()
        self._is_save_due = False
        self._is_list_due = False

    @property
    def view(self) -> StreamView:
        return self.record.view

    async def save(self, view: StreamView, *, is_lasting: bool | None = None) -> None:
        kept = self.record.is_lasting if is_lasting is None else is_lasting
        record = msgspec.structs.replace(self.record, view=view, is_lasting=kept)
        await self._store.save(record, fence=self._fence)
        self.record = record

    async def edit(self, changes: dict[str, Any]) -> None:
        await self._store.edit(self._stream_id, changes, fence=self._fence)
        self.record = with_view(self.record, **changes)

    async def restrict(self, restrictions: Restrictions) -> None:
        stored = msgspec.to_builtins(restrictions) or None
        await self._store.edit(self._stream_id, {"restrictions": stored}, fence=self._fence)
        self.record = with_view(self.record, restrictions=restrictions)

    async def rotate_key(self, new_key: str) -> None:
        await self._store.rotate_key(self._stream_id, new_key, fence=self._fence)
        self.record = msgspec.structs.replace(self.record, stream_key=new_key)

    async def tell_health(self, faults: tuple[str, ...]) -> None:
        await self._store.tell_health(self._stream_id, faults, fence=self._fence)

    # progress

    def progress(self, next_segment: int, *, media_time_ms: int = 0) -> None:
        self.record = progressed(self.record, next_segment=next_segment, media_time_ms=media_time_ms)

    def save_later(self) -> None:
        if not self._is_save_due:
            self._is_save_due = True
            self._context.timer(SAVE_S, SaveDue())

    async def save_progress(self) -> None:
        """The media clock and the segment numbers go on from here if the node is lost."""
        self._is_save_due = False
        try:
            await self._store.save(self.record, fence=self._fence)
        except Unavailable as error:
            self._context.log.info("its progress was not written: %s", error)

    # recording

    async def add_segments(self, report: SegmentsRecorded) -> None:
        if not self._unlisted.add(report):
            self._context.log.error("a segment of the recording is not listed: the database is away for too long")
        if not self._is_list_due:
            await self.list_segments()

    async def list_segments(self) -> None:
        """List all that waits, in one write; while the database is away one timer tries again."""
        self._is_list_due = False
        unlisted = self._unlisted
        self.progress(unlisted.next_segment, media_time_ms=unlisted.media_time_ms)
        try:
            await self._store.add_recorded(
                self._stream_id, inits=unlisted.inits, segments=unlisted.segments, fence=self._fence
            )
            await self._store.save(self.record, fence=self._fence)
        except Unavailable:
            if self._context.is_open:
                self._is_list_due = True
                self._context.timer(RETRY_S, ListDue())
            return
        except DomainError as error:
            self._context.log.info("segments came too late: %s", error)
        unlisted.clear()

    # the end of the incarnation

    async def flush(self) -> None:
        """What the media process has reported and was not written is written now, or not at all."""
        if self._unlisted:
            await self.list_segments()
        elif self._is_save_due:
            await self._store.save(self.record, fence=self._fence)

    def discard(self) -> None:
        """The row was deleted: there is nothing to write to."""
        self._unlisted.clear()
        self._is_save_due = False
