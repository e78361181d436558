"""One publication of one stream, from what its publisher writes to the packager, the recording and the viewers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from media.control import ControlMessage, Flushed, Granted, Packaged, Pictured, Progress, PublishEnded, PublishStarted
from media.hls.codecs import BadConfig, codec_string
from media.hls.events import Event, RunStarted
from media.hls.folder import RunFolder
from media.hls.lane import Cut
from media.hls.marks import Mark
from media.hls.muxer import Muxer
from media.loudness import Listener, MeasuresSound
from media.meter import Meter
from media.mute import Mute
from media.packager import Packager
from media.recorder import Recorder
from media.run_ladder import Ladders, RunLadder
from media.run_relays import Bridges, RunRelays
from media.run_renditions import Shown
from media.run_sent import SentRenditions
from media.thumbnail import Pictures, Thumbnail
from media.transcode.admission import LadderAdmission
from media.transcode.tracks import is_to_convert
from media.unit import Codec, Kind, Track, Unit
from media.webrtc.quality import Layer

PROGRESS_S = 1.0
FLUSH_S = 4.0
LAST_SHOWN_MS = 90
PICTURES_AGAIN_S = 10.0
MAX_PICTURES_AGAIN_S = 300.0
TARGETS_MS = {"realtime": (2_000, 250), "low": (2_000, 334), "normal": (4_000, 1_000)}


#: The RFC 6381 string of the AAC that sound in other codecs becomes.
AAC_CODEC = "mp4a.40.2"

log = logging.getLogger(__name__)


class Codecs(Bridges, Ladders, Pictures, MeasuresSound, Protocol):
    """What a run has decoded and encoded for it."""


class PublicationRun:
    """One publication of one stream: the ``Publication`` that the ingest writes to."""

    def __init__(
        self,
        *,
        grant: Granted,
        meter: Meter,
        codecs: Codecs,
        folder: RunFolder,
        recorder: Recorder | None,
        admission: LadderAdmission,
        say: Callable[[ControlMessage], None],
        on_start: Callable[[PublicationRun], None],
        on_ended: Callable[[PublicationRun, str], None],
    ) -> None:
        """``say`` sends a message to the server's process. ``on_start`` is called before anything is made of the first
        tracks, and may ``go_on_from``; ``on_ended`` is called once, with the reason."""
        self.grant = grant
        self.media_time_ms = grant.media_time_ms
        is_realtime = grant.latency == "realtime"
        self.relays = RunRelays(bridges=codecs, name=grant.stream_id, is_realtime=is_realtime)
        self.relay = self.relays.source
        self._folder = folder
        self._recorder = recorder
        self._meter = meter
        self._say = say
        self._on_start = on_start
        self._on_ended = on_ended
        self._thumbnail = Thumbnail(
            pictures=codecs, path=folder.path / "thumbnail.webp", name=grant.log_name, on_taken=self._pictured
        )
        self._listener = Listener(codecs=codecs, name=grant.stream_id, on_heard=meter.hear)
        self._shown = Shown()
        self._mute = Mute(until_ms=grant.muted_until_ms)
        self._muxer: Muxer | None = None
        self._ladder = RunLadder(
            ladders=codecs,
            admission=admission,
            source=self.relay,
            folder=folder,
            publication=grant.publication,
            part_ms=TARGETS_MS[grant.latency][1],
            policy=grant.transcode,
            name=grant.stream_id,
            say=self._say_packaged,
            clock=lambda: self._muxer.clock_at if self._muxer is not None else None,
        )
        self._sent = SentRenditions(
            folder=folder,
            publication=grant.publication,
            part_ms=TARGETS_MS[grant.latency][1],
            say=self._say_packaged,
            clock=lambda: self._muxer.clock_at if self._muxer is not None else None,
            on_change=self._ladder.note_sent,
        )
        self._stop: Callable[[str], None] | None = None
        self._want_keyframe: Callable[[], None] | None = None
        self._converted_kinds: frozenset[Kind] = frozenset()
        self._packager: Packager | None = None
        self._pictures_pause_s = PICTURES_AGAIN_S
        self._pictures_due = 0.0
        self._is_started = False
        self._is_closed = False
        self._sources: tuple[str, ...] = ()
        self._progress = asyncio.get_running_loop().call_later(PROGRESS_S, self._tick)

    # Publication

    def configure(self, tracks: Sequence[Track]) -> None:
        if not self._is_started:
            self._on_start(self)
        self._meter.configure(tracks)
        self._pack(tracks)
        self._ladder.configure(tracks)
        if not self._is_started:
            self._is_started = True
            self._begin(tracks)

    def _begin(self, tracks: Sequence[Track]) -> None:
        if not self.grant.is_slate:
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
            packager.move(self.relays.with_audio(Codec.AAC))

    def write(self, unit: Unit) -> None:
        self._meter.count(unit)
        heard = self._mute.heard(unit, self.relay.tracks) if unit.kind == "audio" and self._mute.until_ms else unit
        if heard is not None:
            self.relay.write(heard)
        if unit.is_key and unit.kind == "video" and not self.grant.is_slate:
            self._thumbnail.see(unit, self.relay.tracks)
        elif unit.kind == "audio" and not self.grant.is_slate:
            self._listener.hear(unit, self.relay.tracks)

    def configure_rendition(self, track_id: int, track: Track) -> None:
        self._sent.configure(track_id, track)

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        self._sent.write(track_id, unit)

    def warn(self, name: str) -> None:
        self._meter.warn(name)

    def note_sources(self, sources: Sequence[dict[str, object]], trouble: str) -> None:
        """Who publishes, see ``media.switch``: a source that comes or goes is reported at once."""
        before, self._sources = self._sources, tuple(str(source["role"]) for source in sources)
        self._meter.sources, self._meter.source_trouble = sources, trouble
        if before and before != self._sources:
            self._report()

    def close(self, reason: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        log.info("%s: publication %d ended: %s", self.grant.log_name, self.publication, reason)
        self._progress.cancel()
        self._ladder.close(reason)
        self._sent.close(reason)
        self.relay.close(reason)
        if self._packager is not None:
            self._packager.finish(reason)
        self._on_ended(self, reason)

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
    def described(self) -> list[dict[str, object]]:
        """Its tracks, for people and rows; none before they are announced."""
        return [describe(track) for track in self.relay.tracks]

    @property
    def stream_id(self) -> str:
        return self.grant.stream_id

    @property
    def publication(self) -> int:
        return self.grant.publication

    def go_on_from(self, before: PublicationRun) -> None:
        """Its segments and its clock follow those of a run that has ended a moment ago and was shown meanwhile."""
        first = max(self.grant.first_segment, before.next_segment + (not before.is_packaged))
        media_time_ms = max(self.media_time_ms, before.end_ms)
        self.grant = msgspec.structs.replace(self.grant, first_segment=first, media_time_ms=media_time_ms)
        self.media_time_ms = self._meter.media_time_ms = media_time_ms

    @property
    def next_segment(self) -> int:
        """The first number that it has not given to a segment."""
        return self._packager.next_segment if self._packager is not None else self.grant.first_segment

    @property
    def is_packaged(self) -> bool:
        """Whether all that it was given is packaged, and nothing follows."""
        return self._packager is None or self._packager.finished.done()

    @property
    def end_ms(self) -> int:
        """The media time at which the last that was written is over, if it is shown for as long as a slow picture."""
        return self._meter.media_time_ms + LAST_SHOWN_MS

    def stop(self, reason: str) -> None:
        """End the publisher's connection; the run ends with it, or without it."""
        if self._stop is not None:
            self._stop(reason)
        self.close(reason)

    def layers(self) -> Sequence[Layer]:
        """The renditions that the publisher sends, and those that are made, for viewers over WebRTC: the best first."""
        found = [*self._sent.layers, *self._ladder.layers]
        return sorted(found, key=lambda layer: -layer.width * layer.height)

    @property
    def patience_s(self) -> float:
        return self.relay.patience_s

    def want_keyframe(self) -> None:
        """Ask the publisher for a key frame, if its protocol can."""
        if self._want_keyframe is not None:
            self._want_keyframe()

    async def flush(self, reason: str) -> None:
        """Send ``PublishEnded`` once all of the run is packaged, and ``Flushed`` once the recording is stored.

        At most ``packager.BRIDGE_END_S`` and ``FLUSH_S``.
        """
        self._thumbnail.cancel()
        self._listener.cancel()
        if self._packager is not None:
            await self._packager.finished
        self._report()
        self._say(PublishEnded(stream_id=self.stream_id, publication=self.publication, reason=reason))
        self.relays.close()
        if self._recorder is not None:
            lost = await self._recorder.close(deadline_s=FLUSH_S)
            if lost:
                log.error("%s: %d segments of the recording could not be stored", self.grant.log_name, lost)
        self._say(Flushed(stream_id=self.stream_id, publication=self.publication))

    def _package(self) -> Packager:
        target_ms, part_ms = TARGETS_MS[self.grant.latency]
        self._muxer = muxer = Muxer(
            folder=self._folder,
            publication=self.publication,
            first_segment=self.grant.first_segment,
            target_ms=target_ms,
            part_ms=part_ms,
            target_s=self.grant.target_s,
            stands_in=self.grant.is_slate,
            pins=self._recorder is not None,
            on_cut=self._cut,
            on_pictures=self._sent.advance,
        )
        return Packager(
            muxer=muxer,
            relay=self.relays.with_audio(Codec.AAC),
            source=self.relay,
            say=self._packaged,
            is_patient=self.grant.latency != "realtime",
        )

    def _cut(self, cut: Cut) -> None:
        self._ladder.cut(cut)
        self._sent.cut(cut)

    def _packaged(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._meter.leave_out(event.left_out)
        self._shown.note(event)
        self._say_packaged(event)
        if self._recorder is not None:
            self._recorder.note(event)

    def _say_packaged(self, event: Event) -> None:
        self._say(Packaged(stream_id=self.stream_id, publication=self.publication, event=event))

    def want_renditions(self, viewers: int) -> None:
        """A client asks for one that is made on demand; ``viewers``: how many the stream has."""
        self._ladder.want(viewers)

    def mute(self, until_ms: int) -> None:
        """Its sound is silent before this moment of the media clock; 0: from now on it is as it was sent."""
        self._mute.until_ms = until_ms

    def announce(self, mark: Mark) -> None:
        """Tell players of it within the segments of all renditions."""
        if self._muxer is not None:
            self._muxer.announce(mark)
        self._ladder.announce(mark)
        self._sent.announce(mark)

    def _pictured(self, path: Path, at: float) -> None:
        self._say(Pictured(stream_id=self.stream_id, path=str(path), at=at))

    def retry_pictures(self, now: float) -> None:
        """Have pictures re-encoded again that had to be left out, once there is room. ``now`` is monotonic; the pause
        between two tries doubles, since an encoder that fails for this stream is likely to fail again.
        """
        packager = self._packager
        if packager is None or not packager.reads(self.relay) or now < self._pictures_due:
            return
        if not self.relays.forget_lost_pictures():
            return
        self._pictures_due = now + self._pictures_pause_s
        self._pictures_pause_s = min(2 * self._pictures_pause_s, MAX_PICTURES_AGAIN_S)
        log.info("%s: its pictures are re-encoded again", self.grant.log_name)
        packager.pause()
        packager.move(self.relays.with_audio(Codec.AAC))
        self.want_keyframe()

    def _tick(self) -> None:
        self._sent.tick()
        self._ladder.tick()
        self._report()
        self.retry_pictures(asyncio.get_running_loop().time())
        self._progress = asyncio.get_running_loop().call_later(PROGRESS_S, self._tick)

    def _report(self) -> None:
        if not self._is_started or self._packager is None:
            return
        dropped = self._packager.dropped_units
        self._meter.ladder_trouble = self._ladder.why
        self._meter.track_trouble = self._sent.why
        self._say(
            Progress(
                stream_id=self.stream_id,
                publication=self.publication,
                media_time_ms=self._meter.media_time_ms,
                next_segment=self._packager.next_segment,
                at=self._meter.at,
                health=self._meter.health(dropped_units=dropped),
                renditions=self._shown.renditions(self._ladder.planned, bit_rates=self._meter.bit_rates),
                is_slate=self.grant.is_slate,
                sources=self._sources,
            )
        )


def _kinds_to_convert(tracks: Sequence[Track]) -> frozenset[Kind]:
    """Which of them the packager needs a bridge for."""
    return frozenset(track.kind for track in tracks if track.codec is Codec.VP8 or is_to_convert(track, Codec.AAC))


def describe(track: Track) -> dict[str, object]:
    """A track for people and rows: everything but its configuration record, and the RFC 6381 string of what HLS has."""
    described: dict[str, object] = msgspec.to_builtins(track)
    described.pop("config", None)
    try:
        described["codecs"] = AAC_CODEC if is_to_convert(track, Codec.AAC) else codec_string(track)
    except BadConfig:
        described["codecs"] = ""
    return described
