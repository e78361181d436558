"""AAC's AudioSpecificConfig. Sans-I/O.

Source: ISO/IEC 14496-3 1.6. What is malformed raises ProtocolError.
"""

from __future__ import annotations

import msgspec

from media.errors import ProtocolError
from media.rtmp.codecs.bits import Bits
from media.unit import Codec, Track

_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0)
_MAX_CHANNELS = 24
_SBR, _PARAMETRIC_STEREO, _EXTENSION = 5, 29, 0x2B7


class AacConfig(msgspec.Struct, frozen=True):
    """An AudioSpecificConfig: the rate and channels that come out, the samples (at that rate) of one access unit."""

    sample_rate: int
    channels: int
    unit_samples: int


def parse_aac(config: bytes) -> AacConfig:
    """Explicit SBR and parametric stereo, in either form of signalling, are taken into account, and so is a layout of
    channels that has no number."""
    bits = Bits(config[:64])
    kind, rate, layout = _object_type(bits), _sample_rate(bits), bits.take(4)
    channels, output_rate = _CHANNELS[layout], rate
    if kind in (_SBR, _PARAMETRIC_STEREO):
        channels = 2 if kind == _PARAMETRIC_STEREO else channels
        output_rate = _sample_rate(bits)
        kind = _object_type(bits)
    samples = 960 if bits.flag() else 1024
    if bits.flag():
        bits.take(14)
    bits.take(1)
    if not layout:
        return AacConfig(output_rate, _program_channels(bits), samples * output_rate // rate)
    if output_rate == rate and bits.left >= 16 and bits.take(11) == _EXTENSION and _object_type(bits) == _SBR:
        output_rate = _sample_rate(bits) if bits.flag() else rate
    return AacConfig(output_rate, channels or 2, samples * output_rate // rate)


def _program_channels(bits: Bits) -> int:
    """The channels of a program_config_element (ISO/IEC 14496-3, 4.4.1.1), which stands where no number fits."""
    bits.take(4 + 2 + 4)
    in_front, beside, behind, low, _, _ = (bits.take(width) for width in (4, 4, 4, 2, 3, 4))
    for width in (4, 4, 3):
        if bits.flag():
            bits.take(width)
    channels = low
    for _ in range(in_front + beside + behind):
        channels += 1 + bits.take(1)
        bits.take(4)
    if not 0 < channels <= _MAX_CHANNELS:
        raise ProtocolError(f"sound of {channels} channels")
    return channels


def _object_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind


def _sample_rate(bits: Bits) -> int:
    index = bits.take(4)
    rate = bits.take(24) if index == 15 else _RATES[index] if index < len(_RATES) else 0
    if not 1_000 <= rate <= 192_000:
        raise ProtocolError("the audio's sample rate is impossible")
    return rate


def aac_track(config: bytes) -> Track:
    """The track that an AudioSpecificConfig announces."""
    parsed = parse_aac(config)
    return Track(
        kind="audio",
        codec=Codec.AAC,
        timescale=parsed.sample_rate,
        config=config,
        sample_rate=parsed.sample_rate,
        channels=parsed.channels,
    )
