"""From RTP packets in order to coded frames, and from RTP time to the stream's media clock. Sans-I/O.

A frame that misses a packet is dropped, and so is every frame after it up to the next key frame, because
what is shown from a broken reference is worse than a short pause.
"""

from __future__ import annotations

import msgspec

from media.clock import beyond, clamped
from media.unit import VIDEO_TIMESCALE, Codec, Kind, Track
from media.webrtc import h264, vp8
from media.webrtc.rtp import RtpPacket
from media.webrtc.rtpclock import PAUSE_S, RtpClock

OPUS_RATE = 48_000
#: Sound and picture that reports say are further apart than this are left as they arrive: the reports are wrong.
MAX_SKEW_S = 3.0
#: What nobody notices (ITU-R BT.1359 has 45 ms), and more than a median of inexact reports varies.
TOLERATED_SKEW_S = 0.02
#: Sound goes at most this much faster or slower while it is put in step.
MAX_SKEW_SLEW = 0.01
_SKEW_SETTLE_S = 5.0
#: A frame that is further ahead of real time than this, or behind it, is of a clock that has jumped.
MAX_EARLY_S = 1.5
MAX_LATE_S = 10.0
#: How much of a pause a clock may have missed.
MAX_STAND_S = 0.3


class Frame(msgspec.Struct, gc=False):
    """One coded frame. ``ticks`` is the RTP time without wrap-around; ``captured`` when it was taken, by the clock that
    packets are received by."""

    kind: Kind
    ticks: int
    is_key: bool
    data: bytes
    track: Track
    captured: float | None = None


class Unwrapper:
    """RTP timestamps (32 bits) as integers that go on."""

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """The tick nearest to the one before."""
        ticks = self.peek(timestamp)
        self._last = ticks
        return ticks

    def peek(self, timestamp: int) -> int:
        if self._last is None:
            return timestamp
        return self._last + (timestamp - self._last + (1 << 31)) % (1 << 32) - (1 << 31)


class OpusReceiver:
    """RFC 7587: every packet is a frame. Lost ones stay lost."""

    wants_key = False

    def __init__(self) -> None:
        self.unwrapper = Unwrapper()
        head = b"OpusHead\x01\x02" + bytes((0, 0)) + OPUS_RATE.to_bytes(4, "little") + bytes(3)
        self.track = Track(
            kind="audio", codec=Codec.OPUS, timescale=OPUS_RATE, config=head, sample_rate=OPUS_RATE, channels=2
        )

    def push(self, packet: RtpPacket, was_lost: bool) -> list[Frame]:
        if not packet.payload:
            return []
        return [Frame("audio", self.unwrapper.unwrap(packet.timestamp), True, packet.payload, self.track)]


class _Assembly:
    """The access unit that is being received: packets of one timestamp up to the marker."""

    def __init__(self) -> None:
        self.timestamp = -1
        self.parts: list[bytes] = []
        self.size = 0
        self.is_open = False
        self.is_broken = False

    def open(self, timestamp: int, *, is_broken: bool) -> None:
        self.timestamp = timestamp
        self.parts = []
        self.size = 0
        self.is_open = True
        self.is_broken = is_broken

    def add(self, parts: list[bytes]) -> None:
        self.parts.extend(parts)
        self.size += sum(len(part) for part in parts)
        if self.size > h264.MAX_FRAME_BYTES:
            raise ValueError("a frame is too large")


class VideoReceiver:
    """Assembles frames of H.264 or VP8. ``wants_key``: nothing goes on without a key frame;
    the session clears it when it asks for one."""

    def __init__(self, *, codec: Codec, sprop: str = "") -> None:
        self.unwrapper = Unwrapper()
        self.wants_key = False
        self.dropped_frames = 0
        self._codec = codec
        self._needs_key = True
        self._assembly = _Assembly()
        self._unpacker = h264.Unpacker()
        self._collector = h264.Collector(sprop)
        self._track: Track | None = None
        self._sets = h264.H264ParameterSets()

    def push(self, packet: RtpPacket, was_lost: bool) -> list[Frame]:
        """Take the next packet in sequence; ``was_lost`` says that some before it are missing for good."""
        assembly = self._assembly
        frames: list[Frame] = []
        if was_lost:
            self._break()
        if not assembly.is_open or packet.timestamp != assembly.timestamp:
            frames += self._finish()
            assembly.open(packet.timestamp, is_broken=was_lost and not self._starts_frame(packet.payload))
        if not assembly.is_broken:
            self._add(packet.payload)
        if packet.marker:
            frames += self._finish()
        return frames

    def _starts_frame(self, payload: bytes) -> bool:
        if self._codec is Codec.H264:
            return h264.starts_access_unit(payload)
        try:
            return vp8.unwrap(payload)[1]
        except ValueError:
            return False

    def _add(self, payload: bytes) -> None:
        try:
            if self._codec is Codec.H264:
                self._assembly.add(self._unpacker.push(payload))
            elif payload:
                content, starts = vp8.unwrap(payload)
                if starts == bool(self._assembly.parts):
                    raise ValueError("a partition out of place")
                self._assembly.add([content])
        except ValueError:
            self._break()

    def _break(self) -> None:
        self._unpacker.reset()
        self._assembly.is_broken = True
        self._needs_key = self.wants_key = True

    def _finish(self) -> list[Frame]:
        assembly = self._assembly
        if not assembly.is_open:
            return []
        assembly.is_open = False
        if self._unpacker.is_inside_fragment:
            self._break()
        if assembly.is_broken or not assembly.parts:
            self.dropped_frames += assembly.is_broken
            return []
        frame = self._h264_frame(assembly) if self._codec is Codec.H264 else self._vp8_frame(assembly)
        return [] if frame is None else self._kept(frame)

    def _kept(self, frame: Frame) -> list[Frame]:
        if self._needs_key and not frame.is_key:
            self.dropped_frames += 1
            self.wants_key = True
            return []
        self._needs_key = False
        return [frame]

    def _h264_frame(self, assembly: _Assembly) -> Frame | None:
        for nal in assembly.parts:
            self._collector.add(nal)
        nals = h264.coded(assembly.parts)
        if not any(h264.SLICE <= h264.nal_type(nal) <= h264.IDR for nal in nals):
            return None
        is_key = h264.is_key(nals)
        if is_key:
            self._describe_h264()
        if self._track is None:
            self.wants_key = True
            return None
        ticks = self.unwrapper.unwrap(assembly.timestamp)
        return Frame("video", ticks, is_key, h264.join_avcc(nals), self._track)

    def _describe_h264(self) -> None:
        sets = self._collector.sets
        if not sets.is_complete or sets == self._sets:
            return
        self._sets = sets
        described = h264.describe(sets.sps[0])
        self._track = Track(
            kind="video",
            codec=Codec.H264,
            timescale=VIDEO_TIMESCALE,
            config=sets.encode(),
            width=described.width,
            height=described.height,
        )

    def _vp8_frame(self, assembly: _Assembly) -> Frame | None:
        data = b"".join(assembly.parts)
        is_key = vp8.is_key(data)
        if is_key:
            width, height = vp8.size(data)
            self._track = Track(kind="video", codec=Codec.VP8, timescale=VIDEO_TIMESCALE, width=width, height=height)
        if self._track is None:
            self.wants_key = True
            return None
        return Frame("video", self.unwrapper.unwrap(assembly.timestamp), is_key, data, self._track)


class RtpTimeline:
    """Places the frames of all kinds on the media clock, which starts at ``base_ms`` with the first frame.

    A kind is placed once, by when its first frame arrives, and goes on with its RTP clock, held to real time within
    ``clock.TOLERANCE_S``. Sender reports say how far sound and picture are apart. The first ones move the kind that is
    behind at once; from then on sound is slewed to the picture. A clock that jumps, or that stood still while its kind
    paused, is placed by arrival again.
    """

    def __init__(self, *, base_ms: int) -> None:
        self._base_s = base_ms / 1_000
        self._began_at: float | None = None
        self._lines: dict[Kind, RtpClock] = {}

    def begin_at(self, base_ms: int) -> None:
        """Begin there and not where it was made for. Only before the first frame."""
        if self._began_at is None:
            self._base_s = base_ms / 1_000

    def place(self, kind: Kind, ticks: int, *, rate: int, now: float) -> int:
        """The pts, in ticks of ``rate``, of a frame of ``kind``; ``now`` is monotonic seconds."""
        line = self._lines.get(kind)
        if line is None or line.is_over or self._has_jumped(line, ticks, now) or self._has_stood(line, ticks, now):
            line = self._anchor(kind, ticks, rate, now)
        self._steer(kind, line, ticks, now)
        line.arrived(ticks, now)
        line.last_pts = line.pts(ticks)
        return line.last_pts

    def _real_s(self, now: float) -> float:
        """Media time as real time has it."""
        if self._began_at is None:
            self._began_at = now
        return self._base_s + now - self._began_at

    def _anchor(self, kind: Kind, ticks: int, rate: int, now: float) -> RtpClock:
        before, media_s = self._lines.get(kind), self._real_s(now)
        if before is not None:
            media_s = max(media_s, (before.last_pts + 1) / before.rate)
        line = self._lines[kind] = RtpClock(rate=rate, ticks=ticks, media_s=media_s, now=now)
        return line

    def _has_jumped(self, line: RtpClock, ticks: int, now: float) -> bool:
        early_s = line.unmoved_s(ticks) - self._real_s(now)
        return early_s > MAX_EARLY_S or early_s < -MAX_LATE_S

    def _has_stood(self, line: RtpClock, ticks: int, now: float) -> bool:
        """Whether the kind paused, and its RTP clock with it, while the other one went on."""
        away_s = now - line.heard_at
        if away_s <= PAUSE_S or away_s - line.progress_s(ticks) <= MAX_STAND_S:
            return False
        return any(other.goes_on(now) for other in self._lines.values() if other is not line)

    def _steer(self, kind: Kind, line: RtpClock, ticks: int, now: float) -> None:
        skew_s = self._skew_s() if kind == "audio" else None
        if skew_s is None:
            line.follow(ticks, now)
            return
        progress_s = max(0.0, min(line.progress_s(ticks), 1.0))
        slew = clamped(beyond(skew_s, TOLERATED_SKEW_S) / _SKEW_SETTLE_S, MAX_SKEW_SLEW)
        if slew:
            line.move(-slew * progress_s)

    def _skew_s(self) -> float | None:
        """How much too late sound is placed against the picture; None while reports say nothing, or nonsense."""
        audio, video = self._lines.get("audio"), self._lines.get("video")
        if audio is None or video is None or audio.lead_s is None or video.lead_s is None:
            return None
        skew_s = audio.lead_s - video.lead_s
        return skew_s if abs(skew_s) <= MAX_SKEW_S else None

    def restart(self, kind: Kind) -> None:
        """The RTP clock of ``kind`` is another from now on."""
        line = self._lines.get(kind)
        if line is not None:
            line.is_over = True
            line.sender.forget()

    def on_report(self, kind: Kind, *, at: float, ticks: int) -> None:
        """The sender's wall clock showed ``at`` (seconds) when the RTP clock of ``kind`` showed ``ticks``."""
        line = self._lines.get(kind)
        if line is None or line.is_over:
            return
        if not line.report(at - ticks / line.rate):
            for other in self._lines.values():
                if other is not line:
                    other.sender.forget()
        self._align()

    def _align(self) -> None:
        """The first time that two clocks can be compared: the one behind is moved, if nothing was known of it yet."""
        skew_s = self._skew_s()
        if skew_s is None:
            return
        behind = self._lines["video" if skew_s > 0 else "audio"]
        if behind.is_new and abs(skew_s) > TOLERATED_SKEW_S:
            behind.move(abs(skew_s))
        for line in self._lines.values():
            line.is_new = False
