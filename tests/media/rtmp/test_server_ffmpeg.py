"""The server against a real encoder."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.rtmp.server import RtmpServer
from media.unit import Codec
from tests.media.rtmp.recording import Recording, RecordingIngest, ffmpeg, finished

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p")
H264_B = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1", "-pix_fmt", "yuv420p")
AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-svtav1-params", "lp=1", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-ac", "2")
OPUS = ("-c:a", "libopus", "-ac", "2")
ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=25")


@pytest.fixture
def ingest() -> RecordingIngest:
    return RecordingIngest()


@pytest.fixture
async def url(ingest: RecordingIngest) -> AsyncIterator[str]:
    server = RtmpServer(authorize=ingest.authorize)
    port = await server.start(host="127.0.0.1", port=0)
    yield f"rtmp://127.0.0.1:{port}/live"
    await server.close(budget_s=2)
    assert server.connections == 0


async def publish(ingest: RecordingIngest, url: str, *arguments: str) -> Recording:
    said = await finished(await ffmpeg(*arguments, "-f", "flv", url))
    assert ingest.recordings, said
    recording = ingest.recordings[-1]
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    return recording


def check_clock(recording: Recording) -> None:
    assert min(unit.dts for unit in recording.units) == 0
    for kind in ("video", "audio"):
        stamps = [unit.dts for unit in recording.of(kind)]
        assert all(before < after for before, after in itertools.pairwise(stamps))
        assert all(unit.pts >= unit.dts for unit in recording.of(kind))


async def test_h264_and_aac_arrive_with_their_tracks_and_times(ingest: RecordingIngest, url: str) -> None:
    recording = await publish(ingest, f"{url}/good?token=1", *PICTURE, *SOUND, *H264_B, *AAC)
    video, audio = recording.track("video"), recording.track("audio")
    assert (video.codec, video.width, video.height, video.fps, video.timescale) == (Codec.H264, 320, 180, 25.0, 90_000)
    assert (audio.codec, audio.sample_rate, audio.channels, audio.timescale) == (Codec.AAC, 48_000, 2, 48_000)
    assert len(recording.configured) == 1
    assert len(recording.of("video")) == 50
    assert [unit.is_key for unit in recording.of("video")].count(True) == 2
    assert any(unit.pts > unit.dts for unit in recording.of("video"))
    check_clock(recording)
    steps = {
        after.pts - before.pts for before, after in zip(recording.of("audio"), recording.of("audio")[1:], strict=False)
    }
    assert steps == {1024}
    assert recording.reason == "ended"
    assert ingest.requests[0].key == "good"
    assert ingest.requests[0].protocol == "rtmp"


def annex_b(recording: Recording) -> bytes:
    """What arrived as a plain H.264 file: the parameter sets of avcC, then every unit."""
    config = recording.track("video").config
    size = int.from_bytes(config[6:8], "big")
    after = 8 + size + 1
    sets = [config[8 : 8 + size], config[after + 2 : after + 2 + int.from_bytes(config[after : after + 2], "big")]]
    for unit in recording.of("video"):
        at = 0
        while at < len(unit.data):
            length = int.from_bytes(unit.data[at : at + 4], "big")
            sets.append(unit.data[at + 4 : at + 4 + length])
            at += 4 + length
    return b"".join(b"\0\0\0\1" + nal for nal in sets)


async def test_what_arrives_decodes_without_a_complaint(ingest: RecordingIngest, url: str, tmp_path: Path) -> None:
    recording = await publish(ingest, f"{url}/good", *PICTURE, *SOUND, *H264_B, *AAC)
    path = tmp_path / "arrived.h264"
    path.write_bytes(annex_b(recording))
    said = await finished(await ffmpeg("-f", "h264", "-xerror", "-i", str(path), "-f", "null", "-"))
    assert "frame=   50" in said
    assert "error" not in said.lower()


@pytest.mark.parametrize(
    ("arguments", "codec"), [(HEVC, Codec.HEVC), (AV1, Codec.AV1), (VP9, Codec.VP9)], ids=["hevc", "av1", "vp9"]
)
async def test_enhanced_video_arrives(
    ingest: RecordingIngest, url: str, arguments: tuple[str, ...], codec: Codec
) -> None:
    recording = await publish(
        ingest, f"{url}/good", *PICTURE, *SOUND, *arguments, *AAC, "-rtmp_enhanced_codecs", "hvc1,av01,vp09"
    )
    video = recording.track("video")
    assert (video.codec, video.width, video.height, video.fps) == (codec, 320, 180, 25.0)
    assert len(recording.of("video")) == 50
    assert recording.of("video")[0].is_key
    check_clock(recording)


async def test_enhanced_opus_arrives_with_packets_end_to_end(ingest: RecordingIngest, url: str) -> None:
    recording = await publish(ingest, f"{url}/good", *PICTURE, *SOUND, *H264, *OPUS)
    audio = recording.track("audio")
    assert (audio.codec, audio.channels, audio.timescale) == (Codec.OPUS, 2, 48_000)
    assert audio.config.startswith(b"OpusHead")
    units = recording.of("audio")
    assert {after.pts - before.pts for before, after in itertools.pairwise(units)} == {960}


async def test_audio_alone_is_published(ingest: RecordingIngest, url: str) -> None:
    recording = await publish(ingest, f"{url}/good", *SOUND, *AAC)
    assert [track.kind for track in recording.configured[-1]] == ["audio"]
    assert len(recording.units) > 90
    check_clock(recording)


async def test_video_alone_is_published(ingest: RecordingIngest, url: str) -> None:
    recording = await publish(ingest, f"{url}/good", *PICTURE, *H264)
    assert [track.kind for track in recording.configured[-1]] == ["video"]
    assert len(recording.units) == 50
    check_clock(recording)


async def test_wrong_key_is_refused_and_the_encoder_gives_up(ingest: RecordingIngest, url: str) -> None:
    said = await finished(await ffmpeg(*ENDLESS, *H264, "-f", "flv", f"{url}/bad"))
    assert "there is no such stream key" in said
    assert not ingest.recordings


async def test_second_publisher_is_refused_and_the_first_goes_on(ingest: RecordingIngest, url: str) -> None:
    first = await ffmpeg(*ENDLESS, *H264, "-f", "flv", f"{url}/good")
    try:
        await asyncio.wait_for(ingest.opened.wait(), 30)
        said = await finished(await ffmpeg(*ENDLESS, *H264, "-f", "flv", f"{url}/good"))
        assert "somebody is publishing" in said
        ingest.recordings[0].has_units.clear()
        await asyncio.wait_for(ingest.recordings[0].has_units.wait(), 30)
        assert ingest.recordings[0].reason is None
    finally:
        first.kill()
        await first.communicate()


async def test_killed_encoder_is_noticed_at_once(ingest: RecordingIngest, url: str) -> None:
    process = await ffmpeg(*ENDLESS, *H264, "-f", "flv", f"{url}/good")
    await asyncio.wait_for(ingest.opened.wait(), 30)
    await asyncio.wait_for(ingest.recordings[0].has_units.wait(), 30)
    process.kill()
    await asyncio.wait_for(ingest.recordings[0].is_closed.wait(), 30)
    assert ingest.recordings[0].reason == "disconnected"
    await process.communicate()


async def test_stopping_a_publication_ends_its_encoder(ingest: RecordingIngest, url: str) -> None:
    process = await ffmpeg(*ENDLESS, *H264, "-f", "flv", f"{url}/good")
    await asyncio.wait_for(ingest.opened.wait(), 30)
    await asyncio.wait_for(ingest.recordings[0].has_units.wait(), 30)
    stop = ingest.recordings[0].stop
    assert stop is not None
    stop("ended by its owner")
    assert ingest.recordings[0].reason == "ended by its owner"
    await finished(process, within_s=30)


async def test_mp3_is_refused_with_its_name(ingest: RecordingIngest, url: str) -> None:
    said = await finished(await ffmpeg("-re", *SOUND, "-c:a", "libmp3lame", "-f", "flv", f"{url}/good"))
    assert "MP3 is not supported" in said or ingest.recordings[0].reason == "unsupported"


async def test_player_is_turned_away(url: str) -> None:
    said = await finished(await ffmpeg("-i", f"{url}/good", "-f", "null", "-"))
    assert "StreamNotFound" in said or "watched over HTTP" in said
