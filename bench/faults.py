"""What can happen to a cluster of three nodes while people talk in many rooms, and the world in which it happens."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import signal
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from actors.runtime import shard_of
from actors.runtime.ids import ActorId
from bench.app import call, register
from bench.chat_clients import Acked, ChatClient, Notes, RoomCopy
from bench.clients import percentile
from bench.cluster import LocalCluster, NodeProcess
from storage.errors import StorageError
from storage.postgres import Database

NODES: Final = 3
BEFORE_S, AFTER_S = 2.0, 4.0
BACK_S: Final = 60.0
ACCOUNTS: Final = 40
RENEW_S: Final = 300.0
NEXT_VERSION: Final = "tests.cluster.next_version"


@dataclass
class Happening:
    """A fault: when it began and ended, by the loop's time, and how long each room that it struck was silent."""

    name: str
    began: float
    ended: float = 0.0
    silences_s: list[float] = field(default_factory=list)
    details: dict[str, float] = field(default_factory=dict)


class FaultRun:
    """The town, its people, and what happens to them. A new node takes the slot of one that has ended.

    ``home_of`` says at which slot a person is at home; else they are spread over all.
    """

    def __init__(
        self, cluster: LocalCluster, options: argparse.Namespace, *, home_of: Callable[[int], int] | None = None
    ) -> None:
        self.cluster = cluster
        self._home_of = home_of or self._spread
        self.slots: list[NodeProcess] = list(cluster.nodes)
        self.shut: set[NodeProcess] = set()
        self.rooms: list[RoomCopy] = []
        self.chat_clients: list[ChatClient] = []
        self.notes = Notes(began=asyncio.get_running_loop().time())
        self.happenings: list[Happening] = []
        self.owners: dict[int, str] = {}
        self.memory: dict[int, int] = {}
        self.grown_mb: list[float] = []
        self.program = "server"
        self._options = options
        self._turn = 0
        self.accounts: list[dict[str, Any]] = []

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def port_of(self, home: int) -> int:
        """Of the node in this slot, or of the next one that takes connections: what a balancer would say."""
        for turn in range(len(self.slots)):
            node = self.slots[(home + turn) % len(self.slots)]
            if node.is_running and node not in self.shut and node.url:
                return node.port
        return 1

    # -- people

    def _spread(self, number: int) -> int:
        slot: int = (number // self._options.rooms + number % self._options.rooms) % len(self.slots)
        return slot

    def settle(self, *, is_wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Rooms, of those that are made the ones that are wanted, and people for them."""
        options = self._options
        port, count = self.slots[0].port, min(ACCOUNTS, options.sockets)
        self.accounts = [register(port, f"voice{number}") for number in range(count)]
        tokens = [account["access_token"] for account in self.accounts]
        made = 0
        while len(self.rooms) < options.rooms:
            title, token, made = {"title": f"room {made}"}, tokens[made % len(tokens)], made + 1
            room_id = call(port, "POST", "/streams", title, token)["stream"]["chat"]["room_id"]
            if is_wanted(room_id):
                self.rooms.append(RoomCopy(len(self.rooms), room_id))
        pause_s = options.sockets / options.rate
        for number in range(options.sockets):
            chat_client = ChatClient(
                number=number,
                room=self.rooms[number % options.rooms],
                home=self._home_of(number),
                token_of=partial(self._token, number % len(tokens)),
                pause_s=pause_s,
                port_of=self.port_of,
                notes=self.notes,
            )
            self.chat_clients.append(chat_client)

    def _token(self, number: int) -> str:
        token: str = self.accounts[number]["access_token"]
        return token

    async def renew(self) -> None:
        """A client that comes back late needs a token that still holds. A refusal waits for the next round."""
        while True:
            await asyncio.sleep(RENEW_S)
            for account in self.accounts:
                body = {"refresh_token": account["refresh_token"]}
                with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
                    account.update(await asyncio.to_thread(call, self.port_of(0), "POST", "/auth/refresh", body))

    async def come_in(self) -> None:
        for number, chat_client in enumerate(self.chat_clients):
            chat_client.start()
            if number % 20 == 19:
                await asyncio.sleep(0.02)
        await self.until(
            lambda: all(chat_client.is_in for chat_client in self.chat_clients), within_s=60, what="everybody is in"
        )
        for chat_client in self.chat_clients:
            chat_client.talk()

    async def until(self, check: Any, *, within_s: float = BACK_S, what: str = "that") -> None:
        deadline = self.now + within_s
        while not check():
            if self.now > deadline:
                raise RuntimeError(f"{what} did not come within {within_s:.0f} s")
            await asyncio.sleep(0.02)

    # -- who has what

    async def look(self) -> None:
        """Which node has each room now."""
        db = await Database.connect(self.cluster.database_url, max_connections=1)
        try:
            rows = await db.fetch("select shard, node from shards")
        finally:
            await db.close()
        by_shard = {row["shard"]: row["node"] for row in rows}
        self.owners = {room.number: by_shard[shard_of(ActorId("chat", room.id))] for room in self.rooms}

    async def until_shared(self) -> None:
        """Every running node has its share, and no shard has moved for a while."""
        names, before = {node.name for node in self.slots}, {-1: ""}
        deadline = self.now + BACK_S
        while self.now < deadline:
            with contextlib.suppress(StorageError):
                await self.look()
                if set(self.owners.values()) == names and self.owners == before:
                    return
                before = dict(self.owners)
            await asyncio.sleep(1.0)
        raise RuntimeError(f"the rooms are not shared: {set(self.owners.values())}")

    async def use_up_log(self) -> None:
        """Until Postgres needs a new file for its log, finds no room for it, and ends."""
        deadline = self.now + BACK_S
        with contextlib.suppress(StorageError):
            db = await Database.connect(self.cluster.database_url, max_connections=1)
            try:
                while self.cluster.has_postgres and self.now < deadline:
                    await db.fetchval("select pg_switch_wal()")
                    await asyncio.sleep(0.1)
            finally:
                await db.close()

    def rooms_of(self, node: NodeProcess) -> set[int]:
        return {number for number, owner in self.owners.items() if owner == node.name}

    def turn(self) -> int:
        self._turn += 1
        return self._turn % len(self.slots)

    # -- what is measured

    @asynccontextmanager
    async def happening(self, name: str) -> AsyncIterator[Happening]:
        """Some calm before it and after it, so that it stands alone in the plot."""
        await asyncio.sleep(BEFORE_S)
        found = Happening(name, self.now)
        self.happenings.append(found)
        yield found
        found.ended = found.ended or self.now
        await asyncio.sleep(AFTER_S)
        print(f"{name:<28} {_said(found)}", flush=True)

    async def silences(self, rooms: Iterable[int], since: float) -> list[float]:
        """For each room the time until a client that posted after ``since`` was acknowledged."""
        waiting, found, seen = set(rooms), [], len(self.notes.acks)
        seen = next((i for i in range(seen, 0, -1) if self.notes.acks[i - 1].at < since), 0)
        deadline = self.now + BACK_S
        while waiting:
            for ack in self.notes.acks[seen:]:
                if ack.room in waiting and ack.tried_at >= since:
                    waiting.discard(ack.room)
                    found.append(ack.at - since)
            seen = len(self.notes.acks)
            if self.now > deadline:
                raise RuntimeError(f"{len(waiting)} rooms did not answer within {BACK_S:.0f} s")
            await asyncio.sleep(0.01)
        return found

    def waits_ms(self, since: float, until: float, rooms: set[int] | None = None) -> list[float]:
        """From the first attempt to the acknowledgement, of what was first posted between the two."""
        return [
            (ack.at - ack.asked_at) * 1000
            for ack in self.notes.acks
            if since <= ack.asked_at < until and (rooms is None or ack.room in rooms)
        ]

    def weigh(self) -> None:
        """How much memory the nodes have taken since the calm, those that are still there."""
        stayed = [node for node in self.slots if node.number in self.memory]
        self.grown_mb = [(node.memory_bytes() - self.memory[node.number]) / 1e6 for node in stayed]

    def worst_ms(self, since: float, until: float, rooms: set[int]) -> list[float]:
        """The longest of these waits in each room."""
        found: dict[int, float] = {}
        for ack in self.notes.acks:
            if since <= ack.asked_at < until and ack.room in rooms:
                found[ack.room] = max(found.get(ack.room, 0.0), (ack.at - ack.asked_at) * 1000)
        return list(found.values())

    async def replace(self, slot: int) -> None:
        """A new node in the place of one that has ended, of the version that is the newest by now."""
        node = self.cluster.begin(program=self.program)
        await asyncio.to_thread(node.ready)
        self.slots[slot] = node

    async def start_again(self, slot: int) -> None:
        await self.replace(slot)
        await self.until_shared()


def _said(found: Happening) -> str:
    parts = [f"{name} {value:.1f}" for name, value in found.details.items()]
    if found.silences_s:
        median, worst = statistics.median(found.silences_s), max(found.silences_s)
        parts.insert(0, f"{len(found.silences_s)} rooms silent for {median:.2f} s (median), {worst:.2f} s (worst)")
    return ", ".join(parts)


# ------------------------------------------------------------------------------------------------------ what happens


async def calm(fault_run: FaultRun, options: argparse.Namespace) -> None:
    await fault_run.until_shared()
    began = fault_run.now
    await asyncio.sleep(options.calm_s)
    found = Happening("calm", began, fault_run.now)
    names = [node.name for node in fault_run.slots]

    def is_local(ack: Acked) -> bool:
        return fault_run.owners[ack.room] == names[ack.home]

    acks = [ack for ack in fault_run.notes.acks if ack.asked_at >= began]
    for name, held in (("local", True), ("remote", False)):
        waits = [(ack.at - ack.asked_at) * 1000 for ack in acks if is_local(ack) is held]
        found.details |= {f"{name} p50 ms": percentile(waits, 0.5), f"{name} p99 ms": percentile(waits, 0.99)}
    found.details["messages/s"] = len(acks) / (fault_run.now - began)
    fault_run.happenings.append(found)
    fault_run.memory = {node.number: node.memory_bytes() for node in fault_run.slots}
    print(f"{'calm':<28} {_said(found)}", flush=True)


async def kill(fault_run: FaultRun, _: argparse.Namespace) -> None:
    slot = fault_run.turn()
    await fault_run.look()
    node = fault_run.slots[slot]
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("kill -9 of a node") as found:
        node.kill()
        found.silences_s = await fault_run.silences(struck, found.began)
    await join(fault_run, slot)


async def join(fault_run: FaultRun, slot: int) -> None:
    await fault_run.look()
    before = dict(fault_run.owners)
    async with fault_run.happening("a node joins") as found:
        await fault_run.start_again(slot)
        moved = {number for number, owner in fault_run.owners.items() if owner != before[number]}
        waits = fault_run.waits_ms(found.began, fault_run.now, moved)
        worst = fault_run.worst_ms(found.began, fault_run.now, moved)
        calm_before = fault_run.waits_ms(found.began - BEFORE_S, found.began)
        found.details = {
            "rooms moved": len(moved), "p99 ms of theirs": percentile(waits, 0.99),
            "p99 ms of each one's worst": percentile(worst, 0.99), "worst ms": max(waits, default=0.0),
            "p99 ms just before": percentile(calm_before, 0.99),
        }  # fmt: skip


async def freeze(fault_run: FaultRun, options: argparse.Namespace) -> None:
    node = fault_run.slots[fault_run.turn()]
    await fault_run.look()
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("a node frozen") as found:
        node.signal(signal.SIGSTOP)
        fault_run.shut.add(node)
        try:
            found.silences_s = await fault_run.silences(struck, found.began)
            await asyncio.sleep(max(0.0, found.began + options.freeze_s - fault_run.now))
        finally:
            node.signal(signal.SIGCONT)
        fault_run.shut.discard(node)
    await fault_run.until_shared()


async def redis_frozen(fault_run: FaultRun, options: argparse.Namespace) -> None:
    await fault_run.look()
    names = [node.name for node in fault_run.slots]
    reconnects = fault_run.notes.reconnects
    before = {node.number: node.memory_bytes() for node in fault_run.slots}
    async with fault_run.happening("Redis frozen") as found:
        fault_run.cluster.freeze_redis()
        try:
            most = await _most_memory(fault_run, options.redis_s)
        finally:
            fault_run.cluster.resume_redis()
        found.ended = fault_run.now
        local = [
            ack
            for ack in fault_run.notes.acks
            if ack.at >= found.began and fault_run.owners[ack.room] == names[ack.home]
        ]
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
        found.details = {
            "local messages/s meanwhile": len(local) / options.redis_s,
            "MB more of a node": max(most[number] - before[number] for number in before) / 1e6,
            "% reconnected": (fault_run.notes.reconnects - reconnects) / len(fault_run.chat_clients) * 100,
        }
    await fault_run.until_shared()


async def _most_memory(fault_run: FaultRun, seconds: float) -> dict[int, int]:
    most: dict[int, int] = {}
    deadline = fault_run.now + seconds
    while fault_run.now < deadline:
        for node in fault_run.slots:
            most[node.number] = max(most.get(node.number, 0), node.memory_bytes())
        await asyncio.sleep(0.25)
    return most


async def redis_lost(fault_run: FaultRun, _: argparse.Namespace) -> None:
    async with fault_run.happening("Redis killed, data lost") as found:
        fault_run.cluster.kill_redis()
        await asyncio.sleep(3.0)
        await asyncio.to_thread(fault_run.cluster.start_redis)
        found.ended = fault_run.now
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
    await fault_run.until_shared()


async def storm(fault_run: FaultRun, _: argparse.Namespace) -> None:
    async with fault_run.happening("Postgres killed") as found:
        fault_run.cluster.kill_postgres()
        await asyncio.to_thread(fault_run.cluster.start_postgres)
        found.ended = fault_run.now
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)


async def drain(fault_run: FaultRun, _: argparse.Namespace) -> None:
    slot = fault_run.turn()
    node = fault_run.slots[slot]
    await fault_run.look()
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("a node drained") as found:
        node.signal(signal.SIGTERM)
        fault_run.shut.add(node)
        code = await asyncio.to_thread(node.end, within_s=40.0)
        found.ended = fault_run.now
        waits = fault_run.waits_ms(found.began, found.ended, struck)
        found.details = {
            "s until it was gone": found.ended - found.began, "exit code": code,
            "p99 ms in its rooms": percentile(waits, 0.99), "worst ms": max(waits, default=0.0),
        }  # fmt: skip
    await join(fault_run, slot)


async def upgrade(fault_run: FaultRun, _: argparse.Namespace) -> None:
    """One node after the other drains and makes place for one of the next version, which the tests have."""
    refusals, reconnects = fault_run.notes.refusals.total(), fault_run.notes.reconnects
    fault_run.program = NEXT_VERSION
    async with fault_run.happening("a rolling upgrade") as found:
        for slot, node in enumerate(list(fault_run.slots)):
            node.signal(signal.SIGTERM)
            fault_run.shut.add(node)
            await asyncio.to_thread(node.end, within_s=40.0)
            await fault_run.start_again(slot)
        found.ended = fault_run.now
        waits = fault_run.waits_ms(found.began, found.ended)
        found.details = {
            "p99 ms": percentile(waits, 0.99), "worst ms": max(waits, default=0.0), "messages": len(waits),
            "refused at first": fault_run.notes.refusals.total() - refusals,
            "reconnects a person": (fault_run.notes.reconnects - reconnects) / len(fault_run.chat_clients),
        }  # fmt: skip


async def disk_full(fault_run: FaultRun, options: argparse.Namespace) -> None:
    """That of Postgres and of the nodes' folder: at first rows find no room, and then Postgres' own log does not."""
    await _disk_full(fault_run, options, "the disk full", ends_postgres=False)
    await _disk_full(fault_run, options, "the disk full, Postgres ended", ends_postgres=True)


async def _disk_full(fault_run: FaultRun, options: argparse.Namespace, name: str, *, ends_postgres: bool) -> None:
    refusals = Counter(fault_run.notes.refusals)
    async with fault_run.happening(name) as found:
        await asyncio.to_thread(fault_run.cluster.fill_disk)
        await fault_run.until(lambda: fault_run.notes.refusals != refusals, what="a refusal")
        refused_at = fault_run.now
        if ends_postgres:
            await fault_run.use_up_log()
        await asyncio.sleep(options.disk_s)
        acked = sum(ack.tried_at >= refused_at for ack in fault_run.notes.acks)
        has_ended = not fault_run.cluster.has_postgres
        fault_run.cluster.free_disk()
        found.ended = fault_run.now
        if has_ended:
            await asyncio.to_thread(fault_run.cluster.start_postgres)
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
        others = fault_run.notes.refusals - refusals
        found.details = {
            "acknowledged meanwhile": acked, "refused": others.total(),
            "refused otherwise than unavailable": others.total() - others["unavailable"],
            "Postgres ended": float(has_ended),
        }  # fmt: skip


FAULTS: Final = {
    "kill": kill, "freeze": freeze, "redis-frozen": redis_frozen, "redis-lost": redis_lost, "storm": storm,
    "drain": drain, "upgrade": upgrade,
}  # fmt: skip
ON_A_SMALL_DISK: Final = {"disk-full": disk_full}
"""In a town of its own, whose disk is memory."""
