"""Pictures of every codec become H.264 that every browser can show."""

from __future__ import annotations

from itertools import pairwise

import av
import msgspec
import pytest

from media.transcode.tracks import VideoGoal, video_lane
from media.transcode.video import KEY_INTERVAL, LATE_S, VideoLane, open_decoder, packet_of, size
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import video

BASELINE = 66


def convert(track: Track, units: list[Unit], goal: VideoGoal, *, late_s: float = 0.0) -> tuple[Track, list[Unit]]:
    lane = VideoLane(video_lane(track, goal), now=lambda: units[-1].at + late_s)
    made = [out for unit in units for out in lane.feed(msgspec.structs.replace(unit, at=units[-1].at))]
    made += lane.finish()
    assert lane.track is not None
    return lane.track, made


def shown(track: Track, units: list[Unit]) -> list[av.VideoFrame]:
    decoder = open_decoder(track)
    return [frame for unit in units for frame in decoder.decode(packet_of(unit))] + decoder.decode(None)


@pytest.mark.parametrize(
    ("codec", "reorder"), [(Codec.H264, 0), (Codec.H264, 2), (Codec.HEVC, 3), (Codec.VP8, 0)], ids=str
)
def test_every_codec_becomes_h264_in_the_order_in_which_it_is_shown(codec: Codec, reorder: int) -> None:
    track, units = video(codec, width=640, height=360, frames=60, reorder=reorder)
    assert any(later.pts < earlier.pts for earlier, later in pairwise(units)) == bool(reorder)
    made_track, made = convert(track, units, VideoGoal())
    assert all(unit.pts == unit.dts for unit in made)
    assert [unit.pts for unit in made] == sorted(unit.pts for unit in units)
    assert made[0].is_key
    assert made_track.config[:2] == bytes((1, BASELINE))
    frames = shown(made_track, made)
    assert len(frames) == 60
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
    pixels = frames[30].reformat(format="rgb24")
    row = bytes(pixels.planes[0])
    assert row[60 * 3] > 150 > row[60 * 3 + 2]


def test_key_frame_comes_every_two_seconds() -> None:
    track, units = video(Codec.H264, width=160, height=90, frames=150)
    made = convert(track, units, VideoGoal())[1]
    keys = [unit.pts for unit in made if unit.is_key]
    assert [later - earlier for earlier, later in pairwise(keys)] == [KEY_INTERVAL] * 2


def test_size_and_rate_are_held_to_the_goal() -> None:
    track, units = video(Codec.H264, width=640, height=360, frames=60, fps=60)
    made_track, made = convert(track, units, VideoGoal(max_height=180, max_fps=30))
    assert (made_track.width, made_track.height) == (320, 180)
    assert len(made) == 30


def test_upright_picture_keeps_its_proportions() -> None:
    assert size(1080, 1920, max_height=720) == (720, 1280)
    assert size(1920, 1080, max_height=720) == (1280, 720)
    assert size(641, 361, max_height=0) == (640, 360)


def test_size_that_changes_is_a_new_track_with_a_key_frame() -> None:
    small, first = video(Codec.VP8, width=320, height=180, frames=10)
    _, second = video(Codec.VP8, width=640, height=360, frames=10)
    second = [msgspec.structs.replace(u, pts=u.pts + 30_000, dts=u.dts + 30_000) for u in second]
    lane = VideoLane(video_lane(small, VideoGoal()), now=lambda: first[0].at)
    sizes = []
    for unit in first + second:
        for made in lane.feed(unit):
            assert lane.track is not None
            sizes.append((lane.track.width, made.is_key))
    assert sizes == [(320, True)] + [(320, False)] * 9 + [(640, True)] + [(640, False)] * 9


def test_before_a_key_frame_there_is_nothing() -> None:
    track, units = video(Codec.H264, width=160, height=90, frames=40)
    lane = VideoLane(video_lane(track, VideoGoal()), now=lambda: units[0].at)
    made = [out for unit in units[1:] for out in lane.feed(unit)]
    assert made[0].pts == 90_000


def test_pictures_that_come_too_late_are_left_out_but_for_the_first() -> None:
    track, units = video(Codec.H264, width=160, height=90, frames=40)
    assert len(convert(track, units, VideoGoal(), late_s=LATE_S + 0.1)[1]) == 1


def test_nonsense_raises_and_the_next_key_frame_is_shown() -> None:
    track, units = video(Codec.H264, width=160, height=90, frames=60)
    lane = VideoLane(video_lane(track, VideoGoal()), now=lambda: units[0].at)
    with pytest.raises(av.FFmpegError):
        lane.feed(msgspec.structs.replace(units[0], data=b"\x00\x00\x00\x04\xff\xff\xff\xff"))
    made = [out for unit in units[30:] for out in lane.feed(unit)]
    assert made[0].pts == 90_000
