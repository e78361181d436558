"""What OBS is told to encode, by its canvas, its machine and its connection."""

from __future__ import annotations

from typing import Any

import pytest

from server.live.encoder_settings import AUDIO_KBPS, MAX_TRACKS, EncoderOptions, EncoderRequest, configuration

RTMP = "rtmp://host:1935/live"


def asked(*, encoders: tuple[str, ...] = (), **preferences: Any) -> list[EncoderOptions]:
    client = {"name": "obs-studio", "supported_encoders": encoders}
    posted = {"service": "IVS", "authentication": "sk_x", "client": client, "preferences": preferences}
    request = EncoderRequest.model_validate(posted)
    return configuration(request, rtmp_url=RTMP, config_id="c").encoder_configurations


def canvas(width: int, height: int, fps: int) -> dict[str, Any]:
    return {"canvases": [{"width": width, "height": height, "framerate": {"numerator": fps, "denominator": 1}}]}


def test_the_canvas_comes_first_and_then_what_is_smaller() -> None:
    found = asked(**canvas(1920, 1080, 60))
    assert [(each.width, each.height) for each in found] == [(1920, 1080), (1280, 720), (854, 480), (640, 360)]
    assert [each.framerate.fps for each in found] == [60, 60, 60, 30]
    rates = [int(each.settings["bitrate"]) for each in found]
    assert rates == sorted(rates, reverse=True)


def test_all_have_their_key_frames_at_the_same_times_and_no_b_frames() -> None:
    assert {(each.settings["keyint_sec"], each.settings["bf"]) for each in asked(**canvas(1080, 1920, 30))} == {(2, 0)}


def test_older_versions_say_the_size_without_a_canvas() -> None:
    found = asked(width=1280, height=720, framerate={"numerator": 30000, "denominator": 1001})
    assert [(each.width, each.height) for each in found] == [(1280, 720), (854, 480), (640, 360)]
    assert found[0].framerate.numerator == 30000


@pytest.mark.parametrize(
    ("encoders", "chosen"),
    [((), "obs_x264"), (("obs_x264", "obs_nvenc_h264_tex"), "obs_nvenc_h264_tex"), (("something_new",), "obs_x264")],
)
def test_a_graphics_cards_encoder_is_chosen_where_there_is_one(encoders: tuple[str, ...], chosen: str) -> None:
    assert {each.type for each in asked(encoders=encoders)} == {chosen}


def test_a_slow_connection_keeps_the_best_and_the_smallest() -> None:
    found = asked(**canvas(1920, 1080, 30), maximum_aggregate_bitrate=7_500)
    assert [each.height for each in found] == [1080, 360]
    assert sum(int(each.settings["bitrate"]) for each in found) + AUDIO_KBPS <= 7_500


def test_no_more_tracks_than_the_encoder_takes() -> None:
    assert [each.height for each in asked(**canvas(1920, 1080, 30), maximum_video_tracks=2)] == [1080, 360]
    assert len(asked(**canvas(3840, 2160, 60), maximum_video_tracks=32)) <= MAX_TRACKS


def test_odd_sizes_become_even() -> None:
    assert all(each.width % 2 == each.height % 2 == 0 for each in asked(**canvas(1367, 769, 30)))


def test_a_canvas_that_no_screen_has_is_sent_alone() -> None:
    assert len(asked(**canvas(16_000, 100, 30))) == 1


def test_the_address_is_that_of_the_server_and_its_protocol() -> None:
    for url, protocol in ((RTMP, "RTMP"), ("rtmps://host/live", "RTMPS")):
        (endpoint,) = configuration(EncoderRequest(), rtmp_url=url, config_id="c").ingest_endpoints
        assert (endpoint.protocol, endpoint.url_template) == (protocol, f"{url}/{{stream_key}}")
