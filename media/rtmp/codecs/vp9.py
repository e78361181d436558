"""The head of VP9's frames. Sans-I/O."""

from __future__ import annotations


def is_vp9_key(data: bytes) -> bool:
    """Whether a frame is a key frame (VP9 6.2: marker, profile, show_existing_frame, frame_type)."""
    if not data:
        return False
    shift = 2 - (data[0] & 0x30 == 0x30)
    return data[0] >> 6 == 2 and not data[0] >> shift & 3
