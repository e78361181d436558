"""A cluster of three nodes whose clients talk in many rooms, and the faults that were made in it with their figures."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import statistics
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from actors.runtime import shard_of
from actors.runtime.ids import ActorId
from bench.app import call, register
from bench.chat_clients import ChatClient, Notes, RoomCopy
from bench.cluster import LocalCluster, NodeProcess
from storage.errors import StorageError
from storage.postgres import Database

NODES: Final = 3
BEFORE_S, AFTER_S = 2.0, 4.0
BACK_S: Final = 60.0
ACCOUNTS: Final = 40
RENEW_S: Final = 300.0


@dataclass
class Happening:
    """A fault: when it began and ended, by the loop's time, and how long each room that it struck was silent."""

    name: str
    began: float
    ended: float = 0.0
    silences_s: list[float] = field(default_factory=list)
    details: dict[str, float] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        parts = [f"{name} {value:.1f}" for name, value in self.details.items()]
        if self.silences_s:
            median, worst = statistics.median(self.silences_s), max(self.silences_s)
            parts.insert(0, f"{len(self.silences_s)} rooms silent for {median:.2f} s (median), {worst:.2f} s (worst)")
        return ", ".join(parts)


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
        print(f"{name:<28} {found.summary}", flush=True)

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
