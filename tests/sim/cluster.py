"""A town: the engines, the processes, their clients, and what must hold of them all."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import actors.runtime.ids
from storage import rendezvous, shard_claims, shard_table, shards
from storage.bus_entry import VERSION
from tests.sim.engines import PostgresModel, RedisModel
from tests.sim.faults import Faults
from tests.sim.process import Process, Room
from tests.sim.simulation import Simulation
from tests.sim.viewers import Picker, Viewer

SHARDS = 12
WITH_SHARDS: tuple[Any, ...] = (actors.runtime.ids, rendezvous, shard_claims, shard_table, shards)
NODES = ("a", "b", "c")
ROOMS = tuple(f"room{number}" for number in range(5))
CLIENTS = 6
WARM_S = 1.0
FAULTS_S = 9.0
HEALED_WITHIN_S = 10.0
CLIENT_PATIENCE_S = 3.0


class Outcome(NamedTuple):
    """What a run was like. `print` is the same for the same seed, and for hardly any other."""

    seed: int
    acked: int
    refused_writes: int
    filled: int
    duplicates: int
    unreadable: int
    healed_s: float
    virtual_s: float
    faults: tuple[str, ...]
    print: int


class Client:
    """Posts one message after the other, each until it is acknowledged, under one client id, wherever it is let in."""

    def __init__(self, cluster: SimCluster, number: int) -> None:
        self._cluster = cluster
        self._simulation = cluster.simulation
        self._rng = cluster.simulation.rng(f"client {number}")
        self._number = number
        self._sent = 0
        self._tries = 0
        self._open: tuple[str, str] | None = None
        self._simulation.after(self._rng.uniform(0, 1), self._post)

    @property
    def is_waiting(self) -> bool:
        return self._open is not None

    def _post(self) -> None:
        if not self._cluster.is_healing:
            self._sent += 1
            self.post(self._rng.choice(ROOMS))

    def post(self, room: str) -> None:
        self._sent += 1
        self._open = (room, f"{self._number}.{self._sent}")
        self._try()

    def _try(self) -> None:
        if self._open is None:
            return
        self._tries += 1
        process = self._cluster.pick(self._rng)
        if process is None:
            self._simulation.after(0.2, self._try)
            return
        tries = self._tries
        self._simulation.after(CLIENT_PATIENCE_S, self._again, tries)
        process.loop.call_soon(process.serve, *self._open, lambda offset: self._answered(process, tries, offset))

    def _again(self, tries: int) -> None:
        if tries == self._tries and self._open is not None:
            self._try()

    def _answered(self, process: Process, tries: int, offset: int | None) -> None:
        """A late answer to an earlier try counts too, if it is an acknowledgement."""
        if self._open is None:
            return
        if offset is None:
            if tries == self._tries:
                self._simulation.after(self._rng.uniform(0.05, 0.3), self._again, tries)
            return
        room, client_id = self._open
        if tries == self._tries or self._cluster.is_written(room, client_id, offset):
            self._cluster.acknowledged(process, room, client_id, offset)
            self._open = None
            self._tries += 1
            self._simulation.after(self._rng.uniform(0.05, 0.8), self._post)


class SimCluster:
    """One run, from its seed. `is_strict`: a shard held under a stale epoch is not well, even if nobody uses it; else
    the first write finds it out, which is refused, and all is well after that.
    """

    def __init__(
        self,
        seed: int,
        *,
        most_faults: int = 6,
        faults_s: float = FAULTS_S,
        is_strict: bool = False,
        is_traced: bool = False,
        redis: type[RedisModel] = RedisModel,
        postgres: type[PostgresModel] = PostgresModel,
        room: type[Room] = Room,
    ) -> None:
        self.simulation = Simulation(seed, is_traced=is_traced)
        self.begins = self.simulation.now + WARM_S
        self.redis = redis(self.simulation)
        self.postgres = postgres(self.simulation)
        self.processes: list[Process] = []
        self.pick = Picker(self.processes)
        self.is_healing = False
        self.acks: dict[tuple[str, str], int] = {}
        self._room = room
        self._is_strict = is_strict
        self._numbers = count(1)
        # Entries of these processes are of the next version: in most runs both are there at once.
        self._next_version_from = self.simulation.rng("upgrade").randint(2, 8)
        self._names = count(1)
        for name in NODES:
            self.start(name)
        self._heals = self.begins + faults_s
        self.faults = Faults(self, most=most_faults, until=self._heals)
        self.viewers = [Viewer(self.simulation, name, self.postgres, self.pick) for name in ROOMS]
        self.clients = [Client(self, number) for number in range(CLIENTS)]
        self._watch()

    def start(self, name: str | None) -> None:
        """A process under this name, or under a new one."""
        name = name or f"n{next(self._names)}"
        if any(process.name == name and process.is_alive and not process.loop.is_frozen for process in self.processes):
            return
        number = next(self._numbers)
        self.simulation.note("start", f"{name}#{number}")
        process = Process(
            self.simulation,
            name=name,
            number=number,
            redis=self.redis,
            postgres=self.postgres,
            room=self._room,
            version=VERSION + (number >= self._next_version_from),
        )
        self.processes.append(process)

    # What must hold.

    def is_written(self, room: str, client_id: str, offset: int) -> bool:
        rows = self.postgres.rooms.get(room, [])
        return 0 < offset <= len(rows) and rows[offset - 1].client_id == client_id

    def acknowledged(self, process: Process, room: str, client_id: str, offset: int) -> None:
        self.acks[room, client_id] = offset
        self._check_ack(process.title, room, client_id, offset)

    def _check_ack(self, who: str, room: str, client_id: str, offset: int) -> None:
        if not self.is_written(room, client_id, offset):
            self.simulation.violate(f"{who} acknowledged {client_id} as {offset} of {room}, which has no such message")

    def _watch(self) -> None:
        """Twice a second."""
        for process in self.processes:
            process.check_asks()
        self.simulation.after(0.5, self._watch)

    @property
    def alive(self) -> list[Process]:
        return [process for process in self.processes if process.is_alive]

    def why_not_healed(self) -> str:
        """Empty when all is well again."""
        alive = self.alive
        names = sorted(process.name for process in alive)
        if len(set(names)) < len(names) or not all(process.is_ready for process in alive):
            return f"not all have joined: {[(process.title, process.is_ready) for process in alive]}"
        for process in alive:
            seen = {member.holder for member in process.cluster.members.view.members.values()}
            if seen != {other.cluster.me for other in alive}:
                return f"{process.title} sees {sorted(map(str, seen))}, alive are {[other.title for other in alive]}"
            if process.cluster.is_degraded or process.cluster.is_deaf:
                return f"{process.title} is degraded or deaf"
        return self._why_owners_differ(alive) or self._why_silent()

    def _why_owners_differ(self, alive: list[Process]) -> str:
        owners: dict[int, str] = {}
        for process in alive:
            for shard, epoch in process.cluster.shards.held.items():
                if shard in owners:
                    return f"shard {shard} is held by {owners[shard]} and {process.name}"
                owners[shard] = process.name
                if self._is_strict and self.postgres.taken(shard).epoch != epoch:
                    return f"{process.title} holds shard {shard} under the stale epoch {epoch}"
        if len(owners) < SHARDS:
            return f"nobody holds {sorted(set(range(SHARDS)) - owners.keys())}"
        for process in alive:
            if process.cluster.shards.owners() != owners:
                return f"{process.title} takes the owners to be others"
            if process.cluster.shards.moving:
                return f"{process.title} still moves {sorted(process.cluster.shards.moving)}"
        return ""

    def _why_silent(self) -> str:
        waiting = [client for client in self.clients if client.is_waiting]
        if waiting:
            return f"{len(waiting)} clients are not answered"
        return ""

    def _why_unseen(self) -> str:
        for viewer in self.viewers:
            if viewer.last < len(self.postgres.rooms.get(viewer.room, [])):
                return f"the viewer of {viewer.room} has seen {viewer.last} of {len(self.postgres.rooms[viewer.room])}"
        return self._why_unread()

    def _why_unread(self) -> str:
        read, published = self.postgres.position, len(self.postgres.facts)
        return f"the reader has read {read} of {published} facts" if read < published else ""

    # The run.

    def run(self) -> Outcome:
        """Raises Broken."""
        simulation = self.simulation
        simulation.run(self._heals)
        self.is_healing = True
        self.faults.heal()
        self._reach(self.why_not_healed, self._heals + HEALED_WITHIN_S)
        for number, room in enumerate(ROOMS):
            self.clients[number].post(room)  # the last message of each room, for whoever has missed the one before
        self._reach(lambda: self.why_not_healed() or self._why_unseen(), self._heals + HEALED_WITHIN_S)
        for (room, client_id), offset in self.acks.items():
            self._check_ack("somebody", room, client_id, offset)
        simulation.run(simulation.now)
        return self._outcome()

    def _reach(self, why_not: Callable[[], str], by: float) -> None:
        """Looks every tenth of a second."""
        simulation = self.simulation
        while why := why_not():
            if simulation.now >= by:
                simulation.violate(f"not healed after {HEALED_WITHIN_S:g} s: {why}")
                by = float("inf")
            simulation.run(simulation.now + 0.1)

    def _outcome(self) -> Outcome:
        counters = [process.cluster.bus.counters for process in self.processes]
        rows = tuple((room, tuple(rows)) for room, rows in sorted(self.postgres.rooms.items()))
        return Outcome(
            seed=self.simulation.seed,
            acked=len(self.acks),
            refused_writes=self.postgres.refused,
            filled=sum(process.edge.filled for process in self.processes),
            duplicates=sum(counter.duplicates for counter in counters),
            unreadable=sum(counter.unreadable for counter in counters),
            healed_s=self.simulation.now - self._heals,
            virtual_s=self.simulation.now - 100,
            faults=tuple(self.faults.kinds),
            print=_print_of((rows, self.simulation.calls, self.simulation.now)),
        )


def _print_of(what: object) -> int:
    from zlib import crc32

    return crc32(repr(what).encode())


class _Errors(logging.Handler):
    """Errors in the log, of which there should be none but those that faults make."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{record.msg}: {type(record.exc_info[1]).__name__}"
        self.seen[message] += 1


@contextmanager
def stage() -> Iterator[Counter[str]]:
    """What runs need around them: few shards, since nothing depends on their number but the time that a run takes;
    no log but its errors, which it gives; no collection of garbage but between runs."""
    names = ("storage", "actors")
    levels = {name: logging.getLogger(name).level for name in names}
    errors = _Errors()
    before = actors.runtime.ids.SHARDS
    gc.collect()
    gc.freeze()  # so that a look for garbage after each run is quick
    gc.disable()
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
            logging.getLogger(name).addHandler(errors)
            logging.getLogger(name).propagate = False
        for module in WITH_SHARDS:
            module.SHARDS = SHARDS
        yield errors.seen
    finally:
        for module in WITH_SHARDS:
            module.SHARDS = before
        for name in names:
            logging.getLogger(name).setLevel(levels[name])
            logging.getLogger(name).removeHandler(errors)
            logging.getLogger(name).propagate = True
        gc.enable()
        gc.unfreeze()


def run(seed: int, *, trace: list[str] | None = None, **options: Any) -> Outcome:
    """One run on the stage; what happened is appended to `trace`. Raises Broken, with the seed."""
    try:
        return _run(seed, trace, options)
    finally:
        gc.collect()


def _run(seed: int, trace: list[str] | None, options: dict[str, Any]) -> Outcome:
    cluster = SimCluster(seed, is_traced=trace is not None, **options)
    try:
        return cluster.run()
    finally:
        cluster.simulation.close()
        if trace is not None:
            trace += cluster.simulation.trace or ()
