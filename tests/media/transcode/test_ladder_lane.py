"""One decoder, several encoders: what comes out of real codecs."""

from __future__ import annotations

import av
import msgspec
import pytest

from media.hls.codecs import codec_string
from media.hls.follower import Follower
from media.hls.lane import Cut, Fragment
from media.relay import Tracks
from media.transcode.ladder import Tier, plan
from media.transcode.ladder_lane import CATCH_UP_S, LATE_S, LadderLane, sparse
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import video

TIERS = (
    Tier(name="144p", width=192, height=144, fps=30.0, bit_rate=200_000, level=30),
    Tier(name="96p", width=128, height=96, fps=15.0, bit_rate=100_000, level=30),
)


def source(frames: int = 60, **options: int) -> tuple[Track, list[Unit]]:
    track, units = video(Codec.H264, width=256, height=192, frames=frames, **options)
    return msgspec.structs.replace(track, fps=30.0), units


def made(track: Track, units: list[Unit], **options: int) -> tuple[LadderLane, list[list[Unit]]]:
    lane = LadderLane(track, TIERS, now=lambda: 0.0, **options)
    out = [pair for unit in units for pair in lane.feed(unit)] + lane.finish()
    return lane, [[unit for tier, unit in out if tier == index] for index in range(len(TIERS))]


def shown(track: Track, units: list[Unit]) -> list[tuple[int, int]]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = track.config
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return [(frame.width, frame.height) for frame in frames + decoder.decode(None)]


def test_key_frames_lie_where_the_source_has_them_and_nothing_is_reordered() -> None:
    track, units = source(reorder=2)
    keys = [unit.pts for unit in units if unit.is_key]
    _, tiers = made(track, units)
    assert len(keys) == 2
    for tier in tiers:
        assert [unit.pts for unit in tier if unit.is_key] == keys
        assert all(unit.pts == unit.dts for unit in tier)
        assert [unit.pts for unit in tier] == sorted(unit.pts for unit in tier)


def test_each_tier_has_its_size_and_every_picture_or_its_share() -> None:
    track, units = source()
    lane, tiers = made(track, units)
    for index, (width, height, count) in enumerate([(192, 144, 60), (128, 96, 30)]):
        assert (lane.tracks[index].width, lane.tracks[index].height) == (width, height)
        assert shown(lane.tracks[index], tiers[index]) == [(width, height)] * count


def test_the_codec_string_is_the_one_that_was_planned() -> None:
    track, units = source(frames=2)
    for planned in plan(Track(kind="video", codec=Codec.H264, timescale=90_000, width=3840, height=2160, fps=60.0)):
        lane = LadderLane(track, (planned,), now=lambda: 0.0)
        for unit in units:
            lane.feed(unit)
        assert codec_string(lane.tracks[0]) == planned.codec


def test_what_another_worker_has_made_is_decoded_and_not_made_again() -> None:
    track, units = source()
    after = units[40].pts
    _, tiers = made(track, units, after=after)
    assert tiers[0][0].pts == units[41].pts
    assert tiers[0][0].is_key
    assert len(tiers[0]) == 19


def test_a_late_machine_leaves_out_pictures_but_no_key_frame() -> None:
    track, units = source()
    late = [*units[:1], *(msgspec.structs.replace(unit, at=-LATE_S - 1) for unit in units[1:])]
    late[0] = msgspec.structs.replace(units[0], at=0.0)
    _, tiers = made(track, late)
    assert [unit.pts for unit in tiers[0]] == [unit.pts for unit in units if unit.is_key]


def test_what_was_received_before_it_began_is_all_made() -> None:
    track, units = source()
    old = [msgspec.structs.replace(unit, at=-10.0 + at / 30) for at, unit in enumerate(units)]
    _, tiers = made(track, old)
    assert len(tiers[0]) == 60


@pytest.mark.parametrize("step", [2**32, -(2**32)])
def test_a_clock_that_jumps_does_not_end_it(step: int) -> None:
    track, units = source()
    start = 2**33
    moved = [msgspec.structs.replace(unit, pts=unit.pts + start, dts=unit.dts + start) for unit in units[:30]]
    far = [
        msgspec.structs.replace(unit, pts=unit.pts + start + step, dts=unit.dts + start + step) for unit in units[30:]
    ]
    _, tiers = made(track, [*moved, *far])
    assert len(tiers[0]) == 60


def test_what_cannot_be_decoded_is_an_error_of_that_unit_alone() -> None:
    track, units = source()
    lane = LadderLane(track, TIERS, now=lambda: 0.0)
    pictures = 0
    for at, unit in enumerate(units):
        try:
            pictures += len(lane.feed(msgspec.structs.replace(unit, data=b"\0\0\0\4junk") if at == 5 else unit))
        except av.FFmpegError:
            assert at == 5
    assert pictures >= 2 * 15


def test_a_lane_that_begins_makes_few_of_the_old_pictures_and_all_from_when_it_has_caught_up() -> None:
    track, units = source()
    behind = [msgspec.structs.replace(unit, at=-3.0 if at < 40 else 0.0) for at, unit in enumerate(units)]
    _, (full, _) = made(track, behind, part_ms=334)
    keys = [unit.pts for unit in units if unit.is_key]
    assert [unit.pts for unit in full] == sorted(
        {unit.pts for unit in units[:41:5]} | {*keys} | {u.pts for u in units[40:]}
    )


def test_a_lane_whose_machine_never_catches_up_makes_all_pictures_after_a_while() -> None:
    track, units = source()
    clock = iter(range(10_000))
    lane = LadderLane(track, TIERS, now=lambda: next(clock) * CATCH_UP_S / 50, part_ms=334)
    late = [msgspec.structs.replace(unit, at=at * CATCH_UP_S / 25 - 1.0) for at, unit in enumerate(units)]
    for unit in late:
        lane.feed(unit)
    assert not lane.is_catching_up


@pytest.mark.parametrize("part_ms", [250, 334, 1_000])
@pytest.mark.parametrize("fps", [15.0, 23.976, 25.0, 29.97, 30.0, 50.0, 60.0])
def test_the_few_pictures_fill_parts_as_all_do(fps: float, part_ms: int) -> None:
    track = Track(kind="video", codec=Codec.H264, timescale=90_000, fps=fps)
    step, tick = sparse(fps, part_ms), 90_000 / fps
    follower = Follower(part_ms=part_ms)
    follower.resume([Cut(1, 0, 90_000, False)])
    out = follower.feed(Tracks((track,)))
    for at in range(0, round(4 * fps), step):
        pts = round(at * tick)
        out += follower.feed(Unit(kind="video", pts=pts, dts=pts, is_key=not at, data=b"x", at=0.0))
    given = [each.duration for each in out if isinstance(each, Fragment)]
    longest = max(part_ms * 90, *given)
    assert len(given) >= 3
    assert all(duration >= 0.85 * longest for duration in given)
