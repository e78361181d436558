"""The renditions that a publisher's encoder sends beside its first pictures: their packages, and what there is of them.

Their segments begin where the source's do, so their pictures wait until the source's have been cut that far.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from media.hls.codecs import BadConfig, codec_string, picture_size
from media.hls.events import Event, PlannedRendition
from media.hls.folder import RunFolder
from media.hls.follower import Follower
from media.hls.lane import Cut
from media.hls.marks import Mark
from media.hls.muxer import Muxer
from media.relay import MAX_BYTES, MAX_UNITS, Item, Relay, Tracks
from media.run_package import GuardedOutput
from media.unit import Codec, Track, Unit
from media.webrtc.quality import Layer

RATE_S = 5.0
#: A bitrate is told anew when it has changed by more than this share.
_CHANGE = 0.25
#: Segments of the source in which it had no beginning of one.
MAX_MISSED = 3
FIRST_PAUSE_S = 10.0
MAX_PAUSE_S = 300.0
#: The encoder has stopped a rendition of which nothing came for so long while the source went on.
SILENT_S = 2.0
OUT_OF_STEP, PAUSED = "track_out_of_step", "track_paused"

log = logging.getLogger(__name__)


class SentRendition:
    """One of them. ``is_on``: it is packaged; else ``why`` says what is odd about it, a name of ``media.warnings``."""

    def __init__(self, *, name: str, muxer: Muxer, follower: Follower, say: Callable[[Event], None]) -> None:
        self.name = name
        self.is_on = False
        self.why = ""
        self.heard_at = float("-inf")
        self.bit_rate = 0
        self.track: Track | None = None
        self.relay = Relay()
        self._muxer = muxer
        self._follower = follower
        self._output = GuardedOutput(say)
        self._waiting: deque[Item] = deque()
        self._bytes = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._recent_bytes = 0
        self._begun = 0
        self._missed = 0
        self._pause_s = FIRST_PAUSE_S
        self.not_before = float("-inf")

    def configure(self, track: Track) -> None:
        self.track = track
        self.relay.configure([track])
        self._waiting.append(Tracks((track,)))

    def write(self, unit: Unit) -> None:
        """Take a unit, until ``advance``. Of what is more than a relay's reader holds nothing is kept."""
        self._count(unit)
        self.relay.write(unit)
        if len(self._waiting) >= MAX_UNITS or self._bytes > MAX_BYTES:
            tracks = [item for item in self._waiting if isinstance(item, Tracks)]
            self._waiting, self._bytes = deque(tracks[-1:]), 0
        self._waiting.append(unit)
        self._bytes += len(unit.data)

    def resume(self, cuts: Sequence[Cut]) -> None:
        if not self.is_on:
            self.is_on = True
            self.why = ""
            self._missed = 0
            self._output.put(self._muxer.resume, cuts)

    def announce(self, mark: Mark) -> None:
        if self.is_on:
            self._muxer.announce(mark)

    def cut(self, cut: Cut) -> None:
        if not self.is_on:
            return
        begun = self._muxer.next_segment
        self._missed = self._missed + 1 if begun == self._begun else 0
        self._begun = begun
        self._output.put(self._muxer.cut, cut)

    def advance(self, ticks: float) -> None:
        """The source's pictures have been given out up to this decode time."""
        due: list[Item] = []
        while self._waiting and (not isinstance(item := self._waiting[0], Unit) or item.dts <= ticks):
            due.append(self._waiting.popleft())
        self._bytes -= sum(len(item.data) for item in due if isinstance(item, Unit))
        self._output.put(self._muxer.feed, due)

    def check(self, now: float) -> bool:
        """Whether it has just got out of step. It is tried again after a pause, each time a longer one."""
        if not self.is_on or not (self._follower.is_out_of_step or self._missed >= MAX_MISSED):
            return False
        self.pause("its key frames are not where the source's are", why=OUT_OF_STEP)
        self.not_before = now + self._pause_s
        self._pause_s = min(MAX_PAUSE_S, 2 * self._pause_s)
        return True

    def pause(self, reason: str, *, why: str = "") -> None:
        """Close what is open. Idempotent."""
        if self.is_on:
            self.is_on = False
            self.why = why
            self._output.put(self._muxer.pause, reason)

    def _count(self, unit: Unit) -> None:
        self._recent.append((unit.at, len(unit.data)))
        self._recent_bytes += len(unit.data)
        while self._recent[0][0] < unit.at - RATE_S:
            self._recent_bytes -= self._recent.popleft()[1]

    def measure(self) -> None:
        """Bring ``bit_rate`` up to date, where it has changed by much."""
        if len(self._recent) < 2 or (span := self._recent[-1][0] - self._recent[0][0]) < 1:
            return
        rate = self._recent_bytes * 8 / span
        if abs(rate - self.bit_rate) > self.bit_rate * _CHANGE:
            self.bit_rate = round(rate / 1000) * 1000

    @property
    def planned(self) -> PlannedRendition | None:
        """As players are told of it; None while it has no track that can be packaged."""
        try:
            codec = codec_string(self.track) if self.track is not None else ""
        except BadConfig:
            codec = ""
        if self.track is None or not codec:
            return None
        width, height = picture_size(self.track)
        return PlannedRendition(
            name=self.name, codec=codec, bitrate=self.bit_rate, width=width, height=height, fps=self.track.fps,
            state="live" if self.is_on else "off", why=self.why, is_sent=True,
        )  # fmt: skip


class SentRenditions:
    """Those of one run. ``say`` gets the events of their packages, ``on_change`` what there is of them, the best first,
    whenever that changes."""

    def __init__(
        self,
        *,
        folder: RunFolder,
        publication: int,
        part_ms: int,
        say: Callable[[Event], None],
        clock: Callable[[], float | None],
        on_change: Callable[[Sequence[PlannedRendition]], None],
    ) -> None:
        self._folder = folder
        self._publication = publication
        self._part_ms = part_ms
        self._say = say
        self._clock = clock
        self._on_change = on_change
        self._held: dict[int, SentRendition] = {}
        self._cuts: deque[Cut] = deque(maxlen=2)
        self._told: tuple[PlannedRendition, ...] = ()
        self._advanced_at = float("-inf")
        self._loop = asyncio.get_running_loop()

    @property
    def why(self) -> str:
        """What is odd about them, a name of ``media.warnings``; empty if nothing is."""
        whys = {held.why for held in self._held.values()}
        return next((why for why in (OUT_OF_STEP, PAUSED) if why in whys), "")

    @property
    def layers(self) -> list[Layer]:
        """Those of which something comes, in H.264, for viewers over WebRTC: the best first."""
        held = sorted(self._held.values(), key=lambda held: -_pixels(held))
        return [_layer(one, one.track) for one in held if one.why != PAUSED and one.track is not None and _is_h264(one)]

    def configure(self, track_id: int, track: Track) -> None:
        """A rendition's track, before the units of it."""
        if track.kind != "video" or track.codec is Codec.VP8:
            return
        held = self._held.get(track_id)
        if held is None:
            held = self._held[track_id] = self._begun(self._name(track_id, track))
            held.heard_at = self._loop.time()
            held.resume(self._cuts)
        held.configure(track)
        self._tell()

    def _name(self, track_id: int, track: Track) -> str:
        codec = "" if track.codec is Codec.H264 else f"-{track.codec}"
        name = f"{min(picture_size(track))}p{codec}"
        return name if all(held.name != name for held in self._held.values()) else f"{name}-{track_id}"

    def _begun(self, name: str) -> SentRendition:
        follower = Follower(part_ms=self._part_ms, is_sent=True)
        muxer = Muxer(
            folder=self._folder,
            publication=self._publication,
            name=name,
            renditions={"video": name},
            part_ms=self._part_ms,
            follower=follower,
            clock=self._clock,
        )
        return SentRendition(name=name, muxer=muxer, follower=follower, say=self._say)

    def write(self, track_id: int, unit: Unit) -> None:
        """One unit of a rendition that was configured."""
        held = self._held.get(track_id)
        if held is None:
            return
        held.heard_at = self._loop.time()
        if held.why == PAUSED:
            held.resume(self._cuts)
            self._tell()
        held.write(unit)

    def announce(self, mark: Mark) -> None:
        """Tell players of it within the segments of what is packaged."""
        for held in self._held.values():
            held.announce(mark)

    def cut(self, cut: Cut) -> None:
        """The source's muxer begins a segment."""
        self._cuts.append(cut)
        for held in self._held.values():
            held.cut(cut)

    def advance(self, ticks: float) -> None:
        """The source's muxer has given out its pictures up to this decode time."""
        self._advanced_at = self._loop.time()
        for held in self._held.values():
            held.advance(ticks)
            if held.check(self._loop.time()):
                log.info("%s is out of step with the source", held.name)
                self._tell()

    def tick(self) -> None:
        """About once a second: try again what was out of step, close what the encoder has stopped, and bring the
        bitrates up to date."""
        now = self._loop.time()
        for held in self._held.values():
            held.measure()
            if held.why == OUT_OF_STEP and now >= held.not_before:
                held.resume(self._cuts)
            elif self._advanced_at - held.heard_at > SILENT_S and held.is_on:
                log.info("%s has been stopped by the encoder", held.name)
                held.pause("the encoder has stopped it", why=PAUSED)
        self._tell()

    def close(self, reason: str) -> None:
        """Package what still waits, and close. Idempotent."""
        for held in self._held.values():
            held.advance(float("inf"))
            held.pause(reason)
            held.relay.close(reason)

    def _tell(self) -> None:
        found = [planned for held in self._held.values() if (planned := held.planned) is not None]
        told = tuple(sorted(found, key=lambda planned: -planned.height * planned.width))
        if told != self._told:
            self._told = told
            self._on_change(told)


def _pixels(held: SentRendition) -> int:
    width, height = picture_size(held.track) if held.track is not None else (0, 0)
    return width * height


def _is_h264(held: SentRendition) -> bool:
    return held.track is not None and held.track.codec is Codec.H264


def _layer(held: SentRendition, track: Track) -> Layer:
    width, height = picture_size(track)
    return Layer(name=held.name, width=width, height=height, bitrate=held.bit_rate, relay=held.relay)
