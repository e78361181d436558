"""Films cut out of segments: what a player shows of them, and that each segment is still there."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.hls.cmaf import BadSegment, boxes, key_frame, read_fragments, read_init
from media.hls.cutting import Film, Piece, cut, render_extents
from media.hls.events import Event, InitReady, SegmentReady
from media.hls.folder import RunFolder
from media.transcode import image
from tests.media.hls.sources import encode
from tests.media.hls.test_muxer import ffmpeg_complaints, mux, of

FPS = 30


def pieces(folder: RunFolder, events: list[Event], rendition: str) -> list[Piece]:
    init = (folder.path / of(events, InitReady, rendition)[0].name).read_bytes()
    return [Piece(init, (folder.path / one.name).read_bytes()) for one in of(events, SegmentReady, rendition)]


@pytest.fixture(scope="module")
def renditions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Piece]]:
    """Eight seconds with B-frames, an hour into a stream."""
    folder = RunFolder(path=tmp_path_factory.mktemp("run"))
    events = mux(folder, encode(seconds=8, options={"preset": "fast", "bf": "3"}, from_ms=3_600_000))
    return {name: pieces(folder, events, name) for name in ("video", "audio")}


def written(film: Film, to: Path) -> Path:
    to.write_bytes(b"".join(film.parts))
    return to


def clip(renditions: dict[str, list[Piece]], start_s: float, stop_s: float) -> Film:
    return cut(renditions, start=Fraction(start_s), stop=Fraction(stop_s))


def shown(file: Path) -> tuple[int, float, float]:
    """How many pictures are shown, from when to when in seconds."""
    with av.open(str(file)) as source:
        times = [float(frame.time) for frame in source.decode(source.streams.video[0])]
    return len(times), min(times), max(times)


def test_a_film_shows_exactly_the_time_that_was_cut_out(renditions, tmp_path: Path) -> None:
    file = written(clip(renditions, 3602.5, 3606.25), tmp_path / "clip.mp4")
    count, first, last = shown(file)
    assert count == pytest.approx(3.75 * FPS, abs=2)
    assert first == pytest.approx(0, abs=0.05)
    assert last == pytest.approx(3.75, abs=0.08)
    with av.open(str(file)) as source:
        assert source.duration / 1e6 == pytest.approx(3.75, abs=0.05)
    assert ffmpeg_complaints(file) == ""


def test_the_last_pictures_are_shown_also_where_pictures_refer_to_later_ones(renditions, tmp_path: Path) -> None:
    film = cut(renditions, start=Fraction(3600), stop=Fraction(3700))
    assert shown(written(film, tmp_path / "whole.mp4"))[0] == 8 * FPS


def test_moov_stands_before_the_only_mdat(renditions) -> None:
    data = b"".join(clip(renditions, 3602.5, 3604).parts)
    assert [kind for kind, _, _ in boxes(data, 0, len(data))] == [b"ftyp", b"moov", b"mdat"]


def test_each_extent_is_a_segment_with_its_initialisation(renditions) -> None:
    film = clip(renditions, 3602.5, 3606.25)
    data = b"".join(film.parts)
    whole = {name: [piece.data for piece in held] for name, held in renditions.items()}
    for name, extents in film.extents.items():
        assert extents[0].start_s <= 3602.5 < extents[0].start_s + extents[0].duration_s
        for extent in extents:
            assert data[extent.init_at :][: extent.init_size] == renditions[name][0].init
            segment = data[extent.at :][: extent.size]
            assert any(one.startswith(segment) for one in whole[name])
            assert read_fragments(segment)[0].keys[0]


def test_the_last_segment_ends_with_the_fragment_that_holds_the_end(renditions) -> None:
    film = clip(renditions, 3600, 3603)
    rate = read_init(renditions["video"][0].init).timescale
    extent = film.extents["video"][-1]
    last = read_fragments(b"".join(film.parts)[extent.at :][: extent.size])[-1]
    assert last.decode_time / rate < 3603 <= (last.decode_time + sum(last.durations)) / rate + 0.1


def test_sound_that_lacks_the_first_moments_is_shown_in_step(renditions, tmp_path: Path) -> None:
    late = {"video": renditions["video"], "audio": renditions["audio"][2:]}
    file = written(clip(late, 3600, 3608), tmp_path / "late.mp4")
    begun = float(late["audio"] and read_fragments(late["audio"][0].data)[0].decode_time) / 48_000 - 3600
    with av.open(str(file)) as source:
        sound = next(source.demux(source.streams.audio[0]))
        assert float(sound.pts * sound.time_base) == pytest.approx(begun, abs=0.05)


def test_a_pause_in_the_segments_is_as_long_in_the_film(renditions, tmp_path: Path) -> None:
    holed = {name: [held[0], held[-1]] for name, held in renditions.items()}
    _, _, last = shown(written(clip(holed, 3600, 3608), tmp_path / "holed.mp4"))
    assert last == pytest.approx(8, abs=0.1)
    assert any(extent.breaks for extent in clip(holed, 3600, 3608).extents["video"])


def test_a_playlist_of_extents_begins_at_the_first_moment(renditions) -> None:
    film = clip(renditions, 3602.5, 3606.25)
    lines = render_extents(film.extents["video"], uri="clip.mp4", start_s=3602.5).splitlines()
    start = next(line for line in lines if line.startswith("#EXT-X-START"))
    offset = float(start.partition("TIME-OFFSET=")[2].partition(",")[0])
    assert film.extents["video"][0].start_s + offset == pytest.approx(3602.5, abs=0.002)
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert lines.count("clip.mp4") == len(film.extents["video"])


@pytest.mark.parametrize("span", [(3700, 3701), (3590, 3595)])
def test_a_time_without_segments_is_refused(renditions, span: tuple[int, int]) -> None:
    with pytest.raises(BadSegment):
        clip(renditions, *span)


def test_broken_segments_are_refused_whatever_breaks(renditions) -> None:
    piece = renditions["video"][0]
    for at in range(0, 400, 4):
        data = bytearray(piece.data)
        data[at : at + 4] = struct.pack(">I", 0xFFFFFFF0)
        with_broken = {"video": [Piece(piece.init, bytes(data))]}
        try:
            clip(with_broken, 3600, 3602)
        except BadSegment:
            continue


def test_another_codec_in_the_middle_is_refused(renditions) -> None:
    other = renditions["audio"][0]
    with pytest.raises(BadSegment):
        cut({"video": [renditions["video"][0], other]}, start=Fraction(3600), stop=Fraction(3610))


def test_the_key_frame_of_a_segment_is_what_a_decoder_takes(renditions) -> None:
    piece = renditions["video"][2]
    track, unit = key_frame(piece.init, piece.data)
    picture = image.take(track, unit)
    assert picture is not None
    assert picture[8:12] == b"WEBP"
    assert unit.pts / track.timescale == pytest.approx(3602, abs=0.2)
    with pytest.raises(BadSegment):
        key_frame(renditions["audio"][0].init, renditions["audio"][0].data)


def test_a_cut_begins_with_a_segment_that_can_be_decoded(renditions, tmp_path: Path) -> None:
    count, first, last = shown(written(clip(renditions, 3601, 3602), tmp_path / "clip.mp4"))
    assert count == pytest.approx(FPS, abs=2)
    assert first == pytest.approx(0, abs=0.05)
    assert last == pytest.approx(1, abs=0.08)
