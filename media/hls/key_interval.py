"""How far apart an encoder says that its key frames are. Sans-I/O.

x264 and x265 write their options into user data in front of their first picture (ITU-T H.264 and H.265, annex D,
``user_data_unregistered``): OBS and ffmpeg send them with their software encoders. In FLV and MP4 those of x265 are in
the configuration record.
"""

from __future__ import annotations

import re
from typing import Final

_LOOKED_AT_BYTES: Final = 4_096
"""Of an access unit, where user data comes before the slices, or of a configuration record."""
_OPTIONS: Final = re.compile(rb"x26[45] [^\0]*? keyint=([0-9]{1,5})(?![0-9])")


def key_interval(data: bytes) -> int | None:
    """In frames, at most: scenes may begin with more key frames. None where ``data`` does not say it."""
    found = _OPTIONS.search(data, 0, _LOOKED_AT_BYTES)
    return int(found[1]) or None if found is not None else None
