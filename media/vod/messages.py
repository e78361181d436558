"""What is asked of a process that encodes a file, and what it answers. Sans-I/O.

One order comes on its input, as one msgpack message; answers leave as frames. A lane
is a tier's index, 0 for the sound.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from media.transcode.ladder import Tier

SEGMENT_S: Final = 4
"""Segment n of every rendition begins with the first picture or packet at or after n times this."""
KEY_S: Final = 2
SOUND_RATE: Final = 48_000
MAX_ORDER_BYTES: Final = 64 * 1024
PREFIX_BYTES: Final = 4
MAX_REPORT_BYTES: Final = 128 * 1024 * 1024

RefusalCode = Literal[
    "unsupported", "broken", "no_video", "no_key_frame", "too_many_streams", "too_many_pixels", "too_long", "too_costly"
]
"""``unsupported``: of no container or codec that is decoded here. ``too_many_…``, ``too_long``: above the bound.
``too_costly``: above a limit of memory or processor time.
"""


class SourceBounds(msgspec.Struct, frozen=True, kw_only=True):
    """``pixels``: of one picture."""

    streams: int
    pixels: int
    seconds: int


class Inspect(msgspec.Struct, frozen=True, kw_only=True, tag="inspect"):
    """Say what the file at ``path`` is; answered by ``Inspected``."""

    path: str
    bounds: SourceBounds


class EncodeSound(msgspec.Struct, frozen=True, kw_only=True, tag="sound"):
    """Make AAC of the file's sound at −16 LUFS, the segments from number ``have`` on."""

    path: str
    seconds: float
    have: int = 0


class EncodePictures(msgspec.Struct, frozen=True, kw_only=True, tag="pictures"):
    """Decode the file's pictures once and encode each tier; of tier i the segments from number ``have[i]`` on.

    ``offset``: ticks that are added to the file's own times. ``start``: pictures before this time are left out.
    """

    path: str
    seconds: float
    tiers: tuple[Tier, ...]
    have: tuple[int, ...]
    offset: int = 0
    start: int = 0


class EncodeSpan(msgspec.Struct, frozen=True, kw_only=True, tag="span"):
    """Encode the pictures of one segment of H.264, which the file at ``path`` is with its initialisation.

    From the one that is shown at ``start`` to the last before ``stop``: ticks of the file's own clock. ``profile``
    and ``level``: the numbers of both in H.264; ``set_id``: of the parameter sets; ``delay``: how much earlier than
    it is shown a picture is decoded, as in what comes before or after it. Answered by ``LaneMade`` and
    ``SegmentMade``, or by neither where there is no picture in that time.
    """

    path: str
    seconds: float
    number: int
    timescale: int
    width: int
    height: int
    fps: float
    profile: int
    level: int
    set_id: int
    delay: int
    start: int
    stop: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is. Width and height are those of the picture as it is shown: turned, with square pixels.

    ``audio_codec`` is empty for one without sound. ``seconds``: until its last picture or sample ends.
    """

    container: str
    video_codec: str
    audio_codec: str
    width: int
    height: int
    fps: float
    seconds: float


class Inspected(msgspec.Struct, frozen=True, tag="inspected"):
    source: Source


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The file is not encoded; ``detail`` may be shown to the person."""

    code: RefusalCode
    detail: str


class LaneMade(msgspec.Struct, frozen=True, kw_only=True, tag="lane"):
    """The initialisation segment of a lane, before its first segment. ``codec``: RFC 6381."""

    lane: int
    init: bytes
    codec: str
    timescale: int
    width: int = 0
    height: int = 0
    fps: float = 0.0
    channels: int = 0


class SegmentMade(msgspec.Struct, frozen=True, kw_only=True, tag="segment"):
    """Times are ticks of the lane's timescale. ``key_bytes``: as of ``storage.recording.Segment``."""

    lane: int
    number: int
    start: int
    duration: int
    key_bytes: int
    data: bytes


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """All of the order is done."""


Order = Inspect | EncodeSound | EncodePictures | EncodeSpan
Report = Inspected | Refused | LaneMade | SegmentMade | Finished

orders: Final = msgspec.msgpack.Decoder(Order)
reports: Final = msgspec.msgpack.Decoder(Report)
encode: Final = msgspec.msgpack.encode


def pack(report: Report) -> bytes:
    """The frame of a report: 4 bytes of length, big-endian, and the message."""
    body = encode(report)
    return len(body).to_bytes(PREFIX_BYTES, "big") + body
