"""The hype of a stream: rises with who writes and reacts, fades by itself, and is sent once a second at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.events import ChatPosted, Reacted
from actors.runtime import ManualClock
from server.live.hype import HALF_LIFE_S, MAX_PREDICTIONS, MAX_WRITERS, REWARD, STAKE, Hype, HypeMeter, faded, level_of


class Fan:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.watching = 1

    def publish(self, topic: str, event: str, payload: dict[str, Any], /) -> None:
        assert event == "stream:hype"
        self.sent.append((topic, payload["level"]))

    def count(self, topic: str, /) -> int:
        return self.watching


class Showroom:
    """One stream, ``s``, whose room is ``r``."""

    def __init__(self) -> None:
        self.fan, self.clock, self.viewers = Fan(), ManualClock(), 4
        mirrors: Any = {"r": SimpleNamespace(stream_id="s"), "alone": SimpleNamespace(stream_id=None)}
        self.hype = Hype(fan=self.fan, mirrors=mirrors, viewers_of=lambda _: self.viewers, clock=self.clock)

    def write(self, *authors: str, room_id: str = "r") -> None:
        messages = tuple({"user": {"id": author}} for author in authors)
        self.hype.posted(ChatPosted(room_id=room_id, epoch="e", messages=messages))

    def levels(self) -> list[int]:
        return [level for _, level in self.fan.sent]


@pytest.fixture
def show() -> Showroom:
    return Showroom()


async def test_it_rises_and_fades_to_nothing_and_nothing_is_left_of_it(show: Showroom) -> None:
    for second in range(10):
        show.write(*(f"p{second}-{number}" for number in range(3)))
        await show.clock.advance(1.0)
    highest = show.levels()[-1]
    assert show.levels() == sorted(show.levels())
    assert highest > 50
    await show.clock.advance(120.0)
    assert show.levels()[-1] == 0
    assert show.levels()[9:] == sorted(show.levels()[9:], reverse=True)
    before = len(show.levels())
    await show.clock.advance(60.0)
    assert (len(show.levels()), show.hype._meters, show.hype._sent) == (before, {}, {})


async def test_at_most_one_level_a_second_is_sent_whatever_comes(show: Showroom) -> None:
    for number in range(1000):
        show.write(f"p{number}")
        show.hype.reacted(Reacted(stream_id="s", counts={"x": 10}))
        await show.clock.advance(0.01)
    assert len(show.levels()) <= 10


async def test_one_person_alone_makes_less_hype_than_many(show: Showroom) -> None:
    alone, many = HypeMeter(), HypeMeter()
    for number in range(20):
        alone.wrote("one", number * 0.2)
        many.wrote(f"p{number}", number * 0.2)
    assert alone.level(4.0, 10) < many.level(4.0, 10) / 2


async def test_rewards_and_people_who_stake_points_make_hype_each_once(show: Showroom) -> None:
    heard = show.hype.published()

    def stake(people: int, state: str = "open") -> None:
        outcomes = [{"people": people}, {"people": 1}]
        heard["prediction:state"]({"room_id": "r", "prediction": {"id": "p", "state": state, "outcomes": outcomes}})

    def energy() -> float:
        return show.hype._meters["s"]._energy

    heard["reward"]({"room_id": "r", "state": "waiting"})
    assert energy() == REWARD
    heard["reward"]({"room_id": "r", "state": "fulfilled"})
    stake(3)
    stake(3)
    stake(5)
    stake(9, "locked")
    assert energy() == REWARD + 6 * STAKE
    heard["reward"]({"room_id": "alone", "state": "waiting"})
    assert list(show.hype._meters) == ["s"]


def test_the_predictions_that_are_remembered_are_bounded() -> None:
    meter = HypeMeter()
    for number in range(MAX_PREDICTIONS * 2):
        meter.staked(f"p{number}", 1, 0.0)
    assert len(meter._staked) == MAX_PREDICTIONS


async def test_a_stream_that_nobody_watches_here_and_a_room_without_a_stream_cost_nothing(show: Showroom) -> None:
    show.write("a", room_id="alone")
    show.write("a", room_id="unknown")
    show.fan.watching = 0
    show.write("a")
    assert show.hype._meters == {}


def test_the_writers_who_are_remembered_are_bounded() -> None:
    meter = HypeMeter()
    for number in range(MAX_WRITERS * 2):
        meter.wrote(f"p{number}", 0.0)
    assert len(meter._wrote_at) == MAX_WRITERS


@given(st.floats(0, 1e9), st.integers(0, 10**9), st.floats(0, 1e6))
def test_a_level_is_from_0_to_100_and_more_viewers_need_more(energy: float, viewers: int, seconds: float) -> None:
    assert 0 <= level_of(energy, viewers) <= 100
    assert level_of(energy, viewers) >= level_of(energy, viewers * 2)
    assert level_of(faded(energy, seconds), viewers) <= level_of(energy, viewers)
    assert faded(energy, HALF_LIFE_S) == pytest.approx(energy / 2)
