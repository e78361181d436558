"""How loud a stream is: what is measured of it, and what the measures say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from media.loudness import EVERY_S, UNITS, Levels, Listener
from media.transcode.messages import SoundLevel
from media.unit import Track, Unit
from tests.media.hls.sources import AUDIO, VIDEO, sounds


def levels(*measured: tuple[float, float]) -> Levels:
    made = Levels()
    for rms_db, clipped in measured:
        made.add(SoundLevel(rms_db, clipped))
    return made


@pytest.mark.parametrize(
    ("measured", "faults"),
    [
        ([], set()),
        ([(-90.0, 0.0)] * 4, set()),
        ([(-90.0, 0.0)] * 5, {"sound_silent"}),
        ([(-90.0, 0.0)] * 4 + [(-30.0, 0.0)], set()),
        ([(-6.0, 0.01)] * 2 + [(-20.0, 0.0)] * 3, set()),
        ([(-6.0, 0.01)] * 3 + [(-20.0, 0.0)] * 2, {"sound_clipping"}),
    ],
)
def test_silence_takes_all_of_the_last_measures_and_clipping_three(
    measured: list[tuple[float, float]], faults: set[str]
) -> None:
    made = levels(*measured)
    assert made.faults == faults
    assert made.loudness == (measured[-1][0] if measured else None)


class Measures:
    def __init__(self) -> None:
        self.asked: list[tuple[Track, Sequence[Unit]]] = []
        self.gate = asyncio.Event()

    async def sound_level(self, track: Track, units: Sequence[Unit]) -> SoundLevel | None:
        self.asked.append((track, units))
        await self.gate.wait()
        return SoundLevel(-20.0, 0.0)


async def test_a_little_of_the_sound_is_measured_now_and_then_and_one_measure_at_a_time() -> None:
    codecs, heard = Measures(), list[SoundLevel]()
    listener = Listener(codecs=codecs, name="s", on_heard=heard.append)
    for unit in sounds(2 * EVERY_S + 1):
        listener.hear(unit, [VIDEO, AUDIO])
        await asyncio.sleep(0)
    assert [(track, len(units)) for track, units in codecs.asked] == [(AUDIO, UNITS)], "the second one would wait"
    codecs.gate.set()
    for unit in sounds(2 * EVERY_S, from_ms=20_000):
        listener.hear(unit, [VIDEO, AUDIO])
        await asyncio.sleep(0)
    assert heard == [SoundLevel(-20.0, 0.0)] * 3
    listener.cancel()
