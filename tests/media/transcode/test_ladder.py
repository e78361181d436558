"""Which renditions a source gets."""

from __future__ import annotations

import pytest

from media.transcode.ladder import Tier, plan
from media.unit import Codec, Track


def track(width: int, height: int, fps: float = 30.0, codec: Codec = Codec.H264) -> Track:
    return Track(kind="video", codec=codec, timescale=90_000, width=width, height=height, fps=fps)


def sizes(source: Track) -> list[tuple[str, int, int, float]]:
    return [(tier.name, tier.width, tier.height, tier.fps) for tier in plan(source)]


def test_renditions_are_smaller_than_the_source_best_first() -> None:
    assert sizes(track(1920, 1080)) == [("720p", 1280, 720, 30), ("480p", 854, 480, 30), ("360p", 640, 360, 30)]
    assert [name for name, *_ in sizes(track(3840, 2160))] == ["1080p", "720p", "480p", "360p"]
    assert [name for name, *_ in sizes(track(1280, 720))] == ["480p", "360p"]


@pytest.mark.parametrize("size", [(320, 240), (640, 360), (360, 640)])
def test_nothing_is_made_of_a_source_that_is_small_already(size: tuple[int, int]) -> None:
    assert plan(track(*size)) == ()


def test_the_aspect_stays_and_sizes_are_even() -> None:
    assert sizes(track(1440, 1080))[0][1:3] == (960, 720)
    assert sizes(track(1080, 1920))[0][:3] == ("720p", 720, 1280)
    assert sizes(track(1366, 768))[0][1:3] == (1280, 720)
    for tier in plan(track(1998, 1080)):
        assert tier.width % 2 == tier.height % 2 == 0
        assert tier.width / tier.height == pytest.approx(1998 / 1080, rel=0.005)


@pytest.mark.parametrize(
    ("fps", "full", "small"),
    [(60, 60, 30), (50, 50, 25), (59.94, 59.94, 29.97), (25, 25, 25), (240, 60, 30), (144, 48, 24)],
)
def test_below_480_lines_a_high_frame_rate_is_halved_and_none_is_above_60(
    fps: float, full: float, small: float
) -> None:
    rates = {name: rate for name, _, _, rate in sizes(track(1920, 1080, fps))}
    assert rates["720p"] == rates["480p"] == pytest.approx(full)
    assert rates["360p"] == pytest.approx(small)


@pytest.mark.parametrize("codec", [Codec.HEVC, Codec.AV1, Codec.VP9])
def test_a_codec_that_not_all_players_have_gets_one_of_its_own_size_as_well(codec: Codec) -> None:
    assert [name for name, *_ in sizes(track(1920, 1080, codec=codec))] == ["1080p", "720p", "480p", "360p"]
    assert sizes(track(320, 240, codec=codec)) == [("240p", 320, 240, 30)]
    assert [name for name, *_ in sizes(track(2560, 1440, codec=codec))] == ["1080p", "720p", "480p", "360p"]


@pytest.mark.parametrize("size", [(100_000, 100_000), (100_000, 2), (0, 0), (8_000, 400), (-2, 1_080)])
def test_nothing_is_made_of_a_picture_of_a_size_that_is_none(size: tuple[int, int]) -> None:
    assert plan(track(*size)) == ()


def test_a_level_and_a_bitrate_fit_the_pictures() -> None:
    tiers = {tier.name: tier for tier in plan(track(3840, 2160, 60))}
    assert {name: tier.codec for name, tier in tiers.items()} == {
        "1080p": "avc1.4d402a",
        "720p": "avc1.4d4020",
        "480p": "avc1.4d401f",
        "360p": "avc1.4d401e",
    }
    rates = [tier.bit_rate for tier in tiers.values()]
    assert rates == sorted(rates, reverse=True)
    assert _rate(plan(track(1920, 1080))) < _rate(plan(track(1920, 1080, 60)))


def _rate(tiers: tuple[Tier, ...]) -> int:
    return tiers[0].bit_rate
