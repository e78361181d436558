"""Writes what a relay's reader took as CMAF segments and says what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from media.hls.captions import channels_in
from media.hls.codecs import BadConfig, audio_shape, codec_string, is_common_aac, picture_size
from media.hls.events import SOURCE, Event, InitReady, PartReady, RunEnded, RunStarted, SegmentReady, SegmentRemoved
from media.hls.filler import Filler
from media.hls.fmp4 import SEGMENT_TYPE, UnsupportedCodec, chunk, init_segment
from media.hls.folder import RunFolder
from media.hls.follower import Follower
from media.hls.lane import Closed, Cut, Fragment
from media.hls.marks import Mark
from media.hls.segmenter import FIRST_SEGMENT, Output, Segmenter, Started
from media.hls.start import Start
from media.hls.timed_events import TimedEvents
from media.relay import End, Item, Tracks
from media.unit import Codec, Kind, Track, Unit


class _File(msgspec.Struct):
    """A rendition's initialisation, and how many chunks have been written. ``key_bytes``: of the open segment."""

    rendition: str
    track: Track
    init_data: bytes
    init: str = ""
    count: int = 0
    key_bytes: int = 0
    about: InitReady | None = None


class Muxer:
    """One publication of one stream into one rendition a track.

    Each publication number is used for one muxer of a name only, since it stands in the names of files.
    ``renditions`` names the rendition of each kind; a kind without a name is left out. ``pins`` keeps segments in the
    folder until ``folder.release`` is called for their names. ``target_s`` is the target duration that the stream's
    playlists have already, 0 if none. ``on_cut`` is called where a segment begins; ``on_pictures`` with the decode time
    up to which pictures have been given out, in ticks: no cut before it follows. With a ``follower`` segments begin
    where ``cut`` says, which takes another muxer's cuts, and ``clock`` gives that one's ``clock_at``. ``stands_in`` is
    that of ``RunStarted``. ``feed``, ``cut`` and ``pause`` are synchronous and raise ``OSError`` when the folder cannot
    take more.
    """

    def __init__(
        self,
        *,
        folder: RunFolder,
        publication: int,
        first_segment: int = FIRST_SEGMENT,
        name: str = SOURCE,
        renditions: Mapping[Kind, str] | None = None,
        target_ms: int = 2_000,
        part_ms: int = 334,
        target_s: int = 0,
        pins: bool = False,
        stands_in: bool = False,
        on_cut: Callable[[Cut], None] = lambda cut: None,
        on_pictures: Callable[[int], None] = lambda ticks: None,
        follower: Follower | None = None,
        clock: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._publication = publication
        self._name = name
        self._renditions = renditions or {"video": "video", "audio": "audio"}
        self._start = Start()
        self._filler = Filler(hold_ms=part_ms)
        self._follower = follower
        self._segmenter: Segmenter | Follower = follower or Segmenter(
            target_ms=target_ms, part_ms=part_ms, target_s=target_s, first_segment=first_segment, on_cut=on_cut
        )
        self._clock = clock
        self._on_pictures = on_pictures
        self._pins = pins
        self._stands_in = stands_in
        self._files: dict[Kind, _File] = {}
        self._inits: dict[str, int] = {}
        self._timescales: dict[Kind, int] = {}
        self._left_out: tuple[str, ...] = ()
        self._timed_events = TimedEvents()
        self.clock_at: float | None = None
        """When media time 0 was, in seconds since the epoch; None before the first unit."""
        self._now = 0.0
        self._longest_s = 0.0
        self._is_over = False

    @property
    def next_segment(self) -> int:
        """The number that another publication of this stream goes on from."""
        return self._segmenter.next_segment

    @property
    def slack_s(self) -> float:
        """For how long at least no part can be complete; 0 before the first, and for what follows another muxer."""
        return self._segmenter.slack_s if isinstance(self._segmenter, Segmenter) else 0.0

    def feed(self, items: Iterable[Item]) -> list[Event]:
        """Take items as a reader gives them; what came of it, in order. After an ``End`` nothing more does."""
        events: list[Event] = []
        for item in items:
            if self._is_over:
                break
            if isinstance(item, Unit):
                self._note_time(item)
            for output in self._segmented(self._packaged(item) if isinstance(item, Tracks) else item):
                self._put(output, events)
            if isinstance(item, End):
                events.append(self._end(item.reason))
        return events

    def _segmented(self, item: Item) -> Iterator[Output]:
        """What becomes of an item once each track has begun and what pauses is filled."""
        for begun in self._start.feed(item):
            for filled in self._filler.feed(begun):
                if isinstance(filled, Tracks):
                    self._announce(filled)
                yield from self._segmenter.feed(filled)

    def resume(self, cuts: Sequence[Cut]) -> list[Event]:
        """Begin, or go on after ``pause``, with the segment of one of ``cuts`` or a later one: of a follower. Says that
        its rendition is not silent."""
        assert self._follower is not None
        self._follower.resume(cuts)
        name = self._renditions["video"]
        return [RunStarted(muxer=self._name, publication=self._publication, leader=name, renditions=(name,))]

    def cut(self, cut: Cut) -> list[Event]:
        """The muxer that this one follows begins a segment."""
        assert self._follower is not None
        return self._put_all(self._follower.schedule(cut))

    def pause(self, reason: str) -> list[Event]:
        """Close what is open, and say that nothing follows until ``resume``: of a follower."""
        assert self._follower is not None
        return [*self._put_all(self._follower.finish()), self._ended(reason)]

    def _put_all(self, outputs: Iterable[Output]) -> list[Event]:
        events: list[Event] = []
        for output in outputs:
            self._put(output, events)
        return events

    def close(self, reason: str) -> list[Event]:
        """End as an ``End`` from the relay would. Idempotent."""
        return self.feed([End(reason)])

    def _end(self, reason: str) -> RunEnded:
        self._is_over = True
        return self._ended(reason)

    def _ended(self, reason: str) -> RunEnded:
        return RunEnded(muxer=self._name, publication=self._publication, next_segment=self.next_segment, reason=reason)

    def _note_time(self, unit: Unit) -> None:
        self._now = max(self._now, unit.at)
        timescale = self._timescales.get(unit.kind)
        if self.clock_at is None and timescale:
            self.clock_at = self._clock() or unit.at - unit.pts / timescale

    def _packaged(self, item: Tracks) -> Tracks:
        """The tracks that this muxer can write; the others are named in the event and left out."""
        good: list[Track] = []
        left_out: list[str] = []
        for track in item.tracks:
            if track.kind not in self._renditions:
                continue
            if _is_playable(track):
                good.append(track)
            else:
                left_out.append(str(track.codec))
        self._timescales = {track.kind: track.timescale for track in good}
        self._left_out = tuple(left_out)
        return Tracks(tuple(good))

    def _announce(self, item: Tracks) -> None:
        kinds = {track.kind for track in item.tracks}
        names = tuple(self._renditions[kind] for kind in ("video", "audio") if kind in kinds)
        self._run = RunStarted(
            muxer=self._name,
            publication=self._publication,
            leader=names[0] if names else "",
            renditions=names,
            left_out=self._left_out,
            stands_in=self._stands_in,
        )

    def _put(self, output: Output, events: list[Event]) -> None:
        if isinstance(output, Started):
            self._open(output, events)
        elif isinstance(output, Fragment):
            self._write(output, events)
        else:
            self._close_segment(output, events)

    def _open(self, started: Started, events: list[Event]) -> None:
        if self._follower is None:
            events.append(self._run)
        for track in started.tracks:
            data, held = init_segment(track), self._files.get(track.kind)
            if held is None or held.init_data != data:
                self._files[track.kind] = _File(self._renditions[track.kind], track, data)

    def _write(self, fragment: Fragment, events: list[Event]) -> None:
        file = self._files[fragment.kind]
        if file.about is None:
            events.append(self._write_init(file, fragment))
        elif found := _new_captions(file, fragment):
            file.about = msgspec.structs.replace(file.about, captions=found)
            events.append(file.about)
        file.count += 1
        data = self._events_before(fragment) + chunk(file.count, fragment.samples)
        name = self._segment_name(file, fragment.segment)
        if not fragment.part:
            file.key_bytes = _key_bytes(fragment, len(data))
        offset = self._folder.append(name, data if fragment.part else SEGMENT_TYPE + data)
        pts = min(sample.pts for sample in fragment.samples)
        events.append(
            PartReady(
                rendition=file.rendition,
                publication=self._publication,
                segment=fragment.segment,
                part=fragment.part,
                name=f"{name.removesuffix('.m4s')}.{fragment.part}.m4s",
                path=str(self._folder.path / name),
                offset=offset,
                size=len(data) if fragment.part else len(SEGMENT_TYPE) + len(data),
                init=file.init,
                media_time=pts,
                duration=fragment.duration,
                timescale=file.track.timescale,
                is_independent=fragment.is_independent,
                is_discontinuity=fragment.is_discontinuity,
                program_date_time=self._date(pts, file.track.timescale),
            )
        )
        if fragment.kind == "video":
            self._on_pictures(fragment.samples[-1].dts + fragment.samples[-1].duration)

    def announce(self, mark: Mark) -> None:
        """Tell players of it within the segments: of the pictures, or of the sound where there are none."""
        self._timed_events.add(mark)

    def _events_before(self, fragment: Fragment) -> bytes:
        if fragment.kind == "audio" and "video" in self._files:
            return b""
        last = fragment.samples[-1]
        return self._timed_events.due((last.pts + last.duration) / self._files[fragment.kind].track.timescale)

    def _write_init(self, file: _File, fragment: Fragment) -> InitReady:
        number = self._inits[file.rendition] = self._inits.get(file.rendition, -1) + 1
        file.init = f"{file.rendition}/{self._publication}/init-{number}.mp4"
        path = self._folder.put(file.init, file.init_data)
        file.about = _described(file, fragment, path, muxer=self._name, publication=self._publication)
        return file.about

    def _close_segment(self, closed: Closed, events: list[Event]) -> None:
        file = self._files[closed.kind]
        name = self._segment_name(file, closed.segment)
        size = self._folder.finish(name, at=self._now, is_pinned=self._pins) if closed.parts else 0
        events.append(
            SegmentReady(
                rendition=file.rendition,
                publication=self._publication,
                segment=closed.segment,
                name=name,
                path=str(self._folder.path / name),
                size=size,
                init=file.init,
                media_time=closed.start_pts,
                duration=closed.duration,
                timescale=file.track.timescale,
                is_gap=closed.parts == 0,
                is_independent=closed.is_independent,
                is_discontinuity=closed.is_discontinuity,
                program_date_time=self._date(closed.start_pts, file.track.timescale),
                target_s=self._segmenter.target_s,
                key_bytes=file.key_bytes if closed.parts else 0,
            )
        )
        self._longest_s = max(self._longest_s, closed.duration / file.track.timescale)
        for removed, is_lost in self._folder.trim(self._now, keep_s=6 * self._longest_s):
            events.append(SegmentRemoved(name=removed, is_lost=is_lost))

    def _segment_name(self, file: _File, segment: int) -> str:
        return f"{file.rendition}/{self._publication}/{segment}.m4s"

    def _date(self, pts: int, timescale: int) -> float:
        return (self.clock_at or 0.0) + pts / timescale


def _key_bytes(fragment: Fragment, chunk_bytes: int) -> int:
    """How much of a segment's file its key frame takes, the boxes before it included; 0 for other samples. The box that
    describes the chunk's samples names those behind it too (RFC 8216bis, 4.4.3.6: so do all I-frame playlists)."""
    first, *others = fragment.samples
    if fragment.kind != "video" or not first.is_key:
        return 0
    return len(SEGMENT_TYPE) + chunk_bytes - sum(len(sample.data) for sample in others)


def _new_captions(file: _File, fragment: Fragment) -> tuple[str, ...]:
    """All captions of the rendition so far; empty where the fragment adds none."""
    known = file.about.captions if file.about is not None else ()
    if file.track.codec not in (Codec.H264, Codec.HEVC):
        return ()
    found = {name for sample in fragment.samples for name in channels_in(sample.data)}
    return tuple(sorted({*known, *found})) if found - set(known) else ()


def _is_playable(track: Track) -> bool:
    """Whether it has a place in an MP4 that players take: one rendition that they refuse would cost them all."""
    try:
        init_segment(track)
        codec_string(track)
    except (UnsupportedCodec, BadConfig):
        return False
    return track.codec is not Codec.AAC or is_common_aac(track.config)


def _described(file: _File, fragment: Fragment, path: Path, *, muxer: str, publication: int) -> InitReady:
    track = file.track
    is_video = track.kind == "video"
    width, height = picture_size(track) if is_video else (0, 0)
    rate, channels = (0, 0) if is_video else audio_shape(track)
    ticks = sum(sample.duration for sample in fragment.samples)
    measured = len(fragment.samples) * track.timescale / ticks if is_video and ticks else 0.0
    return InitReady(
        muxer=muxer,
        rendition=file.rendition,
        publication=publication,
        name=file.init,
        path=str(path),
        size=len(file.init_data),
        kind=track.kind,
        codec=codec_string(track),
        timescale=track.timescale,
        width=width,
        height=height,
        frame_rate=round(track.fps or measured, 3),
        sample_rate=rate,
        channels=channels,
        captions=_new_captions(file, fragment),
    )
