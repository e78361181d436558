"""With which tracks a stream begins."""

from __future__ import annotations

import msgspec

from media.hls.start import Start
from media.relay import End, Item, Tracks
from tests.media.hls.sources import AUDIO, VIDEO, pictures, sound, sounds, video

ALL = Tracks((VIDEO, AUDIO))


def feed(*items: Item) -> list[Item]:
    start = Start()
    return [out for item in items for out in start.feed(item)]


def test_sound_waits_for_the_first_picture_and_nothing_of_it_is_lost() -> None:
    heard, picture = sounds(1), video(900, key=True)
    assert feed(ALL, *heard, picture, video(933)) == [ALL, *heard, picture, video(933)]


def test_a_picture_that_is_no_key_frame_is_waited_past() -> None:
    assert feed(ALL, video(0), video(33), video(66, key=True)) == [ALL, video(66, key=True)]


def test_sound_begins_alone_when_no_picture_comes_and_the_picture_joins_later() -> None:
    heard = sounds(3 + 1)
    picture = video(5_000, key=True)
    out = feed(ALL, *heard, video(4_900), picture)
    assert out == [Tracks((AUDIO,)), *heard, ALL, picture]


def test_sound_waits_exactly_as_long_as_it_may() -> None:
    first, last = sound(0, from_ms=10_000), sound(0, from_ms=13_000)
    earlier = msgspec.structs.replace(last, pts=last.pts - 1)
    assert feed(ALL, first, earlier) == []
    assert feed(ALL, first, last) == [Tracks((AUDIO,)), first, last]


def test_what_waits_is_bounded_by_count() -> None:
    assert feed(ALL, *[sound(0)] * 511) == []
    assert len(feed(ALL, *[sound(0)] * 512)) == 513


def test_a_single_track_waits_for_nothing() -> None:
    heard = sounds(0.1)
    assert feed(Tracks((AUDIO,)), *heard) == [Tracks((AUDIO,)), *heard]
    assert feed(Tracks((VIDEO,)), video(0)) == [Tracks((VIDEO,)), video(0)]


def test_the_end_lets_go_of_what_waits() -> None:
    heard = sounds(0.1)
    assert feed(ALL, *heard, End("over")) == [Tracks((AUDIO,)), *heard, End("over")]
    assert feed(ALL, End("over")) == [End("over")]


def test_tracks_that_change_later_are_announced_at_once() -> None:
    shown = pictures(0.1)
    assert feed(ALL, *shown, Tracks((VIDEO,)), ALL) == [ALL, *shown, Tracks((VIDEO,)), ALL]


def test_a_picture_that_is_announced_beside_sound_that_goes_on_is_waited_for() -> None:
    before, after, picture = sound(0), sound(1), video(50, key=True)
    assert feed(Tracks((AUDIO,)), before, ALL, after, picture) == [Tracks((AUDIO,)), before, ALL, after, picture]
