"""DASH manifests over the segments that HLS serves."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import imageio_ffmpeg
import msgspec
import pytest

from media.hls.dash import History, Live, Origins, Presentation, render_mpd, render_periods
from media.hls.events import InitReady, SegmentReady, StreamEnded
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.listing import RenditionInfo, SegmentInfo
from media.hls.muxer import Muxer
from media.relay import End
from tests.media.hls.sources import encode, live

NS = {"d": "urn:mpeg:dash:schema:mpd:2011"}
DATE = 1_700_000_000.0
VIDEO = RenditionInfo(
    name="video", uri="video.m3u8", kind="video", codec="avc1.64001f", bandwidth=1000, average_bandwidth=900,
    width=1280, height=720, frame_rate=29.97,
)  # fmt: skip
AUDIO = RenditionInfo(
    name="audio", uri="audio.m3u8", kind="audio", codec="mp4a.40.2", bandwidth=100, average_bandwidth=90, channels=2
)


def segments(numbers, *, rate: int = 90_000, kind: str = "video", publication: int = 1, shift: int = 0, **fields):
    return [
        SegmentInfo(
            number=n,
            uri=f"{kind}/{publication}/{n}.m4s",
            init_uri=f"{kind}/{publication}/init-0.mp4",
            media_time=n * 2 * rate + shift,
            duration=2 * rate,
            timescale=rate,
            program_date_time=DATE + n * 2,
            **fields,
        )
        for n in numbers
    ]


def both(numbers) -> list[Presentation]:
    return [
        Presentation(VIDEO, 0, segments(numbers)),
        Presentation(AUDIO, 48_000, segments(numbers, rate=48_000, kind="audio", shift=-480)),
    ]


def rendered(presentations, **options) -> ElementTree.Element:
    return ElementTree.fromstring(render_mpd(presentations, target_s=2, **options))


def test_live_manifest_starts_its_clock_where_the_media_clock_is_0():
    mpd = rendered(both(range(10, 15)), live=Live(DATE, DATE + 31, Origins()))
    assert mpd.get("type") == "dynamic"
    assert mpd.get("availabilityStartTime") == "2023-11-14T22:13:20.000Z"
    assert mpd.find("d:Period", NS).get("start") == "PT20.000S"
    assert mpd.find("d:UTCTiming", NS).get("value") == "2023-11-14T22:13:51.000Z"


def test_tracks_share_one_zero_whatever_their_first_sample():
    templates = rendered(both(range(10, 15)), live=Live(DATE, DATE, Origins())).findall(".//d:SegmentTemplate", NS)
    assert [each.get("presentationTimeOffset") for each in templates] == ["1800000", "960000"]
    times = [each.find(".//d:S", NS) for each in templates]
    assert [(each.get("t"), each.get("d"), each.get("r")) for each in times] == [
        ("1800000", "180000", "4"),
        ("959520", "96000", "4"),
    ]


def test_segments_are_addressed_by_number():
    template = rendered(both([7, 8]), live=Live(DATE, DATE, Origins())).find(".//d:SegmentTemplate", NS)
    assert template.get("startNumber") == "7"
    assert template.get("media") == "video/1/$Number$.m4s"
    assert template.get("initialization") == "video/1/init-0.mp4"


def test_number_that_occurs_twice_in_a_name_is_replaced_where_it_is_the_segments():
    numbered = Presentation(VIDEO, 0, segments([1, 2]))
    assert rendered([numbered]).find(".//d:SegmentTemplate", NS).get("media") == "video/1/$Number$.m4s"


@pytest.mark.parametrize(
    ("rate", "text"), [(30.0, "30"), (29.97, "30000/1001"), (23.976, "24000/1001"), (12.5, "12500/1000")]
)
def test_frame_rates_are_whole_or_fractions(rate, text):
    info = msgspec.structs.replace(VIDEO, frame_rate=rate)
    shape = rendered([Presentation(info, 0, segments([0]))]).find(".//d:Representation", NS)
    assert shape.get("frameRate") == text


def test_a_set_promises_key_frames_only_where_each_segment_begins_with_one():
    pictures = segments(range(4))
    odd = [*pictures[:1], msgspec.structs.replace(pictures[1], is_independent=False), *pictures[2:]]
    promises = []
    for held in (pictures, odd, odd[2:]):
        mpd = rendered([Presentation(VIDEO, 0, held), Presentation(AUDIO, 48_000, both(range(4))[1].segments)])
        promises.append([each.get("startWithSAP") for each in mpd.findall(".//d:AdaptationSet", NS)])
    assert promises == [["1", "1"], [None, "1"], ["1", "1"]]


def test_run_after_an_interruption_is_a_period_of_its_own():
    first, second = segments([0, 1]), segments([2, 3], publication=2)
    second[0] = msgspec.structs.replace(second[0], is_discontinuity=True, program_date_time=DATE + 60)
    second = [msgspec.structs.replace(each, run=1) for each in second]
    periods = rendered([Presentation(VIDEO, 0, [*first, *second])], live=Live(DATE, DATE + 70, Origins())).findall(
        "d:Period", NS
    )
    assert [each.get("id") for each in periods] == ["p0", "p2"]
    assert [each.get("start") for each in periods] == ["PT0.000S", "PT60.000S"]


def test_gap_in_one_rendition_is_left_out_of_all():
    sound = segments(range(4), rate=48_000, kind="audio")
    sound[2] = msgspec.structs.replace(sound[2], is_gap=True, init_uri="")
    mpd = rendered([Presentation(VIDEO, 0, segments(range(4))), Presentation(AUDIO, 48_000, sound)])
    starts = [each.get("startNumber") for each in mpd.findall(".//d:SegmentTemplate", NS)]
    assert starts == ["0", "0", "3", "3"]


def test_period_keeps_its_name_start_and_offset_while_the_window_moves_on():
    origins = Origins()
    seen = set()
    for first in range(1, 9):
        mpd = rendered(both(range(first, first + 5)), live=Live(DATE, DATE + 30, origins))
        period = mpd.find("d:Period", NS)
        offsets = tuple(each.get("presentationTimeOffset") for each in mpd.findall(".//d:SegmentTemplate", NS))
        seen.add((period.get("id"), period.get("start"), offsets))
        assert mpd.find(".//d:SegmentTemplate", NS).get("startNumber") == str(first)
    assert seen == {("p1", "PT2.000S", ("180000", "96000"))}


def test_period_after_a_gap_keeps_its_name_when_the_gap_has_left_the_window():
    origins = Origins()
    sound = segments(range(8), rate=48_000, kind="audio")
    sound[2] = msgspec.structs.replace(sound[2], is_gap=True, init_uri="")
    names = []
    for first in (0, 2, 4):
        listed = [Presentation(VIDEO, 0, segments(range(first, 8))), Presentation(AUDIO, 48_000, sound[first:])]
        names.append(
            [each.get("id") for each in rendered(listed, live=Live(DATE, DATE, origins)).findall("d:Period", NS)]
        )
    assert names == [["p0", "p3"], ["p3"], ["p3"]]


def test_rendition_that_is_silent_all_the_run_keeps_nothing_from_the_others():
    sound = [msgspec.structs.replace(each, is_gap=True) for each in segments(range(4), rate=48_000, kind="audio")]
    mpd = rendered([Presentation(VIDEO, 0, segments(range(4))), Presentation(AUDIO, 48_000, sound)])
    assert [each.get("contentType") for each in mpd.findall(".//d:AdaptationSet", NS)] == ["video"]


def test_recordings_periods_lie_end_to_end():
    second = segments([2, 3], publication=2, shift=900_000)
    second[0] = msgspec.structs.replace(second[0], is_discontinuity=True)
    mpd = rendered([Presentation(VIDEO, 0, [*segments([0, 1]), *second])])
    assert mpd.get("type") == "static"
    assert mpd.get("mediaPresentationDuration") == "PT8.000S"
    assert [each.get("start") for each in mpd.findall("d:Period", NS)] == ["PT0.000S", "PT4.000S"]


def test_manifest_of_nothing_is_well_formed():
    assert rendered([]).findall("d:Period", NS) == []


def test_manifest_plays_to_the_end(tmp_path: Path):
    encoded = encode(seconds=5)
    folder, index = RunFolder(path=tmp_path / "run"), LiveIndex(on_change=lambda: None)
    events = Muxer(folder=folder, publication=1).feed([*live(*encoded.tracks, units=encoded.units), End("over")])
    for event in [*events, StreamEnded()]:
        index.apply(event)
    assert {type(event) for event in events} >= {InitReady, SegmentReady}
    file = folder.path / "manifest.mpd"
    file.write_bytes(index.manifest(now=0).body)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(file), "-map", "0", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert sum(line.startswith("0,") for line in lines) == 150
    assert done.stderr == ""


class Listed:
    """A rendition that counts how often it is asked for a segment."""

    def __init__(self, held: list[SegmentInfo]) -> None:
        self.held = held
        self.asked = 0

    @property
    def numbers(self) -> range:
        return range(self.held[0].number, self.held[-1].number + 1)

    def numbered(self, number: int) -> SegmentInfo:
        self.asked += 1
        return self.held[number - self.held[0].number]


def listed(count: int) -> dict[str, Listed]:
    presentations = both(range(1, count + 1))
    return {each.info.name: Listed(list(each.segments)) for each in presentations}


def of_history(history: History, renditions: dict[str, Listed]) -> str:
    presentations = [Presentation(VIDEO, 0, ()), Presentation(AUDIO, 48_000, ())]
    return render_periods(presentations, history.periods(renditions), target_s=2)


def afresh(renditions: dict[str, Listed]) -> str:
    held = [Presentation(VIDEO, 0, renditions["video"].held), Presentation(AUDIO, 48_000, renditions["audio"].held)]
    return render_mpd(held, target_s=2)


def broken_at(renditions: dict[str, Listed], number: int) -> None:
    for rendition in renditions.values():
        at = number - rendition.numbers.start
        rendition.held[at] = msgspec.structs.replace(rendition.held[at], is_discontinuity=True)
        rendition.held[at:] = [msgspec.structs.replace(each, run=each.run + 1) for each in rendition.held[at:]]


@pytest.mark.parametrize("settled", [0, 1, 7, 20, 31, 40])
def test_what_was_settled_does_not_change_what_the_manifest_says(settled):
    renditions = listed(40)
    broken_at(renditions, 7)
    broken_at(renditions, 31)
    renditions["audio"].held[19] = msgspec.structs.replace(renditions["audio"].held[19], is_gap=True)
    history = History()
    history.settle(renditions, before=settled)
    assert of_history(history, renditions) == afresh(renditions)
    assert of_history(history, renditions) == afresh(renditions), "the first manifest leaves the history as it was"


def test_manifest_of_many_hours_looks_at_its_last_minute_only():
    renditions = listed(5_000)
    history = History()
    history.settle(renditions, before=4_984)
    before = renditions["video"].asked
    of_history(history, renditions)
    assert renditions["video"].asked - before == 17


def test_segment_that_is_lost_long_after_it_was_settled_is_left_out():
    renditions = listed(40)
    history = History()
    history.settle(renditions, before=24)
    renditions["video"].held[4] = msgspec.structs.replace(renditions["video"].held[4], is_gap=True)
    history.changed(5)
    assert of_history(history, renditions) == afresh(renditions)
    assert 'startNumber="6"' in of_history(history, renditions)


def test_sound_that_joins_a_run_costs_the_recording_none_of_the_pictures_before_it():
    renditions = listed(10)
    sound = renditions["audio"].held
    sound[:4] = [msgspec.structs.replace(each, is_gap=True, init_uri="") for each in sound[:4]]
    mpd = ElementTree.fromstring(of_history(History(), renditions))
    starts = [each.get("startNumber") for each in mpd.findall(".//d:SegmentTemplate", NS)]
    assert starts == ["1", "5"]
    assert mpd.find(".//d:Representation[@id='audio']//d:S", NS).get("t") == str(10 * 48_000 - 480)
