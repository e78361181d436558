"""One publisher: decrypted RTP in, units into a publication out, feedback to the publisher."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from media.publication import Publication
from media.unit import Kind, Track, Unit
from media.webrtc import capture, rtp
from media.webrtc.inbound import Frame, OpusReceiver, RtpTimeline
from media.webrtc.layers import LayerClock, LayerRenditions
from media.webrtc.losses import Losses
from media.webrtc.session import PeerSession
from media.webrtc.sources import Source, Sources, StreamPlan
from media.webrtc.statistics import PublisherStatistics, round_trip_s
from media.webrtc.twcc import Arrivals

_REPORT_EVERY_S = 1.0
_MIN_ASK_S = 0.5
_TELL_EVERY_S = 0.1
_AUDIO_WAIT_S = 1.0
_VIDEO_WAIT_S = 4.0
_MAX_PENDING = 512


class WebrtcIngest:
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
        losses: Losses | None = None,
    ) -> None:
        self.units = 0
        self.statistics = PublisherStatistics()
        self._captured = capture.PublisherClock()
        self._octets = 0
        self._losses = losses if losses is not None else Losses()
        self._streams = {plan.payload_type: Sources(plan, now) for plan in plans}
        self._repeated = {s.plan.repeats: s for s in self._streams.values() if s.plan.repeats is not None}
        self._kinds = frozenset(plan.kind for plan in plans)
        receivers = [plan.new_receiver() for plan in plans]
        known = [receiver.track for receiver in receivers if isinstance(receiver, OpusReceiver)]
        self._publication = publication
        self._clock = LayerClock()
        self._layers = LayerRenditions(publication)
        self._output = _Output(publication, self._kinds, known, on_video=self._layers.note)
        self._session: PeerSession | None = None
        self._keyframe_every_s = keyframe_every_s
        self._gone_after_s = gone_after_s
        self._max_bitrate = max_bitrate
        self._ssrc = secrets.randbits(32)
        self._heard_at = now
        self._key_at = now
        self._asked_at = self._asked_layer_at = 0.0
        self._reported_at = now
        self._wants_key = False
        self._said_bye: set[int] = set()
        self._arrivals = Arrivals()
        self._arrived_of = 0
        self._told_at = now

    def attach(self, session: PeerSession) -> None:
        self._session = session

    def on_connected(self, now: float) -> None:
        self._heard_at = self._key_at = now

    def on_rtp(self, data: bytes, now: float) -> None:
        packet = rtp.parse(data)
        if packet is None:
            return
        repeated = self._repeated.get(packet.payload_type)
        stream = repeated or self._streams.get(packet.payload_type)
        if stream is None:
            return
        self._heard_at = now
        self._note_arrival(packet, stream.plan, now)
        if repeated is None:
            self._take(stream, packet, now, is_first=True)
        elif (restored := stream.restored(packet, now)) is not None:
            self._take(stream, restored, now, is_first=False)

    def _take(self, stream: Sources, packet: rtp.RtpPacket, now: float, *, is_first: bool) -> None:
        source = stream.find(packet, now)
        if source is None:
            return
        if value := rtp.header_extension(packet, stream.plan.capture_extension):
            source.captured(packet, value)
        self._octets += len(packet.payload)
        self._losses.received += 1
        if is_first:
            source.reception.add(packet, now)
        source.jitter.push(packet, now)
        self._drain(stream, source, now)

    def on_rtcp(self, data: bytes, now: float) -> None:
        for feedback in rtp.parse_rtcp(data):
            if isinstance(feedback, rtp.SenderReport):
                self._on_report(feedback, now)
            elif isinstance(feedback, rtp.Bye):
                self._on_bye(feedback, now)
            elif isinstance(feedback, rtp.SinceReference) and feedback.ssrc == self._ssrc:
                self._note_round_trip(feedback)

    def _note_round_trip(self, told: rtp.SinceReference) -> None:
        trip_s = round_trip_s(told.last, told.since, time.time())
        if trip_s is not None:
            self.statistics.rtt_s = self._captured.round_trip_s = trip_s

    def _note_arrival(self, packet: rtp.RtpPacket, plan: StreamPlan, now: float) -> None:
        value = rtp.header_extension(packet, plan.transport_extension) if plan.transport_extension else None
        if value is not None and len(value) == 2:
            self._arrivals.add(int.from_bytes(value, "big"), now)
            self._arrived_of = packet.ssrc

    def _tell_arrivals(self, now: float) -> None:
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            for feedback in self._arrivals.feedback(sender=self._ssrc, media=self._arrived_of):
                self._send_rtcp(self._compound(feedback))

    def want_keyframe(self) -> None:
        """Ask for a key frame at the next tick at the latest."""
        self._wants_key = True

    def on_tick(self, now: float) -> None:
        for stream in self._streams.values():
            for source in stream.known:
                self._drain(stream, source, now)
        self._output.on_tick(now)
        self._tell_arrivals(now)
        if now - self._key_at >= self._keyframe_every_s and now - self._asked_at >= self._keyframe_every_s / 2:
            self._wants_key = True
        self._ask_for_key(now)
        self._ask_to_go_over(now)
        if now - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = now
            self._report(now)
            if any(stream.lacks_best for stream in self._streams.values()):
                self._publication.warn("track_paused")
        if now - self._heard_at > self._gone_after_s:
            self._close(f"the publisher sent nothing for {self._gone_after_s:g} s")

    def _drain(self, stream: Sources, source: Source, now: float) -> None:
        receiver = source.receiver
        while (popped := source.jitter.pop(now)) is not None:
            self._losses.gaps += popped[1]
            for frame in receiver.push(*popped):
                self._date(source, frame, now)
                self._admit(stream, source, frame, now)
        if receiver.wants_key:
            receiver.wants_key = False
            self.statistics.stuck += not source.is_stuck
            source.is_stuck = True
            self._lacks_key(stream, source, now)
        if "nack" in stream.plan.feedback and (lost := source.jitter.to_ask(now)):
            self._losses.asked_again += len(lost)
            self.statistics.asked += len(lost)
            self._send_rtcp(self._compound(rtp.nack(sender=self._ssrc, media=source.ssrc, sequences=lost)))

    def _date(self, source: Source, frame: Frame, now: float) -> None:
        said = source.captured_s(frame.ticks)
        frame.captured = capture.credible(None if said is None else self._captured.here(said), now)
        if frame.kind == "video" and frame.captured is not None:
            self.statistics.latency_s = now - frame.captured

    def _lacks_key(self, stream: Sources, source: Source, now: float) -> None:
        """The source goes on with a key frame only. Of a layer beside the current one it alone is asked."""
        if stream.current in (source, None):
            self._wants_key = True
            self._ask_for_key(now)
        elif now - source.asked_at >= _MIN_ASK_S:
            source.asked_at = now
            self._send_rtcp(self._compound(rtp.pli(sender=self._ssrc, media=source.ssrc)))

    def _admit(self, stream: Sources, source: Source, frame: Frame, now: float) -> None:
        before = stream.current
        frames = stream.admit(source, frame, now)
        is_layered = bool(stream.plan.layers)
        source.framed(frame.ticks, now)
        has_new_clock = before is not None and stream.current is not before and source.shift is None
        if has_new_clock:
            self._output.timeline.restart(stream.plan.kind)
            stream.forget_shifts()
        for taken, at in frames:
            place = self._clock.take(source, taken.ticks) if is_layered else taken.ticks
            self._on_frame(msgspec.structs.replace(taken, ticks=place), at)
        if has_new_clock and source.report is not None:
            self._align(stream, source, source.report)
        if is_layered and stream.current is not None:
            self._pass_on(source, stream.current, frame, now)

    def _pass_on(self, source: Source, current: Source, frame: Frame, now: float) -> None:
        """A layer with lesser pictures than the current one's is a rendition, and stays one when it becomes current."""
        if not self._layers.has(source.layer) and source.pixels >= current.pixels:
            return
        self._layers.announce(source.layer, frame.track)
        place = self._clock.place(source, current, frame.ticks, now)
        if place is not None:
            self._layers.put(source.layer, frame, place, at=time.time())

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
            for source in stream.known:
                if source.ssrc == report.ssrc:
                    self._captured.reported(report.ntp, now)
                    source.reception.on_report(report, now)
                    source.reported(report)
                    if source is stream.current:
                        self._align(stream, source, report)

    def _align(self, stream: Sources, source: Source, report: rtp.SenderReport) -> None:
        """Hand a report to the timeline. A sender without a wall clock sends 0 (RFC 3550, section 6.4.1): no report."""
        if report.ntp == 0:
            return
        ticks = source.receiver.unwrapper.peek(report.timestamp) + (source.shift or 0)
        self._output.timeline.on_report(stream.plan.kind, at=rtp.ntp_seconds(report.ntp), ticks=ticks)

    def _on_bye(self, bye: rtp.Bye, now: float) -> None:
        self._said_bye.update(bye.ssrcs[:8])
        sources = [source for stream in self._streams.values() for source in stream.known]
        for source in sources:
            if source.ssrc in bye.ssrcs:
                source.part(now)
        if sources and {source.ssrc for source in sources} <= self._said_bye:
            self._close("the publisher said goodbye")
        if len(self._said_bye) > 64:
            self._said_bye.clear()

    def _ask_for_key(self, now: float) -> None:
        if not self._wants_key or now - self._asked_at < _MIN_ASK_S:
            return
        for source in self._pictured(now):
            self._wants_key = False
            self._asked_at = source.asked_at = now
            self._send_rtcp(self._compound(rtp.pli(sender=self._ssrc, media=source.ssrc)))

    def _pictured(self, now: float) -> list[Source]:
        streams = (stream for stream in self._streams.values() if stream.plan.kind == "video")
        return [source for stream in streams for source in stream.to_ask(now)]

    def _ask_to_go_over(self, now: float) -> None:
        """A layer that is to take the place of the current one needs a key frame for that, and so do all beside it."""
        is_due = any(stream.to_go_over(now) is not None for stream in self._streams.values())
        if is_due and now - self._asked_layer_at >= 2 * _MIN_ASK_S:
            self._asked_layer_at = now
            self._wants_key = True
            self._ask_for_key(now)

    def _report(self, now: float) -> None:
        sources = [source for stream in self._streams.values() for source in stream.known]
        if not sources:
            return
        blocks = [source.reception.block(now) for source in sources]
        self._note_losses(blocks)
        self.statistics.jitter_s = max(b.jitter / s.rate for b, s in zip(blocks, sources, strict=True))
        packet = rtp.receiver_report(sender=self._ssrc, blocks=blocks)
        packet += rtp.reference_time(sender=self._ssrc, ntp=rtp.ntp_time(time.time()))
        if any("goog-remb" in stream.plan.feedback for stream in self._streams.values()):
            ssrcs = [source.ssrc for source in sources]
            packet += rtp.remb(sender=self._ssrc, media=ssrcs, bitrate=self._max_bitrate)
        self._send_rtcp(packet)

    def _note_losses(self, blocks: Sequence[rtp.ReportBlock]) -> None:
        """Once a report, which is once a second."""
        told = self.statistics
        told.lost_share = max(block.fraction_lost for block in blocks) / 256
        told.lost = sum(block.lost for block in blocks)
        told.bitrate, self._octets = round(self._octets * 8 / _REPORT_EVERY_S), 0

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

    def __init__(
        self,
        publication: Publication,
        kinds: frozenset[Kind],
        known: Sequence[Track],
        *,
        on_video: Callable[[int, int], None],
    ) -> None:
        """``on_video`` gets the ticks and the pts of each frame of pictures that is about to be written."""
        self._on_video = on_video
        self.timeline = RtpTimeline(base_ms=publication.media_time_ms)
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
        self.timeline.begin_at(self._publication.media_time_ms)

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
            self._on_video(frame.ticks, pts)
        at = time.time()
        captured_at = None if frame.captured is None else at - max(0.0, now - frame.captured)
        self._publication.write(
            Unit(
                kind=frame.kind, pts=pts, dts=pts, is_key=frame.is_key, data=frame.data, at=at, captured_at=captured_at
            )
        )  # fmt: skip
