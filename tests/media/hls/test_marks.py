"""What players are told of moments: EXT-X-DATERANGE and the events of a manifest."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from media.hls.dash import Live, Origins, Presentation, render_mpd
from media.hls.marks import SCHEME, Mark
from media.hls.playlist import MediaPlaylist
from tests.media.hls.authoring import attributes, check_dateranges
from tests.media.hls.test_dash_text import VIDEO
from tests.media.hls.test_dash_text import segment as dash_segment
from tests.media.hls.test_playlist import DATE, fill, segment

EVENT_STREAM = r'<EventStream schemeIdUri="([^"]+)" .*?presentationTimeOffset="(\d+)">(.*?)</EventStream>'


def mark(at_ms: int, value: str = '{"text":"hello"}', kind: str = "metadata") -> Mark:
    return Mark(id=f"01890c2a-7b5e-7cc3-98c8-{at_ms:012x}", at_ms=at_ms, kind=kind, value=value)


def dateranges(text: str) -> list[dict[str, str]]:
    return [attributes(line) for line in text.splitlines() if line.startswith("#EXT-X-DATERANGE:")]


def starts(text: str) -> list[float]:
    """Seconds behind ``DATE``."""
    found = [dt.datetime.fromisoformat(each["START-DATE"]).timestamp() for each in dateranges(text)]
    return [round(at - DATE, 3) for at in found]


def test_a_moment_has_the_date_that_its_segment_has() -> None:
    playlist = fill(MediaPlaylist(), range(4), open_parts=2)
    text = playlist.render(marks=[mark(0), mark(3_500), mark(8_400), mark(20_000)])
    assert starts(text) == [0.0, 3.5, 8.4, 20.0]
    check_dateranges(text)


def test_a_moment_after_a_break_has_the_date_of_what_is_shown_then() -> None:
    playlist = fill(MediaPlaylist(), range(2))
    later = segment(2, is_discontinuity=True)
    assert later.program_date_time is not None
    playlist.add_segment(type(later)(**{name: getattr(later, name) for name in later.__struct_fields__}
                                     | {"program_date_time": later.program_date_time + 60}))  # fmt: skip
    assert starts(playlist.render(marks=[mark(3_900), mark(4_100)])) == [3.9, 64.1]


def test_what_lies_before_the_live_window_is_told_in_the_whole_playlist_alone() -> None:
    playlist = fill(MediaPlaylist(window_s=6.0), range(20))
    marks = [mark(1_000), mark(39_000)]
    assert starts(playlist.render(marks=marks)) == [39.0]
    assert starts(playlist.render(marks=marks, whole=True)) == [1.0, 39.0]
    assert starts(MediaPlaylist().render(marks=marks)) == []


def test_a_delta_update_tells_all_of_them() -> None:
    playlist = fill(MediaPlaylist(window_s=60.0), range(30))
    text = playlist.render(marks=[mark(2_000), mark(59_000)], can_skip=True)
    assert "#EXT-X-SKIP" in text
    assert starts(text) == [2.0, 59.0]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [('{"text":"a \\"b\\" 100%"}', "{%22text%22:%22a \\%22b\\%22 100%25%22}"), ('"ü,=\n"', "%22ü,=%0A%22")],
)
def test_a_value_is_percent_encoded_where_a_quoted_string_could_not_hold_it(value: str, quoted: str) -> None:
    text = fill(MediaPlaylist(), range(2)).render(marks=[mark(0, value, "marker")])
    assert (dateranges(text)[0]["X-VALUE"], dateranges(text)[0]["CLASS"]) == (quoted, f"{SCHEME}:marker")
    check_dateranges(text)


def test_a_manifest_has_the_moments_of_each_period_on_the_media_clock() -> None:
    segments = [dash_segment(0), dash_segment(1), dash_segment(2, is_discontinuity=True, program_date_time=DATE + 90)]
    marks = [mark(500), mark(3_999, '"<&>"'), mark(4_000), mark(99_000)]
    for live in (None, Live(DATE, DATE + 100, Origins())):
        text = render_mpd([Presentation(VIDEO, 0, segments)], target_s=2, live=live, marks=marks)
        streams = re.findall(EVENT_STREAM, text, re.S)
        assert [(scheme, offset) for scheme, offset, _ in streams] == [(SCHEME, "0"), (SCHEME, "4000")]
        assert [re.findall(r'presentationTime="(\d+)"', body) for _, _, body in streams] == [["500", "3999"], ["4000"]]
        assert '"value":"&lt;&amp;&gt;"' in text
    assert "EventStream" not in render_mpd([Presentation(VIDEO, 0, segments)], target_s=2)
