"""Excerpts of made films are found again although their pictures were changed, and not in other films."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from media.fingerprints.alignment import LEAST_PICTURES, Alignment
from media.fingerprints.frames import MIRRORED, SIDE, query_hashes, work_hashes
from tests.media.fingerprints import made
from tests.media.fingerprints.index import MemoryIndex

Frame = NDArray[np.uint8]
RATE, SECONDS, AT = 4, 14, 3
NAMES = ("first", "second")


@pytest.fixture(scope="module")
def films() -> list[Frame]:
    return [made.film(seed, SECONDS, width=160, height=90, rate=RATE) for seed in range(3)]


@pytest.fixture(scope="module")
def index(films: list[Frame]) -> MemoryIndex:
    found = MemoryIndex()
    for number, film in enumerate(films[:2]):
        for at, frame in enumerate(film):
            found.add(number, work_hashes(made.small(frame, SIDE), at * 1_000 // RATE))
    return found


def _look_up(index: MemoryIndex, film: Frame, change: Callable[[Frame], Any] = lambda frame: frame):
    """One frame a second."""
    asked = [
        each
        for at, frame in enumerate(film[1::RATE])
        for each in query_hashes(made.small(change(frame), SIDE), 250 + at * 1_000)
    ]
    return index.find(asked, least=LEAST_PICTURES)


def _cut_and_marked(frame: Frame) -> Frame:
    noise = np.random.default_rng(1).normal(0, 4, frame.shape)
    return made.with_logo(made.cropped((frame + noise).clip(0, 255).astype(np.uint8), top=0.07, bottom=0.03, left=0.08))


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        made.with_logo,
        lambda frame: frame[:, ::-1],
        lambda frame: made.cropped(frame, top=0.1, bottom=0.1, left=0.1, right=0.1),
        lambda frame: made.cropped(frame, bottom=0.1, right=0.1),
        _cut_and_marked,
    ],
    ids=["nothing", "a logo", "mirrored", "cut all round", "cut below and right", "cut, noise and a logo"],
)
def test_ten_seconds_are_found_where_they_were_with(
    change: Callable[[Frame], Frame], films: list[Frame], index: MemoryIndex
) -> None:
    for number in range(2):
        found: dict[int, Alignment] = _look_up(index, films[number][AT * RATE : (AT + 10) * RATE], change)
        assert list(found) == [number]
        assert found[number].work_from_ms - found[number].from_ms == pytest.approx(AT * 1_000, abs=400)


def test_a_logo_that_reaches_into_the_middle_of_a_cut_picture_hides_few_of_its_moments(
    films: list[Frame], index: MemoryIndex
) -> None:
    for number in range(2):
        excerpt = films[number][AT * RATE : (AT + 10) * RATE]
        found = _look_up(index, excerpt, lambda frame: made.with_logo(made.cropped(frame, top=0.08, right=0.08)))
        assert found[number].score >= 7, "of ten"


def test_another_film_is_not_found(films: list[Frame], index: MemoryIndex) -> None:
    assert _look_up(index, films[2]) == {}


def test_a_flat_frame_has_no_hash() -> None:
    for grey in (0, 16, 255):
        frame = np.full((SIDE, SIDE), grey, np.uint8)
        assert work_hashes(frame, 0) == []
        assert query_hashes(frame, 0) == []


def test_a_mirrored_frame_has_the_hash_of_the_work_turned(films: list[Frame]) -> None:
    frame = made.small(films[0][0], SIDE)
    (held,) = work_hashes(frame, 0)
    turned = {each.turn for each in query_hashes(frame[:, ::-1], 0) if each.value == held.value}
    assert turned == {MIRRORED}
