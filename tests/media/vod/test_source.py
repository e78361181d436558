"""What a file is before it is encoded, and what is refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from media.vod.messages import Inspect, Inspected, Refused, Source, SourceBounds
from media.vod.worker import obey
from tests.media.vod.films import film, written

BOUNDS = SourceBounds(streams=4, pixels=320 * 180, seconds=10)


def told(folder: Path, data: bytes, bounds: SourceBounds = BOUNDS) -> Source | Refused:
    report = next(obey(Inspect(path=written(folder, data), bounds=bounds)))
    assert isinstance(report, Inspected | Refused)
    return report.source if isinstance(report, Inspected) else report


@pytest.fixture(scope="module")
def small() -> bytes:
    return film()


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi", "flv"])
def test_a_film_in_each_container_is_told_with_its_size_rate_and_length(tmp_path: Path, container: str) -> None:
    source = told(tmp_path, film(container=container))
    assert isinstance(source, Source)
    assert (source.width, source.height, source.video_codec, source.audio_codec) == (160, 90, "h264", "aac")
    assert source.fps == pytest.approx(15, abs=0.5)
    assert source.seconds == pytest.approx(2, abs=0.2)


def test_a_film_without_sound_has_no_audio_codec(tmp_path: Path) -> None:
    source = told(tmp_path, film(sounds=0))
    assert isinstance(source, Source)
    assert source.audio_codec == ""


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"PK\x03\x04" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
        b"",
    ],
)
def test_scripts_playlists_pictures_and_archives_are_no_video(tmp_path: Path, data: bytes) -> None:
    refused = told(tmp_path, data)
    assert isinstance(refused, Refused)
    assert refused.code == "unsupported"


def test_a_playlist_behind_the_head_of_a_film_is_read_as_that_film(tmp_path: Path) -> None:
    refused = told(tmp_path, b"\x00\x00\x00\x18ftypisom" + b"\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n" * 50)
    assert isinstance(refused, Refused)
    assert refused.code in ("broken", "no_video")


def test_a_film_with_sound_alone_has_no_pictures_to_encode(tmp_path: Path) -> None:
    refused = told(tmp_path, film(videos=0, container="matroska"))
    assert isinstance(refused, Refused)
    assert refused.code == "no_video"


def test_more_streams_than_the_bound_are_refused(tmp_path: Path) -> None:
    data = film(seconds=0.2, sounds=5)
    assert isinstance(told(tmp_path, data, SourceBounds(streams=6, pixels=320 * 180, seconds=10)), Source)
    refused = told(tmp_path, data)
    assert isinstance(refused, Refused)
    assert refused.code in ("too_many_streams", "broken")


def test_larger_pictures_than_the_bound_are_refused(tmp_path: Path, small: bytes) -> None:
    refused = told(tmp_path, small, SourceBounds(streams=4, pixels=160 * 90 - 1, seconds=10))
    assert isinstance(refused, Refused)
    assert refused.code == "too_many_pixels"


def test_a_longer_film_than_the_bound_is_refused(tmp_path: Path, small: bytes) -> None:
    refused = told(tmp_path, small, SourceBounds(streams=4, pixels=320 * 180, seconds=1))
    assert isinstance(refused, Refused)
    assert refused.code == "too_long"


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_film_that_breaks_off_at_any_tenth_is_refused(tmp_path: Path, container: str) -> None:
    whole = film(seconds=4, fps=10, container=container)
    for tenth in range(1, 10):
        refused = told(tmp_path, whole[: len(whole) * tenth // 10])
        assert isinstance(refused, Refused), f"{tenth} tenths: {refused}"
        assert refused.code in ("broken", "no_key_frame", "no_video")


def test_a_film_with_its_bytes_mixed_up_leaves_a_reason(tmp_path: Path, small: bytes) -> None:
    middle = len(small) // 2
    noise = zlib.compress(bytes(range(256)) * 40)
    report = told(tmp_path, small[: middle - 500] + noise + small[middle + len(noise) - 500 :])
    assert isinstance(report, Source) or report.detail
