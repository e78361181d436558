"""What a track's configuration record says: codec strings (RFC 6381) and picture sizes. Sans-I/O."""

from __future__ import annotations

import struct

from media.errors import MediaError
from media.unit import Codec, Track

_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
#: Object types: LC, SBR (HE-AAC), PS (HE-AAC v2).
_COMMON_AAC = frozenset((2, 5, 29))
_MOST_CHANNELS = 6
_DEFAULT_VPCC = bytes((0, 41, 0x82, 2, 2, 2, 0, 0))
#: Opus frame durations in 48 kHz ticks by the TOC's configuration number (RFC 6716, table 2).
_OPUS_FRAMES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4


class BadConfig(MediaError):
    """A configuration record that is cut short or contradicts itself."""


class Bits:
    """Reads bit by bit. Out of a NAL unit's payload (``is_escaped``) emulation prevention bytes are taken first."""

    def __init__(self, data: bytes, *, is_escaped: bool = True) -> None:
        clean = data.replace(b"\x00\x00\x03", b"\x00\x00") if is_escaped else data
        self._value = int.from_bytes(clean, "big")
        self.left = len(clean) * 8

    def u(self, count: int) -> int:
        if count > self.left:
            raise BadConfig("a configuration record ends too early")
        self.left -= count
        return (self._value >> self.left) & ((1 << count) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise BadConfig("an Exp-Golomb code is too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def codec_string(track: Track) -> str:
    """The RFC 6381 name, such as ``avc1.64001f``. Raises ``BadConfig`` when the record does not say."""
    try:
        return _STRINGS[track.codec](track.config)
    except (IndexError, struct.error) as error:
        raise BadConfig(f"the configuration of {track.codec} is cut short") from error


def _avc(config: bytes) -> str:
    return f"avc1.{config[1]:02x}{config[2]:02x}{config[3]:02x}"


def _hevc(config: bytes) -> str:
    space = ("", "A", "B", "C")[config[1] >> 6]
    tier = "H" if config[1] & 0x20 else "L"
    compatible = int(f"{struct.unpack_from('>I', config, 2)[0]:032b}"[::-1], 2)
    constraints = "".join(f".{byte:X}" for byte in config[6:12].rstrip(b"\x00"))
    return f"hvc1.{space}{config[1] & 0x1F}.{compatible:X}.{tier}{config[12]}{constraints}"


def _av1(config: bytes) -> str:
    depth = (8, 8, 10, 12)[config[2] >> 5 & 3]
    return f"av01.{config[1] >> 5}.{config[1] & 0x1F:02d}{'H' if config[2] & 0x80 else 'M'}.{depth:02d}"


def _vp9(config: bytes) -> str:
    record = vpcc_record(config)
    return f"vp09.{record[0]:02d}.{record[1]:02d}.{record[2] >> 4:02d}"


def _vp8(config: bytes) -> str:
    return "vp08.00.41.08"


def _aac(config: bytes) -> str:
    return f"mp4a.40.{_aac_object_type(Bits(config, is_escaped=False))}"


def _opus(config: bytes) -> str:
    return "opus"


_STRINGS = {
    Codec.H264: _avc,
    Codec.HEVC: _hevc,
    Codec.AV1: _av1,
    Codec.VP8: _vp8,
    Codec.VP9: _vp9,
    Codec.AAC: _aac,
    Codec.OPUS: _opus,
}


def vpcc_record(config: bytes) -> bytes:
    """The VP codec configuration without version and flags, which some senders leave in place."""
    if len(config) >= 12:
        return config[4:]
    return config if len(config) >= 8 else _DEFAULT_VPCC


def picture_size(track: Track) -> tuple[int, int]:
    """Width and height in pixels as the track says, else as its parameter sets do; (0, 0) when neither does."""
    if track.width and track.height:
        return track.width, track.height
    try:
        if track.codec is Codec.H264:
            return _avc_size(track.config)
        if track.codec is Codec.HEVC:
            return _hevc_size(track.config)
    except (BadConfig, IndexError, struct.error):
        pass
    return 0, 0


def _avc_size(config: bytes) -> tuple[int, int]:
    length = struct.unpack_from(">H", config, 6)[0]
    bits = Bits(config[9 : 8 + length])
    profile = bits.u(8)
    bits.u(16)
    bits.ue()
    chroma = _avc_chroma(bits) if profile in (44, 83, 86, 100, 110, 118, 122, 128, 134, 138, 139, 244) else 1
    bits.ue()
    _avc_order(bits)
    bits.ue()
    bits.u(1)
    width, height = (bits.ue() + 1) * 16, (bits.ue() + 1) * 16
    frame_only = bits.u(1)
    height *= 2 - frame_only
    bits.u(1 if frame_only else 2)
    unit_x, unit_y = (1 if chroma in (0, 3) else 2), (2 if chroma == 1 else 1) * (2 - frame_only)
    return _cropped(bits, width, height, unit_x, unit_y)


def _avc_chroma(bits: Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    bits.ue()
    bits.ue()
    bits.u(1)
    if bits.u(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _avc_order(bits: Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()


def _hevc_size(config: bytes) -> tuple[int, int]:
    bits = Bits(_hevc_sps(config)[2:])
    bits.u(4)
    layers = bits.u(3)
    bits.u(1 + 96)
    _skip_sub_layers(bits, layers)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    width, height = bits.ue(), bits.ue()
    return _cropped(bits, width, height, 2 if chroma in (1, 2) else 1, 2 if chroma == 1 else 1)


def _skip_sub_layers(bits: Bits, layers: int) -> None:
    present = [(bits.u(1), bits.u(1)) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for profile, level in present:
        bits.u(88 * profile + 8 * level)


def _hevc_sps(config: bytes) -> bytes:
    at = 23
    for _ in range(config[22]):
        kind, count = config[at] & 0x3F, struct.unpack_from(">H", config, at + 1)[0]
        at += 3
        for _ in range(count):
            length = struct.unpack_from(">H", config, at)[0]
            if kind == 33:
                return config[at + 2 : at + 2 + length]
            at += 2 + length
    raise BadConfig("no sequence parameter set")


def _cropped(bits: Bits, width: int, height: int, unit_x: int, unit_y: int) -> tuple[int, int]:
    if bits.u(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if width <= 0 or height <= 0:
        raise BadConfig("a picture of no size")
    return width, height


def _aac_object_type(bits: Bits) -> int:
    kind = bits.u(5)
    return 32 + bits.u(6) if kind == 31 else kind


def aac_shape(config: bytes) -> tuple[int, int, int]:
    """Core sample rate in Hz, channels and samples a frame of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2)."""
    bits = Bits(config, is_escaped=False)
    kind = _aac_object_type(bits)
    rate = _aac_rate(bits)
    channels = (0, 1, 2, 3, 4, 5, 6, 8)[bits.u(4) & 7]
    if kind in (5, 29):
        _aac_rate(bits)
        _aac_object_type(bits)
    return rate, channels, 960 if bits.left and bits.u(1) else 1024


def is_common_aac(config: bytes) -> bool:
    """Whether browsers decode it: AAC-LC or HE-AAC, with a channel configuration of mono to 5.1. Media Source
    Extensions refuse the whole presentation for a layout in a program_config_element, and for 7.1."""
    bits = Bits(config, is_escaped=False)
    try:
        kind = _aac_object_type(bits)
        _aac_rate(bits)
        return kind in _COMMON_AAC and 1 <= bits.u(4) <= _MOST_CHANNELS
    except BadConfig:
        return False


def _aac_rate(bits: Bits) -> int:
    index = bits.u(4)
    if index == 15 and (rate := bits.u(24)):
        return rate
    if index >= len(_AAC_RATES):
        raise BadConfig("an unknown sample rate")
    return _AAC_RATES[index]


def audio_shape(track: Track) -> tuple[int, int]:
    """Sample rate in Hz and channels, from the track, else from its configuration, else stereo at its timescale."""
    rate, channels = track.sample_rate, track.channels
    if track.codec is Codec.AAC:
        core, found, _ = aac_shape(track.config)
        rate, channels = rate or core, channels or found
    elif track.codec is Codec.OPUS and not channels and len(track.config) > 9:
        channels = track.config[9]
    return rate or track.timescale, channels or 2


def opus_ticks(packet: bytes) -> int:
    """How long an Opus packet sounds, in 48 kHz ticks (RFC 6716, section 3.1); 960 for one that does not say."""
    if not packet:
        return 960
    frame, code = _OPUS_FRAMES[packet[0] >> 3], packet[0] & 3
    if code < 3:
        return frame * (1 if code == 0 else 2)
    return frame * (packet[1] & 63) if len(packet) > 1 and packet[1] & 63 else frame
