"""Playlists as players read them."""

from __future__ import annotations

import m3u8
import msgspec
import pytest

from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position, parse_query
from media.hls.listing import PartInfo, RenditionInfo, Report, SegmentInfo
from media.hls.multivariant import render_multivariant
from media.hls.playlist import MediaPlaylist

DATE = 1_700_000_000.0
PARTS = 6


def segment(number: int, *, seconds: float = 2.0, init: str = "video/1/init-0.mp4", **fields) -> SegmentInfo:
    return SegmentInfo(
        number=number,
        uri=f"video/1/{number}.m4s",
        init_uri=init,
        media_time=number * 180_000,
        duration=round(seconds * 90_000),
        timescale=90_000,
        program_date_time=DATE + number * 2,
        **fields,
    )


def part(number: int, index: int, *, seconds: float = 1 / 3) -> PartInfo:
    return PartInfo(uri=f"video/1/{number}.{index}.m4s", duration_s=seconds, is_independent=index == 0)


def fill(playlist: MediaPlaylist, numbers, *, open_parts: int = 0, **fields) -> MediaPlaylist:
    number = -1
    for number in numbers:
        for index in range(PARTS):
            playlist.add_part(segment(number, **fields), part(number, index))
        playlist.add_segment(segment(number, **fields))
    for index in range(open_parts):
        playlist.add_part(segment(number + 1), part(number + 1, index))
    playlist.hint = f"video/1/{number + 1}.{open_parts}.m4s"
    return playlist


def parsed(playlist: MediaPlaylist, **options) -> m3u8.M3U8:
    return m3u8.loads(playlist.render(**options))


def bare(playlist: MediaPlaylist, count: int, **fields) -> MediaPlaylist:
    """Segments without parts."""
    for number in range(count):
        playlist.add_segment(segment(number, **fields))
    return playlist


def listed_parts(playlist: MediaPlaylist) -> list[int]:
    return [len(each.parts) for each in parsed(playlist, whole=True).segments]


def test_live_playlist_says_what_low_latency_players_need():
    text = m3u8.loads(fill(MediaPlaylist(), range(4), open_parts=2).render([Report("audio.m3u8", 4, 1)]))
    assert text.target_duration == 2
    assert text.part_inf.part_target == pytest.approx(0.334)
    assert text.server_control.can_block_reload == "YES"
    assert text.server_control.part_hold_back == pytest.approx(1.002)
    assert text.server_control.hold_back == 6
    assert text.server_control.can_skip_until == 12
    assert text.preload_hint.uri == "video/1/4.2.m4s"
    assert (text.rendition_reports[0].last_msn, text.rendition_reports[0].last_part) == (4, 1)
    assert text.segment_map[0].uri == "video/1/init-0.mp4"
    assert not text.is_endlist


def test_parts_are_listed_for_the_last_three_target_durations_and_for_what_is_unfinished():
    text = parsed(fill(MediaPlaylist(), range(6), open_parts=2))
    assert [len(each.parts) for each in text.segments] == [0, 0, 0, 6, 6, 6, 2]
    assert text.segments[-1].parts[0].uri == "video/1/6.0.m4s"
    assert [each.independent for each in text.segments[-1].parts] == ["YES", None]


def test_first_parts_are_listed_before_there_is_a_segment():
    text = parsed(fill(MediaPlaylist(), [], open_parts=1))
    assert [each.uri for each in text.segments[0].parts] == ["video/1/0.0.m4s"]
    assert text.media_sequence == 0
    assert text.segment_map[0].uri == "video/1/init-0.mp4"
    assert text.program_date_time is not None


def test_window_moves_on_and_media_sequence_with_it():
    text = parsed(fill(MediaPlaylist(window_s=10), range(20)))
    assert text.media_sequence == 15
    assert [each.uri for each in text.segments] == [f"video/1/{n}.m4s" for n in range(15, 20)]
    assert text.segments[0].program_date_time.timestamp() == DATE + 30


def test_window_holds_at_least_three_target_durations():
    playlist = MediaPlaylist(window_s=10)
    for number in range(6):
        playlist.add_segment(segment(number, seconds=10))
    assert len(parsed(playlist).segments) == 3


def test_dvr_lists_everything_as_an_event():
    text = parsed(fill(MediaPlaylist(window_s=10), range(50)), whole=True)
    assert text.playlist_type == "event"
    assert (text.media_sequence, len(text.segments)) == (0, 50)


def test_without_dvr_nothing_beyond_the_window_is_held():
    playlist = fill(MediaPlaylist(window_s=10, keeps_all=False), range(50))
    assert len(playlist.segments) == 5
    assert parsed(playlist, whole=True).playlist_type is None


def test_delta_skips_what_is_older_than_the_skip_boundary():
    playlist = fill(MediaPlaylist(), range(15), open_parts=3)
    whole, delta = parsed(playlist), parsed(playlist, can_skip=True)
    skipped = delta.skip.skipped_segments
    assert skipped == 9
    assert [each.uri for each in delta.segments] == [each.uri for each in whole.segments[skipped:]]
    assert delta.media_sequence == whole.media_sequence
    assert "EXT-X-MAP" not in playlist.render(can_skip=True)


def test_delta_of_a_short_playlist_is_the_whole():
    playlist = fill(MediaPlaylist(), range(5))
    assert playlist.render(can_skip=True) == playlist.render()


def test_discontinuity_comes_with_its_map_and_is_counted_when_it_has_left():
    playlist = fill(MediaPlaylist(window_s=6), range(3))
    playlist.add_segment(segment(3, init="video/2/init-0.mp4", is_discontinuity=True))
    lines = playlist.render().splitlines()
    at = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[at + 1] == '#EXT-X-MAP:URI="video/2/init-0.mp4"'
    assert "#EXT-X-DISCONTINUITY-SEQUENCE" not in playlist.render()
    fill(playlist, range(4, 8), init="video/2/init-0.mp4")
    text = parsed(playlist)
    assert text.discontinuity_sequence == 1
    assert "#EXT-X-DISCONTINUITY\n" not in playlist.render()
    assert text.segment_map[0].uri == "video/2/init-0.mp4"


def test_listed_discontinuity_at_the_front_is_not_counted_yet():
    playlist = fill(MediaPlaylist(window_s=6), range(3))
    playlist.add_segment(segment(3, is_discontinuity=True))
    fill(playlist, range(4, 6))
    assert parsed(playlist).media_sequence == 3
    assert "#EXT-X-DISCONTINUITY-SEQUENCE" not in playlist.render()


@pytest.mark.parametrize(("seconds", "target"), [(2.49, 2), (2.5, 4), (4.6, 6), (10.0, 10), (11.0, 20), (31.0, 31)])
def test_target_duration_is_never_below_a_segments(seconds, target):
    playlist = MediaPlaylist()
    playlist.add_segment(segment(0, seconds=seconds))
    playlist.add_segment(segment(1))
    assert parsed(playlist).target_duration == target
    assert playlist.raised == 0


def test_target_duration_that_has_to_change_is_counted():
    playlist = MediaPlaylist()
    playlist.add_segment(segment(0))
    playlist.add_segment(segment(1, seconds=3))
    assert (parsed(playlist).target_duration, playlist.raised) == (4, 1)


def test_target_duration_grows_while_a_long_segment_is_still_open():
    playlist = fill(MediaPlaylist(), [], open_parts=8)
    assert parsed(playlist).target_duration == 4


def test_part_target_is_never_below_a_parts():
    playlist = MediaPlaylist()
    playlist.add_part(segment(0), part(0, 0, seconds=1.0))
    assert parsed(playlist).part_inf.part_target == 1


def test_missing_numbers_become_gaps():
    playlist = fill(MediaPlaylist(), [0, 1])
    playlist.add_segment(segment(4))
    text = parsed(playlist)
    assert [each.gap_tag is not None for each in text.segments] == [False, False, True, True, False]
    assert text.segments[-1].media_sequence == 4


def test_unfinished_segment_is_closed_with_what_there_is_when_another_begins():
    playlist = fill(MediaPlaylist(), [0], open_parts=3)
    playlist.add_part(segment(2, is_discontinuity=True), part(2, 0))
    assert [each.duration_s for each in playlist.segments] == pytest.approx([2, 1])


def test_ended_playlist_has_no_hints_and_an_end():
    playlist = fill(MediaPlaylist(), range(3), open_parts=2)
    playlist.finish()
    text = playlist.render()
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert not any(tag in text for tag in ("EXT-X-PART:", "PRELOAD-HINT", "SERVER-CONTROL"))
    assert len(m3u8.loads(text).segments) == 4


def test_dropped_segment_is_a_gap_of_its_length():
    playlist = fill(MediaPlaylist(), range(5))
    playlist.drop("video/1/1.m4s")
    text = parsed(playlist, whole=True)
    assert [each.gap_tag is not None for each in text.segments[:5]] == [False, True, False, False, False]
    assert [each.duration for each in text.segments[:5]] == [2, 2, 2, 2, 2]


def test_dropped_segment_of_a_window_that_is_all_there_is_is_listed_no_more():
    playlist = fill(MediaPlaylist(keeps_all=False), range(5))
    playlist.drop("video/1/1.m4s")
    assert parsed(playlist).media_sequence == 2


def test_missing_numbers_are_as_long_as_the_media_clock_says():
    playlist = fill(MediaPlaylist(), [0, 1])
    playlist.add_segment(segment(5))
    assert [each.duration for each in parsed(playlist).segments] == [2, 2, 2, 2, 2, 2]


def test_ended_stream_lists_everything_to_who_comes_and_the_window_to_who_has_followed():
    playlist = fill(MediaPlaylist(window_s=10), range(50), open_parts=2)
    playlist.finish()
    coming, following = parsed(playlist, whole=True), parsed(playlist, follows=True)
    assert (coming.playlist_type, coming.media_sequence, len(coming.segments)) == ("vod", 0, 51)
    assert (following.playlist_type, following.media_sequence) == (None, 45)
    assert coming.is_endlist
    assert following.is_endlist


def test_whole_playlist_is_what_a_reader_of_all_segments_would_write():
    """Lines that were kept and lines that are made anew are the same, whichever segment the window begins with."""
    playlist = fill(MediaPlaylist(window_s=60), range(20))
    fill(playlist, range(20, 40), init="video/2/init-0.mp4")
    whole = playlist.render(whole=True).splitlines()
    assert [line for line in whole if "EXT-X-MAP" in line] == [f'#EXT-X-MAP:URI="video/{n}/init-0.mp4"' for n in (1, 2)]
    window = [line for line in playlist.render().splitlines() if line.startswith("#EXTINF") or line.endswith(".m4s")]
    assert [line for line in whole if line.startswith("#EXTINF") or line.endswith(".m4s")][-len(window) :] == window


@pytest.mark.parametrize("is_independent", [True, False])
def test_independence_is_claimed_only_when_it_holds(is_independent):
    playlist = fill(MediaPlaylist(), [0])
    playlist.add_segment(segment(1, is_independent=is_independent))
    assert ("#EXT-X-INDEPENDENT-SEGMENTS" in playlist.render()) is is_independent


@pytest.mark.parametrize(
    ("msn", "part_index", "skip", "expected"),
    [
        (None, None, None, BlockingQuery()),
        ("7", None, None, BlockingQuery(Position(7, WHOLE))),
        ("7", "2", None, BlockingQuery(Position(7, 2))),
        ("7", "2", "YES", BlockingQuery(Position(7, 2), True)),
        (None, None, "v2", BlockingQuery(None, True)),
    ],
)
def test_directives_are_understood(msn, part_index, skip, expected):
    assert parse_query(msn, part_index, skip) == expected


@pytest.mark.parametrize(
    ("msn", "part_index", "skip"),
    [
        (None, "1", None),
        ("x", None, None),
        ("-1", None, None),
        ("", None, None),
        ("1", "1.5", None),
        ("1", "", None),
        ("1" * 13, None, None),
        ("1", "9" * 5000, None),
        ("٣", None, None),
        (None, None, "NO"),
    ],
)
def test_bad_directives_are_refused(msn, part_index, skip):
    assert isinstance(parse_query(msn, part_index, skip), BadQuery)


@pytest.mark.parametrize(
    ("msn", "part_index", "expected"),
    [
        (3, WHOLE, True),
        (3, 0, True),
        (3, 5, True),
        (4, 0, True),
        (4, 1, True),
        (4, 2, False),
        (4, WHOLE, False),
        (5, 0, False),
        (5, WHOLE, False),
        (0, 0, True),
    ],
)
def test_request_waits_for_exactly_what_is_missing(msn, part_index, expected):
    playlist = fill(MediaPlaylist(), range(4), open_parts=2)
    assert playlist.check(BlockingQuery(Position(msn, part_index))) is expected


def test_part_that_a_finished_segment_lacks_means_the_next_segments_first():
    playlist = fill(MediaPlaylist(), range(4))
    query = BlockingQuery(Position(3, PARTS))
    assert playlist.check(query) is False
    playlist.add_part(segment(4), part(4, 0))
    assert playlist.check(query) is True


@pytest.mark.parametrize("index", [30, 31, 400])
def test_part_after_the_last_of_a_long_finished_segment_is_waited_for(index):
    """RFC 8216bis, 6.2.5.2: it stands for the first part of the next segment, however long this one was."""
    playlist = MediaPlaylist()
    for at in range(30):
        playlist.add_part(segment(0), part(0, at))
    playlist.add_segment(segment(0, seconds=10))
    assert playlist.check(BlockingQuery(Position(0, index))) is False
    playlist.add_part(segment(1), part(1, 0))
    assert playlist.check(BlockingQuery(Position(0, index))) is True


@pytest.mark.parametrize("index", [29, 38])
def test_last_part_of_the_next_segment_is_waited_for_until_that_segment_has_ended(index):
    """hls.js without low latency asks for it; with parts of a third of a second a segment of 10 s has thirty."""
    playlist = MediaPlaylist(target_s=10)
    for number in range(2):
        for at in range(30):
            assert playlist.check(BlockingQuery(Position(number, index))) is False
            playlist.add_part(segment(number), part(number, at))
        playlist.add_segment(segment(number, seconds=10))
        playlist.add_part(segment(number + 1), part(number + 1, 0))
        assert playlist.check(BlockingQuery(Position(number, index))) is True
        playlist.close_open()


def test_requests_too_far_ahead_are_refused():
    playlist = fill(MediaPlaylist(), range(4), open_parts=2)
    assert playlist.check(BlockingQuery(Position(5, WHOLE))) is False
    assert isinstance(playlist.check(BlockingQuery(Position(6, 0))), BadQuery)
    assert isinstance(playlist.check(BlockingQuery(Position(4, 40))), BadQuery)


def test_nobody_waits_for_an_ended_stream():
    playlist = fill(MediaPlaylist(), range(4))
    playlist.finish()
    assert playlist.check(BlockingQuery(Position(9, 9))) is True


VIDEO = RenditionInfo(
    name="video",
    uri="video.m3u8",
    kind="video",
    codec="avc1.64001f",
    bandwidth=5_000_000,
    average_bandwidth=4_000_000,
    width=1280,
    height=720,
    frame_rate=29.97,
)
AUDIO = RenditionInfo(
    name="audio",
    uri="audio.m3u8",
    kind="audio",
    codec="mp4a.40.2",
    bandwidth=140_000,
    average_bandwidth=128_000,
    channels=2,
)


def test_multivariant_lists_each_video_with_the_sound():
    text = m3u8.loads(render_multivariant([VIDEO, AUDIO]))
    info = text.playlists[0].stream_info
    assert text.playlists[0].uri == "video.m3u8"
    assert (info.bandwidth, info.average_bandwidth) == (5_140_000, 4_128_000)
    assert info.codecs == "avc1.64001f,mp4a.40.2"
    assert info.resolution == (1280, 720)
    assert info.frame_rate == 29.97
    assert info.audio == "audio"
    sound = text.media[0]
    assert (sound.uri, sound.type, sound.default, sound.channels) == ("audio.m3u8", "AUDIO", "YES", "2")


def test_multivariant_of_sound_alone_lists_it_as_a_stream():
    text = m3u8.loads(render_multivariant([AUDIO]))
    assert text.playlists[0].uri == "audio.m3u8"
    assert text.playlists[0].stream_info.codecs == "mp4a.40.2"
    assert text.media == []


def test_multivariant_without_sound_names_no_group():
    text = m3u8.loads(render_multivariant([VIDEO]))
    assert text.playlists[0].stream_info.audio is None


def test_what_is_not_said_of_a_segment_or_a_rendition_is_unknown():
    info = SegmentInfo(number=1, uri="1.m4s", init_uri="", media_time=0, duration=3, timescale=2)
    assert (info.size, info.run, info.duration_s) == (0, 0, 1.5)
    assert (info.is_discontinuity, info.is_gap, info.is_independent) == (False, False, True)
    rendition = RenditionInfo(name="a", uri="a", kind="audio", codec="opus", bandwidth=1, average_bandwidth=1)
    assert (rendition.width, rendition.height, rendition.frame_rate, rendition.channels) == (0, 0, 0, 0)


def test_complete_segments_are_found_by_their_numbers():
    playlist = MediaPlaylist()
    assert list(playlist.numbers) == []
    fill(playlist, range(5, 9), open_parts=2)
    assert playlist.numbers == range(5, 9)
    assert [playlist.numbered(number).number for number in playlist.numbers] == [5, 6, 7, 8]


def test_empty_playlist_has_no_end_and_nothing_to_list():
    playlist = MediaPlaylist()
    assert playlist.end == Position(-1, WHOLE)
    assert (playlist.is_empty, playlist.count, playlist.next_segment) == (True, 0, None)
    assert playlist.render(can_skip=True).splitlines()[5:] == [
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def test_end_is_the_last_part_of_the_open_segment_or_the_whole_of_the_last():
    playlist = fill(MediaPlaylist(), range(4))
    assert (playlist.end, playlist.next_segment, playlist.count) == (Position(3, WHOLE), 4, 4)
    assert playlist.report("a.m3u8") == Report("a.m3u8", 3, 5)
    playlist.add_part(segment(4), part(4, 0))
    playlist.add_part(segment(4), part(4, 1))
    assert (playlist.end, playlist.next_segment, playlist.count) == (Position(4, 1), 5, 4)
    assert playlist.report("a.m3u8") == Report("a.m3u8", 4, 1)
    assert not playlist.is_empty


def test_playlist_with_an_open_segment_alone_is_not_empty():
    playlist = fill(MediaPlaylist(), [], open_parts=1)
    assert not playlist.is_empty
    assert (playlist.end, playlist.next_segment) == (Position(0, 0), 1)


def test_report_of_a_segment_without_parts_names_none():
    playlist = bare(MediaPlaylist(), 3)
    assert playlist.report("a.m3u8") == Report("a.m3u8", 2, WHOLE)
    assert MediaPlaylist().render([playlist.report("a.m3u8")]).splitlines()[-1] == (
        '#EXT-X-RENDITION-REPORT:URI="a.m3u8",LAST-MSN=2'
    )


def test_live_playlist_is_this_text():
    playlist = bare(MediaPlaylist(window_s=10), 8)
    playlist.add_segment(segment(8))
    playlist.add_segment(segment(9, init="video/2/init-0.mp4"))
    playlist.add_part(segment(10, init="video/2/init-0.mp4", is_discontinuity=True), part(10, 0))
    assert playlist.render([Report("audio.m3u8", 10, 0)]).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.002,HOLD-BACK=6.0,CAN-SKIP-UNTIL=12.0",
        "#EXT-X-PART-INF:PART-TARGET=0.334",
        "#EXT-X-MEDIA-SEQUENCE:5",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="video/1/init-0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:30.000Z",
        "#EXTINF:2.00000,",
        "video/1/5.m4s",
        "#EXTINF:2.00000,",
        "video/1/6.m4s",
        "#EXTINF:2.00000,",
        "video/1/7.m4s",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:36.000Z",
        "#EXTINF:2.00000,",
        "video/1/8.m4s",
        '#EXT-X-MAP:URI="video/2/init-0.mp4"',
        "#EXTINF:2.00000,",
        "video/1/9.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="video/2/init-0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:40.000Z",
        '#EXT-X-PART:DURATION=0.33333,URI="video/1/10.0.m4s",INDEPENDENT=YES',
        '#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=10,LAST-PART=0',
    ]


def test_segment_without_initialisation_and_date_is_listed_without_them():
    playlist = MediaPlaylist()
    playlist.add_segment(SegmentInfo(number=0, uri="0.ts", init_uri="", media_time=0, duration=2, timescale=1))
    assert playlist.render().splitlines()[7:] == ["#EXTINF:2.00000,", "0.ts"]


def test_date_is_rounded_to_milliseconds():
    playlist = MediaPlaylist()
    playlist.add_segment(msgspec.structs.replace(segment(0), program_date_time=DATE + 0.9996))
    assert "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:21.000Z" in playlist.render().splitlines()


def test_new_playlist_has_the_defaults_of_a_live_stream():
    playlist = bare(MediaPlaylist(), 20)
    assert (playlist.target_s, playlist.part_target_s, playlist.raised, playlist.is_ended) == (2, 0.334, 0, False)
    assert [each.number for each in playlist.window()] == list(range(5, 20))
    assert playlist.count == 20


def test_window_is_as_long_as_its_segments_together():
    assert len(bare(MediaPlaylist(window_s=10), 15, seconds=1).window()) == 10


def test_parts_that_were_forgotten_stay_so_when_the_target_duration_grows():
    playlist = fill(MediaPlaylist(), range(6))
    playlist.add_segment(segment(6, seconds=12))
    assert listed_parts(playlist) == [0, 0, 0, 6, 6, 6, 0]


def test_parts_are_forgotten_in_a_window_that_moves():
    playlist = fill(MediaPlaylist(window_s=10, keeps_all=False), range(12))
    playlist.add_segment(segment(12, seconds=12))
    assert listed_parts(playlist) == [0, 0, 6, 6, 6, 0]


def test_parts_are_forgotten_after_the_front_was_dropped():
    playlist = fill(MediaPlaylist(keeps_all=False), range(6))
    playlist.drop("video/1/3.m4s")
    fill(playlist, range(6, 9))
    playlist.add_segment(segment(9, seconds=12))
    assert listed_parts(playlist) == [0, 0, 6, 6, 6, 0]


@pytest.mark.parametrize(
    ("seconds", "target", "raised"),
    [(0.334, 0.334, 0), (0.334 + 0.0005, 0.334, 0), (0.3346, 0.335, 1), (1.9991, 2.0, 1)],
)
def test_part_target_is_raised_to_the_millisecond_above(seconds, target, raised):
    playlist = bare(MediaPlaylist(), 1)
    playlist.add_part(segment(1), part(1, 0, seconds=seconds))
    assert (playlist.part_target_s, playlist.raised) == (target, raised)


def test_part_target_that_is_longer_before_a_player_has_seen_it_has_not_been_raised():
    playlist = MediaPlaylist()
    playlist.add_part(segment(0), part(0, 0, seconds=0.4))
    assert (playlist.part_target_s, playlist.raised) == (0.4, 0)


@pytest.mark.parametrize(("count", "seconds", "skipped"), [(6, 2, 0), (7, 2, 1), (8, 2, 2), (15, 2, 9), (30, 1, 18)])
def test_delta_skips_exactly_what_lies_before_six_target_durations(count, seconds, skipped):
    lines = bare(MediaPlaylist(), count, seconds=seconds).render(can_skip=True).splitlines()
    assert [line for line in lines if "EXT-X-SKIP" in line] == [
        f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}" for _ in range(skipped and 1)
    ]
    assert sum(line.startswith("#EXTINF") for line in lines) == count - skipped


def test_missing_numbers_become_these_gaps():
    playlist = bare(MediaPlaylist(), 3)
    playlist.add_segment(segment(5, init="video/2/init-0.mp4", is_discontinuity=True))
    gap = segment(3)
    assert playlist.segments[3:] == [
        msgspec.structs.replace(gap, uri="gap-3.m4s", program_date_time=None, is_gap=True),
        msgspec.structs.replace(
            gap, number=4, uri="gap-4.m4s", media_time=720_000, program_date_time=None, is_gap=True
        ),
        segment(5, init="video/2/init-0.mp4", is_discontinuity=True, run=1),
    ]
    assert "#EXT-X-GAP\n#EXTINF:2.00000,\ngap-3.m4s\n" in playlist.render()


def test_gap_before_the_first_initialisation_takes_the_one_that_follows():
    playlist = bare(MediaPlaylist(), 1, init="")
    playlist.add_segment(segment(2))
    assert playlist.segments[1].init_uri == "video/1/init-0.mp4"


def test_gap_is_measured_in_the_timescale_of_what_follows():
    playlist = bare(MediaPlaylist(), 3)
    after = SegmentInfo(number=4, uri="4", init_uri="", media_time=384_000, duration=96_000, timescale=48_000)
    playlist.add_segment(after)
    assert (playlist.segments[3].media_time, playlist.segments[3].duration) == (288_000, 96_000)


def test_gap_lasts_nothing_where_the_media_clock_did_not_move():
    playlist = bare(MediaPlaylist(), 2)
    playlist.add_segment(msgspec.structs.replace(segment(3), media_time=0))
    assert playlist.segments[2].duration == 0


def test_open_segment_is_closed_at_the_length_of_its_parts():
    playlist = fill(MediaPlaylist(), [0], open_parts=3)
    assert playlist.close_open() == "video/1/1.m4s"
    assert playlist.segments[1].duration == 90_000
    assert playlist.close_open() is None


def test_discontinuities_are_counted_on_from_those_before_the_start():
    playlist = MediaPlaylist()
    playlist.start_at(3)
    assert playlist.breaks_before(0) == 3
    bare(playlist, 2)
    playlist.add_segment(segment(2, is_discontinuity=True))
    playlist.add_part(segment(3, is_discontinuity=True), part(3, 0))
    assert [playlist.breaks_before(number) for number in range(5)] == [3, 3, 3, 4, 5]
    assert [each.run for each in playlist.segments] == [3, 3, 4]
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:3" in playlist.render().splitlines()


def test_discontinuity_at_the_front_counts_those_before_it():
    playlist = MediaPlaylist()
    playlist.start_at(3)
    playlist.add_segment(segment(0, is_discontinuity=True))
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:3" in playlist.render().splitlines()


@pytest.mark.parametrize(("name", "at"), [(0, 1), (3, 4), (4, 5)])
def test_dropped_segment_takes_those_before_it_out_of_the_window(name, at):
    playlist = bare(MediaPlaylist(keeps_all=False), 6)
    playlist.drop(f"video/1/{name}.m4s")
    playlist.drop("video/1/99.m4s")
    assert [each.number for each in playlist.segments] == list(range(at, 6))


TOO_FAR, TOO_MANY = BadQuery("_HLS_msn is too far ahead"), BadQuery("_HLS_part is too far ahead")


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (Position(5, WHOLE), False),
        (Position(6, 0), TOO_FAR),
        (Position(4, 10), False),
        (Position(4, 11), TOO_MANY),
        (Position(5, 9), False),
        (Position(5, 10), TOO_MANY),
    ],
)
def test_request_beside_an_open_segment_is_refused_past_its_bounds(until, expected):
    playlist = fill(MediaPlaylist(), range(4), open_parts=2)
    assert playlist.check(BlockingQuery(until)) == expected


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (Position(1, 99), True),
        (Position(3, 0), True),
        (Position(3, 5), True),
        (Position(3, WHOLE), True),
        (Position(3, 6), False),
        (Position(4, 9), False),
        (Position(4, 10), TOO_MANY),
        (Position(5, 9), False),
        (Position(5, WHOLE), False),
        (Position(6, 0), TOO_FAR),
    ],
)
def test_request_after_the_last_whole_segment_is_refused_past_its_bounds(until, expected):
    playlist = fill(MediaPlaylist(), range(4))
    assert playlist.check(BlockingQuery(until)) == expected


@pytest.mark.parametrize(
    ("until", "expected"), [(Position(9, WHOLE), False), (Position(9, 9), False), (Position(0, 10), TOO_MANY)]
)
def test_request_before_the_first_segment_waits_whichever_it_names(until, expected):
    assert MediaPlaylist().check(BlockingQuery(until)) == expected


@pytest.mark.parametrize(("number", "expected"), [(1, False), (2, False), (3, TOO_FAR)])
def test_request_beside_the_first_open_segment_reaches_two_ahead(number, expected):
    playlist = fill(MediaPlaylist(), [], open_parts=1)
    assert playlist.check(BlockingQuery(Position(number, 0))) == expected


@pytest.mark.parametrize(("seconds", "ahead"), [(0.5, 6), (1.0, 3), (1.5, 3), (4.0, 3)])
def test_parts_ahead_are_those_of_three_seconds_and_at_least_three(seconds, ahead):
    playlist = MediaPlaylist(part_target_s=seconds)
    assert playlist.check(BlockingQuery(Position(0, ahead))) is False
    assert playlist.check(BlockingQuery(Position(0, ahead + 1))) == TOO_MANY


def test_request_without_a_position_is_answered_at_once():
    assert MediaPlaylist().check(BlockingQuery()) is True
    assert not BlockingQuery().can_skip


def test_twelve_digits_are_a_number():
    assert parse_query("9" * 12, None, None) == BlockingQuery(Position(999_999_999_999, WHOLE))


def test_multivariant_is_this_text():
    other = msgspec.structs.replace(AUDIO, name="other", uri="other.m3u8", codec="opus", bandwidth=99_000, channels=0)
    small = msgspec.structs.replace(VIDEO, name="small", uri="small.m3u8", height=0, frame_rate=0.0, video_range="PQ")
    assert render_multivariant([VIDEO, AUDIO, small, other]).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="other",DEFAULT=NO,AUTOSELECT=YES,URI="other.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=5140000,AVERAGE-BANDWIDTH=4128000,CODECS="avc1.64001f,mp4a.40.2,opus",'
        'RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"',
        "video.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=5140000,AVERAGE-BANDWIDTH=4128000,CODECS="avc1.64001f,mp4a.40.2,opus",'
        'VIDEO-RANGE=PQ,AUDIO="audio"',
        "small.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2",AUDIO="audio"',
        "audio.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=99000,AVERAGE-BANDWIDTH=128000,CODECS="opus",AUDIO="audio"',
        "other.m3u8",
    ]


def test_multivariant_of_one_kind_alone_adds_no_bandwidth():
    assert (
        render_multivariant([VIDEO])
        .splitlines()[2]
        .startswith("#EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000,")
    )


def test_something_is_listed_of_a_segment_until_there_is_anything_after_it():
    playlist = MediaPlaylist()
    assert playlist.takes(1)
    playlist.add_segment(segment(5))
    assert [playlist.takes(number) for number in (4, 5, 6)] == [False, False, True]
    playlist.add_part(segment(6), part(6, 0))
    assert [playlist.takes(number) for number in (5, 6, 7)] == [False, True, True]
