"""The only door to the media plane: every live stream of this process, from its publisher to its packages and viewers.

A publication's units go through one relay. Its readers are the packager (which needs AAC beside the video), the WebRTC
fan-out (which needs Opus) and the picture taker; where the publisher's audio is the other codec, a bridge gives them a
relay of their own in which the video is the same and the audio is not. VP8, which a packager cannot carry, is
re-encoded once, by a bridge that both of them read from.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from media.control import ControlMessage, Flushed, Granted, Packaged, Pictured, Progress, PublishEnded, PublishStarted
from media.errors import PublishRefused
from media.hls.events import Event, RunStarted, SegmentStored
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.meter import Meter
from media.recorder import Recorder, RecorderCounters, SegmentStore
from media.relay import End, Reader, Relay
from media.transcode.tracks import VideoGoal, is_to_convert
from media.unit import Codec, Kind, Track, Unit
from media.webrtc.fanout import has_b_frames, unsuitable

BRIDGE_END_S = 0.3
TRACKS_S = 3.0
PROGRESS_S = 1.0
PICTURE_S = 4.0
FLUSH_S = 4.0
FOLDER_BYTES = 256 * 1024 * 1024
TARGETS_MS = {"realtime": (2_000, 250), "low": (2_000, 334), "normal": (4_000, 1_000)}

log = logging.getLogger("media.plane")


class Bridge(Protocol):
    """A relay beside another one, with the audio in another codec. ``close`` ends it, idempotently."""

    relay: Relay

    def close(self) -> None: ...


class Codecs(Protocol):
    """What is made by decoding, in processes of its own."""

    def bridge(self, source: Relay, *, audio: Codec | None, name: str, video: VideoGoal | None = None) -> Bridge:
        """Begins at once; the relay ends by itself, a moment after its source. ``audio`` None leaves the sound as it
        is, ``video`` re-encodes the pictures.
        """

    async def picture(self, track: Track, unit: Unit) -> bytes | None:
        """A key frame as WebP; None when it cannot be shown or too much else waits."""


class PublicationRun:
    """One publication of one stream: the ``Publication`` that the ingest writes to."""

    def __init__(
        self, *, grant: Granted, plane: Plane, protocol: str, remote: str, folder: RunFolder, recorder: Recorder | None
    ) -> None:
        self.grant = grant
        self.media_time_ms = grant.media_time_ms
        self.relay = Relay()
        self._plane = plane
        self._folder = folder
        self._recorder = recorder
        self._meter = Meter(protocol=protocol, remote=remote, media_time_ms=grant.media_time_ms)
        self._stop: Callable[[str], None] | None = None
        self._want_keyframe: Callable[[], None] | None = None
        self._bridges: dict[Codec, tuple[Relay, Bridge]] = {}
        self._converted_kinds: frozenset[Kind] = frozenset()
        self._pictures: Bridge | None = None
        self._for_viewers: Bridge | None = None
        self._packager: Packager | None = None
        self._is_started = False
        self._is_closed = False
        self._pictured_at = 0.0
        self._picture: asyncio.Task[None] | None = None
        self._progress = asyncio.get_running_loop().call_later(PROGRESS_S, self._tick)

    # Publication

    def configure(self, tracks: Sequence[Track]) -> None:
        self._meter.configure(tracks)
        self._pack(tracks)
        if not self._is_started:
            self._is_started = True
            described = tuple(describe(track) for track in tracks)
            self._say(PublishStarted(stream_id=self.stream_id, publication=self.publication, tracks=described))

    def _pack(self, tracks: Sequence[Track]) -> None:
        """Hand the tracks on. What turns up later, or changes, may need a bridge before it is packaged."""
        packager, kinds = self._packager, _kinds_to_convert(tracks)
        if packager is None:
            self._converted_kinds = kinds
            self.relay.configure(tracks)
            self._packager = self._package()
        elif kinds <= self._converted_kinds and not (kinds and packager.reads(self.relay)):
            self.relay.configure(tracks)
        else:
            self._converted_kinds = kinds
            packager.pause()
            self.relay.configure(tracks)
            packager.move(self.relay_with(Codec.AAC))

    def write(self, unit: Unit) -> None:
        self._meter.count(unit)
        self.relay.write(unit)
        if unit.is_key and unit.kind == "video" and unit.at - self._pictured_at >= PICTURE_S:
            self._take_picture(unit)

    def warn(self, name: str) -> None:
        self._meter.warn(name)

    def close(self, reason: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        log.info("%s: publication %d ended: %s", _name(self.grant), self.publication, reason)
        self._progress.cancel()
        self.relay.close(reason)
        if self._packager is not None:
            self._packager.finish(reason)
        self._plane.ended(self, reason)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self._stop = stop

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        self._want_keyframe = want

    # The plane

    @property
    def is_started(self) -> bool:
        """Whether its tracks have been announced."""
        return self._is_started

    @property
    def stream_id(self) -> str:
        return self.grant.stream_id

    @property
    def label(self) -> str:
        """What the log calls the stream."""
        return _name(self.grant)

    @property
    def publication(self) -> int:
        return self.grant.publication

    def stop(self, reason: str) -> None:
        """End the publisher's connection; the run ends with it, or without it."""
        if self._stop is not None:
            self._stop(reason)
        self.close(reason)

    def want_keyframe(self) -> None:
        """Ask the publisher for a key frame, if its protocol can."""
        if self._want_keyframe is not None:
            self._want_keyframe()

    async def relay_for_viewers(self) -> Relay:
        """The relay for WebRTC: Opus beside the publisher's pictures, which are re-encoded only when browsers cannot
        show them and the owner has asked for the lowest latency. Waits for its tracks, at most ``TRACKS_S``.
        """
        relay = self.relay_with(Codec.OPUS)
        if relay is not self.relay:
            await _with_tracks(relay)
        is_fit = unsuitable(relay.tracks) is None and not has_b_frames(relay)
        if is_fit or self.grant.latency != "realtime":
            return relay
        if self._for_viewers is None or self._for_viewers.relay.ended is not None:
            name = f"{self.stream_id} for viewers"
            self._for_viewers = self._plane.codecs.bridge(self.relay, audio=Codec.OPUS, name=name, video=VideoGoal())
        return await _with_tracks(self._for_viewers.relay)

    @property
    def viewers_relay(self) -> Relay | None:
        """The re-encoded relay, while there is one."""
        return self._for_viewers.relay if self._for_viewers is not None else None

    def stop_encoding_for_viewers(self) -> None:
        """Nobody watches the re-encoded pictures any more. The next viewer starts them again."""
        if self._for_viewers is not None:
            self._for_viewers.close()
            self._for_viewers = None

    def relay_with(self, audio: Codec) -> Relay:
        """The relay with pictures for everyone and audio in this codec: the publisher's own, or a bridge's that is made
        once.
        """
        source = self._relay_with_pictures()
        if not any(is_to_convert(track, audio) for track in self.relay.tracks):
            return source
        read, bridge = self._bridges.get(audio, (None, None))
        if bridge is None or read is not source or bridge.relay.ended is not None:
            if bridge is not None:
                bridge.close()
            bridge = self._plane.codecs.bridge(source, audio=audio, name=f"{self.stream_id} {audio}")
            self._bridges[audio] = (source, bridge)
        return bridge.relay

    def _relay_with_pictures(self) -> Relay:
        """The publisher's relay; while its pictures are VP8, the one beside it in which they are H.264. Where those
        cannot be made (any more), the publisher's own again.
        """
        if not any(track.codec is Codec.VP8 for track in self.relay.tracks):
            return self.relay
        if self._pictures is None:
            name = f"{self.stream_id} pictures"
            self._pictures = self._plane.codecs.bridge(self.relay, audio=None, name=name, video=VideoGoal())
        made = self._pictures.relay
        return made if made.ended is None or self.relay.ended is not None else self.relay

    async def flush(self, reason: str) -> None:
        """Say that the run is over once all of it is packaged, then wait until the recording is stored, and say so.

        At most ``BRIDGE_END_S`` and ``FLUSH_S``.
        """
        if self._picture is not None:
            self._picture.cancel()
        if self._packager is not None:
            await self._packager.finished
        self._report()
        self._say(PublishEnded(stream_id=self.stream_id, publication=self.publication, reason=reason))
        self.stop_encoding_for_viewers()
        for _, bridge in self._bridges.values():
            bridge.close()
        if self._pictures is not None:
            self._pictures.close()
        if self._recorder is not None:
            lost = await self._recorder.close(deadline_s=FLUSH_S)
            if lost:
                log.error("%s: %d segments of the recording could not be stored", _name(self.grant), lost)
        self._say(Flushed(stream_id=self.stream_id, publication=self.publication))

    def _package(self) -> Packager:
        target_ms, part_ms = TARGETS_MS[self.grant.latency]
        muxer = Muxer(
            folder=self._folder,
            publication=self.publication,
            first_segment=self.grant.first_segment,
            target_ms=target_ms,
            part_ms=part_ms,
            target_s=self.grant.target_s,
            pins=self._recorder is not None,
        )
        return Packager(muxer=muxer, relay=self.relay_with(Codec.AAC), source=self.relay, say=self._packaged)

    def _packaged(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._meter.leave_out(event.left_out)
        self._say(Packaged(stream_id=self.stream_id, publication=self.publication, event=event))
        if self._recorder is not None:
            self._recorder.note(event)

    def _say(self, said: ControlMessage) -> None:
        self._plane.say(said)

    def _tick(self) -> None:
        self._report()
        self._progress = asyncio.get_running_loop().call_later(PROGRESS_S, self._tick)

    def _report(self) -> None:
        if not self._is_started or self._packager is None:
            return
        dropped = self._packager.dropped_units
        self._say(
            Progress(
                stream_id=self.stream_id,
                publication=self.publication,
                media_time_ms=self._meter.media_time_ms,
                next_segment=self._packager.next_segment,
                at=self._meter.at,
                health=self._meter.health(dropped_units=dropped),
            )
        )

    def _take_picture(self, unit: Unit) -> None:
        track = next((track for track in self.relay.tracks if track.kind == "video"), None)
        if track is None or (self._picture is not None and not self._picture.done()):
            return
        self._pictured_at = unit.at
        self._picture = asyncio.get_running_loop().create_task(
            self._store_picture(track, unit), name=f"picture {self.stream_id}"
        )

    async def _store_picture(self, track: Track, unit: Unit) -> None:
        picture = await self._plane.codecs.picture(track, unit)
        if picture is None:
            return
        path = self._folder.path / "thumbnail.webp"
        partial = path.with_suffix(".partial")
        try:
            partial.write_bytes(picture)
            partial.rename(path)
        except OSError as error:
            log.warning("%s: its picture was not kept: %s", _name(self.grant), error)
            return
        self._say(Pictured(stream_id=self.stream_id, path=str(path), at=unit.at))


class Packager:
    """Feeds a muxer from a relay, as soon as there is something, on the loop."""

    def __init__(self, *, muxer: Muxer, relay: Relay, source: Relay, say: Callable[[Event], None]) -> None:
        self._muxer = muxer
        self._relay = relay
        self._source = source
        self._say = say
        self._is_due = False
        self._is_broken = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader: Reader = relay.subscribe(self._wake)
        self._pump()

    @property
    def dropped_units(self) -> int:
        return self._reader.dropped_units

    @property
    def next_segment(self) -> int:
        return self._muxer.next_segment

    def finish(self, reason: str) -> None:
        """The source has ended. What a bridge still converts is waited for, but not for ever; ``finished`` says when
        all of it is packaged. Idempotent.
        """
        self._pump()
        if self._relay is self._source:
            self._finish(reason)
        else:
            asyncio.get_running_loop().call_later(BRIDGE_END_S, self._finish, reason)

    def _finish(self, reason: str) -> None:
        if self.finished.done():
            return
        self._relay.unsubscribe(self._reader)
        try:
            self._put(self._muxer.close(reason))
        except OSError as error:
            log.error("the last of it was not packaged: %s", error)
        self.finished.set_result(None)

    def reads(self, relay: Relay) -> bool:
        return self._relay is relay

    def pause(self) -> None:
        """Package what has arrived and read no more, until ``move``."""
        self._pump()
        self._relay.unsubscribe(self._reader)

    def move(self, relay: Relay) -> None:
        """Go on from another relay, with what comes from now on: what this one has seen is not seen again."""
        self._pump()
        self._relay.unsubscribe(self._reader)
        self._relay = relay
        self._reader = relay.subscribe(self._wake, from_key=False)

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_due = False
        if self._is_broken:
            self._reader.take()
            return
        items = self._reader.take()
        if items and isinstance(items[-1], End) and self._relay is not self._source and self._source.ended is None:
            # The codec gave up, not the publisher: better what of the publisher's own can be packaged than nothing.
            items.pop()
            self.move(self._source)
        try:
            self._put(self._muxer.feed(items))
        except OSError as error:
            # The run folder is full or gone: this stream has no HLS any more, everything else of it goes on.
            self._is_broken = True
            log.error("packaging stopped: %s", error)
        if items and isinstance(items[-1], End):
            self._finish(items[-1].reason)

    def _put(self, events: Sequence[Event]) -> None:
        for event in events:
            self._say(event)


class Plane:
    """All runs of this process. Belongs to one event loop."""

    def __init__(
        self,
        *,
        run_dir: Path,
        store: SegmentStore,
        codecs: Codecs,
        say: Callable[[ControlMessage], None],
        max_streams: int,
        max_run_bytes: int,
    ) -> None:
        self.codecs = codecs
        self.say = say
        self.recorded = RecorderCounters()
        self._run_dir = run_dir
        self._store = store
        self._max_streams = max_streams
        self._max_folder_bytes = min(FOLDER_BYTES, max_run_bytes)
        self._runs: dict[str, PublicationRun] = {}
        self._folders: dict[str, RunFolder] = {}
        self._flushing: set[asyncio.Task[None]] = set()

    @property
    def streams(self) -> int:
        return len(self._runs)

    def publish(self, grant: Granted, *, protocol: str, remote: str) -> PublicationRun:
        """Begin a publication. Raises ``PublishRefused``: ``busy`` or ``unavailable``; whoever gave the grant is told
        that nothing came of it."""
        try:
            folder = self._place_for(grant)
        except PublishRefused as refusal:
            ended = PublishEnded(stream_id=grant.stream_id, publication=grant.publication, reason=refusal.message)
            self.say(ended)
            raise
        recorder = self._recorder(grant, folder) if grant.is_recorded else None
        run = PublicationRun(
            grant=grant, plane=self, protocol=protocol, remote=remote, folder=folder, recorder=recorder
        )
        self._runs[grant.stream_id] = run
        log.info("%s: publication %d begins over %s from %s", _name(grant), grant.publication, protocol, remote)
        return run

    def _place_for(self, grant: Granted) -> RunFolder:
        if grant.stream_id in self._runs:
            raise PublishRefused("busy", "Somebody is publishing this stream already.")
        if len(self._runs) >= self._max_streams:
            raise PublishRefused("unavailable", "This server has as many live streams as it takes.")
        folder = self._folders.get(grant.stream_id)
        if folder is None:
            try:
                folder = RunFolder(path=self._run_dir / grant.stream_id, max_bytes=self._max_folder_bytes)
            except OSError as error:
                log.error("%s: no run folder: %s", _name(grant), error)
                raise PublishRefused("unavailable", "This server has no room for live media at the moment.") from None
            self._folders[grant.stream_id] = folder
        return folder

    def get(self, stream_id: str) -> PublicationRun | None:
        return self._runs.get(stream_id)

    def stop(self, stream_id: str, *, publication: int, reason: str) -> None:
        """End a publication; one that is not there (any more) is reported as ended and flushed."""
        run = self._runs.get(stream_id)
        if run is not None and run.publication == publication:
            run.stop(reason)
        elif not any(task.get_name() == _flush_name(stream_id, publication) for task in self._flushing):
            self.say(Flushed(stream_id=stream_id, publication=publication))

    def forget(self, stream_id: str) -> None:
        """The stream has ended and its recording is elsewhere: its live files go."""
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

    def ended(self, run: PublicationRun, reason: str) -> None:
        """A run says that it is over; what is left of it is stored in the background."""
        if self._runs.get(run.stream_id) is run:
            del self._runs[run.stream_id]
        if not run.is_started:
            self._give_back(run.stream_id)
        task = asyncio.get_running_loop().create_task(
            run.flush(reason), name=_flush_name(run.stream_id, run.publication)
        )
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


def _name(grant: Granted) -> str:
    return f"stream {grant.stream_id} {grant.label}".rstrip()


def _flush_name(stream_id: str, publication: int) -> str:
    return f"flush {stream_id} {publication}"


def _kinds_to_convert(tracks: Sequence[Track]) -> frozenset[Kind]:
    """Which of them the packager needs a bridge for."""
    return frozenset(track.kind for track in tracks if track.codec is Codec.VP8 or is_to_convert(track, Codec.AAC))


async def _with_tracks(relay: Relay) -> Relay:
    """The relay once it has its tracks, or has ended, or ``TRACKS_S`` have passed."""
    announced = asyncio.Event()
    reader = relay.subscribe(announced.set)
    try:
        async with asyncio.timeout(TRACKS_S):
            while not relay.tracks and relay.ended is None:
                reader.take()
                announced.clear()
                await announced.wait()
    except TimeoutError:
        log.warning("no picture was re-encoded for viewers within %.0f s", TRACKS_S)
    finally:
        relay.unsubscribe(reader)
    return relay


def describe(track: Track) -> dict[str, object]:
    """A track for people and rows: everything but its configuration record."""
    described: dict[str, object] = msgspec.to_builtins(track)
    described.pop("config", None)
    return described
