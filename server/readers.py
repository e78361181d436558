"""The readers of durable facts, wired: which feature hears which facts, and what wakes its reader.

Each node wakes the readers whose shards it holds, so one reader of each name runs in the cluster. It does so when
NOTIFY tells of a commit that published facts, and every ``POLL_S`` in case a notification was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from actors.reader import READER, FactReader, Wake
from actors.runtime import ActorError, ActorId, Clock, DomainError, Node, shard_of
from storage.facts import Advance, Consumer, Consumers, Facts, by_name
from storage.leases import Fence

POLL_S: Final = 1.0

log = logging.getLogger("server.readers")


class FeatureFacts:
    """``actors.reader.FactLog`` of one feature; ``consumers`` None: of a feature that this version does not have."""

    def __init__(self, *, facts: Facts, reader: str, consumers: Consumers | None) -> None:
        self._facts = facts
        self._reader = reader
        self._consumers = consumers

    async def open(self) -> None:
        if self._consumers is None:
            raise DomainError("not_found", "This node has no such reader.")
        await self._facts.open(self._reader)

    async def advance(self, *, shard: int, epoch: int) -> Advance:
        return await self._facts.advance(self._reader, self._consumers or {}, fence=Fence(shard=shard, epoch=epoch))


class Readers:
    """Of one node. ``held``: the shards that it holds now."""

    def __init__(self, *, node: Node, facts: Facts, held: Callable[[], Collection[int]], clock: Clock) -> None:
        self._node = node
        self._facts = facts
        self._held = held
        self._clock = clock
        self._consumers: dict[str, Consumers] = {}
        self._shards: dict[str, int] = {}
        self._polling: asyncio.Task[None] | None = None

    def add(self, consumers: Mapping[str, Sequence[Consumer[Any]]]) -> None:
        """Name the consumers of each feature. A feature without one has no reader."""
        self._consumers.update({name: by_name(given) for name, given in consumers.items() if given})
        self._shards = {name: shard_of(ActorId(READER, name)) for name in self._consumers}

    def actor(self, actor_id: ActorId) -> FactReader:
        name = actor_id.key
        log_of_feature = FeatureFacts(facts=self._facts, reader=name, consumers=self._consumers.get(name))
        return FactReader(shard=shard_of(actor_id), log=log_of_feature)

    def start(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll(), name="readers")

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    def wake(self) -> None:
        """There may be facts: wake the readers that are this node's."""
        held = self._held()
        for name, shard in self._shards.items():
            if shard in held:
                self._wake(name)

    async def prune(self) -> None:
        """Delete the facts that all readers have passed. Raises ``Unavailable``."""
        await self._facts.prune(list(self._consumers))

    def _wake(self, name: str) -> None:
        try:
            self._node.ref(READER, name).tell(Wake())
        except ActorError as error:
            log.debug("reader %s was not woken: %s", name, error)

    async def _poll(self) -> None:
        while True:
            self.wake()
            await self._clock.sleep(POLL_S)
