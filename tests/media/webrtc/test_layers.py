"""Simulcast layers of a WebRTC publisher as renditions for HLS and DASH, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from media.control import Progress
from media.hls.events import InitReady, SegmentReady
from media.run_sent import SILENT_S
from media.unit import Codec, Track, Unit
from media.webrtc import h264, rtp
from media.webrtc.layers import MAX_APART_S, REPORT_WAIT_S
from tests.media.hls.sources import encode
from tests.media.test_plane import Studio
from tests.media.test_run_ladder import Clock
from tests.media.webrtc.test_inbound import DELTA, KEY
from tests.media.webrtc.test_ingest import Taken, ingest

SIZES = {"f": (1280, 720), "h": (640, 360), "q": (320, 180)}
SSRCS = {"f": 11, "h": 12, "q": 13}
#: Each layer's RTP clock begins elsewhere (RFC 3550, section 5.1).
BEGINS = {"f": 5_000, "h": 4_294_900_000, "q": 77_000_000}
EXTENSION = 4
FRAME = 3_000


@functools.cache
def sets(layer: str) -> tuple[bytes, ...]:
    track = encode(size=SIZES[layer], seconds=0.1, audio_codec=None).tracks[0]
    found = h264.H264ParameterSets.decode(track.config)
    return (*found.sps, *found.pps)


def packets(layer: str, number: int, first: int, *, is_key: bool) -> list[bytes]:
    """Frame ``number`` of a layer; ``first`` is the sequence number of its first packet."""
    payloads = h264.packetize([KEY if is_key else DELTA], parameter_sets=sets(layer) if is_key else ())
    extension = b"\xbe\xde\0\1" + bytes((EXTENSION << 4,)) + layer.encode() + b"\0\0"
    stamp = (BEGINS[layer] + FRAME * number) % (1 << 32)
    last = len(payloads) - 1
    heads = [
        rtp.HEADER.pack(0x90, 97 | ((at == last) << 7), (first + at) & 0xFFFF, stamp, SSRCS[layer])
        for at in range(last + 1)
    ]
    return [head + extension + payload for head, payload in zip(heads, payloads, strict=True)]


class Layered(Taken):
    """Keeps what becomes of the layers as well."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[int, Track] = {}
        self.sent: dict[int, list[Unit]] = {}
        self.warned: list[str] = []
        self.height = 0

    def configure(self, tracks: Sequence[Track]) -> None:  # type: ignore[override]
        super().configure(tracks)
        self.height = next(track.height for track in tracks if track.kind == "video")

    def configure_rendition(self, track_id: int, track: Track) -> None:
        self.layers[track_id] = track

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        self.sent.setdefault(track_id, []).append(unit)

    def warn(self, name: str) -> None:
        self.warned.append(name)

    def of(self, height: int) -> list[int]:
        """The times of the layer with pictures of this height, in frames."""
        ids = [track_id for track_id, track in self.layers.items() if track.height == height]
        return [round(unit.pts / FRAME) for track_id in ids for unit in self.sent.get(track_id, [])]

    @property
    def pictures(self) -> list[Unit]:
        return [unit for unit in self.units if unit.kind == "video"]


class Browser:
    """A publisher of layers that each have a frame at the same times, 30 a second, key frames of all where asked."""

    def __init__(self, publication: Taken, *, reports: bool = True, codec: Codec = Codec.H264) -> None:
        self.made, self.wire = ingest(publication, layers=("q", "h", "f"), codec=codec)
        self.frame = 0
        self._reports = reports
        self._sequence = dict.fromkeys(SSRCS, 0)
        self._answered = 0

    @property
    def now(self) -> float:
        return self.frame / 30

    def send(self, *layers: str, seconds: float) -> None:
        for _ in range(round(seconds * 30)):
            self.one(*layers)

    def one(self, *layers: str) -> None:
        """One frame of each of these layers."""
        asked = [told for told in self.wire.told if isinstance(told, rtp.KeyframeRequest)]
        is_key, self._answered = self.frame == 0 or len(asked) > self._answered, len(asked)
        for layer in layers:
            coded = packets(layer, self.frame, self._sequence[layer], is_key=is_key)
            self._sequence[layer] += len(coded)
            for packet in coded:
                self.made.on_rtp(packet, self.now)
        if self._reports and self.frame % 30 == 3:
            self._report(layers)
        self.made.on_tick(self.now)
        self.frame += 1

    def _report(self, layers: tuple[str, ...]) -> None:
        for layer in layers:
            stamp = (BEGINS[layer] + FRAME * self.frame) % (1 << 32)
            ntp = rtp.ntp_time(1_000 + self.now)
            report = rtp.sender_report(ssrc=SSRCS[layer], ntp=ntp, timestamp=stamp, packets=1, octets=1)
            self.made.on_rtcp(report, self.now)


@pytest.mark.parametrize("reports", [True, False])
def test_layers_beside_the_source_are_renditions_on_its_clock(reports: bool) -> None:
    publication = Layered()
    browser = Browser(publication, reports=reports)
    browser.send("q", "h", "f", seconds=REPORT_WAIT_S + 5)
    assert {track.height for track in publication.layers.values()} == {360, 180}
    source = [round(unit.pts / FRAME) for unit in publication.pictures]
    for height in (360, 180):
        times = publication.of(height)
        assert len(times) > 60
        assert times == source[-len(times) :]
    keys = {unit.pts for unit in publication.pictures if unit.is_key}
    for units in publication.sent.values():
        assert {unit.pts for unit in units if unit.is_key} == {at for at in keys if at >= units[0].pts}


def test_key_frames_of_all_layers_are_asked_for_at_once() -> None:
    browser = Browser(Layered())
    browser.send("q", "h", "f", seconds=6)
    asked = [told.ssrc for told in browser.wire.told if isinstance(told, rtp.KeyframeRequest)]
    assert len(asked) >= 6
    assert {frozenset(asked[at : at + 3]) for at in range(0, len(asked) // 3 * 3, 3)} == {frozenset(SSRCS.values())}


def test_when_the_best_layer_pauses_the_next_goes_on_as_source_and_as_rendition_on_the_same_clock() -> None:
    publication = Layered()
    browser = Browser(publication)
    browser.send("q", "h", "f", seconds=5)
    browser.send("q", "h", seconds=6)
    assert publication.height == 360
    source = [round(unit.pts / FRAME) for unit in publication.pictures]
    half = publication.of(360)
    assert source[-1] == half[-1]
    assert half == list(range(half[0], half[-1] + 1)), "the rendition never stopped"
    assert "track_paused" in publication.warned
    gap = max(later - earlier for earlier, later in itertools.pairwise(source))
    assert gap <= 2 * 30
    publication.warned.clear()
    browser.send("q", "h", "f", seconds=5)
    assert publication.of(720) == []
    assert publication.height == 720
    assert publication.of(360)[-1] == round(publication.pictures[-1].pts / FRAME)
    publication.warned.clear()
    browser.send("q", "h", "f", seconds=2)
    assert publication.warned == []


def test_a_layer_that_comes_late_is_a_rendition_from_then_on() -> None:
    publication = Layered()
    browser = Browser(publication)
    browser.send("f", "q", seconds=6)
    assert publication.of(360) == []
    browser.send("f", "h", "q", seconds=4)
    assert len(publication.of(360)) > 60
    assert publication.of(360)[-1] == round(publication.pictures[-1].pts / FRAME)


def test_a_layer_whose_clock_jumps_is_placed_anew() -> None:
    publication = Layered()
    browser = Browser(publication)
    browser.send("f", "q", seconds=5)
    before = BEGINS["q"]
    try:
        BEGINS["q"] = before + int((MAX_APART_S + 3) * 90_000)
        browser.send("f", "q", seconds=6)
    finally:
        BEGINS["q"] = before
    assert publication.of(180)[-1] == round(publication.pictures[-1].pts / FRAME)
    assert publication.of(180) == sorted(set(publication.of(180)))


def test_a_lost_packet_of_a_layer_asks_for_a_key_frame_of_that_layer_alone() -> None:
    publication = Layered()
    browser = Browser(publication)
    browser.send("f", "h", "q", seconds=5)
    before = len([told for told in browser.wire.told if isinstance(told, rtp.KeyframeRequest)])
    browser._sequence["q"] += 1
    browser.send("f", "h", "q", seconds=0.4)
    asked = [told.ssrc for told in browser.wire.told if isinstance(told, rtp.KeyframeRequest)][before:]
    assert asked[0] == SSRCS["q"]


async def test_layers_are_packaged_with_the_sources_segments_and_one_that_pauses_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    studio = Studio(tmp_path)
    run = studio.publish(transcode="off")
    browser = Browser(run)  # type: ignore[arg-type]
    await play(browser, "q", "h", "f", seconds=14)
    assert {event.rendition for event in studio.events(InitReady)} >= {"video", "360p", "180p"}
    source = segments(studio, "video")
    for name in ("360p", "180p"):
        assert len(segments(studio, name)) >= 3
        assert set(segments(studio, name)) <= set(source)
    await play(browser, "h", "f", seconds=3)
    clock.pass_s(SILENT_S + 1)
    await play(browser, "h", "f", seconds=1)
    run._tick()
    progress = studio.of(Progress)[-1]
    assert "track_paused" in progress.health["warning_names"]
    assert {each["name"]: each["state"] for each in progress.renditions} == {
        "source": "live", "360p": "live", "180p": "off"
    }  # fmt: skip
    await play(browser, "q", "h", "f", seconds=7)
    run._tick()
    assert {each["state"] for each in studio.of(Progress)[-1].renditions} == {"live"}
    assert segments(studio, "180p")[-1] in segments(studio, "video")
    await studio.plane.close("over")


async def play(browser: Browser, *layers: str, seconds: float) -> None:
    for _ in range(round(seconds * 30)):
        browser.one(*layers)
        await asyncio.sleep(0)


def segments(studio: Studio, name: str) -> list[tuple[int, int]]:
    """Number and beginning of those that were cut of a rendition."""
    found = [event for event in studio.events(SegmentReady) if event.rendition == name and not event.is_gap]
    return [(event.segment, event.media_time) for event in found]


def test_layers_in_vp8_are_no_renditions() -> None:
    publication = Layered()
    made, _ = ingest(publication, layers=("q", "h"), codec=Codec.VP8)
    for number in range(120):
        for layer in ("q", "h"):
            width, height = SIZES[layer]
            size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
            frame = b"\x10" + b"\x10\x02\0\x9d\x01\x2a" + size + bytes(20)
            extension = b"\xbe\xde\0\1" + bytes((EXTENSION << 4,)) + layer.encode() + b"\0\0"
            head = rtp.HEADER.pack(0x90, 97 | 0x80, number, number * FRAME, SSRCS[layer])
            made.on_rtp(head + extension + frame, number / 30)
        made.on_tick(number / 30)
    assert publication.pictures
    assert not publication.layers
