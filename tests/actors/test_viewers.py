"""Counting viewers: exact whatever the order of news, once a second, and written in batches that survive an outage."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import viewers_tally
from actors.events import CounterOpened, LiveEvent, ViewersCounted
from actors.runtime import Actor, ActorId, LocalDirectory, LocalTransport, ManualClock, Node, handles, shard_of
from actors.stream_messages import KeepViewers
from actors.viewers import ANNOUNCE_S, OPENING_S, RECOUNT_S, ViewCounter
from actors.viewers_messages import CountViewers, NodeLeft, ViewerBeat, ViewerCame, ViewerLeft, ViewersHere
from actors.viewers_tally import ViewTally, mark_of
from server.live.durable import DurableViews
from storage.ids import Ids
from storage.memory.streams import MemoryStreams
from storage.memory.tables import MemoryPerson, Tables
from storage.memory.views import MemoryViews
from storage.stream_rows import NewStream


class Keeper(Actor):
    """In the stream's place."""

    def __init__(self, kept: list[KeepViewers]) -> None:
        self._kept = kept

    @handles(KeepViewers)
    def keep(self, message: KeepViewers) -> None:
        self._kept.append(message)


class Hall:
    """One stream's counter on a node."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.tables = Tables()
        self.views = MemoryViews(tables=self.tables)
        self.ids = Ids()
        self.events: list[LiveEvent] = []
        self.kept: list[KeepViewers] = []
        self.said_at: list[float] = []
        self.stream_id = self.ids.uuid7(1.0)
        self.epoch = 0

    async def open(self) -> None:
        owner = MemoryPerson(id=self.ids.uuid7(1.0), username="ann")
        self.tables.add_person(owner)
        new = NewStream(
            id=self.stream_id,
            room_id=self.ids.uuid7(1.0),
            owner_id=owner.id,
            title="A stream",
            stream_key="key",
            log_epoch="e1",
        )
        await MemoryStreams(tables=self.tables).create(new)
        await self.boot()

    async def boot(self) -> None:
        shard = shard_of(ActorId("viewers", self.stream_id))
        self.epoch += 1
        self.tables.epochs[shard] = self.epoch
        directory = LocalDirectory(node="n1", epoch=self.epoch)
        self.node = Node(name="n1", clock=self.clock, directory=directory, transport=LocalTransport())
        self.node.register(
            "viewers",
            lambda actor_id: ViewCounter(
                stream_id=actor_id.key,
                store=DurableViews(views=self.views),  # type: ignore[arg-type]
                broadcast=self._announced,
                now=lambda: dt.datetime.fromtimestamp(self.clock.time(), dt.UTC),
            ),
        )
        self.node.register("stream", lambda actor_id: Keeper(self.kept))
        await self.node.start()
        self.ref = self.node.ref("viewers", self.stream_id)

    def _announced(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        self.events.append(event)
        self.said_at.append(self.clock.monotonic())

    async def close(self) -> None:
        stopping = asyncio.ensure_future(self.node.stop(budget_s=1.0))
        await self.clock.advance(2.0)
        await stopping

    async def came(self, view: str, viewer: str = "", *, since: float | None = None, node: str = "") -> None:
        who, at = viewer or f"guest:{view}", self.clock.time()
        self.ref.tell(ViewerCame(view_id=view, viewer=who, user_id=None, at=at, since=since, node=node))
        await self.clock.settle()

    async def left(self, view: str) -> None:
        self.ref.tell(ViewerLeft(view_id=view, at=self.clock.time()))
        await self.clock.settle()

    def counts(self) -> list[int]:
        said = [event.viewers for event in self.events if isinstance(event, ViewersCounted)]
        return [count for at, count in enumerate(said) if at == 0 or said[at - 1] != count]

    async def viewers(self) -> int:
        return (await self.node.ref("viewers", self.stream_id).ask(CountViewers())).viewers

    async def lose(self) -> None:
        """The node is gone, and wrote nothing on its way."""
        self.tables.is_away = True
        await self.close()
        self.tables.is_away = False
        await self.boot()

    async def totals(self) -> Any:
        return await self.views.totals(self.stream_id)


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    made = Hall()
    await made.open()
    yield made
    made.tables.is_away = False
    await made.close()


async def test_the_first_viewer_is_told_at_once_and_the_others_within_a_second(hall: Hall) -> None:
    await hall.came("a")
    assert hall.counts() == [1]
    for view in "bcd":
        await hall.came(view)
    assert hall.counts() == [1]
    await hall.clock.advance(1.0)
    assert hall.counts() == [1, 4]


async def test_counts_are_told_at_most_once_a_second_whoever_comes_and_goes(hall: Hall) -> None:
    for number in range(40):
        await hall.came(f"v{number}")
        await hall.clock.advance(0.13)
        await hall.left(f"v{number}")
        await hall.clock.advance(0.29)
    await hall.clock.advance(3.0)
    by_count = [at for at, event in zip(hall.said_at, hall.events, strict=True) if isinstance(event, ViewersCounted)]
    assert all(after - before >= 0.999 for before, after in itertools.pairwise(by_count))
    assert hall.counts()[-1] == 0


async def test_the_same_view_again_and_a_view_that_never_came_change_nothing(hall: Hall) -> None:
    await hall.came("a")
    await hall.came("a")
    await hall.left("b")
    assert (await hall.node.ref("viewers", hall.stream_id).ask(CountViewers())).viewers == 1
    await hall.left("a")
    await hall.left("a")
    assert (await hall.node.ref("viewers", hall.stream_id).ask(CountViewers())).viewers == 0


async def test_one_person_with_two_sockets_is_two_viewers_and_one_unique_viewer(hall: Hall) -> None:
    await hall.came("a", "ann")
    await hall.came("b", "ann")
    await hall.came("c")
    await hall.clock.advance(6.0)
    totals = await hall.totals()
    assert (totals.peak_viewers, totals.unique_viewers) == (3, 2)


async def test_watch_time_is_written_every_few_seconds_and_ends_with_the_view(hall: Hall) -> None:
    await hall.came("a")
    await hall.clock.advance(12.0)
    assert (await hall.totals()).watched_ms >= 5_000
    await hall.left("a")
    await hall.clock.advance(20.0)
    assert (await hall.totals()).watched_ms == 12_000
    assert hall.kept[-1].watched_ms == 12_000
    assert hall.kept[-1].viewers == 0


async def test_stalls_and_the_way_of_watching_are_written_with_the_view(hall: Hall) -> None:
    await hall.came("a")
    await hall.clock.advance(1.0)
    for _ in range(2):
        hall.ref.tell(ViewerBeat(view_id="a", at=hall.clock.time(), stalled_ms=40, transport="hls"))
    hall.ref.tell(ViewerBeat(view_id="nobody", at=hall.clock.time()))
    await hall.clock.advance(10.0)
    (session,) = await hall.views.sessions(hall.stream_id)
    assert (session.stalled_ms, session.transport) == (80, "hls")


async def test_an_outage_of_the_database_loses_no_watch_time(hall: Hall) -> None:
    await hall.came("a")
    await hall.came("b")
    await hall.clock.advance(3.0)
    hall.tables.is_away = True
    await hall.clock.advance(30.0)
    await hall.left("a")
    await hall.clock.advance(30.0)
    hall.tables.is_away = False
    await hall.clock.advance(6.0)
    await hall.left("b")
    await hall.clock.advance(6.0)
    by_view = {session.id: session.watched_ms for session in await hall.views.sessions(hall.stream_id)}
    assert by_view == {"a": 33_000, "b": 69_000}


async def test_a_drained_node_has_written_what_it_counted(hall: Hall) -> None:
    await hall.came("a")
    await hall.clock.advance(4.0)
    await hall.close()
    assert (await hall.totals()).watched_ms == 4_000
    await hall.boot()
    assert (await hall.node.ref("viewers", hall.stream_id).ask(CountViewers())).peak_viewers == 1


async def test_a_counter_stays_while_somebody_watches_and_goes_when_nobody_does(hall: Hall) -> None:
    await hall.came("a")
    await hall.clock.advance(300.0)
    assert (await hall.node.ref("viewers", hall.stream_id).ask(CountViewers())).viewers == 1
    await hall.left("a")
    await hall.clock.advance(300.0)
    assert all(info.id.kind != "viewers" for info in hall.node.actors())


async def test_a_counter_that_is_new_says_so_to_everybody(hall: Hall) -> None:
    await hall.came("a")
    assert hall.events[0] == CounterOpened(stream_id=hall.stream_id)
    assert hall.events.count(hall.events[0]) == 1
    await hall.close()
    await hall.boot()
    await hall.viewers()
    assert hall.events.count(hall.events[0]) == 2


async def test_who_watches_is_counted_again_by_a_new_counter_with_all_the_time_and_once(hall: Hall) -> None:
    since = hall.clock.time()
    await hall.came("a", since=since, node="n2")
    await hall.came("b", since=since, node="n2")
    await hall.clock.advance(7.0)
    await hall.lose()
    await hall.clock.advance(3.0)
    for _ in range(2):
        await hall.came("a", since=since, node="n2")
    assert await hall.viewers() == 1
    await hall.clock.advance(10.0)
    watched_ms = round((hall.clock.time() - since) * 1000)
    await hall.left("a")
    await hall.clock.advance(10.0)
    by_view = {session.id: session.watched_ms for session in await hall.views.sessions(hall.stream_id)}
    assert by_view["a"] == watched_ms
    assert by_view["b"] == 5_000
    totals = await hall.totals()
    assert (totals.peak_viewers, totals.unique_viewers, totals.watched_ms) == (2, 2, watched_ms + 5_000)


async def test_a_view_that_says_it_began_later_than_it_came_has_watched_nothing_yet(hall: Hall) -> None:
    await hall.came("a", since=hall.clock.time() + 60.0)
    await hall.clock.advance(4.0)
    await hall.left("a")
    await hall.clock.advance(6.0)
    assert (await hall.totals()).watched_ms == 4_000


async def test_a_node_that_has_left_takes_its_viewers_with_it_and_nobody_elses(hall: Hall) -> None:
    for view in "abc":
        await hall.came(view, node="n2")
    await hall.came("d", node="n3")
    await hall.clock.advance(4.0)
    hall.ref.tell(NodeLeft(node="n2", at=hall.clock.time()))
    hall.ref.tell(NodeLeft(node="n2", at=hall.clock.time()))
    hall.ref.tell(NodeLeft(node="n9", at=hall.clock.time()))
    await hall.clock.settle()
    assert await hall.viewers() == 1
    await hall.clock.advance(6.0)
    assert hall.counts()[-1] == 1
    by_view = {session.id: session.watched_ms for session in await hall.views.sessions(hall.stream_id)}
    assert [by_view[view] for view in "abc"] == [4_000] * 3
    assert by_view["d"] >= 5_000


async def test_somebody_whose_node_was_thought_gone_comes_again_with_the_time_between(hall: Hall) -> None:
    since = hall.clock.time()
    await hall.came("a", node="n2")
    await hall.clock.advance(6.0)
    hall.ref.tell(NodeLeft(node="n2", at=hall.clock.time()))
    await hall.clock.advance(2.0)
    await hall.came("a", since=since, node="n2")
    await hall.clock.advance(2.0)
    await hall.left("a")
    await hall.clock.advance(6.0)
    totals = await hall.totals()
    assert (totals.watched_ms, totals.unique_viewers, totals.peak_viewers) == (10_000, 1, 1)


def here(hall: Hall, views: str, node: str = "n2") -> ViewersHere:
    marks = 0
    for view in views:
        marks ^= mark_of(view)
    return ViewersHere(node=node, viewers=len(views), marks=marks, at=hall.clock.time())


async def test_a_node_that_has_as_many_viewers_as_were_counted_is_asked_nothing(hall: Hall) -> None:
    await hall.came("a", node="n2")
    await hall.came("b", node="n3")
    hall.ref.tell(here(hall, "a"))
    hall.ref.tell(here(hall, "b", node="n3"))
    await hall.clock.advance(2.0)
    assert hall.events.count(CounterOpened(stream_id=hall.stream_id)) == 1
    assert await hall.viewers() == 2


@pytest.mark.parametrize("count_of", ["a", "ac", "abc", ""])
async def test_a_node_whose_news_was_lost_says_everything_again_and_no_wrong_count_is_told(
    hall: Hall, count_of: str
) -> None:
    since = hall.clock.time()
    for view in "ab":
        await hall.came(view, since=since, node="n2")
    await hall.came("d", node="n3")
    await hall.clock.advance(3.0)
    hall.ref.tell(here(hall, count_of))
    await hall.clock.settle()
    assert hall.events.count(CounterOpened(stream_id=hall.stream_id)) == 2, "it is asked"
    for view in count_of:
        await hall.came(view, since=since, node="n2")
    await hall.clock.advance(RECOUNT_S + 1.0)
    assert await hall.viewers() == len(count_of) + 1
    assert hall.counts() == [1, 3, *([len(count_of) + 1] if len(count_of) != 2 else [])]
    hall.ref.tell(here(hall, count_of))
    await hall.clock.settle()
    assert hall.events.count(CounterOpened(stream_id=hall.stream_id)) == 2, "and once"


async def test_a_count_that_was_off_is_told_as_soon_as_the_node_has_said_all_that_it_has(hall: Hall) -> None:
    await hall.came("a", node="n2")
    await hall.clock.advance(3.0)
    hall.ref.tell(here(hall, "abc"))
    for view in "ab":
        await hall.came(view, node="n2")
    await hall.clock.settle()
    assert hall.counts() == [1]
    await hall.came("c", node="n2")
    await hall.clock.advance(ANNOUNCE_S)
    assert hall.counts() == [1, 3]


async def test_a_counter_that_is_not_the_streams_first_tells_nothing_until_the_nodes_have_had_their_say(
    hall: Hall,
) -> None:
    for view in "abc":
        await hall.came(view, node="n2")
    await hall.clock.advance(3.0)
    await hall.close()
    await hall.boot()
    for view in "abc":
        await hall.came(view, node="n2")
    await hall.clock.advance(OPENING_S + 0.1)
    assert hall.counts() == [1, 3]


def came(view: str, at: float) -> ViewerCame:
    return ViewerCame(view_id=view, viewer=view, user_id=None, at=at)


def test_what_cannot_be_written_is_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers_tally, "MAX_DIRTY", 10)
    tally = ViewTally()
    for number in range(8):
        tally.came(came(f"a{number}", 0.0))
    rows = tally.take_dirty()
    for number in range(15):
        tally.came(came(f"b{number}", 0.0))
    tally.put_back(rows)
    assert len(tally.take_dirty()) == 15


def test_what_changed_meanwhile_is_not_overwritten_by_what_was_put_back() -> None:
    tally = ViewTally()
    tally.came(came("a", 0.0))
    rows = tally.take_dirty()
    tally.advance(5.0)
    tally.put_back(rows)
    assert [row.watched_ms for row in tally.take_dirty()] == [5_000]


@given(
    st.lists(
        st.tuples(st.sampled_from(["came", "left", "beat"]), st.sampled_from("abcd"), st.floats(0, 3)), max_size=40
    )
)
def test_a_tally_counts_who_came_and_has_not_left_and_never_more_time_than_passed(
    news: list[tuple[str, str, float]],
) -> None:
    tally, there, at, peak = ViewTally(), set[str](), 0.0, 0
    for kind, view, after in news:
        at += after
        if kind == "came":
            tally.came(came(view, at))
            there.add(view)
        elif kind == "left":
            tally.left(ViewerLeft(view_id=view, at=at))
            there.discard(view)
        else:
            tally.beat(ViewerBeat(view_id=view, at=at))
        peak = max(peak, len(there))
        assert tally.viewers == len(there)
    assert tally.peak_viewers == peak
    assert all(row.watched_ms <= round(at * 1000) + len(news) for row in tally.take_dirty())
