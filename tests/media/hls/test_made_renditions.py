"""Renditions that are made of the source: cut where it is, listed beside it, gaps while they are not made."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import m3u8
import msgspec
import pytest

from media.hls.answers import Bad, Rendered, Wait
from media.hls.blocking import BlockingQuery
from media.hls.events import Event, PartReady, PlannedRendition, RenditionsPlanned, SegmentReady, StreamEnded
from media.hls.folder import RunFolder
from media.hls.follower import Follower
from media.hls.index import LiveIndex
from media.hls.lane import Cut
from media.hls.muxer import Muxer
from media.relay import Tracks
from media.unit import Unit
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, live, mixed, pictures, sounds

NOW = BlockingQuery()
SMALL = msgspec.structs.replace(VIDEO, width=640, height=360)
MPD = "{urn:mpeg:dash:schema:mpd:2011}"
PLANS = (
    PlannedRendition(name="480p", codec="avc1.4d401f", bitrate=1_200_000, width=854, height=480, fps=30.0),
    PlannedRendition(name="360p", codec="avc1.4d401e", bitrate=700_000, width=640, height=360, fps=30.0),
)


class Live:
    """A source, two renditions that are made of it, and the index of all. Each second of media is fed at once, the
    source's first."""

    def __init__(self, path: Path) -> None:
        self.index = LiveIndex(on_change=lambda: None)
        self.events: list[Event] = []
        self.folder = RunFolder(path=path)
        self.made: dict[str, Muxer] = {}
        self.on_air: set[str] = set()
        self.last: list[Cut] = []
        self.second = 0
        self.publication = 0
        self.publish()

    def publish(self, *, stands_in: bool = False) -> None:
        self.publication += 1
        self.source = Muxer(
            folder=self.folder,
            publication=self.publication,
            first_segment=self.index.next_segment(),
            on_cut=self._cut,
            target_s=self.index.target_s if self.index.segments else 0,
            stands_in=stands_in,
        )
        self.apply(self.source.feed(live(VIDEO, AUDIO, units=[])))
        if not stands_in:
            self.apply([RenditionsPlanned(publication=self.publication, renditions=PLANS)])
        for name in ("480p", "360p"):
            self.made[name] = Muxer(
                folder=self.folder,
                publication=self.publication,
                name=name,
                renditions={"video": name},
                follower=Follower(part_ms=334),
                clock=lambda: self.source.clock_at,
            )

    def _cut(self, cut: Cut) -> None:
        self.last = [*self.last[-1:], cut]
        for name in sorted(self.on_air):
            self.apply(self.made[name].cut(cut))

    def start(self, name: str, *, replayed: int = 0) -> None:
        """``replayed``: seconds of the source that are given to it at once."""
        self.apply([*self.made[name].resume(self.last), *self.made[name].feed([Tracks((SMALL,))])])
        self.on_air.add(name)
        for second in range(self.second - replayed, self.second):
            self.apply(self.made[name].feed(self.frames(second)))

    def frames(self, second: int) -> list[Unit]:
        frames = pictures(1, gop=61, from_ms=second * 1000)
        frames[0] = msgspec.structs.replace(frames[0], is_key=second % 2 == 0)
        return frames

    def stop(self, name: str) -> None:
        self.on_air.discard(name)
        self.apply(self.made[name].pause("nobody wants it"))

    def go_on(self, seconds: int, *, late: str = "") -> None:
        """``late`` names a rendition of which nothing comes."""
        for _ in range(seconds):
            at = self.second * 1000
            frames = self.frames(self.second)
            self.apply(self.source.feed(mixed(frames, sounds(1.03, from_ms=at)[:47])))
            for name in sorted(self.on_air - {late}):
                self.apply(self.made[name].feed(frames))
            self.second += 1

    def apply(self, events: list[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.index.apply(event)

    def text(self, name: str, query: BlockingQuery = NOW) -> str:
        answer = self.index.media(name, query)
        assert isinstance(answer, Rendered), answer
        return answer.body.decode()

    def listed(self, name: str) -> list[tuple[int, bool, float, str | None]]:
        """Number, gap, duration and date of what a playlist lists as whole."""
        playlist = m3u8.loads(self.text(name))
        return [
            (playlist.media_sequence + at, bool(segment.gap_tag), round(segment.duration, 2), segment.program_date_time)
            for at, segment in enumerate(each for each in playlist.segments if each.uri)
        ]


@pytest.fixture
def stream(tmp_path: Path) -> Live:
    return Live(tmp_path / "run")


def test_renditions_have_the_numbers_times_and_dates_of_the_source(stream: Live) -> None:
    stream.start("480p")
    stream.start("360p")
    stream.go_on(7)
    assert len(stream.listed("video")) == 3
    assert stream.listed("480p") == stream.listed("360p") == stream.listed("video")
    assert not any(gap for _, gap, _, _ in stream.listed("480p"))


def test_one_that_begins_later_begins_with_a_whole_segment(stream: Live) -> None:
    stream.go_on(5)
    stream.start("480p")
    stream.go_on(4)
    of_source = {number: rest for number, *rest in stream.listed("video")}
    made = stream.listed("480p")
    assert [number for number, *_ in made] == [4]
    assert made[0][1:3] == (False, 2.0)
    assert of_source[4][:2] == [False, 2.0]


def test_one_that_gets_what_was_before_has_a_whole_segment_at_once(stream: Live) -> None:
    stream.go_on(5)
    stream.start("480p", replayed=3)
    assert [number for number, *_ in stream.listed("480p")] == [2]
    stream.go_on(4)
    assert [each[:3] for each in stream.listed("480p")] == [each[:3] for each in stream.listed("video")[1:]]


def test_what_a_gap_stands_for_already_is_not_listed_again(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(3)
    stream.stop("480p")
    stream.go_on(6)
    stream.start("480p", replayed=5)
    stream.go_on(4)
    numbers = [number for number, *_ in stream.listed("480p")]
    assert numbers == [number for number, *_ in stream.listed("video")] == list(range(1, numbers[-1] + 1))
    assert stream.text("480p").count("\n480p/1/3.m4s\n") == 1


def lines_from(text: str, number: int) -> list[str]:
    """What a playlist has from a segment of the source on, without what it says of other renditions."""
    lines = [line for line in text.splitlines() if "RENDITION-REPORT" not in line]
    return lines[next(at for at, line in enumerate(lines) if f"video/2/{number}." in line) :]


def test_a_slate_is_listed_in_what_is_made_of_the_source_part_by_part(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    stream.stop("480p")
    stream.apply(stream.source.close("gone"))
    stream.publish(stands_in=True)
    stream.go_on(5)
    first = stream.listed("480p")[-1][0]
    assert stream.listed("480p") == stream.listed("video")
    assert lines_from(stream.text("480p"), first) == lines_from(stream.text("video"), first)
    assert "PRELOAD-HINT" in stream.text("480p"), "players go on without waiting for whole segments"
    stream.apply(stream.source.close("its publisher is back"))
    stream.publish()
    stream.start("480p")
    stream.go_on(4)
    numbers = [number for number, *_ in stream.listed("480p")]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "and with what is made again"
    assert f"480p/3/{numbers[-1]}.m4s" in stream.text("480p")


def test_what_was_never_made_is_not_to_be_chosen_while_there_is_a_slate(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    stream.stop("480p")
    stream.apply(stream.source.close("gone"))
    stream.publish(stands_in=True)
    stream.go_on(3)
    answer = stream.index.multivariant()
    assert isinstance(answer, Rendered)
    assert (b"480p.m3u8" in answer.body, b"360p.m3u8" in answer.body) == (True, False)


def test_the_discontinuities_before_it_count_where_it_begins(stream: Live) -> None:
    stream.go_on(5)
    stream.apply(stream.source.close("gone"))
    stream.publish()
    stream.go_on(3)
    stream.start("480p")
    stream.go_on(6)
    sequence = re.compile(r"DISCONTINUITY-SEQUENCE:(\d+)")
    before = sequence.findall(stream.text("480p"))
    assert before == ["1"]


def test_while_one_is_not_made_gaps_take_its_place_and_it_comes_back(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    stream.stop("480p")
    stream.go_on(4)
    assert isinstance(stream.index.media("480p", NOW), Wait)
    stream.start("480p")
    stream.go_on(4)
    made = stream.listed("480p")
    assert [number for number, *_ in made] == [number for number, *_ in stream.listed("video")]
    gaps = [number for number, gap, _, _ in made if gap]
    assert gaps == [4, 5]
    names = [event.name for event in stream.events if isinstance(event, PartReady)]
    assert len(names) == len(set(names)), "a name stood for two files"


def test_one_that_is_behind_by_three_segments_goes_on_with_gaps(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    stream.go_on(10, late="480p")
    closed = [e for e in stream.events if isinstance(e, SegmentReady) and e.rendition == "480p"]
    assert [each.is_gap for each in closed] == [False, False, False, True]
    stream.go_on(5)
    numbers = [number for number, *_ in stream.listed("480p")]
    assert numbers == list(range(1, numbers[-1] + 1))
    assert not stream.listed("480p")[-1][1]


def test_the_multivariant_playlist_lists_the_best_first_and_the_sound_last(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    answer = stream.index.multivariant()
    assert isinstance(answer, Rendered)
    playlists = m3u8.loads(answer.body.decode()).playlists
    assert [each.uri for each in playlists] == ["video.m3u8", "480p.m3u8", "360p.m3u8", "audio.m3u8"]
    best, made, planned, sound = (each.stream_info for each in playlists)
    assert planned.resolution == (640, 360)
    assert planned.frame_rate == 30.0
    assert planned.codecs == "avc1.4d401e,mp4a.40.2"
    assert made.codecs == "avc1.4d401f,mp4a.40.2", "the encoder's own, not the plan's"
    assert {each.stream_info.audio for each in playlists} == {"audio"}
    assert planned.average_bandwidth < planned.bandwidth
    assert sound.codecs == "mp4a.40.2"
    assert sound.resolution is None
    assert made.average_bandwidth < 100_000, "as it was measured"
    assert best.average_bandwidth > sound.average_bandwidth


def test_each_playlist_reports_on_every_sibling_that_is_made(stream: Live) -> None:
    stream.start("480p")
    stream.start("360p")
    stream.go_on(5)
    for name in ("video", "audio", "480p", "360p"):
        reports = re.findall(r'RENDITION-REPORT:URI="(\w+)\.m3u8",LAST-MSN=(\d+)', stream.text(name))
        assert {of for of, _ in reports} == {"video", "audio", "480p", "360p"} - {name}
        assert {number for _, number in reports} <= {"2", "3"}
    stream.stop("360p")
    assert "360p" not in stream.text("video")


def test_one_that_is_planned_is_waited_for_and_one_that_is_off_is_not(stream: Live) -> None:
    stream.go_on(5)
    assert isinstance(stream.index.media("360p", NOW), Wait)
    assert stream.index.is_made("360p")
    assert not stream.index.is_made("video")
    off = tuple(msgspec.structs.replace(plan, state="off", why="ladder_full") for plan in PLANS)
    stream.apply([RenditionsPlanned(publication=1, renditions=off)])
    assert stream.index.media("360p", NOW) == Bad(404, "no such rendition")
    answer = stream.index.multivariant()
    assert isinstance(answer, Rendered)
    assert b"360p" not in answer.body


def test_a_player_is_given_one_that_comes_back_once_it_has_a_whole_segment(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(3)
    stream.stop("480p")
    stream.go_on(3)
    stream.start("480p")
    stream.go_on(1)
    assert isinstance(stream.index.media("480p", NOW), Wait)
    stream.go_on(3)
    assert stream.listed("480p")[-1][1] is False


def test_a_dash_manifest_has_all_of_them_in_one_set_with_the_same_segments(stream: Live) -> None:
    stream.start("480p")
    stream.start("360p")
    stream.go_on(8)
    answer = stream.index.manifest(now=START_AT + 9)
    assert isinstance(answer, Rendered)
    sets = ElementTree.fromstring(answer.body).findall(f"{MPD}Period/{MPD}AdaptationSet")
    assert [each.get("contentType") for each in sets] == ["video", "audio"]
    videos = sets[0].findall(f"{MPD}Representation")
    assert [each.get("id") for each in videos] == ["video", "480p", "360p"]
    templates = [each.find(f"{MPD}SegmentTemplate") for each in videos]
    assert len({template.get("startNumber") for template in templates}) == 1
    timelines = [[element.attrib for element in template.iter(f"{MPD}S")] for template in templates]
    assert timelines[0] == timelines[1] == timelines[2]


def test_a_gap_in_one_does_not_cut_the_period_of_the_others(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    stream.stop("480p")
    stream.go_on(4)
    stream.start("480p")
    stream.go_on(8)
    answer = stream.index.manifest(now=START_AT + 9)
    assert isinstance(answer, Rendered)
    root = ElementTree.fromstring(answer.body)
    assert len(root.findall(f"{MPD}Period")) == 1
    found = {each.get("id"): each.find(f"{MPD}SegmentTemplate") for each in root.iter(f"{MPD}Representation")}
    starts = {name: template.get("startNumber") for name, template in found.items()}
    assert starts["video"] == "1"
    assert int(starts["480p"]) > 5


def test_what_is_over_and_what_is_rewound_has_the_source_alone(stream: Live) -> None:
    stream.start("480p")
    stream.go_on(5)
    rewound = stream.index.multivariant(dvr=True)
    stream.apply([StreamEnded()])
    over = stream.index.multivariant()
    for answer in (rewound, over):
        assert isinstance(answer, Rendered)
        assert b"480p" not in answer.body
    assert b"#EXT-X-ENDLIST" in stream.index.media("480p", NOW).body, "who was watching it is told"
