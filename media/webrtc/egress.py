"""One viewer: headers, keys and sending on the way out; NACK, PLI and goodbye on the way in."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from media.unit import VIDEO_TIMESCALE, Kind
from media.webrtc import rtp
from media.webrtc.extensions import SentExtensions
from media.webrtc.fanout import Anchor, Burst, CodedPacket, RtpFanout
from media.webrtc.inbound import OPUS_RATE
from media.webrtc.losses import Losses
from media.webrtc.quality import ViewerPictures
from media.webrtc.session import PeerSession
from media.webrtc.statistics import ViewerStatistics, round_trip_s

_MAX_REPEATS_A_SECOND = 600
#: How often packets tell when they were captured, at most: receivers go on from there.
_CAPTURE_EVERY_S = 1.0
_ONE = ((0, 1),)


class _Repeats(msgspec.Struct):
    """The source of its own that lost packets are sent once more from."""

    payload_type: int
    ssrc: int
    next_sequence: int


class Line(msgspec.Struct):
    """One kind's numbers for this viewer. ``sequence_offset`` is fixed with the first packet of a fan-out: ``source``,
    whose packets before ``first`` were not sent."""

    kind: Kind
    payload_type: int
    ssrc: int
    ticks_offset: int
    rate: int
    sequence_offset: int | None = None
    source: RtpFanout | None = None
    first: int = 0
    next_sequence: int = 0
    packets: int = 0
    octets: int = 0
    extensions: SentExtensions = SentExtensions()
    repeats: _Repeats | None = None
    captured_at: float = float("-inf")

    def headers(self, first: int, count: int, *, ticks: int, marker: bool, extension: bytes) -> list[bytes]:
        """Those of packets of one unit, numbered from ``first`` on. ``marker``: the last has it."""
        version = 0x90 if extension else 0x80
        pack, payload_type, ssrc = rtp.HEADER.pack, self.payload_type, self.ssrc
        at = (ticks + self.ticks_offset) & 0xFFFFFFFF
        last = first + count - 1
        headers = [pack(version, payload_type, number & 0xFFFF, at, ssrc) + extension for number in range(first, last)]
        headers.append(
            pack(version, payload_type | 0x80 if marker else payload_type, last & 0xFFFF, at, ssrc) + extension
        )
        return headers

    def described(self, cname: str) -> tuple[str, ...]:
        """The sources, as the answer has them (RFC 5576)."""
        own = f"ssrc:{self.ssrc} cname:{cname}"
        if self.repeats is None:
            return (own,)
        again = self.repeats.ssrc
        return (f"ssrc-group:FID {self.ssrc} {again}", own, f"ssrc:{again} cname:{cname}")


def new_line(
    kind: Kind, payload_type: int, *, repeats: int | None = None, extensions: SentExtensions | None = None
) -> Line:
    """A line with random numbers, as RFC 3550, section 5.1 wants them. ``repeats``: the payload type in which packets
    are sent once more (RFC 4588); None: they are as they were."""
    return Line(
        kind=kind,
        payload_type=payload_type,
        ssrc=secrets.randbits(32),
        ticks_offset=secrets.randbits(32),
        rate=VIDEO_TIMESCALE if kind == "video" else OPUS_RATE,
        extensions=extensions or SentExtensions(),
        repeats=None if repeats is None else _Repeats(repeats, secrets.randbits(32), secrets.randbits(15)),
    )


class Egress:
    """Joins the fan-out once connected. Belongs to the session, whose callbacks it takes."""

    def __init__(
        self,
        *,
        fanout: RtpFanout,
        lines: Sequence[Line],
        cname: str,
        lacks: frozenset[Kind] = frozenset(),
        losses: Losses | None = None,
        pictures: Callable[[Callable[[Burst, RtpFanout], None]], ViewerPictures] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``pictures`` makes what chooses among renditions, given what sends their packets."""
        self.statistics = ViewerStatistics()
        self._clock = clock
        self._wall_clock = wall_clock
        self._counted: tuple[float, int] | None = None
        self.pictures = pictures(self._send_pictures) if pictures is not None else None
        self._losses = losses if losses is not None else Losses()
        self.is_waiting_for_key = True
        self.lacks = lacks
        self._fanout = fanout
        self._session: PeerSession | None = None
        self._lines: dict[Kind, Line] = {line.kind: line for line in lines}
        self._by_ssrc = {line.ssrc: line for line in lines}
        self._cname = cname
        self._repeats_left = _MAX_REPEATS_A_SECOND

    def attach(self, session: PeerSession) -> None:
        self._session = session

    def on_connected(self, now: float) -> None:
        self._fanout.join(self, at_once=True)
        for line in self._lines.values():
            line.first = line.next_sequence - (line.sequence_offset or 0)

    def on_rtp(self, data: bytes, now: float) -> None:
        """Viewers have nothing to send."""

    def on_rtcp(self, data: bytes, now: float) -> None:
        for feedback in rtp.parse_rtcp(data):
            if isinstance(feedback, rtp.Nack):
                self._repeat(feedback)
            elif isinstance(feedback, rtp.KeyframeRequest) and feedback.ssrc in self._by_ssrc:
                self.statistics.stuck += not self.is_waiting_for_key
                (self._by_ssrc[feedback.ssrc].source or self._fanout).want_keyframe()
            elif isinstance(feedback, rtp.ReceiverReport):
                self._note_report(feedback, now)
            elif isinstance(feedback, rtp.Estimate):
                self._note_estimate(feedback, now)

    def _note_report(self, report: rtp.ReceiverReport, now: float) -> None:
        for block in report.blocks:
            line = self._by_ssrc.get(block.ssrc)
            if line is None:
                continue
            trip_s = round_trip_s(block.last_sr, block.since_sr, self._wall_clock())
            self.statistics.rtt_s = self.statistics.rtt_s if trip_s is None else trip_s
            if line.kind == "video":
                self._note_pictures(block, now)

    def _note_pictures(self, block: rtp.ReportBlock, now: float) -> None:
        told = self.statistics
        told.lost_share, told.lost, told.jitter_s = (
            block.fraction_lost / 256,
            block.lost,
            block.jitter / VIDEO_TIMESCALE,
        )
        if self.pictures is not None:
            self.pictures.report(block.fraction_lost, now, sent=told.bitrate)

    def _note_estimate(self, estimate: rtp.Estimate, now: float) -> None:
        self.statistics.estimate = estimate.bitrate
        if self.pictures is not None:
            self.pictures.estimated(estimate.bitrate, sent=self.statistics.bitrate, now=now)

    def on_tick(self, now: float) -> None:
        self._repeats_left = _MAX_REPEATS_A_SECOND
        self._count(now)
        if self.pictures is not None:
            self.pictures.check()

    def _count(self, now: float) -> None:
        octets = sum(line.octets for line in self._lines.values())
        if self._counted is not None and now > self._counted[0]:
            self.statistics.bitrate = round((octets - self._counted[1]) * 8 / (now - self._counted[0]))
        self._counted = (now, octets)

    def send(self, kind: Kind, burst: Burst) -> None:
        if kind == "audio" or self.pictures is None or self.pictures.takes_main:
            self._send(kind, burst, self._fanout)

    def _send_pictures(self, burst: Burst, source: RtpFanout) -> None:
        self._send("video", burst, source)

    def _send(self, kind: Kind, burst: Burst, source: RtpFanout) -> None:
        line = self._lines.get(kind)
        session = self._session
        if line is None or session is None:
            return
        if line.source is not source:
            _begin(line, source, burst.first)
        first, count = burst.first + (line.sequence_offset or 0), len(burst.payloads)
        extension = line.extensions.encode(self._clock(), _captured(line, burst))
        headers = line.headers(first, count, ticks=burst.ticks, marker=burst.marker, extension=extension)
        session.send_rtp(headers, burst.payloads, ssrc=line.ssrc, first=first, runs=burst.runs)
        line.next_sequence = first + count
        line.packets += count
        line.octets += burst.octets

    def report(self, anchor: Anchor) -> None:
        if self._session is None or self.is_waiting_for_key:
            return
        compound = b""
        for line in self._lines.values():
            ticks = round(anchor.seconds * line.rate) + line.ticks_offset
            compound += rtp.sender_report(
                ssrc=line.ssrc,
                ntp=rtp.ntp_time(anchor.at),
                timestamp=ticks,
                packets=line.packets,
                octets=line.octets,
            ) + rtp.source_description(ssrc=line.ssrc, cname=self._cname)
        self._session.send_rtcp(compound)

    def end(self, reason: str) -> None:
        if self._session is not None:
            self._session.send_rtcp(rtp.bye(self._by_ssrc))
            self._session.close(reason)

    def _repeat(self, nack: rtp.Nack) -> None:
        line = self._by_ssrc.get(nack.ssrc)
        if line is None or line.sequence_offset is None or line.source is None or self._session is None:
            return
        self.statistics.asked += len(nack.sequences)
        latest = line.source.next_sequence(line.kind)
        for sequence in nack.sequences:
            if self._repeats_left <= 0:
                return
            own = sequence - line.sequence_offset
            packet = line.source.lookup(line.kind, latest - (latest - own) % (1 << 16))
            if packet is not None and packet.sequence >= line.first:
                self._repeats_left -= 1
                self.statistics.repeated += 1
                self._losses.repeated += 1
                self._send_again(self._session, line, packet, packet.sequence + line.sequence_offset)

    def _send_again(self, session: PeerSession, line: Line, packet: CodedPacket, number: int) -> None:
        extension = line.extensions.encode(self._clock())
        again = line.repeats
        if again is None:
            headers = line.headers(number, 1, ticks=packet.ticks, marker=packet.marker, extension=extension)
            session.send_rtp(headers, [packet.payload], ssrc=line.ssrc, first=number, runs=_ONE)
            return
        first, again.next_sequence = again.next_sequence, again.next_sequence + 1
        header = rtp.HEADER.pack(
            0x90 if extension else 0x80,
            again.payload_type | (0x80 if packet.marker else 0),
            first & 0xFFFF,
            (packet.ticks + line.ticks_offset) & 0xFFFFFFFF,
            again.ssrc,
        )
        payload = (number & 0xFFFF).to_bytes(2, "big") + packet.payload
        session.send_rtp([header + extension], [payload], ssrc=again.ssrc, first=first, runs=_ONE)


def _captured(line: Line, burst: Burst) -> float | None:
    """When the burst was, if it is time to tell."""
    at = burst.captured_at
    if at is None or not line.extensions.tells_capture or abs(at - line.captured_at) < _CAPTURE_EVERY_S:
        return None
    line.captured_at = at
    return at


def _begin(line: Line, source: RtpFanout, first: int) -> None:
    """The line's packets come from another fan-out now, whose first has this number: their numbers go on."""
    # At first below 2^15, so that a receiver that misses the first packets cannot be wrong about the roll-over.
    following = secrets.randbits(15) if line.source is None else line.next_sequence
    line.source, line.first, line.sequence_offset = source, first, following - first
