"""Excerpts of made music are found again although they were changed, and not in other music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from media.fingerprints.alignment import LEAST_SOUNDS, Alignment
from media.fingerprints.audio import OF_QUERY, OF_WORK, RATE, Floats, audio_hashes
from tests.media.fingerprints import made
from tests.media.fingerprints.index import MemoryIndex

WORKS, SECONDS, AT = 2, 18, 6


@pytest.fixture(scope="module")
def works() -> list[Floats]:
    return [made.music(seed, SECONDS) for seed in range(WORKS)]


@pytest.fixture(scope="module")
def index(works: list[Floats]) -> MemoryIndex:
    found = MemoryIndex()
    for number, work in enumerate(works):
        found.add(number, audio_hashes(work, OF_WORK))
    return found


def _look_up(index: MemoryIndex, sound: Floats) -> dict[int, Alignment]:
    return index.find(audio_hashes(sound, OF_QUERY), least=LEAST_SOUNDS)


def _spoken_over(sound: Floats) -> Floats:
    return sound + 0.5 * made.speech(7, len(sound) / RATE + 1)[: len(sound)]


@pytest.mark.parametrize(
    ("change", "speed"),
    [
        (lambda sound: made.faster(sound, 0.97), 0.97),
        (lambda sound: made.reencoded(_spoken_over(made.faster(sound, 1.03))), 1.03),
    ],
    ids=["3% slower", "3% faster below a voice at 64 kbit/s"],
)
def test_ten_seconds_are_found_where_they_were_although(
    change: Callable[[Floats], Floats], speed: float, works: list[Floats], index: MemoryIndex
) -> None:
    for number in range(WORKS):
        found = _look_up(index, change(works[number][AT * RATE : (AT + 10) * RATE]))
        assert list(found) == [number]
        match = found[number]
        assert match.speed == pytest.approx(speed, abs=0.012)
        assert match.work_from_ms - match.from_ms * match.speed == pytest.approx(AT * 1_000, abs=300)
        assert match.to_ms - match.from_ms > 5_000


def test_other_music_voices_noise_and_silence_are_not_found(index: MemoryIndex) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 10 * RATE).astype(np.float32)
    tone = np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE).astype(np.float32)
    silence = np.zeros(10 * RATE, np.float32)
    for sound in (made.music(99, 10), made.speech(1, 10), noise, tone, silence):
        assert _look_up(index, sound) == {}


def test_sound_shorter_than_a_window_has_no_hashes() -> None:
    for count in (0, 1, 2_047, 2_048):
        assert audio_hashes(np.zeros(count, np.float32), OF_QUERY) == []


def test_values_fit_into_31_bits_and_the_query_asks_for_all_that_the_work_holds(works: list[Floats]) -> None:
    held, asked = (audio_hashes(works[0][: 5 * RATE], density) for density in (OF_WORK, OF_QUERY))
    assert all(0 <= each.value < 2**31 for each in [*held, *asked])
    assert [each.ms for each in held] == sorted(each.ms for each in held)
    assert len({each.value for each in held} & {each.value for each in asked}) > len(held) / 3
