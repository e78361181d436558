"""What there is of a stream within some time, for what is cut out of it."""

from __future__ import annotations

import msgspec

from media.hls.events import InitReady


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, or what there is of it: the bytes of ``files`` one after the other. ``about``: its rendition now;
    ``init``: the file of its own initialisation. Seconds of the media clock. ``size``: of a whole segment in bytes, 0
    while it is open."""

    about: InitReady
    init: str
    files: tuple[str, ...]
    start_s: float
    duration_s: float
    size: int


class Reel(msgspec.Struct, frozen=True, kw_only=True):
    """``begin_s`` and ``end_s``: of all that there is."""

    begin_s: float
    end_s: float
    stretches: list[Stretch]
