"""RTP and RTCP packets (RFC 3550, RFC 4585), as far as one publisher and many viewers need them. Sans-I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import msgspec

HEADER = struct.Struct("!BBHLL")
_RTCP_HEADER = struct.Struct("!BBH")
_PAIR = struct.Struct("!LL")

SR, RR, SDES, BYE, RTPFB, PSFB, XR = 200, 201, 202, 203, 205, 206, 207
_NACK, _PLI, _FIR, _APP, _TRANSPORT = 1, 1, 4, 15, 15
_REFERENCE_TIME, _SINCE_REFERENCE = 4, 5

NTP_EPOCH = 2_208_988_800
MAX_NACKS = 256
_MAX_RTCP_PACKETS = 32


class RtpPacket(msgspec.Struct, gc=False):
    """One received packet. ``extension`` is the raw header extension, ``profile`` its 16-bit tag."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    profile: int
    extension: bytes


class SenderReport(msgspec.Struct, frozen=True):
    """``ntp`` is the 64-bit NTP time at which the RTP clock of ``ssrc`` showed ``timestamp``."""

    ssrc: int
    ntp: int
    timestamp: int


class Nack(msgspec.Struct, frozen=True):
    ssrc: int
    sequences: tuple[int, ...]


class KeyframeRequest(msgspec.Struct, frozen=True):
    """A PLI or a FIR for ``ssrc``."""

    ssrc: int


class Bye(msgspec.Struct, frozen=True):
    ssrcs: tuple[int, ...]


class ReceiverReport(msgspec.Struct, frozen=True):
    """``blocks``: how each source that ``ssrc`` receives arrives."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class Estimate(msgspec.Struct, frozen=True):
    """A REMB message: the receiver thinks that its connection carries this, bit/s."""

    bitrate: int


class SinceReference(msgspec.Struct, frozen=True):
    """A sender has had a reference time of ``ssrc``, of whose middle 32 bits ``last`` are, for ``since`` / 65,536 s
    (RFC 3611, section 4.5)."""

    ssrc: int
    last: int
    since: int


Feedback = SenderReport | Nack | KeyframeRequest | Bye | ReceiverReport | Estimate | SinceReference


def is_rtcp(data: bytes) -> bool:
    """Whether it is RTCP and not RTP, on one port (RFC 5761)."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def parse(data: bytes) -> RtpPacket | None:
    """The packet in ``data``, already decrypted; None when it is malformed."""
    size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    start = 12 + 4 * (first & 0x0F)
    profile, extension = 0, b""
    if first & 0x10:
        if start + 4 > size:
            return None
        profile, words = struct.unpack_from("!HH", data, start)
        extension = data[start + 4 : start + 4 + 4 * words]
        start += 4 + 4 * words
    end = size - data[-1] if first & 0x20 else size
    if first >> 6 != 2 or start > end or (first & 0x20 and not data[-1]):
        return None
    return RtpPacket(second & 0x7F, second >= 128, sequence, timestamp, ssrc, data[start:end], profile, extension)


def header_extension(packet: RtpPacket, wanted: int) -> bytes | None:
    """The element ``wanted`` of the header extension, one-byte or two-byte form (RFC 8285)."""
    data, position = packet.extension, 0
    is_short = packet.profile == 0xBEDE
    if not is_short and packet.profile & 0xFFF0 != 0x1000:
        return None
    while position < len(data):
        if data[position] == 0:
            position += 1
            continue
        if is_short:
            name, size, position = data[position] >> 4, (data[position] & 0x0F) + 1, position + 1
        elif position + 1 < len(data):
            name, size, position = data[position], data[position + 1], position + 2
        else:
            return None
        if name == wanted:
            return data[position : position + size]
        position += size
    return None


_REPORT_BLOCK = 24


def parse_rtcp(data: bytes) -> list[Feedback]:
    """What a compound packet says that matters here; a malformed rest is left out."""
    found: list[Feedback] = []
    position = 0
    for _ in range(_MAX_RTCP_PACKETS):
        if position + 8 > len(data):
            break
        first, kind, words = _RTCP_HEADER.unpack_from(data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        found.extend(_parse_one(kind, first & 0x1F, data[position + 4 : end]))
        position = end
    return found


def _parse_one(kind: int, count: int, body: bytes) -> Iterator[Feedback]:
    if kind == SR and len(body) >= 24:
        ssrc, ntp, timestamp = struct.unpack_from("!LQL", body)
        yield SenderReport(ssrc, ntp, timestamp)
    elif kind == RR and len(body) >= 4:
        blocks = range(4, min(4 + _REPORT_BLOCK * count, len(body) - _REPORT_BLOCK + 1), _REPORT_BLOCK)
        yield ReceiverReport(
            int.from_bytes(body[:4], "big"),
            tuple(ReportBlock.decode(body[i : i + _REPORT_BLOCK]) for i in blocks),
        )
    elif kind == BYE:
        yield Bye(tuple(int.from_bytes(body[i : i + 4], "big") for i in range(0, min(4 * count, len(body)), 4)))
    elif kind == RTPFB and count == _NACK and len(body) >= 12:
        yield Nack(_PAIR.unpack_from(body)[1], tuple(_nacked(body[8:])))
    elif kind == PSFB and count == _PLI and len(body) >= 8:
        yield KeyframeRequest(_PAIR.unpack_from(body)[1])
    elif kind == PSFB and count == _FIR and len(body) >= 16:
        yield KeyframeRequest(int.from_bytes(body[8:12], "big"))
    elif kind == PSFB and count == _APP and len(body) >= 16 and body[8:12] == b"REMB":
        head = int.from_bytes(body[13:16], "big")
        yield Estimate((head & 0x3FFFF) << (head >> 18))
    elif kind == XR:
        yield from _extended(body[4:])


def _extended(blocks: bytes) -> Iterator[SinceReference]:
    while len(blocks) >= 4:
        end = 4 + 4 * int.from_bytes(blocks[2:4], "big")
        if blocks[0] == _SINCE_REFERENCE and end <= len(blocks):
            yield from (SinceReference(*found) for found in struct.iter_unpack("!3L", blocks[4 : end - (end - 4) % 12]))
        blocks = blocks[end:]


def _nacked(items: bytes) -> Iterator[int]:
    left = MAX_NACKS
    for position in range(0, len(items) - 3, 4):
        first, mask = struct.unpack_from("!HH", items, position)
        for offset in (0, *(bit + 1 for bit in range(16) if mask >> bit & 1)):
            if not left:
                return
            left -= 1
            yield (first + offset) & 0xFFFF


def _rtcp(kind: int, count: int, body: bytes) -> bytes:
    return _RTCP_HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def nack(*, sender: int, media: int, sequences: Iterable[int]) -> bytes:
    """A generic NACK (RFC 4585, section 6.2.1) for ``sequences``, ascending modulo 2^16."""
    body = b""
    first, mask = -1, 0
    for sequence in sequences:
        distance = (sequence - first - 1) & 0xFFFF
        if first >= 0 and distance < 16:
            mask |= 1 << distance
            continue
        if first >= 0:
            body += struct.pack("!HH", first, mask)
        first, mask = sequence, 0
    if first >= 0:
        body += struct.pack("!HH", first, mask)
    return _rtcp(RTPFB, _NACK, _PAIR.pack(sender, media) + body)


def pli(*, sender: int, media: int) -> bytes:
    """A Picture Loss Indication (RFC 4585, section 6.3.1)."""
    return _rtcp(PSFB, _PLI, _PAIR.pack(sender, media))


def remb(*, sender: int, media: Iterable[int], bitrate: int) -> bytes:
    """How much the publisher may send, bits per second (the REMB message that browsers understand)."""
    ssrcs = list(media)
    exponent = max(0, bitrate.bit_length() - 18)
    head = (len(ssrcs) << 24) | (exponent << 18) | (bitrate >> exponent)
    body = _PAIR.pack(sender, 0) + b"REMB" + struct.pack("!L", head)
    return _rtcp(PSFB, _APP, body + b"".join(ssrc.to_bytes(4, "big") for ssrc in ssrcs))


def transport_feedback(body: bytes) -> bytes:
    """A transport-wide feedback message, filled up to whole words: the last byte says by how many."""
    missing = -len(body) % 4
    if not missing:
        return _rtcp(RTPFB, _TRANSPORT, body)
    return _rtcp(RTPFB, 0x20 | _TRANSPORT, body + bytes(missing - 1) + bytes((missing,)))


class ReportBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Reception statistics of one source (RFC 3550, section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_sr: int
    since_sr: int

    def encode(self) -> bytes:
        lost = max(-(1 << 23), min(self.lost, (1 << 23) - 1)) & 0xFFFFFF
        loss = (self.fraction_lost << 24) | lost
        since_sr = min(self.since_sr, 0xFFFFFFFF)  # 18 hours
        return struct.pack("!6L", self.ssrc, loss, self.highest & 0xFFFFFFFF, self.jitter, self.last_sr, since_sr)

    @classmethod
    def decode(cls, data: bytes) -> ReportBlock:
        """From 24 bytes."""
        ssrc, loss, highest, jitter, last_sr, since_sr = struct.unpack("!6L", data)
        return cls(
            ssrc=ssrc,
            fraction_lost=loss >> 24,
            lost=int.from_bytes((loss & 0xFFFFFF).to_bytes(3, "big"), "big", signed=True),
            highest=highest,
            jitter=jitter,
            last_sr=last_sr,
            since_sr=since_sr,
        )


def receiver_report(*, sender: int, blocks: Iterable[ReportBlock]) -> bytes:
    encoded = [block.encode() for block in blocks]
    return _rtcp(RR, len(encoded), sender.to_bytes(4, "big") + b"".join(encoded))


def reference_time(*, sender: int, ntp: int) -> bytes:
    """What a sender answers with a :class:`SinceReference`, so that its round trip is known (RFC 3611, section 4.4)."""
    return _rtcp(XR, 0, struct.pack("!LBBHQ", sender, _REFERENCE_TIME, 0, 2, ntp))


def sender_report(*, ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """The mapping from wall clock to RTP clock, and what was sent so far (RFC 3550, section 6.4.1)."""
    numbers = struct.pack("!LQLLL", ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _rtcp(SR, 0, numbers)


def source_description(*, ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    item = ssrc.to_bytes(4, "big") + bytes((1, len(name))) + name + b"\0"
    return _rtcp(SDES, 1, item + bytes(-len(item) % 4))


def bye(ssrcs: Iterable[int]) -> bytes:
    sources = [ssrc.to_bytes(4, "big") for ssrc in ssrcs]
    return _rtcp(BYE, len(sources), b"".join(sources))


def ntp_time(at: float) -> int:
    """Wall clock (seconds since 1970) as 64-bit NTP time."""
    return int((at + NTP_EPOCH) * (1 << 32))


def ntp_seconds(ntp: int) -> float:
    """64-bit NTP time as seconds since 1970."""
    return ntp / (1 << 32) - NTP_EPOCH
