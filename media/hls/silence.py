"""Coded silence: packets that decode to nothing, written without an encoder. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from media.errors import MediaError
from media.hls.codecs import BadConfig, aac_shape, codec_string
from media.unit import Codec, Track

#: The syntactic elements of a channel count, as ISO/IEC 14496-3, table 1.19 orders them: single, pair, low frequency.
_ELEMENTS = {1: "s", 2: "p", 3: "sp", 4: "sps", 5: "spp", 6: "sppl", 8: "spppl"}
_IDS = {"s": 0, "p": 1, "l": 3}
_ID_END = "111"
#: An individual channel stream without a scale factor band: global gain, ics_info, no pulses, no TNS, no gain control.
_STREAM = "0" * (8 + 11 + 3)
#: Object types whose frames are raw_data_blocks of these elements: Main, LC, LTP, and LC under SBR or PS.
_OBJECT_TYPES = {"mp4a.40.1", "mp4a.40.2", "mp4a.40.4", "mp4a.40.5", "mp4a.40.29"}
_OPUS_TICKS = 960
Quiet = Callable[[int], bytes]
"""A packet of so many ticks that decodes to silence."""
_OPUS_RATE = 48_000
_OPUS_CONFIGS = {120: 28, 240: 29, 480: 30}
_MOST_FRAMES = 6


class CannotSilence(MediaError):
    """The sound has a codec or layout of which no silent packet is known here."""


class Silence(msgspec.Struct, frozen=True):
    """One packet, and how many ticks of its track it lasts."""

    data: bytes
    ticks: int


def silence(track: Track) -> Silence | None:
    """A silent packet of this track; None for a codec or layout that is not known here."""
    if track.codec is Codec.OPUS:
        # RFC 6716, 3.1: 20 ms of CELT, full band; a frame of two bytes says that it is silent (4.3).
        return Silence(b"\xfc\xff\xfe" if track.channels != 1 else b"\xf8\xff\xfe", _OPUS_TICKS)
    return _aac(track) if track.codec is Codec.AAC else None


def quiet_of(track: Track) -> Quiet:
    """Raises ``CannotSilence``."""
    found = silence(track)
    if found is None:
        raise CannotSilence(f"sound of {track.codec}")
    if track.codec is Codec.OPUS:
        return partial(_quiet_opus, timescale=track.timescale, is_mono=track.channels == 1)
    return lambda _: found.data


def _quiet_opus(ticks: int, *, timescale: int, is_mono: bool) -> bytes:
    """RFC 6716, 3.1 and 3.2.5: CELT of the full band, in frames of 20 ms at most, each of which says that it is silent
    (4.3)."""
    samples = round(ticks * _OPUS_RATE / timescale)
    head = _OPUS_CONFIGS.get(samples, 31) << 3 | (0 if is_mono else 4)
    frames = min(_MOST_FRAMES, max(1, round(samples / _OPUS_TICKS)))
    return bytes([head]) + b"\xff\xfe" if frames == 1 else bytes([head | 3, frames]) + b"\xff\xfe" * frames


def _aac(track: Track) -> Silence | None:
    try:
        rate, channels, samples = aac_shape(track.config)
        is_known = codec_string(track) in _OBJECT_TYPES and channels in _ELEMENTS
    except BadConfig:
        return None
    return Silence(_raw_data_block(_ELEMENTS[channels]), samples * track.timescale // rate) if is_known else None


def _raw_data_block(elements: str) -> bytes:
    """ISO/IEC 14496-3, 4.4.2.1: the elements, each kind with its tags from 0, and the end."""
    bits = ""
    for at, kind in enumerate(elements):
        tag = elements[:at].count(kind)
        channels = f"0{_STREAM}{_STREAM}" if kind == "p" else _STREAM
        bits += f"{_IDS[kind]:03b}{tag:04b}{channels}"
    bits += _ID_END
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
