"""Captions files of people: SubRip and WebVTT."""

from __future__ import annotations

import pytest

from media.hls.subtitles import BadSubtitles, parse

VTT = """WEBVTT - made elsewhere

STYLE
::cue { color: red }

1
00:01.000 --> 00:02.500 line:0 align:start
<v Ada>Hello, <i>sea</i> &amp; sky</v>
second line

00:00:00.500 --> 00:00:00.900
first
"""
SRT = (
    "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<b>مرحبا</b>\r\n\r\n"
    "2\r\n01:00:00,000 --> 01:00:01,000\r\nEnd\r\n"
)


def test_webvtt_is_read_in_order_as_plain_text() -> None:
    cues = parse(VTT, max_cues=10)
    assert [(cue.from_ms, cue.to_ms, cue.text) for cue in cues] == [
        (500, 900, "first"),
        (1000, 2500, "Hello, sea & sky\nsecond line"),
    ]


def test_subrip_is_read_with_its_hours_and_without_its_styles() -> None:
    assert [(cue.from_ms, cue.text) for cue in parse(SRT, max_cues=10)] == [(1000, "مرحبا"), (3_600_000, "End")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no cue"),
        ("hello", "no cue"),
        ("WEBVTT\n\n00:01 --> 00:02\nx\n", "line 3"),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", "ends before"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "x" * 501, "at most 500"),
        ("\n\n".join(f"00:{n:02}.000 --> 00:{n:02}.500\nx" for n in range(11)), "more than 10"),
    ],
)
def test_what_is_no_captions_file_says_where(text: str, why: str) -> None:
    with pytest.raises(BadSubtitles, match=why):
        parse(text, max_cues=10)
