"""Renditions that the publisher's encoder sends: they have the source's segments, and an odd one harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from media.control import Progress
from media.hls.blocking import parse_query
from media.hls.events import SegmentReady
from media.hls.index import LiveIndex
from media.run import PublicationRun
from media.run_sent import FIRST_PAUSE_S
from media.unit import Codec, Track, Unit
from media.warnings import WARNINGS
from tests.media.hls.sources import VIDEO, pictures
from tests.media.test_plane import Studio
from tests.media.test_run_ladder import Clock

FULL = msgspec.structs.replace(VIDEO, width=1920, height=1080)
HALF = msgspec.structs.replace(VIDEO, width=1280, height=720)
SMALL = msgspec.structs.replace(VIDEO, width=640, height=360)


class Encoder:
    """Publishes a source and renditions of it, and keeps what players would be given."""

    def __init__(self, folder: Path, **fields: str) -> None:
        self.studio = Studio(folder)
        self.index = LiveIndex(on_change=lambda: None)
        self._applied = 0
        self.run: PublicationRun = self.studio.publish(transcode="off", **fields)
        self.run.configure([FULL])

    async def send(self, source: Sequence[Unit], **tracks: Sequence[Unit]) -> None:
        """In order of their times, the renditions before the source; ``tracks``: ``t1=…``."""
        sent = [(unit.dts, int(name[1:]), unit) for name, units in tracks.items() for unit in units]
        sent += [(unit.dts, 1_000, unit) for unit in source]
        for _, track_id, unit in sorted(sent, key=lambda one: one[:2]):
            if track_id == 1_000:
                self.run.write(unit)
            else:
                self.run.write_rendition(track_id, unit)
            await asyncio.sleep(0)
        self.apply()

    def apply(self) -> None:
        packaged = [said.event for said in self.studio.said if hasattr(said, "event")]
        for event in packaged[self._applied :]:
            self.index.apply(event)
        self._applied = len(packaged)

    def segments(self, rendition: str) -> list[tuple[int, int, bool]]:
        found = [each for each in self.studio.events(SegmentReady) if each.rendition == rendition]
        return [(each.segment, each.media_time, each.is_gap) for each in found]

    def playlist(self, rendition: str) -> str:
        query = parse_query({})
        answer = self.index.media(rendition, query)
        return str(answer.body.decode() if hasattr(answer, "body") else answer)

    def states(self) -> dict[str, str]:
        return {name: planned.state for name, planned in self.index._renditions.planned.items()}


@pytest.fixture
async def encoder(tmp_path: Path) -> Encoder:
    return Encoder(tmp_path)


async def test_sent_renditions_have_the_sources_segments(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, HALF)
    encoder.run.configure_rendition(2, SMALL)
    await encoder.send(pictures(9), t1=pictures(9), t2=pictures(9))
    assert len(encoder.segments("video")) >= 3
    assert encoder.segments("720p") == encoder.segments("video")
    assert encoder.segments("360p") == encoder.segments("video")
    master = encoder.index.multivariant()
    lines = [line for line in str(master.body.decode()).splitlines() if not line.startswith("#")]  # type: ignore[union-attr]
    assert lines == ["video.m3u8", "720p.m3u8", "360p.m3u8"]


async def test_half_the_frame_rate_is_no_other_segment(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, SMALL)
    await encoder.send(pictures(9, fps=60, gop=120), t1=pictures(9, fps=30, gop=60))
    assert encoder.segments("360p") == encoder.segments("video")


async def test_timestamps_that_are_a_little_off_are_the_same_moments(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, SMALL)
    off = [msgspec.structs.replace(unit, dts=max(0, unit.dts - 90), pts=max(0, unit.pts - 90)) for unit in pictures(9)]
    await encoder.send(pictures(9), t1=off)
    assert [number for number, _, _ in encoder.segments("360p")] == [
        number for number, _, _ in encoder.segments("video")
    ]
    assert encoder.states() == {"360p": "live"}


async def test_key_frames_elsewhere_end_that_rendition_only_and_it_is_tried_again(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    encoder.run.configure_rendition(1, HALF)
    encoder.run.configure_rendition(2, SMALL)
    await encoder.send(pictures(9), t1=pictures(9), t2=pictures(9, gop=77))
    assert encoder.states() == {"720p": "live", "360p": "off"}
    encoder.run._report()
    assert WARNINGS["track_out_of_step"].sentence in encoder.studio.of(Progress)[-1].health["warnings"]
    assert encoder.segments("720p") == encoder.segments("video")
    clock.pass_s(FIRST_PAUSE_S + 1)
    encoder.run._sent.tick()
    await encoder.send(pictures(9, from_ms=9_000), t1=pictures(9, from_ms=9_000), t2=pictures(9, from_ms=9_000))
    assert encoder.states() == {"720p": "live", "360p": "live"}
    listed = [segment for segment, _, is_gap in encoder.segments("360p") if not is_gap]
    assert listed[-1] == encoder.segments("video")[-1][0]


async def test_one_that_never_has_a_key_frame_where_the_source_has_one_is_not_offered(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, HALF)
    await encoder.send(pictures(14), t1=pictures(14, from_ms=1_000))
    assert encoder.segments("720p") == []
    assert encoder.states() == {"720p": "off"}


async def test_one_that_stops_has_gaps_and_the_others_go_on(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, HALF)
    await encoder.send(pictures(16), t1=pictures(5))
    numbers = [number for number, _, _ in encoder.segments("video")]
    assert [number for number, _, _ in encoder.segments("720p")] == numbers[: len(encoder.segments("720p"))]
    assert any(is_gap for _, _, is_gap in encoder.segments("720p"))


async def test_what_the_encoder_sends_is_not_made_as_well(tmp_path: Path) -> None:
    encoder = Encoder(tmp_path)
    encoder.run._ladder._policy = "auto"
    encoder.run._ladder._track = None
    encoder.run._ladder.configure([FULL])
    encoder.run.configure_rendition(1, HALF)
    encoder.run.configure_rendition(2, msgspec.structs.replace(SMALL, codec=Codec.AV1, config=b"\x81\0\0\0"))
    encoder.apply()
    planned = encoder.index._renditions.planned
    assert [(name, each.is_sent) for name, each in planned.items()] == [
        ("720p", True), ("480p", False), ("360p-av1", True), ("360p", False)
    ]  # fmt: skip
    assert not encoder.index.is_made("720p")
    assert encoder.index.is_made("480p")


def tracks_of_size() -> Iterator[Track]:
    yield HALF
    yield msgspec.structs.replace(HALF, fps=60.0)


async def test_two_of_one_size_have_names_of_their_own(encoder: Encoder) -> None:
    for track_id, track in enumerate(tracks_of_size(), 1):
        encoder.run.configure_rendition(track_id, track)
    encoder.apply()
    assert list(encoder.states()) == ["720p", "720p-2"]


async def test_the_end_gives_out_what_waits(encoder: Encoder) -> None:
    encoder.run.configure_rendition(1, HALF)
    await encoder.send(pictures(7), t1=pictures(7))
    encoder.run.close("gone")
    await encoder.run.flush("gone")
    assert encoder.segments("720p") == encoder.segments("video")
