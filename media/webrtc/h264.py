"""H.264 over RTP (RFC 6184) and what a track has to say about it (ISO/IEC 14496-10 and -15). Sans-I/O."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Iterator

import msgspec

SLICE, IDR, SEI, SPS, PPS, AUD, END_SEQUENCE, END_STREAM, FILLER = 1, 5, 6, 7, 8, 9, 10, 11, 12
_STAP_A, _FU_A = 24, 28
_NOT_KEPT = frozenset({SPS, PPS, AUD, END_SEQUENCE, END_STREAM, FILLER})

MAX_PAYLOAD = 1_180
MAX_FRAME_BYTES = 8 * 1024 * 1024
_MAX_PARAMETER_SET = 4_096
_LENGTH = struct.Struct("!L")


def nal_type(nal: bytes) -> int:
    return nal[0] & 0x1F


class Unpacker:
    """Turns payloads, in order, into NAL units. ``push`` raises ValueError for a payload that breaks RFC 6184."""

    def __init__(self) -> None:
        self._fragments: list[bytes] = []

    @property
    def is_inside_fragment(self) -> bool:
        return bool(self._fragments)

    def reset(self) -> None:
        self._fragments.clear()

    def push(self, payload: bytes) -> list[bytes]:
        """The NAL units that this payload completes."""
        kind = payload[0] & 0x1F if payload else 0
        if kind == _FU_A:
            return self._fragment(payload)
        if self._fragments:
            raise ValueError("a fragmented NAL unit has no end")
        if kind == _STAP_A:
            return list(_aggregated(payload))
        if not 1 <= kind <= 23:
            raise ValueError("a packet type that was not negotiated")
        return [payload]

    def _fragment(self, payload: bytes) -> list[bytes]:
        if len(payload) < 3:
            raise ValueError("a fragment without content")
        starts, ends = bool(payload[1] & 0x80), bool(payload[1] & 0x40)
        if starts == bool(self._fragments):
            raise ValueError("a fragment out of place")
        if starts:
            self._fragments.append(bytes(((payload[0] & 0xE0) | (payload[1] & 0x1F),)))
        self._fragments.append(payload[2:])
        if not ends:
            return []
        nal = b"".join(self._fragments)
        self._fragments.clear()
        return [nal]


def _aggregated(payload: bytes) -> Iterator[bytes]:
    position = 1
    while position < len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        nal = payload[position + 2 : position + 2 + size]
        if not size or len(nal) != size:
            raise ValueError("an aggregated NAL unit is cut off")
        yield nal
        position += 2 + size


def starts_access_unit(payload: bytes) -> bool:
    """Whether a payload can only be the first of an access unit that begins with parameter sets."""
    kind = payload[0] & 0x1F if payload else 0
    if kind == _STAP_A:
        return len(payload) > 3 and payload[3] & 0x1F in {SPS, AUD}
    return kind in {SPS, AUD}


def packetize(nals: Iterable[bytes], *, parameter_sets: Iterable[bytes] = ()) -> list[bytes]:
    """RTP payloads of one access unit, none longer than MAX_PAYLOAD; parameter sets go in front, as one STAP-A."""
    payloads = _leading(list(parameter_sets))
    for nal in nals:
        if len(nal) <= MAX_PAYLOAD:
            payloads.append(nal)
        else:
            payloads.extend(_fragments(nal))
    return payloads


def _leading(sets: list[bytes]) -> list[bytes]:
    if sum(len(nal) + 2 for nal in sets) + 1 > MAX_PAYLOAD:
        return [payload for nal in sets for payload in packetize([nal])]
    if not sets:
        return []
    importance = max(nal[0] & 0x60 for nal in sets)
    return [bytes((importance | _STAP_A,)) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in sets)]


def _fragments(nal: bytes) -> Iterator[bytes]:
    """Fragments of one size but for the last, so that they can be sent as one segmented datagram."""
    body = len(nal) - 1
    count = -(-body // (MAX_PAYLOAD - 2))
    size = -(-body // count)
    indicator, kind = (nal[0] & 0xE0) | _FU_A, nal[0] & 0x1F
    for start in range(1, len(nal), size):
        flags = (0x80 if start == 1 else 0) | (0x40 if start + size >= len(nal) else 0)
        yield bytes((indicator, flags | kind)) + nal[start : start + size]


def split_avcc(data: bytes) -> list[bytes]:
    """The NAL units of a length-prefixed access unit. Raises ValueError when a length does not fit."""
    nals, position = [], 0
    while position < len(data):
        if position + 4 > len(data):
            raise ValueError("a NAL unit's length is cut off")
        size = _LENGTH.unpack_from(data, position)[0]
        nal = data[position + 4 : position + 4 + size]
        if len(nal) != size:
            raise ValueError("a NAL unit is cut off")
        if size:
            nals.append(nal)
        position += 4 + size
    return nals


def join_avcc(nals: Iterable[bytes]) -> bytes:
    return b"".join(part for nal in nals for part in (_LENGTH.pack(len(nal)), nal))


class H264ParameterSets(msgspec.Struct, frozen=True):
    """The SPS and PPS that a decoder needs, in the order of their ids."""

    sps: tuple[bytes, ...] = ()
    pps: tuple[bytes, ...] = ()

    @property
    def is_complete(self) -> bool:
        return bool(self.sps and self.pps)

    def encode(self) -> bytes:
        """The ``avcC`` record (ISO/IEC 14496-15, section 5.3.3), with 4-byte lengths."""
        first = self.sps[0]
        record = bytes((1, first[1], first[2], first[3], 0xFF, 0xE0 | len(self.sps)))
        record += b"".join(len(nal).to_bytes(2, "big") + nal for nal in self.sps)
        record += bytes((len(self.pps),)) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in self.pps)
        if first[1] in {66, 77, 88}:
            return record
        described = describe(first)
        depths = bytes((0xFC | described.chroma, 0xF8 | described.depth_luma, 0xF8 | described.depth_chroma))
        return record + depths + b"\0"

    @classmethod
    def decode(cls, record: bytes) -> H264ParameterSets:
        """The sets of an ``avcC`` record. Raises ValueError."""
        if len(record) < 7 or record[0] != 1:
            raise ValueError("not an avcC record")
        sps, position = _read_sets(record, 6, record[5] & 0x1F)
        if position >= len(record):
            raise ValueError("an avcC record without picture parameter sets")
        pps, _ = _read_sets(record, position + 1, record[position])
        return cls(sps, pps)


def _read_sets(record: bytes, position: int, count: int) -> tuple[tuple[bytes, ...], int]:
    sets = []
    for _ in range(count):
        size = int.from_bytes(record[position : position + 2], "big")
        nal = record[position + 2 : position + 2 + size]
        if not size or len(nal) != size:
            raise ValueError("a parameter set is cut off")
        sets.append(nal)
        position += 2 + size
    return tuple(sets), position


class Collector:
    """Keeps the parameter sets that come in band (and out of band, ``sprop-parameter-sets``) by their ids."""

    def __init__(self, sprop: str = "") -> None:
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        for encoded in sprop.split(",")[:16]:
            try:
                self.add(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue

    def add(self, nal: bytes) -> None:
        """Take a parameter set; other NAL units and broken sets are ignored."""
        if not 4 <= len(nal) <= _MAX_PARAMETER_SET:
            return
        try:
            if nal_type(nal) == SPS:
                described = describe(nal)
                self._sps = self._sps if self._sps.get(described.identifier) == nal else {described.identifier: nal}
            elif nal_type(nal) == PPS and len(self._pps) < 64:
                self._pps[_Bits(nal[1:]).unsigned()] = nal
        except ValueError:
            return

    @property
    def sets(self) -> H264ParameterSets:
        return H264ParameterSets(tuple(self._sps.values()), tuple(nal for _, nal in sorted(self._pps.items())[:31]))


def coded(nals: Iterable[bytes]) -> list[bytes]:
    """The NAL units that belong into a unit: no parameter sets, delimiters and filler."""
    return [nal for nal in nals if nal and nal_type(nal) not in _NOT_KEPT]


def is_key(nals: Iterable[bytes]) -> bool:
    return any(nal and nal_type(nal) == IDR for nal in nals)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What an SPS says. ``reorder`` is the number of frames that may be out of order; None when it does not say."""

    identifier: int
    profile: int
    width: int
    height: int
    chroma: int = 1
    depth_luma: int = 0
    depth_chroma: int = 0
    reorder: int | None = None


_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def describe(sps: bytes) -> Description:
    """Read an SPS (ISO/IEC 14496-10, section 7.3.2.1.1). Raises ValueError when it is broken."""
    bits = _Bits(sps[1:])
    profile = bits.take(8)
    bits.take(16)
    identifier = bits.unsigned()
    chroma, depth_luma, depth_chroma, is_separate = 1, 0, 0, 0
    if profile in _HIGH_PROFILES:
        chroma = bits.unsigned()
        is_separate = bits.take(1) if chroma == 3 else 0
        depth_luma, depth_chroma = bits.unsigned(), bits.unsigned()
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    bits.unsigned()
    _skip_order(bits)
    bits.unsigned()
    bits.take(1)
    width, height, is_frames = bits.unsigned() + 1, bits.unsigned() + 1, bits.take(1)
    if not is_frames:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = (
        (bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()) if bits.take(1) else (0, 0, 0, 0)
    )
    unit_x = 2 if chroma in {1, 2} and not is_separate else 1
    unit_y = (2 if chroma == 1 and not is_separate else 1) * (2 - is_frames)
    return Description(
        identifier=identifier,
        profile=profile,
        width=_positive(width * 16 - unit_x * (left + right)),
        height=_positive(height * 16 * (2 - is_frames) - unit_y * (top + bottom)),
        chroma=min(chroma, 3),
        depth_luma=min(depth_luma, 7),
        depth_chroma=min(depth_chroma, 7),
        reorder=0 if profile == 66 else _reorder(bits),
    )


def _positive(size: int) -> int:
    if not 0 < size <= 16_384:
        raise ValueError("an impossible picture size")
    return size


def _skip_scaling(bits: _Bits, count: int) -> None:
    for index in range(count):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_order(bits: _Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()


def _reorder(bits: _Bits) -> int | None:
    """``max_num_reorder_frames`` of the VUI (annex E.1.1), when it is there."""
    try:
        if not bits.take(1):
            return None
        if bits.take(1) and bits.take(8) == 255:
            bits.take(32)
        if bits.take(1):
            bits.take(1)
        if bits.take(1):
            bits.take(4)
            if bits.take(1):
                bits.take(24)
        if bits.take(1):
            bits.unsigned()
            bits.unsigned()
        if bits.take(1):
            bits.take(65)
        has_hrd = [_skip_hrd(bits) for _ in range(2)]
        if any(has_hrd):
            bits.take(1)
        bits.take(1)
        if not bits.take(1):
            return None
        bits.take(1)
        for _ in range(4):
            bits.unsigned()
        return bits.unsigned()
    except ValueError:
        return None


def _skip_hrd(bits: _Bits) -> bool:
    if not bits.take(1):
        return False
    count = bits.unsigned() + 1
    if count > 32:
        raise ValueError("too many coded picture buffers")
    bits.take(8)
    for _ in range(count):
        bits.unsigned()
        bits.unsigned()
        bits.take(1)
    bits.take(20)
    return True


class _Bits:
    """Reads an RBSP: emulation prevention bytes are taken out first. Raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        clean = data.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(clean, "big")
        self._left = 8 * len(clean)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("a parameter set is cut off")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def unsigned(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("an Exp-Golomb code is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)
