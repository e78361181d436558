"""What pauses is filled, on virtual time."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from media.hls.filler import Filler
from media.hls.lane import Closed
from media.hls.segmenter import Segmenter
from media.relay import End, Item, Tracks
from media.unit import Kind, Unit
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, mixed, pictures, sound, sounds, video

HOLD_MS = 300
ALL = Tracks((VIDEO, AUDIO))


def feed(units: list[Unit], *, tracks: Tracks = ALL) -> list[Unit]:
    filler = Filler(hold_ms=HOLD_MS)
    return [out for item in [tracks, *units] for out in filler.feed(item) if isinstance(out, Unit)]


def of(kind: Kind, units: list[Unit]) -> list[Unit]:
    return [unit for unit in units if unit.kind == kind]


def seconds(unit: Unit) -> float:
    return unit.dts / (90_000 if unit.kind == "video" else 48_000)


def lag(units: list[Unit], kind: Kind) -> float:
    """How far this track ever is behind the other, in what was given out so far."""
    ends: dict[Kind, float] = {"video": 0.0, "audio": 0.0}
    other: Kind = "audio" if kind == "video" else "video"
    most = 0.0
    for unit in units:
        ends[unit.kind] = seconds(unit)
        most = max(most, ends[other] - ends[kind])
    return most


def without(units: list[Unit], start_s: float, end_s: float) -> list[Unit]:
    return [unit for unit in units if not start_s <= seconds(unit) < end_s]


def test_tracks_in_step_pass_untouched() -> None:
    units = mixed(pictures(5), sounds(5))
    assert feed(units) == units


@pytest.mark.parametrize("away_s", [1.0, 12.0, 60.0])
def test_sound_that_pauses_is_silence_without_a_hole_until_it_returns(away_s: float) -> None:
    units = mixed(pictures(away_s + 10), without(sounds(away_s + 10), 5, 5 + away_s))
    heard = of("audio", feed(units))
    assert all(abs(b.pts - a.pts - 1024) <= 512 for a, b in pairwise(heard))
    assert [unit for unit in heard if unit.data == b"a" * 10] == of("audio", units)


def heard(at_ms: float) -> Unit:
    return sound(0, from_ms=at_ms)


def filled(begun: list[Unit], others: list[Unit]) -> int:
    """How much is made when the others follow."""
    filler = Filler(hold_ms=HOLD_MS)
    for item in [ALL, *begun, *others]:
        filler.feed(item)
    return filler.filled


def is_filled_after(begun: list[Unit], pause_ms: float) -> bool:
    """Whether anything is made when only the other track goes on for so long after these units."""
    last = begun[-1]
    other = heard if last.kind == "video" else video
    at_ms = (last.at - START_AT) * 1000
    return filled(begun, [other(at_ms + ms) for ms in [*range(100, int(pause_ms), 100), pause_ms]]) > 0


@pytest.mark.parametrize(
    ("begun", "pause_ms"),
    [
        ([video(0, key=True), heard(0)], 600),
        ([video(0, key=True)], 2_500),
        ([video(0, key=True), video(100), video(200)], 600),
        ([video(0, key=True), video(500), video(1_000)], 1_000),
        ([video(0, key=True), video(1_000)], 2_000),
        ([video(0, key=True), heard(1_000), video(2_000)], 2_500),
    ],
    ids=["sound", "one picture", "pictures", "two in a second", "one in a second", "one in two seconds"],
)
def test_a_track_is_away_after_0_6_s_and_a_slow_picture_after_two_of_its_frames(
    begun: list[Unit], pause_ms: int
) -> None:
    assert not is_filled_after(begun, pause_ms - 1)
    assert is_filled_after(begun, pause_ms + 1)


def arriving(unit: Unit, after_s: float) -> Unit:
    return msgspec.structs.replace(unit, at=START_AT + after_s)


def test_a_pause_is_longer_than_its_bound_in_media_and_in_arrival() -> None:
    begun = [video(0, key=True)]
    as_long_in_media = [*[arriving(heard(n * 250), n / 4) for n in range(1, 11)], arriving(heard(2_500), 2.75)]
    assert filled(begun, as_long_in_media) == 0
    assert filled(begun, [*as_long_in_media, arriving(heard(2_501), 2.75)]) > 0
    as_long_in_arrival = [arriving(heard(n * 300), n / 4) for n in range(1, 11)]
    assert filled(begun, as_long_in_arrival) == 0
    assert filled(begun, [*as_long_in_arrival, arriving(heard(3_001), 2.625)]) > 0


def test_half_a_second_that_takes_three_to_arrive_is_no_pause() -> None:
    begun = [arriving(video(10_000, key=True), 0), arriving(heard(10_000), 0)]
    assert filled(begun, [arriving(video(10_000 + n * 40), n / 4) for n in range(1, 13)]) == 0


@pytest.mark.parametrize(("fast", "pause_ms"), [(7, 2_000), (8, 600)])
def test_the_eight_newest_pictures_say_how_slow_they_are(fast: int, pause_ms: int) -> None:
    begun = [video(0, key=True), video(1_000), *[video(1_100 + n * 100) for n in range(fast)]]
    assert not is_filled_after(begun, pause_ms - 1)
    assert is_filled_after(begun, pause_ms + 1)


@pytest.mark.parametrize(("stalls", "is_away"), [(2, False), (3, True)])
def test_a_stall_counts_as_a_quarter_of_a_second(stalls: int, is_away: bool) -> None:
    """Pictures go on for a second; they arrive at once but for some times in which nothing arrives for a minute."""
    shown = [msgspec.structs.replace(video(n * 100), at=START_AT + 60 * min(n, stalls)) for n in range(1, 11)]
    assert (filled([video(0, key=True), heard(0)], shown) > 0) is is_away


def test_what_is_made_is_counted_and_stays_0_2_s_behind() -> None:
    shown = [video(ms, key=ms == 0) for ms in range(0, 2_101, 100)]
    assert filled(shown, []) == int(1.9 * 48_000 / 1024)
    spoken = [heard(ms) for ms in range(0, 2_601, 100)]
    assert filled([video(0, key=True)], spoken) == 2_400 // HOLD_MS


def test_a_held_picture_is_its_key_frame_in_all_but_time() -> None:
    key = video(1_000, key=True, pts_ms=1_066)
    out = of("video", feed([heard(1_000), key, *[heard(ms) for ms in range(1_100, 4_000, 100)]]))
    first = out[1]
    assert (first.dts, first.pts) == (1_300 * 90, 1_366 * 90)
    assert (first.is_key, first.is_repeat, first.data) == (True, True, key.data)
    assert first.at == START_AT + 3.6


def test_silence_is_packets_of_its_own_that_can_be_decoded() -> None:
    first, made, last = feed([sound(0), sound(2)], tracks=Tracks((AUDIO,)))
    assert (made.pts, made.dts, made.is_key, made.is_repeat) == (1024, 1024, True, False)
    assert made.data != first.data
    assert made.at == last.at


def silent_for(pause_s: float) -> tuple[Filler, int]:
    """A filler that has filled sound, and the end of what it made."""
    filler = Filler(hold_ms=HOLD_MS)
    shown = mixed(pictures(pause_s), [heard(0)])
    made = [out for item in [ALL, *shown] for out in filler.feed(item) if isinstance(out, Unit)]
    return filler, of("audio", made)[-1].pts + 1024


@pytest.mark.parametrize(
    ("behind", "is_kept"), [(0, True), (512, True), (513, False), (15 * 48_000, False), (15 * 48_000 + 1, True)]
)
def test_sound_up_to_15_s_behind_what_was_filled_is_late_and_beyond_it_of_another_clock(
    behind: int, is_kept: bool
) -> None:
    filler, end = silent_for(20)
    unit = msgspec.structs.replace(sound(0), pts=end - behind, dts=end - behind)
    assert filler.feed(unit) == ([unit] if is_kept else [])
    assert filler.late == (0 if is_kept else 1)


def test_sound_that_goes_back_by_more_than_a_second_is_of_another_clock() -> None:
    for back_ms, made in ((1_000, 1_479 * 48 // 1024), (1_001, 0)):
        end_ms = 4 * 1024 / 48
        filler = Filler(hold_ms=HOLD_MS)
        units = [*[sound(n, from_ms=2_000) for n in range(4)], heard(2_000 + end_ms - back_ms)]
        out = [each for item in [Tracks((AUDIO,)), *units, heard(2_000 + end_ms + 500)] for each in filler.feed(item)]
        assert len(out) - 7 == made


def test_pictures_go_on_across_a_hole_without_a_key_frame() -> None:
    units = [video(0, key=True), video(5_000), video(5_033)]
    assert feed(units, tracks=Tracks((VIDEO,))) == units


def test_pictures_that_are_left_out_are_counted() -> None:
    filler = Filler(hold_ms=HOLD_MS)
    for item in [ALL, video(0, key=True), *[heard(ms) for ms in range(0, 3_001, 100)]]:
        filler.feed(item)
    assert [filler.feed(video(ms, key=ms == 3_200)) for ms in (3_000, 3_100, 3_200, 3_300)] == [
        [],
        [],
        [video(3_200, key=True)],
        [video(3_300)],
    ]
    assert filler.late == 2


@pytest.mark.parametrize("start_ms", [0, 10_000])
@pytest.mark.parametrize(("after", "made"), [(9_600, 0), (9_601, 9), (10_240, 10)])
def test_sound_that_begins_more_than_0_2_s_late_is_preceded_by_silence(start_ms: int, after: int, made: int) -> None:
    first = start_ms * 48 + after
    unit = msgspec.structs.replace(sound(0), pts=first, dts=first)
    out = of("audio", feed([video(start_ms, key=True), unit]))
    assert [each.pts for each in out] == [first - n * 1024 for n in range(made, -1, -1)]


def test_sound_that_joins_is_preceded_by_silence_from_when_it_was_announced() -> None:
    filler = Filler(hold_ms=HOLD_MS)
    shown = [video(ms, key=ms == 0) for ms in range(0, 501, 100)]
    items = [Tracks((VIDEO,)), *shown[:1], ALL, *shown[1:], heard(500)]
    out = [each for item in items for each in filler.feed(item) if isinstance(each, Unit)]
    assert [each.pts for each in of("audio", out)] == [24_000 - n * 1024 for n in range(23, -1, -1)]


def test_tracks_that_are_announced_again_go_on_where_they_were() -> None:
    shown = [video(ms, key=ms == 0) for ms in range(0, 701, 100)]
    filler = Filler(hold_ms=HOLD_MS)
    for item in [ALL, heard(0), *shown[:5], ALL, *shown[5:]]:
        filler.feed(item)
    assert filler.filled > 0


def test_silence_before_sound_of_a_new_configuration_begins_where_the_old_one_ended() -> None:
    other = msgspec.structs.replace(AUDIO, config=b"\x11\x88")
    first = msgspec.structs.replace(sound(0), pts=113 * 1024 + 300, dts=113 * 1024 + 300)
    filler = Filler(hold_ms=HOLD_MS)
    for item in [ALL, *mixed(pictures(2), sounds(2)), Tracks((VIDEO, other))]:
        filler.feed(item)
    assert sounds(2)[-1].pts == 92 * 1024
    assert [each.pts for each in filler.feed(first) if isinstance(each, Unit)] == [
        first.pts - n * 1024 for n in range(20, -1, -1)
    ]


def test_units_of_no_track_and_without_data_pass_and_change_nothing() -> None:
    filler = Filler(hold_ms=HOLD_MS)
    empty = msgspec.structs.replace(video(60_000), data=b"")
    others = [heard(0), empty, heard(120_000)]
    units = [video(0, key=True), *others, video(100)]
    out = [each for item in [Tracks((VIDEO,)), *units] for each in filler.feed(item)]
    assert out == [Tracks((VIDEO,)), *units]
    assert (filler.filled, filler.late) == (0, 0)


def test_pictures_that_do_not_go_forward_are_moved_to_right_after_the_last() -> None:
    out = feed([video(100, key=True), video(100), video(90), video(200)], tracks=Tracks((VIDEO,)))
    assert [each.dts for each in out] == [9_000, 9_001, 9_002, 18_000]
    assert [each.pts for each in out] == [9_000, 9_001, 9_002, 18_000]
    shown_later = feed([video(100, key=True), video(100, pts_ms=200)], tracks=Tracks((VIDEO,)))
    assert (shown_later[1].dts, shown_later[1].pts) == (9_001, 18_000)


def test_edges_of_a_pause_stay_together() -> None:
    muted = feed(mixed(pictures(30), without(sounds(30), 5, 20)))
    assert lag(muted, "audio") <= 0.6 + 0.1
    begins = next(at for at, unit in enumerate(muted) if seconds(unit) > 7)
    apart = [abs(seconds(a) - seconds(b)) for a, b in pairwise(muted[begins:]) if a.kind != b.kind]
    assert max(apart) <= 0.2 + 0.1


def test_a_picture_that_pauses_is_held_by_its_key_frame_and_goes_on_with_the_next_one() -> None:
    shown = without(pictures(20), 5, 12.5)
    out = feed(mixed(shown, sounds(20)))
    held = [unit for unit in of("video", out) if 5 < seconds(unit) < 14]
    assert all(unit.is_key for unit in held)
    assert [b.dts - a.dts for a, b in pairwise(held)] == [HOLD_MS * 90] * (len(held) - 1)
    assert lag(out, "video") <= 0.6 + HOLD_MS / 1000 + 0.1
    assert [unit for unit in of("video", out) if seconds(unit) >= 14] == pictures(20)[14 * 30 :]


def test_a_short_pause_of_pictures_goes_on_without_a_key_frame() -> None:
    units = mixed(without(pictures(5), 2.1, 2.6), sounds(5))
    assert feed(units) == units


def test_slow_pictures_are_not_taken_for_a_pause() -> None:
    units = mixed(pictures(20, fps=1, gop=10), sounds(20))
    assert feed(units) == units


def test_sound_that_never_begins_is_silence_from_the_start() -> None:
    heard = of("audio", feed(pictures(10)))
    assert heard[0].pts == 0
    assert seconds(heard[-1]) == pytest.approx(10 - 0.2, abs=0.1)


def test_sound_that_begins_late_is_preceded_by_silence_on_its_own_grid() -> None:
    heard = of("audio", feed(mixed(pictures(6), sounds(5, from_ms=1_001))))
    assert heard[0].pts == 1_001 * 48 % 1024
    assert {b.pts - a.pts for a, b in pairwise(heard)} == {1024}


def test_sound_has_longer_to_begin_than_to_come_back() -> None:
    assert not of("audio", feed(pictures(2)))
    assert of("audio", feed(pictures(2.1)))


def test_what_comes_late_after_filling_is_left_out_and_what_follows_is_kept() -> None:
    late = [msgspec.structs.replace(unit, at=max(unit.at, START_AT + 8)) for unit in sounds(7, from_ms=5_000)]
    heard = of("audio", feed(mixed(pictures(12), without(sounds(12), 5, 12), late)))
    assert all(512 <= b.pts - a.pts <= 1536 for a, b in pairwise(heard))
    real = [seconds(unit) for unit in heard if unit.data == b"a" * 10]
    assert [second for second in real if 5 < second < 7.7] == []
    assert [second for second in real if 7.9 < second < 8]


def test_a_burst_after_the_network_stood_still_is_no_pause() -> None:
    shown, heard = pictures(6), sounds(6)
    burst = [unit for unit in shown if 3 <= seconds(unit) < 6] + [unit for unit in heard if 3 <= seconds(unit) < 6]
    units = mixed(without(shown, 3, 6), without(heard, 3, 6))
    units += [msgspec.structs.replace(unit, at=START_AT + 6) for unit in burst]
    assert feed(units) == units


@pytest.mark.parametrize("step_s", [-3_600, 3_600])
def test_a_wall_clock_that_is_set_neither_begins_nor_ends_a_pause(step_s: float) -> None:
    units = mixed(pictures(12), without(sounds(12), 5, 9))
    stepped = [msgspec.structs.replace(u, at=u.at + (step_s if seconds(u) >= 7 else 0)) for u in units]
    assert [(u.kind, u.pts) for u in feed(stepped)] == [(u.kind, u.pts) for u in feed(units)]


def test_nothing_is_made_across_a_hole_of_the_whole_stream() -> None:
    units = mixed([*pictures(4), *pictures(4, from_ms=9_000)], [*sounds(4), *sounds(4, from_ms=9_000)])
    assert feed(units) == units


def test_the_bound_of_a_hole_is_kept_exactly() -> None:
    def made(gap_s: float) -> int:
        return len(feed([sound(0), sound(0, from_ms=gap_s * 1000)], tracks=Tracks((AUDIO,)))) - 2

    assert made(1) == 45
    assert made(1.001) == 0


def test_a_clock_that_goes_back_is_left_to_the_segmenter() -> None:
    units = [*mixed(pictures(3, from_ms=60_000), sounds(3, from_ms=60_000)), *mixed(pictures(3), sounds(3))]
    assert feed(units) == units


def test_a_key_frame_that_returns_before_the_end_of_what_was_held_follows_it() -> None:
    back = [msgspec.structs.replace(unit, at=START_AT + 4.9) for unit in pictures(1, from_ms=4_500)]
    out = of("video", feed([*mixed(without(pictures(5), 0.1, 9), sounds(4.9)), *back]))
    assert all(a.dts < b.dts and a.pts < b.pts for a, b in pairwise(out))


def test_sound_without_a_known_silence_is_left_as_it_is() -> None:
    layout_of_its_own = msgspec.structs.replace(AUDIO, config=b"\x11\x80")
    units = mixed(pictures(10), without(sounds(10), 3, 7))
    assert feed(units, tracks=Tracks((VIDEO, layout_of_its_own))) == units


def closed(items: list[Item]) -> list[Closed]:
    filler, segmenter = Filler(hold_ms=HOLD_MS), Segmenter()
    outputs = [out for item in [ALL, *items, End("")] for each in filler.feed(item) for out in segmenter.feed(each)]
    return [output for output in outputs if isinstance(output, Closed)]


@pytest.mark.parametrize("away", ["video", "audio"])
def test_segments_of_a_pause_are_cut_in_time_on_both_tracks(away: Kind) -> None:
    runs = {"video": pictures(40), "audio": sounds(40)}
    runs[away] = without(runs[away], 10.5, 30.5)
    found = closed([*mixed(runs["video"], runs["audio"])])
    numbers = {kind: [each.segment for each in found if each.kind == kind] for kind in ("video", "audio")}
    assert numbers["video"] == numbers["audio"]
    assert all(each.parts for each in found)
    assert not any(each.is_discontinuity for each in found)
    lengths = [each.duration / (90_000 if each.kind == "video" else 48_000) for each in found[2:-2]]
    assert max(lengths) <= 2.3
    assert sum(length < 1.9 for length in lengths) <= 2
    following = [each.start_pts for each in found if each.kind == "video" and each.start_pts >= 31.9 * 90_000]
    assert following == [second * 90_000 for second in (32, 34, 36, 38)]


def test_a_new_configuration_of_sound_does_not_lose_its_place() -> None:
    other = msgspec.structs.replace(AUDIO, config=b"\x11\x88")
    filler = Filler(hold_ms=HOLD_MS)
    first = [out for item in [ALL, *mixed(pictures(2), sounds(2))] for out in filler.feed(item)]
    second = [
        out
        for item in [Tracks((VIDEO, other)), *mixed(pictures(2, from_ms=2_000), sounds(2, from_ms=2_000))]
        for out in filler.feed(item)
    ]
    assert len(first) + len(second) == 2 + 2 * (60 + 93)
