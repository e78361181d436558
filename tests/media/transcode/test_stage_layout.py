"""Where people stand in a stage's picture."""

from __future__ import annotations

import itertools

import pytest

from media.stage.plan import MAX_PEOPLE
from media.transcode.stage_layout import LAYOUTS, Box, Layout, boxes

SIZES = [(1280, 720), (640, 360), (720, 1280)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_everybody_has_an_even_box_within_the_picture(layout: Layout, width: int, height: int) -> None:
    for count in range(MAX_PEOPLE + 1):
        found = boxes(layout, count, width=width, height=height)
        assert len(found) == count
        for box in found:
            assert all(value % 2 == 0 for value in box)
            assert box.width > 0
            assert box.height > 0
            assert box.left >= 0
            assert box.left + box.width <= width
            assert box.top >= 0
            assert box.top + box.height <= height


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nobody_covers_another_but_the_small_pictures_the_large_one(layout: Layout) -> None:
    for count in range(2, MAX_PEOPLE + 1):
        found = boxes(layout, count, width=1280, height=720)
        beside = found[1:] if layout == "pip" else found
        assert not any(_overlap(one, other) for one, other in itertools.combinations(beside, 2))


def test_the_one_in_the_spotlight_is_the_largest() -> None:
    first, *others = boxes("spotlight", 4, width=1280, height=720)
    assert all(first.width * first.height > 4 * box.width * box.height for box in others)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.left < other.left + other.width
        and other.left < one.left + one.width
        and one.top < other.top + other.height
        and other.top < one.top + one.height
    )
