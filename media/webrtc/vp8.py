"""VP8 over RTP (RFC 7741), receiving only. Sans-I/O."""

from __future__ import annotations


def unwrap(payload: bytes) -> tuple[bytes, bool]:
    """What follows the payload descriptor, and whether it starts a frame. Raises ValueError."""
    if not payload:
        raise ValueError("an empty payload")
    first, position = payload[0], 1
    if first & 0x80:
        flags = payload[1] if len(payload) > 1 else 0
        position = 2
        if flags & 0x80:
            position += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
        position += bool(flags & 0x40) + bool(flags & 0x30)
    if position >= len(payload):
        raise ValueError("a payload without content")
    return payload[position:], bool(first & 0x10) and not first & 0x07


def is_key(frame: bytes) -> bool:
    """RFC 6386, section 9.1: the lowest bit of the frame tag is 0 for a key frame."""
    return len(frame) >= 10 and not frame[0] & 1 and frame[3:6] == b"\x9d\x01\x2a"


def size(key_frame: bytes) -> tuple[int, int]:
    """Width and height of a key frame."""
    return int.from_bytes(key_frame[6:8], "little") & 0x3FFF, int.from_bytes(key_frame[8:10], "little") & 0x3FFF
