"""A stage with its worker: what its people send comes out mixed, whatever becomes of the worker."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from media.errors import PublishRefused
from media.publication import Publication, PublishRequest
from media.relay import Reader, Tracks
from media.stage.plan import StagePlan
from media.stage.stage import Stage
from media.transcode.pool import CodecPool
from media.transcode.stage_messages import StageSeat, StageShape
from media.unit import Track, Unit
from tests.media.transcode.test_stage_mixer import picture

SHAPE = StageShape(320, 180, 10, 300_000)


class Published:
    """A publication that keeps what it is given; ``refusals`` are answered before it."""

    media_time_ms = 5_000
    patience_s = 0.0

    def __init__(self, refusals: Sequence[str] = ()) -> None:
        self.refusals = list(refusals)
        self.keys: list[str] = []
        self.tracks: Sequence[Track] = ()
        self.units: list[Unit] = []
        self.closed: list[str] = []
        self.stop: Callable[[str], None] = lambda reason: None

    async def authorize(self, request: PublishRequest) -> Publication:
        self.keys.append(request.key)
        if self.refusals:
            raise PublishRefused("busy", self.refusals.pop(0))
        return self

    def configure(self, tracks: Sequence[Track]) -> None:
        self.tracks = tracks

    def write(self, unit: Unit) -> None:
        self.units.append(unit)

    def configure_rendition(self, track_id: int, track: Track) -> None: ...
    def write_rendition(self, track_id: int, unit: Unit) -> None: ...
    def warn(self, name: str) -> None: ...

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self.stop = stop

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None: ...


def plan(revision: int = 1, *, key: str = "", seats: Sequence[str] = ("ada", "bob")) -> StagePlan:
    shown = tuple(StageSeat(seat, True, False) for seat in seats)
    return StagePlan(stream_id="stream", revision=revision, seats=shown, key=key)


@asynccontextmanager
async def stage_of(air: Published, **planned: object) -> AsyncIterator[tuple[Stage, CodecPool]]:
    pool = CodecPool(spares=1)
    await pool.start()
    left: list[str] = []
    stage = Stage(
        plan=plan(**planned),  # type: ignore[arg-type]
        hire=pool.hire,
        release=pool.release,
        authorize=air.authorize,
        leave=left.append,
        on_closed=lambda reason: None,
        shape=SHAPE,
    )
    try:
        async with asyncio.timeout(60):
            yield stage, pool
    finally:
        stage.close("the test is over")
        await pool.close()


def comes(stage: Stage, seat: str, luma: int = 100) -> Callable[[str], None]:
    """A person sends a picture; what ends their connection."""
    taken = stage.input(seat)
    stage.came(seat, taken)
    track, unit = picture(luma)
    taken.configure([track])
    taken.write(unit)
    return taken.close


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def units(reader: Reader) -> list[Unit]:
    return [item for item in reader.take() if isinstance(item, Unit)]


async def test_what_is_mixed_is_published_on_the_streams_clock_and_begins_with_a_key_frame() -> None:
    air = Published()
    async with stage_of(air, key="secret") as (stage, _):
        comes(stage, "ada")
        await until(lambda: len(air.units) > 10)
    assert air.keys == ["secret"]
    assert [track.kind for track in air.tracks] == ["video", "audio"]
    assert air.units[0].is_key
    assert air.units[0].pts == pytest.approx(5_000 * 90, abs=90 * 150)
    sound = [unit.pts for unit in air.units if unit.kind == "audio"]
    assert all(later > earlier and (later - earlier) % 960 == 0 for earlier, later in itertools.pairwise(sound))


async def test_a_stage_that_nobody_is_on_is_not_published() -> None:
    air = Published()
    async with stage_of(air, key="secret") as (stage, _):
        seat = await stage.onlooker("ada")
        reader = seat.relay.subscribe(lambda: None)
        await until(lambda: len(units(reader)) > 0)
    assert air.keys == []


async def test_people_go_on_after_their_worker_is_killed() -> None:
    air = Published()
    async with stage_of(air, key="secret") as (stage, pool):
        comes(stage, "ada")
        await until(lambda: air.units)
        seat = await stage.onlooker("bob")
        (worker,) = pool._at_work
        os.kill(worker.pid, signal.SIGKILL)
        await worker.gone.wait()
        reader = seat.relay.subscribe(lambda: None, from_key=False)
        before = len(air.units)
        await until(lambda: len(air.units) > before + 5)
        items = reader.take()
        assert stage.closed is None
        assert any(isinstance(item, Unit) and item.is_key and item.kind == "video" for item in items)
        assert sum(isinstance(item, Tracks) for item in items) == 1
        assert not air.closed
        assert all(later.dts >= earlier.dts for earlier, later in _pairs(air.units, "video"))


async def test_a_refused_publication_is_asked_for_again_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.stage.air.AGAIN_S", 0.05)
    air = Published(refusals=["Somebody is publishing this stream already."])
    async with stage_of(air, key="secret") as (stage, _):
        comes(stage, "ada")
        await until(lambda: stage.state.trouble)
        await until(lambda: stage.state.is_on_air)
        assert stage.state.trouble == ""


async def test_what_was_stopped_from_outside_begins_again_when_the_streamer_says_so_only() -> None:
    air = Published()
    async with stage_of(air, key="secret") as (stage, _):
        comes(stage, "ada")
        await until(lambda: stage.state.is_on_air)
        air.stop("another publisher has taken over")
        stage.set(plan(key="secret"))
        await until(lambda: stage._under_way)
        assert (stage.state.is_on_air, stage.state.trouble) == (False, "another publisher has taken over")
        stage.set(plan(2, key="secret"))
        await until(lambda: stage.state.is_on_air)
    assert len(air.keys) == 2


async def test_an_older_plan_changes_nothing_and_one_without_seats_ends_the_stage() -> None:
    async with stage_of(Published(), revision=2) as (stage, _):
        comes(stage, "ada")
        stage.set(plan(1, seats=()))
        assert stage.closed is None
        assert stage.state.present == ("ada",)
        stage.set(plan(3, seats=()))
        assert stage.closed == "it was ended"


async def test_who_comes_again_ends_their_earlier_connection_and_who_is_removed_loses_theirs() -> None:
    async with stage_of(Published()) as (stage, _):
        ended: list[str] = []
        first = stage.input("ada")
        stage.came("ada", first)
        first.on_stop(ended.append)
        second = stage.input("ada")
        stage.came("ada", second)
        assert ended == ["the same person has come again"]
        second.on_stop(ended.append)
        stage.set(plan(2, seats=("bob",)))
        assert ended[1:] == ["they are not on this stage any more"]


def _pairs(found: Sequence[Unit], kind: str) -> list[tuple[Unit, Unit]]:
    of_kind = [unit for unit in found if unit.kind == kind]
    return list(itertools.pairwise(of_kind))
