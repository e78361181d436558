"""What pauses is filled, on virtual time."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from media.hls.filler import BEHIND_S, HOLE_S, JOIN_S, PAUSE_S, Filler
from media.hls.segmenter import Closed, Segmenter
from media.relay import End, Item, Tracks
from media.unit import Kind, Unit
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, mixed, pictures, sound, sounds

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


def test_edges_of_a_pause_stay_together() -> None:
    muted = feed(mixed(pictures(30), without(sounds(30), 5, 20)))
    assert lag(muted, "audio") <= PAUSE_S + 0.1
    begins = next(at for at, unit in enumerate(muted) if seconds(unit) > 7)
    apart = [abs(seconds(a) - seconds(b)) for a, b in pairwise(muted[begins:]) if a.kind != b.kind]
    assert max(apart) <= BEHIND_S + 0.1


def test_a_picture_that_pauses_is_held_by_its_key_frame_and_goes_on_with_the_next_one() -> None:
    shown = without(pictures(20), 5, 12.5)
    out = feed(mixed(shown, sounds(20)))
    held = [unit for unit in of("video", out) if 5 < seconds(unit) < 14]
    assert all(unit.is_key for unit in held)
    assert [round((b.dts - a.dts) / 90) for a, b in pairwise(held)] == [HOLD_MS] * (len(held) - 1)
    assert lag(out, "video") <= PAUSE_S + HOLD_MS / 1000 + 0.1
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
    assert seconds(heard[-1]) == pytest.approx(10 - BEHIND_S, abs=0.1)


def test_sound_that_begins_late_is_preceded_by_silence_on_its_own_grid() -> None:
    heard = of("audio", feed(mixed(pictures(6), sounds(5, from_ms=1_001))))
    assert heard[0].pts == 1_001 * 48 % 1024
    assert {b.pts - a.pts for a, b in pairwise(heard)} == {1024}


def test_sound_has_longer_to_begin_than_to_come_back() -> None:
    assert not of("audio", feed(pictures(JOIN_S)))
    assert of("audio", feed(pictures(JOIN_S + 0.1)))


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

    assert made(HOLE_S) == 45
    assert made(HOLE_S + 0.001) == 0


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
