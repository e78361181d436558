"""Opus' identification header, and how long its packets are. Sans-I/O.

Sources: RFC 7845 and RFC 6716. What is malformed raises ProtocolError.
"""

from __future__ import annotations

from media.errors import ProtocolError
from media.unit import Codec, Track

OPUS_RATE = 48_000


def opus_track(head: bytes) -> Track:
    """The track that an OpusHead announces."""
    if head[:8] != b"OpusHead" or len(head) < 19 or not head[9]:
        raise ProtocolError("the OpusHead is malformed")
    return Track(
        kind="audio", codec=Codec.OPUS, timescale=OPUS_RATE, config=head, sample_rate=OPUS_RATE, channels=head[9]
    )


def opus_head(packet: bytes) -> bytes:
    """A header for a stream that came without one, from its first packet (its TOC byte says mono or stereo)."""
    channels = 2 if packet[:1] and packet[0] & 4 else 1
    return b"OpusHead" + bytes((1, channels)) + (312).to_bytes(2, "little") + OPUS_RATE.to_bytes(4, "little") + bytes(3)


def opus_samples(packet: bytes) -> int:
    """How long a packet is, in samples at 48 kHz (RFC 6716, section 3.1)."""
    if not packet:
        raise ProtocolError("an Opus packet is empty")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    if not 0 < frame * count <= 5760:
        raise ProtocolError("an Opus packet of impossible length")
    return frame * count
