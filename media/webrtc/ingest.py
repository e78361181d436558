"""One publisher: decrypted RTP in, units into a publication out, feedback to the publisher."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import msgspec

from media.publication import Publication
from media.unit import VIDEO_TIMESCALE, Kind, Track, Unit
from media.webrtc import rtp
from media.webrtc.inbound import OPUS_RATE, Frame, OpusReceiver, Timeline, VideoReceiver
from media.webrtc.jitter import JitterBuffer, Reception
from media.webrtc.rtp import RtpPacket
from media.webrtc.session import Session

_REPORT_EVERY_S = 1.0
_MIN_ASK_S = 0.5
_LAYER_WAIT_S = 3.0
_SOURCE_SILENT_S = 1.0
_AUDIO_WAIT_S = 1.0
_VIDEO_WAIT_S = 4.0
_MAX_PENDING = 512


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was negotiated for one kind. ``layers`` are the simulcast ids, the wanted one first."""

    kind: Kind
    payload_type: int
    receiver: OpusReceiver | VideoReceiver
    feedback: frozenset[str] = frozenset()
    layers: tuple[str, ...] = ()
    layer_extension: int = 0


class _Source:
    """One SSRC that is being received."""

    def __init__(self, *, ssrc: int, kind: Kind) -> None:
        is_video = kind == "video"
        self.ssrc = ssrc
        self.heard_at = 0.0
        self.jitter = JitterBuffer(wait_s=0.3 if is_video else 0.08, max_packets=1_024 if is_video else 64)
        self.reception = Reception(ssrc=ssrc, clock_rate=VIDEO_TIMESCALE if is_video else OPUS_RATE)


class _Stream:
    """One kind: chooses the source (the simulcast layer) and keeps to it while it is alive."""

    def __init__(self, plan: StreamPlan, now: float) -> None:
        self.plan = plan
        self.source: _Source | None = None
        self._began_at = now
        self._layers: dict[int, str] = {}

    def choose(self, packet: RtpPacket, now: float) -> _Source | None:
        """The source to which ``packet`` belongs; None when it is of a layer that is not wanted."""
        source = self.source
        if source is not None and source.ssrc == packet.ssrc:
            source.heard_at = now
            return source
        if source is not None and now - source.heard_at < _SOURCE_SILENT_S:
            return None
        if self.plan.layers and not self._is_wanted(packet, now):
            return None
        self.source = _Source(ssrc=packet.ssrc, kind=self.plan.kind)
        self.source.heard_at = now
        return self.source

    def _is_wanted(self, packet: RtpPacket, now: float) -> bool:
        value = rtp.header_extension(packet, self.plan.layer_extension)
        if value is not None and len(self._layers) < 16:
            self._layers[packet.ssrc] = value.decode("ascii", "replace")
        return self._layers.get(packet.ssrc) == self.plan.layers[0] or now - self._began_at > _LAYER_WAIT_S


class Ingest:
    """The handler of a publisher's session, which must be attached before it is fed."""

    def __init__(
        self,
        *,
        plans: Sequence[StreamPlan],
        publication: Publication,
        keyframe_every_s: float,
        gone_after_s: float,
        max_bitrate: int,
        now: float,
    ) -> None:
        self.units = 0
        self._streams = {plan.payload_type: _Stream(plan, now) for plan in plans}
        self._kinds = frozenset(plan.kind for plan in plans)
        known = [plan.receiver.track for plan in plans if isinstance(plan.receiver, OpusReceiver)]
        self._output = _Output(publication, self._kinds, known)
        self._session: Session | None = None
        self._keyframe_every_s = keyframe_every_s
        self._gone_after_s = gone_after_s
        self._max_bitrate = max_bitrate
        self._ssrc = secrets.randbits(32)
        self._heard_at = now
        self._key_at = now
        self._asked_at = 0.0
        self._reported_at = now
        self._wants_key = False
        self._said_bye: set[int] = set()

    def attach(self, session: Session) -> None:
        self._session = session

    def on_connected(self, now: float) -> None:
        self._heard_at = self._key_at = now

    def on_rtp(self, data: bytes, now: float) -> None:
        packet = rtp.parse(data)
        stream = self._streams.get(packet.payload_type) if packet is not None else None
        if packet is None or stream is None:
            return
        self._heard_at = now
        before = stream.source
        source = stream.choose(packet, now)
        if source is None:
            return
        if before is not None and source is not before:
            self._output.timeline.restart(stream.plan.kind)
        source.reception.add(packet, now)
        source.jitter.push(packet, now)
        self._drain(stream, source, now)

    def on_rtcp(self, data: bytes, now: float) -> None:
        for feedback in rtp.parse_rtcp(data):
            if isinstance(feedback, rtp.SenderReport):
                self._on_report(feedback, now)
            elif isinstance(feedback, rtp.Bye):
                self._on_bye(feedback)

    def want_keyframe(self) -> None:
        """Ask for a key frame at the next tick at the latest."""
        self._wants_key = True

    def on_tick(self, now: float) -> None:
        for stream in self._streams.values():
            if stream.source is not None:
                self._drain(stream, stream.source, now)
        self._output.on_tick(now)
        if now - self._key_at >= self._keyframe_every_s and now - self._asked_at >= self._keyframe_every_s / 2:
            self._wants_key = True
        self._ask_for_key(now)
        if now - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = now
            self._report(now)
        if now - self._heard_at > self._gone_after_s:
            self._close(f"the publisher sent nothing for {self._gone_after_s:g} s")

    def _drain(self, stream: _Stream, source: _Source, now: float) -> None:
        receiver = stream.plan.receiver
        while (popped := source.jitter.pop(now)) is not None:
            for frame in receiver.push(*popped):
                self._on_frame(frame, now)
        if receiver.wants_key:
            receiver.wants_key = False
            self._wants_key = True
            self._ask_for_key(now)
        if "nack" in stream.plan.feedback and (lost := source.jitter.to_ask(now)):
            self._send_rtcp(self._compound(rtp.nack(sender=self._ssrc, media=source.ssrc, sequences=lost)))

    def _on_frame(self, frame: Frame, now: float) -> None:
        if self._session is not None and self._session.closed is not None:
            return
        if frame.kind == "video" and frame.is_key:
            self._key_at = now
            self._wants_key = False
        self.units += 1
        self._output.put(frame, now)

    def _on_report(self, report: rtp.SenderReport, now: float) -> None:
        for stream in self._streams.values():
            if stream.source is not None and stream.source.ssrc == report.ssrc:
                stream.source.reception.on_report(report, now)
                ticks = stream.plan.receiver.unwrapper.peek(report.timestamp)
                self._output.timeline.on_report(stream.plan.kind, at=rtp.ntp_seconds(report.ntp), ticks=ticks)

    def _on_bye(self, bye: rtp.Bye) -> None:
        self._said_bye.update(bye.ssrcs[:8])
        sources = {stream.source.ssrc for stream in self._streams.values() if stream.source is not None}
        if sources and sources <= self._said_bye:
            self._close("the publisher said goodbye")
        if len(self._said_bye) > 64:
            self._said_bye.clear()

    def _ask_for_key(self, now: float) -> None:
        if not self._wants_key or now - self._asked_at < _MIN_ASK_S:
            return
        for stream in self._streams.values():
            if stream.plan.kind == "video" and stream.source is not None:
                self._wants_key = False
                self._asked_at = now
                self._send_rtcp(self._compound(rtp.pli(sender=self._ssrc, media=stream.source.ssrc)))

    def _report(self, now: float) -> None:
        sources = [stream.source for stream in self._streams.values() if stream.source is not None]
        if not sources:
            return
        packet = rtp.receiver_report(sender=self._ssrc, blocks=[s.reception.block(now) for s in sources])
        if any("goog-remb" in stream.plan.feedback for stream in self._streams.values()):
            ssrcs = [source.ssrc for source in sources]
            packet += rtp.remb(sender=self._ssrc, media=ssrcs, bitrate=self._max_bitrate)
        self._send_rtcp(packet)

    def _send_rtcp(self, compound: bytes) -> None:
        if self._session is not None:
            self._session.send_rtcp(compound)

    def _close(self, reason: str) -> None:
        if self._session is not None:
            self._session.close(reason)

    def _compound(self, feedback: bytes) -> bytes:
        return rtp.receiver_report(sender=self._ssrc, blocks=()) + feedback


class _Output:
    """Announces tracks and writes units. Waits a little for all negotiated kinds, so that readers do not see
    the tracks change right after the start. A track that is known without a packet (``known``) is announced although
    none has come: players look only once which tracks there are."""

    def __init__(self, publication: Publication, kinds: frozenset[Kind], known: Sequence[Track]) -> None:
        self.timeline = Timeline(base_ms=publication.media_time_ms)
        self.dropped_frames = 0
        self._publication = publication
        self._kinds = kinds
        self._known = known
        self._tracks: dict[Kind, Track] = {}
        self._announced: tuple[Track, ...] = ()
        self._pending: list[tuple[Frame, float]] = []
        self._waits_until: float | None = None
        self._last_video = -1

    def put(self, frame: Frame, now: float) -> None:
        if self._announced:
            self._write(frame, now)
            return
        self._tracks[frame.kind] = frame.track
        if self._waits_until is None or (frame.kind == "video" and not self._pending):
            waits_for_video = "video" in self._kinds and frame.kind == "audio"
            self._waits_until = now + (_VIDEO_WAIT_S if waits_for_video else _AUDIO_WAIT_S)
        if frame.kind == "video" or "video" in self._tracks or "video" not in self._kinds:
            self._pending.append((frame, now))
        if set(self._tracks) >= self._kinds or len(self._pending) >= _MAX_PENDING:
            self._start()

    def on_tick(self, now: float) -> None:
        if not self._announced and self._waits_until is not None and now >= self._waits_until:
            self._start()

    def _start(self) -> None:
        for track in self._known:
            self._tracks.setdefault(track.kind, track)
        self._announce()
        for frame, at in self._pending:
            self._write(frame, at)
        self._pending.clear()

    def _announce(self) -> None:
        ordered = [self._tracks[kind] for kind in ("video", "audio") if kind in self._tracks]
        self._announced = tuple(ordered)
        self._publication.configure(ordered)

    def _write(self, frame: Frame, now: float) -> None:
        if self._tracks.get(frame.kind) != frame.track:
            self._tracks[frame.kind] = frame.track
            self._announce()
        pts = self.timeline.place(frame.kind, frame.ticks, rate=frame.track.timescale, now=now)
        if frame.kind == "video":
            if pts <= self._last_video:
                self.dropped_frames += 1
                return
            self._last_video = pts
        unit = Unit(kind=frame.kind, pts=pts, dts=pts, is_key=frame.is_key, data=frame.data, at=time.time())
        self._publication.write(unit)
