"""The renditions of one run, with a ladder that decodes nothing: when they are made, and what players are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from media.hls.events import Event, InitReady, PartReady, RenditionsPlanned, RunEnded, SegmentReady
from media.hls.folder import RunFolder
from media.hls.lane import Cut
from media.relay import Relay
from media.run_ladder import CHANGES_WITHIN_S, FIRST_PAUSE_S, KEEP_S, MAX_CHANGES, RunLadder
from media.transcode.admission import LadderAdmission
from media.transcode.ladder import Policy, Tier
from media.unit import Track
from tests.media.hls.sources import VIDEO, pictures

Build = Callable[..., "Fixture"]
FULL = msgspec.structs.replace(VIDEO, width=1920, height=1080)


class Clock:
    """The loop's time, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._moved_s, real = 0.0, loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._moved_s)

    def pass_s(self, seconds: float) -> None:
        self._moved_s += seconds


class Copied:
    """A ladder whose renditions are the source's pictures as they are."""

    def __init__(self, track: Track, tiers: Sequence[Tier], on_closed: Callable[[str], None]) -> None:
        self.relays = [Relay() for _ in tiers]
        self.tiers = tuple(tiers)
        self.after = 7
        self.is_late = False
        self.is_current = True
        self.ended = ""
        self._on_closed = on_closed
        for relay in self.relays:
            relay.configure([track])

    def close(self, reason: str = "closed") -> None:
        if not self.ended:
            self.ended = reason
            self._on_closed(reason)


class Fixture:
    """A run's ladder, the ladders that it has had made (it is ``media.run_ladder.Ladders``), and all that it said."""

    def __init__(self, folder: Path, *, policy: Policy = "auto", max_ladders: int = 1) -> None:
        self.made: list[Copied] = []
        self.afters: list[int] = []
        self.events: list[Event] = []
        self.source = Relay()
        self.admission = LadderAdmission(max_ladders=max_ladders)
        self.run = RunLadder(
            ladders=self, admission=self.admission, source=self.source, folder=RunFolder(path=folder), publication=1,
            part_ms=334, policy=policy, name="s", say=self.events.append, clock=lambda: 1_000.0,
        )  # fmt: skip

    def ladder(
        self,
        source: Relay,
        track: Track,
        tiers: Sequence[Tier],
        *,
        name: str,
        on_closed: Callable[[str], None],
        after: int = -1,
        part_ms: int = 0,
    ) -> Copied:
        self.made.append(Copied(track, tiers, on_closed))
        self.afters.append(after)
        return self.made[-1]

    def of(self, kind: type[Any], rendition: str) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind) and event.rendition == rendition]

    @property
    def states(self) -> dict[str, str]:
        planned = [event for event in self.events if isinstance(event, RenditionsPlanned)]
        return {each.name: each.state for each in planned[-1].renditions}

    async def play(self, seconds: int, *, cut: int = 1) -> None:
        """Pictures of these seconds, a segment each two, from the segment ``cut`` on."""
        for at, unit in enumerate(pictures(seconds, from_ms=(cut - 1) * 2_000)):
            if unit.is_key:
                self.run.cut(Cut(cut + at // 60, unit.pts, 90_000, is_discontinuity=False, target_s=2))
            for relay in self.made[-1].relays if self.made else ():
                relay.write(unit)
            await asyncio.sleep(0)


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Fixture]:
    return lambda **options: Fixture(tmp_path / "run", **options)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_nothing_is_made_before_a_client_asks_and_all_of_it_then(build: Build) -> None:
    fixture = build()
    fixture.run.configure([FULL])
    assert fixture.states == {"720p": "ready", "480p": "ready", "360p": "ready"}
    assert not fixture.made
    fixture.run.want(3)
    assert [tier.name for tier in fixture.made[0].tiers] == ["720p", "480p", "360p"]
    assert set(fixture.states.values()) == {"live"}
    await fixture.play(5)
    for name in ("720p", "480p", "360p"):
        assert [event.segment for event in fixture.of(SegmentReady, name)] == [1, 2]
        assert fixture.of(PartReady, name)[0].program_date_time == 1_000.0


async def test_it_is_made_until_some_seconds_after_the_last_request(build: Build, clock: Clock) -> None:
    fixture = build()
    fixture.run.configure([FULL])
    fixture.run.want(1)
    await fixture.play(3)
    clock.pass_s(KEEP_S - 1)
    fixture.run.tick()
    assert not fixture.made[0].ended
    clock.pass_s(2)
    fixture.run.tick()
    assert fixture.made[0].ended
    assert set(fixture.states.values()) == {"ready"}
    assert {event.muxer for event in fixture.events if isinstance(event, RunEnded)} == {"720p", "480p", "360p"}
    fixture.run.want(1)
    await fixture.play(5, cut=4)
    names = [event.name for event in fixture.of(PartReady, "720p")]
    assert len(names) == len(set(names))
    assert [event.segment for event in fixture.of(SegmentReady, "720p")] == [1, 2, 4, 5]
    assert len(fixture.of(InitReady, "720p")) == 1, "the same initialisation is not written twice"


async def test_viewers_over_webrtc_are_offered_what_can_be_made_and_have_it_made_while_they_want_it(
    build: Build, clock: Clock
) -> None:
    fixture = build()
    fixture.run.configure([FULL])
    assert [(each.name, each.relay) for each in fixture.run.layers] == [("720p", None), ("480p", None), ("360p", None)]
    assert not fixture.made
    fixture.run.layers[1].want()
    fixture.made[0].is_current = False
    assert {each.relay for each in fixture.run.layers} == {None}, "what was sent before is not for them"
    fixture.made[0].is_current = True
    assert [each.relay for each in fixture.run.layers] == fixture.made[0].relays
    for _ in range(3):
        clock.pass_s(KEEP_S - 1)
        fixture.run.layers[1].want()
        fixture.run.tick()
        assert not fixture.made[0].ended
    clock.pass_s(KEEP_S + 1)
    fixture.run.tick()
    assert fixture.made[0].ended


async def test_what_a_machine_has_no_room_for_is_not_offered_over_webrtc(build: Build) -> None:
    fixture = build(max_ladders=0)
    fixture.run.configure([FULL])
    fixture.run.want(1)
    assert fixture.run.layers == []


async def test_a_stream_may_have_it_made_all_the_time_or_not_at_all(build: Build) -> None:
    always, never = build(policy="ladder"), build(policy="off")
    for fixture in (always, never):
        fixture.run.configure([FULL])
    never.run.want(9)
    assert len(always.made) == 1
    assert (never.made, never.events) == ([], [])


async def test_a_small_source_has_none(build: Build) -> None:
    fixture = build(policy="ladder")
    fixture.run.configure([msgspec.structs.replace(VIDEO, width=320, height=240)])
    fixture.run.want(9)
    assert (fixture.made, fixture.states, fixture.run.why) == ([], {}, "")


async def test_a_late_ladder_loses_its_largest_rendition_and_says_so(build: Build, clock: Clock) -> None:
    fixture = build(policy="ladder")
    fixture.run.configure([FULL])
    await fixture.play(3)
    fixture.made[0].is_late = True
    fixture.run.tick()
    fixture.run.tick()
    assert [tier.name for tier in fixture.made[1].tiers] == ["480p", "360p"]
    assert fixture.afters == [-1, 7], "the next ladder goes on where the last one was"
    assert fixture.states == {"720p": "off", "480p": "live", "360p": "live"}
    assert fixture.run.why == "ladder_reduced"
    clock.pass_s(60)
    fixture.run.tick()
    fixture.run.tick()
    assert set(fixture.states.values()) == {"live"}
    assert fixture.run.why == ""


async def test_a_machine_without_room_offers_none(build: Build) -> None:
    fixture = build(max_ladders=0)
    fixture.run.configure([FULL])
    fixture.run.want(1)
    assert not fixture.made
    assert set(fixture.states.values()) == {"off"}
    assert fixture.run.why == "ladder_reduced"


async def test_one_that_failed_is_tried_again_after_a_pause(build: Build, clock: Clock) -> None:
    fixture = build(policy="ladder")
    fixture.run.configure([FULL])
    fixture.made[0].close("it cannot be converted: its codec fails again and again")
    fixture.run.tick()
    assert set(fixture.states.values()) == {"off"}
    assert fixture.run.why == "ladder_failed"
    clock.pass_s(FIRST_PAUSE_S + 1)
    fixture.run.tick()
    assert len(fixture.made) == 2
    assert fixture.run.why == ""


async def test_a_source_that_changes_every_second_has_none_until_it_is_steady(build: Build, clock: Clock) -> None:
    fixture = build(policy="ladder")
    for turn in range(2 * MAX_CHANGES):
        fixture.run.configure([msgspec.structs.replace(FULL, width=1_920 - 2 * turn)])
        clock.pass_s(1)
    assert len(fixture.made) <= MAX_CHANGES
    assert fixture.run.why == "ladder_unsteady"
    assert set(fixture.states.values()) == {"off"}
    clock.pass_s(CHANGES_WITHIN_S)
    fixture.run.tick()
    assert set(fixture.states.values()) == {"live"}


async def test_a_full_folder_ends_the_renditions_and_nothing_else(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture = build(policy="ladder")
    fixture.run.configure([FULL])

    def full(self: RunFolder, name: str, data: bytes) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(RunFolder, "append", full)
    await fixture.play(3)
    fixture.run.tick()
    assert not fixture.of(SegmentReady, "720p")
