"""A stream on a node, on a clock that is moved by hand, over tables in memory."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from actors.chat_messages import KeepMediaTime
from actors.events import LiveEvent, StreamChanged
from actors.runtime import (
    Actor,
    ActorId,
    DomainError,
    LocalDirectory,
    LocalTransport,
    ManualClock,
    Node,
    handles,
    shard_of,
)
from actors.stream import LiveStream
from actors.stream_life import NO_SLATE, StreamPolicy
from actors.stream_messages import (
    ClaimPublish,
    DescribeStream,
    Grant,
    MediaProgressed,
    PublisherLost,
    PublisherStarted,
    SegmentsRecorded,
)
from actors.stream_store import InitRow, SegmentRow
from server.live.durable import DurableStreams
from storage.ids import Ids
from storage.memory.recordings import MemoryRecordings
from storage.memory.streams import MemoryStreams
from storage.memory.tables import MemoryPerson, Tables
from storage.stream_rows import NewStream

CLAIM = ClaimPublish(protocol="rtmp", remote="127.0.0.1:5000")


class Stopped:
    """``Media``: notes what it is told to stop."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.nodes: list[str] = []
        self.slates: list[Grant] = []

    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None:
        self.told.append((publication, reason))
        self.nodes.append(node)

    def show_slate(self, node: str, grant: Grant, tracks: tuple[dict[str, Any], ...], *, for_s: float) -> None:
        self.slates.append(grant)


class MediaClock(Actor):
    """In the chat room's place: keeps what it hears of the media clock."""

    def __init__(self, heard: list[KeepMediaTime]) -> None:
        self._heard = heard

    @handles(KeepMediaTime)
    def keep(self, message: KeepMediaTime) -> None:
        self._heard.append(message)


class StreamFixture:
    """One stream on a node that can be lost and come again."""

    def __init__(self, *, policy: StreamPolicy = NO_SLATE, **fields: Any) -> None:
        self.policy = policy
        self.clock = ManualClock()
        self.tables = Tables()
        self.rows = MemoryStreams(tables=self.tables)
        self.recordings = MemoryRecordings(tables=self.tables)
        self.media = Stopped()
        self.events: list[LiveEvent] = []
        self.media_times: list[KeepMediaTime] = []
        ids = Ids()
        owner = MemoryPerson(id=ids.uuid7(1.0), username="ann")
        self.tables.add_person(owner)
        self.stream_id = ids.uuid7(1.0)
        self.new = NewStream(
            id=self.stream_id,
            room_id=ids.uuid7(1.0),
            owner_id=owner.id,
            title="A stream",
            stream_key="key",
            log_epoch="e1",
            **fields,
        )
        self.shard = shard_of(ActorId("stream", self.stream_id))
        self.epoch = 0

    async def boot(self) -> None:
        """A new node takes everything over."""
        self.epoch += 1
        self.tables.epochs[self.shard] = self.epoch
        directory = LocalDirectory(node="n1", epoch=self.epoch)
        self.node = Node(name="n1", clock=self.clock, directory=directory, transport=LocalTransport())
        self.node.register("stream", self._actor, idle_after_s=120)
        self.node.register("chat", lambda actor_id: MediaClock(self.media_times))
        await self.node.start()
        self.ref = self.node.ref("stream", self.stream_id)

    def _actor(self, actor_id: ActorId) -> LiveStream:
        return LiveStream(
            stream_id=actor_id.key,
            store=DurableStreams(streams=self.rows, recordings=self.recordings),  # type: ignore[arg-type]
            media=self.media,
            broadcast=self._announced,
            policy=self.policy,
            now=lambda: dt.datetime.fromtimestamp(self.clock.time(), dt.UTC),
        )

    def _announced(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        assert to is None
        self.events.append(event)

    async def stop(self) -> None:
        stopping = asyncio.ensure_future(self.node.stop(budget_s=1.0))
        await self.clock.advance(2.0)
        await stopping

    async def kill(self) -> None:
        """The node is gone, and nothing of it was written on the way."""
        self.tables.is_away = True
        await self.stop()
        self.tables.is_away = False
        await self.boot()

    async def ask(self, message: Any) -> Any:
        asked = asyncio.ensure_future(self.ref.ask(message, timeout_s=1e6))
        await self.clock.settle()
        return await asked

    async def tell(self, message: Any) -> None:
        self.ref.tell(message)
        await self.clock.settle()

    async def view(self) -> Any:
        return await self.ask(DescribeStream())

    async def state(self) -> str:
        return str((await self.view()).state)

    async def claim(self) -> Grant:
        grant: Grant = await self.ask(CLAIM)
        return grant

    async def refusal(self) -> str:
        with pytest.raises(DomainError) as caught:
            await self.claim()
        return caught.value.code

    async def go_live(self) -> Grant:
        grant = await self.claim()
        await self.tell(PublisherStarted(publication=grant.publication, tracks=()))
        return grant

    async def progress(self, publication: int, *, ms: int, segment: int = 0) -> None:
        at = self.clock.time()
        await self.tell(
            MediaProgressed(publication=publication, media_time_ms=ms, next_segment=segment, at=at, health={"fps": 30})
        )

    async def send_media(self, publication: int, seconds: int) -> None:
        """The publisher is there, and says so every second."""
        for _ in range(seconds):
            await self.progress(publication, ms=0)
            await self.clock.advance(1.0)

    async def lose(self, publication: int, *, next_segment: int = 0) -> None:
        await self.tell(PublisherLost(publication=publication, reason="gone", next_segment=next_segment))

    def moves(self) -> list[tuple[str, str]]:
        changed = [event for event in self.events if isinstance(event, StreamChanged)]
        return [(event.previous, event.stream.state) for event in changed if event.cause not in ("edited", "ending")]

    def stored(self) -> Any:
        return self.tables.streams[self.stream_id]


def recorded(segment: int, *, publication: int = 1) -> SegmentsRecorded:
    init = InitRow(rendition="video", name=f"video/{publication}/init-0.mp4", object_key=f"i{publication}", info={})
    row = SegmentRow(
        rendition="video",
        segment=segment,
        publication=publication,
        object_key=f"s{segment}",
        init_key=init.object_key,
        init_name=init.name,
        media_time_ms=segment * 2000,
        duration_ms=2000.0,
        bytes=10,
        started_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
        is_discontinuity=False,
    )
    return SegmentsRecorded(publication=publication, inits=(init,), segments=(row,))
