"""Puts received packets in order, says which to ask for again, and counts for receiver reports. Sans-I/O."""

from __future__ import annotations

import msgspec

from media.webrtc import rtp
from media.webrtc.rtp import RtpPacket, SenderReport

_HALF = 1 << 15
_MAX_ASKS = 6


class _Missing(msgspec.Struct):
    since: float
    ask_at: float
    asks: int = 0


class JitterBuffer:
    """Hands packets on in sequence. A gap is waited for ``wait_s`` at most, then skipped and announced.

    ``max_packets`` bounds how many sequence numbers the oldest gap is waited for; a jump of more than that starts anew.
    """

    def __init__(self, *, wait_s: float, max_packets: int, ask_every_s: float = 0.05) -> None:
        self.lost_packets = 0
        self._wait_s = wait_s
        self._max_packets = max_packets
        self._ask_every_s = ask_every_s
        self._expected = -1
        self._highest = -1
        self._held: dict[int, RtpPacket] = {}
        self._missing: dict[int, _Missing] = {}
        self._ended_at: int | None = None
        """The time stamp of the frame that has ended with the last packet; None within a frame."""

    def push(self, packet: RtpPacket, now: float) -> None:
        """Take one packet in; duplicates and what comes too late are ignored."""
        sequence = self._unwrapped(packet.sequence)
        if sequence < self._expected - 0x4000 or sequence - self._highest > self._max_packets:
            sequence = self._restart(packet)
        if sequence < self._expected or sequence in self._held:
            return
        self._held[sequence] = packet
        self._missing.pop(sequence, None)
        for gap in range(self._highest + 1, sequence):
            self._missing[gap] = _Missing(now, now)
        self._highest = max(self._highest, sequence)

    def _unwrapped(self, sequence: int) -> int:
        if self._expected < 0:
            self._begin(sequence)
        return self._highest + (sequence - self._highest + _HALF) % (1 << 16) - _HALF

    def _begin(self, sequence: int) -> int:
        """Numbers count on from here, beyond 16 bits."""
        self._expected, self._highest = sequence, sequence - 1
        return sequence

    def _restart(self, packet: RtpPacket) -> int:
        self.lost_packets += 1
        self._held.clear()
        self._missing.clear()
        self._ended_at = None
        return self._begin(packet.sequence)

    def pop(self, now: float) -> tuple[RtpPacket, bool] | None:
        """The next packet and whether packets before it were lost; None while waiting."""
        was_lost = False
        while self._expected not in self._held:
            if self._is_filling():
                continue
            if not self._held or not self._gives_up(now):
                return None
            was_lost = True
        packet = self._held.pop(self._expected)
        self._expected += 1
        self._ended_at = packet.timestamp if packet.marker or not packet.payload else None
        return packet, was_lost

    def _is_filling(self) -> bool:
        """Passes over a gap in what only fills the line: senders do not repeat that. Between the end of a frame and a
        packet of the same time stamp there is nothing else."""
        following = min(self._held, default=None)
        if following is None or self._ended_at is None or self._held[following].timestamp != self._ended_at:
            return False
        self._skip_to(following)
        return True

    def _skip_to(self, following: int) -> None:
        for sequence in range(self._expected, following):
            self._missing.pop(sequence, None)
        self._expected = following

    def _gives_up(self, now: float) -> bool:
        waited_s = now - self._missing[self._expected].since
        if waited_s < self._wait_s and self._highest - self._expected < self._max_packets:
            return False
        following = min(self._held)
        self.lost_packets += following - self._expected
        self._skip_to(following)
        return True

    def to_ask(self, now: float) -> list[int]:
        """The sequence numbers (16 bits) to ask for now; each again after a while, a few times."""
        if not self._missing:
            return []
        due = sorted(n for n, gap in self._missing.items() if gap.ask_at <= now and gap.asks < _MAX_ASKS)
        asked = due[: rtp.MAX_NACKS]
        for number in asked:
            gap = self._missing[number]
            gap.ask_at = now + self._ask_every_s * (1 + gap.asks)
            gap.asks += 1
        return [number & 0xFFFF for number in asked]


class Reception:
    """Statistics of one source for receiver reports (RFC 3550, appendix A)."""

    def __init__(self, *, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self._clock_rate = clock_rate
        self._base = 0
        self._highest = -1
        self._received = 0
        self._prior = (0, 0)
        self._jitter = 0.0
        self._transit: float | None = None
        self._report: tuple[int, float] | None = None

    def add(self, packet: RtpPacket, now: float) -> None:
        if not self._received:
            self._base = self._highest = packet.sequence
        step = (packet.sequence - self._highest) & 0xFFFF
        if step < _HALF:
            self._highest += step
        self._received += 1
        transit = now * self._clock_rate - packet.timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._clock_rate:
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def on_report(self, report: SenderReport, now: float) -> None:
        self._report = ((report.ntp >> 16) & 0xFFFFFFFF, now)

    def block(self, now: float) -> rtp.ReportBlock:
        """The report block since the one before."""
        expected = self._highest - self._base + 1
        more, got = expected - self._prior[0], self._received - self._prior[1]
        self._prior = (expected, self._received)
        last_sr, heard_at = self._report or (0, now)
        return rtp.ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=max(0, more - got) * 256 // more if more else 0,
            lost=expected - self._received,
            highest=self._highest,
            jitter=int(self._jitter),
            last_sr=last_sr,
            since_sr=int((now - heard_at) * 65_536),
        )
