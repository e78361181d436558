"""Where parts and segments begin."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.hls.follower import Follower
from media.hls.lane import Closed, Cut, Fragment
from media.hls.segmenter import Segmenter
from media.relay import End, Tracks
from media.unit import Unit
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, live, mixed, pictures, sound, sounds, video

HEVC_LIKE = msgspec.structs.replace(VIDEO, config=VIDEO.config + b"\0")


def run(items, **options) -> tuple[list[Fragment], list[Closed]]:
    segmenter = Segmenter(**options)
    outputs = [output for item in [*items, End("over")] for output in segmenter.feed(item)]
    return (
        [output for output in outputs if isinstance(output, Fragment)],
        [output for output in outputs if isinstance(output, Closed)],
    )


def of(kind, outputs):
    return [output for output in outputs if output.kind == kind]


def seconds(closed: Closed) -> float:
    return closed.duration / (90_000 if closed.kind == "video" else 48_000)


@pytest.mark.parametrize(
    ("gop", "expected"),
    [(60, [2, 2, 2]), (30, [2, 2, 2]), (45, [1.5, 1.5, 1.5, 1.5]), (1, [2, 2, 2]), (21, [2.1, 2.1, 1.8])],
)
def test_segments_begin_at_the_key_frame_nearest_to_the_target(gop, expected):
    _, closed = run(live(VIDEO, units=pictures(6, gop=gop)))
    assert [seconds(each) for each in closed] == pytest.approx(expected, abs=0.04)


def test_long_gop_makes_long_segments():
    _, closed = run(live(VIDEO, units=pictures(20, fps=25, gop=250)))
    assert [seconds(each) for each in closed] == pytest.approx([10, 10], abs=0.001)
    assert all(each.is_independent for each in closed)


@pytest.mark.parametrize("gop", [250, 251])
def test_first_segment_takes_250_frames_of_a_film(gop):
    _, closed = run(live(VIDEO, units=pictures(25, fps=24, gop=gop)))
    assert [each.is_independent for each in closed] == ([True] * 3 if gop == 250 else [True, False, True, False, True])


def test_endless_gop_is_cut_without_a_key_frame():
    _, closed = run(live(VIDEO, units=pictures(30, gop=10_000)))
    assert [seconds(each) for each in closed] == pytest.approx([10.43, 10.43, 9.13], abs=0.02)
    assert [each.is_independent for each in closed] == [True, False, False]


@pytest.mark.parametrize(("first", "target"), [(30, 2), (60, 2), (90, 4), (150, 6), (250, 10)])
def test_no_segment_outgrows_what_the_first_one_decided(first, target):
    keys = {0, first, first + 20, first + 400, first + 410, first + 1200}
    units = mixed([video(n * 1000 / 30, key=n in keys) for n in range(first + 1300)], sounds(50))
    segmenter = Segmenter()
    closed = [o for item in live(VIDEO, AUDIO, units=units) for o in segmenter.feed(item) if isinstance(o, Closed)]
    assert segmenter.target_s == target
    assert {round(seconds(each)) for each in closed} <= set(range(target + 1))
    assert len({each.segment for each in closed}) > 20 // target


def test_key_frame_after_a_cut_without_one_begins_a_segment():
    units = [video(n * 1000 / 30, key=n in {0, 60, 210, 240}) for n in range(300)]
    _, closed = run(live(VIDEO, units=units))
    begins = [round(each.start_pts / 90_000, 2) for each in closed if each.is_independent]
    assert begins == [0, 2, 7, 8]


@pytest.mark.parametrize("fps", [0.5, 1, 3])
def test_slow_pictures_keep_to_the_target_too(fps):
    _, closed = run(live(VIDEO, units=pictures(60, fps=fps, gop=10_000)), target_s=2)
    assert {round(seconds(each)) for each in closed} <= {1, 2}


def test_later_run_keeps_the_target_of_the_stream():
    _, closed = run(live(VIDEO, units=pictures(20, fps=25, gop=250)), target_s=2, first_segment=7)
    assert {round(seconds(each)) for each in closed} <= {0, 1, 2}


def test_picture_that_stops_does_not_make_the_sounds_segments_outgrow_the_target():
    units = mixed(pictures(6), sounds(30))
    _, closed = run(live(VIDEO, AUDIO, units=units))
    assert max(round(seconds(each)) for each in of("audio", closed)[:-1]) == 2


def test_picture_that_is_late_does_not_break_its_key_frame_interval():
    """Sound that arrives 0.8 s before its picture, as some encoders send it, is no reason to cut."""
    early = [msgspec.structs.replace(unit, at=unit.at - 0.8) for unit in sounds(30)]
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(30), early)))
    assert all(each.is_independent for each in of("video", closed))


def test_scene_cut_key_frames_do_not_make_segments_outgrow_the_target():
    keys = {0, 60, 90, 150, 160, 220, 280}
    units = [video(n * 1000 / 30, key=n in keys) for n in range(300)]
    _, closed = run(live(VIDEO, units=units))
    assert max(seconds(each) for each in closed) < 2.5


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 50, 60])
def test_parts_are_between_85_and_100_percent_of_the_target_but_for_a_segments_last(fps):
    fragments, closed = run(live(VIDEO, units=pictures(6, fps=fps, gop=round(fps) * 2)))
    last = {(each.segment, each.parts - 1) for each in closed}
    inner = [each.duration / 90_000 for each in fragments if (each.segment, each.part) not in last]
    assert inner
    assert all(0.334 * 0.85 <= duration <= 0.334 for duration in inner)


def test_parts_hold_every_unit_once_with_exact_times():
    units = pictures(5)
    fragments, closed = run(live(VIDEO, units=units))
    samples = [sample for each in fragments for sample in each.samples]
    assert [(each.dts, each.pts) for each in samples] == [(unit.dts, unit.pts) for unit in units]
    assert [a.dts + a.duration for a in samples[:-1]] == [b.dts for b in samples[1:]]
    assert sum(each.duration for each in fragments) == sum(each.duration for each in closed) == 5 * 90_000


def test_parts_come_before_their_segment_and_are_numbered_from_0():
    segmenter = Segmenter()
    seen: list[tuple[int, int]] = []
    for item in live(VIDEO, units=pictures(4.1)):
        for output in segmenter.feed(item):
            if isinstance(output, Fragment):
                seen.append((output.segment, output.part))
            elif isinstance(output, Closed):
                assert seen[-1] == (output.segment, output.parts - 1)
    assert seen[:8] == [*((1, part) for part in range(6)), (2, 0), (2, 1)]


def test_first_part_is_given_out_before_the_first_segment_ends():
    segmenter = Segmenter()
    outputs = [o for item in live(VIDEO, units=pictures(0.4)) for o in segmenter.feed(item)]
    assert [type(output) for output in outputs[1:]] == [Fragment]


def test_b_frames_keep_their_presentation_times():
    shown = [0, 4, 2, 1, 3, 8, 6, 5, 7]
    units = [video(n * 40, pts_ms=(at + 2) * 40, key=n == 0) for n, at in enumerate(shown)]
    fragments, closed = run(live(VIDEO, units=units))
    samples = [sample for each in fragments for sample in each.samples]
    assert [each.pts for each in samples] == [unit.pts for unit in units]
    assert closed[0].start_pts == units[0].pts


def test_negative_and_repeated_decode_times_are_made_to_grow():
    times = [-80, -40, 0, 0, 40, 39]
    units = [
        Unit(kind="video", pts=90 * t + 9_000, dts=90 * t, is_key=n == 0, data=b"x", at=0) for n, t in enumerate(times)
    ]
    fragments, _ = run(live(VIDEO, units=units))
    dts = [sample.dts for each in fragments for sample in each.samples]
    assert dts == [0, 1, 2, 3, 3600, 3601]


def test_stream_starts_with_a_key_frame():
    fragments, _ = run(live(VIDEO, units=[video(0), video(33), *pictures(1, from_ms=66)]))
    assert fragments[0].samples[0].dts == 66 * 90


def test_audio_segments_follow_the_video_within_half_a_frame():
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(8, gop=45), sounds(8))))
    starts = {each.segment: each.start_pts / 90_000 for each in of("video", closed)}
    assert len(of("audio", closed)) == len(starts)
    for each in of("audio", closed):
        assert abs(each.start_pts / 48_000 - starts[each.segment]) <= 0.0107


def test_audio_that_runs_ahead_of_the_video_is_cut_where_the_video_is():
    ahead = [msgspec.structs.replace(unit, at=unit.at - 0.2) for unit in sounds(6)]
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(6), ahead)))
    assert [each.start_pts / 48_000 for each in of("audio", closed)] == pytest.approx([0, 2, 4], abs=0.2)


@pytest.mark.parametrize("late_s", [1.0, 3.5, 5.5])
def test_audio_that_is_delivered_seconds_late_is_still_cut_where_the_video_is(late_s):
    late = [msgspec.structs.replace(unit, at=unit.at + late_s) for unit in sounds(20)]
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(20), late)))
    starts = [each.start_pts / 90_000 for each in of("video", closed)]
    assert [each.start_pts / 48_000 for each in of("audio", closed)] == pytest.approx(starts, abs=0.011)


def test_no_audio_is_lost_or_moved_between_segments():
    units = sounds(6)
    fragments, _ = run(live(VIDEO, AUDIO, units=mixed(pictures(6), units)))
    samples = [sample for each in of("audio", fragments) for sample in each.samples]
    assert [each.pts for each in samples] == [unit.pts for unit in units]
    assert {each.duration for each in samples} == {1024}


def test_audio_only_is_cut_by_time():
    fragments, closed = run(live(AUDIO, units=sounds(6)))
    assert [seconds(each) for each in closed] == pytest.approx([2, 2, 1.98], abs=0.03)
    assert all(each.is_independent for each in fragments)


def test_audio_times_rounded_to_milliseconds_are_put_back_on_the_grid_of_frames():
    units = [msgspec.structs.replace(unit, pts=round(unit.pts / 48) * 48) for unit in sounds(3)]
    fragments, _ = run(live(AUDIO, units=units))
    samples = [sample for each in fragments for sample in each.samples]
    assert [each.pts for each in samples] == [n * 1024 for n in range(len(units))]


def test_silent_audio_leaves_gaps_in_step_with_the_video():
    heard = [*sounds(3), *sounds(3, from_ms=9_000)]
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(12), heard)))
    audio = of("audio", closed)
    assert [each.segment for each in audio] == [each.segment for each in of("video", closed)]
    assert [each.parts == 0 for each in audio] == [False, False, True, True, False, False]
    assert abs(audio[4].start_pts / 48_000 - 9.0) < 0.03


def test_video_that_never_comes_does_not_keep_the_sound_waiting():
    fragments, closed = run(live(VIDEO, AUDIO, units=sounds(10)), target_ms=4_000)
    assert of("audio", fragments)
    assert all(each.parts == 0 for each in of("video", closed))


def test_video_that_comes_late_begins_a_segment():
    _, closed = run(live(VIDEO, AUDIO, units=mixed(pictures(4, from_ms=5_000), sounds(9))))
    shown = [each for each in of("video", closed) if each.parts]
    assert [each.start_pts for each in shown] == [450_000, 630_000]
    assert [each.segment for each in of("audio", closed)] == [each.segment for each in of("video", closed)]


def test_changed_codec_begins_a_segment_with_a_discontinuity():
    items = [*live(VIDEO, units=pictures(3)), *live(HEVC_LIKE, units=pictures(3, from_ms=3_000))]
    _, closed = run(items)
    assert [(each.segment, each.is_discontinuity) for each in closed] == [(1, False), (2, False), (3, True), (4, False)]
    assert seconds(closed[1]) == pytest.approx(1, abs=0.001)


def test_sound_that_joins_later_does_not_interrupt_the_picture():
    units = mixed(pictures(6), sounds(5, from_ms=1_000))
    items = [Tracks((VIDEO,)), *[unit for unit in units if unit.at < START_AT + 0.9]]
    items += [Tracks((VIDEO, AUDIO)), *[unit for unit in units if unit.at >= START_AT + 0.9]]
    _, closed = run(items)
    assert [seconds(each) for each in of("video", closed)] == pytest.approx([2, 2, 2])
    assert not any(each.is_discontinuity for each in closed)
    assert [each.segment for each in of("audio", closed)] == [1, 2, 3]


def test_hole_before_a_key_frame_is_a_discontinuity_on_all_tracks():
    units = mixed([*pictures(4), *pictures(4, from_ms=9_000)], [*sounds(4), *sounds(4, from_ms=9_000)])
    fragments, closed = run(live(VIDEO, AUDIO, units=units))
    for kind in ("video", "audio"):
        assert [each.is_discontinuity for each in of(kind, closed)] == [False, False, True, False]
        assert [seconds(each) for each in of(kind, closed)][:2] == pytest.approx([2, 2], abs=0.04)
    assert max(each.duration for each in of("video", fragments)) <= 30_060


def test_pause_without_a_key_frame_shows_the_last_picture_longer_and_lists_no_long_part():
    units = [*pictures(1.5), *[video(4_000 + n * 33.3) for n in range(30)]]
    fragments, closed = run(live(VIDEO, units=units))
    assert len(closed) == 1
    assert max(each.duration for each in fragments) <= 30_060
    samples = [sample for each in fragments for sample in each.samples]
    assert [a.dts + a.duration for a in samples[:-1]] == [b.dts for b in samples[1:]]


def test_one_picture_a_second_makes_parts_of_one_picture():
    fragments, closed = run(live(VIDEO, units=pictures(6, fps=1, gop=2)))
    assert [each.duration for each in fragments] == [90_000] * 6
    assert [seconds(each) for each in closed] == [2, 2, 2]


def test_clock_that_runs_backwards_is_a_discontinuity():
    _, closed = run(live(VIDEO, units=[*pictures(3, from_ms=60_000), *pictures(3)]))
    assert [each.is_discontinuity for each in closed] == [False, False, True, False]
    assert [each.start_pts // 90_000 for each in closed] == [60, 62, 0, 2]


def test_numbering_goes_on_with_a_discontinuity():
    _, closed = run(live(VIDEO, units=pictures(4)), first_segment=17)
    assert [(each.segment, each.is_discontinuity) for each in closed] == [(17, True), (18, False)]


@pytest.mark.parametrize("first", [-1, 0, 1])
def test_new_stream_is_numbered_from_1_without_a_discontinuity(first):
    _, closed = run(live(VIDEO, units=pictures(4)), first_segment=first)
    assert [(each.segment, each.is_discontinuity) for each in closed] == [(1, False), (2, False)]


def test_end_before_anything_is_quiet():
    assert run([]) == ([], [])
    assert run(live(VIDEO, AUDIO, units=[video(0), sound(0)])) == ([], [])


def test_empty_units_are_ignored():
    fragments, _ = run(live(VIDEO, units=[video(0, key=True), video(33, size=0), video(66)]))
    assert len(fragments[0].samples) == 2


STEP = st.one_of(
    st.tuples(st.just("video"), st.integers(-20_000, 400_000), st.booleans()),
    st.tuples(st.just("audio"), st.integers(-20_000, 100_000), st.just(True)),
    st.tuples(st.just("tracks"), st.integers(0, 3), st.just(False)),
)
SETS = ((VIDEO, AUDIO), (VIDEO,), (AUDIO,), (HEVC_LIKE, AUDIO))


@given(st.lists(STEP, max_size=80))
def test_whatever_comes_parts_are_whole_numbered_in_order_and_never_run_backwards(steps):
    clocks = {"video": 0, "audio": 0}
    items = [Tracks((VIDEO, AUDIO))]
    for kind, step, is_key in steps:
        if kind == "tracks":
            items.append(Tracks(SETS[step]))
            continue
        clocks[kind] += step
        items.append(Unit(kind=kind, pts=clocks[kind], dts=clocks[kind], is_key=is_key, data=b"x", at=0))
    fragments, closed = run(items)
    for kind in ("video", "audio"):
        numbers = [each.segment for each in of(kind, closed)]
        assert numbers == sorted(set(numbers))
        parts = [(each.segment, each.part) for each in of(kind, fragments)]
        assert parts == [(each.segment, part) for each in of(kind, closed) for part in range(each.parts)]
        assert all(each.duration >= 0 and each.start_pts >= 0 for each in of(kind, closed))
    for each in fragments:
        assert each.samples
        assert each.samples[0].dts >= 0
        assert all(sample.duration > 0 for sample in each.samples)
        assert all(a.dts < b.dts for a, b in zip(each.samples, each.samples[1:], strict=False))


@pytest.mark.parametrize(("fps", "part_ms"), [(30, 334), (60, 334), (24, 250), (30, 1_000), (5, 334)])
def test_no_part_is_complete_within_the_slack(fps, part_ms):
    segmenter = Segmenter(part_ms=part_ms)
    segmenter.feed(Tracks((VIDEO, AUDIO)))
    assert segmenter.slack_s == 0
    not_before, most = 0.0, 0.0
    for unit in mixed(pictures(9, fps=fps, gop=2 * fps), sounds(9)):
        if any(isinstance(output, Fragment) for output in segmenter.feed(unit)):
            # What ends a segment is a key frame, not the length of a part.
            assert unit.at >= not_before or unit.is_key
            not_before = 0.0
        not_before = max(not_before, unit.at + segmenter.slack_s)
        most = max(most, segmenter.slack_s)
    assert part_ms / 1000 > most >= part_ms / 1000 - 2 / min(fps, 30) - 0.03


@pytest.mark.parametrize("part_ms", [250, 334, 1_000])
@pytest.mark.parametrize("fps", [5, 10, 12, 15, 20, 24_000 / 1_001, 24, 25, 30_000 / 1_001, 30, 50, 60])
def test_parts_of_pictures_have_the_least_share_of_their_target_at_every_frame_rate(fps, part_ms):
    track = msgspec.structs.replace(VIDEO, fps=fps)
    frames = [video(n * 1000 / fps, key=n % round(2 * fps) == 0) for n in range(round(9 * fps))]
    fragments, _ = run(live(track, units=frames), part_ms=part_ms)
    _hold_their_share(fragments, 90_000, part_ms)


@pytest.mark.parametrize("part_ms", [250, 334])
@pytest.mark.parametrize(("rate", "config"), [(8_000, "1590"), (16_000, "1410"), (22_050, "1390"), (48_000, "1190")])
def test_parts_of_sound_have_the_least_share_of_their_target_at_every_sample_rate(rate, config, part_ms):
    track = msgspec.structs.replace(AUDIO, timescale=rate, sample_rate=rate, config=bytes.fromhex(config))
    frames = [
        Unit(kind="audio", pts=n * 1024, dts=n * 1024, is_key=True, data=b"a", at=START_AT + n * 1024 / rate)
        for n in range(9 * rate // 1024)
    ]
    fragments, _ = run(live(track, units=frames), part_ms=part_ms)
    _hold_their_share(fragments, rate, part_ms)


def _hold_their_share(fragments, timescale, part_ms):
    target = max(part_ms / 1000, *(each.duration / timescale for each in fragments))
    assert target < 2 * part_ms / 1000
    parts = [each for each, following in pairwise(fragments) if following.segment == each.segment]
    assert all(each.duration / timescale >= 0.85 * target for each in parts)


def test_a_track_that_goes_on_some_segments_later_leaves_a_segment_that_is_no_longer_than_planned():
    follower = Follower(part_ms=334)
    follower.resume([Cut(1, 0, 90_000, False, 2)])
    outputs = [output for item in live(VIDEO, units=pictures(1)) for output in follower.feed(item)]
    for number in (2, 3, 4):
        outputs += follower.schedule(Cut(number, (number - 1) * 180_000, 90_000, False, 2))
    for unit in pictures(3, from_ms=6_000):
        outputs += follower.feed(unit)
    closed = [output for output in outputs if isinstance(output, Closed)]
    assert [(each.segment, bool(each.parts), seconds(each)) for each in closed] == [
        (1, True, 2.0), (2, False, 2.0), (3, False, 2.0),
    ]  # fmt: skip
