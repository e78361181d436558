"""One stream's media from its publisher to what is said of it, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from media.control import ControlMessage, Flushed, Granted, Packaged, Pictured, Progress, PublishEnded, PublishStarted
from media.errors import PublishRefused
from media.hls.events import InitReady, RenditionsPlanned, RunEnded, RunStarted, SegmentReady, SegmentStored
from media.plane import Plane
from media.publication import Publication
from media.relay import End, Reader, Relay, Tracks
from media.run import PublicationRun
from media.transcode.ladder import Policy
from media.transcode.messages import SlateShape, SoundLevel
from media.transcode.tracks import VideoGoal
from media.unit import Codec, Track, Unit
from tests.media.hls.sources import AUDIO, VIDEO, mixed, pictures, sounds

OPUS_HEAD = b"OpusHead" + bytes([1, 2]) + (312).to_bytes(2, "little") + (48_000).to_bytes(4, "little") + bytes(3)
VP8 = Track(kind="video", codec=Codec.VP8, timescale=90_000, width=1280, height=720)
OPUS = Track(kind="audio", codec=Codec.OPUS, timescale=48_000, config=OPUS_HEAD, sample_rate=48_000, channels=2)


class Store:
    """Objects in memory; ``is_away`` makes every put fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_away = False

    async def put(self, key: str, path: Path, content_type: str) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise OSError("away")
        self.objects[key] = path.read_bytes()


class Renamed:
    """A bridge without a codec: sound keeps its bytes and is called AAC or Opus, pictures H.264, as it was asked."""

    def __init__(self, source: Relay, audio: Codec | None, video: VideoGoal | None) -> None:
        self.relay = Relay()
        self._source = source
        self._tracks: dict[str, Track] = {}
        if audio is not None:
            self._tracks["audio"] = {Codec.AAC: AUDIO, Codec.OPUS: OPUS}[audio]
        if video is not None:
            self._tracks["video"] = VIDEO
        self._reader: Reader | None = None
        self._reader = source.subscribe(self._pump)
        self._pump()

    def _pump(self) -> None:
        for item in self._reader.take() if self._reader is not None else ():
            if isinstance(item, Tracks):
                self.relay.configure([self._tracks.get(track.kind, track) for track in item.tracks])
            elif isinstance(item, End):
                self.close(item.reason)
            else:
                self.relay.write(item)

    def close(self, reason: str = "closed") -> None:
        if self._reader is not None:
            self._source.unsubscribe(self._reader)
        self.relay.close(reason)


class RenamingCodecs:
    """``Codecs`` without any decoding; a picture is the size of its key frame."""

    def __init__(self) -> None:
        self.bridges: list[Renamed] = []
        self.pictures = 0
        self.slates: list[tuple[SlateShape, bytes]] = []
        self.has_room_for_pictures = True

    def bridge(self, source: Relay, *, audio: Codec | None, name: str, video: VideoGoal | None = None) -> Renamed:
        self.bridges.append(Renamed(source, audio, video))
        return self.bridges[-1]

    async def slate(self, shape: SlateShape, picture: bytes) -> tuple[Track, list[Unit]] | None:
        self.slates.append((shape, picture))
        return VIDEO, pictures(2, fps=12, gop=24)

    async def sound_level(self, track: Track, units: Sequence[Unit]) -> SoundLevel | None:
        return None

    async def picture(self, track: Track, unit: Unit) -> bytes | None:
        self.pictures += 1
        return str(len(unit.data)).encode()


class Studio:
    """A plane on a folder of its own, and all that it says."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.store = Store()
        self.codecs = RenamingCodecs()
        self.said: list[ControlMessage] = []
        given = {"max_streams": 4, "max_run_bytes": 64 * 1024 * 1024, **limits}
        self.plane = Plane(run_dir=folder, store=self.store, codecs=self.codecs, say=self.said.append, **given)

    def publish(self, stream_id: str = "s", publication: int = 1, **fields: Any) -> PublicationRun:
        self.join(stream_id, publication, **fields)
        run = self.plane.get(stream_id)
        assert run is not None
        return run

    def join(self, stream_id: str = "s", publication: int = 1, **fields: Any) -> Publication:
        return self.plane.publish(grant(stream_id, publication, **fields), protocol="rtmp", remote="r")

    def of(self, kind: type[Any]) -> list[Any]:
        return [said for said in self.said if isinstance(said, kind)]

    def events(self, kind: type[Any]) -> list[Any]:
        return [said.event for said in self.of(Packaged) if isinstance(said.event, kind)]

    async def until(self, kind: type[Any], count: int = 1) -> list[Any]:
        async with asyncio.timeout(30):
            while len(self.of(kind)) < count:  # noqa: ASYNC110 - turns of the loop
                await asyncio.sleep(0)
        return self.of(kind)


def grant(stream_id: str = "s", publication: int = 1, **fields: Any) -> Granted:
    given = {"epoch": 7, "first_segment": 0, "media_time_ms": 0, "latency": "low", "is_recorded": False, **fields}
    return Granted(stream_id=stream_id, publication=publication, **given)


async def feed(run: PublicationRun, *units: Unit) -> None:
    for unit in units:
        run.write(unit)
        if unit.is_key:
            await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    made = Studio(tmp_path)
    yield made
    await made.plane.close("over")


@pytest.mark.parametrize(
    ("of_all", "of_stream", "policy"),
    [
        ("auto", "auto", "auto"), ("auto", "ladder", "ladder"), ("auto", "off", "off"), ("ladder", "auto", "ladder"),
        ("ladder", "off", "off"), ("off", "ladder", "off"), ("off", "auto", "off"),
    ],
)  # fmt: skip
async def test_the_server_and_the_stream_decide_whether_renditions_are_made(
    tmp_path: Path, of_all: Policy, of_stream: Policy, policy: Policy
) -> None:
    studio = Studio(tmp_path, transcode=of_all)
    run = studio.publish(transcode=of_stream)
    assert run.grant.transcode == policy
    run.configure([VIDEO, AUDIO])
    planned = [] if policy == "off" else ["480p", "360p"]
    assert [each.name for event in studio.events(RenditionsPlanned) for each in event.renditions] == planned
    await studio.plane.close("over")


async def test_the_owner_is_shown_that_a_full_machine_makes_fewer_renditions(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    studio.plane.want_renditions("s", viewers=3)
    studio.plane.want_renditions("nobody's", viewers=3)
    await feed(run, *mixed(pictures(3), sounds(3)))
    run.close("gone")
    await studio.until(Flushed)
    progress = studio.of(Progress)[-1]
    assert "ladder_reduced" in progress.health["warning_names"]
    assert {each["name"]: each["state"] for each in progress.renditions}["480p"] == "off"


async def test_the_tracks_say_what_players_need_to_know_of_the_codecs(studio: Studio) -> None:
    studio.publish().configure([VIDEO, OPUS])
    (started,) = studio.of(PublishStarted)
    assert [track["codecs"] for track in started.tracks] == ["avc1.4d401f", "mp4a.40.2"], "sound as HLS has it"


async def test_what_there_is_to_play_is_said_with_the_progress_the_best_first(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(6), sounds(6)))
    run.close("gone")
    await studio.until(Flushed)
    shown = studio.of(Progress)[-1].renditions
    assert [each["name"] for each in shown] == ["source", "480p", "360p", "audio"]
    assert [(each["width"], each["height"]) for each in shown] == [(1280, 720), (854, 480), (640, 360), (0, 0)]
    assert [each["codecs"] for each in shown[:2]] == ["avc1.4d401f,mp4a.40.2"] * 2
    assert [each["state"] for each in shown] == ["live", "ready", "ready", "live"]
    assert shown[0]["bitrate"] > shown[3]["bitrate"] > 0


async def test_the_log_names_whose_stream_begins_and_ends(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    studio.publish(label="'Tea' of @ann").close("gone")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("media.")]
    assert lines == [
        "stream s 'Tea' of @ann: publication 1 begins over rtmp from r",
        "stream s 'Tea' of @ann: publication 1 ended: gone",
    ]


async def test_a_publication_is_said_to_have_started_progressed_and_ended_in_this_order(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(6), sounds(6)))
    run.close("gone")
    run.close("again")
    await studio.until(Flushed)
    kinds = [type(said) for said in studio.said if not isinstance(said, Packaged | Pictured)]
    assert kinds == [PublishStarted, Progress, PublishEnded, Flushed]
    (started,), (progress,), (ended,) = studio.of(PublishStarted), studio.of(Progress), studio.of(PublishEnded)
    assert [track["codec"] for track in started.tracks] == ["h264", "aac"]
    assert all("config" not in track for track in started.tracks)
    assert 5_900 < progress.media_time_ms <= 6_000
    assert progress.next_segment > max(event.segment for event in studio.events(SegmentReady))
    assert (ended.publication, ended.reason) == (1, "gone")
    assert {event.rendition for event in studio.events(SegmentReady)} == {"video", "audio"}
    assert studio.plane.streams == 0


async def test_a_publisher_that_goes_before_it_sent_anything_is_said_to_have_ended(studio: Studio) -> None:
    studio.publish().close("gone")
    await studio.until(Flushed)
    assert [type(said) for said in studio.said] == [PublishEnded, Flushed]


async def test_a_publication_of_which_nothing_came_leaves_no_folder(studio: Studio) -> None:
    for number in range(3):
        studio.publish(publication=number).close("no connection came about")
    assert not list(studio.folder.iterdir())


async def test_a_publication_of_which_nothing_came_takes_no_files_of_the_one_before(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(6), sounds(6)))
    run.close("gone")
    packaged = studio.events(SegmentReady)
    studio.publish(publication=2).close("no connection came about")
    await studio.until(Flushed)
    assert packaged
    assert list(studio.folder.rglob("*.m4s"))


async def test_a_recording_is_stored_under_its_epoch_and_reported_before_the_flush(studio: Studio) -> None:
    run = studio.publish(is_recorded=True)
    run.configure([VIDEO])
    await feed(run, *pictures(6))
    run.close("gone")
    await studio.until(Flushed)
    stored = studio.events(SegmentStored)
    assert len(stored) == len(studio.events(SegmentReady)) == 3
    assert {event.object_key for event in stored} <= studio.store.objects.keys()
    assert all(key.startswith("streams/s/7-1/video/") for key in studio.store.objects)
    assert isinstance(studio.said[-1], Flushed)


async def test_a_store_that_is_away_does_not_hold_the_flush_for_ever(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.run.FLUSH_S", 0.01)
    studio.store.is_away = True
    run = studio.publish(is_recorded=True)
    run.configure([VIDEO])
    await feed(run, *pictures(6))
    run.close("gone")
    await studio.until(Flushed)
    assert studio.events(SegmentStored) == []


async def test_a_second_publisher_is_refused_and_whoever_granted_it_is_told(studio: Studio) -> None:
    studio.publish()
    with pytest.raises(PublishRefused) as caught:
        studio.publish(publication=2)
    assert caught.value.code == "busy"
    assert [(said.publication, said.stream_id) for said in studio.of(PublishEnded)] == [(2, "s")]
    assert studio.plane.streams == 1


async def test_more_streams_than_the_server_takes_are_refused_and_their_claims_are_given_back(tmp_path: Path) -> None:
    studio = Studio(tmp_path, max_streams=1)
    studio.publish("one")
    with pytest.raises(PublishRefused) as caught:
        studio.publish("two")
    assert caught.value.code == "unavailable"
    assert [said.stream_id for said in studio.of(PublishEnded)] == ["two"]
    await studio.plane.close("over")


async def test_a_folder_that_cannot_be_made_is_a_refusal(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    studio = Studio(taken)
    with pytest.raises(PublishRefused) as caught:
        studio.publish()
    assert caught.value.code == "unavailable"
    assert len(studio.of(PublishEnded)) == 1


async def test_a_run_folder_that_takes_no_more_ends_the_packaging_and_nothing_else(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    await feed(run, *pictures(2))
    studio.plane._folders["s"].path = Path("/proc/nowhere")
    heard: list[Any] = []
    reader = run.relay.subscribe(lambda: None)
    await feed(run, *pictures(6, from_ms=2_000))
    heard = reader.take()
    assert len(heard) > 100
    run.close("gone")
    await studio.until(Flushed)
    assert len(studio.of(PublishEnded)) == 1
    assert studio.plane.streams == 0


async def test_a_stop_ends_the_publishers_connection_and_the_run(studio: Studio) -> None:
    told: list[str] = []
    run = studio.publish()
    run.on_stop(told.append)
    studio.plane.stop("s", publication=1, reason="its key was rotated")
    assert told == ["its key was rotated"]
    assert studio.plane.streams == 0
    await studio.until(Flushed)


async def test_stopping_what_is_not_there_is_flushed_at_once_and_another_publication_stays(studio: Studio) -> None:
    studio.publish(publication=2)
    studio.plane.stop("s", publication=1, reason="x")
    studio.plane.stop("other", publication=9, reason="x")
    assert [(said.stream_id, said.publication) for said in studio.of(Flushed)] == [("s", 1), ("other", 9)]
    assert studio.plane.streams == 1


async def test_the_publisher_is_asked_for_a_key_frame_if_it_can_be(studio: Studio) -> None:
    run = studio.publish()
    run.want_keyframe()
    asked: list[bool] = []
    run.on_keyframe_wanted(lambda: asked.append(True))
    run.want_keyframe()
    assert asked == [True]


async def test_the_next_publication_goes_on_with_its_numbers_in_the_same_folder(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    await feed(run, *pictures(4))
    run.close("gone")
    await studio.until(PublishEnded)
    following = studio.of(Progress)[-1].next_segment
    again = studio.publish(publication=2, first_segment=following, media_time_ms=4_000)
    again.configure([VIDEO])
    await feed(again, *pictures(4, from_ms=4_000))
    again.close("gone")
    await studio.until(PublishEnded, 2)
    names = [event.name for event in studio.events(SegmentReady)]
    assert names == ["video/1/1.m4s", "video/1/2.m4s", "video/2/3.m4s", "video/2/4.m4s"]
    assert [event.next_segment for event in studio.events(RunEnded)] == [3, 5]
    assert all((studio.folder / "s" / name).exists() for name in names)


async def test_a_publication_has_ended_only_when_all_that_it_packaged_was_said(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(6), sounds(6)))
    run.close("gone")
    await studio.until(PublishEnded)
    ended = next(at for at, said in enumerate(studio.said) if isinstance(said, PublishEnded))
    assert len(studio.events(RunEnded)) == 1
    assert not [said for said in studio.said[ended:] if isinstance(said, Packaged)]


async def test_a_forgotten_stream_leaves_no_files_but_not_while_it_is_live(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    await feed(run, *pictures(3))
    studio.plane.forget("s")
    assert os.listdir(studio.folder / "s")
    run.close("gone")
    studio.plane.forget("s")
    studio.plane.forget("never there")
    assert not (studio.folder / "s").exists()


async def test_a_picture_is_taken_of_a_key_frame_every_few_seconds(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    for unit in pictures(9):
        await feed(run, unit)
    pictured = await studio.until(Pictured, 3)
    assert studio.codecs.pictures == 3
    assert Path(pictured[-1].path).read_bytes() == b"100"
    run.close("gone")


# ------------------------------------------------------------------------------------------------------- other codecs


async def test_opus_is_packaged_as_aac_and_webrtc_viewers_get_it_as_it_is(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, OPUS])
    await feed(run, *mixed(pictures(4), sounds(4)))
    assert run.relays.with_audio(Codec.OPUS) is run.relay
    assert run.relays.with_audio(Codec.AAC) is run.relays.with_audio(Codec.AAC)
    assert len(studio.codecs.bridges) == 1
    assert {event.codec for event in studio.events(InitReady)} >= {"mp4a.40.2"}
    run.close("gone")


async def test_sound_that_turns_up_later_in_opus_is_packaged_as_aac(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    await feed(run, *pictures(4))
    assert studio.codecs.bridges == []
    run.configure([VIDEO, OPUS])
    await feed(run, *mixed(pictures(6, from_ms=4_000), sounds(6, from_ms=4_000)))
    run.close("gone")
    codecs = {event.rendition: event.codec for event in studio.events(InitReady)}
    assert codecs["audio"] == "mp4a.40.2"
    segments = [event for event in studio.events(SegmentReady) if event.rendition == "video"]
    assert [event.segment for event in segments] == list(range(1, len(segments) + 1))
    assert sum(event.duration_s for event in segments) > 9.5


async def test_sound_that_turns_up_later_in_aac_needs_no_bridge(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO])
    await feed(run, *pictures(4))
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(4, from_ms=4_000), sounds(4, from_ms=4_000)))
    run.close("gone")
    assert studio.codecs.bridges == []
    assert {event.rendition for event in studio.events(SegmentReady)} == {"video", "audio"}


async def test_a_codec_that_gives_up_costs_the_sound_its_form_and_not_the_picture(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, OPUS])
    await feed(run, *mixed(pictures(4), sounds(4)))
    studio.codecs.bridges[0].close("its codec fails again and again")
    await feed(run, *mixed(pictures(6, from_ms=4_000), sounds(6, from_ms=4_000)))
    assert studio.events(RunEnded) == []
    run.close("gone")
    video = [event for event in studio.events(SegmentReady) if event.rendition == "video"]
    # At most the group of pictures in which it happened is missing.
    assert sum(event.duration_s for event in video) >= 8
    assert {event.codec for event in studio.events(InitReady) if event.rendition == "audio"} == {"mp4a.40.2", "opus"}


async def test_a_bridge_that_has_ended_is_made_again_for_who_asks(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    first = run.relays.with_audio(Codec.OPUS)
    studio.codecs.bridges[0].close("x")
    assert run.relays.with_audio(Codec.OPUS) is not first
    run.close("gone")


@pytest.mark.parametrize("config", ["118004c805000108800c4c61766336332e312e31303256e500", "11e056e500"])
async def test_sound_whose_layout_is_not_for_browsers_is_packaged_as_plain_aac(studio: Studio, config: str) -> None:
    surround = msgspec.structs.replace(AUDIO, config=bytes.fromhex(config), channels=6)
    run = studio.publish()
    run.configure([VIDEO, surround])
    await feed(run, *mixed(pictures(4), sounds(4)))
    run.close("gone")
    assert [event.channels for event in studio.events(InitReady) if event.rendition == "audio"] == [2]
    assert len(studio.codecs.bridges) == 1


async def test_sound_whose_layout_is_not_for_browsers_is_left_out_when_it_cannot_be_converted(studio: Studio) -> None:
    surround = msgspec.structs.replace(AUDIO, config=bytes.fromhex("11e056e500"), channels=8)
    run = studio.publish()
    run.configure([VIDEO, surround])
    studio.codecs.bridges[0].close("it cannot be converted")
    await feed(run, *mixed(pictures(4), sounds(4)))
    run.close("gone")
    (progress,) = studio.of(Progress)[-1:] or await studio.until(Progress)
    assert {event.rendition for event in studio.events(SegmentReady)} == {"video"}
    assert "sound_left_out" in progress.health["warning_names"]


async def test_vp8_is_re_encoded_once_for_the_packager_and_for_viewers(studio: Studio) -> None:
    run = studio.publish(is_recorded=True)
    run.configure([VP8, OPUS])
    await feed(run, *mixed(pictures(4), sounds(4)))
    viewers = await run.relays.for_viewers()
    assert [track.codec for track in viewers.tracks] == [Codec.H264, Codec.OPUS]
    assert len(studio.codecs.bridges) == 2
    run.close("gone")
    await studio.until(Flushed)
    assert {event.codec[:4] for event in studio.events(InitReady)} == {"avc1", "mp4a"}
    assert {event.rendition for event in studio.events(SegmentStored)} == {"video", "audio"}
    assert all(bridge.relay.ended is not None for bridge in studio.codecs.bridges)


async def test_vp8_that_turns_up_later_is_re_encoded(studio: Studio) -> None:
    run = studio.publish()
    run.configure([OPUS])
    await feed(run, *sounds(4))
    run.configure([VP8, OPUS])
    await feed(run, *mixed(pictures(4, from_ms=4_000), sounds(4, from_ms=4_000)))
    run.close("gone")
    assert {event.codec[:4] for event in studio.events(InitReady)} == {"avc1", "mp4a"}


async def test_vp8_that_cannot_be_re_encoded_is_left_out_and_told(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VP8, OPUS])
    await feed(run, *mixed(pictures(2), sounds(2)))
    studio.codecs.bridges[0].close("as many pictures are re-encoded as this machine has room for")
    await feed(run, *mixed(pictures(4, from_ms=2_000), sounds(4, from_ms=2_000)))
    run.close("gone")
    (progress,) = studio.of(Progress)[-1:] or await studio.until(Progress)
    assert {"vp8", "picture_left_out"} <= set(progress.health["warning_names"])
    assert studio.events(SegmentReady)[-1].rendition == "audio"


async def test_vp8_that_was_left_out_is_re_encoded_once_there_is_room(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VP8, OPUS])
    await feed(run, *mixed(pictures(2), sounds(2)))
    studio.codecs.has_room_for_pictures = False
    studio.codecs.bridges[0].close("as many pictures are re-encoded as this machine has room for")
    await feed(run, *mixed(pictures(2, from_ms=2_000), sounds(2, from_ms=2_000)))
    made = len(studio.codecs.bridges)
    run.retry_pictures(100.0)
    assert len(studio.codecs.bridges) == made, "there is no room yet"
    studio.codecs.has_room_for_pictures = True
    run.retry_pictures(101.0)
    assert len(studio.codecs.bridges) == made + 2
    await feed(run, *mixed(pictures(6, from_ms=4_000), sounds(6, from_ms=4_000)))
    run.close("gone")
    assert studio.events(RunStarted)[-1].renditions == ("video", "audio")
    assert [
        event for event in studio.events(SegmentReady) if event.rendition == "video" and event.media_time_ms > 4_000
    ]


async def test_encoder_that_fails_again_is_tried_after_twice_the_time(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VP8, OPUS])
    await feed(run, *mixed(pictures(2), sounds(2)))
    tried = []
    for now in range(100, 200):
        if studio.codecs.bridges[-1].relay.ended is None or now == 100:
            for bridge in studio.codecs.bridges:
                bridge.close("its codec fails again and again")
            await feed(run, *mixed(pictures(1), sounds(1)))
        before = len(studio.codecs.bridges)
        run.retry_pictures(float(now))
        tried += [now] * (len(studio.codecs.bridges) > before)
    run.close("gone")
    assert tried == [100, 110, 130, 170]


async def test_closing_ends_every_run_and_waits_for_what_they_made(studio: Studio) -> None:
    for name in ("a", "b"):
        run = studio.publish(name, is_recorded=True)
        run.configure([VIDEO])
        await feed(run, *pictures(4))
    await studio.plane.close("the server is stopping")
    assert [said.reason for said in studio.of(PublishEnded)] == ["the server is stopping"] * 2
    assert len(studio.of(Flushed)) == 2
    assert len(studio.events(SegmentStored)) == len(studio.events(SegmentReady)) == 4


def test_what_is_said_fits_through_the_channel() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(grant()), type=Granted) == grant()


async def test_a_backup_joins_the_publication_that_is_there_and_its_end_ends_nothing(studio: Studio) -> None:
    main = studio.join()
    main.configure([VIDEO, AUDIO])
    backup = studio.join(joins=True, is_backup=True)
    backup.configure([VIDEO, AUDIO])
    assert studio.plane.streams == 1
    assert [said.sources for said in studio.of(Progress)] == [("main", "backup")], "it is said at once"
    backup.close("disconnected")
    assert studio.of(Progress)[-1].sources == ("main",)
    assert studio.of(PublishEnded) == []
    main.close("gone")
    await studio.until(Flushed)
    assert len(studio.of(PublishStarted)) == len(studio.of(PublishEnded)) == 1


async def test_the_backup_goes_on_in_the_same_run_when_the_main_publisher_has_gone(studio: Studio) -> None:
    main = studio.join()
    main.configure([VIDEO, AUDIO])
    backup = studio.join(joins=True, is_backup=True)
    backup.configure([VIDEO, AUDIO])
    for unit in mixed(pictures(4), sounds(4)):
        main.write(unit)
    main.close("killed")
    for unit in mixed(pictures(6, from_ms=4_100), sounds(6, from_ms=4_100)):
        backup.write(unit)
    backup.close("gone")
    await studio.until(Flushed)
    ready = [event for event in studio.events(SegmentReady) if event.rendition == "video"]
    assert len(ready) >= 4
    assert not any(event.is_discontinuity for event in ready)
    assert len({event.init for event in ready}) == 1
    assert len(studio.of(PublishEnded)) == 1


async def test_a_backup_of_a_publication_that_has_ended_is_refused_and_ends_no_other(studio: Studio) -> None:
    studio.join(publication=2)
    for stream_id, publication in (("s", 1), ("another", 2)):
        with pytest.raises(PublishRefused) as caught:
            studio.join(stream_id, publication, joins=True, is_backup=True)
        assert caught.value.code == "unavailable"
    assert studio.of(PublishEnded) == []
    assert studio.plane.streams == 1
