"""What the muxer writes plays, and is exactly what came in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import msgspec
import pytest

from media.hls.events import Event, InitReady, PartReady, RunEnded, RunStarted, SegmentReady, SegmentRemoved
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.relay import End, Tracks
from media.unit import Codec, Track
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, Encoded, encode, live, mixed, pictures, sounds


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(path=tmp_path / "run")


def mux(folder: RunFolder, encoded: Encoded, **options) -> list[Event]:
    muxer = Muxer(folder=folder, publication=options.pop("publication", 1), **options)
    return muxer.feed([*live(*encoded.tracks, units=encoded.units), End("over")])


def of(events, kind, rendition=None):
    return [e for e in events if isinstance(e, kind) and rendition in (None, getattr(e, "rendition", None))]


def joined(folder: RunFolder, events: list[Event], rendition: str, to: Path) -> Path:
    """The rendition as one file: its initialisation and every segment."""
    names = [of(events, InitReady, rendition)[0].name, *(e.name for e in of(events, SegmentReady, rendition))]
    to.write_bytes(b"".join((folder.path / name).read_bytes() for name in names))
    return to


def packets(file: Path, timescale: int) -> list[tuple[int, int, bool, bytes]]:
    with av.open(str(file)) as source:
        return [
            (int(p.pts * p.time_base * timescale), int(p.dts * p.time_base * timescale), p.is_keyframe, bytes(p))
            for p in source.demux()
            if p.size
        ]


def decoded_frames(file: Path) -> int:
    with av.open(str(file)) as source:
        return sum(1 for _ in source.decode(source.streams[0]))


def ffmpeg_complaints(file: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-i", str(file), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stderr


CASES = {
    "h264 and aac": {},
    "h264 with b-frames": {"options": {"preset": "fast", "bf": "3"}},
    "hevc": {"video_codec": "libx265"},
    "vp9 and opus": {
        "video_codec": "libvpx-vp9",
        "audio_codec": "libopus",
        "options": {"deadline": "realtime", "cpu-used": "8"},
    },
    "av1": {"video_codec": "libsvtav1", "audio_codec": None, "options": {"preset": "12", "svtav1-params": "log=0"}},
    "audio only": {"video_codec": None},
    "opus only": {"video_codec": None, "audio_codec": "libopus"},
    "video only": {"audio_codec": None},
    "an hour into the stream": {"from_ms": 3_600_000},
}


@pytest.mark.parametrize("case", CASES)
def test_segments_hold_exactly_the_units_that_came_in(case, folder, tmp_path):
    encoded = encode(**CASES[case])
    events = mux(folder, encoded)
    for track in encoded.tracks:
        file = joined(folder, events, track.kind, tmp_path / f"{track.kind}.mp4")
        got = packets(file, track.timescale)
        units = encoded.of(track.kind)
        start = of(events, SegmentReady, track.kind)[0].media_time
        sent = [(u.pts, u.dts, u.is_key, u.data) for u in units]
        kept = sent if track.kind == "video" else [each for each in sent if each[0] >= start]
        assert len(sent) - len(kept) <= 2
        if track.codec in (Codec.H264, Codec.HEVC):
            assert got == kept
        assert [(pts, data) for pts, _, _, data in got] == [(pts, data) for pts, _, _, data in kept]
        assert decoded_frames(file) == len(kept)
        assert ffmpeg_complaints(file) == ""


def test_codecs_and_shapes_are_told(folder):
    events = mux(folder, encode(options={"preset": "fast", "profile": "high"}, size=(176, 144)))
    video, audio = of(events, InitReady, "video")[0], of(events, InitReady, "audio")[0]
    assert video.codec.startswith("avc1.6400")
    assert (video.width, video.height, video.frame_rate) == (176, 144, 30.0)
    assert (audio.codec, audio.sample_rate, audio.channels) == ("mp4a.40.2", 48_000, 2)


def test_parts_are_byte_ranges_that_make_up_the_segments_file(folder):
    events = mux(folder, encode(seconds=4))
    for segment in of(events, SegmentReady):
        parts = [e for e in of(events, PartReady, segment.rendition) if e.segment == segment.segment]
        assert [e.offset for e in parts] == [sum(p.size for p in parts[:n]) for n in range(len(parts))]
        assert sum(e.size for e in parts) == segment.size == Path(segment.path).stat().st_size
        assert {e.path for e in parts} == {segment.path}


def test_each_part_plays_by_itself_after_the_initialisation(folder, tmp_path):
    events = mux(folder, encode(seconds=2, gop=10))
    init = Path(of(events, InitReady, "video")[0].path).read_bytes()
    for part in of(events, PartReady, "video"):
        data = Path(part.path).read_bytes()[part.offset : part.offset + part.size]
        file = tmp_path / f"{part.part}.mp4"
        file.write_bytes(init + data)
        assert packets(file, 90_000)[0][0] == part.media_time


def test_files_lie_where_their_names_say(folder):
    events = mux(folder, encode(seconds=3), publication=7, first_segment=40)
    assert of(events, InitReady, "video")[0].name == "video/7/init-0.mp4"
    assert of(events, PartReady, "audio")[0].name == "audio/7/40.0.m4s"
    assert [e.name for e in of(events, SegmentReady, "video")] == ["video/7/40.m4s", "video/7/41.m4s"]
    assert all(Path(e.path) == folder.path / e.name for e in of(events, SegmentReady))


def test_dates_follow_the_media_clock_from_when_the_first_unit_arrived(folder):
    events = Muxer(folder=folder, publication=1).feed(live(VIDEO, AUDIO, units=mixed(pictures(5), sounds(5))))
    for event in of(events, PartReady):
        assert event.program_date_time == pytest.approx(START_AT + event.media_time / event.timescale, abs=0.001)


def test_events_survive_the_wire(folder):
    for event in mux(folder, encode(seconds=3)):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


def test_run_is_announced_before_its_files_and_ended_after(folder):
    events = mux(folder, encode(seconds=3), first_segment=5)
    assert events[0] == RunStarted(muxer="source", publication=1, leader="video", renditions=("video", "audio"))
    assert events[-1] == RunEnded(muxer="source", publication=1, next_segment=7, reason="over")


def test_changed_track_gets_a_new_initialisation_and_the_same_one_does_not(folder):
    other = msgspec.structs.replace(VIDEO, width=640, height=360)
    muxer = Muxer(folder=folder, publication=1)
    events = muxer.feed(live(VIDEO, AUDIO, units=mixed(pictures(2), sounds(2))))
    events += muxer.feed(live(other, AUDIO, units=mixed(pictures(2, from_ms=2000), sounds(2, from_ms=2000))))
    assert [e.name for e in of(events, InitReady, "video")] == ["video/1/init-0.mp4", "video/1/init-1.mp4"]
    assert [e.name for e in of(events, InitReady, "audio")] == ["audio/1/init-0.mp4"]
    assert of(events, PartReady, "video")[-1].init == "video/1/init-1.mp4"
    assert of(events, PartReady, "audio")[-1].init == "audio/1/init-0.mp4"


def test_codec_that_cannot_be_packaged_is_left_out_and_named(folder):
    vp8 = Track(kind="video", codec=Codec.VP8, timescale=90_000)
    events = Muxer(folder=folder, publication=1).feed(live(vp8, AUDIO, units=mixed(pictures(3), sounds(3))))
    assert events[0] == RunStarted(
        muxer="source", publication=1, leader="audio", renditions=("audio",), left_out=("vp8",)
    )
    assert {e.rendition for e in of(events, PartReady)} == {"audio"}


def test_broken_configuration_is_left_out(folder):
    broken = msgspec.structs.replace(VIDEO, config=b"\1")
    events = Muxer(folder=folder, publication=1).feed([Tracks((broken,)), *pictures(1)])
    assert events == [RunStarted(muxer="source", publication=1, leader="", renditions=(), left_out=("h264",))]


def test_nothing_comes_of_units_after_the_end(folder):
    muxer = Muxer(folder=folder, publication=1)
    muxer.feed([*live(VIDEO, units=pictures(1)), End("over")])
    assert muxer.feed(pictures(1, from_ms=1000)) == []
    assert muxer.close("again") == []


def test_old_segments_are_removed_once_released(tmp_path):
    folder = RunFolder(path=tmp_path / "run", keep_s=10)
    muxer = Muxer(folder=folder, publication=1, pins=True)
    events = muxer.feed(live(VIDEO, units=pictures(30)))
    assert of(events, SegmentRemoved) == []
    for event in of(events, SegmentReady)[:5]:
        folder.release(event.name)
    events = muxer.feed(pictures(4, from_ms=30_000))
    assert [e.name for e in of(events, SegmentRemoved)] == [f"video/1/{n}.m4s" for n in range(1, 6)]
    assert not (folder.path / "video/1/5.m4s").exists()
    assert (folder.path / "video/1/6.m4s").exists()


def test_folder_stays_below_its_bound_and_names_what_it_lost(tmp_path):
    folder = RunFolder(path=tmp_path / "run", max_bytes=60_000)
    muxer = Muxer(folder=folder, publication=1, pins=True)
    events = muxer.feed(live(VIDEO, units=pictures(40)))
    removed = of(events, SegmentRemoved)
    assert removed
    assert all(e.is_lost for e in removed)
    assert folder.lost_files == len(removed)
    assert sum(file.stat().st_size for file in folder.path.rglob("*.*")) == folder.bytes <= 70_000
