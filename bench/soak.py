"""Do sound and picture stay together, and players near live, for hours? Encoders of all kinds on virtual time.

Each publisher's messages go through the product's own ingest, packager, playlists and manifest; only the network and
the clock are made up. Every unit carries when it was captured, so that what is packaged shows how far sound and picture
are apart. A playlist's or manifest's distance to live is how long ago its end is by its own dates; a player's buffer is
what is left to one that began a second behind live and plays at the pace of real time ever since.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bench import report
from bench.endurance import endure
from bench.report import Figure, Point, figure
from media.hls.answers import Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import Event, PartReady
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.lane import Fragment
from media.hls.muxer import Muxer
from media.relay import Tracks
from media.rtmp.ingest import RtmpIngest
from media.unit import Codec, Kind, Track, Unit
from media.webrtc.inbound import RtpTimeline

FPS: Final = 10
GOP: Final = 20
AUDIO_RATE: Final = 32_000
WALL: Final = 1_700_000_000.0
BEHIND_S: Final = 1.0
PATIENCE_S: Final = 10.0
SAMPLE_S: Final = 5.0
_MARK: Final = b"soak"
_AVCC: Final = bytes.fromhex("014d401fffe1001a674d401fe8802802dd80b5010101400000fa40003a9803c60c448001000468ebef20")
_ASC: Final = (2 << 11 | 5 << 7 | 1 << 3).to_bytes(2, "big")
_VIDEO: Final = Track(kind="video", codec=Codec.H264, timescale=90_000, config=_AVCC, width=1280, height=720, fps=FPS)
_AUDIO: Final = Track(
    kind="audio", codec=Codec.AAC, timescale=AUDIO_RATE, config=_ASC, sample_rate=AUDIO_RATE, channels=1
)
#: What viewers do not notice (ITU-R BT.1359: sound 45 ms early), doubled where a clock has to be followed.
_APART_MS: Final = 45.0
_BUFFER_S: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of publisher. Paces are parts per million off real time; pauses are (from, to) in shares of the run."""

    name: str
    is_whip: bool = False
    video_ppm: float = 0.0
    audio_ppm: float = 0.0
    inexact_s: float = 0.0
    no_sound: tuple[float, float] | None = None
    no_picture: tuple[float, float] | None = None
    late_s: float = 0.0


CASES: Final = (
    Case(name="rtmp"),
    Case(name="rtmp, clock 500 ppm fast", video_ppm=500, audio_ppm=500),
    Case(name="rtmp, clock 500 ppm slow", video_ppm=-500, audio_ppm=-500),
    Case(name="rtmp, sound away for a third", no_sound=(1 / 3, 2 / 3)),
    Case(name="rtmp, picture away for a third", no_picture=(1 / 3, 2 / 3)),
    Case(name="rtmp, network of up to 400 ms", late_s=0.4),
    Case(name="whip, reports inexact by 50 ms", is_whip=True, inexact_s=0.05),
    Case(name="whip, clocks 500 ppm apart", is_whip=True, video_ppm=250, audio_ppm=-250, inexact_s=0.02),
    Case(name="whip, sound away for a third", is_whip=True, no_sound=(1 / 3, 2 / 3)),
)


class _Clock:
    """Virtual time in seconds since the beginning."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class _Watched(Muxer):
    """The packager, which notes where each unit is placed against its capture; what is shown again does not count."""

    def note_into(self, placed: dict[Kind, list[float]]) -> None:
        self._placed = placed
        self._newest: dict[Kind, float] = {"video": -1.0, "audio": -1.0}

    def _write(self, fragment: Fragment, events: list[Event]) -> None:
        scale = _VIDEO.timescale if fragment.kind == "video" else _AUDIO.timescale
        for sample in fragment.samples:
            at = sample.data.find(_MARK)
            captured = struct.unpack_from(">d", sample.data, at + len(_MARK))[0] if at >= 0 else -1.0
            if captured > self._newest[fragment.kind]:
                self._newest[fragment.kind] = captured
                self._placed[fragment.kind].append(sample.pts / scale - captured)
        super()._write(fragment, events)


@dataclass
class Seen:
    """One sample of the run, in seconds."""

    at: float
    apart: float
    hls: float
    dash: float
    buffer: float


@dataclass
class Broadcast:
    """A stream from its units to what is served; also the publication that an ingest writes to."""

    folder: Path
    clock: _Clock
    media_time_ms: int = 0
    patience_s: float = 0.0
    ends: dict[Kind, float] = field(default_factory=dict)
    placed: dict[Kind, list[float]] = field(default_factory=lambda: {"video": [], "audio": []})
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.index = LiveIndex(on_change=lambda: None, keeps_all=False)
        self.muxer = _Watched(folder=RunFolder(path=self.folder), publication=1)
        self.muxer.note_into(self.placed)
        self._play_s = 0.0

    def configure(self, tracks: Sequence[Track]) -> None:
        self._feed(Tracks(tuple(tracks)))

    def write(self, unit: Unit) -> None:
        self._feed(unit)

    def close(self, reason: str) -> None:
        """Nothing ends it."""

    def warn(self, name: str) -> None:
        """Nothing is odd."""

    def on_stop(self, stop: Callable[[str], None]) -> None:
        """Nothing stops it."""

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """There is one track of pictures."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """There is one track of pictures."""

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        """Nothing wants one."""

    def _feed(self, item: Tracks | Unit) -> None:
        for event in self.muxer.feed([item]):
            self.index.apply(event)
            if isinstance(event, PartReady):
                kind: Kind = "video" if event.rendition == "video" else "audio"
                self.ends[kind] = (event.media_time + event.duration) / event.timescale

    def sample(self) -> None:
        """Note what a viewer is offered now."""
        now, edge = self.clock.now, min(self.ends.values())
        if not self.seen:
            self._play_s = edge - BEHIND_S - now
        off = {kind: statistics.fmean(each) for kind, each in self.placed.items() if each}
        apart = off["audio"] - off["video"] if len(off) == 2 else 0.0
        hls, dash = (WALL + now - end for end in (hls_edge(self.index), dash_edge(self.index, WALL + now)))
        self.seen.append(Seen(now, apart, hls, dash, edge - self._play_s - now))
        for each in self.placed.values():
            each.clear()


def hls_edge(index: LiveIndex) -> float:
    """The wall clock at the end of the video playlist, by its last date and the durations since."""
    end = 0.0
    for line in _text(index.media("video", BlockingQuery())).splitlines():
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            end = datetime.fromisoformat(line.partition(":")[2]).timestamp()
            parts = 0.0
        elif line.startswith("#EXT-X-PART:"):
            parts += float(re.findall(r"DURATION=([\d.]+)", line)[0])
        elif line.startswith("#EXTINF:"):
            end, parts = end + float(line[8:].rstrip(",")), 0.0
    return end + parts


def dash_edge(index: LiveIndex, now: float) -> float:
    """The wall clock at the end of the last segment of pictures in the manifest."""
    text = _text(index.manifest(now=now))
    begin = datetime.fromisoformat(re.findall(r'availabilityStartTime="([^"]+)"', text)[0]).timestamp()
    period = text[text.rindex("<Period") :]
    start = float(re.findall(r'start="PT([\d.]+)S"', period)[0])
    video = period[: period.index("</AdaptationSet>")]
    scale, offset = (int(re.findall(f'{name}="(\\d+)"', video)[0]) for name in ("timescale", "presentationTimeOffset"))
    time, duration, repeat = re.findall(r'<S t="(\d+)" d="(\d+)"(?: r="(\d+)")?', video)[-1]
    return begin + start + (int(time) + int(duration) * (int(repeat or 0) + 1) - offset) / scale


def _text(ready: object) -> str:
    assert isinstance(ready, Rendered), ready
    return ready.body.decode()


# --------------------------------------------------------------------------------------------------------- publishers


def captured(case: Case, seconds: float) -> Iterator[tuple[float, Kind, int]]:
    """(when, kind, number) of what the source captures, in order, without what is away."""
    video = ((n / FPS, "video", n) for n in range(round(seconds * FPS)))
    audio = ((n * 1024 / AUDIO_RATE, "audio", n) for n in range(round(seconds * AUDIO_RATE / 1024)))
    away = {"video": case.no_picture, "audio": case.no_sound}
    merged = sorted([*video, *audio])
    for when, kind, number in merged:
        span = away[kind]
        if span is None or not span[0] * seconds <= when < span[1] * seconds:
            yield when, "video" if kind == "video" else "audio", number


def stamped(when: float) -> bytes:
    return _MARK + struct.pack(">d", when)


def rtmp(case: Case, seconds: float, broadcast: Broadcast) -> Iterator[float]:
    """Messages through the RTMP ingest; yields after each, with the time."""
    ingest, source = RtmpIngest(publication=broadcast, clock=broadcast.clock), random.Random(1)
    ingest.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    ingest.video(0, b"\x17\0\0\0\0" + _AVCC, at=WALL)
    ingest.audio(0, b"\xaf\0" + _ASC, at=WALL)
    for when, kind, number in captured(case, seconds):
        broadcast.clock.now = max(broadcast.clock.now, when + source.uniform(0, case.late_s))
        ppm = case.video_ppm if kind == "video" else case.audio_ppm
        stamp, at = round(when * (1 + ppm / 1e6) * 1000), WALL + broadcast.clock.now
        if kind == "audio":
            ingest.audio(stamp, b"\xaf\1" + stamped(when), at=at)
        else:
            head, nal = (b"\x17", b"\x65") if number % GOP == 0 else (b"\x27", b"\x41")
            body = nal + stamped(when)
            ingest.video(stamp, head + b"\1\0\0\0" + struct.pack(">I", len(body)) + body, at=at)
        yield broadcast.clock.now


def whip(case: Case, seconds: float, broadcast: Broadcast) -> Iterator[float]:
    """Frames on RTP clocks and a sender report a second through WHIP's timeline."""
    timeline, source = RtpTimeline(base_ms=0), random.Random(1)
    rates: dict[Kind, int] = {"video": _VIDEO.timescale, "audio": AUDIO_RATE}
    paces: dict[Kind, float] = {"video": 1 + case.video_ppm / 1e6, "audio": 1 + case.audio_ppm / 1e6}
    broadcast.configure((_VIDEO, _AUDIO))
    reported = 0.0
    for when, kind, number in captured(case, seconds):
        broadcast.clock.now = now = when + 0.05
        ticks = round(when * paces[kind] * rates[kind])
        pts = timeline.place(kind, ticks, rate=rates[kind], now=now)
        body = stamped(when) if kind == "audio" else struct.pack(">IB", 13, 0x65 if number % GOP == 0 else 0x41)
        data = body if kind == "audio" else body + stamped(when)
        is_key = kind == "audio" or number % GOP == 0
        broadcast.write(Unit(kind=kind, pts=pts, dts=pts, is_key=is_key, data=data, at=WALL + now))
        if when - reported >= 1:
            reported = when
            for each, rate in rates.items():
                wrong = source.uniform(0, case.inexact_s)
                timeline.on_report(each, at=WALL + when + wrong, ticks=round(when * paces[each] * rate))
        yield now


def soak(case: Case, hours: float) -> list[Seen]:
    """One case on virtual time."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        broadcast = Broadcast(Path(folder) / "run", _Clock())
        following = PATIENCE_S
        for now in (whip if case.is_whip else rtmp)(case, hours * 3_600, broadcast):
            if now >= following:
                following += SAMPLE_S
                broadcast.sample()
        return broadcast.seen


# ------------------------------------------------------------------------------------------------------------- telling


def figures(case: Case, seen: Sequence[Seen], *, points: int) -> list[Figure]:
    """The worst of the run against its bars, then how it went on."""

    def told(name: str, value: Callable[[Seen], float], unit: str, bar: float) -> Figure:
        worst = max((value(each) for each in seen), key=abs)
        return figure("soak", f"{case.name}: {name}", [abs(worst)], unit, better="lower", bar=bar)

    first = statistics.median(each.buffer for each in seen[:5])
    found = [
        told("sound and picture apart", lambda each: each.apart * 1000, "ms", _APART_MS),
        told("HLS behind its capture", lambda each: each.hls, "s", 2.0),
        told("DASH behind its capture", lambda each: each.dash, "s", 5.0),
        told("a player's buffer changed", lambda each: each.buffer - first, "s", 1.0),
    ]
    for at in range(points):
        each = seen[(len(seen) - 1) * at // max(points - 1, 1)]
        for name, value in (("apart", each.apart * 1000), ("buffer", each.buffer * 1000)):
            point = Point(f"{case.name}, {name}", each.at / 3_600, "hours", "ms")
            label = f"{case.name}: {name} after {each.at / 3_600:.2f} h"
            found.append(figure("soak", label, [value], "ms", better="lower", point=point))
    return found


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0, help="virtual hours of each case (3)")
    parser.add_argument("--points", type=int, default=4, help="how many moments of each case to tell (4)")
    parser.add_argument("--minutes", type=float, help="instead: a whole server in real time, see bench.endurance")
    parser.add_argument("--case", help="only the cases whose names hold this text")
    report.options(parser)
    options = parser.parse_args(argv)
    if options.minutes:
        return asyncio.run(endure(options.minutes, options))
    found: list[Figure] = []
    for case in CASES:
        if not options.case or options.case in case.name:
            found += figures(case, soak(case, options.hours), points=options.points)
    report.hand_over(found, options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
