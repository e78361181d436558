"""What a video header states of the picture. Sans-I/O."""

from __future__ import annotations

import msgspec

from media.errors import ProtocolError


class PictureFormat(msgspec.Struct, frozen=True):
    """What a video header states of the picture; 0 is unknown. ``fps`` only where the stream has fixed timing."""

    width: int = 0
    height: int = 0
    fps: float = 0.0


def checked_picture(width: int, height: int, fps: float) -> PictureFormat:
    """Raises ProtocolError for a size that no picture has; a rate that none has is unknown."""
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise ProtocolError(f"a picture of {width}×{height}")
    return PictureFormat(width, height, fps if 0 < fps <= 1_000 else 0.0)
