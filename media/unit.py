"""One coded access unit and the track it belongs to: the currency of the media plane.

Everything that is ingested becomes units, everything that is served is made of units, and no unit is
decoded on the way unless a transcoder asks for it.

Payload conventions, whatever the transport brought:

* H.264 and HEVC: length-prefixed NAL units (4-byte big-endian lengths), no Annex B start codes, no access
  unit delimiters; ``Track.config`` is the ``avcC`` / ``hvcC`` record (ISO/IEC 14496-15).
* AV1: the low-overhead OBU stream of one temporal unit without temporal delimiters; ``config`` is ``av1C``.
* VP8 / VP9: the raw frame; ``config`` is empty / ``vpcC``.
* AAC: one raw access unit without ADTS; ``config`` is the AudioSpecificConfig (ISO/IEC 14496-3).
* Opus: one packet; ``config`` is the OpusHead with its magic (RFC 7845, section 5.1).
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

VIDEO_TIMESCALE = 90_000


class Codec(enum.StrEnum):
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    VP8 = "vp8"
    VP9 = "vp9"
    AAC = "aac"
    OPUS = "opus"


Kind = Literal["video", "audio"]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader must know before the first unit: immutable; a change of it is a new track.

    ``timescale`` is in ticks per second: 90,000 for video, the sample rate for audio (48,000 for Opus).
    Width, height, fps and channels are 0 while unknown.
    """

    kind: Kind
    codec: Codec
    timescale: int
    config: bytes = b""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    sample_rate: int = 0
    channels: int = 0


class Unit(msgspec.Struct, kw_only=True, gc=False):
    """One coded access unit: a video frame or an audio packet. Never changed after it was written to a relay.

    ``pts`` and ``dts`` are ticks of the track on the stream's media clock, which goes on through interruptions;
    ``at`` is the wall clock (seconds since the epoch) at which the server had the whole unit. ``is_repeat`` says that a
    key frame is shown again for want of other pictures, so that it says nothing of the encoder's key frame interval.
    ``captured_at`` is the wall clock here when a camera or microphone took it, as far as the publisher tells.
    """

    kind: Kind
    pts: int
    dts: int
    is_key: bool
    data: bytes
    at: float
    is_repeat: bool = False
    captured_at: float | None = None
