"""Captions in fragmented MP4, as DASH players take them."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import pytest

from media.hls.cmaf import boxes, read_fragments, read_init
from media.hls.index import LiveIndex
from media.hls.webvtt import Cue
from media.hls.wvtt import init_file, segment_file
from tests.media.hls.muxed import Stream, units
from tests.media.hls.sources import AUDIO, VIDEO, live

SPACE = {"d": "urn:mpeg:dash:schema:mpd:2011"}


def cue(from_ms: int, to_ms: int, text: str) -> Cue:
    return Cue(from_ms=from_ms, to_ms=to_ms, text=text)


def shown(data: bytes) -> list[tuple[int, int, list[str]]]:
    """From when to when which texts are shown, by the samples of a segment."""
    [fragment] = read_fragments(data)
    at, offset, found = fragment.decode_time, fragment.data_at, []
    for size, duration in zip(fragment.sizes, fragment.durations, strict=True):
        texts = []
        for kind, begin, end in boxes(data, offset, offset + size):
            texts += [data[b:e].decode() for name, b, e in boxes(data, begin, end) if name == b"payl"]
            assert kind in (b"vttc", b"vtte")
        found.append((at, at + duration, texts))
        at, offset = at + duration, offset + size
    return found


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        ([], [(2_000, 4_000, [])]),
        ([cue(0, 9_000, "a")], [(2_000, 4_000, ["a"])]),
        ([cue(0, 2_000, "a"), cue(4_000, 5_000, "b")], [(2_000, 4_000, [])]),
        ([cue(2_500, 3_000, "a\n\n<b>")], [(2_000, 2_500, []), (2_500, 3_000, ["a\n&lt;b&gt;"]), (3_000, 4_000, [])]),
        (
            [cue(1_000, 3_000, "a"), cue(2_500, 5_000, "b")],
            [(2_000, 2_500, ["a"]), (2_500, 3_000, ["a", "b"]), (3_000, 4_000, ["b"])],
        ),
    ],
)
def test_samples_lie_end_to_end_and_hold_what_is_shown_during_them(
    cues: list[Cue], expected: list[tuple[int, int, list[str]]]
) -> None:
    assert shown(segment_file(cues, number=7, from_ms=2_000, to_ms=4_000)) == expected


def test_the_initialisation_is_of_a_track_of_text_in_milliseconds() -> None:
    head = read_init(init_file())
    assert (head.handler, head.timescale, head.entry[4:8]) == (b"text", 1_000, b"wvtt")
    assert head.entry.endswith(struct.pack(">I", 14) + b"vttCWEBVTT")


@pytest.mark.parametrize("dvr", [False, True])
def test_a_manifest_lists_captions_with_the_numbers_and_times_of_the_pictures(stream: Stream, *, dvr: bool) -> None:
    stream.feed(live(VIDEO, AUDIO, units=units(9)))
    video, text = templates(stream.index, dvr=dvr, languages=("en", "ar"))
    assert text.keys() == {"en", "ar"}
    for language, template in text.items():
        assert template.get("initialization") == f"captions/{language}/init.mp4"
        assert template.get("media") == f"captions/{language}/$Number$.m4s"
        for name in ("timescale", "presentationTimeOffset", "startNumber"):
            assert template.get(name) == video.get(name)
        assert ElementTree.tostring(template[0]) == ElementTree.tostring(video[0])
    assert templates(stream.index, dvr=dvr, languages=())[1] == {}


def templates(
    index: LiveIndex, *, dvr: bool, languages: tuple[str, ...]
) -> tuple[ElementTree.Element, dict[str | None, ElementTree.Element]]:
    """Those of the pictures, and of the text by language."""
    answer = index.manifest(now=1_700_000_020.0, dvr=dvr, languages=languages)
    sets = ElementTree.fromstring(answer.body).findall("d:Period/d:AdaptationSet", SPACE)  # type: ignore[union-attr]
    video = sets[0].find("d:Representation/d:SegmentTemplate", SPACE)
    assert video is not None
    text = {each.get("lang"): each for each in sets if each.get("contentType") == "text"}
    found = {name: each.find("d:Representation/d:SegmentTemplate", SPACE) for name, each in text.items()}
    return video, {name: template for name, template in found.items() if template is not None}
