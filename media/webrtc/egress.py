"""One viewer: headers, keys and sending on the way out; NACK, PLI and goodbye on the way in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from media.unit import VIDEO_TIMESCALE, Kind
from media.webrtc import rtp
from media.webrtc.fanout import Anchor, CodedPacket, RtpFanout
from media.webrtc.inbound import OPUS_RATE
from media.webrtc.losses import Losses
from media.webrtc.session import PeerSession

_MAX_REPEATS_A_SECOND = 600


class _Line(msgspec.Struct):
    """One kind's numbers for this viewer. ``sequence_offset`` is fixed with the first packet."""

    kind: Kind
    payload_type: int
    ssrc: int
    ticks_offset: int
    rate: int
    sequence_offset: int | None = None
    packets: int = 0
    octets: int = 0


def new_line(kind: Kind, payload_type: int) -> _Line:
    """A line with random numbers, as RFC 3550, section 5.1 wants them."""
    return _Line(
        kind=kind,
        payload_type=payload_type,
        ssrc=secrets.randbits(32),
        ticks_offset=secrets.randbits(32),
        rate=VIDEO_TIMESCALE if kind == "video" else OPUS_RATE,
    )


class Egress:
    """Joins the fan-out once connected. Belongs to the session, whose callbacks it takes."""

    def __init__(
        self,
        *,
        fanout: RtpFanout,
        lines: Sequence[_Line],
        cname: str,
        lacks: frozenset[Kind] = frozenset(),
        losses: Losses | None = None,
    ) -> None:
        self._losses = losses if losses is not None else Losses()
        self.is_waiting_for_key = True
        self.lacks = lacks
        self.repeated_packets = 0
        self._fanout = fanout
        self._session: PeerSession | None = None
        self._lines: dict[Kind, _Line] = {line.kind: line for line in lines}
        self._by_ssrc = {line.ssrc: line for line in lines}
        self._cname = cname
        self._repeats_left = _MAX_REPEATS_A_SECOND

    def attach(self, session: PeerSession) -> None:
        self._session = session

    def on_connected(self, now: float) -> None:
        self._fanout.join(self)

    def on_rtp(self, data: bytes, now: float) -> None:
        """Viewers have nothing to send."""

    def on_rtcp(self, data: bytes, now: float) -> None:
        for feedback in rtp.parse_rtcp(data):
            if isinstance(feedback, rtp.Nack):
                self._repeat(feedback)
            elif isinstance(feedback, rtp.KeyframeRequest) and feedback.ssrc in self._by_ssrc:
                self._fanout.want_keyframe()

    def on_tick(self, now: float) -> None:
        self._repeats_left = _MAX_REPEATS_A_SECOND

    def send(self, kind: Kind, packets: Sequence[CodedPacket]) -> None:
        line = self._lines.get(kind)
        session = self._session
        if line is None or session is None:
            return
        if line.sequence_offset is None:
            # Below 2^15, so that a receiver that misses the first packets cannot be wrong about the roll-over.
            line.sequence_offset = secrets.randbits(15) - packets[0].sequence
        offset = line.sequence_offset
        session.send_all([_encode(line, packet, offset) for packet in packets])
        line.packets += len(packets)
        line.octets += sum(len(packet.payload) for packet in packets)

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
        if line is None or line.sequence_offset is None or self._session is None:
            return
        latest = self._fanout.next_sequence(line.kind)
        for sequence in nack.sequences:
            if self._repeats_left <= 0:
                return
            own = sequence - line.sequence_offset
            packet = self._fanout.lookup(line.kind, latest - (latest - own) % (1 << 16))
            if packet is not None:
                self._repeats_left -= 1
                self.repeated_packets += 1
                self._losses.repeated += 1
                self._session.send_rtp(_encode(line, packet, line.sequence_offset))


def _encode(line: _Line, packet: CodedPacket, sequence_offset: int) -> bytes:
    return (
        rtp.HEADER.pack(
            0x80,
            line.payload_type | 0x80 if packet.marker else line.payload_type,
            (packet.sequence + sequence_offset) & 0xFFFF,
            (packet.ticks + line.ticks_offset) & 0xFFFFFFFF,
            line.ssrc,
        )
        + packet.payload
    )
