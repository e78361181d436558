"""Captions as players read them."""

from __future__ import annotations

from media.hls.listing import RenditionInfo
from media.hls.multivariant import render_multivariant
from media.hls.playlist import MediaPlaylist
from media.hls.webvtt import Cue, segment_file, whole_file
from tests.media.hls.authoring import attributes, tag
from tests.media.hls.test_playlist import fill, segment

CUES = [
    Cue(from_ms=0, to_ms=2_000, text="First"),
    Cue(from_ms=1_500, to_ms=6_500, text="a < b & c\n\nsecond line"),
    Cue(from_ms=3_600_000, to_ms=3_601_001, text="An hour"),
]


def test_a_segment_has_what_is_shown_during_it_on_the_clock_of_the_pictures() -> None:
    text = segment_file(CUES, from_ms=2_000, to_ms=4_000)
    assert text == (
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
        "00:00:01.500 --> 00:00:06.500\na &lt; b &amp; c\nsecond line\n"
    )
    assert segment_file(CUES, from_ms=6_500, to_ms=8_000).endswith("00.000\n\n")
    assert segment_file(CUES, from_ms=0, to_ms=2_000).count(" --> ") == 2


def test_a_whole_file_has_all_cues_and_blank_lines_between_them_alone() -> None:
    lines = whole_file(CUES).split("\n\n")
    assert lines[0] == "WEBVTT"
    assert [each.splitlines()[0] for each in lines[1:]] == [
        "00:00:00.000 --> 00:00:02.000", "00:00:01.500 --> 00:00:06.500", "01:00:00.000 --> 01:00:01.001",
    ]  # fmt: skip


def test_a_playlist_of_text_is_cut_as_the_pictures_are() -> None:
    playlist = fill(MediaPlaylist(window_s=6.0), range(10), open_parts=2)
    playlist.add_segment(segment(10, is_discontinuity=True))
    for whole, first in ((False, 8), (True, 0)):
        text = playlist.render_text(lambda number: f"en/{number}.vtt", whole=whole)
        listed = [line for line in text.splitlines() if line.endswith(".vtt")]
        assert listed == [f"en/{number}.vtt" for number in range(first, 11)]
        assert tag(text, "#EXT-X-MEDIA-SEQUENCE") == f"#EXT-X-MEDIA-SEQUENCE:{first}"
        assert "#EXT-X-DISCONTINUITY\n" in text
        assert not any(name in text for name in ("#EXT-X-MAP", "#EXT-X-PART", "#EXT-X-ENDLIST"))
    playlist.finish()
    assert playlist.render_text(lambda number: f"{number}.vtt", whole=True).endswith("#EXT-X-ENDLIST\n")


def test_captions_are_a_group_of_subtitles_beside_the_pictures() -> None:
    video = RenditionInfo(
        name="video", uri="video.m3u8", kind="video", codec="avc1.64001f", bandwidth=2, average_bandwidth=1
    )
    text = render_multivariant([video], texts=[("en", "captions/en.m3u8"), ("ar", "captions/ar.m3u8")])
    found = [attributes(line) for line in text.splitlines() if "TYPE=SUBTITLES" in line]
    assert [(each["LANGUAGE"], each["URI"], each["GROUP-ID"]) for each in found] == [
        ("en", "captions/en.m3u8", "text"), ("ar", "captions/ar.m3u8", "text"),
    ]  # fmt: skip
    assert attributes(tag(text, "#EXT-X-STREAM-INF"))["SUBTITLES"] == "text"
    assert "SUBTITLES" not in render_multivariant([video])
