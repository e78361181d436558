"""Silences times of a segment of AAC or Opus, packet by packet. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from media.errors import MediaError
from media.hls.cmaf import read_fragments
from media.hls.silence import silence
from media.unit import Codec, Track
from media.vod.cutter import Coded, segment_of
from media.vod.messages import SegmentMade

Quiet = Callable[[int], bytes]
"""A packet of so many ticks that decodes to silence."""
_OPUS_RATE: Final = 48_000
_OPUS_CONFIGS: Final = {120: 28, 240: 29, 480: 30}
_OPUS_FRAME: Final = 960
_MOST_FRAMES: Final = 6


class CannotSilence(MediaError):
    """The sound has a codec or layout of which no silent packet is known here."""


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
    frames = min(_MOST_FRAMES, max(1, round(samples / _OPUS_FRAME)))
    return bytes([head]) + b"\xff\xfe" if frames == 1 else bytes([head | 3, frames]) + b"\xff\xfe" * frames


def muted(data: bytes, *, quiet: Quiet, number: int, spans: Sequence[tuple[int, int]]) -> SegmentMade | None:
    """The segment with silence in these times, from and to, in ticks; None where it has none of them.

    Raises ``BadSegment``.
    """
    held: list[Coded] = []
    pts, is_changed = 0, False
    for fragment in read_fragments(data):
        at, pts = fragment.data_at, fragment.decode_time
        for duration, size, is_key in zip(fragment.durations, fragment.sizes, fragment.keys, strict=True):
            is_silent = any(pts < stop and pts + duration > start for start, stop in spans)
            held.append((pts, is_key, quiet(duration) if is_silent else data[at : at + size]))
            is_changed |= is_silent
            at, pts = at + size, pts + duration
    return segment_of(held, pts, lane=0, number=number) if is_changed else None
