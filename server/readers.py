"""The readers of durable facts, wired: which feature reads which facts, and what wakes its reader.

Each node wakes the readers whose shards it holds, so one reader of each name runs in the cluster. It does so when
NOTIFY tells of a commit that published facts which the reader has a consumer for, and every ``POLL_S`` where facts wait
that none told of. Past facts without a consumer a reader is taken when a batch of them has come together, or after
``SWEEP_S``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from actors.reader import READER, FactLog, FactReader, Wake
from actors.runtime import ActorError, ActorId, DomainError, Fence, Node, shard_of
from server.lifecycle import Stages
from storage.errors import Unavailable
from storage.facts import BATCH, CHANNEL, Advance, Consumer, Consumers, by_name
from storage.postgres import Database
from storage.postgres_notify import NotifyListener

POLL_S: Final = 1.0
SWEEP_S: Final = 10.0
AT_ONCE: Final = 4
"""Readers of a node that read at the same time: a sweep that wakes all of them must not take every connection that the
node has to the database, nor all of its time."""

log = logging.getLogger("server.readers")


class Shards(Protocol):
    @property
    def held(self) -> Collection[int]:
        """Those that this node holds now."""


class FactRows(Protocol):
    """``storage.facts.Facts``, as far as readers need it."""

    async def open(self, reader: str) -> None: ...
    async def advance(self, reader: str, consumers: Consumers, *, fence: Fence) -> Advance: ...
    async def waiting(self, readers: Mapping[str, Consumers], *, at_least: int) -> Sequence[str]: ...
    async def prune(self, readers: Sequence[str]) -> int: ...


class FeatureFacts:
    """``actors.reader.FactLog`` of one feature; ``consumers`` None: of a feature that this version does not have."""

    def __init__(
        self,
        *,
        facts: FactRows,
        reader: str,
        consumers: Consumers | None,
        counts: Counter[str],
        turns: asyncio.Semaphore,
    ) -> None:
        self._turns = turns
        self._facts = facts
        self._reader = reader
        self._consumers = consumers
        self._counts = counts

    async def open(self) -> None:
        if self._consumers is None:
            raise DomainError("not_found", "This node has no such reader.")
        async with self._turns:
            await self._facts.open(self._reader)

    async def advance(self, *, fence: Fence) -> Advance:
        async with self._turns:
            step = await self._facts.advance(self._reader, self._consumers or {}, fence=fence)
        self._counts.update(read=step.read, failed=bool(step.error), aside=bool(step.aside))
        return step


class Readers:
    """Of one node."""

    def __init__(self, *, node: Node, facts: FactRows, shards: Shards) -> None:
        self._node = node
        self._facts = facts
        self._shards = shards
        self._consumers: dict[str, Consumers] = {}
        self._logs: dict[str, FactLog] = {}
        self._shard_of: dict[str, int] = {}
        self._polling: asyncio.Task[None] | None = None
        self._counts: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def add(self, consumers: Mapping[str, Sequence[Consumer[Any]]]) -> None:
        """Name the consumers of each feature. A feature without one has no reader."""
        self._consumers.update({name: by_name(given) for name, given in consumers.items() if given})
        self._note_shards(self._consumers)

    def add_logs(self, logs: Mapping[str, FactLog]) -> None:
        """Logs that are no facts, by the names of their readers."""
        self._logs.update(logs)
        self._note_shards(logs)

    def _note_shards(self, names: Iterable[str]) -> None:
        self._shard_of.update({name: shard_of(ActorId(READER, name)) for name in names})

    def actor(self, actor_id: ActorId) -> FactReader:
        name = actor_id.key
        if name in self._logs:
            return FactReader(log=self._logs[name])
        consumers = self._consumers.get(name)
        own = FeatureFacts(facts=self._facts, reader=name, consumers=consumers, counts=self._counts, turns=self._turns)
        return FactReader(log=own)

    def start(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll(), name="readers")

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    def wake(self, published: str = "") -> None:
        """There may be facts: wake those of this node's readers that have a consumer for one of these names, divided by
        commas; all of them where there is no name.
        """
        names = published.split(",") if published else None
        for name in self._held():
            if names is None or not self._consumers.get(name, {}).keys().isdisjoint(names):
                self._wake(name)

    def _held(self) -> list[str]:
        held = self._shards.held
        return [name for name, shard in self._shard_of.items() if shard in held]

    async def prune(self) -> None:
        """Delete the facts that all readers have passed. Raises ``Unavailable``."""
        await self._facts.prune(list(self._consumers))

    def gauges(self) -> Mapping[str, tuple[str, float]]:
        """What the readers have done on this node since its start."""
        return {
            "facts_read_total": ("Durable facts that readers have handled", self._counts["read"]),
            "facts_failed_total": ("Times that a consumer failed", self._counts["failed"]),
            "facts_aside_total": ("Facts that were put aside after ten failures", self._counts["aside"]),
        }

    def _wake(self, name: str) -> None:
        try:
            self._node.ref(READER, name).tell(Wake())
        except ActorError as error:
            log.debug("reader %s was not woken: %s", name, error)

    async def _poll(self) -> None:
        for turn in itertools.count():
            await self._wake_waiting(at_least=1 if turn % round(SWEEP_S / POLL_S) == 0 else BATCH)
            await self._node.clock.sleep(POLL_S)

    async def _wake_waiting(self, *, at_least: int) -> None:
        held = self._held()
        readers = {name: self._consumers[name] for name in held if name not in self._logs}
        try:
            waiting = await self._facts.waiting(readers, at_least=at_least) if readers else ()
        except Unavailable as error:
            log.debug("nothing is known of facts that wait: %s", error)
            return
        for name in (*waiting, *(name for name in held if name in self._logs)):
            self._wake(name)


def start_readers(readers: Readers, *, db: Database, stages: Stages) -> None:
    """Have a node's readers woken from here on, by its clock and by commits that publish facts."""
    listener = NotifyListener(db=db, channel=CHANNEL, on_notify=readers.wake)
    for name, part in (("readers", readers), ("listener for facts", listener)):
        part.start()
        stages.add(name, part.close)
