"""Segments that are made of a file: aligned, of the ladder's sizes, as loud as the rest, and from any segment on."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.hls.cmaf import read_fragments
from media.transcode.ladder import Tier, tiers_of
from media.unit import VIDEO_TIMESCALE
from media.vod.cutter import Cutter
from media.vod.messages import SEGMENT_S, EncodePictures, EncodeSound, LaneMade, Report, SegmentMade
from media.vod.pictures import filled
from media.vod.sound import gain_of, loudness
from media.vod.worker import obey
from tests.media.vod.films import film, written

SECOND = VIDEO_TIMESCALE


def tier(lines: int, fps: float = 15.0) -> Tier:
    return Tier(name=f"{lines}p", width=lines * 16 // 9 // 2 * 2, height=lines, fps=fps, bit_rate=100_000, level=30)


def segments(reports: list[Report], lane: int = 0) -> list[SegmentMade]:
    return [one for one in reports if isinstance(one, SegmentMade) and one.lane == lane]


def pictures(path: str, *tiers: Tier, have: tuple[int, ...] = ()) -> list[Report]:
    order = EncodePictures(path=path, seconds=9, tiers=tiers, have=have or (0,) * len(tiers))
    return list(obey(order))


@pytest.fixture(scope="module")
def nine_seconds(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("film"), film(seconds=9, fps=10))


def test_all_renditions_have_segments_that_begin_with_a_key_frame_at_the_same_times(nine_seconds: str) -> None:
    reports = pictures(nine_seconds, tier(90, 10.0), tier(54, 5.0))
    first, second = segments(reports, 0), segments(reports, 1)
    assert [one.number for one in first] == [one.number for one in second] == [0, 1, 2]
    assert [one.start for one in first] == [one.start for one in second] == [0, 4 * SECOND, 8 * SECOND]
    for one in (*first, *second):
        (fragment,) = read_fragments(one.data)
        assert fragment.keys[0]
        assert fragment.decode_time == one.start
        assert sum(fragment.durations) == one.duration
    assert len(read_fragments(first[0].data)[0].sizes) == 40
    assert len(read_fragments(second[0].data)[0].sizes) == 20


def test_what_was_made_is_played_from_its_first_picture_to_its_last(nine_seconds: str) -> None:
    reports = pictures(nine_seconds, tier(54, 10.0))
    (lane,) = [one for one in reports if isinstance(one, LaneMade)]
    whole = lane.init + b"".join(one.data for one in segments(reports))
    with av.open(io.BytesIO(whole)) as container:
        frames = list(container.decode(video=0))
    assert (frames[0].width, frames[0].height, len(frames)) == (96, 54, 90)
    assert lane.codec.startswith("avc1.4d")


def test_a_picture_that_is_repeated_while_it_waits_keeps_both_of_its_times(tmp_path: Path) -> None:
    slow = written(tmp_path, film(seconds=80, fps=Fraction(1, 40), sounds=0))
    made = segments(pictures(slow, tier(90, 10.0)))
    assert [one.start // SECOND for one in made] == list(range(0, 41, 4))


def test_encoding_goes_on_at_the_segment_after_those_that_are_there(nine_seconds: str) -> None:
    whole = pictures(nine_seconds, tier(90, 10.0), tier(54, 10.0))
    rest = pictures(nine_seconds, tier(90, 10.0), tier(54, 10.0), have=(1, 2))
    for lane, have in ((0, 1), (1, 2)):
        expected = [(one.number, one.start, one.duration) for one in segments(whole, lane)][have:]
        assert [(one.number, one.start, one.duration) for one in segments(rest, lane)] == expected
        inits = [[one.init for one in each if isinstance(one, LaneMade) and one.lane == lane] for each in (whole, rest)]
        assert inits[0] == inits[1]


def test_sound_is_made_as_loud_as_the_rest(tmp_path: Path) -> None:
    quiet = written(tmp_path, film(seconds=3, volume=0.05, fps=5))
    reports = list(obey(EncodeSound(path=quiet, seconds=3)))
    (lane,) = [one for one in reports if isinstance(one, LaneMade)]
    made = tmp_path / "made.mp4"
    made.write_bytes(lane.init + b"".join(one.data for one in segments(reports)))
    assert loudness(quiet) < -25
    assert loudness(str(made)) == pytest.approx(-16, abs=1)


def test_silence_is_not_made_louder() -> None:
    assert gain_of(-70.0) == 0.0
    assert gain_of(-20.0) == 4.0
    assert gain_of(-60.0) == 20.0
    assert gain_of(-6.0) == -10.0


def test_a_picture_that_is_shown_for_long_is_repeated_so_that_no_segment_is_empty() -> None:
    held = av.VideoFrame(2, 2, "yuv420p")
    frames = iter([(SECOND // 2, held), (13 * SECOND, held)])
    assert [pts for pts, _ in filled(frames, first=0)] == [0, 4 * SECOND, 8 * SECOND, 13 * SECOND]


def test_pictures_before_the_wanted_segment_and_above_sixty_a_second_are_left_out() -> None:
    held = av.VideoFrame(2, 2, "yuv420p")
    step = SECOND // 120
    frames = iter([(4 * SECOND + number * step, held) for number in range(-4, 8)])
    assert [pts for pts, _ in filled(frames, first=1)] == [4 * SECOND + number * 2 * step for number in range(4)]


def test_a_cutter_ends_a_segment_where_the_next_one_begins() -> None:
    cutter = Cutter(lane=3, timescale=10, have=0, usual=7)
    units = (0, 20, 39, 41, 79, 80)
    made = [one for pts in units for one in cutter.add(pts, is_key=pts == 0, data=b"x")] + list(cutter.finish())
    assert [(one.lane, one.number, one.start, one.duration) for one in made] == [
        (3, 0, 0, 41),
        (3, 1, 41, 39),
        (3, 2, 80, 7),
    ]
    assert made[0].key_bytes == len(made[0].data) - 2
    assert made[1].key_bytes == 0


SIZES = [
    ((160, 90), ["90p"]),
    ((640, 360), ["360p"]),
    ((1280, 720), ["720p", "480p", "360p"]),
    ((3840, 2160), ["1080p", "720p", "480p", "360p"]),
]


@pytest.mark.parametrize(("size", "names"), SIZES)
def test_the_ladder_is_never_larger_than_the_source(size: tuple[int, int], names: list[str]) -> None:
    made = tiers_of(*size, 30.0, has_own_size=True)
    assert [one.name for one in made] == names
    assert all(one.width <= size[0] and one.height <= size[1] for one in made)
    assert SEGMENT_S == 4
