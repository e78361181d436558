"""`python -m bench failover`: what becomes of a cluster under fire: who is acknowledged, who is shown what, how soon.

Three nodes as processes on one Postgres and one Redis; people in many rooms who talk all the time while nodes are
killed, frozen, drained and added, and engines are frozen and killed. Everybody writes down what they were acknowledged
and shown, and at the end it is compared with the database. A plot shows the deliveries around each happening.

``--full`` is the long run: 2,000 sockets, 2,000 messages a second, a kill every 10 s for 5 minutes, a frozen node for
15 s, a frozen Redis for 20 s, Postgres killed 50 times.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import math
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from actors.runtime import shard_of
from actors.runtime.ids import ActorId
from bench import report
from bench.app import OPEN_LIMITS
from bench.crowd import allow_many_files, percentile
from bench.timeline import Strip, draw
from bench.town import NodeProcess, Town
from bench.voices import SLICE_S, Acked, Notes, Room, Voice
from storage.errors import StorageError
from storage.postgres import Database

QUESTION: Final = "failover"
RESULTS: Final = Path(__file__).parent / "results"
NODES: Final = 3
BEFORE_S, AFTER_S = 2.0, 4.0
BACK_S: Final = 60.0
FULL: Final = {
    "sockets": 2000, "rooms": 300, "rate": 2000.0, "kills": 30, "freeze_s": 15.0, "redis_s": 20.0, "storms": 50,
}  # fmt: skip
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


class World:
    """The town, its people, and what happens to them. A new node takes the slot of one that has ended."""

    def __init__(self, town: Town, options: argparse.Namespace) -> None:
        self.town = town
        self.slots: list[NodeProcess] = list(town.nodes)
        self.shut: set[NodeProcess] = set()
        self.rooms: list[Room] = []
        self.voices: list[Voice] = []
        self.notes = Notes(began=asyncio.get_running_loop().time())
        self.happenings: list[Happening] = []
        self.owners: dict[int, str] = {}
        self.memory: dict[int, int] = {}
        self._options = options
        self._turn = 0
        self.accounts: list[dict[str, Any]] = []

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def port_of(self, home: int) -> int:
        """Of the node in this slot, or of the next one that takes connections: what a balancer would say."""
        for turn in range(NODES):
            node = self.slots[(home + turn) % NODES]
            if node.is_running and node not in self.shut and node.url:
                return node.port
        return 1

    # -- people

    def settle(self) -> None:
        options = self._options
        self.accounts = [_register(self.slots[0].port, number) for number in range(min(ACCOUNTS, options.sockets))]
        tokens = [account["access_token"] for account in self.accounts]
        for number in range(options.rooms):
            made = _call(self.slots[0].port, "/streams", {"title": f"room {number}"}, tokens[number % len(tokens)])
            self.rooms.append(Room(number, made["stream"]["chat"]["room_id"]))
        pause_s = options.sockets / options.rate
        for number in range(options.sockets):
            voice = Voice(
                number=number,
                room=self.rooms[number % options.rooms],
                home=(number // options.rooms + number) % NODES,
                token_of=partial(self._token, number % len(tokens)),
                pause_s=pause_s,
                port_of=self.port_of,
                notes=self.notes,
            )
            self.voices.append(voice)

    def _token(self, number: int) -> str:
        token: str = self.accounts[number]["access_token"]
        return token

    async def renew(self) -> None:
        """Whoever comes back late in a long run needs a token that still holds. A refusal waits for the next round."""
        while True:
            await asyncio.sleep(RENEW_S)
            for account in self.accounts:
                body = {"refresh_token": account["refresh_token"]}
                with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
                    account.update(await asyncio.to_thread(_call, self.port_of(0), "/auth/refresh", body))

    async def come_in(self) -> None:
        for number, voice in enumerate(self.voices):
            voice.start()
            if number % 20 == 19:
                await asyncio.sleep(0.02)
        await self.until(lambda: all(voice.is_in for voice in self.voices), within_s=60, what="everybody is in")
        for voice in self.voices:
            voice.talk()

    async def until(self, check: Any, *, within_s: float = BACK_S, what: str = "that") -> None:
        deadline = self.now + within_s
        while not check():
            if self.now > deadline:
                raise RuntimeError(f"{what} did not come within {within_s:.0f} s")
            await asyncio.sleep(0.02)

    # -- who has what

    async def look(self) -> None:
        """Which node has each room now."""
        db = await Database.connect(self.town.database_url, max_connections=1)
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

    def rooms_of(self, node: NodeProcess) -> set[int]:
        return {number for number, owner in self.owners.items() if owner == node.name}

    def turn(self) -> int:
        self._turn += 1
        return self._turn % NODES

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
        """For each room the time until somebody who asked after ``since`` was acknowledged."""
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
        """From the first attempt to the acknowledgement, of what was first said between the two."""
        return [
            (ack.at - ack.asked_at) * 1000
            for ack in self.notes.acks
            if since <= ack.asked_at < until and (rooms is None or ack.room in rooms)
        ]

    async def replace(self, slot: int) -> None:
        """A new node in the place of one that has ended."""
        node = self.town.begin()
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


async def calm(world: World, options: argparse.Namespace) -> None:
    await world.until_shared()
    began = world.now
    await asyncio.sleep(options.calm_s)
    found = Happening("calm", began, world.now)
    names = [node.name for node in world.slots]

    def is_local(ack: Acked) -> bool:
        return world.owners[ack.room] == names[ack.home]

    acks = [ack for ack in world.notes.acks if ack.asked_at >= began]
    for name, held in (("local", True), ("remote", False)):
        waits = [(ack.at - ack.asked_at) * 1000 for ack in acks if is_local(ack) is held]
        found.details |= {f"{name} p50 ms": percentile(waits, 0.5), f"{name} p99 ms": percentile(waits, 0.99)}
    found.details["messages/s"] = len(acks) / (world.now - began)
    world.happenings.append(found)
    world.memory = {node.number: node.memory_bytes() for node in world.slots}
    print(f"{'calm':<28} {_said(found)}", flush=True)


async def kill(world: World, _: argparse.Namespace) -> None:
    slot = world.turn()
    await world.look()
    node = world.slots[slot]
    struck = world.rooms_of(node)
    async with world.happening("kill -9 of a node") as found:
        node.kill()
        found.silences_s = await world.silences(struck, found.began)
    await join(world, slot)


async def join(world: World, slot: int) -> None:
    await world.look()
    before = dict(world.owners)
    async with world.happening("a node joins") as found:
        await world.start_again(slot)
        moved = {number for number, owner in world.owners.items() if owner != before[number]}
        waits = world.waits_ms(found.began, world.now, moved)
        calm_before = world.waits_ms(found.began - BEFORE_S, found.began)
        found.details = {
            "rooms moved": len(moved), "p99 ms of theirs": percentile(waits, 0.99), "worst ms": max(waits, default=0.0),
            "p99 ms just before": percentile(calm_before, 0.99),
        }  # fmt: skip


async def freeze(world: World, options: argparse.Namespace) -> None:
    node = world.slots[world.turn()]
    await world.look()
    struck = world.rooms_of(node)
    async with world.happening("a node frozen") as found:
        node.signal(signal.SIGSTOP)
        world.shut.add(node)
        try:
            found.silences_s = await world.silences(struck, found.began)
            await asyncio.sleep(max(0.0, found.began + options.freeze_s - world.now))
        finally:
            node.signal(signal.SIGCONT)
        world.shut.discard(node)
    await world.until_shared()


async def redis_frozen(world: World, options: argparse.Namespace) -> None:
    await world.look()
    names = [node.name for node in world.slots]
    reconnects = world.notes.reconnects
    before = {node.number: node.memory_bytes() for node in world.slots}
    async with world.happening("Redis frozen") as found:
        world.town.freeze_redis()
        try:
            most = await _most_memory(world, options.redis_s)
        finally:
            world.town.resume_redis()
        found.ended = world.now
        local = [ack for ack in world.notes.acks if ack.at >= found.began and world.owners[ack.room] == names[ack.home]]
        found.silences_s = await world.silences(range(len(world.rooms)), found.ended)
        found.details = {
            "local messages/s meanwhile": len(local) / options.redis_s,
            "MB more of a node": max(most[number] - before[number] for number in before) / 1e6,
            "% reconnected": (world.notes.reconnects - reconnects) / len(world.voices) * 100,
        }
    await world.until_shared()


async def _most_memory(world: World, seconds: float) -> dict[int, int]:
    most: dict[int, int] = {}
    deadline = world.now + seconds
    while world.now < deadline:
        for node in world.slots:
            most[node.number] = max(most.get(node.number, 0), node.memory_bytes())
        await asyncio.sleep(0.25)
    return most


async def redis_lost(world: World, _: argparse.Namespace) -> None:
    async with world.happening("Redis killed, data lost") as found:
        world.town.kill_redis()
        await asyncio.sleep(3.0)
        await asyncio.to_thread(world.town.start_redis)
        found.ended = world.now
        found.silences_s = await world.silences(range(len(world.rooms)), found.ended)
    await world.until_shared()


async def storm(world: World, _: argparse.Namespace) -> None:
    async with world.happening("Postgres killed") as found:
        world.town.kill_postgres()
        await asyncio.to_thread(world.town.start_postgres)
        found.ended = world.now
        found.silences_s = await world.silences(range(len(world.rooms)), found.ended)


async def drain(world: World, _: argparse.Namespace) -> None:
    slot = world.turn()
    node = world.slots[slot]
    await world.look()
    struck = world.rooms_of(node)
    async with world.happening("a node drained") as found:
        node.signal(signal.SIGTERM)
        world.shut.add(node)
        code = await asyncio.to_thread(node.end, within_s=40.0)
        found.ended = world.now
        waits = world.waits_ms(found.began, found.ended, struck)
        found.details = {
            "s until it was gone": found.ended - found.began, "exit code": code,
            "p99 ms in its rooms": percentile(waits, 0.99), "worst ms": max(waits, default=0.0),
        }  # fmt: skip
    await join(world, slot)


FAULTS: Final = {
    "kill": kill, "freeze": freeze, "redis-frozen": redis_frozen, "redis-lost": redis_lost, "storm": storm,
    "drain": drain,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------- the reckoning


async def compare(world: World) -> None:
    """What everybody was told against what the database holds. Afterwards ``world.notes.wrongs`` is complete."""
    for voice in world.voices:
        voice.hush()
    await world.until(lambda: all(voice.is_done for voice in world.voices), what="the last acknowledgement")
    db = await Database.connect(world.town.database_url, max_connections=1)
    try:
        for room in world.rooms:
            rows = await db.fetch(
                'select id::text, "offset", client_id from chat_messages where room_id = $1 order by "offset"', room.id
            )
            await _until_shown(world, room, len(rows))
            _compare(world, room, rows)
    finally:
        await db.close()


async def _until_shown(world: World, room: Room, offset: int) -> None:
    here = [voice for voice in world.voices if voice.room is room]
    with contextlib.suppress(RuntimeError):
        await world.until(lambda: all(voice.offset >= offset for voice in here), within_s=15)
    for voice in here:
        if voice.offset != offset:
            world.notes.wrong("never shown", f"{room.id}: {voice.offset} of {offset}")


def _compare(world: World, room: Room, rows: Sequence[Any]) -> None:
    if [row["offset"] for row in rows] != list(range(1, len(rows) + 1)):
        world.notes.wrong("log with holes", room.id)
    logged = {row["client_id"]: row["offset"] for row in rows}
    for client_id, offset in room.acked.items():
        if logged.get(client_id) != offset:
            world.notes.wrong("acknowledged and lost", f"{room.id}: {client_id} {offset} {logged.get(client_id)}")
    ids = {row["offset"]: row["id"] for row in rows}
    for offset, found in room.ids.items():
        if ids.get(offset) != found:
            world.notes.wrong("shown and not in the log", f"{room.id}: {offset}")


def figures(world: World) -> list[report.Figure]:
    wrongs = world.notes.wrongs
    acked = sum(len(room.acked) for room in world.rooms)
    lost = sum(count for kind, count in wrongs.items() if kind != "repeated or out of order")
    found = [
        _one("messages acknowledged", [acked], "", better="higher"),
        _one("lost, skipped or not as it was told", [lost], "", bar=0.0),
        _one("shown twice or out of order", [wrongs["repeated or out of order"]], "", bar=0.0),
    ]
    for name, median_bar, worst_bar in (
        ("kill -9 of a node", 2.0, 4.0), ("a node frozen", None, None), ("Redis frozen", None, None),
        ("Redis killed, data lost", None, None), ("Postgres killed", None, 2.0),
    ):  # fmt: skip
        silences = [value for one in world.happenings if one.name == name for value in one.silences_s]
        if silences:
            found.append(_one(f"{name}: a room answers again", silences, "s", bar=median_bar))
            found.append(_one(f"{name}: the last room", [max(silences)], "s", bar=worst_bar))
    return [*found, *_details(world)]


def _details(world: World) -> list[report.Figure]:
    found = []
    for happening, detail, unit, bar in (
        ("calm", "local p50 ms", "ms", None), ("calm", "local p99 ms", "ms", None),
        ("calm", "remote p50 ms", "ms", None), ("calm", "remote p99 ms", "ms", None),
        ("a node joins", "p99 ms of theirs", "ms", 250.0), ("Redis frozen", "MB more of a node", "MB", 100.0),
        ("Redis frozen", "% reconnected", "%", 5.0), ("a node drained", "s until it was gone", "s", 10.0),
        ("a node drained", "worst ms", "ms", None),
    ):  # fmt: skip
        values = [one.details[detail] for one in world.happenings if one.name == happening and detail in one.details]
        values = [value for value in values if math.isfinite(value)]
        if values:
            found.append(_one(f"{happening}: {detail.removesuffix(' ' + unit)}", values, unit, bar=bar))
    last = {node.number: node.memory_bytes() for node in world.slots if node.number in world.memory}
    if last:
        grown = [(last[number] - world.memory[number]) / 1e6 for number in last]
        found.append(_one("memory of a node that stayed, grown by", grown, "MB"))
    return found


def _one(
    name: str, values: Sequence[float], unit: str, *, bar: float | None = None, better: report.Better = "lower"
) -> report.Figure:
    return report.figure(QUESTION, name, values, unit, better=better, bar=bar)


def plot(world: World, file: Path) -> None:
    """The first happening of each kind."""
    strips: dict[str, Strip] = {}
    for one in world.happenings:
        if one.name != "calm" and one.name not in strips:
            strips[one.name] = _strip(world.notes, one)
    title = f"Messages shown a second, {len(world.voices)} sockets in {len(world.rooms)} rooms on {NODES} nodes"
    draw(file, title=title, unit="messages shown a second", strips=list(strips.values()))


def _strip(notes: Notes, one: Happening) -> Strip:
    first = int((one.began - BEFORE_S - notes.began) / SLICE_S)
    last = int((one.ended + AFTER_S - notes.began) / SLICE_S)
    width = 3
    points = [
        (
            notes.began + slot * SLICE_S - one.began,
            sum(notes.deliveries[slot - turn] for turn in range(width)) / width / SLICE_S,
        )
        for slot in range(first, last)
    ]
    return Strip(one.name, one.ended - one.began, points)


# -------------------------------------------------------------------------------------------------------- the command


def _register(port: int, number: int) -> dict[str, Any]:
    person = {"username": f"voice{number}", "email": f"voice{number}@example.com", "password": "long-enough-1!"}
    account: dict[str, Any] = _call(port, "/auth/register", person)
    return account


def _call(port: int, path: str, body: dict[str, Any], token: str | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request("POST", "/api/v1" + path, json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status not in (200, 201):
        raise RuntimeError(f"POST {path}: {answer.status} {said[:300]!r}")
    return json.loads(said)


async def _run(town: Town, options: argparse.Namespace) -> World:
    world = World(town, options)
    world.settle()
    await world.come_in()
    renewing = asyncio.create_task(world.renew(), name="renew tokens")
    times = {"kill": options.kills, "storm": options.storms}
    try:
        await calm(world, options)
        for name in options.faults:
            for _ in range(times.get(name, 1)):
                await FAULTS[name](world, options)
        await compare(world)
    finally:
        renewing.cancel()
        for voice in world.voices:
            voice.close()
    return world


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench failover", description=__doc__)
    parser.add_argument("--sockets", type=int, default=300)
    parser.add_argument("--rooms", type=int, default=60)
    parser.add_argument("--rate", type=float, default=150.0, help="messages a second, all together")
    parser.add_argument("--calm-s", type=float, default=4.0, help="seconds that are measured before the first fault")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--storms", type=int, default=2, help="how often Postgres is killed")
    parser.add_argument("--freeze-s", type=float, default=4.0)
    parser.add_argument("--redis-s", type=float, default=5.0, help="how long Redis is frozen")
    parser.add_argument("--faults", type=_names, default=list(FAULTS), metavar="A,B", help=", ".join(FAULTS))
    parser.add_argument("--full", action="store_true", help="the long run, about 20 minutes")
    parser.add_argument("--plot", type=Path, default=RESULTS / "failover.svg", metavar="FILE")
    report.options(parser)
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := set(names) - set(FAULTS):
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(sorted(unknown))}")
    return names


def main(argv: Sequence[str]) -> int:
    """0 if nothing was lost, repeated or out of order, whatever the other figures; else 1."""
    options = _parser().parse_args(argv)
    if options.full:
        for name, value in FULL.items():
            setattr(options, name, value)
    allow_many_files()
    began = time.monotonic()
    town = Town(flags=OPEN_LIMITS)
    try:
        town.start(NODES)
        world = uvloop.run(_run(town, options))
        told = figures(world)
    finally:
        town.stop()
    plot(world, options.plot)
    head = f"{len(world.happenings) - 1} faults in {time.monotonic() - began:.0f} s; plot: {options.plot}"
    report.hand_over(told, options.json, head=head)
    print(f"refusals: {dict(world.notes.refusals)}; reconnects: {world.notes.reconnects}")
    for example in world.notes.examples:
        print(f"  WRONG {example}")
    return int(bool(world.notes.wrongs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
