"""The serving side, fed with what a muxer says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import m3u8
import msgspec
import pytest

from media.hls.answers import Bad, Rendered, Wait
from media.hls.blocking import BlockingQuery, Position, parse_query
from media.hls.events import Event, PartReady, SegmentReady
from media.hls.index import LiveIndex
from tests.media.hls.muxed import NOW, Stream, units
from tests.media.hls.sources import AUDIO, VIDEO, Encoded, encode, live, mixed, pictures, sounds


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
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()


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
