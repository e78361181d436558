"""Runs of hits are joined into matches, and disputes go their way."""

from __future__ import annotations

from itertools import product

import pytest

from media.fingerprints.alignment import Alignment
from media.fingerprints.messages import Hash
from server.features.videos.works.rules import (
    HOP_MS,
    MAX_LIVE_MUTE_MS,
    MAY,
    MOVES,
    WINDOW_MS,
    Run,
    is_credited,
    joined,
    moved,
    muted_until,
    run_of,
    windows,
)
from server.http.errors import Problem


def run(from_ms: int, to_ms: int, work_from_ms: int, *, work: int = 1, speed: float = 1.0, score: float = 0.5) -> Run:
    return Run(work=work, from_ms=from_ms, to_ms=to_ms, work_from_ms=work_from_ms, speed=speed, score=score)


def test_runs_on_one_line_are_one_match_with_the_best_score() -> None:
    found = joined([run(10_000, 19_000, 70_000, score=0.9), run(0, 12_000, 60_000), run(22_000, 30_000, 82_100)])
    assert found == [run(0, 30_000, 60_000, score=0.9)]


def test_a_faster_copy_stays_on_its_line_over_minutes() -> None:
    parts = [run(at, at + 20_000, round(at * 1.03), speed=1.03) for at in range(0, 600_000, 20_000)]
    (found,) = joined(parts)
    assert (found.from_ms, found.to_ms) == (0, 600_000)


@pytest.mark.parametrize(
    "other",
    [run(21_000, 30_000, 81_000, work=2), run(21_000, 30_000, 200_000), run(40_000, 50_000, 100_000)],
    ids=["another work", "another place of the work", "long after it"],
)
def test_other_runs_are_other_matches(other: Run) -> None:
    assert joined([other, run(0, 20_000, 60_000)]) == [run(0, 20_000, 60_000), other]


def test_more_than_seven_seconds_are_credited_if_the_work_says_so() -> None:
    assert [is_credited("credit", length) for length in (7_000, 7_001)] == [False, True]
    assert [is_credited(policy, 60_000) for policy in ("mute", "block")] == [False, False]


def test_the_score_is_a_share() -> None:
    assert run_of(1, "audio", Alignment(0, 10_000, 0, 1.0, 20)).score == 0.5
    assert run_of(1, "video", Alignment(0, 10_000, 0, 1.0, 40)).score == 1.0


def test_windows_overlap_so_that_any_ten_seconds_lie_in_one() -> None:
    hashes = [Hash(1, ms, 0) for ms in range(500, 60_000, 250)]
    parts = [{each.ms for each in window} for window in windows(hashes)]
    for start in range(500, 49_000, 250):
        assert any(set(range(start, start + HOP_MS, 250)) <= part for part in parts)
    assert max(max(part) - min(part) for part in parts) < WINDOW_MS
    assert list(windows([])) == []


def test_a_state_is_left_only_by_the_acts_and_parties_of_the_table() -> None:
    for state, act, party in product(
        ("open", "disputed", "upheld", "withdrawn"), MAY, ("holder", "publisher", "server")
    ):
        if party == MAY[act] and (state, act) in MOVES:
            assert moved(state, act, party) == MOVES[state, act]
        else:
            with pytest.raises(Problem) as refused:
                moved(state, act, party)
            assert refused.value.status == (409 if party == MAY[act] else 403)


def test_both_ends_are_final() -> None:
    assert not {state for state, _ in MOVES} & {"upheld", "withdrawn"}


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "end_ms", "work_ms", "until_ms"),
    [
        (10_000, 40_000, 45_000, 200_000, 40_000 + 165_000),
        (10_000, 40_000, 45_000, None, 40_000 + MAX_LIVE_MUTE_MS),
        (10_000, 40_000, 45_000, 9_000_000, 40_000 + MAX_LIVE_MUTE_MS),
        (10_000, 40_000, 60_000, 200_000, None),
        (10_000, 17_000, 18_000, 200_000, None),
        (10_000, 40_000, 45_000, 35_000, None),
    ],
    ids=["the rest of the work", "of unknown length", "a long one", "it has stopped", "too little", "it is over"],
)
def test_a_stream_on_the_air_is_mute_for_the_rest_of_the_work(
    from_ms: int, to_ms: int, end_ms: int, work_ms: int | None, until_ms: int | None
) -> None:
    run = Run(work=1, from_ms=from_ms, to_ms=to_ms, work_from_ms=5_000, score=1)
    assert muted_until(run, work_ms=work_ms, end_ms=end_ms) == until_ms
