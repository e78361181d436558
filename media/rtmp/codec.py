"""What the codecs' own records say: picture sizes, sample rates, NAL units. Sans-I/O.

Sources: ISO/IEC 14496-15 (avcC, hvcC), H.264 7.3.2.1 and E.1, H.265 7.3.2.2, AV1 5.5, ISO/IEC 14496-3 1.6,
RFC 7845 and RFC 6716. Every function raises ProtocolError on a malformed record.
"""

from __future__ import annotations

import msgspec

from media.errors import ProtocolError
from media.unit import VIDEO_TIMESCALE, Codec, Track

OPUS_RATE = 48_000
_MAX_CONFIG_BYTES = 64 * 1024
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_AAC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0)
_MAX_CHANNELS = 24
_SBR, _PARAMETRIC_STEREO, _AAC_EXTENSION = 5, 29, 0x2B7
_CROP = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


class Bits:
    """Reads big-endian bit fields and Exp-Golomb numbers."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise ProtocolError("a codec record is cut off")
        return (self._value >> self.left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def unsigned(self) -> int:
        """ue(v), and uvlc() of AV1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ProtocolError("a codec record holds an impossible number")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        coded = self.unsigned()
        return (coded + 1) // 2 if coded & 1 else -(coded // 2)

    def skip_unsigned(self, count: int) -> None:
        for _ in range(count):
            self.unsigned()


class PictureFormat(msgspec.Struct, frozen=True):
    """What a video header states of the picture; 0 is unknown. ``fps`` only where the stream has fixed timing."""

    width: int = 0
    height: int = 0
    fps: float = 0.0


class HevcPicture(PictureFormat, frozen=True):
    """With chroma_format_idc and the bits a sample above 8."""

    chroma: int = 1
    depth_luma: int = 0
    depth_chroma: int = 0


def video_track(codec: Codec, record: bytes) -> Track:
    """The track that a video header announces. NAL lengths are promised to be of 4 bytes, which the frames are
    given by ``media.rtmp.nals``. What an SPS says counts, not what the record's head says of it."""
    if len(record) > _MAX_CONFIG_BYTES:
        raise ProtocolError(f"a codec record of {len(record)} bytes")
    picture, config = PictureFormat(), record
    if codec is Codec.H264:
        picture, config = _avc(record)
    elif codec is Codec.HEVC:
        picture, config = _hevc(record)
    elif codec is Codec.AV1:
        picture = _av1(record)
    return Track(
        kind="video",
        codec=codec,
        timescale=VIDEO_TIMESCALE,
        config=config,
        width=picture.width,
        height=picture.height,
        fps=picture.fps,
    )


def nal_length_bytes(codec: Codec, record: bytes) -> int:
    """How many bytes each NAL length has in the frames that follow this avcC or hvcC."""
    at = 4 if codec is Codec.H264 else 21
    if len(record) <= at:
        raise ProtocolError("a codec record is cut off")
    return (record[at] & 3) + 1


def _with_long_lengths(record: bytes, at: int) -> bytes:
    return record if record[at] & 3 == 3 else record[:at] + bytes((record[at] | 3,)) + record[at + 1 :]


def unescape(nal: bytes) -> bytes:
    """The payload of a NAL unit without emulation prevention (H.264 7.4.1)."""
    parts = nal.split(b"\0\0\3")
    return b"\0\0".join(parts)


def _avc(record: bytes) -> tuple[PictureFormat, bytes]:
    if len(record) < 7 or record[0] != 1:
        raise ProtocolError("the avcC record is malformed")
    if not record[5] & 0x1F:
        raise ProtocolError("the avcC record has no sequence parameter set")
    size = int.from_bytes(record[6:8], "big")
    sps = record[8 : 8 + size]
    if len(sps) < size or size < 4:
        raise ProtocolError("the avcC record is cut off")
    return parse_avc_sps(sps), _with_long_lengths(record[:1] + sps[1:4] + record[4:], 4)


def parse_avc_sps(sps: bytes) -> PictureFormat:
    """Size after cropping, and the frame rate if the VUI has one, of an H.264 sequence parameter set NAL."""
    bits = Bits(unescape(sps[1:]))
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = _avc_chroma(bits) if profile in _HIGH_PROFILES else 1
    bits.unsigned()
    _skip_avc_order(bits)
    bits.unsigned()
    bits.take(1)
    width, height = (bits.unsigned() + 1) * 16, (bits.unsigned() + 1) * 16
    is_frames_only = bits.flag()
    if not is_frames_only:
        height *= 2
        bits.take(1)
    bits.take(1)
    if bits.flag():
        unit_x, unit_y = _CROP[chroma]
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y * (1 if is_frames_only else 2)
    fps = _avc_timing(bits) if bits.flag() else 0.0
    return _checked(width, height, fps)


def _checked(width: int, height: int, fps: float) -> PictureFormat:
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise ProtocolError(f"a picture of {width}×{height}")
    return PictureFormat(width, height, fps if 0 < fps <= 1_000 else 0.0)


def _avc_chroma(bits: Bits) -> int:
    chroma = bits.unsigned()
    if chroma > 3:
        raise ProtocolError(f"chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    bits.skip_unsigned(2)
    bits.take(1)
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_avc_scaling(bits, 16 if index < 6 else 64)
    return 0 if separate else chroma


def _skip_avc_scaling(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_avc_order(bits: Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.take(1)
        bits.skip_unsigned(2)
        bits.skip_unsigned(min(bits.unsigned(), 256))


def _avc_timing(bits: Bits) -> float:
    if bits.flag() and bits.take(8) == 255:
        bits.take(32)
    if bits.flag():
        bits.take(1)
    if bits.flag():
        bits.take(4)
        if bits.flag():
            bits.take(24)
    if bits.flag():
        bits.skip_unsigned(2)
    if not bits.flag():
        return 0.0
    ticks, scale = bits.take(32), bits.take(32)
    return scale / (2 * ticks) if ticks else 0.0


def _hevc(record: bytes) -> tuple[PictureFormat, bytes]:
    if len(record) < 23 or record[0] != 1:
        raise ProtocolError("the hvcC record is malformed")
    at = 23
    for _ in range(record[22]):
        kind, count = record[at : at + 1], int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            nal = record[at + 2 : at + 2 + size]
            at += 2 + size
            if not kind or len(nal) < size:
                raise ProtocolError("the hvcC record is cut off")
            if kind[0] & 0x3F == 33:
                told = unescape(nal[2:])[1:13]
                return parse_hevc_sps(nal), _with_long_lengths(record[:1] + told + record[13:], 21)
    raise ProtocolError("the hvcC record has no sequence parameter set")


def parse_hevc_sps(sps: bytes) -> HevcPicture:
    """Size after the conformance window, and sample format, of an H.265 sequence parameter set NAL."""
    bits = Bits(unescape(sps[2:]))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_hevc_profile(bits, layers)
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma > 3:
        raise ProtocolError(f"chroma format {chroma}")
    separate = chroma == 3 and bits.flag()
    width, height = bits.unsigned(), bits.unsigned()
    if bits.flag():
        unit_x, unit_y = _CROP[0 if separate else chroma]
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    depth_luma, depth_chroma = bits.unsigned(), bits.unsigned()
    if max(depth_luma, depth_chroma) > 8:
        raise ProtocolError(f"samples of {8 + max(depth_luma, depth_chroma)} bits")
    _checked(width, height, 0.0)
    return HevcPicture(
        width=width, height=height, chroma=chroma, depth_luma=min(depth_luma, 7), depth_chroma=min(depth_chroma, 7)
    )


def _skip_hevc_profile(bits: Bits, layers: int) -> None:
    bits.take(96)
    shown = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in shown:
        bits.take(88 * has_profile + 8 * has_level)


def _av1(record: bytes) -> PictureFormat:
    if len(record) < 4 or record[0] != 0x81:
        raise ProtocolError("the av1C record is malformed")
    for kind, obu in obus(record[4:]):
        if kind == 1:
            return _av1_sequence(Bits(obu))
    return PictureFormat()


def _av1_sequence(bits: Bits) -> PictureFormat:
    bits.take(4)
    if bits.flag():
        bits.take(5)
        fps = 0.0
    else:
        fps = _av1_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return _checked(bits.take(width_bits) + 1, bits.take(height_bits) + 1, fps)


def _av1_operating_points(bits: Bits) -> float:
    fps, delay_bits = 0.0, 0
    if bits.flag():
        ticks, scale = bits.take(32), bits.take(32)
        if bits.flag() and ticks:
            fps = scale / (ticks * (bits.unsigned() + 1))
        if bits.flag():
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_display_delay = bits.flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.flag():
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.take(4)
    return fps


def obus(data: bytes) -> list[tuple[int, bytes]]:
    """Type and payload of each OBU of a low-overhead stream (AV1 5.3)."""
    return [(data[start] >> 3 & 15, data[body:end]) for start, body, end in _obu_spans(data)]


def _obu_spans(data: bytes) -> list[tuple[int, int, int]]:
    spans = []
    at = 0
    while at < len(data):
        body = at + 1 + (data[at] >> 2 & 1)
        size, shift, more = 0, 0, bool(data[at] & 2)
        if not more:
            size = len(data) - body
        while more:
            if body >= len(data) or shift > 28:
                raise ProtocolError("an OBU is malformed")
            size |= (data[body] & 0x7F) << shift
            more, shift, body = bool(data[body] & 0x80), shift + 7, body + 1
        if body + size > len(data):
            raise ProtocolError("an OBU is cut off")
        spans.append((at, body, body + size))
        at = body + size
    return spans


def is_av1_key(data: bytes) -> bool:
    """Whether the first frame of a temporal unit is a key frame that is shown (AV1 5.9.2)."""
    for start, body, end in _obu_spans(data):
        if data[start] >> 3 & 15 in (3, 6) and body < end:
            return data[body] >> 4 == 0b0001
    return False


def is_vp9_key(data: bytes) -> bool:
    """Whether a frame is a key frame (VP9 6.2: marker, profile, show_existing_frame, frame_type)."""
    if not data:
        return False
    shift = 2 - (data[0] & 0x30 == 0x30)
    return data[0] >> 6 == 2 and not data[0] >> shift & 3


def without_temporal_delimiters(data: bytes) -> bytes:
    """A temporal unit as :mod:`media.unit` wants it."""
    spans = _obu_spans(data)
    if all(data[start] >> 3 & 15 != 2 for start, _, _ in spans):
        return data
    return b"".join(data[start:end] for start, _, end in spans if data[start] >> 3 & 15 != 2)


class AacConfig(msgspec.Struct, frozen=True):
    """An AudioSpecificConfig: the rate and channels that come out, the samples (at that rate) of one access unit."""

    sample_rate: int
    channels: int
    unit_samples: int


def parse_aac(config: bytes) -> AacConfig:
    """Explicit SBR and parametric stereo, in either form of signalling, are taken into account, and so is a layout of
    channels that has no number."""
    bits = Bits(config[:64])
    kind, rate, layout = _aac_type(bits), _aac_rate(bits), bits.take(4)
    channels, output_rate = _AAC_CHANNELS[layout], rate
    if kind in (_SBR, _PARAMETRIC_STEREO):
        channels = 2 if kind == _PARAMETRIC_STEREO else channels
        output_rate = _aac_rate(bits)
        kind = _aac_type(bits)
    samples = 960 if bits.flag() else 1024
    if bits.flag():
        bits.take(14)
    bits.take(1)
    if not layout:
        return AacConfig(output_rate, _aac_program(bits), samples * output_rate // rate)
    if output_rate == rate and bits.left >= 16 and bits.take(11) == _AAC_EXTENSION and _aac_type(bits) == _SBR:
        output_rate = _aac_rate(bits) if bits.flag() else rate
    return AacConfig(output_rate, channels or 2, samples * output_rate // rate)


def _aac_program(bits: Bits) -> int:
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


def _aac_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind


def _aac_rate(bits: Bits) -> int:
    index = bits.take(4)
    rate = bits.take(24) if index == 15 else _AAC_RATES[index] if index < len(_AAC_RATES) else 0
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


def opus_track(head: bytes) -> Track:
    """The track that an OpusHead announces."""
    if head[:8] != b"OpusHead" or len(head) < 19 or not head[9]:
        raise ProtocolError("the OpusHead is malformed")
    return Track(
        kind="audio", codec=Codec.OPUS, timescale=OPUS_RATE, config=head, sample_rate=OPUS_RATE, channels=head[9]
    )


def opus_head(packet: bytes) -> bytes:
    """A header for a stream that came without one, from its first packet (its TOC byte says mono or stereo)."""
    channels = 2 if packet[:1] and packet[0] & 4 else 1
    return b"OpusHead" + bytes((1, channels)) + (312).to_bytes(2, "little") + OPUS_RATE.to_bytes(4, "little") + bytes(3)


def opus_samples(packet: bytes) -> int:
    """How long a packet is, in samples at 48 kHz (RFC 6716, section 3.1)."""
    if not packet:
        raise ProtocolError("an Opus packet is empty")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    if not 0 < frame * count <= 5760:
        raise ProtocolError("an Opus packet of impossible length")
    return frame * count
