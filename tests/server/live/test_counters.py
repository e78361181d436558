"""Who watches is told to the streams' counters in the end, however long one is away, and each time only what holds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.runtime import Actor, ActorId, LocalTransport, Node, handles, shard_of
from actors.runtime.clock import ManualClock
from actors.viewers_messages import ViewerCame, ViewerLeft, ViewersHere
from actors.viewers_tally import mark_of
from server.live.counters import COUNT_S, LAST_REPORTS, RETRY_S, LocalViewers
from tests.server.live.nodes import NodeDirectory


class Counter(Actor):
    """Keeps what it is told."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    @handles(ViewerCame)
    def came(self, message: ViewerCame) -> None:
        self._told.append(f"+{message.view_id}")

    @handles(ViewerLeft)
    def left(self, message: ViewerLeft) -> None:
        self._told.append(f"-{message.view_id}")

    @handles(ViewersHere)
    def here(self, message: ViewersHere) -> None:
        self._told.append(f"{message.node} has {message.viewers} {message.marks}")


class Scene:
    """The counters live on the node n1, which is not there before `begin`."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[str] = []
        self._transport = LocalTransport()
        self._home = Node(name="n1", clock=self.clock, directory=NodeDirectory(), transport=self._transport)
        self.here = Node(name="n2", clock=self.clock, directory=NodeDirectory(), transport=self._transport)
        for node in (self._home, self.here):
            node.register("viewers", lambda _: Counter(self.told), idle_after_s=None)
        self.counters = LocalViewers(node=self.here)

    async def begin(self) -> None:
        await self._home.start()

    async def stop(self) -> None:
        await self.here.stop(budget_s=0.0)
        await self._home.stop(budget_s=0.0)

    def came(self, stream_id: str, view_id: str) -> None:
        message = ViewerCame(view_id=view_id, viewer="v", user_id=None, at=1.0, since=None, node="n2")
        self.counters.came(stream_id, message)

    def left(self, stream_id: str, view_id: str) -> None:
        self.counters.left(stream_id, ViewerLeft(view_id=view_id, at=2.0))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    await made.here.start()
    yield made
    await made.stop()


async def test_a_counter_that_is_there_is_told_at_once(scene: Scene) -> None:
    await scene.begin()
    scene.came("s", "a")
    scene.left("s", "a")
    await scene.clock.advance(0.01)
    assert scene.told == ["+a", "-a"]


async def test_a_counter_that_was_away_is_told_when_it_is_back(scene: Scene) -> None:
    scene.came("s", "a")
    scene.came("t", "b")
    await scene.clock.advance(10 * RETRY_S)
    await scene.begin()
    await scene.clock.advance(RETRY_S)
    assert sorted(scene.told) == ["+a", "+b"]
    await scene.clock.advance(5 * RETRY_S)
    assert len(scene.told) == 2, "and once"


async def test_of_a_view_only_what_was_said_last_is_told_late(scene: Scene) -> None:
    scene.came("s", "a")
    scene.left("s", "a")
    await scene.begin()
    scene.came("s", "b")
    await scene.clock.advance(RETRY_S)
    assert sorted(scene.told) == ["+b", "-a"]


async def test_a_counter_hears_now_and_then_how_many_watch_and_for_a_while_that_nobody_does(scene: Scene) -> None:
    await scene.begin()
    scene.came("s", "a")
    scene.came("s", "b")
    await scene.clock.advance(COUNT_S)
    assert scene.told[2:] == [f"n2 has 2 {mark_of('a') ^ mark_of('b')}"]
    scene.left("s", "a")
    await scene.clock.advance(COUNT_S)
    assert scene.told[4:] == [f"n2 has 1 {mark_of('b')}"]
    assert scene.counters.watched == ["s"]
    scene.left("s", "b")
    await scene.clock.advance(10 * COUNT_S)
    assert scene.told[6:] == ["n2 has 0 0"] * LAST_REPORTS
    assert scene.counters.watched == []


async def test_what_is_still_to_be_told_is_told_before_what_it_adds_up_to(scene: Scene) -> None:
    scene.came("s", "a")
    await scene.clock.advance(COUNT_S + RETRY_S)
    await scene.begin()
    await scene.clock.advance(2 * COUNT_S)
    assert scene.told[:2] == ["+a", f"n2 has 1 {mark_of('a')}"]


async def test_a_counter_whose_shard_has_another_owner_hears_at_once_how_many_watch_and_no_other_does(
    scene: Scene,
) -> None:
    await scene.begin()
    scene.came("s", "a")
    scene.came("t", "b")
    scene.counters.moved({shard_of(ActorId("viewers", "s"))})
    await scene.clock.advance(0.01)
    assert sorted(scene.told) == ["+a", "+b", f"n2 has 1 {mark_of('a')}"]


async def test_what_a_counter_could_not_be_told_is_told_when_it_has_another_owner(scene: Scene) -> None:
    scene.came("s", "a")
    await scene.begin()
    scene.counters.moved({shard_of(ActorId("viewers", "s"))})
    await scene.clock.advance(0.01)
    assert scene.told == ["+a", f"n2 has 1 {mark_of('a')}"]
