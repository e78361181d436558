"""What the media process reports, sent on to the streams' actors and to the playlists of this node."""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime

import msgspec

from actors.runtime import ActorError, DomainError, Message, Node
from actors.stream_messages import (
    DescribeStream,
    MediaProgressed,
    PublisherLost,
    PublisherStarted,
    RecordingFlushed,
    SegmentsRecorded,
)
from actors.stream_store import InitRow, SegmentRow
from media.control import (
    AuthorizePublish,
    ControlMessage,
    Flushed,
    Granted,
    ItemListed,
    ListItem,
    MediaCounters,
    Packaged,
    Pictured,
    Progress,
    PublishEnded,
    PublishStarted,
    Refused,
    RestreamsReported,
    SourcesReported,
    ViewerGone,
)
from media.hls.events import InitReady, SegmentStored
from server.live.ingest import Ingest
from server.live.playback import Playback
from server.live.restreams import Restreaming
from server.live.sources import Sources
from server.live.stream_directory import StreamDirectory
from server.live.viewings import WebrtcViewings

log = logging.getLogger("server.media_events")


class MediaEvents:
    """``server.live.media.MediaEventHandler``: sends the reports of the media process to the streams' actors."""

    def __init__(
        self,
        *,
        node: Node,
        ingest: Ingest,
        stream_directory: StreamDirectory,
        playback: Playback,
        viewings: WebrtcViewings,
        restreaming: Restreaming,
        sources: Sources,
    ) -> None:
        self._sources = sources
        self._restreaming = restreaming
        self._viewings = viewings
        self._node = node
        self._ingest = ingest
        self._stream_directory = stream_directory
        self._playback = playback
        self._publishing: dict[str, int] = {}
        self._last_reports: dict[str, PublisherStarted | MediaProgressed] = {}
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

    async def list_item(self, asked: ListItem) -> ItemListed | Refused:
        return await self._sources.list_item(asked)

    async def began(self, grant: Granted) -> Granted:
        """A publisher has leave: what it packages finds its index, what becomes of it finds its stream. The grant
        with what that index knows."""
        self._publishing[grant.stream_id] = grant.publication
        try:
            await self._playback.prepare(await self._stream_directory.fresh(grant.stream_id))
        except (ActorError, DomainError):
            if not grant.joins:
                self._lost(grant.stream_id, grant.publication, "it could not be prepared")
            raise
        return msgspec.structs.replace(grant, target_s=self._playback.target_s(grant.stream_id))

    async def given_back(self, grant: Granted, reason: str) -> None:
        """A publisher that has leave will not come. Returns when its stream's actor knows it, or cannot be reached. Of
        one that was to join another the next report tells."""
        if grant.joins:
            return
        self._lost(grant.stream_id, grant.publication, reason)
        with contextlib.suppress(ActorError, DomainError):
            await self._node.ref("stream", grant.stream_id).ask(DescribeStream())  # read after what was just told

    def media_quiet(self) -> None:
        """The process stands still, and what publishers send waits for it. Each stream's actor is sent the last report
        again, since it takes a node without reports for gone."""
        for stream_id, report in self._last_reports.items():
            self._tell(stream_id, report)

    def slate_began(self, stream_id: str, publication: int) -> None:
        """The media process shows, or will show, a slate by this number."""
        self._publishing[stream_id] = publication

    def slate_lost(self, stream_id: str, publication: int, reason: str) -> None:
        self._lost(stream_id, publication, reason)

    def media_lost(self) -> None:
        """The process has gone, and with it every publisher."""
        self._inits.clear()
        self._viewings.all_gone()
        for stream_id, publication in list(self._publishing.items()):
            self._playback.interrupted(stream_id, publication)
            self._lost(stream_id, publication, "the media process has gone")

    def handle(self, report: ControlMessage) -> None:
        if isinstance(report, Packaged):
            self._playback.packaged(report)
            self._recorded(report)
        elif isinstance(report, Progress):
            self._reported(report.stream_id, _progressed(report))
        elif isinstance(report, PublishStarted):
            self._reported(report.stream_id, PublisherStarted(publication=report.publication, tracks=report.tracks))
            self._restreaming.began(report.stream_id)
        elif isinstance(report, PublishEnded):
            self._lost(report.stream_id, report.publication, report.reason)
        elif isinstance(report, Flushed):
            self._tell(report.stream_id, RecordingFlushed(publication=report.publication))
            self._forget_inits(report)
        elif isinstance(report, Pictured):
            self._playback.pictured(report)
        elif isinstance(report, ViewerGone):
            self._viewings.gone(report.resource_id)
        elif isinstance(report, RestreamsReported):
            self._restreaming.note(report)
        elif isinstance(report, SourcesReported):
            self._sources.note(report)
        elif isinstance(report, MediaCounters):
            self.counters = report.values

    def _reported(self, stream_id: str, report: PublisherStarted | MediaProgressed) -> None:
        if self._publishing.get(stream_id) == report.publication:
            self._last_reports[stream_id] = report
        self._tell(stream_id, report)

    def _lost(self, stream_id: str, publication: int, reason: str) -> None:
        if self._publishing.get(stream_id) == publication:
            del self._publishing[stream_id]
            self._last_reports.pop(stream_id, None)
            self._restreaming.ended(stream_id)
        following = self._playback.next_segment(stream_id)
        self._tell(stream_id, PublisherLost(publication=publication, reason=reason, next_segment=following))

    def _recorded(self, report: Packaged) -> None:
        event = report.event
        if isinstance(event, InitReady):
            self._inits[report.stream_id, event.name] = event
        elif isinstance(event, SegmentStored):
            init = self._inits.get((report.stream_id, _init_name(event)))
            if init is not None:
                self._tell(report.stream_id, _stored(event, init))

    def _forget_inits(self, report: Flushed) -> None:
        for stream_id, name in list(self._inits):
            if stream_id == report.stream_id and name.split("/")[1] == str(report.publication):
                del self._inits[stream_id, name]

    def _tell(self, stream_id: str, message: Message) -> None:
        try:
            self._node.ref("stream", stream_id).tell(message)
        except ActorError as error:
            log.warning("stream %s was not told %s: %s", stream_id, type(message).__name__, error)


def _progressed(report: Progress) -> MediaProgressed:
    return MediaProgressed(
        publication=report.publication,
        media_time_ms=report.media_time_ms,
        next_segment=report.next_segment,
        at=report.at,
        health=report.health,
        renditions=report.renditions,
        is_slate=report.is_slate,
        sources=report.sources,
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
        key_bytes=event.key_bytes,
    )
    row = InitRow(rendition=event.rendition, name=init.name, object_key=event.init_key, info=msgspec.to_builtins(init))
    return SegmentsRecorded(publication=event.publication, inits=(row,), segments=(segment,))
