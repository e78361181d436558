"""How loud some packets of sound are, inside a worker. Importing this imports the codecs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

import av
from av.audio.resampler import AudioResampler

from media.transcode.audio import open_audio_decoder
from media.transcode.messages import SoundLevel
from media.unit import Track, Unit

FLOOR_DB = -120.0
_FULL = 0.98
#: A decoder that begins in the middle needs a packet or two before what it gives is right.
_SKIPPED = 2


def measure(track: Track, units: Sequence[Unit]) -> SoundLevel | None:
    """Of the loudest channel of at most two. None for what cannot be decoded."""
    try:
        frames = _decode(track, units)
    except (av.FFmpegError, ValueError):
        return None
    channels = [_level([_samples(frame, at) for frame in frames]) for at in (0, 1)]
    return max(channels, key=lambda level: level.rms_db) if frames else None


def _samples(frame: av.AudioFrame, channel: int) -> Sequence[float]:
    floats: memoryview[float] = memoryview(frame.planes[channel]).cast("f")
    return floats[: frame.samples]


def _decode(track: Track, units: Sequence[Unit]) -> list[av.AudioFrame]:
    decoder = open_audio_decoder(track)
    resampler = AudioResampler(format="fltp", layout="stereo")
    decoded = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return [made for frame in decoded[_SKIPPED:] for made in resampler.resample(frame)]


def _level(pieces: Sequence[Sequence[float]]) -> SoundLevel:
    samples = [sample for piece in pieces for sample in piece]
    power = sum(map(mul, samples, samples)) / max(1, len(samples))
    rms_db = max(FLOOR_DB, 10 * math.log10(power)) if power > 0 and math.isfinite(power) else FLOOR_DB
    clipped = sum(abs(sample) >= _FULL for sample in samples) / max(1, len(samples))
    return SoundLevel(rms_db, clipped)
