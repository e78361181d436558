"""From a key to a grant: whose stream it is, and which of a person's streams is meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest

from actors.events import LiveEvent
from actors.runtime import ActorId, DomainError, LocalDirectory, LocalTransport, LoopClock, Node, Placement, shard_of
from actors.stream import LiveStream
from actors.stream_life import StreamPolicy
from actors.stream_messages import DescribeStream, EndStream, PublisherLost, PublisherStarted
from media.control import AuthorizePublish, Granted, Refused
from server.live.durable import DurableStreams
from server.live.ingest import Ingest
from storage.ids import Ids
from storage.memory.recordings import MemoryRecordings
from storage.memory.streams import MemoryStreams
from storage.memory.tables import MemoryPerson, Tables
from storage.stream_rows import NewStream, StreamRow


class NoMedia:
    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None:
        """There is no publisher whose connection could be ended."""


def unheard(event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
    """There is nobody whom facts would reach."""


class IngestFixture:
    """An ingest over rows in memory, on a node that can be lost."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.rows = MemoryStreams(tables=self.tables)
        self.ids = Ids()
        self.tables.epochs = dict.fromkeys(self.tables.epochs, 1)
        self.ann, self.bob = (self._person(name) for name in ("ann", "bob"))

    def _person(self, name: str) -> str:
        person_id = self.ids.uuid7(1.0)
        self.tables.add_person(MemoryPerson(id=person_id, username=name, stream_key=f"key-{name}"))
        return person_id

    def verify(self, person_id: str) -> None:
        self.tables.people[person_id] = msgspec.structs.replace(
            self.tables.people[person_id], has_verified_address=True
        )

    async def boot(self, *, needs_verified_email: bool = False, has_slate: bool = False) -> None:
        node = Node(name="n1", clock=LoopClock(), directory=LocalDirectory(node="n1"), transport=LocalTransport())
        store = DurableStreams(streams=self.rows, recordings=MemoryRecordings(tables=self.tables))  # type: ignore[arg-type]
        node.register(
            "stream",
            lambda actor_id: LiveStream(
                stream_id=actor_id.key,
                store=store,
                media=NoMedia(),
                broadcast=unheard,
                now=lambda: dt.datetime.now(dt.UTC),
                policy=StreamPolicy(slate=has_slate),
            ),
        )
        await node.start()
        self.node = node
        self.ingest = Ingest(
            streams=self.rows,
            node=node,
            ids=self.ids,
            now=lambda: dt.datetime.now(dt.UTC),  # type: ignore[arg-type]
            needs_verified_email=needs_verified_email,
        )

    async def restart(self) -> None:
        await self.node.stop(budget_s=1.0)
        await self.boot()

    async def prepared(self, owner: str = "", **fields: Any) -> StreamRow:
        new = self.ingest.new_stream(owner_id=owner or self.ann, title="Prepared")
        return await self.rows.create(msgspec.structs.replace(new, **fields))

    async def claim(self, key: str = "key-ann", **options: Any) -> Granted:
        return await self.ingest.claim(key, protocol="rtmp", remote="r", **options)

    async def go_live(self, key: str = "key-ann") -> Granted:
        granted = await self.claim(key)
        ref = self.node.ref("stream", granted.stream_id)
        ref.tell(PublisherStarted(publication=granted.publication, tracks=()))
        await ref.ask(DescribeStream())
        return granted

    async def lose(self, granted: Granted) -> None:
        ref = self.node.ref("stream", granted.stream_id)
        ref.tell(PublisherLost(publication=granted.publication, reason="gone"))
        await ref.ask(DescribeStream())

    async def refused(self, key: str = "key-ann", **options: Any) -> str:
        with pytest.raises(DomainError) as caught:
            await self.claim(key, **options)
        return caught.value.code


@pytest.fixture
async def ingest() -> AsyncIterator[IngestFixture]:
    made = IngestFixture()
    await made.boot()
    yield made
    await made.node.stop(budget_s=1.0)


class HalfOfAll:
    """A directory of two nodes that share the shards."""

    def cached(self, actor_id: ActorId) -> Placement | None:
        return Placement("n1" if shard_of(actor_id) % 2 else "n2", 1)

    async def find(self, actor_id: ActorId) -> Placement:
        raise LookupError(f"{actor_id} is always known here")

    def invalidate(self, actor_id: ActorId) -> None:
        """Nothing moves."""


async def test_a_new_stream_lives_on_the_node_that_made_it(ingest: IngestFixture) -> None:
    ingest.node.directory = HalfOfAll()
    made = [ingest.ingest.new_stream(owner_id=ingest.ann, title="t").id for _ in range(20)]
    assert all(shard_of(ActorId("stream", stream_id)) % 2 for stream_id in made)
    assert sorted(made) == made


@pytest.mark.parametrize("key", ["", "nonsense", "x" * 201])
async def test_an_unknown_key_is_a_bad_name(ingest: IngestFixture, key: str) -> None:
    assert await ingest.refused(key) == "bad_name"
    request = AuthorizePublish(key=key, protocol="rtmp", remote="r")
    answer = await ingest.ingest.authorize(request)
    assert isinstance(answer, Refused)
    assert answer.code == "bad_name"


async def test_where_addresses_must_be_verified_a_key_of_somebody_else_publishes_nothing(ingest: IngestFixture) -> None:
    own = (await ingest.prepared()).stream_key
    await ingest.node.stop(budget_s=1.0)
    await ingest.boot(needs_verified_email=True)
    assert [await ingest.refused(key) for key in (own, "key-ann", "nonsense")] == [
        "email_not_verified",
        "email_not_verified",
        "bad_name",
    ]
    answer = await ingest.ingest.authorize(AuthorizePublish(key="key-ann", protocol="rtmp", remote="r"))
    assert answer == Refused(code="bad_name", message="Verify your e-mail address first.")
    assert len(ingest.tables.streams) == 1
    ingest.verify(ingest.ann)
    assert (await ingest.claim("key-ann")).publication == 1


async def test_a_streams_own_key_publishes_that_stream_only(ingest: IngestFixture) -> None:
    row, other = await ingest.prepared(), await ingest.prepared()
    assert await ingest.refused(row.stream_key, stream_id=other.id) == "bad_name"
    assert (await ingest.claim(row.stream_key)).stream_id == row.id
    assert await ingest.refused(row.stream_key) == "busy"


async def test_a_lasting_key_without_a_stream_starts_one_with_the_last_settings(ingest: IngestFixture) -> None:
    row = await ingest.prepared(title="Chess", category="games", tags=("a",), latency="realtime", is_recorded=False)
    await ingest.node.ref("stream", row.id).ask(EndStream())
    granted = await ingest.claim()
    made = await ingest.rows.load(granted.stream_id)
    assert made is not None
    assert granted.label == f"{made.title!r} of @{made.owner.username}"
    assert made.id != row.id
    assert (made.title, made.category, made.tags, made.latency, made.is_recorded) == (
        "Chess",
        "games",
        ("a",),
        "realtime",
        False,
    )
    assert (granted.latency, granted.is_recorded) == ("realtime", False)


async def test_a_persons_very_first_stream_has_a_title(ingest: IngestFixture) -> None:
    row = await ingest.rows.load((await ingest.claim()).stream_id)
    assert row is not None
    assert row.title == "ann is live"


async def test_a_lasting_key_takes_the_interrupted_stream_before_a_prepared_one(ingest: IngestFixture) -> None:
    granted = await ingest.go_live()
    await ingest.lose(granted)
    await ingest.prepared()
    again = await ingest.claim()
    assert (again.stream_id, again.publication) == (granted.stream_id, 2)


async def test_a_lasting_key_takes_the_scheduled_stream_nearest_to_now(ingest: IngestFixture) -> None:
    now = dt.datetime.now(dt.UTC)
    await ingest.prepared(scheduled_at=now + dt.timedelta(days=2))
    near = await ingest.prepared(scheduled_at=now + dt.timedelta(minutes=5))
    await ingest.prepared(scheduled_at=now - dt.timedelta(days=1))
    assert (await ingest.claim()).stream_id == near.id


async def test_a_second_publisher_with_a_lasting_key_is_busy_and_makes_no_second_stream(ingest: IngestFixture) -> None:
    await ingest.go_live()
    count = len(ingest.tables.streams)
    assert await ingest.refused() == "busy"
    assert len(ingest.tables.streams) == count


async def test_after_a_restart_a_lasting_key_finds_the_stream_that_it_was_publishing(ingest: IngestFixture) -> None:
    granted = await ingest.go_live()
    await ingest.restart()
    again = await ingest.claim()
    assert (again.stream_id, again.publication) == (granted.stream_id, granted.publication + 1)
    assert len(ingest.tables.streams) == 1


async def test_a_stream_that_is_live_by_its_own_key_is_not_taken_by_the_lasting_one(ingest: IngestFixture) -> None:
    row = await ingest.prepared()
    await ingest.go_live(row.stream_key)
    granted = await ingest.claim()
    assert granted.stream_id != row.id


async def test_when_the_last_stream_ends_at_that_moment_the_next_one_is_taken(ingest: IngestFixture) -> None:
    granted = await ingest.go_live()
    await ingest.lose(granted)
    other = await ingest.prepared()
    ref = ingest.node.ref("stream", granted.stream_id)
    await ref.ask(EndStream())
    # The row of a lagging read still says that it is interrupted.
    stale = ingest.tables.streams[granted.stream_id]
    ingest.tables.streams[granted.stream_id] = msgspec.structs.replace(stale, state="interrupted")
    assert (await ingest.claim()).stream_id == other.id


async def test_a_lasting_key_may_name_one_of_its_persons_streams_and_nobody_elses(ingest: IngestFixture) -> None:
    mine, theirs = await ingest.prepared(), await ingest.prepared(ingest.bob)
    assert await ingest.refused(stream_id=theirs.id) == "bad_name"
    assert await ingest.refused(stream_id="nowhere") == "bad_name"
    assert (await ingest.claim(stream_id=mine.id)).stream_id == mine.id


async def test_an_ended_stream_is_not_published_again(ingest: IngestFixture) -> None:
    row = await ingest.prepared()
    await ingest.node.ref("stream", row.id).ask(EndStream())
    assert await ingest.refused(row.stream_key) == "ended"
    assert await ingest.refused(stream_id=row.id) == "ended"


async def test_a_new_lasting_key_takes_the_place_of_the_old_one(ingest: IngestFixture) -> None:
    granted = await ingest.go_live()
    key = await ingest.ingest.rotate_lasting_key(ingest.ann)
    assert await ingest.refused("key-ann") == "bad_name"
    assert await ingest.ingest.published_by(ingest.ann) == [granted.stream_id]
    await ingest.lose(granted)
    assert (await ingest.claim(key)).stream_id == granted.stream_id


async def test_what_a_person_publishes_with_their_lasting_key_is_what_they_are_told(ingest: IngestFixture) -> None:
    assert await ingest.ingest.published_by(ingest.ann) == []
    row = await ingest.prepared()
    await ingest.go_live(row.stream_key)
    granted = await ingest.go_live()
    await ingest.go_live("key-bob")
    assert await ingest.ingest.published_by(ingest.ann) == [granted.stream_id]
    await ingest.node.ref("stream", granted.stream_id).ask(EndStream(), timeout_s=10.0)
    assert await ingest.ingest.published_by(ingest.ann) == []


async def test_a_grant_says_on_which_node_its_publisher_is(ingest: IngestFixture) -> None:
    granted = await ingest.go_live()
    assert (await ingest.node.ref("stream", granted.stream_id).ask(DescribeStream())).media_node == "n1"


async def test_the_stream_of_a_lasting_key_is_busy_whatever_other_streams_of_its_person_are_open(
    ingest: IngestFixture,
) -> None:
    await ingest.prepared()
    granted = await ingest.go_live()
    await ingest.prepared(scheduled_at=dt.datetime.now(dt.UTC))
    assert await ingest.refused() == "busy"
    assert await ingest.ingest.published_by(ingest.ann) == [granted.stream_id]


async def test_streams_of_an_ingest_have_keys_and_ids_of_their_own(ingest: IngestFixture) -> None:
    one, two = (ingest.ingest.new_stream(owner_id=ingest.ann, title="t") for _ in range(2))
    values = [getattr(new, name) for new in (one, two) for name in ("id", "room_id", "stream_key", "log_epoch")]
    assert len(set(values)) == len(values)
    assert isinstance(one, NewStream)


async def test_a_grant_says_until_when_the_stream_is_mute(ingest: IngestFixture) -> None:
    first = await ingest.go_live()
    assert first.muted_until_ms == 0
    ingest.tables.muted_until_ms[first.stream_id] = 90_000
    await ingest.lose(first)
    again = await ingest.claim()
    assert (again.stream_id, again.muted_until_ms) == (first.stream_id, 90_000)


@pytest.mark.parametrize(("has_slate", "key"), [(True, "pictures/1/1280.webp"), (False, "")])
async def test_a_grant_names_the_owners_own_slate_where_one_is_to_be_shown(has_slate: bool, key: str) -> None:
    ingest = IngestFixture()
    people = ingest.tables.people
    people[ingest.ann] = msgspec.structs.replace(people[ingest.ann], slate_picture="pictures/1/1280.webp")
    await ingest.boot(has_slate=has_slate)
    assert (await ingest.claim()).slate_picture == key
    assert (await ingest.claim("key-bob")).slate_picture == ""
    await ingest.node.stop(budget_s=1.0)
