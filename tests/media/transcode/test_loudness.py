"""The level of coded sound, as a decoder finds it."""

from __future__ import annotations

import array
import math
from fractions import Fraction

import av
import pytest

from media.hls.silence import silence
from media.loudness import CLIPPED_SHARE
from media.transcode.loudness import FLOOR_DB, measure
from media.transcode.tracks import aac_track, opus_track
from media.unit import Track, Unit

RATE = 48_000


def tone(amplitude: float, *, packets: int = 16) -> tuple[Track, list[Unit]]:
    encoder = av.AudioCodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.format, encoder.layout, encoder.sample_rate, encoder.bit_rate = "fltp", "stereo", RATE, 192_000
    units: list[Unit] = []
    for at in range(packets):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        wave = [amplitude * math.sin(2 * math.pi * 440 * (at * 1024 + n) / RATE) for n in range(1024)]
        for plane in frame.planes:
            plane.update(array.array("f", [max(-1.0, min(1.0, sample)) for sample in wave]).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, at * 1024, Fraction(1, RATE)
        units += [sound(bytes(packet), len(units) + n) for n, packet in enumerate(encoder.encode(frame))]
    return aac_track(2), units


def sound(data: bytes, number: int) -> Unit:
    return Unit(kind="audio", pts=number * 1024, dts=number * 1024, is_key=True, data=data, at=0.0)


def test_the_level_is_that_of_the_tone() -> None:
    level = measure(*tone(0.1))
    assert level is not None
    assert level.rms_db == pytest.approx(20 * math.log10(0.1 / math.sqrt(2)), abs=0.5)
    assert level.clipped == 0.0


def test_sound_that_was_cut_off_at_full_scale_clips() -> None:
    level = measure(*tone(3.0))
    assert level is not None
    assert level.rms_db > -3
    assert level.clipped > 2 * CLIPPED_SHARE


@pytest.mark.parametrize("track", [aac_track(1), aac_track(2), opus_track(2)])
def test_silence_is_at_the_floor(track: Track) -> None:
    packet = silence(track)
    assert packet is not None
    level = measure(track, [sound(packet.data, number) for number in range(8)])
    assert level is not None
    assert (level.rms_db, level.clipped) == (FLOOR_DB, 0.0)


def test_what_cannot_be_decoded_has_no_level() -> None:
    assert measure(aac_track(2), [sound(b"\xff" * 20, number) for number in range(8)]) is None
    assert measure(aac_track(2), []) is None
