"""H.264's avcC records: joined, so that pictures of two encoders are decoded by one initialisation. Sans-I/O.

Each picture names its parameter sets by number (H.264 7.4.1.2.1). As long as the numbers differ, one record holds the
sets of both, and nothing has to change where the pictures of one follow those of the other.
"""

from __future__ import annotations

from typing import Final

from media.hls.cmaf import BadSegment
from media.rtmp.codecs.bits import Bits
from media.rtmp.codecs.nal_records import unescape

SPS_IDS: Final = 32
_HEAD: Final = 5


def free_id(config: bytes) -> int:
    """A number that neither a sequence nor a picture parameter set of the record has. Raises ``BadSegment``."""
    sequence, picture, _ = _sets(config)
    taken = {_number(Bits(unescape(each[1:])), 24) for each in sequence} | {
        _number(Bits(unescape(each[1:])), 0) for each in picture
    }
    free = [number for number in reversed(range(SPS_IDS)) if number not in taken]
    if not free:
        raise BadSegment("it holds too many parameter sets")
    return free[0]


def joined(config: bytes, other: bytes) -> bytes:
    """The record ``config`` with the sets of ``other`` as well. Raises ``BadSegment``."""
    sequence, picture, rest = _sets(config)
    more_sequence, more_picture, _ = _sets(other)
    sequence, picture = sequence + more_sequence, picture + more_picture
    return b"".join(
        [
            config[:_HEAD],
            bytes([0xE0 | len(sequence)]), *(len(each).to_bytes(2, "big") + each for each in sequence),
            bytes([len(picture)]), *(len(each).to_bytes(2, "big") + each for each in picture),
            rest,
        ]
    )  # fmt: skip


def profile_of(config: bytes) -> tuple[int, int]:
    """The numbers of its profile and level."""
    return config[1], config[3]


def _number(bits: Bits, skipped: int) -> int:
    bits.take(skipped)
    return bits.unsigned()


def _sets(config: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """Sequence and picture parameter sets, and what comes after them."""
    if len(config) <= _HEAD + 1:
        raise BadSegment("an avcC record that breaks off")
    sequence, at = _read(config, _HEAD + 1, config[_HEAD] & 0x1F)
    picture, end = _read(config, at + 1, config[at] if at < len(config) else 0)
    return sequence, picture, config[end:]


def _read(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    found = []
    for _ in range(count):
        size = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    if at > len(data):
        raise BadSegment("an avcC record that breaks off")
    return found, at
