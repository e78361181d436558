"""Which moments of a stream stand out."""

from __future__ import annotations

import itertools
import random

from server.features.videos.highlights.rules import (
    LEAD_MS,
    LONGEST_MS,
    MOST,
    STEP_MS,
    TRAIL_MS,
    Clipped,
    highlights,
)

HOUR_MS = 3_600_000
STEPS = HOUR_MS // STEP_MS


def murmur(seed: int = 1, most: int = 4) -> dict[int, int]:
    """An hour of a chat that never is quite still."""
    dice = random.Random(seed)
    return {step: dice.randint(0, most) for step in range(STEPS)}


def test_a_crowd_in_a_chat_that_murmurs_is_the_highlight_with_what_came_before_it() -> None:
    people = {**murmur(), 200: 20, 201: 40, 202: 25}
    (found,) = highlights(people, [], length_ms=HOUR_MS)
    assert (found.from_ms, found.to_ms) == (201 * STEP_MS - LEAD_MS, 203 * STEP_MS + TRAIL_MS)
    assert (found.reasons, found.score > 1) == (("chat",), True)


def test_a_chat_that_only_murmurs_a_few_people_and_nothing_have_none() -> None:
    assert highlights(murmur(), [], length_ms=HOUR_MS) == []
    assert highlights({100: 2}, [], length_ms=HOUR_MS) == []
    assert highlights({}, [], length_ms=0) == []


def test_a_chat_that_grows_louder_for_good_is_no_highlight_for_ever() -> None:
    dice = random.Random(2)
    people = {step: dice.randint(0, 4) + (30 if step > 360 else 0) for step in range(STEPS)}
    assert all(each.from_ms < 430 * STEP_MS for each in highlights(people, [], length_ms=HOUR_MS))


def test_what_several_people_clipped_is_one_though_nobody_writes() -> None:
    clips = [Clipped(from_ms=600_000 - each, to_ms=630_000 - each) for each in (0, 1_000, 2_000)]
    (found,) = highlights({}, clips, length_ms=HOUR_MS)
    assert (found.reasons, found.from_ms <= 625_000 < found.to_ms) == (("clips",), True)
    assert highlights({}, clips[:1], length_ms=HOUR_MS) == []


def test_there_are_a_few_that_do_not_overlap_in_order_of_time_and_none_is_longer_than_a_clip() -> None:
    people = {**dict.fromkeys(range(STEPS), 1), **{step: 30 + step for step in range(0, STEPS, 12)}}
    people |= dict.fromkeys(range(300, 360), 80)
    found = highlights(people, [], length_ms=HOUR_MS)
    assert 0 < len(found) <= MOST
    assert all(before.to_ms <= after.from_ms for before, after in itertools.pairwise(found))
    assert all(0 < each.to_ms - each.from_ms <= LONGEST_MS for each in found)


def test_a_highlight_lies_within_the_stream() -> None:
    found = highlights({0: 9, 12: 20}, [Clipped(from_ms=0, to_ms=10 * HOUR_MS)], length_ms=62_000)
    assert found
    assert all(0 <= each.from_ms < each.to_ms <= 62_000 for each in found)
