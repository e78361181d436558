from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtmp.timeline import RtmpTimeline, SampleClock


def test_first_unit_is_at_zero() -> None:
    timeline = RtmpTimeline(first=5000)
    assert [timeline.place("video", stamp) for stamp in (5000, 5040, 5080)] == [0, 40, 80]


def test_tracks_share_one_base() -> None:
    timeline = RtmpTimeline(first=5000)
    assert timeline.place("video", 5000) == 0
    assert timeline.place("audio", 5015) == 15


def test_a_track_earlier_than_the_start_is_held_at_zero() -> None:
    timeline = RtmpTimeline(first=5000)
    assert timeline.place("video", 5000) == 0
    assert timeline.place("audio", 4990) == 0


def test_wrap_of_32_bits_is_gone_through() -> None:
    timeline = RtmpTimeline(first=2**32 - 50)
    stamps = [2**32 - 50, 2**32 - 10, 30, 70]
    assert [timeline.place("video", stamp) for stamp in stamps] == [0, 40, 80, 120]
    assert timeline.rebased == 0


def test_gap_shorter_than_ten_seconds_stays_a_gap() -> None:
    timeline = RtmpTimeline(first=0)
    assert [timeline.place("video", stamp) for stamp in (0, 9000)] == [0, 9000]


def test_jump_of_more_than_ten_seconds_is_another_clock() -> None:
    timeline = RtmpTimeline(first=0)
    assert [timeline.place("video", stamp) for stamp in (0, 10_000, 20_001)] == [0, 10_000, 10_020]
    assert timeline.rebased == 1


def test_step_back_of_more_than_100_ms_is_another_clock() -> None:
    timeline = RtmpTimeline(first=0)
    assert [timeline.place("video", stamp) for stamp in (1_000, 900, 1_010)] == [1_000, 1_000, 1_010]
    assert timeline.rebased == 0
    assert [timeline.place("video", stamp) for stamp in (909, 919)] == [1_030, 1_040]
    assert timeline.rebased == 1


@pytest.mark.parametrize(("behind_ms", "places"), [(10_000, [10_000, 10_020]), (10_001, [20_020, 20_040])])
def test_track_that_begins_more_than_ten_seconds_behind_the_other_has_another_clock(
    behind_ms: int, places: list[int]
) -> None:
    timeline = RtmpTimeline(first=0)
    timeline.place("video", 10_000)
    timeline.place("video", 20_000)
    assert [timeline.place("audio", 20_000 - behind_ms + stamp) for stamp in (0, 20)] == places


@pytest.mark.parametrize(("after_ms", "is_known"), [(10_000, True), (10_001, False)])
def test_base_of_before_a_jump_is_known_for_ten_seconds(after_ms: int, is_known: bool) -> None:
    timeline = RtmpTimeline(first=0)
    timeline.place("video", 1_000)
    assert timeline.place("video", 500_000) == 1_020
    timeline.place("video", 505_000)
    timeline.place("video", 500_000 + after_ms)
    assert timeline.place("audio", 1_100) == (1_100 if is_known else after_ms + 1_020 + 20)


def test_jump_of_half_the_range_ahead_is_a_jump_back() -> None:
    timeline = RtmpTimeline(first=0)
    assert [timeline.place("video", stamp) for stamp in (0, 2**31, 2**31 + 40, 100, 140)] == [0, 20, 60, 80, 120]


def test_jump_ahead_is_rebased_for_both_tracks() -> None:
    timeline = RtmpTimeline(first=0)
    for stamp in (0, 40):
        timeline.place("video", stamp)
        timeline.place("audio", stamp)
    assert timeline.place("video", 1_000_000) == 60
    assert timeline.place("audio", 1_000_010) == 70
    assert timeline.place("video", 1_000_040) == 100
    assert timeline.rebased == 1


def test_jump_back_goes_on_after_the_latest_unit() -> None:
    timeline = RtmpTimeline(first=100_000)
    for stamp in (100_000, 100_040):
        timeline.place("video", stamp)
    assert timeline.place("video", 0) == 60
    assert timeline.place("video", 40) == 100


def test_last_units_of_before_a_jump_do_not_move_the_base_again() -> None:
    timeline = RtmpTimeline(first=0)
    for stamp in range(0, 1000, 20):
        timeline.place("video", stamp)
        timeline.place("audio", stamp)
    assert timeline.place("video", 500_000) == 1000
    assert timeline.place("audio", 1000) == 1000
    assert timeline.place("audio", 500_010) == 1010
    assert timeline.place("video", 500_020) == 1020
    assert timeline.rebased == 1


def test_last_units_of_before_a_restart_do_not_move_the_base_again() -> None:
    timeline = RtmpTimeline(first=500_000)
    for stamp in range(500_000, 501_000, 20):
        timeline.place("video", stamp)
        timeline.place("audio", stamp)
    assert timeline.place("video", 0) == 1000
    assert timeline.place("audio", 501_000) == 1000
    assert timeline.place("audio", 10) == 1010
    assert timeline.place("video", 20) == 1020
    assert timeline.rebased == 1


def test_tracks_with_clocks_of_their_own_both_go_on_at_their_pace() -> None:
    timeline = RtmpTimeline(first=5_000_000)
    for step in range(0, 60_000, 20):
        timeline.place("video", 5_000_000 + step)
        timeline.place("audio", step)
    assert timeline.rebased < 10
    assert abs(timeline.place("video", 5_060_000) - 60_000) < 500


def test_small_step_back_is_flattened() -> None:
    timeline = RtmpTimeline(first=0)
    assert [timeline.place("audio", stamp) for stamp in (0, 40, 30, 60)] == [0, 40, 40, 60]


def paused(away_ms: int, missed_ms: int) -> tuple[RtmpTimeline, int]:
    """A timeline in which sound was away from 1 s on, and its first place after that."""
    timeline = RtmpTimeline(first=0)
    timeline.place("audio", 1_000)
    for stamp in range(1_000, 1_001 + away_ms, 40):
        timeline.place("video", stamp)
    timeline.place("video", 1_000 + away_ms)
    return timeline, timeline.place("audio", 1_000 + away_ms - missed_ms)


@pytest.mark.parametrize("away_ms", [5_000, 12_000, 3_600_000])
@pytest.mark.parametrize("stands", [True, False])
def test_a_track_that_pauses_comes_back_in_step(away_ms: int, stands: bool) -> None:
    missed_ms = away_ms if stands else 0
    timeline, at = paused(away_ms, missed_ms)
    assert at == 1_000 + away_ms
    assert timeline.place("audio", 1_500 + away_ms - missed_ms) == 1_500 + away_ms
    assert timeline.place("video", 1_500 + away_ms) == 1_500 + away_ms
    assert timeline.rebased == 0


def test_the_bounds_of_a_pause_are_kept_exactly() -> None:
    assert paused(3_000, 2_000)[1] == 2_000
    assert paused(3_001, 2_000)[1] == 4_001
    assert paused(8_000, 1_000)[1] == 8_000
    assert paused(8_000, 1_001)[1] == 9_000


def test_each_pause_that_timestamps_miss_is_added_to_those_before() -> None:
    timeline, _ = paused(5_000, 5_000)
    for stamp in range(6_000, 11_001, 40):
        timeline.place("video", stamp)
    assert [timeline.place("audio", stamp) for stamp in (1_020, 1_040)] == [11_000, 11_020]


def test_an_encoder_that_restarts_after_a_pause_that_its_clock_missed_is_in_step() -> None:
    timeline, _ = paused(5_000, 5_000)
    assert timeline.place("video", 900_000) == 6_020
    assert timeline.place("audio", 900_010) == 6_030


def test_a_track_that_begins_long_after_the_other_is_in_step() -> None:
    timeline = RtmpTimeline(first=0)
    for stamp in range(0, 60_000, 40):
        timeline.place("video", stamp)
    assert timeline.place("audio", 60_000) == 60_000


@given(st.lists(st.tuples(st.sampled_from(["video", "audio"]), st.integers(0, 2**32 - 1)), max_size=60))
def test_no_track_ever_goes_back_or_leaps(stamps: list[tuple[str, int]]) -> None:
    timeline, last = RtmpTimeline(first=stamps[0][1] if stamps else 0), {"video": 0, "audio": 0}
    for kind, stamp in stamps:
        at = timeline.place(kind, stamp)  # type: ignore[arg-type]
        assert last[kind] <= at <= max(last.values()) + 10_020
        last[kind] = at


def test_audio_packets_are_put_end_to_end_although_stamps_are_rounded() -> None:
    clock = SampleClock(rate=44_100)
    placed = [clock.place(index * 1024 * 1000 // 44_100, 1024) for index in range(2000)]
    assert placed == [index * 1024 for index in range(2000)]


def test_audio_gap_starts_the_count_over() -> None:
    clock = SampleClock(rate=48_000)
    assert [clock.place(ms, 960) for ms in (0, 20, 40, 140, 160)] == [0, 960, 1920, 6720, 7680]
    assert clock.resynchronised == 1


def test_audio_faster_than_its_stamps_is_pulled_back_without_going_back() -> None:
    clock = SampleClock(rate=48_000)
    placed = [clock.place(index * 10, 960) for index in range(100)]
    assert all(before < after for before, after in itertools.pairwise(placed))
    assert clock.resynchronised > 0
    assert placed[-1] < 100 * 480 + 48 * 60


def test_audio_that_drifts_against_its_stamps_is_slewed_and_never_leaps() -> None:
    for pace in (1.0005, 0.9995):
        clock = SampleClock(rate=48_000)
        placed = [clock.place(index * 1024 / 48 * pace, 1024) for index in range(100_000)]
        assert clock.resynchronised == 0
        assert {after - before for before, after in itertools.pairwise(placed)} <= set(range(1_022, 1_027))
        assert abs(placed[-1] / 48 - 99_999 * 1024 / 48 * pace) < 10 + 1


def test_audio_more_than_50_ms_off_its_stamps_starts_over() -> None:
    for ms, place in ((70, 960 + 120), (-30, 960 - 120), (71, 71 * 48), (-31, 1)):
        clock = SampleClock(rate=48_000)
        assert [clock.place(0, 960), clock.place(ms, 960)] == [0, place]
        assert clock.resynchronised == (place not in (1080, 840))


def test_audio_within_the_slack_of_its_stamps_is_not_moved() -> None:
    clock = SampleClock(rate=48_000)
    assert [clock.place(ms, 960) for ms in (0, 20 + 10, 40 - 10)] == [0, 960, 1920]
    assert clock.place(60 + 10 + 1, 960) == 2880 + 48
    assert clock.place(80 + 10 + 20, 960) == 2880 + 48 + 960 + 120
