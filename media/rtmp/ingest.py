"""One publication: RTMP's audio, video and metadata messages in, tracks and units out. Sans-I/O.

Media is held back until all expected tracks have shown their headers: the metadata says which to expect, and without
it (or when it lies) the first half second does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import msgspec

from media.clock import Discipline
from media.errors import ProtocolError
from media.publication import Publication
from media.rtmp import flv
from media.rtmp.amf import Value
from media.rtmp.extra_video import ExtraVideo, signed_difference
from media.rtmp.nals import is_annexb
from media.rtmp.timeline import RtmpTimeline
from media.rtmp.track_units import OF_NALS, Line, headless, line_of, tells_its_header
from media.unit import Codec, Kind, Track

HOLD_MS = 500
MAX_HELD_BYTES = 8 * 1024 * 1024
MAX_HELD_UNITS = 512
MAX_MALFORMED_IN_A_ROW = 50
#: An encoder's clock that is off by more than this share of the time, and by more than this, drifts. Quartz clocks are
#: off by 0.01%.
DRIFT_SHARE = 0.002
DRIFT_S = 0.5

_WRAP = 1 << 32


class IngestCounts(msgspec.Struct):
    """What became of the packets of a publication."""

    units: int = 0
    without_header: int = 0
    other_tracks: int = 0
    malformed: int = 0


class _Held(msgspec.Struct, frozen=True):
    timestamp: int
    packet: flv.FlvPacket
    at: float
    now: float


class RtmpIngest:
    """Feeds one publication. Calls on it raise ProtocolError or PublishRefused; the run is over then.

    ``clock`` is monotonic, in seconds: with it media time is held to real time, whatever the encoder's clock does.
    """

    def __init__(self, *, publication: Publication, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts = IngestCounts()
        self._publication = publication
        self._metadata: Mapping[str, Value] = {}
        self._expected: frozenset[Kind] | None = None
        self._lines: dict[Kind, Line] = {}
        self._extra = ExtraVideo(publication=publication)
        self._clock = clock
        self._timeline: RtmpTimeline | None = None
        self._discipline: Discipline | None = None
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._malformed: dict[Kind, int] = {"video": 0, "audio": 0}

    def metadata(self, values: Mapping[str, Value]) -> None:
        """What the encoder says of itself: a hint, never trusted over the headers."""
        self._metadata = values
        hinted: list[Kind] = []
        if _is_codec(values.get("videocodecid")):
            hinted.append("video")
        if _is_codec(values.get("audiocodecid")):
            hinted.append("audio")
        self._expected = frozenset(hinted) or None

    def video(self, timestamp: int, payload: bytes | bytearray, *, at: float) -> None:
        """One video message; ``at`` is the wall clock."""
        self._message("video", flv.parse_video, timestamp, payload, at)

    def audio(self, timestamp: int, payload: bytes | bytearray, *, at: float) -> None:
        """One audio message."""
        self._message("audio", flv.parse_audio, timestamp, payload, at)

    def finish(self) -> None:
        """Let go of what is still held: a run shorter than the hold is a run too."""
        if self._timeline is None and self._held:
            self._open()

    def _message(
        self,
        kind: Kind,
        parse: Callable[[bytes | bytearray], list[flv.FlvPacket]],
        timestamp: int,
        payload: bytes | bytearray,
        at: float,
    ) -> None:
        try:
            for packet in parse(payload):
                self._packet(packet, timestamp, at)
        except ProtocolError as error:
            self._count_malformed(kind, error)
        else:
            self._malformed[kind] = 0

    def _count_malformed(self, kind: Kind, error: ProtocolError) -> None:
        self.counts.malformed += 1
        self._malformed[kind] += 1
        if self._malformed[kind] <= MAX_MALFORMED_IN_A_ROW:
            return
        if kind == "audio" and "video" in self._lines and not self._malformed["video"]:
            self._publication.warn("sound_malformed")
        else:
            raise ProtocolError(f"nothing but malformed {kind}: {error}") from error

    def _packet(self, packet: flv.FlvPacket, timestamp: int, at: float) -> None:
        if packet.track_id:
            self._extra_track(packet, timestamp, at)
        elif packet.step == "header":
            self._header(packet)
        elif packet.step == "frame":
            self._frame(packet, timestamp, at)

    def _extra_track(self, packet: flv.FlvPacket, timestamp: int, at: float) -> None:
        """Pictures wait with those of track 0; of sound only track 0 is taken."""
        if packet.kind == "audio" or packet.step not in ("header", "frame"):
            self.counts.other_tracks += 1
        elif packet.step == "frame" and self._timeline is None:
            self._hold(_Held(timestamp, packet, at, self._clock()))
        else:
            self._extra.take(packet, timestamp, at)

    def _header(self, packet: flv.FlvPacket) -> None:
        kind, before = packet.kind, self._lines.get(packet.kind)
        if packet.codec is Codec.OPUS and packet.data[:8] != b"OpusHead":
            return
        if packet.codec in OF_NALS and is_annexb(packet.data):
            packet = headless(packet)
        line = line_of(packet, before)
        if before is not None and before.track == line.track:
            return
        if before is not None and self._held:
            self._open()
        self._lines[kind] = line
        if self._timeline is not None:
            self._configure()

    def _frame(self, packet: flv.FlvPacket, timestamp: int, at: float) -> None:
        line = self._lines.get(packet.kind)
        if line is None and tells_its_header(packet):
            self._header(headless(packet))
            line = self._lines[packet.kind]
        if line is None or line.track.codec is not packet.codec:
            self.counts.without_header += 1
            self._publication.warn("sound_without_header" if packet.kind == "audio" else "picture_without_header")
        elif self._timeline is not None:
            self._write(line, _Held(timestamp, packet, at, self._clock()))
        else:
            self._hold(_Held(timestamp, packet, at, self._clock()))

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        self._held_bytes += len(held.packet.data)
        span = signed_difference(held.timestamp - self._held[0].timestamp)
        is_full = len(self._held) >= MAX_HELD_UNITS or self._held_bytes >= MAX_HELD_BYTES
        is_first = not held.packet.track_id
        if is_full or (is_first and (self._has_all() or abs(span) >= HOLD_MS)):
            self._open()

    def _has_all(self) -> bool:
        expected = self._expected or {"video", "audio"}
        return self._lines.keys() >= expected

    def _open(self) -> None:
        """Announce the tracks there are and write what was held, its earliest timestamp being the start."""
        held, self._held, self._held_bytes = self._held, [], 0
        self._configure()
        if not held:
            return
        base = held[0].timestamp
        earliest = min(signed_difference(item.timestamp - base) for item in held)
        self._timeline = RtmpTimeline(first=(base + max(earliest, -HOLD_MS)) % _WRAP)
        self._discipline = Discipline(media_s=0.0, now=held[0].now)
        for item in (item for item in held if not item.packet.track_id):
            line = self._lines[item.packet.kind]
            try:
                self._write(line, item)
            except ProtocolError as error:
                self._count_malformed(item.packet.kind, error)
        for item in (item for item in held if item.packet.track_id):
            self._extra.take(item.packet, item.timestamp, item.at)

    def _configure(self) -> None:
        lines = [self._lines[kind] for kind in ("video", "audio") if kind in self._lines]
        self._publication.configure([_described(line.track, self._metadata) for line in lines])

    def _write(self, line: Line, held: _Held) -> None:
        track = line.track
        ms = self._media_ms(held)
        if track.kind == "video":
            self._extra.place(held.timestamp, ms - held.packet.nano / 1_000_000)
        units = line.units(held.packet, ms, held.at)
        if line.track != track:
            self._configure()
        for unit in units:
            self.counts.units += 1
            self._publication.write(unit)

    def _media_ms(self, held: _Held) -> float:
        """Where it belongs on the stream's media clock."""
        assert self._timeline is not None
        assert self._discipline is not None
        rebased = self._timeline.rebased
        ms = self._timeline.place(held.packet.kind, held.timestamp)
        if self._timeline.rebased != rebased:
            self._publication.warn("timestamps_jump")
        shift_s = self._discipline.follow(ms / 1000, held.now)
        if abs(self._discipline.drift_s) > max(DRIFT_S, DRIFT_SHARE * ms / 1000):
            self._publication.warn("timestamps_drift")
        return self._publication.media_time_ms + ms + shift_s * 1000 + held.packet.nano / 1_000_000


def _is_codec(value: Value) -> bool:
    return value not in (None, False, 0, "")


def _described(track: Track, metadata: Mapping[str, Value]) -> Track:
    """The track with what its header leaves open filled in from the metadata."""
    if track.kind != "video":
        return track
    fps = track.fps or _number(metadata.get("framerate"), 1_000.0)
    width = track.width or int(_number(metadata.get("width"), 16_384.0))
    height = track.height or int(_number(metadata.get("height"), 16_384.0))
    return msgspec.structs.replace(track, fps=fps, width=width, height=height)


def _number(value: Value, most: float) -> float:
    is_usable = isinstance(value, float) and math.isfinite(value) and 0 < value <= most
    return value if is_usable and isinstance(value, float) else 0.0
