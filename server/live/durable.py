"""The actors' ports, met by the tables: what a room, a stream and a counter write and read to survive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from actors.events import Person, StreamView
from actors.restrictions import UNRESTRICTED, Restrictions
from actors.runtime import DomainError, Fence
from actors.stream_store import InitRow, SegmentRow, StreamRecord
from actors.viewers_store import StoredTotals, ViewRow
from storage.errors import Conflict
from storage.recording import Init, Recordings, Segment
from storage.stream import Streams
from storage.stream_rows import StreamRow, StreamState
from storage.viewers import Views, ViewSession, ViewSums


class DurableStreams:
    """``actors.stream.StreamStore``."""

    def __init__(self, *, streams: Streams, recordings: Recordings) -> None:
        self._streams = streams
        self._recordings = recordings

    async def load(self, stream_id: str) -> StreamRecord | None:
        row = await self._streams.load(stream_id)
        if row is None:
            return None
        tracks: tuple[dict[str, Any], ...] = tuple(row.tracks)
        return StreamRecord(
            view=view_of(row),
            stream_key=row.stream_key,
            next_segment=row.next_segment,
            tracks=tracks,
            is_lasting=row.is_lasting,
        )

    async def save(self, record: StreamRecord, *, fence: Fence) -> None:
        view = record.view
        state = StreamState(
            state=view.state,
            started_at=view.started_at,
            interrupted_at=view.interrupted_at,
            ended_at=view.ended_at,
            publication=view.publication,
            media_time_ms=view.media_time_ms,
            next_segment=record.next_segment,
            tracks=record.tracks,
            media_node=view.media_node,
            is_lasting=record.is_lasting,
        )
        await self._streams.save_state(view.id, state, fence=fence)

    async def edit(self, stream_id: str, changes: dict[str, Any], *, fence: Fence) -> None:
        _require(await self._streams.edit(stream_id, changes, fence=fence))

    async def rotate_key(self, stream_id: str, new_key: str, *, fence: Fence) -> None:
        _require(await self._streams.rotate_key(stream_id, new_key, fence=fence))

    async def tell_health(self, stream_id: str, faults: tuple[str, ...], *, fence: Fence) -> None:
        await self._streams.tell_health(stream_id, faults, fence=fence)

    async def add_recorded(
        self,
        stream_id: str,
        *,
        inits: tuple[InitRow, ...],
        segments: tuple[SegmentRow, ...],
        fence: Fence,
    ) -> None:
        try:
            await self._recordings.add(
                stream_id,
                segments=[Segment(**msgspec.structs.asdict(segment)) for segment in segments],
                inits=[Init(**msgspec.structs.asdict(init)) for init in inits],
                fence=fence,
            )
        except Conflict:
            raise _gone() from None


def _require(is_there: bool) -> None:
    if not is_there:
        raise _gone()


def _gone() -> DomainError:
    return DomainError("not_found", "There is no such stream.", field="stream_id")


def restrictions_of(stored: dict[str, Any] | None) -> Restrictions:
    return UNRESTRICTED if stored is None else msgspec.convert(stored, Restrictions)


def view_of(row: StreamRow) -> StreamView:
    """A stored stream as everyone may see it."""
    owner = row.owner
    return StreamView(
        id=row.id,
        owner=Person(
            id=owner.id, username=owner.username, display_name=owner.display_name, avatar_url=owner.avatar_url
        ),
        room_id=row.room_id,
        title=row.title,
        description=row.description,
        category=row.category,
        tags=row.tags,
        language=row.language,
        visibility=row.visibility,
        latency=row.latency,
        is_recorded=row.is_recorded,
        state=row.state,
        created_at=row.created_at,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        interrupted_at=row.interrupted_at,
        ended_at=row.ended_at,
        publication=row.publication,
        media_node=row.media_node,
        media_time_ms=row.media_time_ms,
        peak_viewers=row.peak_viewers,
        unique_viewers=row.unique_viewers,
        watched_ms=row.watched_ms,
        transcode=row.transcode,
        slate=row.slate,
        takeover=row.takeover,
        restrictions=restrictions_of(row.restrictions),
        renditions=_of_source(row.tracks),
    )


def _of_source(tracks: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The rendition that a recording has: what the publisher sent last. Before anything was sent there is none."""
    kinds = {track.get("kind"): track for track in tracks}
    if not kinds.keys() & {"video", "audio"}:
        return ()
    video = kinds.get("video", {})
    codecs = [track["codecs"] for track in tracks if track.get("codecs")]
    shape = {name: video.get(name, 0) for name in ("width", "height", "fps")}
    return ({"name": "source", **shape, "bitrate": 0, "codecs": ",".join(codecs), "state": "live"},)


class DurableViews:
    """``actors.viewers.ViewStore``."""

    def __init__(self, *, views: Views) -> None:
        self._views = views

    async def totals(self, stream_id: str) -> StoredTotals:
        return _totals(await self._views.totals(stream_id))

    async def flush(self, stream_id: str, rows: Sequence[ViewRow], *, peak_viewers: int, fence: Fence) -> StoredTotals:
        sessions = [_session(row) for row in rows]
        return _totals(await self._views.flush(stream_id, sessions=sessions, peak_viewers=peak_viewers, fence=fence))


def _totals(totals: ViewSums | None) -> StoredTotals:
    return StoredTotals(**msgspec.structs.asdict(totals)) if totals is not None else StoredTotals()


def _session(row: ViewRow) -> ViewSession:
    return ViewSession(
        id=row.id,
        viewer=row.viewer,
        user_id=row.user_id,
        started_at=datetime.fromtimestamp(row.started_at, UTC),
        last_at=datetime.fromtimestamp(row.last_at, UTC),
        watched_ms=row.watched_ms,
        stalled_ms=row.stalled_ms,
        transport=row.transport,
        watched_by=row.watched_by,
        latency_ms=row.latency_ms,
    )
