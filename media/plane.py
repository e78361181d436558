"""The only way into the media plane: all publications of this process, and the folders of their live files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from media.control import ControlMessage, Flushed, Granted, Packaged, PublishEnded
from media.errors import PublishRefused
from media.hls.events import SegmentStored
from media.hls.folder import RunFolder
from media.hls.marks import Mark
from media.meter import Meter
from media.publication import Publication
from media.recorder import Recorder, RecorderCounters, SegmentStore
from media.run import FLUSH_S, Codecs, PublicationRun
from media.slate import AHEAD_S, MakesSlates, Slate, SlateGroups, SlateShown, shown_in_place_of
from media.switch import TICK_S, Role, Switch
from media.transcode.admission import LadderAdmission
from media.transcode.ladder import Policy

FOLDER_BYTES = 256 * 1024 * 1024

log = logging.getLogger(__name__)


class PlaneCodecs(Codecs, MakesSlates, Protocol):
    """What the runs of a process have decoded and encoded for them."""


async def no_pictures(key: str) -> bytes | None:
    """For a plane without an object store to read from."""
    return None


class Plane:
    """All runs of this process. Belongs to one event loop."""

    def __init__(
        self,
        *,
        run_dir: Path,
        store: SegmentStore,
        codecs: PlaneCodecs,
        say: Callable[[ControlMessage], None],
        max_streams: int,
        max_run_bytes: int,
        max_ladders: int = 0,
        transcode: Policy = "auto",
        read_picture: Callable[[str], Awaitable[bytes | None]] = no_pictures,
    ) -> None:
        """``transcode``: what all streams are held to, see ``_policy``. ``read_picture``: the bytes of a streamer's own
        slate by its object key, None where they cannot be had."""
        self._codecs = codecs
        self._transcode: Policy = transcode
        self._admission = LadderAdmission(max_ladders=max_ladders)
        self.say = say
        self.recorded = RecorderCounters()
        self._run_dir = run_dir
        self._store = store
        self._max_streams = max_streams
        self._max_folder_bytes = min(FOLDER_BYTES, max_run_bytes)
        self._runs: dict[str, PublicationRun] = {}
        self._groups = SlateGroups(codecs=codecs, read=read_picture)
        self._slates: dict[str, tuple[PublicationRun, Slate]] = {}
        self._slate_pictures: dict[str, str] = {}
        """Of the streams that were published here, by the last grant."""
        self._switches: dict[str, Switch] = {}
        self._folders: dict[str, RunFolder] = {}
        self._flushing: set[asyncio.Task[None]] = set()

    @property
    def streams(self) -> int:
        return len(self._runs)

    def publish(self, grant: Granted, *, protocol: str, remote: str) -> Publication:
        """Begin a publication, or join one where the grant says so. Raises ``PublishRefused``: ``busy`` or
        ``unavailable``; the server's process, which gave the grant, is sent ``PublishEnded`` then of one that was to
        begin. It takes the place of a slate when its media begins, and that of another publisher, where the grant says
        so, at once."""
        if grant.joins:
            return self._join(grant, protocol=protocol)
        run = self._publish(grant, protocol=protocol, remote=remote)
        if grant.has_slate:
            self._slate_pictures[grant.stream_id] = grant.slate_picture
            self._slate_ahead(run)
        switch = Switch(run=run, name=grant.log_name, clock=asyncio.get_running_loop().time)
        self._switches[grant.stream_id] = switch
        return switch.join(_role_of(grant), protocol=protocol)

    def _join(self, grant: Granted, *, protocol: str) -> Publication:
        """Beside the publisher that is there."""
        run, switch = self._runs.get(grant.stream_id), self._switches.get(grant.stream_id)
        if run is None or switch is None or run.publication != grant.publication:
            raise PublishRefused("unavailable", "The stream's publisher has just gone: try again in a moment.")
        source = switch.join(_role_of(grant), protocol=protocol)
        self._tick(switch, grant.stream_id)
        return source

    def _tick(self, switch: Switch, stream_id: str) -> None:
        """While a stream has two sources."""
        if switch.has_both and self._switches.get(stream_id) is switch:
            switch.tick()
            asyncio.get_running_loop().call_later(TICK_S, self._tick, switch, stream_id)

    def _publish(self, grant: Granted, *, protocol: str, remote: str) -> PublicationRun:
        before = self._superseded(grant)
        try:
            folder = self._place_for(grant)
        except PublishRefused as refusal:
            ended = PublishEnded(stream_id=grant.stream_id, publication=grant.publication, reason=refusal.message)
            self.say(ended)
            raise
        grant = msgspec.structs.replace(grant, transcode=_policy(self._transcode, grant.transcode))
        recorder = self._recorder(grant, folder) if grant.is_recorded else None
        run = PublicationRun(
            grant=grant,
            meter=Meter(protocol=protocol, remote=remote, media_time_ms=grant.media_time_ms),
            codecs=self._codecs,
            folder=folder,
            recorder=recorder,
            admission=self._admission,
            say=self.say,
            on_start=self._starts,
            on_ended=self._ended,
        )
        if before is not None:
            run.go_on_from(before)
        self._runs[grant.stream_id] = run
        log.info("%s: publication %d begins over %s from %s", grant.log_name, grant.publication, protocol, remote)
        return run

    # slates

    def show_slate(self, grant: Granted, tracks: Sequence[Mapping[str, Any]], *, for_s: float) -> None:
        """A slate in place of a publisher of these tracks. What cannot be shown is reported as ended."""
        before = self._slates.get(grant.stream_id)
        try:
            run = self._publish(grant, protocol="slate", remote="")
        except PublishRefused as refusal:
            log.info("%s: no slate: %s", grant.log_name, refusal.message)
            return
        if before is not None:
            self._starts(run)
        picture = grant.slate_picture or self._slate_pictures.get(grant.stream_id, "")
        shown = shown_in_place_of(tracks)
        slate = Slate(run=run, groups=self._groups, shown=shown, picture_key=picture, for_s=for_s, name=grant.stream_id)
        self._slates[grant.stream_id] = run, slate

    def _slate_ahead(self, run: PublicationRun) -> None:
        """Has the slate made while nobody waits for it."""

        def begin() -> None:
            shown = shown_in_place_of(run.described)
            if self._runs.get(run.stream_id) is run and shown.video is not None:
                self._in_background(self._make_group(shown, run.grant.slate_picture), f"slate of {run.stream_id}")

        asyncio.get_running_loop().call_later(AHEAD_S, begin)

    async def _make_group(self, shown: SlateShown, picture_key: str) -> None:
        if shown.video is not None:
            await self._groups.group(shown.video, picture_key)

    def _superseded(self, grant: Granted) -> PublicationRun | None:
        """Another publisher's run that the server's process has given up for this one, ended."""
        before = self._runs.get(grant.stream_id)
        if before is None or not grant.takes_over or before.publication >= grant.publication:
            return None
        before.stop("another publisher has taken over")
        return before

    def _starts(self, run: PublicationRun) -> None:
        """The run's first media is there: the slate in its place ends, and the run goes on where that has got to."""
        slate = self._slates.get(run.stream_id)
        if slate is not None and slate[0] is not run:
            self._end_slate(run.stream_id, "its publisher is back")
            run.go_on_from(slate[0])

    def _end_slate(self, stream_id: str, reason: str) -> None:
        slate = self._slates.pop(stream_id, None)
        if slate is not None:
            slate[0].stop(reason)

    def _place_for(self, grant: Granted) -> RunFolder:
        held = self._runs.get(grant.stream_id)
        if held is not None and not held.grant.is_slate:
            raise PublishRefused("busy", "Somebody is publishing this stream already.")
        if len(self._runs) >= self._max_streams:
            raise PublishRefused("unavailable", "This server has as many live streams as it takes.")
        folder = self._folders.get(grant.stream_id)
        if folder is None:
            try:
                folder = RunFolder(path=self._run_dir / grant.stream_id, max_bytes=self._max_folder_bytes)
            except OSError as error:
                log.error("%s: no run folder: %s", grant.log_name, error)
                raise PublishRefused("unavailable", "This server has no room for live media at the moment.") from None
            self._folders[grant.stream_id] = folder
        return folder

    def get(self, stream_id: str) -> PublicationRun | None:
        return self._runs.get(stream_id)

    def stop(self, stream_id: str, *, publication: int, reason: str) -> None:
        """End a publication; one that is not there (any more) is reported as ended and flushed."""
        run, slate = self._runs.get(stream_id), self._slates.get(stream_id)
        if slate is not None and slate[0].publication <= publication:
            self._end_slate(stream_id, reason)
        if run is not None and run.publication == publication:
            run.stop(reason)
        elif not any(task.get_name() == _flush_name(stream_id, publication) for task in self._flushing):
            self.say(Flushed(stream_id=stream_id, publication=publication))

    def want_renditions(self, stream_id: str, *, viewers: int) -> None:
        """A client asks for a rendition that is made on demand; nothing comes of it while nobody publishes."""
        run = self._runs.get(stream_id)
        if run is not None:
            run.want_renditions(viewers)

    def mute(self, stream_id: str, *, until_ms: int) -> None:
        """As ``PublicationRun.mute``; nothing comes of it while nobody publishes."""
        run = self._runs.get(stream_id)
        if run is not None:
            run.mute(until_ms)

    def announce(self, stream_id: str, mark: Mark) -> None:
        """Tell players of it within the stream's segments; nothing comes of it while nobody publishes."""
        run = self._runs.get(stream_id)
        if run is not None:
            run.announce(mark)

    def forget(self, stream_id: str) -> None:
        """The stream has ended and its recording is elsewhere: its live files go."""
        self._end_slate(stream_id, "the stream has ended")
        self._slate_pictures.pop(stream_id, None)
        if stream_id in self._runs:
            return
        folder = self._folders.pop(stream_id, None)
        if folder is not None:
            folder.remove()
        else:
            shutil.rmtree(self._run_dir / stream_id, ignore_errors=True)

    @property
    def runs(self) -> list[PublicationRun]:
        return list(self._runs.values())

    def _ended(self, run: PublicationRun, reason: str) -> None:
        """Takes an ended run out, and stores what is left of it in the background."""
        slate = self._slates.get(run.stream_id)
        if slate is not None and slate[0] is run:
            del self._slates[run.stream_id]
            slate = None
        if self._runs.get(run.stream_id) is run:
            del self._runs[run.stream_id]
            self._switches.pop(run.stream_id, None)
            if slate is not None:
                self._runs[run.stream_id] = slate[0]
        if not run.is_started:
            self._give_back(run.stream_id)
        self._in_background(run.flush(reason), _flush_name(run.stream_id, run.publication))

    def _in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._flushing.add(task)
        task.add_done_callback(self._flushing.discard)

    def _give_back(self, stream_id: str) -> None:
        """The folder of a stream of which nothing came so far: not on the air, it will not be ended and forgotten."""
        folder = self._folders.get(stream_id)
        if folder is None:
            return
        with contextlib.suppress(OSError):  # there are files of an earlier publication
            folder.path.rmdir()
            del self._folders[stream_id]

    async def close(self, reason: str) -> None:
        """End all runs and wait until what they made is stored."""
        for stream_id in list(self._slates):
            self._end_slate(stream_id, reason)
        for run in list(self._runs.values()):
            run.stop(reason)
        if self._flushing:
            await asyncio.wait(list(self._flushing), timeout=FLUSH_S + 1)
        for folder in self._folders.values():
            folder.close()

    def _recorder(self, grant: Granted, folder: RunFolder) -> Recorder:
        def stored(event: SegmentStored) -> None:
            folder.release(event.name)
            self.say(Packaged(stream_id=grant.stream_id, publication=grant.publication, event=event))

        return Recorder(
            store=self._store,
            stream_id=grant.stream_id,
            epoch=grant.epoch,
            on_stored=stored,
            on_skipped=folder.release,
            counters=self.recorded,
        )


def _role_of(grant: Granted) -> Role:
    return "backup" if grant.is_backup else "main"


def _policy(of_all: Policy, of_stream: Policy) -> Policy:
    """``off`` of either is off; a stream that leaves it open has what all have."""
    if "off" in (of_all, of_stream):
        return "off"
    return of_all if of_stream == "auto" else of_stream


def _flush_name(stream_id: str, publication: int) -> str:
    return f"flush {stream_id} {publication}"
