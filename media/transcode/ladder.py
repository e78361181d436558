"""Which renditions a stream gets below its source, decided from what the source is. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import msgspec

from media.hls.codecs import picture_size
from media.unit import Codec, Track

Policy = Literal["auto", "off", "ladder"]

#: The shorter side in pixels, and bits/s of a 16:9 picture at up to 30 frames a second.
_BIT_RATES = {1080: 4_500_000, 720: 2_500_000, 480: 1_200_000, 360: 700_000}
#: Of 60 frames a second each costs less, as less has changed.
_FAST_SHARE = 1.5
_FAST_FPS = 40
_MAX_FPS = 60
#: Below this many lines 50 and 60 frames a second are halved.
_FULL_RATE_HEIGHT = 480
#: A source without a frame rate is taken for one of this.
_USUAL_FPS = 30.0
#: A picture of more than this in either direction is none that a camera or screen makes: nothing is made of it.
MAX_SIDE = 8_192
_MAX_ASPECT = 4
_MACROBLOCK = 16
#: H.264 levels (ISO/IEC 14496-10, table A-1): macroblocks a picture and a second.
_LEVELS = (
    (30, 1_620, 40_500),
    (31, 3_600, 108_000),
    (32, 5_120, 216_000),
    (40, 8_192, 245_760),
    (42, 8_704, 522_240),
    (51, 36_864, 983_040),
)


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One rendition to encode: H.264 main profile. ``fps`` is what it has at most, ``level`` is level_idc."""

    name: str
    width: int
    height: int
    fps: float
    bit_rate: int
    level: int

    @property
    def codec(self) -> str:
        """The RFC 6381 string of what the encoder makes."""
        return f"avc1.4d40{self.level:02x}"


def plan(track: Track) -> tuple[Tier, ...]:
    """The renditions of a source, the best first; none of one that is not to be encoded (see ``MAX_SIDE``).

    They are smaller than the source, never larger; a source in another codec than H.264 gets one as large as itself
    as well (of 1080 lines at most), for players that have no decoder for it. VP8 is made into H.264 elsewhere.
    """
    width, height = picture_size(track)
    if track.codec is Codec.VP8:
        return ()
    return tiers_of(width, height, track.fps, has_own_size=track.codec is not Codec.H264)


def tiers_of(width: int, height: int, fps: float, *, has_own_size: bool) -> tuple[Tier, ...]:
    """As ``plan``, for pictures of this size. ``has_own_size``: the first tier is as large as they are."""
    if not _is_sane(width, height):
        return ()
    short, fps = min(width, height), fps or _USUAL_FPS
    heights = [lines for lines in _BIT_RATES if lines < short]
    if has_own_size and short <= max(_BIT_RATES):
        heights.insert(0, short)
    return tuple(_tier(width, height, lines, _rate(fps, lines)) for lines in heights)


def _is_sane(width: int, height: int) -> bool:
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and max(width, height) <= _MAX_ASPECT * min(width, height)


def _rate(fps: float, lines: int) -> float:
    """The frame rate, divided by a whole number so that it is neither too high nor high for so small a picture."""
    parts = 1
    while fps / parts > _MAX_FPS * 1.02:
        parts += 1
    if lines < _FULL_RATE_HEIGHT and fps / parts > _FAST_FPS:
        parts *= 2
    return round(fps / parts, 3)


def _tier(width: int, height: int, lines: int, fps: float) -> Tier:
    scale = Fraction(lines, min(width, height))
    made_width, made_height = _even(width * scale), _even(height * scale)
    base = next((rate for size, rate in sorted(_BIT_RATES.items()) if size >= lines), max(_BIT_RATES.values()))
    wide = Fraction(made_width * made_height, lines * lines * 16 // 9 or 1)
    return Tier(
        name=f"{lines}p",
        width=made_width,
        height=made_height,
        fps=fps,
        bit_rate=round(base * min(1.5, float(wide)) * (_FAST_SHARE if fps > _FAST_FPS else 1) / 1000) * 1000,
        level=_level(made_width, made_height, fps),
    )


def _even(size: Fraction) -> int:
    return max(2, round(size / 2) * 2)


def _level(width: int, height: int, fps: float) -> int:
    blocks = -(-width // _MACROBLOCK) * -(-height // _MACROBLOCK)
    fitting = (level for level, picture, second in _LEVELS if blocks <= picture and blocks * fps <= second)
    return next(fitting, _LEVELS[-1][0])
