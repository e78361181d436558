"""Which RTP source of a kind is taken: the one there is, or of simulcast layers the best that is alive. Sans-I/O.

Encoders name their layers in any order, and browsers stop the large ones while the network is slow. So every layer is
received, its size is read from its own key frames, and a layer is taken up where it has one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from media.clock import WINDOW_S, Least
from media.unit import VIDEO_TIMESCALE, Kind
from media.webrtc import rtp
from media.webrtc.capture import SourceCaptures
from media.webrtc.inbound import OPUS_RATE, Frame, OpusReceiver, VideoReceiver
from media.webrtc.jitter import JitterBuffer, Reception
from media.webrtc.rtp import RtpPacket
from media.webrtc.rtpclock import SenderClock

SILENT_S: Final = 1.0
"""A source that sent nothing for this long has gone, or is paused."""
CHOICE_S: Final = 3.0
"""How long layers are waited for that were offered and have not come."""
STEADY_S: Final = 2.0
"""How long a better layer must have been there before it is gone over to."""
MAX_SOURCES: Final = 8
MAX_PENDING: Final = 300
_RECENT_FRAMES: Final = 8
_NUMBER_BYTES: Final = 2


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was negotiated for one kind. ``layers`` are the simulcast ids in the order of the offer;
    ``transport_extension`` has the number that all packets of the session count on, 0 where none was agreed on;
    ``capture_extension`` likewise when frames were captured. ``repeats``: the payload type in which lost packets come
    once more, from a source of their own (RFC 4588), which names the layer in ``repaired_extension``; None: they come
    as they were."""

    kind: Kind
    payload_type: int
    new_receiver: Callable[[], OpusReceiver | VideoReceiver]
    feedback: frozenset[str] = frozenset()
    layers: tuple[str, ...] = ()
    layer_extension: int = 0
    repaired_extension: int = 0
    transport_extension: int = 0
    capture_extension: int = 0
    repeats: int | None = None


class Source:
    """One SSRC that is being received. ``pixels`` of its pictures are 0 until a key frame came. ``shift`` is added to
    its ticks for the clock that layers share, None while that is not known. ``is_stuck``: its pictures wait for a key
    frame."""

    def __init__(self, *, ssrc: int, layer: str, plan: StreamPlan, now: float) -> None:
        is_video = plan.kind == "video"
        self.ssrc = ssrc
        self.layer = layer
        self.receiver = plan.new_receiver()
        self.jitter = JitterBuffer(wait_s=0.3 if is_video else 0.08, max_packets=1_024 if is_video else 64)
        self.reception = Reception(ssrc=ssrc, clock_rate=VIDEO_TIMESCALE if is_video else OPUS_RATE)
        self.report: rtp.SenderReport | None = None
        self.pixels = 0
        self.pending: list[tuple[Frame, float]] = []
        self.sender = SenderClock()
        self.shift: int | None = None
        self.transit_s: float | None = None
        self.recent: deque[int] = deque(maxlen=_RECENT_FRAMES)
        self.began_at = now
        self.asked_at = float("-inf")
        self.is_stuck = True
        self._least = Least(window_s=WINDOW_S)
        self.rate = VIDEO_TIMESCALE if is_video else OPUS_RATE
        self._heard_at = self._since = now
        self._captures = SourceCaptures(rate=self.rate)

    def captured(self, packet: RtpPacket, value: bytes) -> None:
        """The sender states when the frame of ``packet`` was captured."""
        self._captures.stated(self.receiver.unwrapper.peek(packet.timestamp), value)

    def captured_s(self, ticks: int) -> float | None:
        """When a frame was captured, by the sender's wall clock."""
        return self._captures.at(ticks, reported_s=self.sender.offset_s)

    def arrived(self, now: float) -> None:
        if not self.is_alive(now):
            self._since = now
        self._heard_at = now

    def framed(self, ticks: int, now: float) -> None:
        """A frame is complete: ``transit_s`` is that of the least late one of some seconds."""
        self.is_stuck = False
        self.recent.append(ticks)
        self.transit_s = self._least.add(now - ticks / self.rate, now)

    def reported(self, report: rtp.SenderReport) -> None:
        """A report with a wall clock."""
        self.report = report
        if report.ntp:
            ticks = self.receiver.unwrapper.peek(report.timestamp)
            self.sender.add(rtp.ntp_seconds(report.ntp) - ticks / self.rate)

    def forget_clock(self) -> None:
        """Its RTP clock has jumped."""
        self.shift = self.transit_s = None
        self.recent.clear()
        self.sender.forget()

    def part(self, now: float) -> None:
        """The source has sent BYE (RFC 3550, section 6.6)."""
        self._heard_at = min(self._heard_at, now - SILENT_S)

    def silent_s(self, now: float) -> float:
        return now - self._heard_at

    def is_alive(self, now: float) -> bool:
        return self.silent_s(now) < SILENT_S

    def is_steady(self, now: float) -> bool:
        return self.is_alive(now) and now - self._since >= STEADY_S

    def keep(self, frame: Frame, now: float) -> None:
        """Hold the frames since the last key frame, for when the source is chosen; too many are let go."""
        if frame.is_key:
            self.pending.clear()
        elif not self.pending or len(self.pending) >= MAX_PENDING:
            self.pending.clear()
            return
        self.pending.append((frame, now))


class Sources:
    """The sources of one kind. ``current`` is the one whose frames are taken."""

    def __init__(self, plan: StreamPlan, now: float) -> None:
        self.plan = plan
        self.current: Source | None = None
        self._known: dict[int, Source] = {}
        self._repaired: dict[int, str] = {}
        """The layers of sources that packets come once more from."""
        self._began_at = now

    @property
    def known(self) -> list[Source]:
        return list(self._known.values())

    def find(self, packet: RtpPacket, now: float) -> Source | None:
        """The source of ``packet``; None for a layer that was not offered, and for a second source beside one that is
        alive."""
        source = self._known.get(packet.ssrc)
        if source is None:
            layer = self._layer_of(packet)
            if not self._is_wanted(layer, now):
                return None
            self._make_room(now)
            source = self._known[packet.ssrc] = Source(ssrc=packet.ssrc, layer=layer, plan=self.plan, now=now)
        source.arrived(now)
        return source

    def restored(self, packet: RtpPacket, now: float) -> RtpPacket | None:
        """A packet that came once more, as it was the first time; None for one that only fills the line, and while its
        source is not known."""
        source = self._repeated(packet, now)
        if len(packet.payload) <= _NUMBER_BYTES or source is None:
            return None
        number = int.from_bytes(packet.payload[:_NUMBER_BYTES], "big")
        return RtpPacket(
            self.plan.payload_type, packet.marker, number, packet.timestamp, source.ssrc,
            packet.payload[_NUMBER_BYTES:], packet.profile, packet.extension,
        )  # fmt: skip

    def _repeated(self, packet: RtpPacket, now: float) -> Source | None:
        """Whose packet it is: of the layer that is named, at first at least; without layers there is one source."""
        layer = self._repaired_layer(packet) if self.plan.layers else None
        of_layer = [source for source in self._known.values() if layer is None or source.layer == layer]
        return min(of_layer, key=lambda source: source.silent_s(now), default=None)

    def _repaired_layer(self, packet: RtpPacket) -> str:
        """Empty where it was never told."""
        value = rtp.header_extension(packet, self.plan.repaired_extension)
        if value is None:
            return self._repaired.get(packet.ssrc, "")
        self._repaired[packet.ssrc] = layer = value.decode("ascii", "replace")
        if len(self._repaired) > MAX_SOURCES:
            del self._repaired[next(iter(self._repaired))]
        return layer

    def admit(self, source: Source, frame: Frame, now: float) -> list[tuple[Frame, float]]:
        """The frames to take, with when they came, now that ``frame`` is here; may make ``source`` the current one."""
        source.pixels = frame.track.width * frame.track.height
        if source is self.current:
            return [(frame, now)]
        if self.plan.layers and not self._is_due(source, frame, now):
            return []
        self.current = source
        taken, source.pending = source.pending or [(frame, now)], []
        for other in self._known.values():
            other.pending.clear()
        return taken

    def to_ask(self, now: float) -> list[Source]:
        """The sources that need a key frame when one is needed: all layers, since segments of all begin with one."""
        alive = [source for source in self._known.values() if source.is_alive(now)]
        return alive if self.current is None or self.current in alive else [self.current, *alive]

    @property
    def lacks_best(self) -> bool:
        """Whether a layer with larger pictures than the current one's has been there and is not."""
        current = self.current
        if current is None or not self.plan.layers:
            return False
        return any(source.pixels > current.pixels for source in self._known.values())

    def forget_shifts(self) -> None:
        """Layers share another clock from now on."""
        for source in self._known.values():
            source.shift = None

    def to_go_over(self, now: float) -> Source | None:
        """The layer that waits for a key frame to be taken instead of the current one."""
        best = self._best(now)
        if self.current is None or best is None or best is self.current:
            return None
        is_better = best.pixels > self.current.pixels and best.is_steady(now)
        return best if is_better or not self.current.is_alive(now) else None

    def _layer_of(self, packet: RtpPacket) -> str:
        value = rtp.header_extension(packet, self.plan.layer_extension) if self.plan.layers else None
        return "" if value is None else value.decode("ascii", "replace")

    def _is_wanted(self, layer: str, now: float) -> bool:
        if layer in self.plan.layers:
            return True
        is_late = not self.plan.layers or now - self._began_at > CHOICE_S
        return is_late and not any(source.is_alive(now) for source in self._known.values())

    def _make_room(self, now: float) -> None:
        if len(self._known) < MAX_SOURCES:
            return
        others = [source for source in self._known.values() if source is not self.current]
        del self._known[max(others, key=lambda source: source.silent_s(now)).ssrc]

    def _is_due(self, source: Source, frame: Frame, now: float) -> bool:
        if self.current is None:
            source.keep(frame, now)
            return bool(source.pending) and self._may_choose(now) and source is self._best(now)
        if not frame.is_key:
            return False
        return source is self.to_go_over(now) or self.current.silent_s(now) >= 2 * SILENT_S

    def _may_choose(self, now: float) -> bool:
        seen = {source.layer for source in self._known.values() if source.pixels}
        return seen >= set(self.plan.layers) or now - self._began_at > CHOICE_S

    def _best(self, now: float) -> Source | None:
        """The alive source with the largest pictures; of equal ones that which was offered first."""
        alive = [source for source in self._known.values() if source.pixels and source.is_alive(now)]
        return max(alive, key=lambda source: (source.pixels, -self._rank(source)), default=None)

    def _rank(self, source: Source) -> int:
        return self.plan.layers.index(source.layer) if source.layer in self.plan.layers else len(self.plan.layers)
