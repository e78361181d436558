"""A main publisher and a backup on one media clock, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from media.errors import PublishRefused
from media.switch import HELD_S, TICK_S, WELL_S, Role, Source, Switch
from media.unit import Track, Unit
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, mixed, pictures, sounds

OTHER_VIDEO = msgspec.structs.replace(VIDEO, config=VIDEO.config + b"\0")


class Run:
    """``SwitchedRun``: all that it was given."""

    def __init__(self) -> None:
        self.media_time_ms = 0
        self.patience_s = 0.1
        self.tracks: list[tuple[Track, ...]] = []
        self.units: list[Unit] = []
        self.renditions: dict[int, Track] = {}
        self.rendition_units: list[Unit] = []
        self.warned: list[str] = []
        self.closed: list[str] = []
        self.sources: Sequence[dict[str, Any]] = ()
        self.trouble = ""

    def configure(self, tracks: Sequence[Track]) -> None:
        if not self.tracks or self.tracks[-1] != tuple(tracks):
            self.tracks.append(tuple(tracks))

    def write(self, unit: Unit) -> None:
        self.units.append(unit)

    def configure_rendition(self, track_id: int, track: Track) -> None:
        self.renditions[track_id] = track

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        self.rendition_units.append(unit)

    def warn(self, name: str) -> None:
        self.warned.append(name)

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self.stop = stop

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        self.want_keyframe = want

    def note_sources(self, sources: Sequence[dict[str, Any]], trouble: str) -> None:
        self.sources, self.trouble = sources, trouble

    def seconds(self, kind: str) -> list[float]:
        scale = 90_000 if kind == "video" else 48_000
        return [unit.dts / scale for unit in self.units if unit.kind == kind]


class Studio:
    """Two encoders whose pictures tell them apart by their size: 100 bytes of the main one, 200 of the backup."""

    def __init__(self) -> None:
        self.now = 0.0
        self.run = Run()
        self.switch = Switch(run=self.run, name="s", clock=lambda: self.now)
        self.encoders: dict[str, tuple[Source, list[Unit]]] = {}

    def join(self, role: Role, *, tracks: Sequence[Track] = (VIDEO, AUDIO), off_s: float = 0.0, key_s: float = 0.0,
             seconds: float = 40) -> Source:  # fmt: skip
        """An encoder that begins now; its key frames come every two seconds from ``key_s`` on, its clock is off."""
        source = self.switch.join(role, protocol="rtmp")
        source.configure(tracks)
        size, kinds = {"main": 100, "backup": 200}[role], {track.kind for track in tracks}
        begins_ms = source.media_time_ms + key_s * 1000
        units = mixed(
            [msgspec.structs.replace(unit, data=bytes(size)) for unit in pictures(seconds, from_ms=begins_ms)]
            if "video" in kinds else [],
            sounds(seconds, from_ms=begins_ms),
        )  # fmt: skip
        at = START_AT + self.now - source.media_time_ms / 1000
        units = [msgspec.structs.replace(unit, at=unit.at - START_AT + at) for unit in units]
        self.encoders[role] = source, [_moved(unit, off_s) for unit in units]
        return source

    def play(self, seconds: float, *roles: str) -> None:
        """Only these encoders send; what the others would have sent is lost."""
        until = self.now + seconds
        while self.now < until:
            self.now = round(self.now + 0.01, 3)
            for role, (source, units) in self.encoders.items():
                while units and units[0].at - START_AT <= self.now:
                    unit = units.pop(0)
                    if role in roles:
                        source.write(unit)
            if self.switch.has_both and round(self.now / TICK_S, 6).is_integer():
                self.switch.tick()

    def on_air(self) -> str:
        """Whose pictures were given out last."""
        last = [unit for unit in self.run.units if unit.kind == "video"][-1]
        return {100: "main", 200: "backup"}[len(last.data)]

    def leave(self, role: str, reason: str = "disconnected") -> None:
        self.encoders.pop(role)[0].close(reason)


def _moved(unit: Unit, by_s: float) -> Unit:
    ticks = round(by_s * (90_000 if unit.kind == "video" else 48_000))
    return msgspec.structs.replace(unit, dts=unit.dts + ticks, pts=unit.pts + ticks)


@pytest.fixture
def studio() -> Studio:
    return Studio()


def require_one_clock(run: Run, *, longest_s: float) -> None:
    """Both tracks only go forward, and nothing is missing for longer than that."""
    for kind in ("video", "audio"):
        times = run.seconds(kind)
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert min(steps) > 0, kind
        assert max(steps) <= longest_s, kind


def test_a_backup_gives_nothing_out_while_the_main_source_is_well(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(8, "main", "backup")
    assert {len(unit.data) for unit in studio.run.units if unit.kind == "video"} == {100}
    assert [source["state"] for source in studio.run.sources] == ["on_air", "standby"]
    assert studio.run.trouble == ""


def test_a_silent_main_source_is_replaced_within_three_seconds_without_a_hole_in_the_sound(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup", key_s=0.7)
    studio.play(6, "main", "backup")
    studio.play(3, "backup")
    assert studio.on_air() == "backup"
    assert studio.run.trouble == "on_backup"
    assert [source["state"] for source in studio.run.sources] == ["silent", "on_air"]
    assert studio.run.closed == []
    assert studio.run.tracks == [(VIDEO, AUDIO)], "the same tracks begin no new initialisation"
    sound = studio.run.seconds("audio")
    assert max(after - before for before, after in itertools.pairwise(sound)) < 0.1
    require_one_clock(studio.run, longest_s=2.1)
    assert studio.run.seconds("video")[-1] == pytest.approx(9, abs=0.2), "what is shown is not later than before"


def test_the_first_picture_of_another_source_is_a_key_frame(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup", key_s=0.7)
    studio.play(5, "main", "backup")
    studio.play(4, "backup")
    first = next(unit for unit in studio.run.units if len(unit.data) == 200)
    assert first.is_key


def test_a_backup_goes_on_when_the_main_source_has_gone_and_the_run_does_not_end(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup", key_s=0.7)
    studio.play(5, "main", "backup")
    studio.leave("main")
    studio.play(2.1, "backup")
    assert studio.on_air() == "backup"
    assert studio.run.closed == []
    require_one_clock(studio.run, longest_s=2.1)
    studio.leave("backup", "ended")
    assert studio.run.closed == ["ended"]


def test_the_main_source_is_on_the_air_again_once_it_has_been_well_for_a_while(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup", key_s=0.7)
    studio.play(5, "main", "backup")
    studio.leave("main")
    studio.play(3, "backup")
    studio.join("main", key_s=0.3)
    studio.play(WELL_S - 0.5, "main", "backup")
    assert studio.on_air() == "backup"
    studio.play(3, "main", "backup")
    assert studio.on_air() == "main"
    assert studio.run.trouble == ""
    require_one_clock(studio.run, longest_s=2.1)


@pytest.mark.parametrize("off_s", [-0.3, 0.0, 0.3])
def test_a_source_that_is_a_little_behind_need_not_wait_for_another_key_frame(studio: Studio, off_s: float) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(5, "main", "backup")
    studio.leave("main")
    studio.play(3, "backup")
    studio.join("main", off_s=off_s)
    studio.play(WELL_S + 0.3, "main", "backup")
    assert studio.on_air() == "main"
    require_one_clock(studio.run, longest_s=2.1)


def test_a_main_source_that_comes_and_goes_does_not_flap(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(4, "main", "backup")
    for _ in range(3):
        studio.play(3, "backup")
        studio.play(3, "main", "backup")
    assert studio.on_air() == "backup"
    sizes = [len(unit.data) for unit in studio.run.units if unit.kind == "video"]
    assert sizes == sorted(sizes), "one switch"


def test_a_silence_shorter_than_two_seconds_changes_nothing(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(4, "main", "backup")
    studio.play(1.8, "backup")
    studio.play(3, "main", "backup")
    assert studio.on_air() == "main"
    assert all(len(unit.data) != 200 for unit in studio.run.units)


def test_a_process_that_stood_still_itself_takes_nobody_for_silent(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(4, "main", "backup")
    studio.now += 10
    backup, units = studio.encoders["backup"]
    backup.write(units[0])
    studio.switch.tick()
    assert studio.run.trouble == "", "the main source's packets are yet to be read"


def test_other_codec_parameters_are_announced_at_the_switch(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup", tracks=(OTHER_VIDEO, AUDIO))
    studio.play(5, "main", "backup")
    assert studio.run.tracks == [(VIDEO, AUDIO)]
    studio.play(4, "backup")
    assert studio.run.tracks == [(VIDEO, AUDIO), (OTHER_VIDEO, AUDIO)]


@pytest.mark.parametrize("off_s", [-7.0, 5.0, 100.0])
def test_a_backup_whose_clock_is_off_is_put_on_the_clock_of_the_run(studio: Studio, off_s: float) -> None:
    studio.join("main")
    studio.join("backup", off_s=off_s, key_s=0.7)
    studio.play(6, "main", "backup")
    studio.play(4, "backup")
    assert studio.on_air() == "backup"
    require_one_clock(studio.run, longest_s=2.1)
    assert studio.run.seconds("video")[-1] == pytest.approx(10, abs=0.3)


def test_a_second_main_or_backup_source_is_refused(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    for role in ("main", "backup"):
        with pytest.raises(PublishRefused) as caught:
            studio.join(role)
        assert caught.value.code == "busy"


def test_a_main_source_comes_beside_a_backup_that_began_alone(studio: Studio) -> None:
    studio.join("backup")
    studio.play(3, "backup")
    assert studio.on_air() == "backup"
    studio.join("main")
    studio.play(WELL_S + 3, "main", "backup")
    assert studio.on_air() == "main"
    require_one_clock(studio.run, longest_s=2.1)


def test_a_backup_of_sound_alone_takes_over_at_any_packet(studio: Studio) -> None:
    studio.join("main", tracks=(AUDIO,))
    studio.join("backup", tracks=(AUDIO,))
    studio.play(4, "main", "backup")
    studio.play(4, "backup")
    assert studio.run.seconds("audio")[-1] == pytest.approx(8, abs=0.2)


def test_what_is_held_of_a_backup_is_bounded_by_time_and_bytes(studio: Studio) -> None:
    studio.join("main")
    source = studio.join("backup")
    studio.play(12, "main", "backup")
    assert source.held[-1].at - source.held[0].at <= HELD_S
    for unit in pictures(3, from_ms=20_000):
        source.write(msgspec.structs.replace(unit, data=bytes(2 * 1024 * 1024)))
    assert sum(len(unit.data) for unit in source.held) <= 16 * 1024 * 1024


def test_a_stop_ends_all_sources_and_none_of_them_takes_over_meanwhile(studio: Studio) -> None:
    told: list[str] = []
    for role in ("main", "backup"):
        source = studio.join(role)
        source.on_stop(lambda reason, role=role, source=source: (told.append(role), source.close(reason)))
    studio.play(4, "main", "backup")
    before = len(studio.run.units)
    studio.run.stop("ended by its owner")
    assert told == ["main", "backup"]
    assert len(studio.run.units) == before
    assert studio.run.closed == ["ended by its owner"]
    with pytest.raises(PublishRefused):
        studio.join("main")


def test_renditions_that_the_backup_sends_go_on_the_air_with_it(studio: Studio) -> None:
    studio.join("main")
    source = studio.join("backup")
    source.configure_rendition(1, OTHER_VIDEO)
    source.write_rendition(1, pictures(1)[0])
    assert not studio.run.renditions
    assert not studio.run.rendition_units
    studio.play(4, "main", "backup")
    studio.play(4, "backup")
    source.write_rendition(1, pictures(1)[0])
    assert studio.run.renditions == {1: OTHER_VIDEO}
    assert len(studio.run.rendition_units) == 1


def test_a_key_frame_is_asked_of_the_source_that_is_to_take_over(studio: Studio) -> None:
    asked: list[str] = []
    studio.join("main").on_keyframe_wanted(lambda: asked.append("main"))
    studio.join("backup", key_s=0.5).on_keyframe_wanted(lambda: asked.append("backup"))
    studio.play(1, "main", "backup")
    studio.run.want_keyframe()
    studio.leave("main")
    assert asked == ["main", "backup"]


def test_when_both_are_silent_the_first_that_comes_back_is_on_the_air(studio: Studio) -> None:
    studio.join("main")
    studio.join("backup")
    studio.play(4, "main", "backup")
    studio.play(4)
    studio.play(4, "backup")
    assert studio.on_air() == "backup"
    require_one_clock(studio.run, longest_s=6.2)
