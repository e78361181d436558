"""I-frame playlists, and what the multivariant playlist says of bit rates."""

from __future__ import annotations

import io
import re

import av
import m3u8
import pytest

from media.hls.answers import Bad, OnDisk, Rendered, Wait
from media.hls.bandwidth import RECENT_SEGMENTS, Bandwidth
from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position
from media.hls.events import SegmentRemoved
from media.hls.listing import SegmentInfo
from media.hls.playlist import MediaPlaylist
from tests.media.hls.muxed import NOW, Stream, units
from tests.media.hls.sources import AUDIO, VIDEO, encode, live, pictures, video


def keys(stream: Stream, *, dvr: bool = True, query: BlockingQuery = NOW) -> str:
    answer = stream.index.keys("video", query, dvr=dvr)
    assert isinstance(answer, Rendered), answer
    return answer.body.decode()


def file(stream: Stream, name: str) -> bytes:
    location = stream.index.locate(name)
    assert isinstance(location, OnDisk)
    return (stream.folder.path / name).read_bytes()


def test_each_range_of_an_i_frame_playlist_is_a_picture_that_a_decoder_shows(stream: Stream) -> None:
    made = encode(seconds=7, audio_codec=None)
    stream.feed(live(*made.tracks, units=made.units))
    playlist = m3u8.loads(keys(stream))
    assert playlist.is_i_frames_only
    assert [segment.gap_tag is None for segment in playlist.segments] == [True, False, True, True]
    for segment in (each for each in playlist.segments if each.gap_tag is None):
        size, at = (int(each) for each in segment.byterange.split("@"))
        data = file(stream, segment.init_section.uri) + file(stream, segment.uri)[at : at + size]
        with av.open(io.BytesIO(data)) as container:
            packet = next(container.demux(video=0))
            assert packet.is_keyframe
            assert [frame.key_frame for frame in packet.decode()] or container.streams.video[0].decode(None)
        assert size < len(file(stream, segment.uri)) / 2


@pytest.mark.parametrize("is_over", [False, True])
def test_i_frame_playlists_are_listed_for_what_can_be_rewound(stream: Stream, *, is_over: bool) -> None:
    stream.feed(live(VIDEO, AUDIO, units=units(9)))
    if is_over:
        stream.end()
    else:
        assert b"I-FRAME" not in stream.index.multivariant().body
    text = stream.index.multivariant(dvr=not is_over).body.decode()
    listed = m3u8.loads(text).iframe_playlists
    assert [each.uri for each in listed] == ["video.m3u8?iframes=1" if is_over else "video.m3u8?dvr=1&iframes=1"]
    assert listed[0].iframe_stream_info.resolution == (1280, 720)
    assert listed[0].iframe_stream_info.codecs == "avc1.4d401f"
    playlist = keys(stream, dvr=not is_over)
    rates = [int(size) * 8 / 2 for size in re.findall(r"BYTERANGE:(\d+)@0", playlist)]
    assert max(rates) <= listed[0].iframe_stream_info.bandwidth
    assert ("#EXT-X-ENDLIST" in playlist) is is_over


def test_segment_without_a_key_frame_is_a_gap_so_that_numbers_are_those_of_the_rendition(stream: Stream) -> None:
    frames = [video(n * 1000 / 30, key=n in (0, 60, 300)) for n in range(420)]
    stream.feed(live(VIDEO, units=frames))
    playlist, whole = m3u8.loads(keys(stream)), stream.text("video", dvr=True)
    assert playlist.media_sequence == whole.media_sequence
    complete = [segment for segment in whole.segments if segment.uri]
    assert [each.uri for each in playlist.segments] == [each.uri for each in complete]
    assert [each.duration for each in playlist.segments] == [each.duration for each in complete]
    gaps = [bool(each.gap_tag) for each in playlist.segments]
    assert gaps[:2] == [False, False]
    assert any(gaps)
    assert [each.byterange is None for each in playlist.segments] == gaps


def test_reload_of_an_i_frame_playlist_is_answered_with_the_segment_it_waited_for(stream: Stream) -> None:
    stream.feed(live(VIDEO, units=pictures(5)))
    assert stream.index.keys("video", BlockingQuery(Position(3, 0))) == Wait(Position(3, WHOLE), 6)
    stream.feed(pictures(2, from_ms=5000))
    assert "video/1/3.m4s" in keys(stream, query=BlockingQuery(Position(3, 0)))
    assert stream.index.keys("video", BadQuery("odd")) == Bad(400, "odd")
    assert isinstance(stream.index.keys("video", BlockingQuery(Position(90, 0))), Bad)


def test_sound_and_unknown_renditions_have_no_i_frame_playlist(stream: Stream) -> None:
    assert isinstance(stream.index.keys("video", NOW), Bad)
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    assert isinstance(stream.index.keys("audio", NOW), Bad)
    assert isinstance(stream.index.keys("480p", NOW), Bad)


def test_lost_segment_is_a_gap_in_an_i_frame_playlist_that_was_rendered_before(stream: Stream) -> None:
    stream.feed(live(VIDEO, units=pictures(9)))
    assert "GAP" not in keys(stream)
    stream.index.apply(SegmentRemoved(name="video/1/2.m4s", is_lost=True))
    stream.feed(pictures(2, from_ms=9000))
    assert [bool(each.gap_tag) for each in m3u8.loads(keys(stream)).segments[:3]] == [False, True, False]


def test_bandwidths_of_what_is_live_are_those_of_the_last_minutes_and_of_a_recording_those_of_all() -> None:
    bandwidth = Bandwidth()
    bandwidth.count(2_000_000, 2.0)
    for _ in range(RECENT_SEGMENTS):
        bandwidth.count(250_000, 2.0)
    assert bandwidth.recent == (1_100_000, 1_100_000)
    assert bandwidth.whole == (8_100_000, 1_100_000)
    bandwidth.count(100_000, 0.1)
    assert bandwidth.recent[0] == 1_100_000


def test_window_that_begins_with_a_gap_says_which_initialisation_is_in_force() -> None:
    playlist = MediaPlaylist(window_s=6, keeps_all=False)
    for number in range(1, 8):
        is_gap = 3 <= number <= 5
        playlist.add_segment(
            SegmentInfo(
                number=number, uri=f"{number}.m4s", init_uri="" if is_gap else "init.mp4", media_time=number * 2,
                duration=2, timescale=1, is_gap=is_gap,
            )
        )  # fmt: skip
    lines = playlist.render().splitlines()
    assert lines.index('#EXT-X-MAP:URI="init.mp4"') < lines.index("#EXT-X-GAP") < lines.index("6.m4s")
    assert playlist.render().count("EXT-X-MAP") == 1
