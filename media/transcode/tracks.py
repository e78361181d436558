"""What a track becomes in another codec, known before the first packet was encoded. Sans-I/O.

A packager needs every track before it can begin, so the configuration records are written here and not asked from the
encoder: both encoders used make streams that these records describe.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from media.hls.codecs import is_common_aac
from media.transcode.messages import CodecLane
from media.unit import VIDEO_TIMESCALE, Codec, Track

RATE = 48_000
AAC_BIT_RATE = 128_000
OPUS_BIT_RATE = 96_000
#: The encoder's look-ahead at 48 kHz, which is what a decoder that starts with the first packet has to skip.
OPUS_PRE_SKIP = 312

_RATE_INDEX = 3  # 48,000 Hz (ISO/IEC 14496-3, table 1.18)
_AAC_LC = 2
#: Sync extension that says outright that there is no SBR, so that no decoder guesses (ISO/IEC 14496-3, 1.6.6).
_NO_SBR = b"\x56\xe5\x00"


def aac_track(channels: int) -> Track:
    """AAC-LC at 48 kHz."""
    head = (_AAC_LC << 11 | _RATE_INDEX << 7 | channels << 3).to_bytes(2, "big")
    return _audio(Codec.AAC, head + _NO_SBR, channels)


def opus_track(channels: int) -> Track:
    """Opus in channel mapping family 0 (RFC 7845, section 5.1)."""
    rate = RATE.to_bytes(4, "little")
    head = b"OpusHead" + bytes((1, channels)) + OPUS_PRE_SKIP.to_bytes(2, "little") + rate + bytes(3)
    return _audio(Codec.OPUS, head, channels)


def _audio(codec: Codec, config: bytes, channels: int) -> Track:
    return Track(kind="audio", codec=codec, timescale=RATE, config=config, sample_rate=RATE, channels=channels)


def audio_lane(source: Track, codec: Codec) -> CodecLane:
    """Mono stays mono; everything else becomes stereo, and so does what does not say."""
    channels = 1 if source.channels == 1 else 2
    if codec is Codec.AAC:
        return CodecLane(source=source, target=aac_track(channels), bit_rate=AAC_BIT_RATE * channels // 2)
    if codec is Codec.OPUS:
        return CodecLane(source=source, target=opus_track(channels), bit_rate=OPUS_BIT_RATE * (channels + 1) // 3)
    raise ValueError(f"{codec} is not an audio codec")


class VideoGoal(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that every browser can show: H.264 without reordering, not larger, faster or richer than this."""

    max_height: int = 720
    max_fps: int = 30
    bit_rate: int = 2_500_000


def video_lane(source: Track, goal: VideoGoal) -> CodecLane:
    """The target's size and configuration are not known yet."""
    return CodecLane(
        source=source,
        target=Track(kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE),
        bit_rate=goal.bit_rate,
        max_height=goal.max_height,
        max_fps=goal.max_fps,
    )


def is_to_convert(track: Track, audio: Codec) -> bool:
    """Whether sound has to become another codec, or an AAC that every browser takes."""
    if track.kind != "audio":
        return False
    return track.codec is not audio or (audio is Codec.AAC and not is_common_aac(track.config))


def lanes_for(tracks: Sequence[Track], *, audio: Codec | None, video: VideoGoal | None) -> tuple[CodecLane, ...]:
    """What has to be converted, in the order of the tracks; None leaves that kind as it is."""
    lanes: list[CodecLane] = []
    for track in tracks:
        if audio is not None and is_to_convert(track, audio):
            lanes.append(audio_lane(track, audio))
        elif track.kind == "video" and video is not None:
            lanes.append(video_lane(track, video))
    return tuple(lanes)
