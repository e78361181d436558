"""A broadcast in virtual time, with a ladder that comes and goes and an interruption: no manifest breaks a rule."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from media.hls.answers import Rendered
from media.hls.muxer import Muxer
from media.relay import Item, Tracks
from tests.media.hls import mpd
from tests.media.hls.sources import START_AT, VIDEO
from tests.media.hls.test_authoring import FPS, SMALL, SOUND, Broadcast, second

AWAY_S = 7
SECONDS = 240
FRAME_S = 1 / FPS


class Interrupted(Broadcast):
    """Its publisher goes for some seconds and comes back; the media clock stands still meanwhile."""

    def __init__(self, path: Path, *, keeps_all: bool) -> None:
        super().__init__(path, keeps_all=keeps_all)
        self.away_s = 0
        self.ladder = self._made

    def go(self) -> None:
        self.pause()
        self._apply(self._source.close("gone"))

    def come(self) -> None:
        self.away_s += AWAY_S
        self._source = Muxer(
            folder=self.folder, publication=2, first_segment=self._source.next_segment, on_cut=self._cut,
            target_s=self.index.target_s,
        )  # fmt: skip
        self._apply(self._source.feed([Tracks((VIDEO, SOUND))]))

    def pause(self) -> None:
        made, self._made = self._made, []
        for each in made:
            self._apply(each.pause("nobody wants it"))

    def resume(self) -> None:
        self._made = self.ladder
        for made in self._made:
            self._apply([*made.resume([]), *made.feed([Tracks((SMALL,))])])

    def play(self, number: int) -> None:
        moved: list[Item] = [msgspec.structs.replace(unit, at=unit.at + self.away_s) for unit in second(number)]
        self.feed(moved)

    def manifest(self, now: float, *, dvr: bool) -> mpd.Manifest:
        answer = self.index.manifest(now=now, dvr=dvr)
        assert isinstance(answer, Rendered), answer
        return mpd.read(answer.body.decode())


@pytest.mark.parametrize("dvr", [False, True])
def test_four_minutes_with_an_interruption_break_no_rule(tmp_path: Path, dvr: bool) -> None:
    broadcast = Interrupted(tmp_path, keeps_all=dvr)
    happens = {60: broadcast.pause, 80: broadcast.resume, 120: broadcast.go, 121: broadcast.come, 150: broadcast.resume}
    held: mpd.Manifest | None = None
    seen: set[str] = set()
    for number in range(SECONDS):
        happens.get(number, lambda: None)()
        if number != 120:
            broadcast.play(number)
        now = START_AT + number + 1 + broadcast.away_s
        if number < 20:
            continue
        found = broadcast.manifest(now, dvr=dvr)
        mpd.check(found, now=now, is_there=lambda name: broadcast.index.locate(name) is not None, frame_s=2 * FRAME_S)
        if held is not None:
            mpd.check_update(held, found)
        held = found
        seen |= {track for period in found.periods.values() for track in period.representations}
    assert seen == ({"video", "audio"} if dvr else {"video", "audio", "480p", "360p"})
