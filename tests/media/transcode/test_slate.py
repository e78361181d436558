"""Still pictures as groups of H.264 pictures: what a decoder makes of them again."""

from __future__ import annotations

from io import BytesIO

import av
import pytest
from PIL import Image

from media.hls.codecs import codec_string, picture_size
from media.transcode.messages import SlateShape
from media.transcode.slate import FPS, FRAME_TICKS, GROUP_S, make
from media.unit import Track, Unit


def webp(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, colour).save(made, "WEBP")
    return made.getvalue()


def decoded(made: tuple[Track, list[Unit]] | None) -> list[av.VideoFrame]:
    assert made is not None
    track, units = made
    decoder = av.VideoCodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = track.config
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return [*frames, *decoder.decode(None)]


def luma(frame: av.VideoFrame, x: int, y: int) -> int:
    plane = frame.planes[0]
    return bytes(plane)[y * plane.line_size + x]


@pytest.mark.parametrize(
    ("shape", "codec"),
    [(SlateShape(320, 180, "high"), "avc1.64"), (SlateShape(180, 320, "main"), "avc1.4d"),
     (SlateShape(161, 91, "baseline"), "avc1.42")],
)  # fmt: skip
def test_the_group_has_the_profile_and_size_of_the_source_and_one_key_frame(shape: SlateShape, codec: str) -> None:
    made = make(shape)
    assert made is not None
    track, units = made
    assert codec_string(track).startswith(codec)
    assert picture_size(track) == (shape.width // 2 * 2, shape.height // 2 * 2)
    assert [unit.is_key for unit in units] == [True] + [False] * (FPS * GROUP_S - 1)
    assert [(unit.pts, unit.dts) for unit in units] == [(n * FRAME_TICKS, n * FRAME_TICKS) for n in range(len(units))]
    assert len(decoded(made)) == FPS * GROUP_S


def test_ours_is_two_light_bars_on_a_dark_ground_that_is_not_black() -> None:
    frame = decoded(make(SlateShape(320, 180, "main")))[-1]
    ground, bar, between = luma(frame, 4, 4), luma(frame, 148, 90), luma(frame, 160, 90)
    assert 30 < ground < 60
    assert bar > 90
    assert abs(between - ground) < 8


def test_a_streamers_picture_is_whole_in_the_middle_with_the_ground_at_its_sides() -> None:
    frame = decoded(make(SlateShape(320, 180, "main"), webp((180, 180), (255, 255, 255))))[-1]
    assert luma(frame, 160, 90) > 220
    assert luma(frame, 75, 90) > 220
    assert luma(frame, 60, 90) < 60


@pytest.mark.parametrize("picture", [b"RIFF", b"\x89PNG", bytes(100)])
def test_there_is_no_group_of_what_is_no_picture(picture: bytes) -> None:
    assert make(SlateShape(320, 180, "main"), picture) is None


@pytest.mark.parametrize("shape", [SlateShape(100_000, 100_000, "main"), SlateShape(0, 0, "main")])
def test_there_is_no_group_of_a_size_that_is_none(shape: SlateShape) -> None:
    assert make(shape) is None
