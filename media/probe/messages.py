"""What passes between a node and the process that looks at a file: msgpack messages, each after its length. Sans-I/O.

The node sends a ``Probe``. The process asks for bytes with ``Read``, each answered by one message of raw bytes, and
ends with ``Found`` or ``Refused``.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from media.probe.containers import Kind

PREFIX_BYTES: Final = 4
MAX_READ_BYTES: Final = 256 * 1024
MAX_MESSAGE_BYTES: Final = 64 * 1024

RefusalCode = Literal[
    "unsupported", "broken", "not_whole", "mixed", "too_many_tracks", "too_many_pixels", "too_long", "no_key_frame",
    "too_costly",
]  # fmt: skip
"""``unsupported``: a container or codec that is not taken. ``mixed``: it is something else as well. ``too_many_…``,
``too_long``: above a bound. ``too_costly``: above a limit of memory, time or bytes read.
"""


class ProbeBounds(msgspec.Struct, frozen=True, kw_only=True):
    """``pixels``: of one picture. ``read_bytes``: what the process may ask for in total."""

    tracks: int = 64
    pixels: int = 8_192 * 4_320
    seconds: int = 12 * 3_600
    read_bytes: int = 256 * 1024 * 1024


class Probe(msgspec.Struct, frozen=True, kw_only=True, tag="probe"):
    """Look at a file of ``size`` bytes."""

    size: int
    bounds: ProbeBounds


class Read(msgspec.Struct, frozen=True, tag="read"):
    """At most ``MAX_READ_BYTES`` from ``offset`` on."""

    offset: int
    size: int


class Found(msgspec.Struct, frozen=True, kw_only=True, tag="found"):
    """Width and height are those of the picture as it is shown: turned, with square pixels.

    ``container`` and codecs have FFmpeg's names. ``duration_ms`` is None where the file doesn't say it.
    """

    kind: Kind
    container: str
    tracks: int
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """``detail`` may be shown to the person."""

    code: RefusalCode
    detail: str


Report = Read | Found | Refused
Result = Found | Refused

encode: Final = msgspec.msgpack.encode
orders: Final = msgspec.msgpack.Decoder(Probe)
reports: Final = msgspec.msgpack.Decoder(Report)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(PREFIX_BYTES, "big") + body
