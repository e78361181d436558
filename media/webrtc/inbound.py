"""From RTP packets in order to coded frames, and from RTP time to the stream's media clock. Sans-I/O.

A frame that misses a packet is dropped, and so is every frame after it up to the next key frame, because
what is shown from a broken reference is worse than a short pause.
"""

from __future__ import annotations

import msgspec

from media.unit import VIDEO_TIMESCALE, Codec, Kind, Track
from media.webrtc import h264, vp8
from media.webrtc.rtp import RtpPacket

OPUS_RATE = 48_000
_MAX_SKEW_S = 10.0
_TOLERATED_SKEW_S = 0.02


class Frame(msgspec.Struct, gc=False):
    """One coded frame. ``ticks`` is the RTP time without wrap-around."""

    kind: Kind
    ticks: int
    is_key: bool
    data: bytes
    track: Track


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
        self._track = Track(
            kind="audio", codec=Codec.OPUS, timescale=OPUS_RATE, config=head, sample_rate=OPUS_RATE, channels=2
        )

    def push(self, packet: RtpPacket, was_lost: bool) -> list[Frame]:
        if not packet.payload:
            return []
        return [Frame("audio", self.unwrapper.unwrap(packet.timestamp), True, packet.payload, self._track)]


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
    """Assembles frames of H.264 or VP8. ``wants_key`` tells that nothing goes on without a key frame;
    whoever asks for one clears it."""

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
        self._sets = h264.ParameterSets()

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


class _Line(msgspec.Struct):
    rate: int
    offset: int
    report: tuple[float, int] | None = None


class Timeline:
    """Places the frames of all kinds on the media clock, which starts at ``base_ms`` with the first frame.

    Kinds are placed by when they arrive, and moved against each other as soon as sender reports tell how their
    clocks relate. A move is always forward in time, so that no timestamp goes back.
    """

    def __init__(self, *, base_ms: int) -> None:
        self._base_ms = base_ms
        self._began_at: float | None = None
        self._lines: dict[Kind, _Line] = {}

    def place(self, kind: Kind, ticks: int, *, rate: int, now: float) -> int:
        """The pts, in ticks of ``rate``, of a frame of ``kind``."""
        line = self._lines.get(kind)
        if line is None:
            began = self._began_at = now if self._began_at is None else self._began_at
            start = round((now - began) * rate) + self._base_ms * rate // 1_000
            line = self._lines[kind] = _Line(rate, start - ticks)
        return ticks + line.offset

    def restart(self, kind: Kind) -> None:
        """The RTP clock of ``kind`` is another from now on."""
        self._lines.pop(kind, None)

    def on_report(self, kind: Kind, *, at: float, ticks: int) -> None:
        """The sender's wall clock showed ``at`` (seconds) when the RTP clock of ``kind`` showed ``ticks``."""
        line = self._lines.get(kind)
        if line is None:
            return
        line.report = (at, ticks)
        audio, video = self._lines.get("audio"), self._lines.get("video")
        if audio is not None and video is not None:
            _align(audio, video)


def _align(audio: _Line, video: _Line) -> None:
    if audio.report is None or video.report is None:
        return
    skew = _lead(audio, audio.report) - _lead(video, video.report)
    if not _TOLERATED_SKEW_S < abs(skew) < _MAX_SKEW_S:
        return
    behind = video if skew > 0 else audio
    behind.offset += round(abs(skew) * behind.rate)


def _lead(line: _Line, report: tuple[float, int]) -> float:
    at, ticks = report
    return (ticks + line.offset) / line.rate - at
