"""The serving side, fed with what a muxer says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import m3u8
import msgspec
import pytest

from media.hls.answers import Bad, InStore, OnDisk, PendingPart, Rendered, Wait
from media.hls.blocking import BlockingQuery, Position, parse_query
from media.hls.events import Event, PartReady, SegmentReady, SegmentRemoved, SegmentStored, StreamEnded
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.muxer import Muxer
from tests.media.hls.sources import AUDIO, VIDEO, Encoded, encode, live, mixed, pictures, sounds

NOW = BlockingQuery()


class Stream:
    """A run folder, its muxers one after the other, and the index that hears of them."""

    def __init__(self, path: Path, **options) -> None:
        self.folder = RunFolder(path=path, keep_s=options.pop("keep_s", 60))
        self.changes = 0
        self.index = LiveIndex(on_change=self._changed, **options)
        self.events: list[Event] = []
        self.publication = 0
        self.muxer: Muxer

    def _changed(self) -> None:
        self.changes += 1

    def publish(self) -> None:
        self.publication += 1
        self.muxer = Muxer(
            folder=self.folder,
            publication=self.publication,
            first_segment=self.index.next_segment(),
            part_ms=334,
            target_s=self.index.target_s if self.index.segments else 0,
        )

    def feed(self, items) -> None:
        self._apply(self.muxer.feed(items))

    def interrupt(self) -> None:
        self._apply(self.muxer.close("gone"))

    def _apply(self, events: list[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.index.apply(event)

    def end(self) -> None:
        self.index.apply(StreamEnded())

    def text(self, rendition: str, **options) -> m3u8.M3U8:
        answer = self.index.media(rendition, options.pop("query", NOW), **options)
        assert isinstance(answer, Rendered)
        return m3u8.loads(answer.body.decode())


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    stream = Stream(tmp_path / "run")
    stream.publish()
    return stream


def units(seconds: float, *, from_ms: float = 0):
    return mixed(pictures(seconds, from_ms=from_ms), sounds(seconds, from_ms=from_ms))


def test_nothing_can_be_played_before_all_renditions_have_begun(stream):
    assert stream.index.multivariant() == Bad(404, "nothing to play yet")
    items = live(VIDEO, AUDIO, units=units(3))
    for item in items:
        stream.feed([item])
        names = {event.rendition for event in stream.events if isinstance(event, SegmentReady)}
        assert stream.index.is_playable == (names == {"video", "audio"})
    assert stream.index.is_playable


@pytest.mark.parametrize("gop_s", [2, 10])
def test_no_playlist_without_a_whole_segment_is_given_out_but_to_who_waits_for_a_part(stream, gop_s):
    """ffmpeg, VLC and hls.js give up a playlist that lists parts alone."""
    items = mixed(pictures(12, gop=gop_s * 30), sounds(12))
    stream.feed(live(VIDEO, AUDIO, units=[]))
    for unit in items:
        stream.feed([unit])
        for rendition in ("video", "audio"):
            answer = stream.index.media(rendition, NOW)
            assert not isinstance(answer, Rendered) or b"#EXTINF" in answer.body
        if stream.index.is_playable:
            assert all(isinstance(stream.index.media(name, NOW), Rendered) for name in ("video", "audio"))
    assert stream.index.is_playable
    assert stream.text("video").target_duration == stream.text("audio").target_duration == gop_s


def test_part_of_the_first_segment_is_given_to_who_asks_for_it(stream):
    stream.feed(live(VIDEO, units=pictures(1)))
    assert isinstance(stream.index.media("video", NOW), Wait)
    assert isinstance(stream.index.media("video", parse_query("1", "1", None)), Rendered)


def test_target_duration_stays_through_long_key_frame_intervals_and_another_publication(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(6)))
    was = stream.text("video").target_duration
    stream.feed(mixed(pictures(30, gop=10_000, from_ms=6_000), sounds(30, from_ms=6_000)))
    stream.interrupt()
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=mixed(pictures(30, gop=300, from_ms=36_000), sounds(30, from_ms=36_000))))
    assert stream.text("video").target_duration == stream.text("audio").target_duration == was == 2
    assert stream.index.raised_targets == 0


def test_sound_that_never_comes_is_not_waited_for_beyond_a_segment(stream):
    stream.feed(live(VIDEO, AUDIO, units=pictures(2.5)))
    assert m3u8.loads(stream.index.multivariant().body.decode()).playlists[0].uri == "video.m3u8"


def test_multivariant_describes_what_came_in(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    answer = stream.index.multivariant()
    text = m3u8.loads(answer.body.decode())
    assert answer.content_type == "application/vnd.apple.mpegurl"
    assert text.playlists[0].stream_info.resolution == (1280, 720)
    assert text.playlists[0].stream_info.codecs == "avc1.4d401f,mp4a.40.2"
    assert text.media[0].uri == "audio.m3u8"
    real = [e.size * 8 / e.duration_s for e in stream.events if isinstance(e, SegmentReady)]
    assert text.playlists[0].stream_info.bandwidth >= max(real)


def test_dvr_goes_from_the_multivariant_to_the_renditions(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(3)))
    text = m3u8.loads(stream.index.multivariant(dvr=True).body.decode())
    assert text.playlists[0].uri == "video.m3u8?dvr=1"
    assert text.media[0].uri == "audio.m3u8?dvr=1"
    assert stream.text("video", dvr=True).playlist_type == "event"


def test_each_listed_name_leads_to_its_bytes(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(7)))
    for rendition in ("video", "audio"):
        text = stream.text(rendition)
        listed = [part.uri for segment in text.segments for part in segment.parts]
        listed += [segment.uri for segment in text.segments if segment.uri] + [text.segment_map[0].uri]
        assert len(listed) > 20
        for name in listed:
            location = stream.index.locate(name)
            data = Path(location.path).read_bytes()[location.offset : location.offset + location.size]
            assert len(data) == location.size > 0
            assert data[4:8] in (b"styp", b"moof", b"ftyp")


def test_segment_is_its_parts_one_after_the_other(stream):
    stream.feed(live(VIDEO, units=pictures(3)))
    whole = stream.index.locate("video/1/1.m4s")
    parts = [stream.index.locate(f"video/1/1.{n}.m4s") for n in range(6)]
    assert sum(part.size for part in parts) == whole.size
    assert {part.path for part in parts} == {whole.path}


def test_hinted_part_is_pending_until_it_is_there_or_never_will_be(stream):
    stream.feed(live(VIDEO, units=pictures(2)))
    assert stream.index.locate("video/1/1.5.m4s") == PendingPart()
    assert stream.index.locate("video/1/1.6.m4s") is None
    stream.feed(pictures(0.1, from_ms=2000))
    assert isinstance(stream.index.locate("video/1/1.5.m4s"), OnDisk)
    assert stream.index.locate("video/1/1.6.m4s") is None
    assert stream.index.locate("video/1/2.0.m4s") == PendingPart()


@pytest.mark.parametrize("name", ["video/1/100.m4s", "../../etc/passwd", "", "video/1/init-7.mp4", "video/1/1.99.m4s"])
def test_names_that_were_never_given_out_lead_nowhere(stream, name):
    stream.feed(live(VIDEO, units=pictures(3)))
    assert stream.index.locate(name) is None


def test_blocking_reload_is_answered_with_the_part_it_waited_for(stream):
    stream.feed(live(VIDEO, units=pictures(1)))
    query = parse_query("1", "2", None)
    assert stream.index.media("video", query) == Wait(Position(1, 2), 6)
    before = stream.changes
    stream.feed(pictures(0.5, from_ms=1000))
    assert stream.changes > before
    assert stream.text("video", query=query).segments[0].parts[2].uri == "video/1/1.2.m4s"


def test_bad_directives_and_unknown_renditions_are_refused(stream):
    stream.feed(live(VIDEO, units=pictures(1)))
    assert stream.index.media("video", parse_query(None, "1", None)) == Bad(400, "_HLS_part needs _HLS_msn")
    assert stream.index.media("video", parse_query("50", None, None)).status == 400
    assert stream.index.media("4k", NOW).status == 404


def test_rendering_is_kept_until_something_changes(stream):
    stream.feed(live(VIDEO, units=pictures(3)))
    first = stream.index.media("video", NOW)
    assert stream.index.media("video", NOW) is first
    stream.feed(pictures(1, from_ms=3000))
    second = stream.index.media("video", NOW)
    assert second.etag != first.etag


def test_reports_of_other_renditions_tell_where_they_end(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    report = stream.text("audio").rendition_reports[0]
    last = [e for e in stream.events if isinstance(e, PartReady) and e.rendition == "video"][-1]
    assert (report.uri, report.last_msn, report.last_part) == ("video.m3u8", last.segment, last.part)


def test_interruption_goes_on_with_a_discontinuity_in_all_renditions(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(3)))
    stream.interrupt()
    assert stream.index.locate("video/1/3.0.m4s") is None
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(3, from_ms=30_000)))
    for rendition in ("video", "audio"):
        text = stream.text(rendition)
        assert [each.discontinuity for each in text.segments] == [False, False, True, False]
        assert [each.init_section.uri for each in text.segments if each.uri] == [
            f"{rendition}/1/init-0.mp4",
            f"{rendition}/1/init-0.mp4",
            f"{rendition}/2/init-0.mp4",
        ]


def test_lost_muxer_leaves_a_segment_that_its_successor_goes_on_from(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(3.05)))
    assert stream.index.next_segment() == 3
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(3, from_ms=3_500)))
    text = stream.text("video")
    assert [each.discontinuity for each in text.segments] == [False, False, True, False]
    assert text.segments[1].duration == pytest.approx(1, abs=0.1)
    assert stream.index.locate("video/1/2.m4s") is not None


def test_rendition_missing_from_a_later_run_is_filled_with_gaps(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(4)))
    stream.interrupt()
    stream.publish()
    stream.feed(live(VIDEO, units=pictures(4.1, from_ms=4_000)))
    text = stream.text("audio")
    assert [each.gap_tag is not None for each in text.segments] == [False, False, True, True]
    assert text.segments[2].discontinuity
    assert m3u8.loads(stream.index.multivariant().body.decode()).media == []


def test_rendition_that_appears_later_counts_discontinuities_as_the_others_do(tmp_path):
    stream = Stream(tmp_path / "run", window_s=6)
    stream.publish()
    stream.feed(live(VIDEO, units=pictures(4)))
    stream.interrupt()
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(20, from_ms=4_000)))
    assert stream.text("video").discontinuity_sequence == 1
    assert stream.text("audio").discontinuity_sequence == 1
    assert stream.text("audio").media_sequence == stream.text("video").media_sequence


def stored(event: SegmentReady) -> SegmentStored:
    fields = {name: getattr(event, name) for name in SegmentStored.__struct_fields__ if hasattr(event, name)}
    return SegmentStored(**fields, object_key=f"key/{event.name}", init_key=f"key/{event.init}")


def test_stored_segment_is_found_in_the_store_once_its_file_has_gone(stream):
    stream.feed(live(VIDEO, units=pictures(5)))
    first = next(event for event in stream.events if isinstance(event, SegmentReady))
    stream.index.apply(stored(first))
    assert isinstance(stream.index.locate(first.name), OnDisk)
    stream.index.apply(SegmentRemoved(name=first.name))
    assert stream.index.locate(first.name) == InStore(f"key/{first.name}", first.size)
    assert stream.index.locate("video/1/1.0.m4s") is None
    assert stream.text("video", dvr=True).segments[0].uri == first.name


def test_segment_that_went_without_being_stored_is_not_listed(stream):
    stream.feed(live(VIDEO, units=pictures(7)))
    stream.index.apply(SegmentRemoved(name="video/1/1.m4s", is_lost=True))
    assert stream.index.locate("video/1/1.m4s") is None
    assert [each.gap_tag is not None for each in stream.text("video", dvr=True).segments[:3]] == [True, False, False]


def test_ended_stream_is_whole_at_its_address_and_its_window_for_who_followed(tmp_path):
    stream = Stream(tmp_path / "run", window_s=6)
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(30)))
    assert stream.text("video").segments[0].media_sequence > 1
    stream.interrupt()
    stream.end()
    for rendition in ("video", "audio"):
        text = stream.text(rendition)
        assert sum(each.duration for each in text.segments) == pytest.approx(30, abs=0.1)
        assert (text.media_sequence, text.is_endlist) == (1, True)
    following = stream.text("video", query=parse_query("15", "2", None))
    assert (following.is_endlist, following.media_sequence) == (True, 13)
    assert 'mediaPresentationDuration="PT30.' in stream.index.manifest(now=0).body.decode()


def test_live_windows_of_dash_begin_together(tmp_path):
    stream = Stream(tmp_path / "run", window_s=7.99)
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=[]))
    for unit in units(30):
        stream.feed([unit])
        answer = stream.index.manifest(now=unit.at)
        if isinstance(answer, Rendered):
            first = re.findall(r'startNumber="(\d+)"', answer.body.decode())
            starts = re.findall(r'<Period id="(p1)" start="(PT0\.\d+S)"', answer.body.decode())
            assert len(set(first)) == len(set(starts)) == 1, first


def test_manifests_of_many_seconds_are_not_kept(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    for second in range(100):
        stream.index.manifest(now=second)
    stream.end()
    ended = stream.index.manifest(now=100)
    assert all(stream.index.manifest(now=second) is ended for second in range(200))
    assert len(stream.index._rendered) == 1


def test_end_is_listed_and_nothing_follows(stream):
    stream.feed(live(VIDEO, units=pictures(5)))
    stream.end()
    assert stream.text("video").is_endlist
    version = stream.index.version
    stream.feed(pictures(5, from_ms=5000))
    assert stream.index.version == version


def played(path: Path) -> list[str]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-allowed_extensions", "ALL", "-i", str(path)]
    command += ["-map", "0:v", "-map", "0:a", "-f", "framecrc", "-"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()


def test_recorded_interruption_and_codec_change_play_to_the_end(stream, tmp_path):
    runs: list[Encoded] = [encode(seconds=3), encode(seconds=3, size=(320, 192), from_ms=3_000)]
    for run in runs:
        stream.feed(live(*run.tracks, units=run.units))
        stream.interrupt()
        stream.publish()
    stream.end()
    (stream.folder.path / "index.m3u8").write_bytes(stream.index.multivariant(dvr=False).body)
    for rendition in ("video", "audio"):
        answer = stream.index.media(rendition, NOW)
        (stream.folder.path / f"{rendition}.m3u8").write_bytes(answer.body)
    lines = [line for line in played(stream.folder.path / "index.m3u8") if not line.startswith("#")]
    assert sum(line.startswith("0,") for line in lines) == 180
    for rendition in ("video", "audio"):
        with av.open(str(stream.folder.path / f"{rendition}.m3u8")) as source:
            packets = [packet for packet in source.demux() if packet.size]
        sent = sum(len(run.of(rendition)) for run in runs)
        assert sent - 2 <= len(packets) <= sent


def test_live_dash_lists_a_period_for_each_run(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    stream.interrupt()
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(5, from_ms=30_000)))
    body = stream.index.manifest(now=1_700_000_040).body.decode()
    assert body.count("<Period ") == 2
    assert 'type="dynamic"' in body
    assert 'initialization="video/2/init-0.mp4"' in body
    stream.end()
    assert 'type="static"' in stream.index.manifest(now=1_700_000_041).body.decode()


def test_wire_copy_of_the_events_gives_the_same_playlists(stream):
    copy = LiveIndex(on_change=lambda: None)
    stream.feed(live(VIDEO, AUDIO, units=units(9)))
    for event in msgspec.msgpack.decode(msgspec.msgpack.encode(stream.events), type=list[Event]):
        copy.apply(event)
    assert copy.media("video", NOW) == stream.index.media("video", NOW)
    assert copy.multivariant() == stream.index.multivariant()


def uris(playlist: m3u8.M3U8) -> list[str]:
    """Of its whole segments, and of the parts of the open one."""
    return [each.uri for each in playlist.segments if each.uri] + [part.uri for part in playlist.segments[-1].parts]


def test_playlist_of_who_came_for_sound_alone_ends_when_there_are_pictures(stream):
    stream.feed(live(AUDIO, units=sounds(6)))
    assert "audio.m3u8?alone=1" in stream.index.multivariant().body.decode()
    stream.feed(live(VIDEO, AUDIO, units=units(1, from_ms=6_000)))
    assert not stream.text("audio", is_alone=True).is_endlist, "nobody could start with the picture yet"
    follows = BlockingQuery(Position(stream.index.next_segment(), 0))
    assert isinstance(stream.index.media("audio", follows, is_alone=True), Wait)
    stream.feed(units(1.2, from_ms=7_000))
    listed = stream.text("audio", is_alone=True)
    assert not listed.is_endlist, "its open segment goes on: players do not see an end before what they have"
    stream.feed(units(2, from_ms=8_200))
    ended = stream.text("audio", is_alone=True, query=follows)
    assert ended.is_endlist
    assert not ended.server_control
    open_segment = listed.segments[-1].parts[0].uri.split(".")[0] + ".m4s"
    assert uris(ended) == [*(each.uri for each in listed.segments if each.uri), open_segment]
    stream.feed(units(20, from_ms=10_200))
    assert uris(stream.text("audio", is_alone=True)) == uris(ended), "who asks late still hears of the end"


def test_playlist_of_who_was_told_of_pictures_goes_on(stream):
    stream.feed(live(AUDIO, units=sounds(6)))
    stream.feed(live(VIDEO, AUDIO, units=units(6, from_ms=6_000)))
    multivariant = stream.index.multivariant().body.decode()
    assert "alone" not in multivariant
    assert "alone=1" not in stream.index.multivariant(dvr=True).body.decode()
    assert not stream.text("audio").is_endlist


def test_since_the_start_the_playlist_for_sound_alone_is_asked_for_with_both_directives(stream):
    stream.feed(live(AUDIO, units=sounds(6)))
    assert "audio.m3u8?dvr=1&alone=1" in stream.index.multivariant(dvr=True).body.decode()


def test_manifest_since_the_start_has_each_segment_once_however_long_it_runs(tmp_path):
    stream = Stream(tmp_path / "run", keep_s=600)
    stream.publish()
    for at in range(0, 120, 6):
        stream.feed(live(VIDEO, AUDIO, units=units(6, from_ms=at * 1000)))
        body = stream.index.manifest(now=float(at), dvr=True).body.decode()
        counts = [sum(int(repeat or 0) + 1 for repeat in re.findall(r'<S [^/]*?d="\d+"(?: r="(\d+)")?/>', part))
                  for part in body.split("<SegmentTemplate")[1:]]  # fmt: skip
        assert counts == [len(stream.text(name, dvr=True).segments) - 1 for name in ("video", "audio")]
