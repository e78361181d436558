"""A feature's reader on a node, over Postgres: woken, fenced by its shard, seen and helped by operators."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.reader import READER
from actors.runtime import ActorId, DomainError, Fence, LocalDirectory, LocalTransport, ManualClock, Node, shard_of
from server.features.operations.facts import ReaderRoutes
from server.http.identity import Caller, Identity
from server.readers import AT_ONCE, FeatureFacts, Readers
from storage.facts import Advance, Consumer, Fact, Facts, publish
from storage.leases import Leases
from storage.postgres import Database, Transaction
from tests.server.conftest import Serve

ADMIN = "00000000-0000-7000-8000-00000000000a"
SHARD = shard_of(ActorId(READER, "diary"))


class Said(Fact, frozen=True, kw_only=True, tag="test.said"):
    word: str


class ReaderFixture:
    """A node that holds ``held``, with one reader, whose consumer refuses the word ``no``."""

    def __init__(self, database: Database, epoch: int) -> None:
        self.database = database
        self.facts = Facts(db=database)
        self.clock = ManualClock()
        self.held = {SHARD}
        self.heard: list[str] = []
        self.refuses = True
        directory = LocalDirectory(node="n1", epoch=epoch)
        self.node = Node(name="n1", clock=self.clock, directory=directory, transport=LocalTransport())
        self.readers = Readers(node=self.node, facts=self.facts, shards=self)
        self.readers.add({"diary": [Consumer(Said, self._hear)], "silent": []})
        self.node.register(READER, self.readers.actor)

    async def _hear(self, tx: Transaction, fact: Said) -> None:
        if fact.word == "no" and self.refuses:
            raise ValueError("refused")
        self.heard.append(fact.word)

    async def say(self, *words: str) -> None:
        async with self.database.transaction() as tx:
            await publish(tx, *(Said(word=word) for word in words))

    async def read(self, published: str = "") -> None:
        """Wakes the readers of what was published and returns when they have nothing more to do."""
        self.readers.wake(published)
        await self.clock.settle()
        while any(info.unread or info.tasks for info in self.node.actors(kind=READER)):
            await self.database.ping()


@pytest.fixture
async def fixture(database: Database) -> AsyncIterator[ReaderFixture]:
    made = ReaderFixture(database, (await Leases(db=database).take([SHARD], "n1"))[SHARD])
    await made.node.start()
    yield made
    await made.node.stop(budget_s=1)


async def test_a_woken_reader_hears_what_was_published(fixture: ReaderFixture) -> None:
    await fixture.say("hello", "again")
    await fixture.read()
    assert fixture.heard == ["hello", "again"]
    assert fixture.readers.gauges()["facts_read_total"][1] == 2


async def test_a_reader_whose_shard_is_elsewhere_is_left_alone(fixture: ReaderFixture) -> None:
    fixture.held.clear()
    await fixture.say("hello")
    await fixture.read()
    assert (fixture.heard, fixture.node.cell_count) == ([], 0)


async def test_a_reader_whose_shard_was_taken_meanwhile_hears_nothing(fixture: ReaderFixture) -> None:
    await Leases(db=fixture.database).take([SHARD], "n2")
    await fixture.say("hello")
    await fixture.read()
    assert [state.behind for state in await fixture.facts.readers()] == [1]


async def test_a_reader_is_woken_by_the_names_of_facts_that_it_has_a_consumer_for(fixture: ReaderFixture) -> None:
    await fixture.say("hello")
    await fixture.read("test.other,test.unread")
    assert fixture.heard == []
    await fixture.read("test.other,test.said")
    assert fixture.heard == ["hello"]


async def test_facts_are_polled_for_when_nobody_wakes_the_reader(fixture: ReaderFixture) -> None:
    fixture.readers.start()
    await fixture.clock.settle()
    await fixture.say("hello")
    async with asyncio.timeout(30):
        while not fixture.heard:
            await fixture.clock.advance(1.1)
            await fixture.database.ping()
    await fixture.readers.close()
    assert fixture.heard == ["hello"]


async def test_a_reader_of_a_feature_that_this_version_lacks_passes_over_nothing(fixture: ReaderFixture) -> None:
    unknown = FeatureFacts(
        facts=fixture.facts, reader="later", consumers=None, counts=fixture.readers._counts, turns=asyncio.Semaphore(1)
    )
    with pytest.raises(DomainError):
        await unknown.open()


class SlowFacts:
    """Notes how many read at once; each batch takes a few turns of the loop."""

    def __init__(self) -> None:
        self.now = self.most = self.read = 0

    async def open(self, reader: str) -> None:
        """There is nothing to note."""

    async def advance(self, reader: str, consumers: Any, *, fence: Fence) -> Advance:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        self.now, self.read = self.now - 1, self.read + 1
        return Advance()


async def test_a_sweep_that_wakes_all_readers_has_few_of_them_read_at_once() -> None:
    facts, turns = SlowFacts(), asyncio.Semaphore(AT_ONCE)
    readers = [
        FeatureFacts(facts=facts, reader=str(number), consumers={}, counts=Counter(), turns=turns)  # type: ignore[arg-type]
        for number in range(20)
    ]
    await asyncio.gather(*(one.advance(fence=Fence(shard=1, epoch=1)) for one in readers))
    assert (facts.read, facts.most) == (20, AT_ONCE)


# operators


class Operator:
    def __init__(self, client: Any, identity: Identity, *roles: str) -> None:
        person = Caller(id=ADMIN, username="ann", display_name="Ann", session_id=ADMIN, roles=frozenset(roles))
        self._client = client
        self._headers = {"Authorization": f"Bearer {identity.mint(person)[0]}"}

    async def ask(self, method: str, path: str = "") -> tuple[int, Any]:
        async with self._client.request(method, f"/api/v1/admin/facts{path}", headers=self._headers) as response:
            return response.status, await response.json() if response.status != 204 else None


async def operator_of(fixture: ReaderFixture, serve: Serve, identity: Identity, *roles: str) -> Operator:
    client = await serve(*ReaderRoutes(facts=fixture.facts).operations())
    return Operator(client, identity, *roles)


async def put_aside(fixture: ReaderFixture, count: int) -> None:
    """Let the reader fail until it has put so many facts aside."""
    async with asyncio.timeout(30):
        while fixture.readers.gauges()["facts_aside_total"][1] < count:
            await fixture.read()
            await fixture.clock.advance(10.1)
    await fixture.read()


async def test_an_operator_sees_what_fails_and_what_was_put_aside_and_has_it_tried_again(
    fixture: ReaderFixture, serve: Serve, identity: Identity
) -> None:
    operator = await operator_of(fixture, serve, identity, "admin")
    await fixture.say("no", "yes")
    await fixture.read()
    _, body = await operator.ask("GET")
    [state] = body["readers"]
    assert (state["name"], state["behind"], state["failures"]) == ("diary", 2, 1)
    assert state["error"] == "ValueError: refused"
    await put_aside(fixture, 1)
    assert fixture.heard == ["yes"]
    _, page = await operator.ask("GET", "/aside?reader=diary")
    [aside] = page["items"]
    assert (aside["name"], aside["body"]["word"], aside["error"]) == ("test.said", "no", "ValueError: refused")
    assert fixture.readers.gauges()["facts_aside_total"][1] == 1
    fixture.refuses = False
    assert (await operator.ask("POST", f"/aside/{aside['id']}/retry"))[0] == 204
    assert (await operator.ask("POST", f"/aside/{aside['id']}/retry"))[0] == 404
    await fixture.read()
    assert fixture.heard == ["yes", "no"]


async def test_facts_aside_are_listed_page_by_page(fixture: ReaderFixture, serve: Serve, identity: Identity) -> None:
    operator = await operator_of(fixture, serve, identity, "admin")
    await fixture.say("no", "no")
    await put_aside(fixture, 2)
    _, first = await operator.ask("GET", "/aside?limit=1")
    _, second = await operator.ask("GET", f"/aside?limit=1&cursor={first['next']}")
    assert int(first["items"][0]["id"]) > int(second["items"][0]["id"])
    assert second["next"] is None


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/aside"), ("POST", "/aside/1/retry")])
async def test_facts_are_for_admins_alone(
    fixture: ReaderFixture, serve: Serve, identity: Identity, method: str, path: str
) -> None:
    operator = await operator_of(fixture, serve, identity, "viewer")
    assert (await operator.ask(method, path))[0] == 403
