"""A broadcast with its ladder in virtual time: no playlist breaks a rule."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import msgspec

from media.hls.answers import Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import Event, PlannedRendition, RenditionsPlanned, SegmentReady
from media.hls.folder import RunFolder
from media.hls.follower import Follower
from media.hls.index import LiveIndex
from media.hls.lane import Cut
from media.hls.muxer import Muxer
from media.relay import Item, Tracks
from media.unit import Unit
from tests.media.hls.authoring import Playlist, attributes, check_delta, check_playlist, check_succession
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, mixed

FPS, GOP, SOUND_RATE = 6, 12, 16_000
SOUND = msgspec.structs.replace(AUDIO, timescale=SOUND_RATE, config=bytes.fromhex("1410"), sample_rate=SOUND_RATE)
NAMES = ("480p", "360p")
SMALL = msgspec.structs.replace(VIDEO, width=640, height=360)
SECONDS = 1_200


class Broadcast:
    """The source, two renditions that are made of it, and the index of all of them."""

    def __init__(self, path: Path, *, keeps_all: bool = False) -> None:
        self.index = LiveIndex(on_change=lambda: None, keeps_all=keeps_all)
        self.sizes: list[tuple[str, int, float]] = []
        self.folder = folder = RunFolder(path=path, keep_s=SECONDS if keeps_all else 40)
        self._source = Muxer(folder=folder, publication=1, on_cut=self._cut)
        self._made = [
            Muxer(
                folder=folder, publication=1, name=name, renditions={"video": name}, follower=Follower(part_ms=334),
                clock=lambda: self._source.clock_at,
            )
            for name in NAMES
        ]  # fmt: skip
        self._apply(self._source.feed([Tracks((VIDEO, SOUND))]))
        plans = tuple(PlannedRendition(name=name, codec="avc1.4d401f", bitrate=100_000) for name in NAMES)
        self._apply([RenditionsPlanned(publication=1, renditions=plans)])
        for made in self._made:
            self._apply([*made.resume([]), *made.feed([Tracks((SMALL,))])])

    def _cut(self, cut: Cut) -> None:
        for made in self._made:
            self._apply(made.cut(cut))

    def feed(self, items: list[Item]) -> None:
        self._apply(self._source.feed(items))
        pictures = [item for item in items if isinstance(item, Unit) and item.kind == "video"]
        for made in self._made:
            self._apply(made.feed(pictures))

    def _apply(self, events: list[Event]) -> None:
        for event in events:
            self.index.apply(event)
            if isinstance(event, SegmentReady):
                self.sizes.append((event.rendition, event.size, event.duration_s))

    def text(self, name: str, *, can_skip: bool = False) -> str:
        answer = self.index.media(name, BlockingQuery(can_skip=can_skip))
        assert isinstance(answer, Rendered), answer
        return answer.body.decode()


def second(number: int) -> list[Unit]:
    """One of it. The pictures grow eightfold at half time."""
    size = 200 if number < SECONDS / 2 else 1_600
    frames = [
        Unit(kind="video", pts=n * 90_000 // FPS, dts=n * 90_000 // FPS, is_key=n % GOP == 0,
             data=bytes(size * (4 if n % GOP == 0 else 1)), at=START_AT + n / FPS)
        for n in range(number * FPS, (number + 1) * FPS)
    ]  # fmt: skip
    first, end = -(-number * SOUND_RATE // 1024), -(-(number + 1) * SOUND_RATE // 1024)
    sounds = [
        Unit(kind="audio", pts=n * 1024, dts=n * 1024, is_key=True, data=bytes(30), at=START_AT + n * 1024 / SOUND_RATE)
        for n in range(first, end)
    ]
    return mixed(frames, sounds)


def check_bandwidths(broadcast: Broadcast) -> None:
    """What is listed of each rendition is true for the last five minutes."""
    answer = broadcast.index.multivariant()
    assert isinstance(answer, Rendered)
    lines = answer.body.decode().splitlines()
    sound = rates(broadcast, "audio")
    for line, uri in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF"):
            said, name = attributes(line), re.sub(r"\.m3u8.*", "", uri)
            peak, average = (
                rates(broadcast, name) if name == "audio" else map(sum, zip(rates(broadcast, name), sound, strict=True))
            )
            assert peak <= int(said["BANDWIDTH"]) <= 1.25 * peak + 2_000, (name, peak, said)
            assert average <= int(said["AVERAGE-BANDWIDTH"]) <= 1.25 * average + 2_000, (name, average, said)


def rates(broadcast: Broadcast, name: str) -> tuple[float, float]:
    last = [(size, seconds) for rendition, size, seconds in broadcast.sizes if rendition == name][-150:]
    average = sum(size for size, _ in last) * 8 / sum(seconds for _, seconds in last)
    return max(size * 8 / seconds for size, seconds in last), average


def test_twenty_minutes_with_the_ladder_break_no_rule(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path)
    names = ["video", "audio", *NAMES]
    held: dict[str, Playlist] = {}
    for number in range(SECONDS):
        units = second(number)
        half = len(units) * (number % 7 + 1) // 8
        broadcast.feed(list(units[:half]))
        if number > 20 and (number % 40 < 3 or number % 23 == 0):
            for name in names:
                look(broadcast, name, held, {f"{other}.m3u8" for other in names if other != name})
        broadcast.feed(list(units[half:]))
        if number % 300 == 299:
            check_bandwidths(broadcast)
    assert broadcast.index.raised_targets == 0


def look(broadcast: Broadcast, name: str, held: dict[str, Playlist], siblings: set[str]) -> None:
    whole, delta = Playlist.read(broadcast.text(name)), Playlist.read(broadcast.text(name, can_skip=True))
    check_playlist(whole, siblings)
    if name in held:
        check_succession(held[name], whole)
        if held[name].numbers.stop >= delta.numbers.start:
            check_delta(whole, delta, held[name])
    held[name] = whole
